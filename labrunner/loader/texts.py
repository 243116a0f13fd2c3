"""The expressions in a file: compiled, and looked through, each mistake at its place."""

import json
import re
import warnings
from collections.abc import Callable
from typing import TypeVar

from labrunner.errors import did_you_mean
from labrunner.expressions import Parsed, SyntaxProblem, Type, parse, parse_template
from labrunner.expressions.types import ANY, STRING, Struct
from labrunner.loader.fitting import family
from labrunner.loader.folder import Folder, NotAnAsset
from labrunner.loader.infer import Inference
from labrunner.loader.tree import Diagnostics, Node, ScalarNode

_BARE = re.compile(r"(steps|params|run|target|item)(\.[A-Za-z_][A-Za-z0-9_]*)+")

_LITERAL = re.compile(r"`([^`]*)`")

Result = TypeVar("Result")


class Texts:
    """Checks the expressions of one lab's files."""

    def __init__(self, folder: Folder, found: Diagnostics) -> None:
        self._folder = folder
        self._found = found

    def expression(self, node: Node, roots: Struct) -> Type:
        """Return the type of a value that is an expression as it stands."""
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            return ANY
        text = node.value
        if text.strip().startswith("${{"):
            where = node.inside(text.index("${{"))
            self._found.add(where, "this is an expression already", "write it without ${{ }}")
            return ANY
        try:
            parsed = _strictly(parse, text)
        except SyntaxProblem as problem:
            self._found.add(node.inside(problem.offset), problem.message, problem.hint)
            return ANY
        return self._infer(node, parsed, len(text) - len(text.lstrip()), roots)

    def template(self, node: ScalarNode, roots: Struct) -> Type:
        """Return the type of a text with `${{ }}` in it, or that could have some."""
        assert isinstance(node.value, str)
        if "${{" not in node.value:
            return self._plain(node, node.value, roots)
        try:
            template = _strictly(parse_template, node.value)
        except SyntaxProblem as problem:
            self._found.add(node.inside(problem.offset), problem.message, problem.hint)
            return ANY
        kinds = [
            (self._infer(node, parsed, offset, roots), offset)
            for parsed, offset in template.expressions
        ]
        if template.whole:
            return kinds[0][0]
        for kind, offset in kinds:
            if family(kind) == "bytes":
                where = node.inside(offset)
                self._found.add(where, "binary data cannot stand inside a text", "use text()")
        return STRING

    def _plain(self, node: ScalarNode, text: str, roots: Struct) -> Type:
        """A text that reads like a path, and would lead somewhere, was meant as one."""
        if _BARE.fullmatch(text) and not Inference(parse(text), roots, self._file).mistaken:
            hint = f"write ${{{{ {text} }}}}"
            self._found.add(node.where, f"`{text}` is a text here, not an expression", hint)
        return STRING

    def _infer(self, node: ScalarNode, parsed: Parsed, start: int, roots: Struct) -> Type:
        inference = Inference(parsed, roots, self._file)
        try:
            kind = inference.run()
        except RecursionError:
            self._found.add(node.inside(start), "an expression nested too deeply")
            return ANY
        for mistake in inference.mistakes:
            where = node.inside(start + mistake.offset)
            self._found.add(where, mistake.message, mistake.hint)
        return kind

    def _file(self, name: str) -> tuple[str, str]:
        try:
            self._folder.locate(name)
        except NotAnAsset as problem:
            return str(problem), did_you_mean(name, self._folder.names())
        return "", ""


def _strictly(compile_text: Callable[[str], Result], text: str) -> Result:
    """Compile a text; JMESPath takes `this`, which is not JSON, for a text, and only warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", PendingDeprecationWarning)
        try:
            return compile_text(text)
        except PendingDeprecationWarning:
            for literal in _LITERAL.finditer(text):
                if not _is_json(literal.group(1)):
                    offset, inner = literal.start(), literal.group(1)
                    raise SyntaxProblem("backticks hold JSON", offset, f"write '{inner}'") from None
            raise SyntaxProblem("backticks hold JSON") from None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
