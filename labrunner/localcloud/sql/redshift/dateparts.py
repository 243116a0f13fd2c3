"""Date parts and their abbreviations, after "Date parts for date or timestamp functions"."""

from collections.abc import Mapping

_NAMES = {
    "millennium": "millennium millennia mil mils",
    "century": "century centuries c cent cents",
    "decade": "decade decades dec decs",
    "epoch": "epoch",
    "year": "year years y yr yrs",
    "quarter": "quarter quarters qtr qtrs",
    "month": "month months mon mons",
    "week": "week weeks w",
    "dayofweek": "dayofweek dow dw weekday",
    "dayofyear": "dayofyear doy dy yearday",
    "day": "day days d",
    "hour": "hour hours h hr hrs",
    "minute": "minute minutes m min mins",
    "second": "second seconds s sec secs",
    "millisecond": (
        "millisecond milliseconds ms msec msecs msecond mseconds millisec millisecs millisecon"
    ),
    "microsecond": (
        "microsecond microseconds microsec microsecs microsecon usecond useconds us usec usecs"
    ),
}
PARTS: Mapping[str, str] = {name: part for part, names in _NAMES.items() for name in names.split()}
