"""Flags of Hadoop's commands: single words with one dash, before the paths."""

from dataclasses import dataclass, field

from labrunner.localcloud.hadoop.errors import UsageError


@dataclass
class Arguments:
    """The arguments of a command: flags, options that have a value, and the rest."""

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)


def read(given: list[str], flags: str = "", values: str = "", *, rest: range) -> Arguments:
    """Read arguments by the words that a command knows; raises UsageError."""
    found = Arguments()
    left = list(given)
    while left:
        word = left.pop(0)
        if word in flags.split():
            found.flags.add(word)
        elif word in values.split():
            if not left:
                raise UsageError(f"option {word} requires 1 argument")
            found.values[word] = left.pop(0)
        elif word.startswith("-") and word != "-":
            raise UsageError(f"Illegal option {word}")
        else:
            found.rest = [word, *left]
            break
    if len(found.rest) not in rest:
        why = "Not enough" if len(found.rest) < rest.start else "Too many"
        raise UsageError(f"{why} arguments: expected {rest.start} but got {len(found.rest)}")
    return found


ONE_OR_MORE = range(1, 10**6)
ANY = range(10**6)
TWO_OR_MORE = range(2, 10**6)
EXACTLY_ONE = range(1, 2)
