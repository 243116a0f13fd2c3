# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""The rows of INSERT ... VALUES."""

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import STRING, VOID
from labrunner.localcloud.sql.hive import conversions
from labrunner.localcloud.sql.hive.parsing import parse_query
from labrunner.localcloud.sql.hive.wording import semantic
from labrunner.localcloud.sql.values import Query, Scope, Value


def values_query(text: str, compiler: Compiler) -> Query:
    """Return `VALUES (...), ...` as a query; raises SqlError."""
    tree = parse_query(text)
    if type(tree).__name__ != "Values":
        raise semantic(0, "INSERT takes VALUES alone")
    compiler.expect(tree, frozenset({"expressions"}))
    rows = []
    for row in tree.expressions:
        cells = row.expressions if type(row).__name__ == "Tuple" else [row]
        rows.append([compiler.value(cell, Scope()) for cell in cells])
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise semantic(0, "Expected row size of all VALUES to be the same")
    types = []
    for place in range(width):
        kind = conversions.common([row[place].type for row in rows])
        if kind is None:
            raise semantic(0, f"The values of column {place + 1} have no common type")
        types.append(STRING if kind == VOID else kind)
    selects = []
    for row in rows:
        fitted = [conversions.implicit(cell, kind) for cell, kind in zip(row, types, strict=True)]
        selects.append("(" + ", ".join(_sql(one, row) for one in fitted) + ")")
    names = tuple(f"col{i}" for i in range(1, width + 1))
    columns = ", ".join(f"c{i}" for i in range(width))
    sql = f"SELECT * FROM (VALUES {', '.join(selects)}) AS v({columns})"
    return Query(sql, names, tuple(types))


def _sql(value: Value | None, row: list[Value]) -> str:
    if value is None:
        raise semantic(0, f"A value has another type than its column: {[str(v.type) for v in row]}")
    return value.sql
