from typing import Any

import pytest

from labrunner.errors import Exit, Failure
from labrunner.loader import check_params
from labrunner.model import Lab
from labrunner.values import Secret


def _lab(**params: dict[str, Any]) -> Lab:
    described = {name: {"description": name, **param} for name, param in params.items()}
    return Lab.model_validate(
        {
            "lab": "sample",
            "title": "A",
            "area": "B",
            "replaces": {"what": "C", "minutes": 1},
            "estimate": {"minutes": 1, "usd": 1},
            "objectives": ["D"],
            "params": described,
            "steps": [{"id": "a", "title": "A", "http": "get"}],
        }
    )


def test_texts_become_values_of_their_types() -> None:
    lab = _lab(
        text={},
        whole={"type": "integer"},
        number={"type": "number"},
        switch={"type": "boolean"},
        kept={"default": 3, "type": "integer"},
    )
    given = {"text": "x", "whole": "7", "number": "1.5", "switch": "True"}
    assert check_params(lab, given) == {
        "text": "x", "whole": 7, "number": 1.5, "switch": True, "kept": 3
    }  # fmt: skip


def test_secrets_are_secrets() -> None:
    lab = _lab(given={"secret": True}, default={"secret": True, "default": "x"})
    values = check_params(lab, {"given": "y"})
    assert values == {"given": "y", "default": "x"}
    assert all(isinstance(value, Secret) for value in values.values())


def test_every_mistake_is_told_at_once() -> None:
    lab = _lab(
        name={"pattern": "[a-z]+"},
        size={"type": "integer", "minimum": 1, "maximum": 9},
        mode={"choices": ["fast", "good"]},
        needed={},
        password={"secret": True, "pattern": "[0-9]+"},
    )
    given = {"nmae": "x", "name": "x\n", "size": "10", "mode": "slow", "password": "hunter2"}
    with pytest.raises(Failure) as caught:
        check_params(lab, given)
    assert caught.value.exit_code == Exit.INVALID
    assert caught.value.why.split("; ") == [
        "there is no param `nmae` (did you mean 'name'?)",
        r"`name`: 'x\n' does not match the pattern [a-z]+",
        "`size`: '10' is more than 9",
        "`mode`: 'slow' is not one of fast, good",
        "`needed` is required: --param needed=… (needed)",
        "`password`: the value does not match the pattern [0-9]+",
    ]


@pytest.mark.parametrize(
    ("kind", "text"), [("integer", "1.5"), ("number", "x"), ("number", "nan"), ("boolean", "yes")]
)
def test_texts_that_are_no_such_value(kind: str, text: str) -> None:
    with pytest.raises(Failure, match="params of sample"):
        check_params(_lab(a={"type": kind}), {"a": text})
