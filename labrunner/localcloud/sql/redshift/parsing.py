"""Queries, and statements that change rows, parsed by sqlglot: functions keep their names."""

import functools
import itertools
from typing import TYPE_CHECKING, Any, ClassVar

from labrunner.localcloud.sql.errors import Place, SqlError, unsupported
from labrunner.localcloud.sql.redshift.dateparts import PARTS
from labrunner.localcloud.sql.redshift.lexer import Kind, Token, lex, unescaped
from labrunner.localcloud.sql.redshift.wording import syntax_error

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

# Functions whose first argument is a date part.
PART_FIRST = frozenset(
    {
        *("date_part", "pgdate_part", "date_trunc", "dateadd", "date_add", "datediff"),
        "date_diff",
    }
)
SETS = ("Rollup", "Cube", "GroupingSets")
KEPT = ("CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM")
# What sqlglot takes for something else, or not at all.
REFUSED = {
    "APPROXIMATE": "Redshift's APPROXIMATE functions",
    "PIVOT": "Redshift's PIVOT",
    "UNPIVOT": "Redshift's UNPIVOT",
    "CONNECT": "Redshift's CONNECT BY",
}


@functools.cache
def _dialect() -> Any:
    from sqlglot.dialects.redshift import Redshift

    class StatementParser(Redshift.Parser):  # type: ignore[valid-type,misc]
        # sqlglot rewrites the functions it knows, and thereby forgets which was written.
        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: one for name, one in Redshift.Parser.FUNCTION_PARSERS.items() if name in KEPT
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: one
            for name, one in Redshift.Parser.NO_PAREN_FUNCTION_PARSERS.items()
            if name in ("CASE", "ANY")
        }

    class Statement(Redshift):
        Parser = StatementParser

    return Statement()


def parse(text: str) -> Node:
    """Parse one statement; raises SqlError."""
    from sqlglot.errors import ParseError, TokenError

    mine = lex(text)
    _check(mine)
    dialect = _dialect()
    try:
        tokens = dialect.tokenize(text)
    except TokenError:
        raise syntax_error(text[:20], Place(1, 0)) from None
    for token in tokens:
        source = text[token.start : token.end + 1]
        if token.token_type.name == "STRING":
            token.text = unescaped(source)
        elif token.token_type.name == "BYTE_STRING":  # E'...'
            token.text = unescaped(source[1:])
    tokens = _without_catalog(tokens)
    try:
        found = dialect.parser().parse(tokens, text)
    except ParseError as error:
        raise _failure(mine, error) from None
    except (TypeError, AttributeError, ValueError, KeyError, IndexError):
        raise syntax_error("", None) from None  # sqlglot gave up on it
    if len(found) != 1 or found[0] is None:
        raise syntax_error(mine[-2].text if len(mine) > 1 else "", mine[-1].place)
    return _arranged(found[0])


def _without_catalog(tokens: list[Any]) -> list[Any]:
    """Leave out the schema of `::pg_catalog.text`, as sqlglot knows no types of a schema."""
    kept: list[Any] = []
    for token in tokens:
        before = [one.token_type.name for one in kept[-2:]]
        is_schema = token.token_type.name == "DOT" and before[:1] == ["DCOLON"]
        if is_schema and kept[-1].text.lower() == "pg_catalog":
            kept.pop()
            continue
        kept.append(token)
    return kept


def parse_expression(text: str) -> Node:
    """Parse an expression, such as the default of a column; raises SqlError."""
    found = parse(f"SELECT {text}")
    if type(found).__name__ != "Select" or len(found.expressions) != 1:
        raise syntax_error(text[:20], Place(1, 0))
    expression: Node = found.expressions[0]
    return expression


def _check(tokens: list[Token]) -> None:
    before = ""
    for token, after in itertools.pairwise(tokens):
        if token.word == "CONNECT" and after.word != "BY":
            continue
        is_call = after.text == "(" or after.kind is Kind.WORD
        if token.word in REFUSED and is_call and before != ".":
            raise unsupported(REFUSED[token.word], token.place)
        if token.kind is Kind.SIGN and token.text in ("@", "#"):
            raise unsupported(f"Redshift's operator {token.text}", token.place)
        if token.kind is Kind.PARAMETER:
            raise syntax_error(token.text, token.place)
        if token.text == "?":
            raise syntax_error("?", token.place)
        before = token.text


def _failure(tokens: list[Token], error: Any) -> SqlError:
    first = error.errors[0] if error.errors else {}
    line, column = first.get("line"), first.get("col")
    highlight = str(first.get("highlight") or "")
    if line is None:
        return syntax_error("", tokens[-1].place)
    start = int(column or 0) - len(highlight)
    near = [t for t in tokens if t.place.line == line and t.place.column >= max(0, start)]
    token = near[0] if near else tokens[-1]
    return syntax_error(token.text, token.place)


def _arranged(tree: Node) -> Node:
    """Bring to the shape that the compiler knows what sqlglot reads in several ways."""
    from sqlglot import exp

    for node in tree.walk():
        if isinstance(node, exp.Group):
            _group(node)
        elif isinstance(node, exp.Anonymous) and node.name.lower() in PART_FIRST:
            _date_part(node)
        elif isinstance(node, exp.Limit) and node.expression.name.upper() == "ALL":
            node.pop()
    return tree


def _date_part(node: Node) -> None:
    """DATEADD(day, ...): the part may be a bare word."""
    from sqlglot import exp

    first = node.expressions[0] if node.expressions else None
    if isinstance(first, exp.Column) and not first.table and first.name.lower() in PARTS:
        first.replace(exp.Literal.string(first.name.lower()))


def _group(node: Node) -> None:
    """GROUP BY ROLLUP(a, b): the keys as the expressions, and ROLLUP beside them."""
    from sqlglot import exp

    sets = [one for one in node.expressions if type(one).__name__ in SETS]
    for name in ("rollup", "cube", "grouping_sets"):
        sets += node.args.get(name) or []
        node.set(name, None)
    if not sets:
        return
    plain = [one for one in node.expressions if one not in sets]
    if len(sets) > 1 or plain:
        what = "Redshift's GROUP BY of several ROLLUP, CUBE or GROUPING SETS"
        raise unsupported(what)
    found = sets[0]
    name = {"Rollup": "rollup", "Cube": "cube", "GroupingSets": "grouping_sets"}[
        type(found).__name__
    ]
    if name == "grouping_sets":
        keys: list[Node] = []
        for one in found.expressions:
            members = one.expressions if isinstance(one, exp.Tuple) else [one]
            for member in members:
                key = member.this if isinstance(member, exp.Paren) else member
                if key not in keys:
                    keys.append(key)
        node.set("expressions", [one.copy() for one in keys])
        node.set(name, [found])
        return
    if any(isinstance(one, exp.Tuple) for one in found.expressions):
        raise unsupported(f"Redshift's {name.upper()} of lists")
    node.set("expressions", found.expressions)
    node.set(name, [type(found)()])
