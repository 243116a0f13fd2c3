"""Values in JSON documents and parts of URLs."""

import contextlib
import json
import re
from typing import Any
from urllib.parse import urlsplit

from labrunner.localcloud.sql.hive.javatext import java_double
from labrunner.localcloud.sql.hive.jsonfields import Number, dumped

PATTERN_KEY = re.compile(r"([a-zA-Z0-9_\-:\s]+)")
PATTERN_INDEX = re.compile(r"\[([0-9]+|\*)\]")


def _fraction(text: str) -> Number:
    """Return a number that is not whole as Hive's UDFs print it: read as a double, 1.50 is 1.5."""
    return Number(java_double(float(text)))


def json_object(text: str, path: str) -> str | None:
    """Return what `get_json_object` does: the keys and indexes of a path, nothing else of it."""
    if not text or not path.startswith("$"):
        return None
    try:
        found: Any = json.loads(text, parse_float=_fraction, parse_int=Number)
    except ValueError:
        return None
    steps = path[1:]
    while steps:
        if steps.startswith("."):
            key = PATTERN_KEY.match(steps, 1)
            if key is None:
                return None
            found = _at_key(found, key[1])
            steps = steps[key.end() :]
        else:
            index = PATTERN_INDEX.match(steps)
            if index is None:
                return None
            found = _at_index(found, index[1])
            steps = steps[index.end() :]
        if found is None:
            return None
    return _json_text(found)


def json_key(text: str, key: str) -> str | None:
    """Return the value of a key of the top level, as `json_tuple` does."""
    try:
        found = json.loads(text, parse_float=_fraction, parse_int=Number)
    except ValueError:
        return None
    return _json_text(found.get(key)) if isinstance(found, dict) else None


def _at_key(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list):
        found: list[Any] = []
        for one in value:
            inner = one.get(key) if isinstance(one, dict) else None
            if isinstance(inner, list):
                found += inner
            elif inner is not None:
                found.append(inner)
        return found or None
    return None


def _at_index(value: Any, index: str) -> Any:
    if not isinstance(value, list):
        return None
    if index == "*":
        return value
    return value[int(index)] if int(index) < len(value) else None


def _json_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return dumped(value)


def parse_url(url: str, part: str, key: str) -> str | None:
    """Return a part of a URL as java.net.URL cuts it; `key` is a parameter's name or empty."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
    if match is None:
        return None
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        _, _, host = parts.netloc.rpartition("@")
        query = parts.query or ("" if "?" in url.split("#", maxsplit=1)[0] else None)
        found = {
            "HOST": re.sub(r":\d*$", "", host),
            "PATH": parts.path,
            "QUERY": query,
            "REF": parts.fragment or ("" if "#" in url else None),
            "PROTOCOL": match[1],
            "AUTHORITY": parts.netloc or None,
            "FILE": parts.path + (f"?{query}" if query is not None else ""),
            "USERINFO": parts.netloc.rpartition("@")[0] or None,
        }.get(part)
        if key == "" or found is None:
            return found
        if part != "QUERY":
            return None
        parameter = re.search(rf"(?:&|^){re.escape(key)}=([^&]*)", found)
        return parameter[1] if parameter else None
    return None
