"""Make, show and delete SSH key pairs on this disk; a private key never leaves it."""

import base64
import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from labrunner.actions.arguments import read
from labrunner.actions.hostkeys import fingerprint
from labrunner.model import Model
from labrunner.outcome import Answer, Call, Outcome, Refusal

_LARGEST = 64 * 2**10


class Named(Model):
    """The arguments of every `key:` action."""

    Name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,100}$")]


class Keys:
    """Key pairs of one folder: each is the file `<Name>.pem`, mode 0600, in OpenSSH's format."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def perform(self, call: Call) -> Outcome:
        """Create, describe or delete one key pair; nothing outside the folder is touched."""
        named = read(Named, call.arguments)
        if isinstance(named, Refusal):
            return named
        actions = {"create": self._create, "describe": self._describe, "delete": self._delete}
        try:
            return actions[call.name](named.Name)
        except OSError as error:
            return self._refused(call.name, named.Name, error)

    def _create(self, name: str) -> Outcome:
        private = _new_private_key()
        _make_folder(self._folder)
        with self._opened() as folder:
            os.fchmod(folder, 0o700)
            try:
                _store(folder, _file(name), private)
            except FileExistsError:
                words = f"the key pair {name} is there: {self._path(name)}"
                return Refusal("KeyAlreadyExists", words)
        return self._answer(name, private)

    def _describe(self, name: str) -> Outcome:
        with self._opened() as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(_file(name), flags, dir_fd=folder)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return Refusal("KeyUnreadable", f"{self._path(name)} is no file")
                return self._answer(name, os.read(descriptor, _LARGEST))
            finally:
                os.close(descriptor)

    def _delete(self, name: str) -> Outcome:
        with self._opened() as folder:
            for left in _unfinished(folder, name):
                os.unlink(left, dir_fd=folder)
            os.unlink(_file(name), dir_fd=folder)
        return Answer({"Name": name})

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the folder itself: what is named in it stays in it."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield folder
        finally:
            os.close(folder)

    def _answer(self, name: str, private: bytes) -> Outcome:
        from cryptography.hazmat.primitives import serialization

        try:
            key = serialization.load_ssh_private_key(private, None)
            encoding, kind = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
            public = key.public_key().public_bytes(encoding, kind).decode()
        except (TypeError, ValueError):
            words = f"{self._path(name)} holds no OpenSSH private key without a passphrase"
            return Refusal("KeyUnreadable", words)
        return Answer({
            "Name": name,
            "PublicKey": f"{public} {name}",
            "PrivateKeyFile": str(self._path(name)),
            "Fingerprint": fingerprint(base64.b64decode(public.split()[1])),
        })  # fmt: skip

    def _refused(self, action: str, name: str, error: OSError) -> Refusal:
        if isinstance(error, FileNotFoundError) and action != "create":
            return Refusal("KeyNotFound", f"there is no key pair {name} in {self._folder}")
        if error.errno == errno.ELOOP:
            words = f"{self._path(name)} is reached by a symbolic link, which is not followed"
            return Refusal("KeyUnreadable", words)
        words = f"the key pair {name} was not {action}d in {self._folder}: {error.strerror}"
        return Refusal("DiskError", words, certain=action != "create" or not self._left(name))

    def _left(self, name: str) -> bool:
        """Whether something of the key pair may be in the folder."""
        try:
            with self._opened() as folder:
                return _is_there(folder, name) or bool(_unfinished(folder, name))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True

    def _path(self, name: str) -> Path:
        return self._folder / _file(name)


def _file(name: str) -> str:
    return f"{name}.pem"


def _is_there(folder: int, name: str) -> bool:
    return _file(name) in os.listdir(folder)


def _unfinished(folder: int, name: str) -> list[str]:
    """Return the temporary files that a killed `create` has left."""
    pattern = re.compile(rf"\.{re.escape(_file(name))}\.[0-9a-f]{{16}}")
    return [entry for entry in os.listdir(folder) if pattern.fullmatch(entry)]


def _make_folder(folder: Path) -> None:
    """Make a folder with its parents, each for the owner alone."""
    with contextlib.suppress(FileExistsError):
        if not folder.parent.exists():
            _make_folder(folder.parent)
        folder.mkdir(mode=0o700)


def _store(folder: int, file: str, content: bytes) -> None:
    """Write a new file whole or not at all; raises FileExistsError if it is there."""
    temporary = f".{file}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as opened:
        try:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
            # Unlike a rename, a link replaces nothing.
            os.link(temporary, file, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.unlink(temporary, dir_fd=folder)
    os.fsync(folder)


def _new_private_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
