"""The `${{ }}` language: JMESPath over named roots, and a few pure functions."""

from labrunner.expressions.evaluate import ExpressionError, Scope, evaluate, render
from labrunner.expressions.parse import Parsed, SyntaxProblem, Template, parse, parse_template
from labrunner.expressions.types import Type

__all__ = [
    "ExpressionError",
    "Parsed",
    "Scope",
    "SyntaxProblem",
    "Template",
    "Type",
    "evaluate",
    "parse",
    "parse_template",
    "render",
]
