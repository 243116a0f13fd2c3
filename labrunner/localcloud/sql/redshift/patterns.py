"""LIKE, SIMILAR TO, POSIX operators, and the operators that catalogs' queries write out."""

import re
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import BOOLEAN, STRING
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import filled
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Scope, Value, place_of

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

SPECIAL = frozenset(".^$\\")


def constant(text: str) -> Value:
    """Return a text as a literal."""
    return Value(quoting.text(text), STRING, text)


def _sides(compiler: Compiler, node: Node, scope: Scope, sign: str) -> tuple[Value, Value]:
    sides = [compiler.value(one, scope) for one in (node.this, node.expression)]
    fitted = [compiler.dialect.kinds.fit(one, "string") for one in sides]
    if None in fitted:
        kinds = [one.type for one in sides]
        raise compiler.dialect.wording.no_common_type(sign, kinds, node)
    text, pattern = (one for one in fitted if one is not None)
    return text, pattern


def like(compiler: Compiler, node: Node, scope: Scope, escape: str = "\\") -> Value:
    """Compile LIKE and ILIKE: `_`, `%`, and a sign that quotes either."""
    text, pattern = _sides(compiler, node, scope, "LIKE")
    word = "LIKE" if type(node).__name__ == "Like" else "ILIKE"
    word = f"NOT {word}" if node.args.get("negate") else word
    if isinstance(pattern.constant, str):
        pattern = constant(_like_pattern(pattern.constant, escape))
        return filled(f"({{0}} {word} {{1}} ESCAPE '!')", [text, pattern], BOOLEAN)
    sql = f"({{0}} {word} {{1}} ESCAPE {quoting.text(escape)})"
    return filled(sql, [text, pattern], BOOLEAN)


def _like_pattern(pattern: str, escape: str) -> str:
    """Return a pattern whose quoting sign is `!`: DuckDB refuses one before other letters."""
    parts, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == escape and at < len(pattern):
            char, at = pattern[at], at + 1
            parts.append(f"!{char}" if char in "%_!" else char)
        else:
            parts.append("!!" if char == "!" else char)
    return "".join(parts)


def escaped(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile LIKE, ILIKE and SIMILAR TO with ESCAPE."""
    inner, sign = node.this, node.expression
    if type(sign).__name__ != "Literal" or len(str(sign.this)) != 1:
        raise RedshiftError("22025", "invalid escape string", place_of(node))
    kind = type(inner).__name__
    if kind in ("Like", "ILike"):
        return like(compiler, inner, scope, str(sign.this))
    if kind == "SimilarTo":
        return similar(compiler, inner, scope, str(sign.this))
    raise unsupported("Redshift's ESCAPE here", place_of(node))


def similar(compiler: Compiler, node: Node, scope: Scope, escape: str = "\\") -> Value:
    """Compile SIMILAR TO with a pattern that is written out."""
    text, pattern = _sides(compiler, node, scope, "SIMILAR TO")
    if not isinstance(pattern.constant, str):
        raise unsupported("Redshift's SIMILAR TO a pattern that is no literal", place_of(node))
    found = _similar_pattern(pattern.constant, escape)
    _check(found, node)
    return filled("regexp_full_match({0}, {1}, 's')", [text, constant(found)], BOOLEAN)


def _similar_pattern(pattern: str, escape: str) -> str:
    parts, at, listed = [], 0, False
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == escape and at < len(pattern):
            parts.append(re.escape(pattern[at]))
            at += 1
        elif listed:
            listed = char != "]"
            parts.append(char)
        elif char == "[":
            listed = True
            parts.append(char)
        elif char in "%_":
            parts.append(".*" if char == "%" else ".")
        else:
            parts.append(f"\\{char}" if char in SPECIAL else char)
    return f"(?:{''.join(parts)})"


def posix(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `~` and `~*` with a pattern that is written out."""
    text, pattern = _sides(compiler, node, scope, "~")
    if not isinstance(pattern.constant, str):
        raise unsupported("Redshift's ~ with a pattern that is no literal", place_of(node))
    _check(pattern.constant, node)
    flags = "i" if type(node).__name__ == "RegexpILike" else "c"
    return filled(f"regexp_matches({{0}}, {{1}}, '{flags}s')", [text, pattern], BOOLEAN)


def _check(pattern: str, node: Node) -> None:
    """Refuse a pattern that RE2 may read otherwise than POSIX does; raises SqlError."""
    if re.search(r"\(\?(?!:)|\\[1-9]", pattern):
        raise unsupported("Redshift's regular expression of this kind", place_of(node))
    try:
        re.compile(re.sub(r"\[\[:\w+:\]", "[a", pattern))
    except re.error as error:
        text = f"Invalid regular expression: {error}"
        raise RedshiftError("2201B", text, place_of(node)) from None


def operator(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `OPERATOR(pg_catalog.~)`, which psql writes."""
    from sqlglot import exp

    sign = str(node.args.get("operator")).rpartition(".")[2]
    kinds = {"~": exp.RegexpLike, "=": exp.EQ, "~*": exp.RegexpILike}
    if sign not in kinds:
        raise unsupported(f"Redshift's OPERATOR({sign})", place_of(node))
    made = kinds[sign](this=node.this.copy(), expression=node.expression.copy())
    return compiler.value(made, scope)


def collate(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile COLLATE pg_catalog.default, which changes nothing."""
    if str(node.expression.name).lower() != "default":
        raise unsupported("Redshift's COLLATE", place_of(node))
    return compiler.value(node.this, scope)


def at_time_zone(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `time AT TIME ZONE 'zone'`, which is timezone('zone', time)."""
    values = [compiler.value(one, scope) for one in (node.args["zone"], node.this)]
    return compiler.call("timezone", values, node)
