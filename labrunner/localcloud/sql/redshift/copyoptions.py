"""Reads COPY, after "COPY parameters"."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from labrunner.localcloud.sql.errors import SqlError, unsupported
from labrunner.localcloud.sql.redshift.lexer import Kind
from labrunner.localcloud.sql.redshift.reader import Name, Reader
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.storage import Address

REFUSED = frozenset(
    {
        *(
            "ACCEPTANYDATE",
            "AVRO",
            "ENCRYPTED",
            "FIXEDWIDTH",
            "KMS_KEY_ID",
            "LZOP",
            "MASTER_SYMMETRIC_KEY",
        ),
        *(
            "NOLOAD",
            "ORC",
            "RCFILE",
            "READRATIO",
            "SEQUENCEFILE",
            "SERIALIZETOJSON",
            "SHAPEFILE",
            "SSH",
        ),
        *("TEXTFILE", "JOB"),
    }
)
MAX_ERRORS = 100_000
# "You can't ... use as a delimiter": what ends lines or quotes.
NO_DELIMITER = ("\r", "\n", "\\")


@dataclass(frozen=True)
class Access:
    """Who reads or writes: a role's ARN, or None for the default role; and the bucket's region."""

    role: str | None = None
    is_given: bool = False
    region: str = ""


@dataclass(frozen=True)
class Copy:
    """A COPY command."""

    table: Name
    columns: tuple[str, ...]
    source: Address
    access: Access = field(default_factory=Access)
    format: str = "TEXT"  # or CSV, JSON, PARQUET
    delimiter: str = "|"
    quote: str = '"'
    compression: str = ""
    manifest: bool = False
    json: str = "auto"
    skip: int = 0
    max_errors: int = 0
    null: str = "\\N"
    date_format: str = ""
    time_format: str = ""
    accept_invalid: str = ""
    escape: bool = False
    remove_quotes: bool = False
    empty_as_null: bool = False
    blanks_as_null: bool = False
    fill_record: bool = False
    ignore_blank_lines: bool = False
    truncate: bool = False
    trim_blanks: bool = False
    round_decimals: bool = False
    explicit_ids: bool = False
    options: frozenset[str] = frozenset()


def s3_address(text: str) -> Address:
    """Read `s3://bucket/key`; raises RedshiftError."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not bucket:
        if "://" in text:
            raise unsupported(f"Redshift's COPY or UNLOAD of {text.partition(':')[0]}://")
        raise RedshiftError("42601", f"Invalid S3 path: {text}")
    return Address("s3", bucket, key)


def parse_copy(text: str) -> Copy:
    """Read a COPY command; raises SqlError."""
    reader = Reader(text)
    reader.expect("COPY")
    table = reader.name()
    columns = reader.names() if reader.token.text == "(" else ()
    reader.expect("FROM")
    found = Copy(table, columns, s3_address(reader.string()))
    while not reader.at_end:
        found = _option(reader, found)
    if not found.access.is_given:
        raise no_credentials(text)
    return _checked(found)


def no_credentials(text: str) -> SqlError:
    """Return the refusal of a command that says not who reads."""
    del text
    message = "CREDENTIALS argument is required but not provided"
    return RedshiftError("42601", message, hint="Add IAM_ROLE DEFAULT or IAM_ROLE 'arn:...'.")


def _checked(found: Copy) -> Copy:
    given = found.options
    if found.format == "CSV":
        for one in ("ESCAPE", "REMOVEQUOTES"):
            if one in given:
                text = f"{one} is not supported for CSV"
                raise RedshiftError("42601", text.replace("CSV", "FORMAT CSV"))
        if "DELIMITER" not in given:
            found = replace(found, delimiter=",")
    elif "QUOTE" in given:
        raise RedshiftError("42601", "QUOTE is only supported for FORMAT CSV")
    if found.format == "PARQUET":
        wrong = given - {"PARQUET", "MANIFEST", "REGION", "IAM_ROLE", "CREDENTIALS", "FORMAT",
                         "FILLRECORD", "STATUPDATE", "COMPUPDATE"}  # fmt: skip
        if wrong:
            names = ", ".join(sorted(wrong))
            raise RedshiftError(
                "42601", f"{names} argument is not supported for PARQUET based COPY"
            )
    if len(found.delimiter) != 1 or found.delimiter in NO_DELIMITER:
        raise RedshiftError("42601", "COPY delimiter must be a single character")
    return found


def access_option(reader: Reader, word: str, access: Access) -> Access | None:
    """Read IAM_ROLE, CREDENTIALS and REGION, if one of them is the word; raises SqlError."""
    if word == "IAM_ROLE":
        reader.take("AS")
        role = None if reader.take("DEFAULT") else _role(reader.string())
        return replace(access, role=role, is_given=True)
    if word in ("CREDENTIALS", "WITH"):
        if word == "WITH" and not reader.take("CREDENTIALS"):
            return access
        reader.take("AS")
        text = reader.string()
        if not text.startswith("aws_iam_role="):
            raise unsupported("Redshift's CREDENTIALS by access keys (use IAM_ROLE)", reader.place)
        return replace(access, role=_role(text.removeprefix("aws_iam_role=")), is_given=True)
    if word in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
        raise unsupported(f"Redshift's {word} (use IAM_ROLE)", reader.place)
    if word == "REGION":
        reader.take("AS")
        return replace(access, region=reader.string())
    return None


