"""The prompt of `labrunner sql`: statements in, tables or CSV out."""

import contextlib
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labrunner.cli import compose, say
from labrunner.errors import Exit, Failure
from labrunner.outcome import Call, Refusal
from labrunner.values import as_text, to_json

_HELP = r"A statement ends with ;   \dt lists tables   \d TABLE describes one   \q ends"
_TABLES = (
    "select table_schema as schema, table_name as name, table_type as type "
    "from svv_tables where table_schema not in ('information_schema', 'pg_catalog') order by 1, 2"
)
_COLUMNS = (
    "select column_name as name, data_type as type, is_nullable as nullable from svv_columns "
    "where table_name = :name order by ordinal_position"
)
_MOST_ROWS = 10_000


class Prompt:
    """Runs statements where a lab's last statement ran."""

    def __init__(self, lab: str, *, csv: bool) -> None:
        target, self._where = compose.warehouse(lab)
        self._perform = compose.performer(target)
        self._csv = csv

    def run(self, statements: Sequence[str]) -> Exit:
        """Run statements one after the other; the first that fails ends it."""
        for statement in statements:
            self._show(self._answer(statement, {}))
        return Exit.OK

    def ask(self) -> Exit:
        """Run what is typed, until its end."""
        database = self._where.get("Database", "sql")
        if sys.stdin.isatty():
            sys.stdout.write(f"{_HELP}\n")
        with _history():
            for statement in _statements(str(database)):
                try:
                    self._show(self._answer(*_command(statement)))
                except Failure as failure:
                    if not sys.stdin.isatty():
                        raise
                    say(failure)
        return Exit.OK

    def _answer(self, statement: str, parameters: dict[str, str]) -> dict[str, Any]:
        arguments = {**self._where, "Sql": statement, "limit": _MOST_ROWS}
        if parameters:
            arguments["Parameters"] = parameters
        outcome = self._perform(Call("sql", "redshift", arguments, report=_told))
        if isinstance(outcome, Refusal):
            raise Failure(
                "the statement failed",
                why=outcome.message,
                code="" if outcome.code == "StatementFailed" else outcome.code,
                request_id=outcome.request_id,
            )
        found: dict[str, Any] = outcome.result
        return found

    def _show(self, answer: dict[str, Any]) -> None:
        columns, rows = answer["columns"], answer["rows"]
        if self._csv:
            if columns:
                writer = csv.writer(sys.stdout, lineterminator="\n")
                writer.writerow(columns)
                writer.writerows([_shown(row[name], null="") for name in columns] for row in rows)
            return
        if columns:
            _table(columns, rows)
        more = f", the first {len(rows)} shown" if answer["count"] > len(rows) else ""
        counted = "1 row" if answer["count"] == 1 else f"{answer['count']} rows"
        sys.stdout.write(f"{counted}{more}  ({answer['seconds']:.2f} s)\n")


def _table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        values = [row[name] for row in rows]
        is_number = all(isinstance(value, int | float) for value in values if value is not None)
        table.add_column(Text(name), justify="right" if is_number and values else "left")
    for row in rows:
        table.add_row(*[Text(_shown(row[name], null="NULL")) for name in columns])
    Console().print(table)


def _shown(value: Any, *, null: str) -> str:
    return null if value is None else as_text(to_json(value))


def _command(statement: str) -> tuple[str, dict[str, str]]:
    """Return the statement that was meant, and its parameters."""
    word, _, rest = statement.partition(" ")
    match word:
        case "\\dt" | "\\d" if not rest:
            return _TABLES, {}
        case "\\d":
            return _COLUMNS, {"name": rest.strip()}
        case _ if word.startswith("\\"):
            raise Failure(f"there is no {word}", why=_HELP)
    return statement, {}


def _statements(database: str) -> Iterator[str]:
    r"""Yield statements: what is typed up to a `;` at the end of a line, or one `\` command."""
    lines: list[str] = []
    while True:
        try:
            line = input(f"{database}{'-' if lines else '='}> " if sys.stdin.isatty() else "")
        except EOFError:
            break
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            lines.clear()
            continue
        text = line.strip()
        if not lines and text in ("\\q", "exit", "quit"):
            return
        if not lines and text.startswith("\\"):
            yield text
            continue
        lines += [line] if text else []
        if text.endswith(";"):
            yield "\n".join(lines)
            lines.clear()
    if lines:
        yield "\n".join(lines)


@contextlib.contextmanager
def _history() -> Iterator[None]:
    """Keep what was typed for the next time, in a file that only its owner can read."""
    if not sys.stdin.isatty():
        yield
        return
    try:
        import readline
    except ImportError:  # some builds of Python have none
        yield
        return
    path: Path = compose.home() / "sql_history"
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        readline.read_history_file(path)
    readline.set_history_length(1000)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(path)


def _told(line: str) -> None:
    sys.stderr.write(f"{line}\n")
