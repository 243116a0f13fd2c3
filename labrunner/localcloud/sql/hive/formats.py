"""Which SerDes and file formats there are, and what each makes of a table's properties."""

from collections.abc import Mapping, Sequence

from labrunner.localcloud.sql.datatypes import STRING
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.hive.metastore import Format
from labrunner.localcloud.sql.hive.statements import ColumnSpec, RowFormat
from labrunner.localcloud.sql.javaregex import for_python, for_re2
from labrunner.localcloud.sql.regex_tree import RegexError, read

LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
REGEX = "org.apache.hadoop.hive.serde2.RegexSerDe"
CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
HCATALOG = "org.apache.hive.hcatalog.data.JsonSerDe"
JSON = "org.apache.hadoop.hive.serde2.JsonSerDe"
OPENX = "org.openx.data.jsonserde.JsonSerDe"
KINDS = {
    LAZY: "text",
    REGEX: "regex",
    CSV: "csv",
    PARQUET: "parquet",
    HCATALOG: "json",
    JSON: "json",
    OPENX: "json",
}
TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
PARQUET_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
PARQUET_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
STORED = {"TEXTFILE": "text", TEXT_INPUT: "text", "PARQUET": "parquet", PARQUET_INPUT: "parquet"}
PROPERTIES = {
    "text": {
        "field.delim",
        "colelction.delim",
        "collection.delim",
        "mapkey.delim",
        "line.delim",
        "escape.delim",
        "serialization.format",
        "serialization.null.format",
        "serialization.encoding",
    },
    "regex": {
        "input.regex",
        "input.regex.case.insensitive",
        "output.format.string",
        "serialization.format",
    },
    "csv": {"separatorChar", "quoteChar", "escapeChar", "serialization.format"},
    "json": {"serialization.format", "ignore.malformed.json", "case.insensitive"},
    "parquet": {"serialization.format"},
}


def format_of(row_format: RowFormat, columns: Sequence[ColumnSpec]) -> Format:
    """Return how a table is read and written; raises SqlError."""
    stored = row_format.stored_as
    if stored is not None and stored not in STORED:
        raise unsupported(f"Hive's file format {stored}")
    serde = row_format.serde
    if serde is None:
        serde = PARQUET if stored and STORED[stored] == "parquet" else LAZY
    if serde not in KINDS:
        raise unsupported(f"Hive's SerDe {serde}")
    kind = KINDS[serde]
    if kind != "parquet" and stored and STORED[stored] == "parquet":
        raise unsupported(f"Hive's SerDe {serde} in {stored}")
    given = dict(row_format.serde_properties)
    if row_format.delimited is not None:
        if kind != "text":
            raise unsupported("Hive's ROW FORMAT DELIMITED in PARQUET")
        given |= row_format.delimited
    unknown = sorted(given.keys() - PROPERTIES[kind])
    if unknown:
        raise unsupported(f"The property {unknown[0]} of Hive's SerDe {serde}")
    CHECKS[kind](given, columns)
    is_parquet = kind == "parquet"
    return Format(
        kind,
        serde,
        given,
        PARQUET_INPUT if is_parquet else TEXT_INPUT,
        PARQUET_OUTPUT if is_parquet else TEXT_OUTPUT,
        row_format.delimited is not None,
    )


def separators(properties: Mapping[str, str]) -> list[str]:
    """Return the separators of LazySimpleSerDe by depth: fields, items, keys, then from 4 on."""
    first = properties.get("field.delim") or properties.get("serialization.format") or "\x01"
    second = properties.get("colelction.delim") or properties.get("collection.delim") or "\x02"
    third = properties.get("mapkey.delim") or "\x03"
    return [*map(separator, (first, second, third)), *map(chr, range(4, 9))]


def separator(text: str) -> str:
    """Return a separator: a character, or the number of one."""
    if text.lstrip("-").isdecimal() and -128 <= int(text) <= 127 and len(text) > 0:  # noqa: PLR2004
        return chr(int(text) % 256)
    return text[:1]


def _check_text(properties: Mapping[str, str], columns: Sequence[ColumnSpec]) -> None:
    if properties.get("line.delim", "\n") not in ("\n", "10"):
        text = "FAILED: SemanticException LINES TERMINATED BY only supports newline '\\n' right now"
        raise SqlError("semantic", text)
    if properties.get("serialization.encoding", "UTF-8").upper() != "UTF-8":
        raise unsupported("Hive's serialization.encoding other than UTF-8")
    used = separators(properties)
    if any(ord(one) > 127 for one in used):  # noqa: PLR2004 - one byte is one character
        raise unsupported("Hive's separators beyond ASCII")
    for one in columns:
        if "binary" in str(one.type):
            raise unsupported("Hive's BINARY in a text file")


def _check_regex(properties: Mapping[str, str], columns: Sequence[ColumnSpec]) -> None:
    pattern = properties.get("input.regex")
    if pattern is None:
        text = 'FAILED: This table does not have serde property "input.regex"!'
        raise SqlError("semantic", text)
    for one in columns:
        if not one.type.is_simple or one.type.name == "binary":
            text = "FAILED: RegexSerDe doesn't allow column [{}] named {}, with type {}"
            position = list(columns).index(one)
            raise SqlError("semantic", text.format(position, one.name, one.type))
    try:
        read(pattern)
        if for_re2(pattern) is None:
            for_python(pattern)
    except RegexError as error:
        raise SqlError("unsupported", f"input.regex: {error}") from None


def _check_csv(properties: Mapping[str, str], _: Sequence[ColumnSpec]) -> None:
    for name in ("separatorChar", "quoteChar", "escapeChar"):
        if properties.get(name) == "":
            raise SqlError("semantic", f"FAILED: {name} of OpenCSVSerde is empty")


def _check_json(_: Mapping[str, str], columns: Sequence[ColumnSpec]) -> None:
    for one in columns:
        if "binary" in str(one.type):
            raise unsupported("Hive's BINARY in JSON")


def _check_parquet(properties: Mapping[str, str], columns: Sequence[ColumnSpec]) -> None:
    del properties, columns


CHECKS = {
    "text": _check_text,
    "regex": _check_regex,
    "csv": _check_csv,
    "json": _check_json,
    "parquet": _check_parquet,
}


def columns_of(found: Format, columns: tuple[ColumnSpec, ...]) -> tuple[ColumnSpec, ...]:
    """Return a table's columns as its SerDe has them: OpenCSVSerde knows texts alone."""
    if found.kind != "csv":
        return columns
    return tuple(ColumnSpec(one.name, STRING, one.comment) for one in columns)
