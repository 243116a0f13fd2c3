"""From text to compiled expressions, with the place of each mistake."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, LexerError, ParseError

_OPENING = re.compile(r"(\$?)\$\{\{")
_BARE_NUMBER = re.compile(r"(==|!=|<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)\b(?!`)")


class SyntaxProblem(ValueError):
    """An expression that does not parse; `offset` counts characters from its start."""

    def __init__(self, message: str, offset: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


@dataclass(frozen=True)
class Parsed:
    """A compiled expression: its text, and JMESPath's syntax tree."""

    text: str
    compiled: Any

    @property
    def tree(self) -> dict[str, Any]:
        """JMESPath's syntax tree: nodes of type, value and children."""
        tree: dict[str, Any] = self.compiled.parsed
        return tree

    def paths(self) -> Iterator[tuple[str, ...]]:
        """Yield each chain of names that starts at a root: ("steps", "bucket", "result")."""
        yield from _paths(self.tree)

    def indispensable_paths(self) -> Iterator[tuple[str, ...]]:
        """Yield the chains but for alternatives: those of `a || b` and of `not_null(a, b)`."""
        yield from _paths(self.tree, alternatives=False)


@dataclass(frozen=True)
class Template:
    """Text with expressions in it: strings and Parsed in turn; `offsets` are where each starts."""

    parts: tuple[str | Parsed, ...]
    offsets: tuple[int, ...]

    @property
    def whole(self) -> Parsed | None:
        """The expression, when the template is nothing but one; its value keeps its type."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, Parsed) else None

    @property
    def expressions(self) -> list[tuple[Parsed, int]]:
        """The expressions and where each starts in the text."""
        pairs = zip(self.parts, self.offsets, strict=True)
        return [(part, offset) for part, offset in pairs if isinstance(part, Parsed)]


@lru_cache(maxsize=2048)
def parse(text: str) -> Parsed:
    """Compile one expression; raises SyntaxProblem."""
    try:
        return Parsed(text.strip(), jmespath.compile(text))
    except (LexerError, ParseError) as error:
        raise _problem(text, error) from None
    except JMESPathError as error:
        raise SyntaxProblem(str(error)) from None
    except RecursionError:
        raise SyntaxProblem("an expression nested too deeply") from None


def parse_template(text: str) -> Template:
    """Split text at `${{ }}` and compile what is inside; `$${{` stands for `${{` itself."""
    parts: list[str | Parsed] = []
    offsets: list[int] = []
    literal, literal_start, position = "", 0, 0
    while match := _OPENING.search(text, position):
        literal += text[position : match.start()]
        if match.group(1):
            literal += "${{"
            position = match.end()
            continue
        if literal:
            parts.append(literal)
            offsets.append(literal_start)
        end = _closing(text, match.end())
        inner = text[match.end() : end]
        start = match.end() + len(inner) - len(inner.lstrip())
        try:
            parts.append(parse(inner.strip()))
        except SyntaxProblem as problem:
            raise SyntaxProblem(problem.message, start + problem.offset, problem.hint) from None
        offsets.append(start)
        position = literal_start = end + 2
        literal = ""
    literal += text[position:]
    if literal or not parts:
        parts.append(literal)
        offsets.append(literal_start)
    return Template(tuple(parts), tuple(offsets))


def _closing(text: str, start: int) -> int:
    """Find the `}}` that ends an expression, stepping over quoted text and nested braces."""
    depth, quote, position = 0, "", start
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "'\"`":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif text.startswith("}}", position):
            return position
        position += 1
    raise SyntaxProblem("`${{` without its `}}`", start - 3)


def _problem(text: str, error: LexerError | ParseError) -> SyntaxProblem:
    offset = getattr(error, "lex_position", None) or getattr(error, "lexer_position", None) or 0
    number = _BARE_NUMBER.search(text)
    hint = f"write numbers in backticks: `{number.group(2)}`" if number else ""
    if not hint and ("&&&" in text or " and " in text or " or " in text):
        hint = "JMESPath writes && and ||"
    if not text.strip():
        return SyntaxProblem("an empty expression")
    return SyntaxProblem(
        f"not a JMESPath expression: {text.strip()!r}", min(offset, len(text)), hint
    )


def _paths(node: dict[str, Any], *, alternatives: bool = True) -> Iterator[tuple[str, ...]]:
    if chain := _chain(node):
        yield chain
        return
    kind, children = node["type"], node["children"]
    if not alternatives and (kind == "or_expression" or node.get("value") == "not_null"):
        return
    if kind in (
        "subexpression",
        "index_expression",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
        "slice",
        "pipe",
    ):
        # Only the left side starts at a root: what follows is relative to its value.
        yield from _paths(children[0], alternatives=alternatives)
        return
    for child in children:
        if isinstance(child, dict):
            yield from _paths(child, alternatives=alternatives)


def _chain(node: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of `a.b.c`, as far as they are plain names from the root."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] in ("subexpression", "index_expression"):
        names: list[str] = []
        for child in node["children"]:
            more = _chain(child)
            names += more
            if child["type"] != "field" and not (child["type"] == node["type"] and more):
                break
        return tuple(names)
    return ()
