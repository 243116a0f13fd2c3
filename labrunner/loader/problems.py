"""Say in plain words why a text is not YAML."""

import re
from typing import Any

import yaml

from labrunner.errors import Location
from labrunner.loader.tree import Source

_QUOTE_IT = 'quote it: "${{ … }}"'
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
_BRACES = re.compile(r"(?<!\$)\{\{|\{%")


class NotYaml(Exception):
    """A mistake after which reading cannot go on."""

    def __init__(self, where: Location, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.message = message
        self.hint = hint


def explain(source: Source, error: yaml.YAMLError) -> tuple[Location, str, str]:
    """Return where a text stops being YAML, why, and what to do about it."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return _unreadable(source, error)
    if error.context_mark is not None and error.problem == "found unexpected end of stream":
        where = source.at(error.context_mark.index)
        return where, "the quoted text that begins here does not end", ""
    where = source.at(error.problem_mark.index)
    line = source.text.split("\n")[where.line - 1]
    before = line[: where.column - 1]
    if "\t" in line[: where.column] and not (before.strip()):
        return where, "a tab cannot indent", "use spaces"
    problem = _words(error)
    return where, problem, _hint(line, problem)


def _unreadable(source: Source, error: yaml.YAMLError) -> tuple[Location, str, str]:
    position = getattr(error, "position", 0)
    # The C reader counts bytes, the one in Python characters; for ASCII they are the same.
    if type(error).__module__ == "yaml.reader":
        encoded = source.text.encode(errors="replace")
        position = len(encoded[:position].decode(errors="ignore"))
    return source.at(position), "a character that YAML does not allow", ""


def _words(error: Any) -> str:
    problem = str(error.problem or "this is not YAML")
    plainer = {
        "mapping values are not allowed in this context": "a `:` that YAML takes for a key's",
        "found character that cannot start any token": "no value can start with this character",
        "did not find expected key": "this is neither a key nor the end of the mapping",
        "did not find expected ',' or ']'": "expected `,` or `]` here",
        "did not find expected ',' or '}'": "expected `,` or `}` here",
        "did not find expected node content": "a value is missing here",
        "could not find expected ':'": "expected `:` after this key",
        "did not find expected '-' indicator": "the indentation fits nothing above, nor a new `- `",
        "did not find expected <document start>": "something follows the end of the document",
    }
    text = plainer.get(problem, problem)
    opened = error.context_mark
    if opened is not None and "flow" in str(error.context):
        text += f" (the bracket opens at {opened.line + 1}:{opened.column + 1})"
    return text


def _hint(line: str, problem: str) -> str:
    if _EXPRESSION.search(line):
        return _QUOTE_IT
    if _BRACES.search(line):
        return 'an expression is written ${{ … }}, and quoted inside [ ] and { }: "${{ … }}"'
    if "`:`" in problem:
        return 'quote a text that has ": " in it'
    if "expected `,`" in problem:
        return "inside [ ] and { }, quote a text that has any of [ ] { } , in it"
    if "character" in problem:
        return "quote the text"
    return ""
