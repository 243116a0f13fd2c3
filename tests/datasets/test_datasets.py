"""Datasets by name: what they are called, what they take, and what is refused."""

import json
from typing import Any

import pytest

from labrunner import datasets
from labrunner.errors import Exit, Failure


def test_the_names_are_known() -> None:
    assert datasets.names() == ["cloudfront-logs", "redshift-users", "words"]


@pytest.mark.parametrize("name", datasets.names())
def test_every_param_is_declared_with_its_limits(name: str) -> None:
    for param in datasets.describe(name).params.values():
        assert param.type == "integer"
        assert param.description.endswith((".", "…"))
        assert isinstance(param.default, int)
        assert param.minimum is not None
        assert param.maximum is not None
        assert param.minimum <= param.default <= param.maximum


@pytest.mark.parametrize("name", datasets.names())
def test_facts_are_json_and_say_what_they_are(name: str) -> None:
    facts = datasets.facts(name)
    assert facts
    for fact in facts.values():
        assert json.loads(json.dumps(fact.value)) == fact.value
        assert fact.says


@pytest.mark.parametrize("name", datasets.names())
def test_the_defaults_are_what_is_made_without_params(name: str) -> None:
    given = {key: param.default for key, param in datasets.describe(name).params.items()}
    assert datasets.facts(name, given) == datasets.facts(name)
    made = [b"".join(file.chunks()) for file in datasets.make(name)]
    assert [b"".join(file.chunks()) for file in datasets.make(name, given)] == made


@pytest.mark.parametrize("ask", [datasets.describe, datasets.facts, datasets.make])
def test_an_unknown_name_is_refused_with_a_likely_one(ask: Any) -> None:
    with pytest.raises(Failure) as caught:
        ask("cloudfront-log")
    assert caught.value.what == "there is no dataset 'cloudfront-log'"
    assert caught.value.why == (
        "the datasets are cloudfront-logs, redshift-users, words; did you mean 'cloudfront-logs'?"
    )
    assert caught.value.exit_code is Exit.INVALID


def test_an_unknown_name_that_resembles_nothing_is_refused_with_all_names() -> None:
    with pytest.raises(Failure) as caught:
        datasets.describe("zzz")
    assert caught.value.why == "the datasets are cloudfront-logs, redshift-users, words"


@pytest.mark.parametrize(
    ("params", "problems"),
    [
        ({}, []),
        ({"rows": 100, "files": 100}, []),
        ({"row": 5_000}, ["there is no param `row` (did you mean 'rows'?)"]),
        ({"zzz": 1}, ["there is no param `zzz` (it has rows, files)"]),
        ({"rows": 99}, ["`rows`: 99 is less than 100"]),
        ({"rows": 10_000_001}, ["`rows`: 10000001 is more than 10000000"]),
        ({"rows": "5000"}, ["`rows` is a whole number, not '5000'"]),
        ({"rows": True}, ["`rows` is a whole number, not True"]),
        ({"rows": 5e3}, ["`rows` is a whole number, not 5000.0"]),
        ({"rows": None}, ["`rows` is a whole number, not None"]),
        ({"rows": 1, "files": 0}, ["`rows`: 1 is less than 100", "`files`: 0 is less than 1"]),
    ],
)
def test_every_problem_with_params_is_named(params: dict[str, Any], problems: list[str]) -> None:
    assert datasets.problems("cloudfront-logs", params) == problems


@pytest.mark.parametrize("ask", [datasets.facts, datasets.make])
def test_wrong_params_are_refused_before_anything_is_made(ask: Any) -> None:
    with pytest.raises(Failure) as caught:
        ask("words", {"words": 1, "file": 2})
    assert caught.value.what == "the params of dataset words are not right"
    assert caught.value.why == (
        "`words`: 1 is less than 1000; there is no param `file` (did you mean 'files'?)"
    )
    assert caught.value.exit_code is Exit.INVALID
