"""Results that wait to be fetched: on disk, in pages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labrunner.localcloud.sql.datatypes import Type
from labrunner.localcloud.sql.redshift import types
from labrunner.localcloud.sql.redshift.results import Result, ResultColumn, Row, shown
from labrunner.localcloud.sql.redshift.wording import RedshiftError

PAGE_ROWS = 1000
PAGE_BYTES = 1 << 20
MOST_BYTES = 500 << 20


@dataclass
class Spool:
    """One result: a JSON text for each row, and where pages of them begin in the file."""

    path: Path
    columns: tuple[ResultColumn, ...]
    pages: list[tuple[int, int]] = field(default_factory=list)  # offset and rows
    rows: int = 0
    size: int = 0

    def page(self, number: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the records of a page, as the Data API has them."""
        if not self.pages:
            return
        offset, count = self.pages[number]
        with self.path.open("rb") as stream:
            stream.seek(offset)
            for _ in range(count):
                yield [_field(one) for one in json.loads(stream.readline())]

    def csv(self, number: int) -> str:
        """Return a page as CSV, the first one with the names of the columns."""
        lines = []
        if number == 0:
            lines.append(",".join(_quoted(one.name) for one in self.columns))
        if self.pages:
            offset, count = self.pages[number]
            with self.path.open("rb") as stream:
                stream.seek(offset)
                for _ in range(count):
                    values = json.loads(stream.readline())
                    lines.append(",".join(_csv(one) for one in values))
        return "".join(f"{one}\n" for one in lines)

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def spooled(result: Result, path: Path) -> Spool:
    """Keep a result's rows; raises RedshiftError if they are too many."""
    found = Spool(path, result.columns)
    kinds = [one.type for one in result.columns]
    start, rows, at = 0, 0, 0
    with path.open("wb") as out:
        path.chmod(0o600)
        for batch in result.batches:
            for row in batch:
                data = json.dumps(_kept(row, kinds), ensure_ascii=False).encode() + b"\n"
                out.write(data)
                at += len(data)
                rows += 1
                found.rows += 1
                if rows >= PAGE_ROWS or at - start >= PAGE_BYTES:
                    found.pages.append((start, rows))
                    start, rows = at, 0
                if at > MOST_BYTES:
                    text = "The query result is too large: the Data API returns 500 MB at most"
                    raise RedshiftError("54000", text, kind="execution")
    if rows:
        found.pages.append((start, rows))
    found.size = at
    return found


def _kept(row: Row, kinds: list[Type]) -> list[Any]:
    return [
        value
        if isinstance(value, (bool, int, float)) and kind.name != "decimal"
        else shown(value, kind)
        for value, kind in zip(row, kinds, strict=True)
    ]


def _field(value: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": value}


def _csv(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    if text and not set(text) & set(',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def metadata(column: ResultColumn) -> dict[str, Any]:
    """Return what the Data API tells of a column."""
    kind = column.type
    precision, scale = types.precision_of(kind)
    return {
        "isCaseSensitive": kind.is_text,
        "isCurrency": False,
        "isSigned": kind.is_number,
        "label": column.name,
        "length": kind.params[0] if kind.is_text and kind.params else 0,
        "name": column.name,
        "nullable": 1 if column.nullable else 0,
        "precision": precision,
        "scale": scale,
        "schemaName": column.schema,
        "tableName": column.table,
        "typeName": types.short(kind),
    }
