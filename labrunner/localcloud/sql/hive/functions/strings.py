# ruff: noqa: ARG001, D402, E501 - the signature of a Special, and a call as its summary; a signature a line
"""String functions, after "String Functions" and "Data Masking Functions"."""

from collections.abc import Sequence

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.datatypes import BINARY, INT, STRING, array
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.functions import (
    MismatchError,
    Special,
    filled,
    merged,
    specials,
    table,
)
from labrunner.localcloud.sql.hive import patterns
from labrunner.localcloud.sql.hive.conversions import cast, to_string
from labrunner.localcloud.sql.hive.texts import printable
from labrunner.localcloud.sql.values import Value

TABLE = r"""
upper ucase (string) -> string: upper({0})
lower lcase (string) -> string: lower({0})
length (string) -> int: CAST(length({0}) AS INTEGER)
length (binary) -> int: CAST(octet_length({0}) AS INTEGER)
character_length char_length (string) -> int: CAST(length({0}) AS INTEGER)
octet_length (string) -> int: CAST(octet_length(encode({0})) AS INTEGER)
octet_length (binary) -> int: CAST(octet_length({0}) AS INTEGER)
reverse (string) -> string: array_to_string(list_reverse(string_split({0}, '')), '')
trim (string) -> string: trim({0}, ' ')
ltrim (string) -> string: ltrim({0}, ' ')
rtrim (string) -> string: rtrim({0}, ' ')
repeat (string, int) -> string: repeat({0}, greatest({1}, 0))
space (int) -> string: repeat(' ', greatest({0}, 0))
ascii (string) -> int: CASE WHEN {0} = '' THEN 0 ELSE TRY_CAST('0x' || left(hex(encode(left({0}, 1))), 2) AS INTEGER) END
substr substring (string, int) -> string: hive_substr_({0}, {1}::BIGINT, 2147483647)
substr substring (string, int, int) -> string: hive_substr_({0}, {1}::BIGINT, {2})
substring_index (string, string, int) -> string: CASE WHEN {1} = '' OR {2} = 0 THEN '' WHEN {2} > 0 THEN array_to_string(string_split({0}, {1})[1:{2}], {1}) ELSE array_to_string(string_split({0}, {1})[greatest(1, len(string_split({0}, {1})) + {2} + 1):], {1}) END
instr (string, string) -> int: CAST(strpos({0}, {1}) AS INTEGER)
locate (string, string) -> int: CAST(strpos({1}, {0}) AS INTEGER)
locate (string, string, int) -> int: CASE WHEN {2} < 1 THEN 0 WHEN strpos(substring({1}, {2}), {0}) = 0 THEN 0 ELSE CAST(strpos(substring({1}, {2}), {0}) + {2} - 1 AS INTEGER) END
translate (string, string, string) -> string: translate({0}, {1}, {2})
replace (string, string, string) -> string: replace({0}, {1}, {2})
initcap (string) -> string: java_initcap({0})
soundex (string) -> string: java_soundex({0})
levenshtein (string, string) -> int: java_levenshtein({0}, {1})
find_in_set (string, string) -> int: CASE WHEN contains({0}, ',') THEN 0 ELSE coalesce(CAST(list_position(string_split({1}, ','), {0}) AS INTEGER), 0) + CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE 0 END END
get_json_object (string, string) -> string: java_json({0}, {1})
parse_url (string, string) -> string: java_url({0}, {1}, '')
parse_url (string, string, string) -> string: java_url({0}, {1}, {2})
str_to_map (string) -> map<string,string>: map_from_entries(list_transform(java_pairs({0}, ',', ':'), lambda e: struct_pack(k := e[1], v := e[2])))
str_to_map (string, string, string) -> map<string,string>: map_from_entries(list_transform(java_pairs({0}, {1}, {2}), lambda e: struct_pack(k := e[1], v := e[2])))
base64 (binary) -> string: base64({0})
unbase64 (string) -> binary: java_from_base64({0})
encode (string, text) -> binary: CASE WHEN upper({1}) IN ('UTF-8', 'UTF8', 'US-ASCII') THEN encode({0}) ELSE error('encode(): only UTF-8 is supported by the local engine') END
decode (binary, text) -> string: CASE WHEN upper({1}) IN ('UTF-8', 'UTF8') THEN java_decode({0}) ELSE error('decode(): only UTF-8 is supported by the local engine') END
hex (integer) -> string: hex({0}::BIGINT)
hex (string) -> string: hex(encode({0}))
hex (binary) -> string: hex({0})
unhex (string) -> binary: java_from_hex({0})
md5 (string) -> string: md5({0})
md5 (binary) -> string: md5({0})
sha1 sha (string) -> string: sha1({0})
sha1 sha (binary) -> string: sha1({0})
sha2 (string, int) -> string: java_sha2(encode({0}), {1})
sha2 (binary, int) -> string: java_sha2({0}, {1})
crc32 (string) -> bigint: java_crc32(encode({0}))
crc32 (binary) -> bigint: java_crc32({0})
chr (bigint) -> string: CASE WHEN {0} < 0 THEN '' ELSE chr(CAST({0} % 256 AS INTEGER)) END
mask (string) -> string: java_mask({0}, 0, 2147483647)
mask_first_n (string) -> string: java_mask({0}, 0, 4)
mask_first_n (string, int) -> string: java_mask({0}, 0, {1})
mask_last_n (string) -> string: java_mask({0}, CAST(length({0}) - 4 AS INTEGER), 2147483647)
mask_last_n (string, int) -> string: java_mask({0}, CAST(length({0}) - {1} AS INTEGER), 2147483647)
mask_show_first_n (string) -> string: java_mask({0}, 4, 2147483647)
mask_show_first_n (string, int) -> string: java_mask({0}, {1}, 2147483647)
mask_show_last_n (string) -> string: java_mask({0}, 0, CAST(length({0}) - 4 AS INTEGER))
mask_show_last_n (string, int) -> string: java_mask({0}, 0, CAST(length({0}) - {1} AS INTEGER))
format_number (exact, int) -> string: java_format_number(CAST({0} AS VARCHAR), {1})
format_number (real, int) -> string: java_format_real({0}::DOUBLE, {1})
quote (string) -> string: '''' || replace(replace({0}, '\', '\\'), '''', '\''') || ''''
"""


