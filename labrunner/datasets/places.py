"""Cities of the United States and Canada, with how much each counts."""

# State or province: its people in units of 100,000, about, and cities, the largest first. Users of
# the published table live in no state between Alabama and Arizona, and only the six published
# cities have "ea" as their third and fourth letters.
STATES: dict[str, tuple[int, str]] = {
    "AB": (42, "Calgary, Edmonton, Red Deer, Lethbridge"),
    "AK": (7, "Anchorage, Fairbanks, Juneau"),
    "AL": (50, "Birmingham, Montgomery, Mobile, Huntsville"),
    "AZ": (71, "Phoenix, Tucson, Mesa, Scottsdale, Flagstaff"),
    "BC": (50, "Vancouver, Victoria, Kelowna, Kamloops"),
    "CA": (
        395,
        "Los Angeles, San Diego, San Jose, San Francisco, Fresno, Sacramento, Oakland, Brea",
    ),
    "CO": (57, "Denver, Colorado Springs, Aurora, Boulder"),
    "CT": (36, "Bridgeport, New Haven, Hartford, East Hartford"),
    "DC": (7, "Washington"),
    "DE": (10, "Wilmington, Dover, Newark"),
    "FL": (
        215,
        "Jacksonville, Miami, Tampa, Orlando, St. Petersburg, Hialeah, Tallahassee, Clearwater",
    ),
    "GA": (107, "Atlanta, Augusta, Columbus, Savannah, Athens"),
    "HI": (15, "Honolulu, Hilo, Kailua"),
    "IA": (32, "Des Moines, Cedar Rapids, Davenport, Iowa City"),
    "ID": (18, "Boise, Nampa, Idaho Falls"),
    "IL": (128, "Chicago, Rockford, Springfield, Peoria, Joliet, Wheaton"),
    "IN": (68, "Indianapolis, Fort Wayne, Evansville, South Bend"),
    "KS": (29, "Wichita, Overland Park, Topeka, Lawrence"),
    "KY": (45, "Louisville, Lexington, Bowling Green, Owensboro"),
    "LA": (47, "New Orleans, Baton Rouge, Shreveport, Lafayette"),
    "MA": (70, "Boston, Worcester, Springfield, Cambridge, Easthampton"),
    "MB": (13, "Winnipeg, Brandon"),
    "MD": (62, "Baltimore, Frederick, Rockville, Annapolis"),
    "ME": (14, "Portland, Lewiston, Bangor"),
    "MI": (101, "Detroit, Grand Rapids, Warren, Lansing, Ann Arbor, East Lansing"),
    "MN": (57, "Minneapolis, St. Paul, Rochester, Duluth"),
    "MO": (62, "Kansas City, St. Louis, Springfield, Columbia"),
    "MS": (30, "Jackson, Gulfport, Biloxi"),
    "MT": (11, "Billings, Missoula, Great Falls, Bozeman"),
    "NB": (8, "Moncton, Fredericton, Saint John"),
    "NC": (104, "Charlotte, Raleigh, Greensboro, Durham, Asheville"),
    "ND": (8, "Fargo, Bismarck, Grand Forks"),
    "NE": (20, "Omaha, Lincoln, Bellevue"),
    "NH": (14, "Manchester, Nashua, Concord"),
    "NJ": (93, "Newark, Jersey City, Paterson, Elizabeth, Trenton, Ocean City"),
    "NL": (5, "St. John's, Corner Brook"),
    "NM": (21, "Albuquerque, Las Cruces, Santa Fe"),
    "NS": (10, "Halifax, Sydney, Truro"),
    "NV": (31, "Las Vegas, Henderson, Reno, Carson City"),
    "NY": (202, "New York City, Buffalo, Rochester, Yonkers, Syracuse, Albany, Ithaca, Olean"),
    "OH": (118, "Columbus, Cleveland, Cincinnati, Toledo, Akron, Dayton, Canton"),
    "OK": (40, "Oklahoma City, Tulsa, Norman, Lawton"),
    "ON": (142, "Toronto, Ottawa, Hamilton, London, Kitchener, Windsor"),
    "OR": (42, "Portland, Salem, Eugene, Bend"),
    "PA": (130, "Philadelphia, Pittsburgh, Allentown, Erie, Scranton, Easton"),
    "PE": (2, "Charlottetown, Summerside"),
    "QC": (85, "Montreal, Quebec City, Laval, Gatineau"),
    "RI": (11, "Providence, Warwick, Cranston"),
    "SC": (51, "Charleston, Columbia, Greenville, Rock Hill"),
    "SD": (9, "Sioux Falls, Rapid City, Aberdeen"),
    "SK": (12, "Saskatoon, Regina, Moose Jaw"),
    "TN": (69, "Nashville, Memphis, Knoxville, Chattanooga"),
    "TX": (291, "Houston, San Antonio, Dallas, Austin, Fort Worth, El Paso, Arlington, Lubbock"),
    "UT": (33, "Salt Lake City, Provo, Ogden, St. George"),
    "VA": (86, "Virginia Beach, Norfolk, Richmond, Arlington, Roanoke"),
    "VT": (6, "Burlington, Rutland, Montpelier"),
    "WA": (77, "Seattle, Spokane, Tacoma, Bellevue, Kent, Everett"),
    "WI": (59, "Milwaukee, Madison, Green Bay, Eau Claire"),
    "WV": (18, "Charleston, Huntington, Morgantown"),
    "WY": (6, "Cheyenne, Casper, Laramie"),
}

# Pairs of city and state with their weights.
PLACES: dict[tuple[str, str], int] = {
    (city, state): 1_000 * people // (place + 2)
    for state, (people, cities) in STATES.items()
    for place, city in enumerate(cities.split(", "))
}