def _role(text: str) -> str:
    if "," in text:
        raise unsupported("Redshift's chain of roles")
    return text


def _option(reader: Reader, found: Copy) -> Copy:
    place, word = reader.place, reader.token.word
    if word == "FORMAT":
        reader.next()
        reader.take("AS")
        word = reader.token.word
    if word in REFUSED:
        raise unsupported(f"Redshift's COPY with {word}", place)
    reader.next()
    found = replace(found, options=found.options | {word})
    access = access_option(reader, word, found.access)
    if access is not None:
        return replace(found, access=access)
    if word in FLAGS:
        return replace(found, **FLAGS[word])
    read = READERS.get(word)
    if read is None:
        from labrunner.localcloud.sql.redshift.wording import syntax_error

        raise syntax_error(word, place)
    return read(reader, found)


def _text_of(reader: Reader) -> str:
    reader.take("AS")
    return reader.string()


def _number_of(reader: Reader) -> int:
    reader.take("AS")
    return reader.number()


def _delimiter(reader: Reader, found: Copy) -> Copy:
    text = _text_of(reader)
    return replace(found, delimiter={"\\t": "\t"}.get(text, text))


def _json(reader: Reader, found: Copy) -> Copy:
    reader.take("AS")
    how = reader.string() if reader.token.kind is Kind.STRING else "auto"
    if how not in ("auto", "auto ignorecase", "noshred"):
        raise unsupported("Redshift's COPY of JSON by a JSONPaths file", reader.place)
    if how == "noshred":
        raise unsupported("Redshift's COPY of JSON 'noshred'", reader.place)
    return replace(found, format="JSON", json=how)


def _max_errors(reader: Reader, found: Copy) -> Copy:
    number = _number_of(reader)
    if number > MAX_ERRORS:
        text = f"MAXERROR must be between 0 and {MAX_ERRORS}"
        raise RedshiftError("22023", text)
    return replace(found, max_errors=number)


def _date_format(reader: Reader, found: Copy) -> Copy:
    return replace(found, date_format=_text_of(reader))


def _time_format(reader: Reader, found: Copy) -> Copy:
    return replace(found, time_format=_text_of(reader))


def _accept(reader: Reader, found: Copy) -> Copy:
    reader.take("AS")
    sign = reader.string() if reader.token.kind is Kind.STRING else "?"
    return replace(found, accept_invalid=sign)


def _quote(reader: Reader, found: Copy) -> Copy:
    return replace(found, quote=_text_of(reader))


def _skip(reader: Reader, found: Copy) -> Copy:
    return replace(found, skip=_number_of(reader))


def _null(reader: Reader, found: Copy) -> Copy:
    return replace(found, null=_text_of(reader))


def _encoding(reader: Reader, found: Copy) -> Copy:
    reader.take("AS")
    name = reader.string() if reader.token.kind is Kind.STRING else reader.identifier()
    if name.upper() != "UTF8":
        raise unsupported(f"Redshift's COPY with ENCODING {name}", reader.place)
    return found


def _switch(reader: Reader, found: Copy) -> Copy:
    """COMPUPDATE and STATUPDATE: encodings and statistics, which change no result."""
    reader.one_of("ON", "OFF", "TRUE", "FALSE", "PRESET")
    return found


def _comprows(reader: Reader, found: Copy) -> Copy:
    reader.number()
    return found


READERS: Mapping[str, Callable[[Reader, Copy], Copy]] = {
    "DELIMITER": _delimiter,
    "QUOTE": _quote,
    "JSON": _json,
    "IGNOREHEADER": _skip,
    "MAXERROR": _max_errors,
    "NULL": _null,
    "DATEFORMAT": _date_format,
    "TIMEFORMAT": _time_format,
    "ACCEPTINVCHARS": _accept,
    "ENCODING": _encoding,
    "COMPUPDATE": _switch,
    "STATUPDATE": _switch,
    "COMPROWS": _comprows,
}
FLAGS: Mapping[str, Mapping[str, Any]] = {
    "CSV": {"format": "CSV"},
    "PARQUET": {"format": "PARQUET"},
    "GZIP": {"compression": "gzip"},
    "BZIP2": {"compression": "bzip2"},
    "ZSTD": {"compression": "zstd"},
    "MANIFEST": {"manifest": True},
    "ESCAPE": {"escape": True},
    "REMOVEQUOTES": {"remove_quotes": True},
    "EMPTYASNULL": {"empty_as_null": True},
    "BLANKSASNULL": {"blanks_as_null": True},
    "FILLRECORD": {"fill_record": True},
    "IGNOREBLANKLINES": {"ignore_blank_lines": True},
    "TRUNCATECOLUMNS": {"truncate": True},
    "TRIMBLANKS": {"trim_blanks": True},
    "ROUNDEC": {"round_decimals": True},
    "EXPLICIT_IDS": {"explicit_ids": True},
}