def concat(compiler: Compiler, values: Sequence[Value]) -> Value:
    """concat(...): NULL if anything is."""
    if not values:
        raise MismatchError("The function CONCAT expects at least 1 argument")
    if all(one.type == BINARY for one in values):
        return filled(" || ".join(f"{{{i}}}" for i in range(len(values))), values, BINARY)
    texts = []
    for index, one in enumerate(values):
        text = to_string(one)
        if text is None:
            raise MismatchError(f"a primitive is expected but {one.type} is found", index)
        texts.append(text)
    sql = " || ".join(f"{{{i}}}" for i in range(len(texts)))
    return filled(f"({sql})", texts, STRING)


def concat_ws(compiler: Compiler, values: Sequence[Value]) -> Value:
    """concat_ws(separator, text or array<text>...): NULLs are left out, NULL without separator."""
    if len(values) < 2:  # noqa: PLR2004
        why = "The function CONCAT_WS(separator,[string | array(string)]+) needs at least two"
        raise MismatchError(why)
    parts = []
    for index, one in enumerate(values):
        if index and one.type == array(STRING):
            parts.append(f"coalesce({{{index}}}, [])")
        elif one.type.is_text or one.type.name == "void":
            parts.append(f"[CAST({{{index}}} AS VARCHAR)]")
        else:
            raise MismatchError(
                'Argument of function CONCAT_WS must be "string or array<string>"', index
            )
    lists = " || ".join(parts[1:])
    # A NULL text in array_to_string is left out.
    sql = f"CASE WHEN {{0}} IS NOT NULL THEN array_to_string({lists}, {{0}}) END"
    return filled(sql, values, STRING)


