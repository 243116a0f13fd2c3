"""Redshift's types: as they are written, as its messages call them, and as PostgreSQL numbers them.

After "Data types" in the Amazon Redshift Database Developer Guide. A text whose length nothing
declares has the type `string`; a timestamp with a time zone is kept in UTC.
"""

from collections.abc import Mapping, Sequence

from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    MAX_PRECISION,
    SMALLINT,
    STRING,
    TIMESTAMP,
    VOID,
    Type,
    decimal,
)

TIMESTAMPTZ = Type("timestamptz")
TIME = Type("time")
INTERVAL = Type("interval")
MAX_VARCHAR = 65535
MAX_CHAR = 4096
MAX_SCALE = 37
DEFAULT_VARCHAR = 256
DEFAULT_DECIMAL = (18, 0)

PLAIN: Mapping[str, Type] = {
    "bool": BOOLEAN,
    "boolean": BOOLEAN,
    "smallint": SMALLINT,
    "int2": SMALLINT,
    "int": INT,
    "integer": INT,
    "int4": INT,
    "oid": BIGINT,
    "bigint": BIGINT,
    "int8": BIGINT,
    "real": FLOAT,
    "float4": FLOAT,
    "float": DOUBLE,
    "float8": DOUBLE,
    "double precision": DOUBLE,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "datetime": TIMESTAMP,
    "timestamp without time zone": TIMESTAMP,
    "timestamptz": TIMESTAMPTZ,
    "timestamp with time zone": TIMESTAMPTZ,
    "time": TIME,
    "time without time zone": TIME,
    "name": STRING,
}
TEXTS: Mapping[str, tuple[str, int]] = {
    "varchar": ("varchar", DEFAULT_VARCHAR),
    "character varying": ("varchar", DEFAULT_VARCHAR),
    "nvarchar": ("varchar", DEFAULT_VARCHAR),
    "national character varying": ("varchar", DEFAULT_VARCHAR),
    "text": ("varchar", DEFAULT_VARCHAR),
    "char": ("char", 1),
    "character": ("char", 1),
    "nchar": ("char", 1),
    "national character": ("char", 1),
    "bpchar": ("char", DEFAULT_VARCHAR),
}
DECIMALS = ("decimal", "numeric", "dec")
# Types of Redshift that are not here.
ELSEWHERE = frozenset(
    {
        *("super", "geometry", "geography", "hllsketch", "varbyte", "varbinary", "binary varying"),
        *("timetz", "time with time zone", "interval"),
    }
)
NAMES: Mapping[str, str] = {
    "boolean": "boolean",
    "smallint": "smallint",
    "int": "integer",
    "bigint": "bigint",
    "float": "real",
    "double": "double precision",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "interval": "interval",
    "string": "character varying",
    "void": "unknown",
    "varchar": "character varying",
    "char": "character",
    "decimal": "numeric",
}
SHORT: Mapping[str, str] = {
    "boolean": "bool",
    "smallint": "int2",
    "int": "int4",
    "bigint": "int8",
    "float": "float4",
    "double": "float8",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
    "time": "time",
    "interval": "interval",
    "string": "varchar",
    "void": "unknown",
    "varchar": "varchar",
    "char": "bpchar",
    "decimal": "numeric",
}
OIDS: Mapping[str, int] = {
    "boolean": 16,
    "smallint": 21,
    "int": 23,
    "bigint": 20,
    "float": 700,
    "double": 701,
    "date": 1082,
    "timestamp": 1114,
    "timestamptz": 1184,
    "time": 1083,
    "interval": 1186,
    "string": 1043,
    "void": 705,
    "varchar": 1043,
    "char": 1042,
    "decimal": 1700,
}
SIZES: Mapping[str, int] = {
    "boolean": 1,
    "smallint": 2,
    "int": 4,
    "bigint": 8,
    "float": 4,
    "double": 8,
    "date": 4,
    "timestamp": 8,
    "timestamptz": 8,
    "time": 8,
    "interval": 16,
}


