# ruff: noqa: D402, E501, PLR2004 - a call as its summary; counts of arguments; a signature a line
"""String functions, after "String functions"."""

from collections.abc import Callable, Sequence

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import INT, STRING
from labrunner.localcloud.sql.functions import MismatchError, filled, merged, specials, table
from labrunner.localcloud.sql.redshift import conversions
from labrunner.localcloud.sql.values import Value

# CHAR is kept without its trailing blanks, which its length does not count.
TABLE = r"""
upper (string) -> string: upper({0})
lower (string) -> string: lower({0})
len length char_length character_length textlen (string) -> int: CAST(length({0}) AS INTEGER)
octet_length (string) -> int: CAST(strlen({0}) AS INTEGER)
concat (string, string) -> string: ({0} || {1})
left (string, int) -> string: rs_left_({0}, {1})
right (string, int) -> string: CASE WHEN {1} >= 0 THEN right({0}, {1}) WHEN {1} < 0 THEN right({0}, greatest(length({0}) + {1}, 0)) END
btrim (string) -> string: trim({0}, ' ')
btrim (string, string) -> string: trim({0}, {1})
ltrim (string) -> string: ltrim({0}, ' ')
ltrim (string, string) -> string: ltrim({0}, {1})
rtrim (string) -> string: rtrim({0}, ' ')
rtrim (string, string) -> string: rtrim({0}, {1})
substring substr (string, int) -> string: substring({0}, greatest({1}, 1)::BIGINT)
substring substr (string, int, int) -> string: rs_substring_({0}, {1}, {2})
strpos (string, string) -> int: CAST(rs_position_({0}, {1}) AS INTEGER)
charindex (string, string) -> int: CAST(rs_position_({1}, {0}) AS INTEGER)
replace (string, string, string) -> string: CASE WHEN {1} = '' THEN {0} ELSE replace({0}, {1}, {2}) END
reverse (string) -> string: array_to_string(list_reverse(string_split({0}, '')), '')
repeat replicate (string, int) -> string: repeat({0}, greatest({1}, 0))
split_part (string, string, int) -> string: rs_part_({0}, {1}, {2})
lpad (string, int) -> string: rs_pad_({0}, {1}, ' ', true)
lpad (string, int, string) -> string: rs_pad_({0}, {1}, {2}, true)
rpad (string, int) -> string: rs_pad_({0}, {1}, ' ', false)
rpad (string, int, string) -> string: rs_pad_({0}, {1}, {2}, false)
initcap (string) -> string: rs_initcap({0})
translate (string, string, string) -> string: rs_translate({0}, {1}, {2})
ascii (string) -> int: CASE WHEN {0} = '' THEN 0 ELSE CAST(unicode({0}) AS INTEGER) END
chr (int) -> string: CASE WHEN {0} BETWEEN 1 AND 1114111 THEN chr({0}) ELSE rs_fail_('54000', 'requested character not valid for encoding: ' || {0}) END
md5 (string) -> string: md5({0})
sha sha1 func_sha1 (string) -> string: sha1({0})
sha2 (string, int) -> string: rs_sha2({0}, {1})
crc32 (string) -> string: rs_crc32({0})
soundex (string) -> string: rs_soundex({0})
strtol (string, int) -> bigint: rs_strtol({0}, {1})
to_hex (bigint) -> string: CASE WHEN {0} < 0 THEN lower(hex({0})) ELSE lower(to_base({0}, 16)) END
quote_ident (string) -> string: rs_quote_ident({0})
quote_literal (string) -> string: rs_quote_literal({0})
bpcharcmp bttext_pattern_cmp (string, string) -> int: CASE WHEN rtrim({0}, ' ') > rtrim({1}, ' ') THEN 1 WHEN rtrim({0}, ' ') < rtrim({1}, ' ') THEN -1 WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN 0 END
json_array_length (string) -> int: rs_json_length({0}, false)
json_array_length (string, boolean) -> int: rs_json_length({0}, {1})
json_extract_array_element_text (string, int) -> string: rs_json_element({0}, {1}, false)
json_extract_array_element_text (string, int, boolean) -> string: rs_json_element({0}, {1}, {2})
is_valid_json (string) -> boolean: rs_is_json({0}, false)
is_valid_json_array (string) -> boolean: rs_is_json({0}, true)
"""


