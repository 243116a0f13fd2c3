"""What can go wrong, as values: where it is, what failed, why, and what to type next."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command; LEFT_BEHIND outranks the others."""

    OK = 0
    FAILED = 1
    INVALID = 2
    DEFECT = 3
    LEFT_BEHIND = 4
    INTERRUPTED = 130


@dataclass(frozen=True, order=True)
class Location:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong in a lab file, with a hint when there is one."""

    where: Location
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {self.message}{hint}"


class Failure(Exception):
    """An error a user can meet: what failed, where, why, and the next command to type."""

    def __init__(  # noqa: PLR0913 - each is one line of what the user reads
        self,
        what: str,
        *,
        why: str = "",
        where: str = "",
        code: str = "",
        request_id: str = "",
        next_command: str = "",
        exit_code: Exit = Exit.FAILED,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.where = where
        self.code = code
        self.request_id = request_id
        self.next_command = next_command
        self.exit_code = exit_code


class InvalidLab(Failure):
    """A lab that does not load; carries every diagnostic at once."""

    def __init__(
        self, what: str, diagnostics: Sequence[Diagnostic], next_command: str = ""
    ) -> None:
        super().__init__(what, next_command=next_command, exit_code=Exit.INVALID)
        self.diagnostics = tuple(diagnostics)


class FunctionError(ValueError):
    """A function of an expression that was given something it cannot use."""


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return "did you mean 'x'?" for the known words closest to this one, or an empty string."""
    close = get_close_matches(word, known, n=3, cutoff=0.6)
    if not close:
        lowered = {name.lower(): name for name in known}
        close = [lowered[m] for m in get_close_matches(word.lower(), lowered, n=3, cutoff=0.6)]
    return f"did you mean {' or '.join(repr(name) for name in close)}?" if close else ""
