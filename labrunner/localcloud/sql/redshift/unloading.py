# ruff: noqa: S608 - the SQL is made of our own names and of quoted texts
"""UNLOAD: writes the result of a query to S3, after "UNLOAD"."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from labrunner.localcloud.sql import quoting
from labrunner.localcloud.sql.datatypes import BOOLEAN
from labrunner.localcloud.sql.errors import unsupported
from labrunner.localcloud.sql.redshift import conversions
from labrunner.localcloud.sql.redshift.catalog import Catalog
from labrunner.localcloud.sql.redshift.copyoptions import (
    Access,
    access_option,
    no_credentials,
    s3_address,
)
from labrunner.localcloud.sql.redshift.lake import Lake, Store
from labrunner.localcloud.sql.redshift.reader import Reader
from labrunner.localcloud.sql.redshift.results import Result
from labrunner.localcloud.sql.redshift.warehouse import Connection, Warehouse
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.storage import Address
from labrunner.localcloud.sql.values import Query, Value

REFUSED = frozenset(
    {
        *("PARTITION", "FIXEDWIDTH", "ENCRYPTED", "KMS_KEY_ID", "MASTER_SYMMETRIC_KEY", "ZSTD"),
        *("MAXFILESIZE", "ROWGROUPSIZE", "EXTENSION", "CLEANPATH", "BZIP2"),
    }
)
NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
    "manually removing the target files in S3, or using the ALLOWOVERWRITE option."
)


@dataclass(frozen=True)
class Unload:
    """An UNLOAD command."""

    query: str
    target: Address
    access: Access = field(default_factory=Access)
    format: str = "TEXT"
    delimiter: str = ""
    header: bool = False
    quotes: bool = False
    null: str = ""
    escape: bool = False
    gzip: bool = False
    overwrite: bool = False
    parallel: bool = True
    manifest: bool = False
    verbose: bool = False


def parse_unload(text: str) -> Unload:
    """Read an UNLOAD command; raises SqlError."""
    reader = Reader(text)
    reader.expect("UNLOAD")
    reader.expect_sign("(")
    query = reader.string()
    reader.expect_sign(")")
    reader.expect("TO")
    found = Unload(query, s3_address(reader.string()))
    while not reader.at_end:
        found = _option(reader, found)
    if not found.access.is_given:
        raise no_credentials(text)
    return found


def _option(reader: Reader, found: Unload) -> Unload:
    place, word = reader.place, reader.token.word
    if word == "FORMAT":
        reader.next()
        reader.take("AS")
        word = reader.token.word
    if word in REFUSED:
        raise unsupported(f"Redshift's UNLOAD with {word}", place)
    if word not in OPTIONS and word not in ("IAM_ROLE", "CREDENTIALS", "REGION", "WITH"):
        raise reader.fail()
    reader.next()
    access = access_option(reader, word, found.access)
    return replace(found, access=access) if access is not None else OPTIONS[word](reader, found)


def _delimiter(reader: Reader, found: Unload) -> Unload:
    reader.take("AS")
    text = reader.string()
    text = {"\\t": "\t"}.get(text, text)
    if len(text) != 1:
        raise RedshiftError("42601", "UNLOAD delimiter must be a single character")
    return replace(found, delimiter=text)


def _null(reader: Reader, found: Unload) -> Unload:
    reader.take("AS")
    return replace(found, null=reader.string())


def _parallel(reader: Reader, found: Unload) -> Unload:
    word = reader.one_of("ON", "OFF", "TRUE", "FALSE")
    return replace(found, parallel=word not in ("OFF", "FALSE"))


def _manifest(reader: Reader, found: Unload) -> Unload:
    return replace(found, manifest=True, verbose=reader.take("VERBOSE"))


OPTIONS: Mapping[str, Callable[[Reader, Unload], Unload]] = {
    "CSV": lambda _, found: replace(found, format="CSV"),
    "PARQUET": lambda _, found: replace(found, format="PARQUET"),
    "JSON": lambda _, found: replace(found, format="JSON"),
    "DELIMITER": _delimiter,
    "HEADER": lambda _, found: replace(found, header=True),
    "ADDQUOTES": lambda _, found: replace(found, quotes=True),
    "NULL": _null,
    "ESCAPE": lambda _, found: replace(found, escape=True),
    "GZIP": lambda _, found: replace(found, gzip=True),
    "ALLOWOVERWRITE": lambda _, found: replace(found, overwrite=True),
    "PARALLEL": _parallel,
    "MANIFEST": _manifest,
}


class Unloader:
    """Runs UNLOAD for a session."""

    def __init__(
        self, warehouse: Warehouse, connection: Connection, catalog: Catalog, lake: Lake
    ) -> None:
        self._warehouse = warehouse
        self._connection = connection
        self._catalog = catalog
        self._lake = lake

    def run(
        self, text: str, number: int, transaction: int, compile_: Callable[[str], Query]
    ) -> Result:
        """Run an UNLOAD; raises SqlError."""
        unload = parse_unload(text)
        started = datetime.now(UTC).replace(tzinfo=None)
        query = compile_(unload.query)
        store = self._lake.store(unload.access.role, self._catalog.facts.user)
        self._expect_region(unload, store)
        if not unload.overwrite and next(iter(store.list(unload.target)), None) is not None:
            raise RedshiftError("XX000", NOT_EMPTY, kind="execution")
        directory = Path(tempfile.mkdtemp(prefix="unload-", dir=self._warehouse.directory))
        try:
            path = directory / "out"
            rows = self._connection.count(_writing(unload, query, path))
            target = _named(unload)
            size = path.stat().st_size
            store.put(target, path)
            if unload.manifest:
                self._put_manifest(unload, store, target, size, rows, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        self._log(unload, number, transaction, started, rows, size)
        notice = f"UNLOAD completed, {rows} record(s) unloaded successfully."
        return Result("UNLOAD", count=rows, notices=(notice,))

    def _expect_region(self, unload: Unload, store: Store) -> None:
        actual = store.region(unload.target.place)
        if not actual:
            text = (
                "S3ServiceException:The specified bucket does not exist,Status 404,Error "
                f"NoSuchBucket (bucket {unload.target.place})"
            )
            raise RedshiftError("XX000", text, kind="execution")
        if actual != (unload.access.region or self._lake.region):
            text = (
                "S3ServiceException:PermanentRedirect,Status 301 (bucket "
                f"{unload.target.place} is in {actual})"
            )
            hint = f"Add REGION '{actual}' to the UNLOAD command."
            raise RedshiftError("XX000", text, hint=hint, kind="execution")

    def _put_manifest(  # noqa: PLR0913 - what the manifest tells
        self, unload: Unload, store: Store, target: Address, size: int, rows: int, directory: Path
    ) -> None:
        entry: dict[str, object] = {"url": str(target)}
        if unload.verbose or unload.format == "PARQUET":
            entry["meta"] = {"content_length": size, "record_count": rows}
        path = directory / "manifest"
        path.write_text(json.dumps({"entries": [entry]}))
        store.put(Address("s3", unload.target.place, f"{unload.target.path}manifest"), path)

    def _log(  # noqa: PLR0913 - the fields of the log
        self, unload: Unload, number: int, transaction: int, started: datetime, rows: int, size: int
    ) -> None:
        facts = self._catalog.facts
        with contextlib.closing(self._warehouse.cursor()) as log:
            log.execute(
                f"INSERT INTO log.unloads VALUES ({', '.join('?' * 13)})",
                [facts.user_id, number, transaction, facts.pid, facts.database, "completed",
                 started,
                 datetime.now(UTC).replace(tzinfo=None), unload.format.lower(), rows, 1, size,
                 str(_named(unload))],
            )  # fmt: skip


def _named(unload: Unload) -> Address:
    """Return the one file that is written: of the first slice, as there is one here."""
    part = "0000_part_00" if unload.parallel else "000"
    end = ".parquet" if unload.format == "PARQUET" else ".gz" if unload.gzip else ""
    return Address("s3", unload.target.place, f"{unload.target.path}{part}{end}")


def _writing(unload: Unload, query: Query, path: Path) -> str:
    """Return the COPY of DuckDB that writes a query's result."""
    if unload.format in ("PARQUET", "JSON"):
        names = ", ".join(f"c{i} AS {quoting.name(n)}" for i, n in enumerate(query.names))
        way = "PARQUET" if unload.format == "PARQUET" else "JSON"
        if way == "JSON":
            raise unsupported("Redshift's UNLOAD of JSON")
        return (
            f"COPY (SELECT {names} FROM ({query.sql})) TO {quoting.text(str(path))} (FORMAT {way})"
        )
    texts = []
    for index, kind in enumerate(query.types):
        value = Value(f"t.c{index}", kind)
        found = conversions.to_text(value)
        if kind == BOOLEAN:
            found = Value(f"CASE WHEN t.c{index} THEN 't' WHEN NOT t.c{index} THEN 'f' END", kind)
        if found is None:
            raise unsupported(f"Redshift's UNLOAD of {kind}")
        texts.append(_field(found.sql, unload))
    listed = ", ".join(
        f"{sql} AS {quoting.name(n)}" for sql, n in zip(texts, _unique(query.names), strict=True)
    )
    is_csv = unload.format == "CSV"
    delimiter = unload.delimiter or ("," if is_csv else "|")
    quote = '"' if is_csv else ""
    options = (
        f"FORMAT csv, DELIMITER {quoting.text(delimiter)}, QUOTE {quoting.text(quote)}, ESCAPE "
        f"{quoting.text(quote)}, NULLSTR {quoting.text(unload.null)}, "
        f"HEADER {str(unload.header).lower()}"
    )
    options += ", COMPRESSION gzip" if unload.gzip else ", COMPRESSION none"
    return (
        f"COPY (SELECT {listed} FROM ({query.sql}) AS t) TO {quoting.text(str(path))} ({options})"
    )


def _unique(names: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for one in names:
        found.append(one if one not in found else f"{one}_{len(found)}")
    return found


def _field(sql: str, unload: Unload) -> str:
    if unload.format == "CSV":
        return sql
    if unload.escape:
        delimiter = quoting.text(unload.delimiter or "|")
        for sign in ("chr(92)", "chr(10)", "chr(13)", delimiter):
            sql = f"replace({sql}, {sign}, chr(92) || {sign})"
    if unload.quotes:
        inner = f"replace({sql}, '\"', chr(92) || '\"')" if unload.escape else sql
        sql = f"('\"' || {inner} || '\"')"
    return sql
