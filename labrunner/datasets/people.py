"""Common first names and surnames, collected for labrunner; a few are both."""

_FIRST_NAMES = """
    Aaron Abigail Adam Adrian Aisha Alan Alejandra Alice Alicia Amanda Amber Amir Amy Ana Andrea
    Andrew Angela Anita Anna Anthony Arjun Ashley Austin Barbara Beatrice Ben Bianca Blake
    Brandon Brenda Brian Bruno Caleb Cameron Camila Carl Carla Carmen Caroline Catherine Cecilia
    Charles Chloe Christine Claire Connor Craig Curtis Cynthia Daniel Daria David Deborah Dennis
    Diana Diego Dominic Donna Dylan Edith Eduardo Edward Elena Eli Elizabeth Emil Emily Emma
    Eric Erika Esther Ethan Eva Evelyn Fatima Felix Fiona Frances Frank Gabriel Gavin George
    Gloria Grace Greta Hannah Harold Hassan Heather Helen Henry Hugo Ian Imani Irene Isaac
    Isabel Ivan Jack Jacob James Jamal Jane Janet Jasmine Jason Jean Jeffrey Jennifer Jerome
    Jessica Joan Joel Jonas Jordan Jorge Joseph Joy Juan Judith Julia Julian Karen Karim Kate
    Keith Kelly Kenneth Kevin Kim Kyle Lara Laura Lauren Lee Leila Leo Leon Lena Liam Linda Lisa
    Logan Lorenzo Louis Lucas Lucy Luis Lydia Malik Marco Margaret Maria Mark Martin Mary
    Matthew Maya Megan Mei Michelle Miguel Miles Mina Miriam Mohammed Molly Monica Morgan Nadia
    Nancy Naomi Natalie Nathan Neil Nicholas Nina Noah Nora Olga Oliver Olivia Omar Oscar Owen
    Pamela Patricia Patrick Paul Paula Peter Philip Priya Quinn Rachel Ralph Ravi Rebecca Renee
    Rita Robert Rosa Ruth Ryan Samantha Samuel Sandra Sarah Scott Sean Sharon Sheila Simon Sofia
    Sonia Stella Stephen Steven Susan Tanya Tara Teresa Thomas Timothy Tina Todd Tyler Uma
    Valerie Vanessa Vera Veronica Victoria Vincent Virginia Walter Wendy William Xavier Yasmin
    Yolanda Yusuf Zachary Zoe
"""

_SURNAMES = """
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Lopez Gonzalez
    Wilson Anderson Moore Jackson Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis
    Robinson Walker Young Allen King Wright Torres Nguyen Hill Flores Green Adams Nelson Baker
    Hall Rivera Campbell Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz
    Edwards Collins Reyes Stewart Morris Morales Murphy Cook Rogers Gutierrez Ortiz Morgan
    Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward Richardson Watson Brooks Chavez Wood
    James Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders Patel Myers Long Ross
    Foster Jimenez Powell Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson Barnes
    Fisher Vasquez Simmons Jordan Patterson Alexander Hamilton Graham Reynolds Griffin Wallace
    Moreno West Cole Hayes Bryant Herrera Gibson Ellis Tran Medina Stevens Murray Ford Castro
    Marshall Owens Harrison Fernandez McDonald Woods Washington Kennedy Wells Vargas Henry Chen
    Freeman Webb Tucker Guzman Burns Crawford Olson Simpson Porter Hunter Gordon Mendez Silva
    Shaw Snyder Mason Dixon Munoz Hunt Hicks Holmes Palmer Wagner Black Robertson Boyd Stone
    Salazar Fox Warren Mills Meyer Rice Schmidt Garza Daniels Ferguson Nichols Stephens Soto
    Weaver Ryan Gardner Payne Grant Dunn Kelley Spencer Hawkins Arnold Pierce Chan Hansen Peters
    Santos Hart Bradley Knight Elliott Cunningham Duncan Armstrong Hudson Carroll Lane Riley
    Andrews Blake Delgado Berry Perkins Hoffman Johnston Quinn
"""

FIRST_NAMES = _FIRST_NAMES.split()
SURNAMES = _SURNAMES.split()
