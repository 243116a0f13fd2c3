# ruff: noqa: S608 - the SQL is made of compiled expressions
"""Redshift's literals and operators, after "Expressions", "Conditions" and "Literals"."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from labrunner.localcloud.sql import calls, quoting
from labrunner.localcloud.sql.compiler import Compiler, Rule
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INT,
    MAX_PRECISION,
    STRING,
    VOID,
    Type,
    decimal,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import filled
from labrunner.localcloud.sql.queries import boolean
from labrunner.localcloud.sql.redshift import ordered, patterns, types
from labrunner.localcloud.sql.redshift.arithmetic import arithmetic, interval, negative
from labrunner.localcloud.sql.redshift.conversions import alike, comparable, to_text
from labrunner.localcloud.sql.redshift.dateparts import PARTS
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.values import Scope, Value, place_of, volatile

if TYPE_CHECKING:
    from sqlglot import exp

    Node = exp.Expression
else:
    Node = Any

# Functions that are written without parentheses.
BARE = ("sysdate", "current_user_id")


# ---- literals


def literal(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a text or a number: an INTEGER, else a BIGINT, else a NUMERIC."""
    del scope
    if node.is_string:
        return Value(quoting.text(node.this), STRING, node.this)
    text = str(node.this)
    if "e" in text.lower():
        value = float(text)
        return Value(f"CAST('{value!r}' AS DOUBLE)", DOUBLE, value)
    if text.isdecimal() and int(text) < 1 << 63:
        kind = INT if int(text) < 1 << 31 else BIGINT
        return Value(f"CAST({int(text)} AS {kind.duckdb})", kind, int(text))
    return _exact(compiler, text, node)


def _exact(compiler: Compiler, text: str, node: Node) -> Value:
    whole, _, fraction = text.partition(".")
    digits = len(whole.lstrip("0")) + len(fraction)
    if digits > MAX_PRECISION:
        raise compiler.dialect.wording.other(f"Numeric data overflow: {text}", node)
    kind = decimal(max(1, digits), len(fraction))
    return Value(f"CAST('{text}' AS {kind.duckdb})", kind, Decimal(text))


