"""Make one plain HTTP request: as anybody would, with no credentials and no redirects."""

import hashlib
import re
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from xml.etree import ElementTree as ET

from labrunner.outcome import Answer, Call, Outcome, Refusal

_LARGEST_BODY = 64 * 2**20
_TIMEOUT = 30.0


def perform(call: Call) -> Outcome:
    """Make the request; any status is an answer, no answer is a Refusal."""
    import urllib3

    arguments = call.arguments
    body = arguments.get("body")
    try:
        response = _pool(arguments["url"]).request(
            call.name.upper(),
            arguments["url"],
            headers=arguments.get("headers") or {},
            body=body.encode() if isinstance(body, str) else body,
            timeout=arguments.get("timeout") or _TIMEOUT,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        try:
            content = response.read(_LARGEST_BODY)
        finally:
            response.release_conn()
    except urllib3.exceptions.HTTPError as error:
        return Refusal(type(error).__name__, _reason(error), certain=False)
    return Answer(_result(response.status, dict(response.headers), content))


def _pool(url: str) -> Any:
    """Return a pool that goes through the user's proxy where one is set for this address."""
    import urllib3

    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if proxy and not local and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _result(status: int, headers: dict[str, str], content: bytes) -> dict[str, Any]:
    return {
        "status": status,
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": content.decode(errors="replace"),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "error": _error(content) if status >= 400 else None,  # noqa: PLR2004 - HTTP's own
    }


def _error(content: bytes) -> dict[str, str] | None:
    """Return the code and message of an AWS error document."""
    if not content.lstrip().startswith(b"<") or b"<!DOCTYPE" in content:
        return None
    try:
        root = ET.fromstring(content)  # noqa: S314 - no document type, so no entities to expand
    except ET.ParseError:
        return None
    found = {child.tag.rpartition("}")[2]: child.text or "" for child in root.iter()}
    return {name: found[name] for name in ("Code", "Message") if name in found} or None


def _reason(error: Exception) -> str:
    """Return what urllib3 says, without its object addresses."""
    return re.sub(r"<[^>]*object at 0x[0-9a-f]+>:?\s*", "", str(error))
