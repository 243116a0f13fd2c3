"""Fields of text files as values, after LazySimpleSerDe and RegexSerDe, and values as fields."""

from collections.abc import Mapping, Sequence

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.datatypes import STRING, Type
from labrunner.localcloud.sql.hive import conversions
from labrunner.localcloud.sql.hive.formats import separators
from labrunner.localcloud.sql.values import Value

NULL = "\\N"


class Lazy:
    """LazySimpleSerDe: what a field's text means, and what text a value gets."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        self._separators = separators(properties)
        self._null = properties.get("serialization.null.format", NULL)
        self._escape = properties.get("escape.delim", "")[:1]

    def split(self, line: str) -> str:
        """Return the list of a line's fields."""
        return self._split(line, 0)

    def _split(self, text: str, depth: int) -> str:
        between = quoting.text(self._separators[depth])
        if self._escape:
            return f"java_split_escaped({text}, {between}, {quoting.text(self._escape)})"
        return f"string_split({text}, {between})"

    def read(self, text: str, kind: Type, depth: int = 1) -> str:
        """Return the value of a field; `depth` is that of the separator inside of it."""
        known = f"nullif({text}, {quoting.text(self._null)})"
        if kind.is_simple:
            plain = (
                f"java_unescape({known}, {quoting.text(self._escape)})" if self._escape else known
            )
            return self._simple(plain if kind.is_text else known, kind)
        name = f"e{depth}"
        if kind.name == "array":
            inner = self.read(name, kind.args[0], depth + 1)
            made = f"list_transform({self._split(known, depth)}, lambda {name}: {inner})"
            return f"CASE WHEN {known} = '' THEN [] ELSE {made} END"
        if kind.name == "map":
            return self._read_map(known, kind, depth, name)
        parts = self._split(known, depth)
        cells = ", ".join(
            f"{quoting.name(field)} := {self.read(f'{name}[{i}]', inner, depth + 1)}"
            for i, (field, inner) in enumerate(zip(kind.fields, kind.args, strict=True), 1)
        )
        made = f"list_transform([{parts}], lambda {name}: struct_pack({cells}))[1]"
        return f"CASE WHEN {known} IS NOT NULL THEN {made} END"

    def _read_map(self, known: str, kind: Type, depth: int, name: str) -> str:
        between = quoting.text(self._separators[depth + 1])
        at = f"strpos({name}, {between})"
        key = f"CASE WHEN {at} = 0 THEN {name} ELSE left({name}, {at} - 1) END"
        item = f"CASE WHEN {at} > 0 THEN substring({name}, {at} + 1) END"
        cell = (
            f"struct_pack(k := {self.read(f'({key})', kind.args[0], depth + 2)}, "
            f"v := {self.read(f'({item})', kind.args[1], depth + 2)})"
        )
        pairs = f"list_transform({self._split(known, depth)}, lambda {name}: {cell})"
        empty = f"CAST(map([], []) AS {kind.duckdb})"
        return (
            f"CASE WHEN {known} IS NULL THEN NULL WHEN {known} = '' THEN {empty} "
            f"ELSE map_from_entries({pairs}) END"
        )

    def _simple(self, text: str, kind: Type) -> str:
        if kind.is_integer:
            return f"TRY_CAST(hive_whole_({text}) AS {kind.duckdb})"
        if kind.name == "boolean":
            return f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
        value = conversions.cast(Value(text, STRING), kind)
        assert value is not None, kind
        return value.sql

    # ---- writing

    def line(self, values: Sequence[tuple[str, Type]]) -> str:
        """Return the text of a row."""
        fields = [self.write(sql, kind) for sql, kind in values]
        return f" || {quoting.text(self._separators[0])} || ".join(fields) if fields else "''"

    def write(self, sql: str, kind: Type, depth: int = 1) -> str:
        """Return the text of a value."""
        return f"coalesce({self._written(sql, kind, depth)}, {quoting.text(self._null)})"

    def _written(self, sql: str, kind: Type, depth: int) -> str:
        if kind.is_simple:
            text = display(sql, kind)
            return self._escaped(text) if kind.is_text else text
        between = quoting.text(self._separators[depth])
        name = f"e{depth}"
        if kind.name == "array":
            inner = self.write(name, kind.args[0], depth + 1)
            return f"array_to_string(list_transform({sql}, lambda {name}: {inner}), {between})"
        if kind.name == "map":
            middle = quoting.text(self._separators[depth + 1])
            key = self.write(f"{name}.key", kind.args[0], depth + 2)
            item = self.write(f"{name}.value", kind.args[1], depth + 2)
            cell = f"{key} || {middle} || {item}"
            cells = f"list_transform(map_entries({sql}), lambda {name}: {cell})"
            return f"array_to_string({cells}, {between})"
        cells = f" || {between} || ".join(
            self.write(f"struct_extract({sql}, {quoting.text(field)})", inner, depth + 1)
            for field, inner in zip(kind.fields, kind.args, strict=True)
        )
        return f"CASE WHEN {sql} IS NOT NULL THEN {cells} END"

    def _escaped(self, text: str) -> str:
        if not self._escape:
            return text
        for char in (self._escape, *self._separators):
            quoted = quoting.text(self._escape + char)
            text = f"replace({text}, {quoting.text(char)}, {quoted})"
        return text


def display(sql: str, kind: Type) -> str:
    """Return the text that Hive writes for a value that is not made of others."""
    if kind.name == "boolean":
        return f"CASE WHEN {sql} THEN 'true' WHEN NOT {sql} THEN 'false' END"
    if kind.name == "decimal":
        return f"CAST({sql} AS VARCHAR)"  # with the zeros of its scale
    if kind.name == "char":
        return f"rpad({sql}, {kind.params[0]}, ' ')"
    if kind.name in ("string", "varchar"):
        return sql
    value = conversions.to_string(Value(sql, kind))
    assert value is not None, kind
    return value.sql


def strict(text: str, kind: Type) -> str:
    """Return a field of RegexSerDe as a value, which Java's valueOf reads."""
    if kind.is_integer:
        return (
            f"CASE WHEN regexp_full_match({text}, '[+-]?[0-9]+') "
            f"THEN TRY_CAST({text} AS {kind.duckdb}) END"
        )
    if kind.name == "boolean":
        return f"(lower({text}) = 'true')"
    value = conversions.cast(Value(text, STRING), kind)
    assert value is not None, kind
    return value.sql
