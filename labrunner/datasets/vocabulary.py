"""English words, the common ones first; the list was written for labrunner."""

_WORDS = """
    the of and to a in that it was he for with as his on be at by had not but from they which
    this all were she her or an their there so one when we who them been out up no if what would
    more into some could then only time other two than like any over such our man me even most
    made after also did many before must through back years where much your way well down should
    because each just those people how too little good world very own day long here between both
    life being under never same another know while last might us great old year off come since
    against go came right used take three states himself few house use place during without
    again home around small however found thought part school general high upon once every does
    got united left number course war until always away something fact water though less public
    put thing almost hand enough far took head yet system better set told nothing night end why
    called find going look asked later knew next city business group family light power field
    room door north south east west river mountain valley stone bridge road forest garden window
    table paper letter book story word voice music song dance colour green white black blue red
    yellow golden silver bright dark warm cold heavy quiet gentle strong early late simple
    narrow wide open empty full young morning evening winter summer spring autumn rain snow wind
    cloud storm thunder sun moon star sky earth sea ocean island shore harbour ship sail boat
    captain sailor fisher market merchant farmer miller baker weaver carpenter doctor teacher
    student soldier king queen prince village town castle tower church temple station train
    engine wheel machine hammer needle thread cloth wool bread butter cheese honey apple cherry
    pear plum grape corn wheat barley rice salt sugar pepper horse cow sheep goat dog cat bird
    eagle owl swan goose duck fish whale fox wolf bear deer mouse rabbit bee ant butterfly
    spider tree oak pine willow birch flower rose lily grass leaf root seed branch fire smoke
    ash iron copper gold coal sand clay glass rope lamp candle clock mirror chair bed floor wall
    roof stair path orchard meadow hill cave lake pond stream waterfall desert speak listen
    write read learn teach walk run climb swim carry build break mend wash cook eat drink sleep
    wake dream hope fear laugh weep smile wonder remember forget begin finish wait hurry gather
    measure count weigh divide answer question reason truth secret promise journey visitor
    neighbour stranger friend sister brother mother father daughter son child uncle cousin
    grandfather grandmother holiday festival harvest lantern feather shadow whisper echo silence
    courage patience kindness wisdom memory fortune treasure harmony
"""

WORDS = _WORDS.split()
