"""One client's conversation: the simple and the extended query protocol."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from labrunner.localcloud.pgwire import binding, messages
from labrunner.localcloud.pgwire.messages import Body, Field
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift import types, wording
from labrunner.localcloud.sql.redshift.lexer import pieces
from labrunner.localcloud.sql.redshift.results import Result, ResultColumn, shown
from labrunner.localcloud.sql.redshift.session import Session
from labrunner.localcloud.sql.redshift.wording import RedshiftError

CHUNK = 1 << 16
UNKNOWN = 705


@dataclass
class Prepared:
    """A statement that was parsed, with the types that the client gave its parameters."""

    text: str
    oids: list[int]


@dataclass
class Portal:
    """A statement with its parameters; rows are kept where the client asks for a few at a time."""

    text: str
    rows: list[bytes] = field(default_factory=list)
    tag: str = ""
    has_run: bool = False


class Conversation:
    """Answers a client until it leaves."""

    def __init__(self, session: Session, stream: BinaryIO, send: Callable[[bytes], None]) -> None:
        self._session = session
        self._stream = stream
        self._send = send
        self._out = bytearray()
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
        self._skips = False  # after an error, until Sync
        self._handlers: dict[bytes, Callable[[Body], None]] = {
            b"Q": self._query,
            b"P": self._parse,
            b"B": self._bind,
            b"D": self._describe,
            b"E": self._execute,
            b"C": self._close,
            b"S": self._sync,
            b"H": self._flush_message,
        }

    def run(self) -> None:
        """Read and answer messages; raises ProtocolError when the client leaves."""
        while True:
            kind, data = messages.read_message(self._stream)
            if kind == b"X":
                return
            handler = self._handlers.get(kind)
            if self._skips and kind != b"S":
                continue
            if handler is None:
                text = f"the message {kind!r} is not supported by the local engine"
                self._fail(RedshiftError("0A000", text, kind="unsupported"), "")
                self._flush()
                continue
            handler(Body(data))

    # ---- writing

    def _write(self, data: bytes) -> None:
        self._out += data
        if len(self._out) >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        if self._out:
            self._send(bytes(self._out))
            self._out.clear()

    def _fail(self, error: SqlError, text: str) -> None:
        detail, hint = getattr(error, "detail", ""), getattr(error, "hint", "")
        place = _position(text, error)
        self._write(
            messages.error("ERROR", wording.state_of(error), error.message, detail, hint, place)
        )

    def _ready(self) -> None:
        self._write(messages.ready(self._session.status))
        self._flush()

    # ---- the simple protocol

    def _query(self, body: Body) -> None:
        text = body.text()
        self._session.resume()
        try:
            if not any(True for _ in pieces(text)):
                self._write(messages.message(b"I"))
            else:
                self._session.run(text, self._simple_result, together=True)
        except SqlError as error:
            self._fail(error, text)
        self._ready()

    def _simple_result(self, result: Result) -> None:
        for text in result.notices:
            self._write(messages.notice(text))
        if result.is_query:
            self._write(messages.row_description(_fields(result.columns)))
        count = 0
        for row in _rows(result):
            self._write(row)
            count += 1
        self._write(messages.complete(_tag(result, count)))

    # ---- the extended protocol

    def _guarded(self, run: Callable[[], None], text: str = "") -> None:
        try:
            run()
        except SqlError as error:
            self._fail(error, text)
            self._skips = True

    def _parse(self, body: Body) -> None:
        name, text = body.text(), body.text()
        oids = [body.int32() for _ in range(body.int16())]

        def parse() -> None:
            if len(list(pieces(text))) > 1:
                message = "cannot insert multiple commands into a prepared statement"
                raise RedshiftError("42601", message)
            self._statements[name] = Prepared(text, oids)
            self._write(messages.message(b"1"))

        self._guarded(parse, text)

    def _bind(self, body: Body) -> None:
        portal, name = body.text(), body.text()
        formats = body.int16s()
        raw = []
        for _ in range(body.int16()):
            size = body.int32()
            raw.append(None if size < 0 else body.take(size))
        wanted = body.int16s()

        def bind() -> None:
            statement = self._statement(name)
            if any(one == 1 for one in wanted):
                text = "results in binary format are not supported by the local engine"
                raise RedshiftError("0A000", text, kind="unsupported")
            values = []
            for index, data in enumerate(raw):
                oid = statement.oids[index] if index < len(statement.oids) else 0
                code = formats[index] if len(formats) > 1 else (formats or [0])[0]
                values.append(binding.value(data, oid, is_binary=code == 1))
            text = binding.bound(statement.text, values, statement.oids)
            self._portals[portal] = Portal(text)
            self._write(messages.message(b"2"))

        self._guarded(bind)

    def _statement(self, name: str) -> Prepared:
        if name not in self._statements:
            raise RedshiftError("26000", f'prepared statement "{name}" does not exist')
        return self._statements[name]

    def _describe(self, body: Body) -> None:
        kind, name = body.take(1), body.text()

        def describe() -> None:
            if kind == b"S":
                statement = self._statement(name)
                count = binding.count(statement.text)
                oids = [*statement.oids, *([0] * count)][:count]
                described = [one or UNKNOWN for one in oids]
                self._write(messages.parameter_description(described))
                text = binding.bound(statement.text, [None] * count, oids)
            else:
                text = self._portal(name).text
            columns = self._session.describe(text) if list(pieces(text)) else ()
            found = (
                messages.row_description(_fields(columns)) if columns else messages.message(b"n")
            )
            self._write(found)

        self._guarded(describe)

    def _portal(self, name: str) -> Portal:
        if name not in self._portals:
            raise RedshiftError("34000", f'portal "{name}" does not exist')
        return self._portals[name]

    def _execute(self, body: Body) -> None:
        name, limit = body.text(), body.int32()

        def execute() -> None:
            portal = self._portal(name)
            if not list(pieces(portal.text)):
                self._write(messages.message(b"I"))
                return
            if not portal.has_run:
                self._session.resume()
                portal.has_run = True
                keep = portal if limit else None
                self._session.run(portal.text, lambda result: self._extended_result(result, keep))
                if not limit:
                    return
            sent, portal.rows = portal.rows[:limit], portal.rows[limit:]
            for row in sent:
                self._write(row)
            done = not portal.rows
            self._write(messages.complete(portal.tag) if done else messages.message(b"s"))

        self._guarded(execute)

    def _extended_result(self, result: Result, keep: Portal | None) -> None:
        for text in result.notices:
            self._write(messages.notice(text))
        count = 0
        for row in _rows(result):
            count += 1
            if keep is None:
                self._write(row)
            else:
                keep.rows.append(row)
        tag = _tag(result, count)
        if keep is None:
            self._write(messages.complete(tag))
        else:
            keep.tag = tag

    def _close(self, body: Body) -> None:
        kind, name = body.take(1), body.text()
        (self._statements if kind == b"S" else self._portals).pop(name, None)
        self._write(messages.message(b"3"))

    def _sync(self, body: Body) -> None:
        del body
        self._skips = False
        self._portals.clear()
        self._ready()

    def _flush_message(self, body: Body) -> None:
        del body
        self._flush()


def _fields(columns: Iterable[ResultColumn]) -> list[Field]:
    return [
        Field(
            one.name,
            types.oid(one.type),
            types.SIZES.get(one.type.name, -1),
            types.modifier(one.type),
        )
        for one in columns
    ]


def _rows(result: Result) -> Iterable[bytes]:
    kinds = [one.type for one in result.columns]
    for batch in result.batches:
        for row in batch:
            yield messages.data_row(shown(v, k) for v, k in zip(row, kinds, strict=True))


def _tag(result: Result, count: int) -> str:
    if result.is_query and result.tag in ("SELECT", "SHOW", "EXPLAIN"):
        return f"SELECT {count}" if result.tag == "SELECT" else result.tag
    return result.tag


def _position(text: str, error: SqlError) -> str:
    """Return where an error is in its text, counted in characters from 1."""
    if error.place is None or not text:
        return ""
    lines = text.split("\n")
    if error.place.line > len(lines):
        return ""
    before = sum(len(one) + 1 for one in lines[: error.place.line - 1])
    return str(before + error.place.column + 1)
