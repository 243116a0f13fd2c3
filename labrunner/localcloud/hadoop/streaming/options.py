"""The command line of a streaming job."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from labrunner.localcloud.hadoop.errors import UsageError, not_here

# Older names of settings → those of today.
RENAMED = {
    "mapred.reduce.tasks": "mapreduce.job.reduces",
    "mapred.map.tasks": "mapreduce.job.maps",
    "mapred.job.name": "mapreduce.job.name",
    "mapred.min.split.size": "mapreduce.input.fileinputformat.split.minsize",
    "mapred.map.max.attempts": "mapreduce.map.maxattempts",
    "mapred.reduce.max.attempts": "mapreduce.reduce.maxattempts",
}
MIN_SPLIT = "mapreduce.input.fileinputformat.split.minsize"
MAPS, REDUCES = "mapreduce.job.maps", "mapreduce.job.reduces"
NAME = "mapreduce.job.name"
KEY_FIELDS = "stream.num.map.output.key.fields"
SEPARATOR = "stream.map.output.field.separator"
LENIENT = "stream.non.zero.exit.is.failure"
MAP_TRIES, REDUCE_TRIES = "mapreduce.map.maxattempts", "mapreduce.reduce.maxattempts"
NUMBERS = {MIN_SPLIT: 1, MAPS: 2, REDUCES: 1, KEY_FIELDS: 1, MAP_TRIES: 4, REDUCE_TRIES: 4}
MOST_REDUCES = 100
# Settings that change results in ways that are not done here.
REFUSED = {
    "mapreduce.output.fileoutputformat.compress": "false",
    "mapreduce.job.output.key.comparator.class": "",
    "mapred.output.key.comparator.class": "",
    "mapreduce.partition.keypartitioner.options": "",
    "stream.reduce.output.field.separator": "\t",
    "stream.reduce.input.field.separator": "\t",
    "stream.map.input.field.separator": "\t",
    "mapreduce.output.textoutputformat.separator": "\t",
}
AGGREGATE, NONE = "aggregate", "NONE"
HASH = ("org.apache.hadoop.mapred.lib.HashPartitioner",)
TEXT_IN = ("TextInputFormat", "org.apache.hadoop.mapred.TextInputFormat")
TEXT_OUT = ("TextOutputFormat", "org.apache.hadoop.mapred.TextOutputFormat")
IDENTITY = ("org.apache.hadoop.mapred.lib.IdentityMapper", "IdentityMapper")
IDENTITY_REDUCER = ("org.apache.hadoop.mapred.lib.IdentityReducer", "IdentityReducer")


@dataclass
class Options:
    """What a job is: commands are split into words; an empty one is the identity."""

    inputs: list[str] = field(default_factory=list)
    output: str = ""
    mapper: list[str] = field(default_factory=list)
    combiner: list[str] = field(default_factory=list)
    reducer: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    lazy: bool = False

    def number(self, name: str) -> int:
        """Return a setting that is a whole number."""
        return int(self.settings.get(name, NUMBERS[name]))

    @property
    def reduces(self) -> int:
        """How many reducers; none with `-reducer NONE`."""
        return 0 if self.reducer == [NONE] else self.number(REDUCES)


def read(arguments: list[str], site: Mapping[str, str]) -> Options:
    """Read the arguments, over the settings of the cluster; raises UsageError."""
    found = Options(settings={RENAMED.get(name, name): value for name, value in site.items()})
    left = list(arguments)
    generic = True
    while left:
        word, *left = left
        if word.startswith("-D") and "=" in word:
            word, left = "-D", [word.removeprefix("-D"), *left]
        if word in GENERIC and not generic:
            why = "generic options, such as -D and -files, come before the others"
            raise UsageError(f"Unrecognized option: {word} ({why})")
        generic = word in GENERIC
        if word in ("-verbose", "-debug"):
            continue
        if word == "-lazyOutput":
            found.lazy = True
            continue
        if word not in TAKES and word not in FORMATS:
            raise UsageError(f"Unrecognized option: {word}")
        if not left:
            raise UsageError(f"Missing argument for option: {word[1:]}")
        value, *left = left
        _take(found, word, value)
    _check(found)
    return found


def _take(found: Options, word: str, value: str) -> None:
    if word in FORMATS:
        if value not in FORMATS[word]:
            raise not_here(f"{word} {value}")
        return
    TAKES[word](found, value)


def _set(found: Options, value: str) -> None:
    name, equals, text = value.partition("=")
    if not equals:
        raise UsageError(f"-D {value} is not name=value")
    found.settings[RENAMED.get(name, name)] = text


def _ship(found: Options, value: str) -> None:
    found.files += [one for one in value.split(",") if one]


def _input(found: Options, value: str) -> None:
    found.inputs += [one for one in value.split(",") if one]


def _output(found: Options, value: str) -> None:
    found.output = value


def _mapper(found: Options, value: str) -> None:
    found.mapper = [] if value in IDENTITY else _command(value)


def _combiner(found: Options, value: str) -> None:
    found.combiner = _command(value)


def _reducer(found: Options, value: str) -> None:
    found.reducer = [] if value in IDENTITY_REDUCER else _command(value)


def _reduces(found: Options, value: str) -> None:
    found.settings[REDUCES] = value


def _environment(found: Options, value: str) -> None:
    name, _, text = value.partition("=")
    found.environment[name] = text


GENERIC = frozenset({"-D", "-files"})
TAKES: dict[str, Callable[[Options, str], None]] = {
    "-D": _set,
    "-cmdenv": _environment,
    "-combiner": _combiner,
    "-file": _ship,
    "-files": _ship,
    "-input": _input,
    "-jobconf": _set,
    "-mapper": _mapper,
    "-numReduceTasks": _reduces,
    "-output": _output,
    "-reducer": _reducer,
}
FORMATS = {"-inputformat": TEXT_IN, "-outputformat": TEXT_OUT, "-partitioner": HASH}


def _command(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from None
    if not words:
        raise UsageError("a command is empty")
    if words[0].startswith("org.apache.hadoop."):
        raise not_here(f"The class {words[0]}")
    return words


def _check(found: Options) -> None:
    if not found.inputs:
        raise UsageError("Missing required option: input")
    if not found.output:
        raise UsageError("Missing required option: output")
    for name, least in (*NUMBERS.items(), (REDUCES, 0)):
        value = found.settings.get(name, str(max(least, 0)))
        if not (value.isascii() and value.isdecimal()):
            raise UsageError(f"{name}={value} is no whole number")
    if found.number(REDUCES) > MOST_REDUCES:
        raise not_here(f"{REDUCES}={found.number(REDUCES)}: more than {MOST_REDUCES} reducers")
    for name, usual in REFUSED.items():
        if found.settings.get(name, usual) != usual:
            raise not_here(f"-D {name}={found.settings[name]}")
    if found.mapper == [AGGREGATE] or found.combiner == [AGGREGATE]:
        raise UsageError("aggregate is a reducer")
