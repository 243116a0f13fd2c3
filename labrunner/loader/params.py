"""Parameters: their declarations, and the values that people give them."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.errors import Exit, Failure, did_you_mean
from labrunner.expressions.types import BOOLEAN, INTEGER, NUMBER, STRING, Limits, Scalar
from labrunner.model import Lab, Param
from labrunner.values import Secret

_TYPES = {"string": STRING, "integer": INTEGER, "number": NUMBER, "boolean": BOOLEAN}
_BOOLEANS = {"true": True, "false": False}


class _WrongValue(ValueError):
    """A value that a param does not take."""


def check_params(lab: Lab, given: Mapping[str, str]) -> dict[str, Any]:
    """Return every param's value, from the texts given and the defaults.

    Secret params are Secrets. Raises Failure, exit code 2, that names every mistake.
    """
    values: dict[str, Any] = {}
    problems = [
        f"there is no param `{name}`" + _in_brackets(did_you_mean(name, list(lab.params)))
        for name in given
        if name not in lab.params
    ]
    for name, param in lab.params.items():
        try:
            values[name] = _value(name, param, given)
        except _WrongValue as error:
            problems.append(str(error))
    if problems:
        raise Failure(
            f"the params of {lab.lab} are not right",
            why="; ".join(problems),
            next_command=f"labrunner show {lab.lab}",
            exit_code=Exit.INVALID,
        )
    return values


def declared(param: Param) -> Scalar:
    """Return the type of a param's values."""
    plain = _TYPES[param.type]
    texts = [choice for choice in param.choices or () if isinstance(choice, str)]
    limits = Limits(param.minimum, param.maximum) if param.type != "string" else Limits()
    return Scalar(plain.name, tuple(texts), limits)


def problems_of(param: Param) -> Iterator[tuple[str, str]]:
    """Yield the key of a declaration and what is wrong with it."""
    try:
        re.compile(param.pattern or "")
    except re.error as error:
        yield "pattern", f"not a regular expression: {error}"
        return
    if param.pattern is not None and param.type != "string":
        yield "pattern", f"`pattern` is for texts; this param is of type {param.type}"
    for key in ("minimum", "maximum"):
        if getattr(param, key) is not None and param.type not in ("integer", "number"):
            yield key, f"`{key}` is for numbers; this param is of type {param.type}"
    if param.default is not None and (problem := problem_with(param, param.default)):
        yield "default", f"the default {problem}"
    for choice in param.choices or ():
        if not _is_of(param.type, choice):
            yield "choices", f"the choice {choice!r} is not of type {param.type}"


def problem_with(param: Param, value: Any) -> str:
    """Return why the param does not take this value, or an empty text."""
    return limit_problem(param, value) if is_of(param, value) else f"is not of type {param.type}"


def is_of(param: Param, value: Any) -> bool:
    """Return whether the value is of the param's type."""
    return _is_of(param.type, value)


def limit_problem(param: Param, value: Any) -> str:
    """Return why the param does not take this value of its type, or an empty text."""
    if param.choices is not None and value not in param.choices:
        return f"is not one of {', '.join(map(str, param.choices))}"
    if param.pattern is not None and not re.fullmatch(param.pattern, str(value)):
        return f"does not match the pattern {param.pattern}"
    if param.minimum is not None and value < param.minimum:
        return f"is less than {param.minimum:g}"
    if param.maximum is not None and value > param.maximum:
        return f"is more than {param.maximum:g}"
    return ""


def _value(name: str, param: Param, given: Mapping[str, str]) -> Any:
    if name not in given:
        if param.default is None:
            raise _WrongValue(f"`{name}` is required: --param {name}=… ({param.description})")
        return _kept(param, param.default)
    value = _converted(name, param, given[name])
    if problem := problem_with(param, value):
        shown = "the value" if param.secret else repr(given[name])
        raise _WrongValue(f"`{name}`: {shown} {problem}")
    return _kept(param, value)


def _converted(name: str, param: Param, text: str) -> Any:
    try:
        match param.type:
            case "integer":
                return int(text)
            case "number":
                return _finite(float(text))
            case "boolean":
                return _BOOLEANS[text.lower()]
            case _:
                return text
    except (ValueError, KeyError):
        kind = {"boolean": "true or false"}.get(param.type, f"a number of type {param.type}")
        raise _WrongValue(f"`{name}` is {kind}, not {text!r}") from None


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError
    return number


def _kept(param: Param, value: Any) -> Any:
    return Secret(value) if param.secret and isinstance(value, str) else value


def _is_of(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, {"string": str, "integer": int, "number": int | float}.get(kind, bool))


def _in_brackets(hint: str) -> str:
    return f" ({hint})" if hint else ""
