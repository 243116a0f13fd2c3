"""Evaluate compiled expressions over the values of a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jmespath import Options
from jmespath.exceptions import JMESPathError, JMESPathTypeError

from labrunner.errors import FunctionError
from labrunner.expressions.functions import Functions
from labrunner.expressions.parse import Parsed, parse_template
from labrunner.values import Hidden, Secret, as_text


class ExpressionError(ValueError):
    """An expression that has no value: a wrong argument, a missing file, a hidden secret."""


@dataclass(frozen=True)
class Scope:
    """The roots that expressions see, and the reader behind `file()`."""

    roots: Mapping[str, Any]
    read_file: Callable[[str], bytes] | None = None

    def having(self, **roots: Any) -> "Scope":
        """Return this scope with more roots."""
        return Scope({**self.roots, **roots}, self.read_file)


def evaluate(expression: Parsed, scope: Scope) -> Any:
    """Return the expression's value; raises ExpressionError."""
    functions = Functions(scope.roots.get("target") or {}, scope.read_file)
    try:
        value = expression.compiled.search(scope.roots, Options(custom_functions=functions))
    except FunctionError as error:
        raise ExpressionError(f"{expression.text}: {error}") from None
    except JMESPathTypeError as error:
        # jmespath's own words would show the value, which may be a secret.
        raise ExpressionError(
            f"{expression.text}: {error.function_name}() cannot take {error.actual_type}"
        ) from None
    except JMESPathError as error:
        raise ExpressionError(f"{expression.text}: {str(error).strip()}") from None
    if _holds_hidden(value):
        raise ExpressionError(
            f"{expression.text}: this value is a secret, and secrets are not kept between commands"
        )
    return value


def render(value: Any, scope: Scope) -> Any:
    """Return the value with every `${{ }}` in its texts evaluated, at any depth."""
    if isinstance(value, Mapping):
        return {key: render(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, scope) for item in value]
    if not isinstance(value, str) or "${{" not in value:
        return value
    template = parse_template(value)
    if template.whole:
        return evaluate(template.whole, scope)
    parts = [_piece(part, scope) for part in template.parts]
    text = "".join(as_text(part) for part in parts)
    return Secret(text) if any(isinstance(part, Secret) for part in parts) else text


def _piece(part: str | Parsed, scope: Scope) -> Any:
    if isinstance(part, str):
        return part
    value = evaluate(part, scope)
    if value is None:
        raise ExpressionError(f"{part.text} has no value, and is needed inside a text")
    if isinstance(value, bytes):
        raise ExpressionError(f"{part.text} is binary, and cannot stand inside a text")
    return value


def _holds_hidden(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_hidden(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_hidden(item) for item in value)
    return isinstance(value, Hidden)
