"""Brings the files that COPY reads here, unpacked and without their headers."""

import bz2
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.redshift.copyoptions import Copy, s3_address
from labrunner.localcloud.sql.redshift.lake import Store
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.storage import Address, Entry

CHUNK = 1 << 20
MAX_MANIFEST = 1 << 20


@dataclass(frozen=True)
class Staged:
    """A file that is here: its lines behind the header, and whether any of them is blank."""

    address: Address
    path: Path
    size: int
    lines: int
    has_blank_lines: bool
    has_cr: bool
    has_quotes: bool


def sources(copy: Copy, store: Store) -> list[Entry]:
    """Return the files that COPY names; raises SqlError if there is none."""
    if copy.manifest:
        return list(_listed(copy, store))
    found = [
        one for one in store.list(copy.source) if one.size or not one.address.path.endswith("/")
    ]
    if not found:
        raise missing(str(copy.source))
    return found


def missing(name: str) -> RedshiftError:
    """Return the error of a prefix that no object has."""
    prefix = name.removeprefix("s3://").partition("/")[2]
    text = f"The specified S3 prefix '{prefix}' does not exist"
    return RedshiftError("XX000", text, kind="execution")


def _listed(copy: Copy, store: Store) -> Iterator[Entry]:
    with closing(store.open(copy.source)) as stream:
        data = stream.read(MAX_MANIFEST + 1)
    try:
        entries = json.loads(data)["entries"]
        pairs = [(str(one["url"]), bool(one.get("mandatory", False))) for one in entries]
    except (ValueError, KeyError, TypeError, AttributeError):
        text = f"The manifest file {copy.source} is not valid JSON with entries"
        raise RedshiftError("XX000", text, kind="execution") from None
    for url, mandatory in pairs:
        address = s3_address(url)
        found = [one for one in store.list(address) if one.address == address]
        if not found and mandatory:
            text = f"The specified mandatory file {url} could not be found"
            raise RedshiftError("XX000", text, kind="execution")
        yield from found


def stage(
    copy: Copy, entry: Entry, store: Store, target: Path, check: Callable[[], None]
) -> Staged:
    """Bring a file here; raises SqlError."""
    lines, skipped = 0, 0
    blank = cr = quotes = False
    before = b"\n"
    quote = copy.quote.encode()
    with (
        closing(store.open(entry.address)) as raw,
        closing(_unpacked(raw, copy)) as stream,
        target.open("wb") as out,
    ):
        target.chmod(0o600)
        for piece in _pieces(stream, entry.address):
            check()
            data = piece
            while skipped < copy.skip and data:
                end = data.find(b"\n") + 1
                skipped += bool(end)
                data = data[end:] if end else b""
            if not data:
                continue
            out.write(data)
            lines += data.count(b"\n")
            joined = before[-2:] + data
            blank = blank or b"\n\n" in joined or (b"\r" in joined and b"\n\r\n" in joined)
            cr = cr or b"\r" in data
            quotes = quotes or quote in data
            before = joined
    if before[-1:] != b"\n":
        lines += 1
    return Staged(entry.address, target, entry.size, lines, blank, cr, quotes)


def _unpacked(raw: BinaryIO, copy: Copy) -> BinaryIO:
    if copy.compression == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    if copy.compression == "bzip2":
        return cast("BinaryIO", bz2.BZ2File(raw))
    if copy.compression == "zstd":
        raise unsupported("Redshift's COPY with ZSTD")
    return raw


def _pieces(stream: BinaryIO, address: Address) -> Iterator[bytes]:
    while True:
        try:
            data = stream.read(CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            text = f"Problem reading file, is it compressed as COPY says? {address}: {error}"
            raise SqlError("execution", text) from None
        if not data:
            return
        yield data
