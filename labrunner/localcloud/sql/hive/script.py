"""A script's statements, and the variables that are put into them."""

import re
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field

from labrunner.localcloud.sql.errors import Place, SqlError, unsupported
from labrunner.localcloud.sql.hive.lexer import Kind, lex

VARIABLE = re.compile(r"\$\{([^{}$ ]+)\}")
MAX_DEPTH = 40
SECRETIVE = ("env", "system", "metaconf")


@dataclass
class Variables:
    """`hivevar` and `hiveconf`, each by name."""

    hivevar: MutableMapping[str, str] = field(default_factory=dict)
    hiveconf: MutableMapping[str, str] = field(default_factory=dict)

    def space(self, name: str) -> tuple[MutableMapping[str, str], str] | None:
        """Return where a name of SET is kept, and its name there; None for other namespaces."""
        prefix, colon, rest = name.partition(":")
        if not colon:
            return self.hiveconf, name
        spaces = {"hivevar": self.hivevar, "hiveconf": self.hiveconf}
        return (spaces[prefix], rest) if prefix in spaces else None

    def substitute(self, text: str) -> str:
        """Put variables into a text, as often as it takes; what is not set stays as it is."""
        for _ in range(MAX_DEPTH):
            changed = VARIABLE.sub(self._value, text)
            if changed == text:
                return text
            text = changed
        raise SqlError("semantic", f"Variable substitution depth too large: {MAX_DEPTH} {text}")

    def _value(self, match: re.Match[str]) -> str:
        name = match[1]
        prefix = name.partition(":")[0]
        if prefix in SECRETIVE and ":" in name:
            raise unsupported(f"Hive's variable ${{{name}}}")
        if ":" not in name:
            return self.hivevar.get(name, match[0])
        found = self.space(name)
        return match[0] if found is None else found[0].get(found[1], match[0])


@dataclass(frozen=True)
class Piece:
    """One statement of a script as it is written, without its semicolon."""

    text: str
    place: Place


def pieces(script: str) -> Iterator[Piece]:
    """Yield the statements of a script; raises SqlError where a quote is not closed."""
    first = None
    for token in lex(script):
        is_end = token.kind is Kind.END
        if is_end or (token.kind is Kind.SIGN and token.text == ";"):
            if first is not None:
                yield Piece(script[first.start : token.start].rstrip(), first.place)
            first = None
        elif first is None:
            first = token
