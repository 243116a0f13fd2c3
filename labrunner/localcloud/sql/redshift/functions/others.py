# ruff: noqa: D402, E501 - a call as its summary; a signature a line
"""Conditional expressions, conversions, and what a session knows of itself."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    INT,
    STRING,
    VOID,
    Type,
    decimal,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import MismatchError, filled, merged, specials, table
from labrunner.localcloud.sql.redshift.conversions import alike, comparable
from labrunner.localcloud.sql.redshift.formats import NUMERIC
from labrunner.localcloud.sql.values import Value, volatile

if TYPE_CHECKING:
    from labrunner.localcloud.sql.redshift.facts import SessionFacts

TABLE = r"""
version () -> string: 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0.0 (labrunner local cloud)'
pg_client_encoding () -> string: 'UNICODE'
pg_encoding_to_char (int) -> string: CASE WHEN {0} = 6 THEN 'UNICODE' ELSE '' END
pg_table_is_visible (bigint) -> boolean: coalesce({0} IS NOT NULL, false)
pg_get_userbyid (bigint) -> string: coalesce((SELECT u.name FROM meta.users AS u WHERE u.oid = {0}), 'unknown (OID=' || {0} || ')')
format_type (bigint, bigint) -> string: rs_format_type_({0}, {1})
obj_description (bigint, string) -> string: CASE WHEN {0} IS NULL THEN {1} END
col_description (bigint, int) -> string: CASE WHEN {0} IS NULL THEN '' END
pg_get_expr (string, bigint) -> string: {0}
pg_get_expr (string, bigint, boolean) -> string: {0}
array_to_string (string, string) -> string: {0}
pg_get_viewdef (bigint) -> string: (SELECT r.definition FROM meta.relations AS r WHERE r.oid = {0})
pg_get_viewdef (bigint, boolean) -> string: (SELECT r.definition FROM meta.relations AS r WHERE r.oid = {0})