def escape_string(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile E'...', whose escapes are resolved already."""
    del compiler, scope
    return Value(quoting.text(str(node.this)), STRING, str(node.this))


def null(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile NULL."""
    del compiler, node, scope
    return Value("NULL", VOID, None)


def truth(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile TRUE and FALSE."""
    del compiler, scope
    return Value("true" if node.this else "false", BOOLEAN, bool(node.this))


def paren(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile what stands in parentheses."""
    return compiler.value(node.this, scope)


def type_of(node: Node) -> Type:
    """Return a type that stands in an expression; raises SqlError."""
    if type(node).__name__ != "DataType":
        text = str(getattr(node.this, "value", node.this)).lower()
        if text in types.PLAIN:
            return types.PLAIN[text]
        raise unsupported(f"Redshift's type {text}", place_of(node))
    name = str(node.this.value).lower()
    name = {"float": "float4", "double": "float8", "timestampltz": "timestamptz"}.get(name, name)
    sizes = [one.this.name for one in node.expressions if type(one).__name__ == "DataTypeParam"]
    if name == "float8" and sizes:
        name = "float"
    try:
        return types.of(name, sizes, declared=False)
    except types.NoTypeError as error:
        if error.is_known:
            raise unsupported(f"Redshift's type {error.text}", place_of(node)) from None
        text = f'type "{error.text}" does not exist'
        raise RedshiftError("42704", text, place_of(node)) from None


def _as_object(value: Value, name: str) -> Value | None:
    """Return a number of the catalog as a name, or a name as a number, as ::regclass does."""
    if value.type.is_integer and name == "regtype":
        return filled("rs_format_type_({0}, -1)", [value], STRING)
    if name != "regclass":
        return None
    if value.type.is_integer:
        name_sql = "(SELECT r.name FROM meta.relations AS r WHERE r.oid = {0})"
        sql = f"coalesce({name_sql}, CAST({{0}} AS VARCHAR))"
        return filled(sql, [value], STRING)
    if isinstance(value.constant, str):
        sql = (
            "coalesce((SELECT max(r.oid) FROM meta.relations AS r WHERE r.name = {0}), "
            "rs_fail_('42P01', 'relation \"' || {0} || '\" does not exist'))"
        )
        own = value.constant.rpartition(".")[2].strip('"').lower()
        return filled(sql, [Value(quoting.text(own), STRING, own)], BIGINT)
    return None


def cast(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile CAST, `::`, CONVERT(type, value), and DATE '...'."""
    to = node.args["to"]
    if type(to).__name__ == "ObjectIdentifier":
        name = str(getattr(to.this, "value", to.this)).lower()
        found = _as_object(compiler.value(node.this, scope), name)
        if found is not None:
            return found
    return compiler.cast(compiler.value(node.this, scope), type_of(node.args["to"]), node)


def joined(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile texts that follow one another, which are one text."""
    values = [compiler.value(one, scope) for one in node.expressions]
    whole = "".join(str(one.constant) for one in values)
    return Value(quoting.text(whole), STRING, whole)


# ---- columns


def node_parts(node: Node) -> list[Node]:
    """Return the identifiers of a column's or a table's name."""
    found: list[Node] = getattr(node, "parts", [])
    return found


def column(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `column`, `relation.column` and `schema.relation.column`."""
    parts = [str(one.name).lower() for one in node_parts(node)]
    if len(parts) > 3:  # noqa: PLR2004
        raise unsupported("Redshift's cross-database column", place_of(node))
    name, relation = parts[-1], parts[-2] if len(parts) > 1 else None
    found = compiler.column(name, relation, node, scope)
    if found is None and relation is None and name in BARE and not node.this.quoted:
        return compiler.call(name, [], node)
    if found is None:
        raise compiler.dialect.wording.column_not_found(name, scope, node)
    return found


# ---- comparisons and logic


def _comparison(sign: str) -> Callable[[Compiler, Node, Scope], Value]:
    def compile_(compiler: Compiler, node: Node, scope: Scope) -> Value:
        kind = type(node.expression).__name__
        if kind in ("Any", "All"):
            return _quantified(compiler, node, scope, sign)
        left, right = (compiler.value(one, scope) for one in (node.this, node.expression))
        return compare(compiler, left, right, sign, node)

    return compile_


def compare(compiler: Compiler, left: Value, right: Value, sign: str, node: Node) -> Value:
    """Compile a comparison of two values; raises SqlError."""
    found = comparable(left, right)
    if found is None:
        raise compiler.dialect.wording.no_common_type(sign, [left.type, right.type], node)
    a, b = found
    return Value(f"({a.sql} {sign} {b.sql})", BOOLEAN, volatile=volatile([left, right]))


def _quantified(compiler: Compiler, node: Node, scope: Scope, sign: str) -> Value:
    """Compile a comparison with ANY or ALL rows of a subquery."""
    word = type(node.expression).__name__.upper()
    query = node.expression.this
    if type(query).__name__ not in ("Select", "Subquery", "Union"):
        raise unsupported(f"Redshift's {word} of anything but a subquery", place_of(node))
    value = compiler.value(node.this, scope)
    a, b, sql = _with_query(compiler, value, query, node, scope)
    return Value(f"({a.sql} {sign} {word} (SELECT {b.sql} {sql}))", BOOLEAN)


def _with_query(
    compiler: Compiler, value: Value, query: Node, node: Node, scope: Scope
) -> tuple[Value, Value, str]:
    found = compiler.query(query, scope)
    if len(found.types) != 1:
        raise RedshiftError("42601", "subquery has too many columns", place_of(node))
    alias = compiler.fresh("t")
    inner = Value(f"{alias}.c0", found.types[0], is_column=True)
    pair = comparable(value, inner)
    if pair is None:
        raise compiler.dialect.wording.no_common_type("=", [value.type, inner.type], node)
    return (*pair, f"FROM ({found.sql}) AS {alias}")


def between(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile BETWEEN, which is two comparisons."""
    value, low, high = (
        compiler.value(one, scope) for one in (node.this, node.args["low"], node.args["high"])
    )
    if value.volatile:
        raise unsupported("Redshift's BETWEEN of a random value", place_of(node))
    first = compare(compiler, value, low, ">=", node)
    second = compare(compiler, value, high, "<=", node)
    return Value(f"({first.sql} AND {second.sql})", BOOLEAN)


def is_(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile IS NULL, IS TRUE, IS FALSE and IS UNKNOWN."""
    other = node.expression
    if type(other).__name__ == "Null":
        value = compiler.value(node.this, scope)
        return value.as_(f"({value.sql} IS NULL)", BOOLEAN)
    if type(other).__name__ == "Boolean":
        value = boolean(compiler, node.this, scope)
        word = "TRUE" if other.this else "FALSE"
        return value.as_(f"({value.sql} IS {word})", BOOLEAN)
    raise unsupported("Redshift's IS with anything but NULL, TRUE or FALSE", place_of(node))


def in_(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile IN over a list or a subquery."""
    query = node.args.get("query")
    if type(node.this).__name__ == "Tuple":
        raise unsupported("Redshift's IN of several columns", place_of(node))
    value = compiler.value(node.this, scope)
    if query is not None:
        a, b, sql = _with_query(compiler, value, query, node, scope)
        text = f"({a.sql} IN (SELECT {b.sql} {sql}))"
        return Value(text, BOOLEAN, volatile=value.volatile)
    if value.volatile:
        raise unsupported("Redshift's IN of a random value", place_of(node))
    parts = [compiler.value(one, scope) for one in node.expressions]
    pairs = [comparable(value, one) for one in parts]
    if any(pair is None for pair in pairs):
        bad = parts[pairs.index(None)]
        raise compiler.dialect.wording.no_common_type("=", [value.type, bad.type], node)
    sides = [pair for pair in pairs if pair is not None]
    if len({a.sql for a, _ in sides}) == 1:
        listed = ", ".join(b.sql for _, b in sides)
        return Value(f"({sides[0][0].sql} IN ({listed}))", BOOLEAN)
    equal = " OR ".join(f"{a.sql} = {b.sql}" for a, b in sides)
    return Value(f"({equal})", BOOLEAN)


def exists(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile EXISTS."""
    return Value(f"EXISTS ({compiler.query(node.this, scope).sql})", BOOLEAN)


def subquery(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a subquery that is a value."""
    found = compiler.query(node, scope)
    if len(found.types) != 1:
        raise RedshiftError("42601", "subquery must return only one column", place_of(node))
    return Value(f"(SELECT c0 FROM ({found.sql}))", found.types[0])


def _logic(word: str) -> Callable[[Compiler, Node, Scope], Value]:
    def compile_(compiler: Compiler, node: Node, scope: Scope) -> Value:
        sides = [_truth(compiler, one, scope, word) for one in (node.this, node.expression)]
        sql = f"({sides[0].sql} {word} {sides[1].sql})"
        return Value(sql, BOOLEAN, volatile=volatile(sides))

    return compile_


def _truth(compiler: Compiler, node: Node, scope: Scope, word: str) -> Value:
    value = compiler.value(node, scope)
    found = compiler.dialect.kinds.fit(value, "condition")
    if found is None:
        text = f"argument of {word} must be type boolean, not type {types.name(value.type)}"
        raise RedshiftError("42804", text, place_of(node))
    return found


def not_(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile NOT."""
    value = _truth(compiler, node.this, scope, "NOT")
    return value.as_(f"(NOT {value.sql})", BOOLEAN)


def case(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile both forms of CASE."""
    subject = compiler.value(node.this, scope) if node.args.get("this") else None
    if subject is not None and subject.volatile:
        raise unsupported("Redshift's CASE of a random value", place_of(node))
    conditions, results = [], []
    for one in node.args["ifs"]:
        compiler.expect(one, frozenset({"this", "true"}))
        if subject is None:
            conditions.append(_truth(compiler, one.this, scope, "CASE/WHEN"))
        else:
            when = compiler.value(one.this, scope)
            conditions.append(compare(compiler, subject, when, "=", one))
        results.append(compiler.value(one.args["true"], scope))
    default = node.args.get("default")
    results.append(compiler.value(default, scope) if default else Value("NULL", VOID, None))
    return chosen(compiler, conditions, results, node)


def chosen(
    compiler: Compiler, conditions: Sequence[Value], results: Sequence[Value], node: Node
) -> Value:
    """Return CASE over conditions; the last result is for none of them."""
    found = alike(results)
    if found is None:
        kinds = list(dict.fromkeys(one.type for one in results if one.type != VOID))
        raise compiler.dialect.wording.no_common_type("CASE", kinds[:2], node)
    fitted, kind = found
    parts = [
        f"WHEN {one.sql} THEN {result.sql}"
        for one, result in zip(conditions, fitted[:-1], strict=True)
    ]
    sql = f"CASE {' '.join(parts)} ELSE {fitted[-1].sql} END"
    return Value(f"({sql})", kind, volatile=volatile([*conditions, *results]))


# ---- texts


def concatenation(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `||`, which is NULL where either side is."""
    sides = [compiler.value(one, scope) for one in (node.this, node.expression)]
    texts = [to_text(one) for one in sides]
    if None in texts:
        kinds = [one.type for one in sides]
        raise compiler.dialect.wording.no_common_type("||", kinds, node)
    sql = " || ".join(one.sql for one in texts if one is not None)
    return Value(f"({sql})", STRING, volatile=volatile(sides))


def trim(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile TRIM([BOTH | LEADING | TRAILING] ['characters' FROM] text)."""
    way = str(node.args.get("position") or "BOTH").upper()
    name = {"BOTH": "btrim", "LEADING": "ltrim", "TRAILING": "rtrim"}[way]
    parts = [node.this, node.expression] if node.args.get("expression") else [node.this]
    return compiler.call(name, [compiler.value(one, scope) for one in parts], node)


def substring(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile SUBSTRING(text FROM start FOR length) and SUBSTRING(text, start, length)."""
    parts = [node.this, node.args.get("start"), node.args.get("length")]
    if parts[1] is None:
        raise compiler.dialect.wording.other("SUBSTRING needs a start", node)
    values = [compiler.value(one, scope) for one in parts if one is not None]
    return compiler.call("substring", values, node)


def position(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile POSITION(text IN text)."""
    values = [compiler.value(one, scope) for one in (node.this, node.args["substr"])]
    return compiler.call("strpos", values, node)


def extract(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile EXTRACT(part FROM time)."""
    from labrunner.localcloud.sql.redshift.functions.dates import extracted

    part = PARTS.get(str(node.this.name).lower())
    if part is None:
        text = f'timestamp units "{node.this.name.lower()}" not recognized'
        raise RedshiftError("22023", text, place_of(node))
    return extracted(compiler, part, compiler.value(node.expression, scope), node)


def dot(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `pg_catalog.function()`; other schemas have no functions."""
    schema = str(node.this.name).lower() if type(node.this).__name__ == "Identifier" else ""
    if schema == "pg_catalog" and type(node.expression).__name__ == "Anonymous":
        return compiler.value(node.expression, scope)
    raise unsupported("Redshift's navigation into a value", place_of(node))


def named(name: str) -> Callable[[Compiler, Node, Scope], Value]:
    """Return a rule for a function that is written without parentheses."""

    def compile_(compiler: Compiler, node: Node, scope: Scope) -> Value:
        del scope
        return compiler.call(name, [], node)

    return compile_


def unary(name: str) -> Callable[[Compiler, Node, Scope], Value]:
    """Return a rule for an operator that is a function of what follows it."""

    def compile_(compiler: Compiler, node: Node, scope: Scope) -> Value:
        return compiler.call(name, [compiler.value(node.this, scope)], node)

    return compile_


def complement(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `~ value`."""
    value = compiler.value(node.this, scope)
    if not value.type.is_integer:
        raise compiler.dialect.wording.no_common_type("~", [value.type], node)
    return filled(f"CAST(~{{0}} AS {value.type.duckdb})", [value], value.type)


def call(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a call by name, GROUPING(key) among them."""
    if str(node.name).lower() not in ("grouping", "grouping_id"):
        return calls.call(compiler, node, scope)
    if scope.grouping is None or not node.expressions:
        raise compiler.dialect.wording.aggregate_here("grouping", node)
    keys = [compiler.value(one, scope).sql for one in node.expressions]
    if any(one not in scope.grouping.keys for one in keys):
        text = "arguments to GROUPING must be grouping expressions of the query"
        raise RedshiftError("42803", text, place_of(node))
    return Value(f"CAST(GROUPING({', '.join(keys)}) AS INTEGER)", INT)


def window(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a call over a window."""
    if type(node.this).__name__ == "WithinGroup":
        return ordered.over_window(compiler, node, scope)
    if type(node.this).__name__ in ("IgnoreNulls", "RespectNulls"):
        return ordered.skipping(compiler, node, scope)
    arguments = node.this.args.get("expressions") or [None]
    if type(arguments[0]).__name__ in ("IgnoreNulls", "RespectNulls"):
        return ordered.skipping(compiler, ordered.mark_outside(node), scope)
    return calls.window(compiler, node, scope)


BINARY = frozenset({"this", "expression"})
UNARY = frozenset({"this"})


def _rules() -> Mapping[str, Rule]:
    found = {
        "Literal": Rule(literal, frozenset({"this", "is_string"})),
        "ByteString": Rule(escape_string, frozenset({"this", "is_bytes"})),
        "Null": Rule(null, frozenset()),
        "Boolean": Rule(truth, UNARY),
        "Paren": Rule(paren, UNARY),
        "Cast": Rule(cast, frozenset({"this", "to"})),
        "Concat": Rule(joined, frozenset({"expressions", "coalesce", "safe"})),
        "Interval": Rule(interval, frozenset({"this", "unit", "fraction_in_string"})),
        "Column": Rule(column, frozenset({"this", "table", "db", "catalog"})),
        "Between": Rule(between, frozenset({"this", "low", "high"})),
        "Is": Rule(is_, BINARY),
        "In": Rule(in_, frozenset({"this", "expressions", "query"})),
        "Exists": Rule(exists, UNARY),
        "Subquery": Rule(subquery, frozenset({"this", "with_"})),
        "And": Rule(_logic("AND"), BINARY),
        "Or": Rule(_logic("OR"), BINARY),
        "Not": Rule(not_, UNARY),
        "Case": Rule(case, frozenset({"this", "ifs", "default"})),
        "DPipe": Rule(concatenation, BINARY | {"safe"}),
        "Like": Rule(patterns.like, BINARY | {"negate"}),
        "ILike": Rule(patterns.like, BINARY | {"negate"}),
        "Escape": Rule(patterns.escaped, BINARY),
        "SimilarTo": Rule(patterns.similar, BINARY),
        "RegexpLike": Rule(patterns.posix, BINARY),
        "RegexpILike": Rule(patterns.posix, BINARY),
        "Extract": Rule(extract, BINARY),
        "Trim": Rule(trim, frozenset({"this", "position", "expression"})),
        "Substring": Rule(substring, frozenset({"this", "start", "length"})),
        "StrPosition": Rule(position, frozenset({"this", "substr"})),
        "Neg": Rule(negative, UNARY),
        "BitwiseNot": Rule(complement, UNARY),
        "Abs": Rule(unary("abs"), UNARY),
        "Sqrt": Rule(unary("sqrt"), UNARY),
        "Cbrt": Rule(unary("cbrt"), UNARY),
        "Dot": Rule(dot, BINARY),
        "Operator": Rule(patterns.operator, BINARY | {"operator"}),
        "Collate": Rule(patterns.collate, BINARY),
        "Anonymous": Rule(call, frozenset({"this", "expressions"})),
        "Window": Rule(window, calls.WINDOW),
        "WithinGroup": Rule(ordered.within_group, BINARY),
        "AtTimeZone": Rule(patterns.at_time_zone, frozenset({"this", "zone"})),
        "CurrentDate": Rule(named("current_date"), frozenset()),
        "CurrentTimestamp": Rule(named("current_timestamp"), frozenset()),
        "CurrentUser": Rule(named("current_user"), frozenset()),
        "SessionUser": Rule(named("session_user"), frozenset()),
        "CurrentSchema": Rule(named("current_schema"), frozenset()),
    }
    for name, sign in (
        ("EQ", "="), ("NEQ", "<>"), ("LT", "<"), ("LTE", "<="), ("GT", ">"), ("GTE", ">="),
    ):  # fmt: skip
        found[name] = Rule(_comparison(sign), BINARY)
    for name in (
        *("Add", "Sub", "Mul", "Div", "Mod", "Pow", "BitwiseAnd", "BitwiseOr", "BitwiseXor"),
        *("BitwiseLeftShift", "BitwiseRightShift"),
    ):
        found[name] = Rule(arithmetic, BINARY | {"typed", "safe"})
    return found


RULES = _rules()