def json_extract_path_text(compiler: Compiler, values: Sequence[Value]) -> Value:
    """json_extract_path_text(json, name[, name ...][, null_if_invalid])."""
    flag = "false"
    names = list(values[1:])
    if names and names[-1].type.name == "boolean":
        flag = names.pop().sql
    if not values or not 1 <= len(names) <= 5:
        raise MismatchError("it takes a JSON text and one to five names")
    texts = [compiler.dialect.kinds.fit(one, "string") for one in (values[0], *names)]
    kept = [one for one in texts if one is not None]
    if len(kept) != len(texts):
        raise MismatchError("a text is expected")
    listed = ", ".join(f"{{{i}}}" for i in range(1, len(kept)))
    return filled(f"rs_json_path({{0}}, [{listed}], {flag})", kept, STRING)


# Each function's own arguments behind text and pattern: their kinds and defaults.
REGEXPS: dict[str, tuple[tuple[str, str], ...]] = {
    "regexp_count": (("int", "1"), ("string", "'c'")),
    "regexp_instr": (("int", "1"), ("int", "1"), ("int", "0"), ("string", "'c'")),
    "regexp_substr": (("int", "1"), ("int", "1"), ("string", "'c'")),
    "regexp_replace": (("string", "''"), ("int", "1"), ("string", "'c'")),
}


def _regexp(name: str) -> Callable[[Compiler, Sequence[Value]], Value]:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        rest = REGEXPS[name]
        if not 2 <= len(values) <= 2 + len(rest):
            raise MismatchError("")
        found = []
        for index, (kind, default) in enumerate((("string", ""), ("string", ""), *rest)):
            if index >= len(values):
                found.append(Value(default, INT if kind == "int" else STRING, default))
                continue
            fitted = compiler.dialect.kinds.fit(values[index], kind)
            if fitted is None:
                raise MismatchError(f"{kind} is expected", index)
            found.append(fitted)
        holes = ", ".join(f"{{{i}}}" for i in range(len(found)))
        result = STRING if name in ("regexp_substr", "regexp_replace") else INT
        return filled(f"rs_{name}({holes})", found, result)

    return compile_


def to_char(compiler: Compiler, values: Sequence[Value]) -> Value:
    """to_char(timestamp or number, format)."""
    if len(values) != 2:
        raise MismatchError("")
    value, pattern = values[0], compiler.dialect.kinds.fit(values[1], "string")
    assert pattern is not None
    if value.type.is_number:
        text = conversions.to_text(value)
        assert text is not None
        if value.type.name in ("float", "double"):
            text = filled("CAST(CAST({0} AS DECIMAL(38,15)) AS VARCHAR)", [value], STRING)
        return filled("rs_char_of_number({0}, {1})", [text, pattern], STRING)
    moment = compiler.dialect.kinds.fit(value, "timestamp")
    if moment is None:
        raise MismatchError(f"a timestamp or a number is expected but {value.type} is found", 0)
    return filled("rs_char_of_moment({0}, {1})", [moment, pattern], STRING)


def trim(compiler: Compiler, values: Sequence[Value]) -> Value:
    """trim(text[, characters]), as btrim."""
    return compiler.dialect.functions["btrim"].call(compiler, values)


FUNCTIONS = merged(
    (
        table(TABLE),
        specials(
            json_extract_path_text=json_extract_path_text,
            to_char=to_char,
            trim=trim,
            **{name: _regexp(name) for name in REGEXPS},
        ),
    )
)