def elt(compiler: Compiler, values: Sequence[Value]) -> Value:
    """elt(n, text...): the n-th of the texts, NULL outside."""
    if len(values) < 2:  # noqa: PLR2004
        raise MismatchError("The function ELT(N,str1,str2,str3,...) needs at least two arguments")
    number = cast(values[0], INT)
    texts = [to_string(one) for one in values[1:]]
    if number is None or None in texts:
        raise MismatchError("a text is expected")
    kept = [one for one in texts if one is not None]
    listed = ", ".join(f"{{{i}}}" for i in range(1, len(kept) + 1))
    sql = f"list_extract([{listed}], CASE WHEN {{0}} > 0 THEN {{0}} END)"
    return filled(sql, [number, *kept], STRING)


def field(compiler: Compiler, values: Sequence[Value]) -> Value:
    """field(value, value...): which of the following the first is, 0 if none."""
    if len(values) < 2:  # noqa: PLR2004
        raise MismatchError("The function FIELD(str, str1, str2, ...) needs at least 2 arguments")
    if not (all(v.type.is_text for v in values) or all(v.type == values[0].type for v in values)):
        raise unsupported("Hive's field() over values of several types")
    parts = [f"WHEN {{0}} = {{{i}}} THEN {i}" for i in range(1, len(values))]
    return filled(f"CASE {' '.join(parts)} ELSE 0 END", values, INT)


def _pad(side: str) -> Special:
    def compile_(compiler: Compiler, values: Sequence[Value]) -> Value:
        if len(values) != 3:  # noqa: PLR2004
            raise MismatchError(f"{side} requires three arguments. Found :{len(values)}")
        text, pad = to_string(values[0]), to_string(values[2])
        length = compiler.dialect.kinds.fit(values[1], "int")
        if text is None or pad is None or length is None:
            raise MismatchError(f"{side} only takes INT/SHORT/BYTE types as 2-ths argument", 1)
        # Without a filling Hive never ends; a length below zero is an error of Java.
        sql = (
            "CASE WHEN {2} = '' THEN error('" + side + "(): the filling is empty') "
            "WHEN {1} < 0 THEN error('" + side + "(): the length is negative') "
            f"ELSE {side}({{0}}, {{1}}, {{2}}) END"
        )
        return filled(sql, [text, length, pad], STRING)

    return compile_


def printf(compiler: Compiler, values: Sequence[Value]) -> Value:
    """printf(format, ...) as Java's Formatter: %d %s %f %x %n and %%."""
    if not values or not isinstance(values[0].constant, str):
        raise unsupported("Hive's printf() with a format that is not a literal")
    unknown = printable(values[0].constant)
    if unknown is not None:
        raise unsupported(f"Hive's printf() with {unknown}")
    kinds, texts = "", []
    for index, one in enumerate(values[1:], 1):
        letter = next((k for k, names in LETTERS.items() if one.type.name in names), None)
        if letter is None:
            raise MismatchError("a primitive is expected", index)
        text = to_string(one) if letter != "b" else one.as_(f"CAST({one.sql} AS VARCHAR)", STRING)
        assert text is not None
        kinds += letter
        texts.append(text)
    listed = ", ".join(f"{{{i}}}" for i in range(1, len(texts) + 1))
    sql = f"java_printf({{0}}, CAST([{listed}] AS VARCHAR[]), {quoting.text(kinds)})"
    return filled(sql, [values[0], *texts], STRING)


LETTERS = {
    "i": ("tinyint", "smallint", "int", "bigint"),
    "r": ("float", "double"),
    "d": ("decimal",),
    "s": ("string", "varchar", "char", "date", "timestamp"),
    "b": ("boolean",),
}


def split(compiler: Compiler, values: Sequence[Value]) -> Value:
    """split(text, pattern)."""
    return patterns.split(compiler, values)


FUNCTIONS = merged(
    (
        table(TABLE),
        specials(
            concat=concat,
            concat_ws=concat_ws,
            elt=elt,
            field=field,
            lpad=_pad("lpad"),
            rpad=_pad("rpad"),
            printf=printf,
            split=split,
            regexp_extract=patterns.extract,
            regexp_replace=patterns.replace,
            regexp=patterns.found_in,
            rlike=patterns.found_in,
        ),
    )
)
