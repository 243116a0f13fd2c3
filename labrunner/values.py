"""Values as they are in memory and as they are written down."""

import base64
import json
from collections.abc import Iterator
from typing import Any


class Secret(str):
    """Text that may be used in a call and never written anywhere."""

    __slots__ = ()


class Hidden:
    """Stands for a secret that was not written down."""

    def __repr__(self) -> str:
        return "<hidden>"


HIDDEN = Hidden()
_MASK = "•••"


def to_json(value: Any, secrets: frozenset[str] = frozenset()) -> Any:
    """Return the value as an event may hold it: bytes as {"$base64": …}, secrets hidden.

    Texts that contain one of `secrets` are masked. A value of any other type becomes its text.
    """
    if isinstance(value, Secret | Hidden):
        return {"$hidden": True}
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _MASK)
        # A lone surrogate, which AWS may send, cannot be written as UTF-8.
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {str(key): to_json(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item, secrets) for item in value]
    if isinstance(value, bytes):
        return {"$base64": base64.b64encode(value).decode()}
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def from_json(value: Any) -> Any:
    """Return what to_json was given; secrets come back as HIDDEN."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"$base64"}:
        return base64.b64decode(value["$base64"])
    if value.keys() == {"$hidden"}:
        return HIDDEN
    return {key: from_json(item) for key, item in value.items()}


def as_text(value: Any) -> str:
    """Return the value as it reads inside a text: strings as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def secrets_of(value: Any) -> frozenset[str]:
    """Return every secret text inside the value."""
    if isinstance(value, Secret):
        return frozenset([str(value)]) if value else frozenset()
    if isinstance(value, dict):
        return frozenset().union(*map(secrets_of, value.values()))
    if isinstance(value, list | tuple):
        return frozenset().union(*map(secrets_of, value))
    return frozenset()


def without_nulls(value: Any) -> Any:
    """Return the value without members that are null: in a call they mean "not given"."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def named(identity: dict[str, Any]) -> str:
    """Return what identifies something, as people read it."""
    return ", ".join(texts(identity))


def texts(value: Any) -> Iterator[str]:
    """Yield every text inside the value, keys not included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
