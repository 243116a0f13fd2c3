"""A lab's own folder: the only place its files are read from."""

import stat
from pathlib import Path, PurePosixPath

from labrunner.errors import FunctionError

LARGEST_ASSET = 64 * 2**20


class NotAnAsset(FunctionError):
    """A file that a lab may not read, or cannot."""


class Folder:
    """The folder of one lab; each file is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes:
        """Return the file's bytes, at most 64 MiB of them; raises NotAnAsset."""
        if name not in self._files:
            self._files[name] = self._read(name)
        return self._files[name]

    def locate(self, name: str) -> Path:
        """Return where a file of the lab is; raises NotAnAsset unless it is in this folder."""
        relative = PurePosixPath(name)
        if not name or relative.is_absolute() or ".." in relative.parts or "\\" in name:
            raise NotAnAsset(f"{name!r} does not lead to a file in the lab's folder")
        path = self.path / relative
        try:
            real = path.resolve(strict=True)
            is_file = stat.S_ISREG(real.stat().st_mode)
        except (OSError, RuntimeError, ValueError):
            raise NotAnAsset(f"there is no file {name!r} in the lab's folder") from None
        if not real.is_relative_to(self.path.resolve()):
            raise NotAnAsset(f"{name!r} is a link that leads out of the lab's folder")
        if not is_file:
            raise NotAnAsset(f"{name!r} is not a file")
        return real

    def names(self) -> list[str]:
        """Return the names of the files in the folder and below."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        return [path.relative_to(self.path).as_posix() for path in files]

    def _read(self, name: str) -> bytes:
        path = self.locate(name)
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST_ASSET + 1)
        except OSError as error:
            raise NotAnAsset(f"{name!r} cannot be read: {error.strerror}") from None
        if len(data) > LARGEST_ASSET:
            raise NotAnAsset(f"{name!r} is larger than 64 MiB")
        return data
