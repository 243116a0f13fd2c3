# ruff: noqa: ARG001, D402 - the signature of a Special, and a call as its summary
"""Functions that make rows, after "Built-in Table-Generating Functions (UDTF)"."""

from collections.abc import Mapping, Sequence

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler, Generator, Rows
from labrunner.localcloud.sql.datatypes import INT, STRING, VOID
from labrunner.localcloud.sql.functions import MismatchError
from labrunner.localcloud.sql.hive.conversions import common, implicit, to_string
from labrunner.localcloud.sql.values import Value


def _field(name: str) -> str:
    return f"struct_extract({{}}, '{name}')"


def explode(compiler: Compiler, values: Sequence[Value]) -> Rows:
    """explode(array) and explode(map)."""
    if len(values) != 1 or values[0].type.name not in ("array", "map"):
        raise MismatchError("explode() takes an array or a map as a parameter", 0)
    kind = values[0].type
    if kind.name == "array":
        return Rows(values[0].sql, (("col", kind.args[0], "{}"),))
    columns = (("key", kind.args[0], _field("key")), ("value", kind.args[1], _field("value")))
    return Rows(f"map_entries({values[0].sql})", columns)


def posexplode(compiler: Compiler, values: Sequence[Value]) -> Rows:
    """posexplode(array): each element with its place from 0."""
    if len(values) != 1 or values[0].type.name != "array":
        raise MismatchError("posexplode() takes an array as a parameter", 0)
    sql = (
        f"list_transform({values[0].sql}, "
        "lambda e, i: struct_pack(pos := CAST(i - 1 AS INTEGER), val := e))"
    )
    element = values[0].type.args[0]
    return Rows(sql, (("pos", INT, _field("pos")), ("val", element, _field("val"))))


def inline(compiler: Compiler, values: Sequence[Value]) -> Rows:
    """inline(array of structs)."""
    kind = values[0].type if len(values) == 1 else VOID
    if kind.name != "array" or kind.args[0].name != "struct":
        raise MismatchError("inline() takes an array of structs as a parameter", 0)
    element = kind.args[0]
    columns = tuple(
        (name, inner, f"struct_extract({{}}, {quoting.text(name)})")
        for name, inner in zip(element.fields, element.args, strict=True)
    )
    return Rows(values[0].sql, columns)


def stack(compiler: Compiler, values: Sequence[Value]) -> Rows:
    """stack(n, value, ...): n rows of the values."""
    if len(values) < 2 or not isinstance(values[0].constant, int) or values[0].constant < 1:  # noqa: PLR2004
        raise MismatchError("The first argument to STACK() must be a constant integer > 0", 0)
    number = values[0].constant
    width = -(-(len(values) - 1) // number)
    items = [*values[1:], *[Value("NULL", VOID, None)] * (width * number - len(values) + 1)]
    columns, cells = [], [[""] * width for _ in range(number)]
    for place in range(width):
        column = items[place::width]
        kind = common([one.type for one in column])
        fitted = [implicit(one, kind) for one in column] if kind else [None]
        if kind is None or None in fitted:
            raise MismatchError(f"the values of column {place + 1} have several types")
        kind = STRING if kind == VOID else kind
        columns.append((f"col{place}", kind, _field(f"c{place}")))
        for row, one in enumerate(fitted):
            assert one is not None
            cells[row][place] = f"c{place} := CAST({one.sql} AS {kind.duckdb})"
    rows = ", ".join(f"struct_pack({', '.join(row)})" for row in cells)
    return Rows(f"[{rows}]", tuple(columns))


def json_tuple(compiler: Compiler, values: Sequence[Value]) -> Rows:
    """json_tuple(text, key, ...): the values of keys of the top level."""
    texts = [to_string(one) for one in values]
    if len(values) < 2 or None in texts:  # noqa: PLR2004
        raise MismatchError("json_tuple() takes at least two arguments: the json and a path")
    document, *keys = [one for one in texts if one is not None]
    if not all(isinstance(one.constant, str) for one in keys):
        raise MismatchError("json_tuple() takes keys that are literals", 1)
    cells = ", ".join(
        f"c{i} := java_json_key({document.sql}, {one.sql})" for i, one in enumerate(keys)
    )
    columns = tuple((f"c{i}", STRING, _field(f"c{i}")) for i in range(len(keys)))
    return Rows(f"[struct_pack({cells})]", columns)


def parse_url_tuple(compiler: Compiler, values: Sequence[Value]) -> Rows:
    """parse_url_tuple(url, part, ...); a part may be QUERY:name."""
    texts = [to_string(one) for one in values]
    if len(values) < 2 or None in texts:  # noqa: PLR2004
        raise MismatchError("parse_url_tuple() takes at least two arguments: the url and a part")
    url, *parts = [one for one in texts if one is not None]
    cells = []
    for index, part in enumerate(parts):
        if not isinstance(part.constant, str):
            raise MismatchError("parse_url_tuple() takes parts that are literals", index + 1)
        name, _, key = part.constant.partition(":")
        arguments = f"{url.sql}, {quoting.text(name)}, {quoting.text(key)}"
        cells.append(f"c{index} := java_url({arguments})")
    columns = tuple((f"c{i}", STRING, _field(f"c{i}")) for i in range(len(parts)))
    return Rows(f"[struct_pack({', '.join(cells)})]", columns)


GENERATORS: Mapping[str, Generator] = {
    "explode": explode,
    "posexplode": posexplode,
    "inline": inline,
    "stack": stack,
    "json_tuple": json_tuple,
    "parse_url_tuple": parse_url_tuple,
}