has_schema_privilege (string, string) -> boolean: coalesce({0} IS NOT NULL AND {1} IS NOT NULL, false)
"""


class _Knows(Protocol):
    """The catalog of a Redshift session."""

    @property
    def facts(self) -> "SessionFacts": ...


def _fail(what: str, values: Sequence[Value]) -> MismatchError:
    kinds = " and ".join(str(one.type) for one in values)
    return MismatchError(f"{what} types {kinds} cannot be matched", 0)


def coalesce(compiler: Compiler, values: Sequence[Value]) -> Value:
    """coalesce(value, ...) and nvl: the first that is not NULL."""
    del compiler
    found = alike(values) if values else None
    if found is None:
        raise _fail("COALESCE", values)
    fitted, kind = found
    sql = ", ".join(f"{{{i}}}" for i in range(len(fitted)))
    return filled(f"coalesce({sql})", fitted, kind)


def nvl2(compiler: Compiler, values: Sequence[Value]) -> Value:
    """nvl2(value, if not NULL, if NULL)."""
    del compiler
    if len(values) != 3:  # noqa: PLR2004
        raise MismatchError("")
    found = alike(values[1:])
    if found is None:
        raise _fail("NVL2", values[1:])
    fitted, kind = found
    return filled("CASE WHEN {0} IS NOT NULL THEN {1} ELSE {2} END", [values[0], *fitted], kind)


def nullif(compiler: Compiler, values: Sequence[Value]) -> Value:
    """nullif(a, b)."""
    del compiler
    pair = comparable(values[0], values[1]) if len(values) == 2 else None  # noqa: PLR2004
    if pair is None:
        raise _fail("NULLIF", values)
    sql = "CASE WHEN {1} = {2} THEN NULL ELSE {0} END"
    return filled(sql, [values[0], *pair], values[0].type)


def decode(compiler: Compiler, values: Sequence[Value]) -> Value:
    """decode(value, search, result, ..., default); NULL equals NULL here."""
    del compiler
    if len(values) < 3:  # noqa: PLR2004
        raise MismatchError("")
    subject, rest = values[0], list(values[1:])
    default = rest.pop() if len(rest) % 2 else Value("NULL", VOID, None)
    searches, results = rest[::2], [*rest[1::2], default]
    found = alike(results)
    pairs = [comparable(subject, one) for one in searches]
    if found is None or None in pairs:
        raise _fail("DECODE", results)
    fitted, kind = found
    parts = [
        f"WHEN {pair[0].sql} IS NOT DISTINCT FROM {pair[1].sql} THEN {result.sql}"
        for pair, result in zip(pairs, fitted[:-1], strict=True)
        if pair is not None
    ]
    sql = f"(CASE {' '.join(parts)} ELSE {fitted[-1].sql} END)"
    return Value(sql, kind, volatile=volatile(values))


def _extreme(name: str) -> Callable[[Compiler, Sequence[Value]], Value]:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        """Greatest and least, which leave NULLs out."""
        del compiler
        found = alike(values) if values else None
        if found is None:
            raise _fail(name.upper(), values)
        fitted, kind = found
        sql = ", ".join(f"{{{i}}}" for i in range(len(fitted)))
        return filled(f"{name}({sql})", fitted, kind)

    return compile_


def to_number(compiler: Compiler, values: Sequence[Value]) -> Value:
    """to_number(text, format): as many digits as the format has."""
    if len(values) != 2 or not isinstance(values[1].constant, str):  # noqa: PLR2004
        raise unsupported("Redshift's to_number() with a format that is no literal")
    text = compiler.dialect.kinds.fit(values[0], "string")
    if text is None:
        raise MismatchError("a text is expected", 0)
    pieces = [one.upper() for one in NUMERIC.findall(values[1].constant)]
    point = next((i for i, one in enumerate(pieces) if one in (".", "D")), len(pieces))
    digits = sum(one in ("9", "0") for one in pieces)
    kind = decimal(max(1, digits), sum(one in ("9", "0") for one in pieces[point:]))
    sql = f"CAST(rs_number_by({{0}}, {{1}}) AS {kind.duckdb})"
    return filled(sql, [text, values[1]], kind)


def _told(
    ask: "Callable[[SessionFacts], str | int]", kind: Type
) -> Callable[[Compiler, Sequence[Value]], Value]:
    """Return a function of no arguments that the session answers."""

    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        if values:
            raise MismatchError("")
        found = ask(cast("_Knows", compiler.catalog).facts)
        text = quoting.text(found) if isinstance(found, str) else str(found)
        return Value(f"CAST({text} AS {kind.duckdb})", kind)

    return compile_


def current_setting(compiler: Compiler, values: Sequence[Value]) -> Value:
    """current_setting(name)."""
    if len(values) != 1 or not isinstance(values[0].constant, str):
        raise unsupported("Redshift's current_setting() of a name that is no literal")
    found = cast("_Knows", compiler.catalog).facts.setting(values[0].constant)
    return Value(quoting.text(found), STRING)


def current_schemas(compiler: Compiler, values: Sequence[Value]) -> Value:
    """current_schemas(boolean): the search path as PostgreSQL writes an array."""
    if len(values) != 1 or not isinstance(values[0].constant, bool):
        raise MismatchError("a boolean is expected", 0)
    path = cast("_Knows", compiler.catalog).facts.search_path
    names = ["pg_catalog", *path] if values[0].constant else path
    return Value(quoting.text(f"{{{','.join(names)}}}"), STRING)


FUNCTIONS = merged(
    (
        table(TABLE),
        specials(
            coalesce=coalesce, nvl=coalesce, nvl2=nvl2, nullif=nullif, decode=decode,
            greatest=_extreme("greatest"), least=_extreme("least"), to_number=to_number,
            current_setting=current_setting, current_schemas=current_schemas,
            current_database=_told(lambda one: one.database, STRING),
            current_schema=_told(lambda one: one.schema, STRING),
            current_user=_told(lambda one: one.user, STRING),
            session_user=_told(lambda one: one.user, STRING),
            user=_told(lambda one: one.user, STRING),
            current_user_id=_told(lambda one: one.user_id, INT),
            pg_backend_pid=_told(lambda one: one.pid, INT),
            current_aws_account=_told(lambda one: one.account, STRING),
            current_namespace=_told(lambda one: one.namespace, STRING),
            pg_last_copy_count=_told(lambda one: one.last_copy_count, BIGINT),
            pg_last_copy_id=_told(lambda one: one.last_copy_id, INT),
            pg_last_query_id=_told(lambda one: one.last_query_id, INT),
        ),
    )
)  # fmt: skip
