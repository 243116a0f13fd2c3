"""Java's regular expressions: matches as the Javadoc of java.util.regex.Pattern defines them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labrunner.localcloud.sql.javaregex import for_python, for_re2
from labrunner.localcloud.sql.regex_tree import RegexError, read

MATCHES = [
    (r"a|b", "b", "b"),
    (r"^a$", "a\n", "a"),
    (r"^a$", "a\r\n", "a"),
    (r"a\z", "a\n", None),
    (r"a\Z", "a\n", "a"),
    (r"a.c", "a\u2028c", None),
    (r"(?s)a.c", "a\nc", "a\nc"),
    (r"(?m)^b$", "a\nb\nc", "b"),
    (r"\d+", "\u0664", None),
    (r"\w", "\u00e9", None),
    (r"\s", "\x0b", "\x0b"),
    (r"\S+", "a b", "a"),
    (r"\h", "\u00a0", "\u00a0"),
    (r"[a-c&&[^b]]+", "abc", "a"),
    (r"[a-d&&bc]+", "abcd", "bc"),
    (r"[a-c[x-z]]+", "ayb!", "ayb"),
    (r"[^a-c]+", "abcxyz", "xyz"),
    (r"[\w.-]+", "a.b-c d", "a.b-c"),
    (r"[]a]+", "]a", "]a"),
    (r"\p{Alpha}+", "ab1", "ab"),
    (r"\P{Digit}+", "ab1", "ab"),
    (r"\p{Punct}", "a!", "!"),
    (r"\Qa.b\E+", "a.bb", "a.bb"),
    (r"\Q[", "[", "["),
    (r"a*+a", "aaa", None),
    (r"(?>a+)b", "aab", "aab"),
    (r"(a)\1", "aa", "aa"),
    (r"(?<x>a)\k<x>", "aa", "aa"),
    (r"a(?=b)", "ab", "a"),
    (r"a(?!b)", "ab", None),
    (r"(?<=a)b", "ab", "b"),
    (r"(?<!a)b", "ab", None),
    (r"(?i)ABC", "abc", "abc"),
    (r"(?i)k", "\u212a", None),
    (r"a{2,3}?", "aaaa", "aa"),
    (r"a{2}", "aaa", "aa"),
    (r"a{1,}", "aaa", "aaa"),
    (r"\bfoo\b", "a foo b", "foo"),
    (r"\x41\u0042\t", "AB\t", "AB\t"),
    (r"\0101", "A", "A"),
    (r"\cA", "\x01", "\x01"),
    (r"\.", ".", "."),
    (r"\%20", "%20", "%20"),
    (r"(?:a|b)+", "abc", "ab"),
    (r"", "x", ""),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_the_first_match(pattern: str, text: str, expected: str | None) -> None:
    found = for_python(pattern).search(text)
    assert (found[0] if found else None) == expected


WRONG = [
    "(",
    ")",
    "[",
    "a**b(",
    "*a",
    "a{2",
    r"\y",
    r"\1",
    r"\k<x>(?<x>a)",
    r"[z-a]",
    "(?<1->a)",
    r"\p{IsGreek}",
    r"\G",
    r"\R",
    r"(?x)a",
    r"(?u)a",
    r"a(?i)b",
    r"\xzz",
    r"\u00",
    r"\N{DASH}",
    "a\\",
]


@pytest.mark.parametrize("pattern", WRONG)
def test_refused(pattern: str) -> None:
    with pytest.raises(RegexError):
        for_python(pattern)


# Where RE2 is not sure to agree with Java.
PYTHON_ONLY = [
    r"a(?=b)",
    r"a(?!b)",
    r"(?<=a)b",
    r"(a)\1",
    r"a++",
    r"(?>a)b",
    r"\bfoo",
    r"(?i)a",
    r"(a|b)+",
    r"(a*)*",
    r"a{1001}",
    r"a$b",
    r"(?m)^a",
    r"a\Z",
    r"[a-c&&[^b]]",
]


@pytest.mark.parametrize("pattern", PYTHON_ONLY)
def test_not_by_re2(pattern: str) -> None:
    assert for_re2(pattern) is None


def test_groups_that_take_part() -> None:
    found = for_re2(r"^(?!#)(a+)(b)?(c*)(?:d|(e))$")
    assert found is not None
    assert found.groups == 4
    assert found.surely == {1, 3}
    assert found.wide == {1}
    assert found.ends
    assert len(found.without) == 1


ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "c",
        ".",
        r"\d",
        r"\w",
        r"\s",
        "[ab]",
        "[^a]",
        r"\.",
        "(a)",
        "(?:b)",
        "(a|bc)",
        r"[\w-]",
        r"\S",
        "(a(b)?)",
        r"\p{Alpha}",
    ]
)
COUNTS = st.sampled_from(["", "", "", "*", "+", "?", "{1,2}", "*?", "+?", "??"])
PATTERNS = st.lists(st.tuples(ATOMS, COUNTS), min_size=1, max_size=5).map(
    lambda parts: "".join(atom + count for atom, count in parts)
)
TEXTS = st.text(st.sampled_from("abc.1 -\n#"), max_size=12)


@settings(max_examples=300, deadline=None)
@given(pattern=PATTERNS, text=TEXTS)
def test_both_engines_agree(pattern: str, text: str) -> None:
    import duckdb

    guarded = for_re2(pattern)
    if guarded is None:
        return
    found = for_python(pattern).search(text)
    sql = "SELECT regexp_matches(?, ?), regexp_extract(?, ?)"
    with duckdb.connect() as connection:
        row = connection.execute(sql, [text, guarded.pattern, text, guarded.pattern]).fetchone()
    assert row == (found is not None, found[0] if found else "")


def test_the_tree_of_a_pattern_has_its_groups() -> None:
    assert read(r"(a)(?:b)(?<c>d)").groups == 2
    assert re.compile(for_python(r"(a)(?:b)(?<c>d)").pattern).groups == 2
