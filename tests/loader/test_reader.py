import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrunner.loader.reader import LARGEST, decode, read, resolve
from labrunner.loader.tree import Diagnostics, ScalarNode

# Beyond these, JSON escapes characters as two surrogates, which YAML does not take for one.
TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=150)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    # YAML ends a key's line after 1,024 characters, and JSON writes six for one.
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)
PIECES = [
    "a", "é", " ", "\n", "  ", "\t", ": ", "- ", "[", "]", "{", "}", ", ", "'", '"', "|", ">", "#",
    "&x ", "*x", "!!str ", "? ", "---", "...", "${{ ", " }}", "<<", "1", "0x1", "~", "%",
]  # fmt: skip
YAML_LIKE = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def _read(text: str) -> tuple[Any, list[str]]:
    found = Diagnostics()
    node = read(text, "f", found)
    return (node.plain if node else None), [str(one) for one in found]


@given(JSON)
def test_json_is_yaml(value: Any) -> None:
    assert _read(json.dumps(value)) == (value, [])


@given(st.text() | YAML_LIKE)
def test_any_text_is_read_or_told_what_is_wrong_with_it(text: str) -> None:
    found = Diagnostics()
    node = read(text, "f", found)
    assert node is not None or found
    for one in found:
        assert 1 <= one.where.line <= text.count("\n") + 1
        assert 1 <= one.where.column <= len(text) + 1


@given(st.binary())
def test_any_bytes_are_decoded_or_told_what_is_wrong_with_them(data: bytes) -> None:
    found = Diagnostics()
    assert decode(data, "f", found) is not None or found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("FALSE", False),
        ("yes", "yes"), ("on", "on"), ("n", "n"), ("-1", -1), ("012", 12), ("0o17", 15),
        ("0x1F", 31), ("1e3", 1000.0), ("1.5", 1.5), (".5", 0.5), ("1_000", "1_000"),
        ("22:22", "22:22"), ("2012-10-17", "2012-10-17"), ("0b11", "0b11"), ("1.2.3", "1.2.3"),
    ],
)  # fmt: skip
def test_plain_texts_mean_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_aliases_are_read_but_not_without_end() -> None:
    assert _read("a: &x [1]\nb: *x") == ({"a": [1], "b": [1]}, [])
    laughs = "\n".join(
        [f"a0: &a0 [{', '.join('x' * 10)}]"]
        + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    )
    value, found = _read(laughs)
    assert value is None
    assert "more than 50000 values" in found[0]


def test_too_large_a_file() -> None:
    found = Diagnostics()
    assert decode(b"a" * (LARGEST + 1), "f", found) is None
    assert [str(one) for one in found] == ["f:1:1: the file is larger than 1 MiB"]


def test_not_utf8() -> None:
    found = Diagnostics()
    assert decode(b"a: b\nc: \xff", "f", found) is None
    assert [str(one) for one in found] == ["f:2:4: this is not UTF-8 text (save the file as UTF-8)"]


@pytest.mark.parametrize(
    "text",
    [
        "a: one two X",
        "a: 'it''s X'",
        'a: "say \\"X\\""',
        "a: |\n  one\n    two X\n  three",
        "a: >-\n  one\n  two X\n\n  three",
        "a:\n  one\n  X",
        "é: |2 # says where it is indented\n   one\n  X",
    ],
)
def test_places_inside_texts(text: str) -> None:
    found = Diagnostics()
    root = read(text, "f", found)
    assert root
    (node,) = root.children
    assert isinstance(node, ScalarNode)
    assert isinstance(node.value, str)
    where = node.inside(node.value.index("X"))
    line = text.splitlines()[where.line - 1]
    assert line[where.column - 1] == "X"
