"""Checks hold only when exactly true, and say what was seen when they do not."""

import pytest

from labrunner.checks import judge
from labrunner.expressions import Scope
from labrunner.model import Check

SCOPE = Scope({
    "result": {"status": 403, "error": {"Code": "AccessDenied"}, "list": [1], "text": "abc"},
    "item": {"class": "STANDARD"},
})  # fmt: skip


@pytest.mark.parametrize(
    ("that", "holds", "got"),
    [
        ("result.status == `403`", True, ""),
        ("result.status == `200`", False, "result.status is 403"),
        (
            "result.status == `403` && result.error.Code == 'NoSuchKey'",
            False,
            "result.error.Code is AccessDenied",
        ),
        ("contains(result.text, 'x')", False, "result.text is abc"),
        ("length(result.list) > `1`", False, "length(result.list) is 1"),
        ("result.list", False, "neither true nor false, but [1]"),
        ("result.missing", False, "neither true nor false, but null"),
        ("!contains(result.text, 'a')", False, "result.text is abc"),
        ("add(result.text, `1`) == `2`", False, None),
    ],
)
def test_a_check(that: str, holds: bool, got: str | None) -> None:  # noqa: FBT001
    finding = judge(Check(name="n", proves="p", that=that), SCOPE)
    assert finding.holds is holds
    assert got is None or finding.got == got
