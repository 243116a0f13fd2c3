"""Where the parts of an expression stand: JMESPath's syntax tree does not say."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jmespath.lexer import Lexer

from labrunner.expressions import Parsed

_NAMES = ("unquoted_identifier", "quoted_identifier")
_NODES = ("field", "function_expression", "literal", "key_val_pair")


@lru_cache(maxsize=512)
def offsets(expression: Parsed) -> dict[int, int]:
    """Return where names and literals start in the expression's text, by the id of their node."""
    tokens = [
        token
        for token in Lexer().tokenize(expression.text)
        if token["type"] in (*_NAMES, "literal")
    ]
    nodes = list(_in_order(expression.tree))
    if len(tokens) != len(nodes):
        return {}
    return {id(node): token["start"] for node, token in zip(nodes, tokens, strict=True)}


def _in_order(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes that stand for a name or a literal, in the order of the text."""
    children = [child for child in node["children"] if isinstance(child, dict)]
    if node["type"] in _NODES:
        yield node
    if node["type"] == "filter_projection":
        left, right, condition = children
        children = [left, condition, right]
    for child in children:
        yield from _in_order(child)
