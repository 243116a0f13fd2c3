"""What a dataset is: files, the parameters they depend on, and facts that hold for them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from labrunner.model import Param

Values = Mapping[str, int]


@dataclass(frozen=True)
class DataFile:
    """A file by its name; chunks() starts at its beginning each time that it is called."""

    name: str
    chunks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Fact:
    """Something that holds for the files of a dataset: JSON, what it says, and who published it.

    `source` is the address of the page that published the value, or empty for a value that is
    labrunner's own.
    """

    value: Any
    says: str
    source: str = ""


@dataclass(frozen=True)
class Dataset:
    """A deterministic generator; every parameter is a whole number and has a default."""

    title: str
    params: Mapping[str, Param]
    facts: Callable[[Values], Mapping[str, Fact]]
    files: Callable[[Values], Iterator[DataFile]]


def whole_number(default: int, minimum: int, maximum: int, description: str) -> Param:
    """Declare a parameter of a dataset."""
    return Param(
        type="integer", default=default, minimum=minimum, maximum=maximum, description=description
    )
