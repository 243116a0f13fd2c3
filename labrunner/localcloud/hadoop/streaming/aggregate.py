"""The reducer `aggregate`: keys say by which function their values become one."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.streaming.records import Record

RUNTIME = "java.lang.RuntimeException"


def _number(value: bytes) -> int:
    return int(value.strip())


def _double(values: Iterable[bytes]) -> bytes:
    return repr(sum(map(float, values))).encode()


def _unique(values: Iterable[bytes]) -> bytes:
    return str(len(set(values))).encode()


FUNCTIONS: dict[str, Callable[[Iterable[bytes]], bytes]] = {
    "LongValueSum": lambda values: str(sum(map(_number, values))).encode(),
    "LongValueMax": lambda values: str(max(map(_number, values))).encode(),
    "LongValueMin": lambda values: str(min(map(_number, values))).encode(),
    "DoubleValueSum": _double,
    "StringValueMax": max,
    "StringValueMin": min,
    "UniqValueCount": _unique,
}
# These need all values at the end, so that nothing is to be gained before.
LATE = frozenset({"UniqValueCount"})


def reduce(records: Iterable[Record], *, is_last: bool) -> Iterator[Record]:
    """Yield one record a key, or as the combiner does; raises HadoopError."""
    for key, group in groupby(records, key=itemgetter(0)):
        values = (value for _, value in group)
        kind, colon, rest = key.partition(b":")
        function = FUNCTIONS.get(kind.decode("utf-8", "replace"))
        if function is None or not colon:
            text = f"the reducer aggregate needs keys such as LongValueSum:word, not {key!r}"
            raise HadoopError(RUNTIME, text)
        if not is_last and kind.decode() in LATE:
            for value in set(values):
                yield key, value
            continue
        try:
            value = function(values)
        except ValueError as error:
            raise HadoopError("java.lang.NumberFormatException", str(error)) from None
        yield (rest if is_last else key), value
