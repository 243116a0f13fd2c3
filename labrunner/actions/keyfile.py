"""Read a private key file, as strictly as SSH does."""

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paramiko import PKey

_LARGEST = 64 * 2**10


class KeyUnreadable(Exception):
    """The file cannot be used as a private key; says why, never what is in it."""


def key_text(path: Path) -> str:
    """Return what is in a private key file that only its owner reads; raises KeyUnreadable."""
    try:
        # Without O_NONBLOCK, a pipe in the file's place would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _check(path, os.fstat(descriptor))
            return os.read(descriptor, _LARGEST).decode("ascii", "replace")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise KeyUnreadable(f"{path}: {error.strerror or error}") from None


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeyUnreadable(f"{path} is no file")
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        raise KeyUnreadable(
            f"others may read the private key {path} (mode {stat.S_IMODE(found.st_mode):04o}), "
            f"so SSH does not use it; chmod 600 {path}"
        )


def private_key(path: Path) -> "PKey":
    """Return the key in a file; unlike paramiko's own loader, look at no file beside it."""
    import paramiko
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

    text = key_text(path)
    openssh = "BEGIN OPENSSH PRIVATE KEY" in text
    load = load_ssh_private_key if openssh else load_pem_private_key
    try:
        loaded = load(text.encode(), None)
        # The one format that paramiko reads of every type.
        same = io.StringIO(
            loaded.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        )
        if isinstance(loaded, ed25519.Ed25519PrivateKey):
            return paramiko.Ed25519Key.from_private_key(same)
        if isinstance(loaded, rsa.RSAPrivateKey):
            return paramiko.RSAKey.from_private_key(same)
        if isinstance(loaded, ec.EllipticCurvePrivateKey):
            return paramiko.ECDSAKey.from_private_key(same)
    except TypeError:
        raise KeyUnreadable(f"the private key {path} has a passphrase") from None
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException):
        raise KeyUnreadable(f"{path} holds no private key") from None
    raise KeyUnreadable(f"{path} holds a private key of a type that SSH does not use")
