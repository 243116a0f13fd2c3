"""What the Amazon Redshift Developer Guide publishes of TICKIT's users, as figures to meet.

The guide shows the results of queries: totals over all users, and the first rows. Where it shows
names without ids, the ids here are ones that all of its results allow.
"""

from collections.abc import Mapping

from labrunner.datasets.dataset import Fact

USERS = 49_990
IN_FLORIDA = 510
VEGAS_AND_SPORTS = 2_128
VEGAS_OR_SPORTS = 18_968
LONGEST_EMAIL = 62
LOWEST_STATES = ("AB", "AK", "AL", "AZ", "BC")
CITIES_WITH_EA = ("Brea", "Clearwater", "Great Falls", "Ocean City", "Olean", "Wheaton")

# The first ids of each result, complete up to its last one.
FIRST_VEGAS_AND_SPORTS = (1, 67, 87, 92, 109, 120, 123, 130, 133, 144, 165, 169, 184)
FIRST_VEGAS_OR_SPORTS = (1, 2, 3, 5, 6, 9, 10, 13, 15, 16, 22, 27, 29)
FIRST_ROCK = (3, 5, 6, 13, 16)
FIRST_ROCK_UNKNOWN = (1, 2, 4, 7, 9, 10, 11, 12, 14, 15)
FIRST_SPORTS_NOT_THEATRE = (3, 9, 15, 16, 22, 27, 29, 31, 34, 38)
SAME_NAMES = (62, 4008, 12516, 13570, 16712, 18359, 27530, 31204)

FIRST_USERNAME = "JSG99FHE"
FIRST_PLACE = ("Kent", "WA")
NAMES: Mapping[int, tuple[str, str]] = {
    1: ("Rafael", "Taylor"),
    2: ("Vladimir", "Humphrey"),
    3: ("Lars", "Ratliff"),
    4: ("Barry", "Roy"),
    5: ("Reagan", "Hodge"),
    6: ("Victor", "Hernandez"),
    7: ("Tamekah", "Juarez"),
    8: ("Colton", "Roy"),
    9: ("Mufutau", "Watkins"),
    10: ("Naida", "Calderon"),
    11: ("Anika", "Huff"),
    12: ("Bruce", "Beck"),
    14: ("Mallory", "Farrell"),
    15: ("Scarlett", "Mayer"),
    16: ("Shafira", "Glenn"),
    22: ("Winifred", "Cherry"),
    27: ("Chase", "Lamb"),
    29: ("Liberty", "Ellison"),
    31: ("Aladdin", "Haney"),
    34: ("Tashya", "Michael"),
    38: ("Lucian", "Montgomery"),
}

_GUIDE = "https://docs.aws.amazon.com/redshift/latest/dg"


def _full_names(users: tuple[int, ...]) -> list[str]:
    return [" ".join(NAMES[user]) for user in users]


PUBLISHED: Mapping[str, Fact] = {
    "rows": Fact(USERS, "users, with ids from 1 without gaps", f"{_GUIDE}/r_STL_ANALYZE.html"),
    "in_florida": Fact(IN_FLORIDA, "users of state FL", f"{_GUIDE}/r_COUNT.html"),
    "vegas_and_sports": Fact(
        VEGAS_AND_SPORTS,
        "users who like both Las Vegas and sports",
        f"{_GUIDE}/r_logical_condition.html",
    ),
    "first_vegas_and_sports": Fact(
        list(FIRST_VEGAS_AND_SPORTS), "their first ids", f"{_GUIDE}/r_logical_condition.html"
    ),
    "vegas_or_sports": Fact(
        VEGAS_OR_SPORTS,
        "users who like Las Vegas, sports or both",
        f"{_GUIDE}/r_logical_condition.html",
    ),
    "first_vegas_or_sports": Fact(
        list(FIRST_VEGAS_OR_SPORTS), "their first ids", f"{_GUIDE}/r_logical_condition.html"
    ),
    "first_rock": Fact(
        list(FIRST_ROCK),
        "the first ids of users who like rock",
        f"{_GUIDE}/r_comparison_condition.html",
    ),
    "first_rock_unknown": Fact(
        _full_names(FIRST_ROCK_UNKNOWN),
        "the first names of whom it is unknown, by id",
        f"{_GUIDE}/r_comparison_condition.html",
    ),
    "first_sports_not_theatre": Fact(
        _full_names(FIRST_SPORTS_NOT_THEATRE),
        "the first users who like sports and do not like theatre, by id",
        f"{_GUIDE}/r_Boolean_type.html",
    ),
    "first_names": Fact(
        _full_names(tuple(range(1, 11))), "users 1 to 10", f"{_GUIDE}/r_BPCHARCMP.html"
    ),
    "same_names": Fact(
        list(SAME_NAMES),
        "ids of users whose first name is their last name",
        f"{_GUIDE}/r_BPCHARCMP.html",
    ),
    "cities_with_ea": Fact(
        list(CITIES_WITH_EA),
        "cities like '__ea%'",
        f"{_GUIDE}/r_patternmatching_condition_like.html",
    ),
    "longest_email": Fact(
        LONGEST_EMAIL, "bytes of the longest email", f"{_GUIDE}/r_CREATE_EXTERNAL_TABLE.html"
    ),
    "first_user": Fact(
        {
            "username": FIRST_USERNAME,
            "city": FIRST_PLACE[0],
            "state": FIRST_PLACE[1],
            "likesports": True,
            "liketheatre": True,
        },
        "user 1",
        f"{_GUIDE}/c_bitwise_aggregate_functions.html",
    ),
    "lowest_states": Fact(
        list(LOWEST_STATES),
        "the first five states by alphabet; in each, somebody likes sports and somebody does not",
        f"{_GUIDE}/r_BOOL_AND.html",
    ),
}
