"""Expressions: compiled with the place of each mistake, evaluated with their types kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrunner.expressions import (
    ExpressionError,
    Scope,
    SyntaxProblem,
    parse,
    parse_template,
    render,
)
from labrunner.values import HIDDEN, Secret

SCOPE = Scope(
    {
        "steps": {"a": {"with": {"Bucket": "pictures"}, "result": {"n": [{"x": 1}, {"x": 2}]}}},
        "target": {"s3_url": "http://127.0.0.1:1/{bucket}"},
        "params": {"password": Secret("hunter22"), "old": HIDDEN},
    },
    {"sheep.png": b"\x89PNG"}.__getitem__,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ steps.a.result.n[*].x }}", [1, 2]),
        ("first: ${{ steps.a.result.n[0].x }}", "first: 1"),
        ("$${{ stays }}", "${{ stays }}"),
        ("${{ {a: {b: `1`}} }}", {"a": {"b": 1}}),
        ("${{ file('sheep.png') }}", b"\x89PNG"),
        ("${{ s3_url(steps.a.with.Bucket, 'a b.png') }}", "http://127.0.0.1:1/pictures/a%20b.png"),
        ("${{ s3_url('b', 'k', 'v+1') }}", "http://127.0.0.1:1/b/k?versionId=v%2B1"),
        ("${{ add(`1`, `2`) }}", 3),
    ],
)
def test_a_template_gives(text: str, value: Any) -> None:
    assert render(text, SCOPE) == value


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("${{ a == 1 }}", "not a JMESPath expression: 'a == 1'", "write numbers in backticks: `1`"),
        ("${{ a", "`${{` without its `}}`", ""),
    ],
)
def test_a_mistake_is_told(text: str, message: str, hint: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_template(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_nothing_is_put_into_a_text_silently() -> None:
    with pytest.raises(ExpressionError, match="has no value"):
        render("x${{ steps.a.result.missing }}", SCOPE)
    with pytest.raises(ExpressionError, match="binary"):
        render("x${{ file('sheep.png') }}", SCOPE)


def test_a_secret_stays_one_inside_a_text() -> None:
    assert isinstance(render("password=${{ params.password }}", SCOPE), Secret)


def test_a_hidden_secret_has_no_value() -> None:
    with pytest.raises(ExpressionError, match="secrets are not kept"):
        render("${{ params.old }}", SCOPE)


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("a.b[0].c == d[?x == y].w | length(@)", [("a", "b"), ("d",)]),
        ("steps.b.result.n[].a", [("steps", "b", "result", "n")]),
        ("contains(q.r, s)", [("q", "r"), ("s",)]),
    ],
)
def test_paths_start_at_roots(text: str, paths: list[tuple[str, ...]]) -> None:
    assert list(parse(text).paths()) == paths


@given(st.text().filter(lambda text: "${{" not in text))
def test_text_without_expressions_is_itself(text: str) -> None:
    assert render(text, SCOPE) == text
