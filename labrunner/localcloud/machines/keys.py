"""The host key of a machine, and how SSH shows it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncssh

NAME = "ssh_host_ed25519_key"


def host_key(directory: Path) -> "asyncssh.SSHKey":
    """Return the machine's host key, made at its first boot; the private half stays outside it."""
    import asyncssh

    path = directory / NAME
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        path.touch(mode=0o600)
        path.write_bytes(key.export_private_key())
    return asyncssh.read_private_key(path)


def public_line(key: "asyncssh.SSHKey", hostname: str) -> str:
    """Return the public half as a line of a `.pub` file."""
    return f"{key.export_public_key('openssh').decode().strip()} root@{hostname}"


def fingerprint_line(key: "asyncssh.SSHKey", hostname: str) -> str:
    """Return what `ssh-keygen -l` prints of an ed25519 key."""
    return f"256 {key.get_fingerprint('sha256')} root@{hostname} (ED25519)"
