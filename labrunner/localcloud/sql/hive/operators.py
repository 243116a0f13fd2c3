# ruff: noqa: ARG001, S608 - every rule has the signature of a Compile
"""Hive's literals and operators, after "Hive Operators" in the manual's page on functions."""

from collections.abc import Mapping

from labrunner.localcloud.sql import calls, quoting
from labrunner.localcloud.sql.compiler import Compile, Compiler, Rule
from labrunner.localcloud.sql.datatypes import (
    BIGINT,
    BOOLEAN,
    STRING,
    VOID,
)
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.hive import literals
from labrunner.localcloud.sql.hive.arithmetic import arithmetic, negative
from labrunner.localcloud.sql.hive.conversions import comparable, to_string
from labrunner.localcloud.sql.hive.patterns import like, rlike
from labrunner.localcloud.sql.queries import boolean
from labrunner.localcloud.sql.values import Node, Scope, Value, place_of, volatile

GROUPING_ID = "grouping__id"


def paren(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile what stands in parentheses."""
    return compiler.value(node.this, scope)


# ---- columns


def column(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `column`, `relation.column` and fields of structs, which are written the same."""
    parts = [str(one.name).lower() for one in node.parts]
    if len(parts) == 1 and parts[0] == GROUPING_ID:
        return grouping_id(compiler, node, scope)
    found, rest = None, parts[1:]
    if len(parts) > 1 and _has_relation(scope, parts[0]):
        found, rest = compiler.column(parts[1], parts[0], node, scope), parts[2:]
    if found is None:
        found, rest = compiler.column(parts[0], None, node, scope), parts[1:]
    if found is None:
        name = parts[0] if len(parts) == 1 or not _has_relation(scope, parts[0]) else parts[1]
        raise compiler.dialect.wording.column_not_found(name, scope, node)
    for one in rest:
        found = field(compiler, found, one, node)
    return found


def _has_relation(scope: Scope, name: str) -> bool:
    return scope.has(name) or (scope.parent is not None and _has_relation(scope.parent, name))


def field(compiler: Compiler, value: Value, name: str, node: Node) -> Value:
    """Compile the field of a struct, or of each struct of an array."""
    kind = value.type
    if kind.name == "struct" and name in kind.fields:
        inner = kind.args[kind.fields.index(name)]
        return value.as_(f"struct_extract({value.sql}, {quoting.text(name)})", inner)
    raise compiler.dialect.wording.other(f". Operator is only supported on struct: '{name}'", node)


def dot(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile the field of an expression."""
    if type(node.expression).__name__ != "Identifier":
        raise unsupported("Hive's method call", place_of(node))
    value = compiler.value(node.this, scope)
    return field(compiler, value, str(node.expression.name).lower(), node)


def bracket(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile an element of an array, from 0, or the value of a key; NULL where there is none."""
    value = compiler.value(node.this, scope)
    if len(node.expressions) != 1:
        raise unsupported("Hive's subscript of several values", place_of(node))
    index = compiler.value(node.expressions[0], scope)
    shaky = volatile([value, index])
    if value.type.name == "array" and index.type.is_integer:
        sql = f"list_extract({value.sql}, CASE WHEN {index.sql} >= 0 THEN {index.sql} + 1 END)"
        return Value(sql, value.type.args[0], volatile=shaky)
    if value.type.name == "map":
        key = compiler.dialect.conversions.implicit(index, value.type.args[0])
        if key is not None:
            sql = f"map_extract_value({value.sql}, {key.sql})"
            return Value(sql, value.type.args[1], volatile=shaky)
    why = f"[] not valid on {value.type} with {index.type}"
    raise compiler.dialect.wording.other(why, node)


def grouping_id(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile GROUPING__ID: a bit for each key, 1 where it was aggregated away."""
    if scope.grouping is None or not scope.grouping.has_sets:
        raise compiler.dialect.wording.column_not_found(GROUPING_ID, scope, node)
    keys = ", ".join(scope.grouping.keys)
    return Value(f"CAST(GROUPING({keys}) AS BIGINT)", BIGINT)


# ---- comparisons and logic


def _comparison(sign: str) -> Compile:
    def compile_(compiler: Compiler, node: Node, scope: Scope) -> Value:
        left, right = (compiler.value(one, scope) for one in (node.this, node.expression))
        return compare(compiler, left, right, sign, node)

    return compile_


def compare(compiler: Compiler, left: Value, right: Value, sign: str, node: Node) -> Value:
    """Compile a comparison of two values."""
    found = comparable(left, right)
    if found is None:
        raise compiler.dialect.wording.no_common_type("comparison", [left.type, right.type], node)
    if isinstance(found, str):
        raise compiler.dialect.wording.other(found, node)
    a, b = found
    if a.type.name in ("array", "map", "struct", "interval") or b.type.name == "interval":
        raise unsupported(f"Hive's comparison of {a.type}", place_of(node))
    return Value(f"({a.sql} {sign} {b.sql})", BOOLEAN, volatile=volatile([left, right]))


def between(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile BETWEEN, which is two comparisons."""
    value, low, high = (
        compiler.value(one, scope) for one in (node.this, node.args["low"], node.args["high"])
    )
    if value.volatile:
        raise unsupported("Hive's BETWEEN of a random value", place_of(node))
    first = compare(compiler, value, low, ">=", node)
    second = compare(compiler, value, high, "<=", node)
    return Value(f"({first.sql} AND {second.sql})", BOOLEAN)


def is_(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile IS NULL, IS TRUE and IS FALSE."""
    other = node.expression
    if type(other).__name__ == "Null":
        value = compiler.value(node.this, scope)
        return value.as_(f"({value.sql} IS NULL)", BOOLEAN)
    if type(other).__name__ == "Boolean":
        value = boolean(compiler, node.this, scope)
        word = "TRUE" if other.this else "FALSE"
        return value.as_(f"({value.sql} IS {word})", BOOLEAN)
    raise unsupported("Hive's IS with anything but NULL, TRUE or FALSE", place_of(node))


def in_(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile IN over a list or a subquery."""
    value = compiler.value(node.this, scope)
    query = node.args.get("query")
    if query is not None:
        return _in_query(compiler, value, query, node, scope)
    parts = [compiler.value(one, scope) for one in node.expressions]
    # GenericUDFIn finds one type for all of them, as for a column.
    equal = [compare(compiler, value, one, "=", node).sql for one in parts]
    if value.volatile:
        raise unsupported("Hive's IN of a random value", place_of(node))
    return Value(f"({' OR '.join(equal)})", BOOLEAN)


def _in_query(compiler: Compiler, value: Value, query: Node, node: Node, scope: Scope) -> Value:
    found = compiler.query(query, scope)
    if len(found.types) != 1:
        why = "SubQuery can contain only 1 item in Select List."
        raise compiler.dialect.wording.other(why, node)
    alias = compiler.fresh("t")
    inner = Value(f"{alias}.c0", found.types[0], is_column=True)
    pair = comparable(value, inner)
    if pair is None or isinstance(pair, str):
        types = [value.type, inner.type]
        raise compiler.dialect.wording.no_common_type("IN", types, node)
    left, right = pair
    sql = f"({left.sql} IN (SELECT {right.sql} FROM ({found.sql}) AS {alias}))"
    return Value(sql, BOOLEAN, volatile=value.volatile)


def exists(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile EXISTS."""
    return Value(f"EXISTS ({compiler.query(node.this, scope).sql})", BOOLEAN)


def subquery(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile a subquery that is a value."""
    found = compiler.query(node, scope)
    if len(found.types) != 1:
        why = "SubQuery can contain only 1 item in Select List."
        raise compiler.dialect.wording.other(why, node)
    # DuckDB takes the first of several rows unless told otherwise; Hive fails.
    inner = f"SELECT c0 FROM ({found.sql})"
    return Value(f"({inner})", found.types[0])


def _logic(word: str) -> Compile:
    def compile_(compiler: Compiler, node: Node, scope: Scope) -> Value:
        left, right = (boolean(compiler, one, scope) for one in (node.this, node.expression))
        sql = f"({left.sql} {word} {right.sql})"
        return Value(sql, BOOLEAN, volatile=volatile([left, right]))

    return compile_


def not_(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile NOT."""
    value = boolean(compiler, node.this, scope)
    return value.as_(f"(NOT {value.sql})", BOOLEAN)


def case(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile both forms of CASE."""
    subject = compiler.value(node.this, scope) if node.args.get("this") else None
    if subject is not None and subject.volatile:
        raise unsupported("Hive's CASE of a random value", place_of(node))
    conditions, results = [], []
    for one in node.args["ifs"]:
        compiler.expect(one, frozenset({"this", "true"}))
        if subject is None:
            conditions.append(boolean(compiler, one.this, scope))
        else:
            when = compiler.value(one.this, scope)
            conditions.append(compare(compiler, subject, when, "=", one))
        results.append(compiler.value(one.args["true"], scope))
    default = node.args.get("default")
    results.append(compiler.value(default, scope) if default else Value("NULL", VOID, None))
    return chosen(compiler, conditions, results, node)


def chosen(compiler: Compiler, conditions: list[Value], results: list[Value], node: Node) -> Value:
    """Return CASE over conditions; the last result is for none of them."""
    fitted, kind = compiler.alike(results, "CASE", node)
    parts = [
        f"WHEN {one.sql} THEN {result.sql}"
        for one, result in zip(conditions, fitted[:-1], strict=True)
    ]
    sql = f"CASE {' '.join(parts)} ELSE {fitted[-1].sql} END"
    return Value(f"({sql})", kind, volatile=volatile([*conditions, *results]))


def if_(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile IF(condition, then, else)."""
    if node.args.get("false") is None:
        raise compiler.dialect.wording.other("The function IF accepts exactly 3 arguments.", node)
    condition = boolean(compiler, node.this, scope)
    results = [compiler.value(node.args[one], scope) for one in ("true", "false")]
    return chosen(compiler, [condition], results, node)


# ---- texts


def concatenation(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile `||`, which is NULL where either side is."""
    sides = [compiler.value(one, scope) for one in (node.this, node.expression)]
    texts = [to_string(one) for one in sides]
    if None in texts:
        types = [one.type for one in sides]
        raise compiler.dialect.wording.no_common_type("||", types, node)
    sql = " || ".join(one.sql for one in texts if one is not None)
    return Value(f"({sql})", STRING, volatile=volatile(sides))


def extract(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile EXTRACT(unit FROM x), which is the function of the unit's name."""
    unit = str(node.this.name).lower()
    names = {"dayofweek": "dayofweek", "week": "weekofyear"}
    name = names.get(unit, unit)
    if name not in (
        "year",
        "quarter",
        "month",
        "weekofyear",
        "dayofweek",
        "day",
        "hour",
        "minute",
        "second",
    ):
        raise unsupported(f"Hive's EXTRACT({unit.upper()})", place_of(node))
    return compiler.call(name, [compiler.value(node.expression, scope)], node)


def now(name: str) -> Compile:
    """Return a rule for a function that is written without parentheses."""

    def compile_(compiler: Compiler, node: Node, scope: Scope) -> Value:
        return compiler.call(name, [], node)

    return compile_


BINARY = frozenset({"this", "expression"})
UNARY = frozenset({"this"})
CAST = frozenset({"this", "to"})


def _rules() -> Mapping[str, Rule]:
    found = {
        "Literal": Rule(literals.literal, frozenset({"this", "is_string"})),
        "Null": Rule(literals.null, frozenset()),
        "Boolean": Rule(literals.truth, UNARY),
        "Paren": Rule(paren, UNARY),
        "TryCast": Rule(literals.cast, CAST),
        "Cast": Rule(literals.time_literal, CAST),
        "Concat": Rule(literals.string_sequence, frozenset({"expressions"})),
        "Interval": Rule(literals.interval, frozenset({"this", "unit"})),
        "Column": Rule(column, frozenset({"this", "table", "db", "catalog"})),
        "Dot": Rule(dot, BINARY),
        "Bracket": Rule(bracket, frozenset({"this", "expressions"})),
        "Between": Rule(between, frozenset({"this", "low", "high"})),
        "Is": Rule(is_, BINARY),
        "In": Rule(in_, frozenset({"this", "expressions", "query"})),
        "Exists": Rule(exists, UNARY),
        "Subquery": Rule(subquery, frozenset({"this", "with_"})),
        "And": Rule(_logic("AND"), BINARY),
        "Or": Rule(_logic("OR"), BINARY),
        "Not": Rule(not_, UNARY),
        "Case": Rule(case, frozenset({"this", "ifs", "default"})),
        "If": Rule(if_, frozenset({"this", "true", "false"})),
        "DPipe": Rule(concatenation, BINARY | {"safe"}),
        "Like": Rule(like, BINARY | {"negate"}),
        "RegexpLike": Rule(rlike, BINARY),
        "Extract": Rule(extract, BINARY),
        "Neg": Rule(negative, UNARY),
        "Anonymous": Rule(calls.call, frozenset({"this", "expressions"})),
        "Window": Rule(calls.window, calls.WINDOW),
        "CurrentDate": Rule(now("current_date"), frozenset()),
        "CurrentTimestamp": Rule(now("current_timestamp"), frozenset()),
    }
    for name, sign in (
        ("EQ", "="),
        ("NEQ", "<>"),
        ("LT", "<"),
        ("LTE", "<="),
        ("GT", ">"),
        ("GTE", ">="),
        ("NullSafeEQ", "IS NOT DISTINCT FROM"),
        ("NullSafeNEQ", "IS DISTINCT FROM"),
    ):
        found[name] = Rule(_comparison(sign), BINARY)
    for name in (
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Mod",
        "IntDiv",
        "BitwiseAnd",
        "BitwiseOr",
        "BitwiseXor",
    ):
        found[name] = Rule(arithmetic, BINARY | {"typed", "safe"})
    return found


RULES = _rules()