class NoTypeError(Exception):
    """A text names no type; `is_known` if Redshift has it and the local engine does not."""

    def __init__(self, text: str, *, is_known: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.is_known = is_known


def of(name: str, sizes: Sequence[str], *, declared: bool) -> Type:
    """Return a type by its name and what stands in its parentheses; raises NoTypeError.

    A type that a column is `declared` with has default lengths; one of a cast that names no
    length keeps that of its value.
    """
    name = " ".join(name.lower().split())
    if name in PLAIN:
        if sizes and name != "float":
            raise NoTypeError(f"{name}({','.join(sizes)})")
        return PLAIN[name] if not sizes else _real(sizes)
    if name in TEXTS:
        return _text(name, sizes, declared=declared)
    if name in DECIMALS:
        return _decimal(sizes)
    raise NoTypeError(name, is_known=name in ELSEWHERE)


def _real(sizes: Sequence[str]) -> Type:
    bits = int(sizes[0]) if len(sizes) == 1 and sizes[0].isdecimal() else 0
    if not 1 <= bits <= 53:  # noqa: PLR2004 - digits of a double in bits
        raise NoTypeError(f"float({','.join(sizes)})")
    return FLOAT if bits <= 24 else DOUBLE  # noqa: PLR2004 - digits of a real in bits


def _text(name: str, sizes: Sequence[str], *, declared: bool) -> Type:
    kind, default = TEXTS[name]
    most = MAX_VARCHAR if kind == "varchar" else MAX_CHAR
    if not sizes:
        return STRING if kind == "varchar" and not declared else Type(kind, (default,))
    if name in ("text", "bpchar") or len(sizes) != 1:
        raise NoTypeError(f"{name}({','.join(sizes)})")
    if sizes[0].lower() == "max":
        return Type(kind, (most,))
    if not sizes[0].isdecimal() or not 1 <= int(sizes[0]) <= most:
        raise NoTypeError(f"{name}({sizes[0]})")
    return Type(kind, (int(sizes[0]),))


def _decimal(sizes: Sequence[str]) -> Type:
    if not sizes:
        return decimal(*DEFAULT_DECIMAL)
    text = f"numeric({','.join(sizes)})"
    if len(sizes) > 2 or not all(one.isdecimal() for one in sizes):  # noqa: PLR2004
        raise NoTypeError(text)
    precision, scale = int(sizes[0]), int(sizes[1]) if len(sizes) > 1 else 0
    if not 1 <= precision <= MAX_PRECISION or not 0 <= scale <= min(precision, MAX_SCALE):
        raise NoTypeError(text)
    return decimal(precision, scale)


def name(kind: Type) -> str:
    """Return what messages and catalogs call a type, `character varying(30)`."""
    sizes = f"({','.join(map(str, kind.params))})" if kind.params else ""
    return f"{NAMES[kind.name]}{sizes}"


def short(kind: Type) -> str:
    """Return the name of a type without its length, as results of the Data API have it."""
    return SHORT[kind.name]


def oid(kind: Type) -> int:
    """Return PostgreSQL's number of a type."""
    return OIDS[kind.name]


def modifier(kind: Type) -> int:
    """Return PostgreSQL's number for what stands in a type's parentheses, -1 for nothing."""
    if kind.name in ("varchar", "char"):
        return kind.params[0] + 4
    if kind.name == "decimal":
        return (kind.precision << 16) + kind.scale + 4
    return -1


def precision_of(kind: Type) -> tuple[int, int]:
    """Return precision and scale as JDBC's metadata have them."""
    if kind.params:
        return kind.params[0], kind.params[1] if len(kind.params) > 1 else 0
    digits = {
        "boolean": 1,
        "smallint": 5,
        "int": 10,
        "bigint": 19,
        "float": 8,
        "double": 17,
        "date": 13,
        "timestamp": 29,
        "timestamptz": 35,
        "time": 15,
    }
    return digits.get(kind.name, DEFAULT_VARCHAR), 6 if kind.name.startswith("timestamp") else 0


def stored(kind: Type) -> Type:
    """Return the type of a column that CREATE TABLE AS makes for an expression of a type."""
    if kind in (STRING, VOID):
        return Type("varchar", (DEFAULT_VARCHAR if kind == VOID else MAX_VARCHAR,))
    return kind


def to_words(kind: Type) -> str:
    """Return a type as the catalog keeps it, to be read by `from_words`."""
    return kind.name + "".join(f" {one}" for one in kind.params)


def from_words(text: str) -> Type:
    """Read what `to_words` wrote."""
    head, *sizes = text.split()
    return Type(head, tuple(map(int, sizes)))
