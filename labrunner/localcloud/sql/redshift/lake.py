"""Where COPY and UNLOAD find their files: S3, as a role that the warehouse may assume."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from labrunner.localcloud.sql.storage import Address, Entry


class Store(Protocol):
    """The buckets of S3 as one role may use them; every method raises SqlError."""

    def region(self, bucket: str) -> str:
        """Return where a bucket is, an empty text if there is no such bucket."""

    def list(self, prefix: Address) -> Iterator[Entry]:
        """Yield the objects whose key begins so."""

    def open(self, address: Address) -> BinaryIO:
        """Open an object to be read."""

    def put(self, address: Address, source: Path) -> None:
        """Store a local file as an object."""

    def delete(self, address: Address) -> None:
        """Delete an object."""


class Lake(Protocol):
    """What a warehouse knows of the outside."""

    @property
    def region(self) -> str:
        """The warehouse's own region."""

    def store(self, role: str | None, user: str) -> Store:
        """Return S3 as a role, None the default role; raises SqlError if it cannot be assumed."""
