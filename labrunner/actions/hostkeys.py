"""Read the host keys of a machine: from its console, a known_hosts file, or fingerprints."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_TYPE = r"(?P<type>ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa)"
_BLOB = r"(?P<blob>AAAA[A-Za-z0-9+/]+={0,2})(?![A-Za-z0-9+/=])"
_SHA256 = r"(?P<fingerprint>SHA256:[A-Za-z0-9+/]{43})(?![A-Za-z0-9+/])=?"
# In a block of the console, anything may stand before and after.
_KEY = re.compile(rf"(?<![\w-]){_TYPE} {_BLOB}")
_FINGERPRINT = re.compile(rf"(?<![\w/]){_SHA256}(?:.*\((?P<type>[\w-]+)\))?")
# In a list, a line is one of these or a mistake.
_KEY_LINE = re.compile(rf"(?:(?P<hosts>[^\s@#]\S*)\s+)?{_TYPE}\s+{_BLOB}(?:\s.*)?")
_FINGERPRINT_LINE = re.compile(rf"(?:\d+ )?{_SHA256}(?:\s.*?)?(?:\((?P<type>[\w-]+)\))?")
_BLOCK = re.compile(r"-----(BEGIN|END) SSH HOST KEY (?:FINGERPRINTS|KEYS)-----")
_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_RSA_SIGNATURES = ("rsa-sha2-256", "rsa-sha2-512")


class NoHostKeys(Exception):
    """The text holds no host key that a machine could be known by."""


@dataclass(frozen=True)
class HostKey:
    """One key that a machine may show; `blob` is its base64 text, empty if only hashed.

    `type` is as in a known_hosts file, or "ecdsa" or another short name, or empty if unknown.
    """

    fingerprint: str
    type: str = ""
    blob: str = ""

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.type})" if self.type else self.fingerprint


def parse(text: str, host: str, port: int) -> tuple[HostKey, ...]:
    """Return the host keys in a console output, or in a list of keys and fingerprints.

    On a console only cloud-init's blocks count. In a list every line must be understood, and
    those with a host's name must be for this host. Raises NoHostKeys.
    """
    lines = [_TERMINAL_CODE.sub("", line).strip() for line in text.splitlines()]
    console = any(map(_BLOCK.search, lines))
    found = _of_console(lines) if console else _of_list(lines, host, port)
    keys = tuple(dict.fromkeys(found))
    if not keys:
        raise NoHostKeys(
            "the console's host key blocks hold no whole key"
            if console
            else f"no host keys of {host} are given"
        )
    known = {key.fingerprint for key in keys if key.blob}
    return tuple(key for key in keys if key.blob or key.fingerprint not in known)


def has_type(algorithm: str, keys: Iterable[HostKey]) -> bool:
    """Whether one of the keys is surely of the type that the algorithm signs with."""
    name = "ssh-rsa" if algorithm in _RSA_SIGNATURES else algorithm
    return any(key.type and name.startswith(key.type) for key in keys)


def fingerprint(blob: bytes) -> str:
    """Return a public key's fingerprint as OpenSSH writes it: "SHA256:…"."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def known_hosts_line(host: str, port: int, key: HostKey) -> str:
    """Return the key as a line of a known_hosts file."""
    return f"{_names(host, port)[0]} {key.type} {key.blob}\n"


def _of_console(lines: Sequence[str]) -> Iterator[HostKey]:
    inside = False
    for line in lines:
        if marker := _BLOCK.search(line):
            inside = marker[1] == "BEGIN"
        elif inside:
            # Other messages get into the blocks, and may break a key: that one is left out.
            yield from filter(None, map(_key, _KEY.finditer(line)))
            yield from map(_hashed, _FINGERPRINT.finditer(line))


def _of_list(lines: Sequence[str], host: str, port: int) -> Iterator[HostKey]:
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        if hashed := _FINGERPRINT_LINE.fullmatch(line):
            yield _hashed(hashed)
            continue
        match = _KEY_LINE.fullmatch(line)
        key = match and _key(match)
        if not match or not key:
            raise NoHostKeys(
                f"line {number} of the host keys is no key, known_hosts line or SHA256 "
                "fingerprint; a console shows its machine's keys a minute or two after the start"
            )
        if not match["hosts"] or _is_for(match["hosts"], host, port):
            yield key


def _key(match: re.Match[str]) -> HostKey | None:
    """Return the key, or None if it is not whole."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        load_ssh_public_key(f"{match['type']} {match['blob']}".encode())
        blob = base64.b64decode(match["blob"], validate=True)
    except (ValueError, binascii.Error):
        return None
    return HostKey(fingerprint(blob), match["type"], match["blob"])


def _hashed(match: re.Match[str]) -> HostKey:
    short = match["type"] or ""
    types = {"ED25519": "ssh-ed25519", "ECDSA": "ecdsa", "RSA": "ssh-rsa"}
    return HostKey(match["fingerprint"], types.get(short, short.lower()))


def _is_for(hosts: str, host: str, port: int) -> bool:
    names = _names(host, port)
    if hosts.startswith("|1|"):
        return any(_hashes_to(hosts, name) for name in names)
    return not set(hosts.lower().split(",")).isdisjoint(names)


def _names(host: str, port: int) -> tuple[str, ...]:
    """Return how known_hosts files name the host."""
    named = f"[{host}]:{port}".lower()
    return (host.lower(), named) if port == 22 else (named,)  # noqa: PLR2004 - SSH's own port


def _hashes_to(hashed: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in hashed[3:].split("|"))
    except ValueError:
        return False
    # sshd(8) defines hashed host names by HMAC-SHA1.
    return hmac.compare_digest(hmac.new(salt, name.encode(), "sha1").digest(), digest)
