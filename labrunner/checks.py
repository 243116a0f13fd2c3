"""Decide whether a claim holds, and say what was seen when it does not."""

from dataclasses import dataclass
from typing import Any

from labrunner.expressions import ExpressionError, Parsed, Scope, evaluate, parse
from labrunner.model import Check
from labrunner.values import as_text, to_json

_LONGEST = 200


@dataclass(frozen=True)
class Finding:
    """Whether a claim holds; `got` says what was seen."""

    holds: bool
    got: str


def judge(check: Check, scope: Scope) -> Finding:
    """Evaluate a check; it holds only when its expression is exactly true."""
    expression = parse(check.that)
    try:
        value = evaluate(expression, scope)
        if value is True:
            return Finding(holds=True, got="")
        if value is not False:
            return Finding(holds=False, got=f"neither true nor false, but {_short(value)}")
        return Finding(holds=False, got=_explain(expression.tree, scope) or "false")
    except ExpressionError as error:
        return Finding(holds=False, got=str(error))


def _explain(node: dict[str, Any], scope: Scope) -> str:
    """Say what the parts of a false expression were."""
    kind, children = node["type"], node["children"]
    if kind == "and_expression":
        false = [child for child in children if not _value(child, scope)]
        return "; ".join(filter(None, (_explain(child, scope) for child in false)))
    if kind == "or_expression":
        return "; ".join(filter(None, (_explain(child, scope) for child in children)))
    if kind == "comparator":
        seen = [child for child in children if child["type"] != "literal"]
        return ", ".join(f"{_text(child)} is {_short(_value(child, scope))}" for child in seen)
    if kind == "function_expression":
        seen = [child for child in children if child["type"] not in ("literal", "expref")]
        return ", ".join(f"{_text(child)} is {_short(_value(child, scope))}" for child in seen)
    if kind == "not_expression":
        return _explain(children[0], scope) or f"{_text(children[0])} is true"
    return f"{_text(node)} is {_short(_value(node, scope))}"


def _value(node: dict[str, Any], scope: Scope) -> Any:
    from jmespath.parser import ParsedResult

    return evaluate(Parsed(_text(node), ParsedResult(_text(node), node)), scope)


def _short(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    text = as_text(to_json(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _text(node: dict[str, Any]) -> str:  # noqa: C901 - one line for each kind of node
    """Write a syntax tree as the expression it came from, roughly."""
    kind, children = node["type"], [_text(child) for child in _nodes(node)]
    match kind:
        case "field":
            return str(node["value"])
        case "index":
            return f"[{node['value']}]"
        case "literal":
            return f"`{as_text(node['value'])}`"
        case "current" | "identity":
            return "" if kind == "identity" else "@"
        case "subexpression":
            return ".".join(children)
        case "index_expression":
            return "".join(children)
        case "function_expression":
            return f"{node['value']}({', '.join(children)})"
        case "pipe":
            return " | ".join(children)
        case "flatten":
            return f"{children[0]}[]"
        case "projection" | "value_projection":
            left = children[0] if children[0].endswith("[]") else f"{children[0]}[*]"
            return f"{left}.{children[1]}" if children[1] else left
        case "filter_projection":
            return f"{children[0]}[?…]" + (f".{children[1]}" if children[1] else "")
        case _:
            return "the expression"


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [child for child in node["children"] if isinstance(child, dict)]
