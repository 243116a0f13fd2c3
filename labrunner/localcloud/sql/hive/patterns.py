"""LIKE, RLIKE and the functions of regular expressions: by RE2 where it surely agrees with Java."""

from collections.abc import Sequence

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import BOOLEAN, STRING, Type, array
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.functions import MismatchError, filled
from labrunner.localcloud.sql.javaregex import Guarded, for_python, for_re2
from labrunner.localcloud.sql.regex_tree import RegexError
from labrunner.localcloud.sql.values import Node, Scope, Value, place_of

PLAIN_END = r"(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])?\z"


def texts(compiler: Compiler, values: Sequence[Value], count: int) -> list[Value]:
    """Return arguments as texts; raises MismatchError."""
    if len(values) != count:
        raise MismatchError("")
    found = []
    for index, one in enumerate(values):
        fitted = compiler.dialect.kinds.fit(one, "string")
        if fitted is None:
            raise MismatchError(f"a string is expected but {one.type} is found", index)
        found.append(fitted)
    return found


def checked(pattern: Value) -> str | None:
    """Return a pattern that is written out, None if it is not; raises SqlError if it is wrong."""
    if not isinstance(pattern.constant, str):
        return None
    try:
        for_python(pattern.constant)
    except RegexError as error:
        if for_re2_or_none(pattern.constant) is None:
            raise SqlError("unsupported", f"Hive's regular expression: {error}") from None
    return pattern.constant


def for_re2_or_none(pattern: str) -> Guarded | None:
    """Return a pattern for RE2, None where that is not sure."""
    try:
        return for_re2(pattern)
    except RegexError:
        return None


def like(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile LIKE: `_`, `%`, and a backslash that quotes either."""
    sides = [compiler.value(one, scope) for one in (node.this, node.expression)]
    fitted = [compiler.dialect.kinds.fit(one, "string") for one in sides]
    if None in fitted:
        types = [one.type for one in sides]
        raise compiler.dialect.wording.no_common_type("LIKE", types, node)
    text, pattern = (one for one in fitted if one is not None)
    if not isinstance(pattern.constant, str):
        raise unsupported("Hive's LIKE with a pattern that is not a literal", place_of(node))
    word = "NOT LIKE" if node.args.get("negate") else "LIKE"
    escaped = _like_pattern(pattern.constant)
    return filled(f"({{0}} {word} {{1}} ESCAPE '!')", [text, _constant(escaped)], BOOLEAN)


def _like_pattern(pattern: str) -> str:
    """Return a pattern whose quoting sign is `!`: DuckDB refuses a backslash before a letter."""
    parts, quoted = [], False
    for char in pattern:
        if quoted:
            parts.append(f"!{char}" if char in "%_!" else f"\\{char}")
            quoted = False
        elif char == "\\":
            quoted = True
        else:
            parts.append("!!" if char == "!" else char)
    return "".join(parts) + ("\\" if quoted else "")


def _constant(text: str) -> Value:
    return Value(quoting.text(text), STRING, text)


def rlike(compiler: Compiler, node: Node, scope: Scope) -> Value:
    """Compile RLIKE: whether a pattern is found anywhere."""
    sides = [compiler.value(one, scope) for one in (node.this, node.expression)]
    try:
        return found_in(compiler, sides)
    except MismatchError as error:
        raise compiler.dialect.wording.wrong_arguments("RLIKE", error, node) from None


def found_in(compiler: Compiler, values: Sequence[Value]) -> Value:
    """Return whether a pattern is found in a text."""
    text, pattern = texts(compiler, values, 2)
    constant = checked(pattern)
    if constant == "":
        return filled("({0} <> {0})", [text], BOOLEAN)
    guarded = for_re2_or_none(constant) if constant is not None else None
    if guarded is None:
        return filled("java_find({0}, {1})", [text, pattern], BOOLEAN)
    end = PLAIN_END if guarded.ends else ""
    patterns = [_constant(f"(?:{guarded.pattern}){end}"), *map(_constant, guarded.without)]
    sql = "regexp_matches({0}, {1})"
    for index in range(len(guarded.without)):
        sql += f" AND NOT regexp_matches({{0}}, {{{index + 2}}})"
    return filled(f"({sql})", [text, *patterns], BOOLEAN)


def extract(compiler: Compiler, values: Sequence[Value]) -> Value:
    """Compile the call regexp_extract(text, pattern[, group]): the first match's group, else ''."""
    if len(values) not in (2, 3):
        raise MismatchError("")
    text, pattern = texts(compiler, values[:2], 2)
    group = 1
    if len(values) > 2:  # noqa: PLR2004
        if not isinstance(values[2].constant, int):
            raise unsupported("Hive's regexp_extract() with a group that is not a literal")
        group = values[2].constant
    constant = checked(pattern)
    guarded = for_re2_or_none(constant) if constant is not None else None
    if guarded and not 0 <= group <= guarded.groups:
        raise SqlError(
            "execution", f"Regex group count is {guarded.groups}, but the index is {group}"
        )
    usable = guarded and not guarded.without and not guarded.ends
    if not guarded or not usable or (group and group not in guarded.surely):
        sql = f"java_extract({{0}}, {{1}}, {group})"
        return filled(sql, [text, pattern], STRING)
    main = _constant(guarded.pattern)
    return filled(f"regexp_extract({{0}}, {{1}}, {group})", [text, main], STRING)


def replace(compiler: Compiler, values: Sequence[Value]) -> Value:
    """Compile regexp_replace(text, pattern, replacement): every match is replaced."""
    text, pattern, new = texts(compiler, values, 3)
    constant = checked(pattern)
    guarded = for_re2_or_none(constant) if constant is not None else None
    plain = isinstance(new.constant, str) and not set(new.constant) & set("$\\")
    if guarded is None or guarded.without or guarded.ends or guarded.may_be_empty or not plain:
        return filled("java_replace({0}, {1}, {2})", [text, pattern, new], STRING)
    main = _constant(guarded.pattern)
    return filled("regexp_replace({0}, {1}, {2}, 'g')", [text, main, new], STRING)


SPECIAL = set("\\^$.|?*+()[]{}")


def split(compiler: Compiler, values: Sequence[Value]) -> Value:
    """Compile a split of a text by a pattern, which keeps empty parts at the end."""
    text, pattern = texts(compiler, values, 2)
    constant = checked(pattern)
    kind: Type = array(STRING)
    simple = None
    if constant is not None and constant and not set(constant) & SPECIAL:
        simple = constant
    elif constant is not None and len(constant) == 2 and constant[0] == "\\":  # noqa: PLR2004
        simple = constant[1] if constant[1] in SPECIAL else None
    if simple is not None:
        return filled("string_split({0}, {1})", [text, _constant(simple)], kind)
    return filled("java_split({0}, {1})", [text, pattern], kind)
