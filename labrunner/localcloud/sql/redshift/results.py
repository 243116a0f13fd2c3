"""What a statement gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.redshift import udfs

Row = tuple[Any, ...]


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result; `table` and `schema` are those of a column of a table."""

    name: str
    type: Type
    nullable: bool = True
    schema: str = ""
    table: str = ""


@dataclass
class Result:
    """A statement's result: `tag` is what PostgreSQL's protocol calls the command.

    `batches` are the rows of a query and can be read once, while the session's callback runs.
    `count` are rows that were returned, changed or loaded; -1 where there is no such number.
    """

    tag: str
    columns: tuple[ResultColumn, ...] = ()
    batches: Iterator[list[Row]] = field(default_factory=lambda: iter(()))
    count: int = -1
    notices: tuple[str, ...] = ()

    @property
    def is_query(self) -> bool:
        """Whether there are columns."""
        return bool(self.columns)


def shown(value: Any, kind: Type) -> str | None:
    """Return a value as PostgreSQL's text format has it; booleans are t and f."""
    if value is None:
        return None
    if kind.name == "char" and kind.params:
        return str(value).ljust(kind.params[0])
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return udfs.real_text(value, 6 if kind.name == "float" else 15)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        text = f"{value:%Y-%m-%d %H:%M:%S}".rjust(19, "0")
        text += f".{value.microsecond:06}".rstrip("0") if value.microsecond else ""
        return f"{text}+00" if kind.name == "timestamptz" else text
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return udfs.interval_text(value)
    return str(value)
