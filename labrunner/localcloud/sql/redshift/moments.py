"""Dates and times as Redshift reads them, after "Date, time, and timestamp literals"."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = {
    name: number
    for number, names in enumerate(
        [
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ],
        1,
    )
    for name in names.split()
}
DAYS = frozenset(
    [
        "mon",
        "monday",
        "tue",
        "tues",
        "tuesday",
        "wed",
        "wednesday",
        "thu",
        "thur",
        "thurs",
        "thursday",
        "fri",
        "friday",
        "sat",
        "saturday",
        "sun",
        "sunday",
    ]
)
# Abbreviations of zones, as PostgreSQL knows them, in minutes from UTC.
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120,
    "eet": 120, "eest": 180, "msk": 180, "ist": 120, "jst": 540, "kst": 540, "hst": -600,
    "akst": -540, "akdt": -480, "pst": -480, "pdt": -420, "mst": -420, "mdt": -360, "cst": -360,
    "cdt": -300, "est": -300, "edt": -240, "ast": -240, "adt": -180, "nzst": 720, "nzdt": 780,
}  # fmt: skip
TIME = re.compile(
    r"(?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<s>\d{2})(?P<f>\.\d+)?)?\s*(?P<half>[ap]\.?m\.?)?"
    r"\s*(?P<zone>[+-]\d{1,2}(?::?\d{2})?|[A-Za-z][A-Za-z_]*(?:/[A-Za-z_]+)*)?",
    re.IGNORECASE,
)
NOON = 12
WIDE = 8  # digits of YYYYMMDD
PIVOT = 70  # two digits below it are of this century


class NoMomentError(ValueError):
    """A text is no date or time; `is_range` if its fields are, but out of their range."""

    def __init__(self, text: str, *, is_range: bool = False) -> None:
        super().__init__(text)
        self.is_range = is_range


def zone_offset(name: str, at: datetime) -> timedelta:
    """Return how far a zone is from UTC at a local time; raises NoMomentError."""
    found = re.fullmatch(r"([+-])(\d{1,2})(?::?(\d{2}))?", name)
    if found:
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        return timedelta(minutes=-minutes if found[1] == "-" else minutes)
    if name.lower() in ZONES:
        return timedelta(minutes=ZONES[name.lower()])
    offset = zone(name).utcoffset(at)
    return offset if offset is not None else timedelta()


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Return a zone by its name of the time zone database; raises NoMomentError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NoMomentError(f'time zone "{name}" not recognized') from None


def read(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> datetime:
    """Return a date and time without its zone, in which `zoned` would be; raises NoMomentError."""
    moment, _ = _read(text, now)
    return moment


def read_zoned(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> datetime:
    """Return a time in UTC, which is the zone of a text that names none; raises NoMomentError."""
    moment, name = _read(text, now)
    return moment - zone_offset(name, moment) if name else moment


def read_time(text: str) -> time:
    """Return a time of day; raises NoMomentError."""
    found = TIME.fullmatch(text.strip())
    if found is None:
        raise NoMomentError(text)
    moment = datetime.combine(date(2000, 1, 1), time()) + _since_midnight(found, text)
    return moment.time()


def _read(text: str, now: Callable[[], datetime]) -> tuple[datetime, str]:
    text = text.strip()
    special = _special(text.lower(), now)
    if special is not None:
        return special, ""
    body, rest, found = text, "", None
    clock = re.search(r"(?<![\d:])\d{1,2}:\d{2}", text)
    if clock:
        found = TIME.match(text, clock.start())
        assert found is not None
        body, rest = text[: clock.start()], text[found.end() :]
    zone_name = found["zone"] or "" if found else ""
    if zone_name.lower() in MONTHS or zone_name.lower() in DAYS:
        body, zone_name = f"{body} {zone_name}", ""
    words = [one for one in re.split(r"[\s,]+|(?<=\d)T", f"{body} {rest}") if one and one != "T"]
    words = [one for one in words if one.lower() not in DAYS]
    if len(words) > 1 and not zone_name and words[-1].lower() in ZONES:
        zone_name = words.pop()
    day = _date(words, text)
    moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - without a zone
    return moment + (_since_midnight(found, text) if found else timedelta()), zone_name


def _special(word: str, now: Callable[[], datetime]) -> datetime | None:
    if word == "epoch":
        return datetime(1970, 1, 1)  # noqa: DTZ001
    if word not in ("now", "today", "tomorrow", "yesterday"):
        return None
    moment = now().astimezone(UTC).replace(tzinfo=None)
    if word == "now":
        return moment
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days={"today": 0, "tomorrow": 1, "yesterday": -1}[word])


def _since_midnight(found: re.Match[str], text: str) -> timedelta:
    hour, minute, second = (int(found[one] or 0) for one in "hms")
    half = (found["half"] or "").lower().replace(".", "")
    if half:
        if not 1 <= hour <= NOON:
            raise NoMomentError(text, is_range=True)
        hour = hour % NOON + (NOON if half == "pm" else 0)
    if hour > 24 or minute > 59 or second > 60:  # noqa: PLR2004
        raise NoMomentError(text, is_range=True)
    micro = round(float(found["f"] or 0) * 1_000_000)
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def _date(words: list[str], text: str) -> date:
    joined = " ".join(words)
    parts = re.split(r"[-/. ]+", joined)
    try:
        year, month, day = _fields(joined, parts, text)
        return date(year, month, day)
    except (ValueError, OverflowError) as error:
        if isinstance(error, NoMomentError):
            raise
        raise NoMomentError(text, is_range=True) from None


def _fields(joined: str, parts: list[str], text: str) -> tuple[int, int, int]:
    """Return year, month and day; by themselves numbers are month, day and year."""
    if joined.isdecimal() and len(joined) in (6, WIDE):
        size = len(joined) - 4
        return _year(joined[:size]), int(joined[size : size + 2]), int(joined[size + 2 :])
    if len(parts) != 3:  # noqa: PLR2004
        raise NoMomentError(text)
    words = [index for index, one in enumerate(parts) if one.lower() in MONTHS]
    if len(words) == 1:
        month = MONTHS[parts.pop(words[0]).lower()]
        if not all(one.isdecimal() for one in parts):
            raise NoMomentError(text)
        first, second = parts
        if len(first) > 2:  # noqa: PLR2004 - digits of a day
            return int(first), month, int(second)
        return _year(second), month, int(first)
    if not all(one.isdecimal() for one in parts):
        raise NoMomentError(text)
    if len(parts[0]) > 2:  # noqa: PLR2004
        return int(parts[0]), int(parts[1]), int(parts[2])
    return _year(parts[2]), int(parts[0]), int(parts[1])


def _year(digits: str) -> int:
    number = int(digits)
    if len(digits) > 2:  # noqa: PLR2004
        return number
    return number + (2000 if number < PIVOT else 1900)
