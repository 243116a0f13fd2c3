"""Tables in words: DESCRIBE, DESCRIBE FORMATTED and SHOW CREATE TABLE."""

from labrunner.localcloud.sql.datatypes import STRING, VOID
from labrunner.localcloud.sql.hive.metastore import Table
from labrunner.localcloud.sql.hive.statements import ColumnSpec
from labrunner.localcloud.sql.values import Query

WIDTH = 20


def columns_of_query(query: Query) -> tuple[ColumnSpec, ...]:
    """Return the columns of a table that is made of a query."""
    types = (STRING if one == VOID else one for one in query.types)
    return tuple(ColumnSpec(n, t) for n, t in zip(query.names, types, strict=True))


def _columns(columns: tuple[ColumnSpec, ...]) -> list[str]:
    return [f"{c.name:<{WIDTH}}\t{c.type!s:<{WIDTH}}\t{c.comment:<{WIDTH}}" for c in columns]


def describe(table: Table, *, formatted: bool) -> list[str]:
    """Return the lines of DESCRIBE."""
    head = f"# {'col_name':<{WIDTH}}\t{'data_type':<{WIDTH}}\t{'comment':<{WIDTH}}"
    lines = [head, *_columns(table.columns)] if formatted else _columns(table.all_columns)
    if table.partition_columns:
        lines += ["", "# Partition Information", head, *_columns(table.partition_columns)]
    if not formatted:
        return lines
    kind = "VIRTUAL_VIEW" if table.view else "EXTERNAL_TABLE" if table.external else "MANAGED_TABLE"
    lines += ["", "# Detailed Table Information"]
    lines += _pairs(
        ("Database:", table.database),
        ("CreateTime:", table.created.strftime("%a %b %d %H:%M:%S UTC %Y")),
        ("Location:", "" if table.view else str(table.location)),
        ("Table Type:", kind),
    )
    lines += [
        "Table Parameters:",
        *(f"\t{n:<{WIDTH}}\t{v:<{WIDTH}}" for n, v in sorted(_all(table).items())),
    ]
    lines += ["", "# Storage Information"]
    lines += _pairs(
        ("SerDe Library:", table.format.serde),
        ("InputFormat:", table.format.input_format),
        ("OutputFormat:", table.format.output_format),
    )
    lines += ["Storage Desc Params:"]
    lines += [
        f"\t{n:<{WIDTH}}\t{_shown(v):<{WIDTH}}" for n, v in sorted(table.format.properties.items())
    ]
    if table.view:
        lines += ["", "# View Information", *_pairs(("View Original Text:", table.view))]
    return lines


def _all(table: Table) -> dict[str, str]:
    found = dict(table.properties)
    if table.external:
        found["EXTERNAL"] = "TRUE"
    if table.comment:
        found["comment"] = table.comment
    return found


def _pairs(*pairs: tuple[str, str]) -> list[str]:
    return [f"{name:<{WIDTH}}\t{value:<{WIDTH}}" for name, value in pairs]


def _shown(value: str) -> str:
    """Return a property as a string literal of Hive would have it."""
    text = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def create_table(table: Table) -> list[str]:
    """Return the statement that makes a table or view."""
    if table.view:
        return [f"CREATE VIEW `{table.name}` AS {table.view}"]
    word = "EXTERNAL TABLE" if table.external else "TABLE"
    lines = [f"CREATE {word} `{table.name}`(", *_listed(table.columns)]
    if table.comment:
        lines.append(f"COMMENT '{_shown(table.comment)}'")
    if table.partition_columns:
        lines += ["PARTITIONED BY ( ", *_listed(table.partition_columns)]
    lines += ["ROW FORMAT SERDE ", f"  '{table.format.serde}' "]
    if table.format.properties:
        pairs = sorted(table.format.properties.items())
        cells = [f"  '{_shown(n)}'='{_shown(v)}'" for n, v in pairs]
        lines += ["WITH SERDEPROPERTIES ( ", *(f"{one}, " for one in cells[:-1]), f"{cells[-1]}) "]
    lines += ["STORED AS INPUTFORMAT ", f"  '{table.format.input_format}' "]
    lines += ["OUTPUTFORMAT ", f"  '{table.format.output_format}'"]
    lines += ["LOCATION", f"  '{_shown(str(table.location))}'"]
    if table.properties:
        cells = [f"  '{_shown(n)}'='{_shown(v)}'" for n, v in sorted(table.properties.items())]
        lines += ["TBLPROPERTIES (", *(f"{one}, " for one in cells[:-1]), f"{cells[-1]})"]
    return lines


def _listed(columns: tuple[ColumnSpec, ...]) -> list[str]:
    cells = [
        f"  `{c.name}` {c.type}" + (f" COMMENT '{_shown(c.comment)}'" if c.comment else "")
        for c in columns
    ]
    return [*(f"{one}, " for one in cells[:-1]), f"{cells[-1]})"]
