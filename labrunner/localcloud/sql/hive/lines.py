# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""Text files as DuckDB reads them: plain lines, each behind a mark, so that no line is special."""

import bz2
import gzip
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, BinaryIO, cast

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.storage import Address, Storages

CHUNK = 1 << 20
MARK = b"\x02"
# A character that is in no text: Unicode keeps it free. DuckDB needs a separator of fields.
NOWHERE = "\U0010ffff"
MAX_LINE = 1 << 23
COMPRESSED = (".deflate", ".snappy", ".lzo", ".zst", ".lz4", ".Z", ".zip", ".7z", ".xz")


def fetch(
    storages: Storages, address: Address, target: Path, skip: int, check: Callable[[], None]
) -> int:
    """Bring a text file here, without its first lines, and return how many lines it has.

    Lines end with LF, CR or both, as Hadoop reads them; bytes that are no UTF-8 become U+FFFD.
    """
    with (
        closing(storages.open(address)) as raw,
        closing(_unpacked(raw, address)) as stream,
        target.open("wb") as out,
    ):
        target.chmod(0o600)
        count, skipped, at_start = 0, 0, True
        for text in _texts(stream, address):
            check()
            if skipped < skip:
                lines = text.split("\n")
                left = lines[min(skip - skipped, len(lines) - 1) :]
                skipped += len(lines) - len(left)
                if skipped < skip:
                    continue
                text = "\n".join(left)  # noqa: PLW2901
            if not text:
                continue
            data = text.encode()
            out.write((MARK if at_start else b"") + data[:-1].replace(b"\n", b"\n" + MARK))
            at_start = data.endswith(b"\n")
            out.write(data[-1:])
            count += data.count(b"\n")
        if not at_start:
            out.write(b"\n")
            count += 1
    return count


def _unpacked(raw: BinaryIO, address: Address) -> BinaryIO:
    name = address.path.lower()
    if name.endswith(".gz"):
        return cast("BinaryIO", gzip.GzipFile(fileobj=raw))
    if name.endswith(".bz2"):
        return cast("BinaryIO", bz2.BZ2File(raw))
    if name.endswith(COMPRESSED):
        raise unsupported(f"The compression of {address}")
    return raw


def _texts(stream: IO[bytes], address: Address) -> Iterator[str]:
    """Yield a file in pieces of whole characters, with LF for every end of a line."""
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""
    while True:
        try:
            data = stream.read(CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            raise SqlError("execution", f"{address}: {error}") from None
        text = held + decoder.decode(data, final=not data)
        held = "\r" if data and text.endswith("\r") else ""
        text = text.removesuffix("\r") if held else text
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if NOWHERE in text:
            raise SqlError("execution", f"{address}: the noncharacter U+10FFFF is not supported")
        yield text
        if not data:
            return


def scan(files: list[Path]) -> str:
    """Return a relation with the lines of files in the column `l`."""
    listed = quoting.texts([str(one) for one in files])
    options = (
        f"delim='{NOWHERE}', quote='', escape='', header=false, auto_detect=false, "
        "columns={'r': 'VARCHAR'}, new_line='\\n', nullstr='\x02\x02\x02', strict_mode=false, "
        # Without a size of their own its buffers would be 16 lines long: 128 MiB each.
        f"compression='none', max_line_size={MAX_LINE}, buffer_size={2 * MAX_LINE}"
    )
    return f"(SELECT substring(r, 2) AS l FROM read_csv({listed}, {options}))"


def copy(storages: Storages, address: Address, target: Path) -> None:
    """Bring a file here as it is."""
    with closing(storages.open(address)) as stream, target.open("wb") as out:
        target.chmod(0o600)
        shutil.copyfileobj(stream, out, CHUNK)


def write_options() -> str:
    """Return the options of a COPY that writes one column of texts as lines, as they are."""
    return (
        f"(FORMAT csv, HEADER false, DELIMITER '{NOWHERE}', QUOTE '', ESCAPE '', "
        "NULLSTR '\x02\x02\x02')"
    )
