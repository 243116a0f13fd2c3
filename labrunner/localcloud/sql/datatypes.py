"""Types of columns and expressions, with what each is called in DuckDB."""

import re
from dataclasses import dataclass

from labrunner.localcloud.names import names
from labrunner.localcloud.sql import quoting

MAX_PRECISION = 38
INTEGERS = ("tinyint", "smallint", "int", "bigint")
NUMBERS = (*INTEGERS, "float", "double", "decimal")
TEXTS = ("string", "varchar", "char")
TIMES = ("date", "timestamp")
SIMPLE = names("boolean tinyint smallint int bigint float double string binary date timestamp void")
DUCKDB = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP",  # in UTC
    "time": "TIME",
    "interval": "INTERVAL",
    "void": "VARCHAR",
}


@dataclass(frozen=True)
class Type:
    """A type; `params` are length or precision and scale, `args` the types that it is made of."""

    name: str
    params: tuple[int, ...] = ()
    args: tuple["Type", ...] = ()
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.name == "struct":
            pairs = zip(self.fields, self.args, strict=True)
            return f"struct<{','.join(f'{name}:{kind}' for name, kind in pairs)}>"
        if self.args:
            return f"{self.name}<{','.join(map(str, self.args))}>"
        if self.params:
            return f"{self.name}({','.join(map(str, self.params))})"
        return self.name

    @property
    def duckdb(self) -> str:
        """The type of DuckDB that holds it."""
        if self.name == "decimal":
            return f"DECIMAL({self.params[0]},{self.params[1]})"
        if self.name == "array":
            return f"{self.args[0].duckdb}[]"
        if self.name == "map":
            return f"MAP({self.args[0].duckdb}, {self.args[1].duckdb})"
        if self.name == "struct":
            pairs = zip(self.fields, self.args, strict=True)
            return f"STRUCT({', '.join(f'{quoting.name(n)} {kind.duckdb}' for n, kind in pairs)})"
        return DUCKDB[self.name]

    @property
    def is_number(self) -> bool:
        """Whether it is a number."""
        return self.name in NUMBERS

    @property
    def is_integer(self) -> bool:
        """Whether it is an integer."""
        return self.name in INTEGERS

    @property
    def is_text(self) -> bool:
        """Whether it is a text of any kind."""
        return self.name in TEXTS

    @property
    def is_time(self) -> bool:
        """Whether it is a date or a timestamp."""
        return self.name in TIMES

    @property
    def is_simple(self) -> bool:
        """Whether it is not made of other types."""
        return not self.args

    @property
    def precision(self) -> int:
        """Digits of a decimal."""
        return self.params[0]

    @property
    def scale(self) -> int:
        """Digits of a decimal after the point."""
        return self.params[1]


BOOLEAN = Type("boolean")
TINYINT = Type("tinyint")
SMALLINT = Type("smallint")
INT = Type("int")
BIGINT = Type("bigint")
FLOAT = Type("float")
DOUBLE = Type("double")
STRING = Type("string")
BINARY = Type("binary")
DATE = Type("date")
TIMESTAMP = Type("timestamp")
VOID = Type("void")


def decimal(precision: int, scale: int) -> Type:
    """Return a decimal of so many digits, so many of them after the point."""
    return Type("decimal", (precision, scale))


def array(element: Type) -> Type:
    """Return the array of a type."""
    return Type("array", args=(element,))


def map_of(key: Type, value: Type) -> Type:
    """Return the map of two types."""
    return Type("map", args=(key, value))


def struct(fields: tuple[tuple[str, Type], ...]) -> Type:
    """Return the struct of named fields."""
    return Type("struct", args=tuple(t for _, t in fields), fields=tuple(n for n, _ in fields))


class TypeTextError(Exception):
    """A text is no type; `what` is the part that is wrong."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


TOKEN = re.compile(r"\s*([A-Za-z_0-9]+|`[^`]*`|[<>(),:])")


def parse(text: str) -> Type:
    """Read a type as Hive writes it, `map<string,array<int>>`; raises TypeTextError."""
    tokens = TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s+", "", text):
        raise TypeTextError(text.strip())
    kind, rest = _parse(tokens)
    if rest:
        raise TypeTextError(" ".join(rest))
    return kind


ALIASES = {"integer": "int", "dec": "decimal", "numeric": "decimal"}


def _parse(tokens: list[str]) -> tuple[Type, list[str]]:
    if not tokens:
        raise TypeTextError("")
    word, rest = tokens[0].lower(), tokens[1:]
    word = ALIASES.get(word, word)
    if word == "double" and rest[:1] and rest[0].lower() == "precision":
        rest = rest[1:]
    if word in ("array", "map"):
        return _parse_collection(word, _after(rest, "<"))
    if word == "struct":
        return _parse_struct(_after(rest, "<"))
    if word in ("decimal", "varchar", "char"):
        return _parse_sized(word, rest)
    if word not in SIMPLE or word == "void":
        raise TypeTextError(word)
    return Type(word), rest


def _after(tokens: list[str], wanted: str) -> list[str]:
    if tokens[:1] != [wanted]:
        raise TypeTextError(tokens[0] if tokens else "")
    return tokens[1:]


def _parse_collection(word: str, tokens: list[str]) -> tuple[Type, list[str]]:
    first, tokens = _parse(tokens)
    if word == "array":
        return array(first), _after(tokens, ">")
    second, tokens = _parse(_after(tokens, ","))
    if not first.is_simple:
        raise TypeTextError(str(first))
    return map_of(first, second), _after(tokens, ">")


def _parse_struct(tokens: list[str]) -> tuple[Type, list[str]]:
    fields: list[tuple[str, Type]] = []
    while True:
        name = tokens[0].strip("`").lower() if tokens else ""
        kind, tokens = _parse(_after(tokens[1:], ":"))
        fields.append((name, kind))
        if tokens[:1] != [","]:
            return struct(tuple(fields)), _after(tokens, ">")
        tokens = tokens[1:]


def _parse_sized(word: str, tokens: list[str]) -> tuple[Type, list[str]]:
    if tokens[:1] != ["("]:
        if word == "decimal":
            return decimal(10, 0), tokens
        raise TypeTextError(word)
    end = tokens.index(")") if ")" in tokens else 0
    numbers = [one for one in tokens[1:end] if one != ","]
    if not end or not numbers or not all(n.isdecimal() for n in numbers):
        raise TypeTextError(word)
    sizes = tuple(map(int, numbers))
    if word == "decimal":
        sizes = sizes if len(sizes) > 1 else (sizes[0], 0)
        if len(sizes) > 2 or not sizes[1] <= sizes[0] <= MAX_PRECISION or not sizes[0]:  # noqa: PLR2004
            raise TypeTextError(f"decimal({','.join(numbers)})")
    elif len(sizes) != 1 or not 0 < sizes[0] <= (65535 if word == "varchar" else 255):
        raise TypeTextError(f"{word}({','.join(numbers)})")
    return Type(word, sizes), tokens[end + 1 :]
