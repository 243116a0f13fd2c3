"""One view of all that a cluster's programs read and write: `hdfs:`, `s3:` and `file:`."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.filestatus import FileSystem, Status
from labrunner.localcloud.hadoop.hdfsfiles import HdfsFileSystem
from labrunner.localcloud.hadoop.localfiles import LocalFileSystem
from labrunner.localcloud.hadoop.nodes import HOME
from labrunner.localcloud.hadoop.s3files import S3FileSystem
from labrunner.localcloud.sql.storage import S3_SCHEMES, Address

USER_HOME = "user/hadoop"


class FileSystems:
    """The file systems of a program that runs on a node; `default` is the scheme without one."""

    def __init__(
        self, hdfs: HdfsFileSystem, s3: S3FileSystem, local: LocalFileSystem, default: str = "hdfs"
    ) -> None:
        self.hdfs = hdfs
        self._by_scheme: dict[str, FileSystem] = {"hdfs": hdfs, "file": local}
        self._by_scheme.update(dict.fromkeys(S3_SCHEMES, s3))
        self._default = default

    def of(self, address: Address) -> FileSystem:
        """Return the file system of an address."""
        return self._by_scheme[address.scheme]

    def address(self, text: str, scheme: str = "", cwd: str = "") -> Address:
        """Read an address; a relative path begins at home, or at `cwd`. Raises HadoopError."""
        found, colon, rest = text.partition(":")
        if not colon or "/" in found or not found:
            scheme, place, path = scheme or self._default, "", text
        elif rest.startswith("//"):
            scheme = found
            place, _, path = rest[2:].partition("/")
            path = f"/{path}"
        else:
            scheme, place, path = found, "", rest
        if scheme not in self._by_scheme:
            kind = "org.apache.hadoop.fs.UnsupportedFileSystemException"
            raise HadoopError(kind, f'No FileSystem for scheme "{scheme}"')
        if scheme in S3_SCHEMES and not place:
            raise HadoopError("java.lang.IllegalArgumentException", f"{text} names no bucket")
        if not path.startswith("/"):
            path = f"{(cwd or HOME) if scheme == 'file' else f'/{USER_HOME}'}/{path}"
        if scheme in S3_SCHEMES:
            return Address(scheme, place, path.lstrip("/").rstrip("/"))
        place = place if scheme == "hdfs" else ""
        return Address(scheme, place, normal(path))

    def glob(self, address: Address) -> list[Status]:
        """Return what a pattern matches, in order; without `*?[{` that is the address itself."""
        if not any(sign in address.path for sign in "*?[{"):
            found = self.of(address).status(address)
            return [] if found is None else [found]
        from labrunner.localcloud.hadoop.globs import matcher

        parts = address.path.split("/")
        here = [Address(address.scheme, address.place, "")]
        matched: Sequence[Status] = ()
        for number, part in enumerate(parts):
            fits = matcher(part)
            matched = [
                child
                for folder in here
                for child in self.of(folder).children(folder)
                if fits(PurePosixPath(child.address.path).name)
            ]
            is_last = number == len(parts) - 1
            here = [] if is_last else [one.address for one in matched if one.is_directory]
        return list(matched)


def normal(path: str) -> str:
    """Return a path without `.`, `..`, and leading or double slashes."""
    found: list[str] = []
    for part in path.split("/"):
        if part == "..":
            found = found[:-1]
        elif part not in ("", "."):
            found.append(part)
    return "/".join(found)
