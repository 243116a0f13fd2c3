"""Users in the form of the TICKIT sample database, with every published figure of that table.

All that is not published is made up. A table of more than 49,990 users repeats the same shares of
places and likes in every 49,990 of them; a smaller one is the beginning of it.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count, islice, product
from string import ascii_uppercase
from typing import TypeVar

from labrunner.datasets import redshift_published as published
from labrunner.datasets.dataset import DataFile, Dataset, Fact, Values, whole_number
from labrunner.datasets.draw import Draw, apportion, seeded, shuffle
from labrunner.datasets.people import FIRST_NAMES, SURNAMES
from labrunner.datasets.places import PLACES
from labrunner.datasets.redshift_published import USERS

_SEED = 1
_ROWS_AT_ONCE = 4_096
_T = TypeVar("_T")

_YES, _NO, _UNKNOWN = "TRUE", "FALSE", ""
_LIKES = (_YES,) * 21 + (_NO,) * 28 + (_UNKNOWN,) * 51
_SAME_NAMES = sorted(set(FIRST_NAMES) & set(SURNAMES))

_Place = tuple[str, str]
_Pair = tuple[str, str]

# Whether somebody likes sports and Las Vegas: pairs with their weights.
_BOTH: dict[_Pair, int] = {(_YES, _YES): 1}
_ONE: dict[_Pair, int] = {
    (_YES, _NO): 35, (_YES, _UNKNOWN): 65, (_NO, _YES): 35, (_UNKNOWN, _YES): 65,
}  # fmt: skip
_NEITHER: dict[_Pair, int] = {
    (_NO, _NO): 12, (_NO, _UNKNOWN): 23, (_UNKNOWN, _NO): 23, (_UNKNOWN, _UNKNOWN): 42,
}  # fmt: skip

# Usernames: three letters, two digits, three letters, counted through in steps that have no factor
# in common with their number, so that none comes twice.
_LETTERS = [a + b + c for a, b, c in product(ascii_uppercase, repeat=3)]
_NAMES = len(_LETTERS) ** 2 * 100
_STEP = 19_104_377_483

_LATIN = (
    *("ad", "aliqua", "aliquip", "amet", "anim", "aute", "cillum", "commodo", "consectetur"),
    *("consequat", "culpa", "cupidatat", "deserunt", "dolor", "dolore", "duis", "elit", "enim"),
    *("esse", "eiusmod", "est", "excepteur", "exercitation", "fugiat", "incididunt", "ipsum"),
    *("irure", "labore", "laboris", "lorem", "magna", "minim", "mollit", "nisi", "nostrud"),
    *("nulla", "occaecat", "officia", "pariatur", "proident", "quis", "sint", "sunt", "tempor"),
    *("ullamco", "velit", "veniam", "voluptate"),
)
_HOSTS = ("example.com", "example.net", "example.org")


def _split(total: int, weights: Mapping[_T, int]) -> dict[_T, int]:
    return dict(zip(weights, apportion(total, list(weights.values())), strict=True))


_FLORIDA = {place: weight for place, weight in PLACES.items() if place[1] == "FL"}
_ELSEWHERE = {place: weight for place, weight in PLACES.items() if place[1] != "FL"}
_PLACES: dict[_Place, int] = {
    **_split(published.IN_FLORIDA, _FLORIDA),
    **_split(USERS - published.IN_FLORIDA, _ELSEWHERE),
}
_PAIRS: dict[_Pair, int] = {
    **_split(published.VEGAS_AND_SPORTS, _BOTH),
    **_split(published.VEGAS_OR_SPORTS - published.VEGAS_AND_SPORTS, _ONE),
    **_split(USERS - published.VEGAS_OR_SPORTS, _NEITHER),
}

# What a SQL engine counts in this table, for questions whose published answers are pictures.
_COUNTED: Mapping[str, Fact] = {
    "ohio_sports_not_opera": Fact(
        137, "users of state OH who like sports and do not like opera (false, not unknown)"
    ),
    "jazz_cities": Fact(
        [
            ["Los Angeles", 402],
            ["San Diego", 278],
            ["Houston", 277],
            ["New York City", 212],
            ["San Jose", 209],
            ["San Antonio", 195],
            ["Columbus", 158],
            ["Toronto", 155],
            ["San Francisco", 151],
            ["Dallas", 150],
        ],
        "the ten cities with the most users who like jazz, by name alone",
    ),
    "smiths": Fact(
        [
            *("Joel", "Harold", "Karim", "Simon", "Lucas", "Isabel", "Cecilia", "Catherine"),
            *("Lucy", "Helen", "Victoria", "Rosa", "Gloria", "William", "Judith"),
        ],
        "first names of users called Smith who like theatre and classical music, by id",
    ),
}


def _facts(values: Values) -> Mapping[str, Fact]:
    rows = values["rows"]
    if rows != USERS:
        return {"rows": Fact(rows, "users, with ids from 1 without gaps")}
    return {**published.PUBLISHED, **_COUNTED}


def _files(values: Values) -> Iterator[DataFile]:
    def chunks() -> Iterator[bytes]:
        users = islice(_users(), values["rows"])
        while lines := list(islice(users, _ROWS_AT_ONCE)):
            yield "".join(lines).encode()

    return iter([DataFile("allusers_pipe.txt", chunks)])


def _users() -> Iterator[str]:
    """Yield lines without end; the first USERS of them are the published table."""
    for table in count():
        draw = seeded(_SEED, table)
        places = _dealt(_PLACES, draw)
        pairs = _dealt(_PAIRS, draw)
        if table == 0:
            _arrange(places, {1: published.FIRST_PLACE.__eq__})
            _arrange(pairs, _fitting_pairs())
        for place, (city, state) in enumerate(places):
            user = table * USERS + place + 1
            first, last = _name(user, draw)
            likes = _likes(user, pairs[place], draw)
            yield (
                f"{user}|{_username(user)}|{first}|{last}|{city}|{state}|{_email(draw)}"
                f"|{_phone(draw)}|{'|'.join(likes)}\n"
            )


def _dealt(counts: Mapping[_T, int], draw: Draw) -> list[_T]:
    cards = [card for card, number in counts.items() for _ in range(number)]
    shuffle(cards, draw)
    return cards


def _arrange(cards: list[_T], fits: Mapping[int, Callable[[_T], bool]]) -> None:
    """Exchange cards so that each listed user has one that fits, and none is lost."""
    spare = max(fits)
    for user, fit in fits.items():
        if not fit(cards[user - 1]):
            other = next(place for place in range(spare, len(cards)) if fit(cards[place]))
            cards[user - 1], cards[other] = cards[other], cards[user - 1]


def _fitting_pairs() -> dict[int, Callable[[_Pair], bool]]:
    def fitting(user: int) -> Callable[[_Pair], bool]:
        both = user in published.FIRST_VEGAS_AND_SPORTS
        either = user in published.FIRST_VEGAS_OR_SPORTS
        sports = user in published.FIRST_SPORTS_NOT_THEATRE
        free = user > published.FIRST_VEGAS_OR_SPORTS[-1]
        return lambda pair: (
            (pair in _BOTH) == both
            and (free or (_YES in pair) == either)
            and (pair[0] == _YES or not sports)
        )

    last = published.FIRST_VEGAS_AND_SPORTS[-1]
    return {user: fitting(user) for user in range(1, last + 1)}


def _likes(user: int, pair: _Pair, draw: Draw) -> list[str]:
    """Return the ten answers in the order of the columns, which begin with sports and theatre."""
    likes = [_LIKES[int(draw() * len(_LIKES))] for _ in range(10)]
    likes[0], likes[7] = pair
    if user <= published.FIRST_SPORTS_NOT_THEATRE[-1]:
        likes[1] = _theatre(user, likes)
    if user <= published.FIRST_ROCK[-1]:
        likes[6] = _rock(user)
    return likes


def _theatre(user: int, likes: list[str]) -> str:
    if user == 1:
        return _YES
    if user in published.FIRST_SPORTS_NOT_THEATRE:
        return _NO
    return _UNKNOWN if likes[:2] == [_YES, _NO] else likes[1]


def _rock(user: int) -> str:
    if user in published.FIRST_ROCK:
        return _YES
    return _UNKNOWN if user in published.FIRST_ROCK_UNKNOWN else _NO


def _name(user: int, draw: Draw) -> tuple[str, str]:
    if user in published.NAMES:
        return published.NAMES[user]
    if user in published.SAME_NAMES:
        name = _SAME_NAMES[int(draw() * len(_SAME_NAMES))]
        return name, name
    first = FIRST_NAMES[int(draw() * len(FIRST_NAMES))]
    while (last := SURNAMES[int(draw() * len(SURNAMES))]) == first:
        pass
    return first, last


def _username(user: int) -> str:
    number, end = divmod((_FIRST_USERNAME + (user - 1) * _STEP) % _NAMES, len(_LETTERS))
    start, digits = divmod(number, 100)
    return f"{_LETTERS[start]}{digits:02}{_LETTERS[end]}"


def _number_of(name: str) -> int:
    start, end = _LETTERS.index(name[:3]), _LETTERS.index(name[5:])
    return (start * 100 + int(name[3:5])) * len(_LETTERS) + end


def _email(draw: Draw) -> str:
    words = [_LATIN[int(draw() * len(_LATIN))] for _ in range(2 + int(draw() * 5))]
    middle = len(words) // 2
    domain = f"@{''.join(words[:middle])}.{_HOSTS[int(draw() * len(_HOSTS))]}"
    local = words[middle:]
    while len(email := ".".join(local) + domain) > published.LONGEST_EMAIL:
        del local[0]
    return email


def _phone(draw: Draw) -> str:
    """Return a number of the range that is kept for fiction."""
    return f"({200 + int(draw() * 800)}) 555-01{int(draw() * 100):02}"


_FIRST_USERNAME = _number_of(published.FIRST_USERNAME)

DATASET = Dataset(
    title="Users of the TICKIT sample database",
    params={"rows": whole_number(USERS, 1, 10_000_000, "Users, about 110 bytes each.")},
    facts=_facts,
    files=_files,
)
