import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from labrunner.loader import json_schema

SAMPLE = Path(__file__).parent / "labs" / "sample" / "lab.yaml"


@pytest.fixture(scope="module")
def validator() -> Any:
    jsonschema: Any = pytest.importorskip("jsonschema")
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def lab() -> Any:
    return yaml.safe_load(SAMPLE.read_text())


def test_the_schema_accepts_a_lab(validator: Any, lab: Any) -> None:
    assert [error.message for error in validator.iter_errors(lab)] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("wiht", {}),
        ("arguments", {}),
        ("condition", "x"),
        ("http", "gett"),
        ("paginate", "yes"),
        ("until", 3),
        ("wait", {"every": 1}),
        ("uses", "./two-actions.yaml"),
        ("skip_reason", None),
        ("id", "Not-An-Id"),
    ],
)
def test_the_schema_refuses_mistakes(validator: Any, lab: Any, key: str, value: Any) -> None:
    wrong = copy.deepcopy(lab)
    step = next(step for step in wrong["steps"] if step["id"] == "there")
    step |= {"if": "`true`"} if key == "skip_reason" else {key: value}
    assert not validator.is_valid(wrong)
