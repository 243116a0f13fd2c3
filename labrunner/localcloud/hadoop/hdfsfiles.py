"""HDFS as a file system of a cluster's programs."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from labrunner.localcloud.hadoop.filestatus import Part, Status
from labrunner.localcloud.hadoop.hdfs.blocks import Datanode
from labrunner.localcloud.hadoop.hdfs.namenode import Directory, Namenode
from labrunner.localcloud.hadoop.hdfs.namenode import Entry as HdfsEntry
from labrunner.localcloud.sql.storage import Address


class HdfsFileSystem:
    """The cluster's HDFS; new files get other replicas and blocks than usual if that is said."""

    def __init__(
        self, namenode: Namenode, *, replication: int | None = None, block_size: int | None = None
    ) -> None:
        self.namenode = namenode
        self._replication = replication
        self._block_size = block_size

    def status(self, address: Address) -> Status | None:
        """Return what is at an address."""
        entry = self.namenode.find(address.path)
        return None if entry is None else _hdfs_status(address, entry)

    def children(self, address: Address) -> list[Status]:
        """Return what a directory has."""
        entry = self.namenode.find(address.path)
        if not isinstance(entry, Directory):
            return []
        found = sorted(entry.children.items())
        return [_hdfs_status(address.child(name), one) for name, one in found]

    def walk(self, address: Address) -> Iterator[Status]:
        """Yield the files at an address and below."""
        for path, entry in self.namenode.walk(address.path):
            if not isinstance(entry, Directory):
                found = Address(address.scheme, address.place, path.lstrip("/"))
                yield _hdfs_status(found, entry)

    def open(self, address: Address, offset: int = 0, near: Datanode | None = None) -> BinaryIO:
        """Open a file to be read."""
        return self.namenode.open(f"/{address.path}", offset, near)

    def write(
        self, address: Address, *, overwrite: bool = False
    ) -> AbstractContextManager[BinaryIO]:
        """Give a new file to be written."""
        return self.namenode.create(
            f"/{address.path}",
            overwrite=overwrite,
            replication=self._replication,
            block_size=self._block_size,
        )

    def mkdirs(self, address: Address) -> None:
        """Make a directory."""
        self.namenode.mkdirs(address.path)

    def delete(self, address: Address) -> None:
        """Delete."""
        self.namenode.delete(address.path)

    def rename(self, source: Address, target: Address) -> None:
        """Move."""
        self.namenode.rename(f"/{source.path}", f"/{target.path}")

    def parts(self, status: Status) -> list[Part]:
        """Return the blocks of a file."""
        entry = self.namenode.find(status.address.path)
        found, offset = [], 0
        for block in getattr(entry, "blocks", ()):
            hosts = tuple(node.hostname for node in block.live())
            found.append(Part(offset, block.size, hosts))
            offset += block.size
        return found


def _hdfs_status(address: Address, entry: HdfsEntry) -> Status:
    if isinstance(entry, Directory):
        return Status(address, True, 0, entry.modified, permission=entry.permission)  # noqa: FBT003
    return Status(
        address,
        is_directory=False,
        size=entry.size,
        modified=entry.modified,
        replication=entry.replication,
        block_size=entry.block_size,
        permission=entry.permission,
    )
