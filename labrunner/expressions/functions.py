"""The functions that expressions have beyond JMESPath's own: pure, and few."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from jmespath import functions

from labrunner.errors import FunctionError
from labrunner.expressions.types import (
    ANY,
    BOOLEAN,
    BYTES,
    NUMBER,
    STRING,
    ListType,
    MapType,
    Type,
)
from labrunner.values import Secret

_TEXT = {"types": ["string"]}
_NUMBER = {"types": ["number"]}
_ANY: dict[str, list[str]] = {"types": []}
_TEXTS = {"types": ["string"], "variadic": True}

_COUNT = re.compile(r"(?P<name>.*?)[\t\x01,|](?P<number>-?\d+)")

# What each function gives, for the check before a run.
RESULTS: Mapping[str, Type] = {
    "add": NUMBER, "sub": NUMBER, "mul": NUMBER, "div": NUMBER,
    "base64": STRING, "file": BYTES, "text": STRING, "json": STRING, "parse_json": ANY,
    "lower": STRING, "upper": STRING, "replace": STRING, "split": ListType(STRING),
    "trim": STRING,
    "decode": STRING, "counts": MapType(NUMBER),
    "range": ListType(NUMBER), "s3_url": STRING, "sha256": STRING, "md5": STRING,
    "abs": NUMBER, "avg": NUMBER, "ceil": NUMBER, "contains": BOOLEAN, "ends_with": BOOLEAN,
    "floor": NUMBER, "join": STRING, "keys": ListType(STRING), "length": NUMBER,
    "starts_with": BOOLEAN, "sum": NUMBER, "to_number": NUMBER, "to_string": STRING,
    "type": STRING,
}  # fmt: skip


class Functions(functions.Functions):  # type: ignore[misc]
    """JMESPath's functions and ours, bound to a target's facts and to a lab's files."""

    def __init__(
        self, target: Mapping[str, Any], read_file: Callable[[str], bytes] | None = None
    ) -> None:
        super().__init__()
        self._target = target
        self._read_file = read_file

    def _read(self, name: str) -> bytes:
        if self._read_file is None:
            raise FunctionError("there are no files to read here")
        return self._read_file(name)

    @functions.signature(_NUMBER, _NUMBER)
    def _func_add(self, left: float, right: float) -> float:
        return left + right

    @functions.signature(_NUMBER, _NUMBER)
    def _func_sub(self, left: float, right: float) -> float:
        return left - right

    @functions.signature(_NUMBER, _NUMBER)
    def _func_mul(self, left: float, right: float) -> float:
        return left * right

    @functions.signature(_NUMBER, _NUMBER)
    def _func_div(self, left: float, right: float) -> float:
        if right == 0:
            raise FunctionError("division by zero")
        return left / right

    @functions.signature(_TEXT)
    def _func_file(self, name: str) -> bytes:
        return self._read(name)

    @functions.signature(_TEXT)
    def _func_text(self, name: str) -> str:
        try:
            return self._read(name).decode()
        except UnicodeDecodeError:
            raise FunctionError(f"{name} is not UTF-8 text: use file()") from None

    @functions.signature(_ANY)
    def _func_json(self, value: Any) -> str:
        if isinstance(value, bytes):
            raise FunctionError("json() of binary data")
        return json.dumps(value)

    @functions.signature(_TEXT)
    def _func_parse_json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise FunctionError(f"parse_json() of text that is not JSON: {error}") from None

    @functions.signature(_ANY)
    def _func_base64(self, value: Any) -> str:
        encoded = base64.b64encode(_to_bytes(value, "base64")).decode()
        return Secret(encoded) if isinstance(value, Secret) else encoded

    @functions.signature(_ANY)
    def _func_sha256(self, value: Any) -> str:
        return hashlib.sha256(_to_bytes(value, "sha256")).hexdigest()

    @functions.signature(_ANY)
    def _func_md5(self, value: Any) -> str:
        return hashlib.md5(_to_bytes(value, "md5"), usedforsecurity=False).hexdigest()

    @functions.signature(_TEXT)
    def _func_lower(self, text: str) -> str:
        return text.lower()

    @functions.signature(_TEXT)
    def _func_upper(self, text: str) -> str:
        return text.upper()

    @functions.signature(_TEXT, _TEXT, _TEXT)
    def _func_replace(self, text: str, old: str, new: str) -> str:
        return text.replace(old, new)

    @functions.signature(_TEXT, _TEXT)
    def _func_split(self, text: str, separator: str) -> list[str]:
        if not separator:
            raise FunctionError("split() by an empty text")
        return text.split(separator)

    @functions.signature(_TEXT)
    def _func_trim(self, text: str) -> str:
        return text.strip()

    @functions.signature(_ANY)
    def _func_decode(self, data: Any) -> str:
        """Return binary data as the text that it is in UTF-8."""
        try:
            return _to_bytes(data, "decode").decode()
        except UnicodeDecodeError:
            raise FunctionError("decode() of data that is not UTF-8 text") from None

    @functions.signature(_TEXT)
    def _func_counts(self, text: str) -> dict[str, int]:
        """Return {name: number} of lines with both; tab, Ctrl-A, comma or | stand between them."""
        found: dict[str, int] = {}
        for line in filter(None, text.splitlines()):
            match = _COUNT.fullmatch(line)
            if not match:
                raise FunctionError(f"counts() of a line without a name and a number: {line!r}")
            found[match["name"]] = found.get(match["name"], 0) + int(match["number"])
        return found

    # JMESPath's own filters cannot see anything outside the list that they filter.
    @functions.signature({"types": ["array"]}, _TEXT, _ANY)
    def _func_where(self, items: list[Any], member: str, value: Any) -> list[Any]:
        """Return the elements of a list whose member has the value."""
        return [one for one in items if isinstance(one, dict) and one.get(member) == value]

    @functions.signature(_NUMBER)
    def _func_range(self, count: float) -> list[int]:
        if not 0 <= count <= 10_000:  # noqa: PLR2004 - a list anyone would want to read
            raise FunctionError("range() gives 0 to 10000 numbers")
        return list(range(int(count)))

    # JMESPath knows no optional arguments: key, and perhaps a version, are the variadic part.
    @functions.signature(_TEXT, _TEXTS)
    def _func_s3_url(self, bucket: str, key: str, version: str = "", *more: str) -> str:
        """Return the address at which anybody may ask for an object."""
        if more:
            raise FunctionError("s3_url() takes bucket, key and perhaps a version")
        base = str(self._target["s3_url"]).replace("{bucket}", bucket)
        query = f"?versionId={quote(version, safe='')}" if version else ""
        return f"{base}/{quote(key)}{query}"


def _to_bytes(value: Any, function: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise FunctionError(f"{function}() of something that is neither text nor binary")
