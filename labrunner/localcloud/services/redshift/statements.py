"""The statements of the Data API, from SUBMITTED to their end, and the sessions they run in."""

import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.pgwire import binding
from labrunner.localcloud.services.redshift.house import House
from labrunner.localcloud.services.redshift.spool import Spool, spooled
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift import wording
from labrunner.localcloud.sql.redshift.lexer import pieces
from labrunner.localcloud.sql.redshift.results import Result
from labrunner.localcloud.sql.redshift.session import Session
from labrunner.localcloud.sql.redshift.wording import RedshiftError

ENDED = ("FINISHED", "FAILED", "ABORTED")
MOST_ACTIVE = 500
KEPT = timedelta(hours=24)


@dataclass
class Part:
    """One SQL text of a statement; a batch has several."""

    id: str
    text: str
    parameters: Mapping[str, str]
    created: datetime
    status: str = "SUBMITTED"
    updated: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    error: str = ""
    rows: int = -1
    query_id: int = 0
    spool: Spool | None = None

    @property
    def duration(self) -> int:
        """Nanoseconds that it ran."""
        if self.started is None or self.ended is None:
            return -1 if self.started is None else 0
        return max(1, int((self.ended - self.started).total_seconds() * 1e9))


@dataclass
class Kept:
    """A session that stays open between statements."""

    id: str
    owner: str
    house: House
    session: Session
    target: Mapping[str, str]
    seconds: int
    created: datetime
    until: datetime
    busy: str = ""
    updated: datetime | None = None


@dataclass
class Statement:
    """A statement or a batch."""

    id: str
    owner: str
    house: House
    user: str
    database: str
    target: Mapping[str, str]  # the fields that name the warehouse, by the API's names
    parts: list[Part]
    created: datetime
    is_batch: bool = False
    name: str = ""
    format: str = "JSON"
    mode: str = "TRANSACTION"
    kept: Kept | None = None
    keep_seconds: int = 0
    session_id: str = ""
    status: str = "SUBMITTED"
    updated: datetime | None = None
    pid: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    wants_cancel: bool = False
    session: Session | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it will change no more."""
        return self.status in ENDED


class Statements:
    """All statements and sessions of one cloud."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.found: dict[str, Statement] = {}
        self.sessions: dict[str, Kept] = {}
        self.tokens: dict[tuple[str, str], str] = {}

    def close(self) -> None:
        """Interrupt what runs."""
        for one in list(self.found.values()):
            if one.session is not None and not one.has_ended:
                one.session.cancel()

    # ---- submitting

    def submit(self, statement: Statement, now: Callable[[], datetime]) -> None:
        """Let a statement run when there is a slot; raises AwsError if too many wait."""
        with self.lock:
            self._forget(now())
            active = sum(
                not one.has_ended for one in self.found.values() if one.house is statement.house
            )
            if active >= MOST_ACTIVE:
                text = "Active statements exceeded the allowed quota (500)."
                raise AwsError("ActiveStatementsExceededException", text)
            if statement.kept is not None:
                statement.kept.busy = statement.id
            self.found[statement.id] = statement
        statement.house.submit(lambda: self._run(statement, now))

    def _forget(self, now: datetime) -> None:
        for key in [
            k for k, one in self.found.items() if one.has_ended and now - one.created > KEPT
        ]:
            for part in self.found.pop(key).parts:
                if part.spool is not None:
                    part.spool.remove()
        for kept in list(self.sessions.values()):
            if now > kept.until and not kept.busy:
                self._end_session(kept)

    def _end_session(self, kept: Kept) -> None:
        self.sessions.pop(kept.id, None)
        with suppress(Exception):  # its warehouse may be gone
            kept.session.close()

    def session(self, identifier: str, owner: str, now: datetime) -> Kept:
        """Return a session that can take a statement; raises AwsError."""
        with self.lock:
            self._forget(now)
            kept = self.sessions.get(identifier)
            if kept is None or kept.owner != owner:
                text = f"Session {identifier} does not exist or has expired."
                raise AwsError("ResourceNotFoundException", text, fields={"ResourceId": identifier})
            if kept.busy:
                text = f"Session {identifier} is busy: its statement {kept.busy} has not ended."
                raise AwsError("ValidationException", text)
            return kept

    # ---- running

    def _run(self, statement: Statement, now: Callable[[], datetime]) -> None:
        try:
            self._run_parts(statement, now)
        except SqlError as error:
            self._end(statement, now, error)
        except Exception as error:  # noqa: BLE001 - the caller asks for the statement's state
            failure = RedshiftError("XX000", f"{type(error).__name__}: {error}", kind="execution")
            self._end(statement, now, failure)
        else:
            self._end(statement, now, None)

    def _run_parts(self, statement: Statement, now: Callable[[], datetime]) -> None:
        self._mark(statement, "PICKED", now)
        session = statement.kept.session if statement.kept else None
        if session is None:
            session = self._open(statement)
        session.resume()
        with self.lock:
            statement.session = session
            if statement.wants_cancel:
                raise RedshiftError("57014", "Query cancelled on user's request", kind="cancelled")
        statement.pid = session.facts.pid
        self._mark(statement, "STARTED", now)
        together = statement.is_batch and statement.mode == "TRANSACTION" and session.status == "I"
        if together:
            session.run("BEGIN", _nothing)
        for part in statement.parts:
            self._run_part(statement, part, session, now)
        if together and session.status != "I":
            session.run("COMMIT", _nothing)

    def _open(self, statement: Statement) -> Session:
        try:
            return statement.house.session(statement.database, statement.user)
        except RedshiftError as error:
            error.message = f"FATAL: {error.message}"
            raise

    def _run_part(
        self, statement: Statement, part: Part, session: Session, now: Callable[[], datetime]
    ) -> None:
        part.status, part.started, part.updated = "STARTED", now(), now()
        try:
            text = binding.named(part.text, part.parameters) if part.parameters else part.text
            if len(list(pieces(text))) > 1:
                message = "cannot insert multiple commands into a prepared statement"
                raise RedshiftError("42601", message)
            session.run(text, lambda result: self._keep(statement, part, result))
        except SqlError as error:
            part.error = wording.shown(error)
            part.status = (
                "ABORTED" if error.kind == "cancelled" and statement.wants_cancel else "FAILED"
            )
            raise
        else:
            part.status = "FINISHED"
        finally:
            part.query_id = max(0, session.facts.last_query_id)
            part.ended = part.updated = now()

    @staticmethod
    def _keep(statement: Statement, part: Part, result: Result) -> None:
        if result.is_query:
            path = statement.house.warehouse.directory / f"result-{part.id.replace(':', '-')}"
            part.spool = spooled(result, path)
            part.rows = part.spool.rows
        else:
            part.rows = result.count

    def _mark(self, statement: Statement, status: str, now: Callable[[], datetime]) -> None:
        with self.lock:
            statement.status, statement.updated = status, now()

    def _end(
        self, statement: Statement, now: Callable[[], datetime], error: SqlError | None
    ) -> None:
        aborted = error is not None and error.kind == "cancelled" and statement.wants_cancel
        if error is not None:
            for part in statement.parts:
                if part.status in ("SUBMITTED", "STARTED"):
                    part.status = "ABORTED"
            if not any(part.error for part in statement.parts):
                statement.parts[0].error = wording.shown(error)
                statement.parts[0].status = "ABORTED" if aborted else "FAILED"
            session = statement.session
            if session is not None and session.status != "I" and statement.is_batch:
                session.resume()
                with suppress(SqlError):
                    session.run("ROLLBACK", _nothing)
        self._settle_session(statement, now)
        with self.lock:
            statement.updated = now()
            statement.status = "ABORTED" if aborted else "FAILED" if error else "FINISHED"
        statement.done.set()

    def _settle_session(self, statement: Statement, now: Callable[[], datetime]) -> None:
        """Keep the session for the next statement, or end it."""
        kept, session = statement.kept, statement.session
        if kept is not None:
            kept.busy, kept.updated = "", now()
            kept.until = now() + timedelta(seconds=kept.seconds)
        elif session is not None and statement.keep_seconds:
            with self.lock:
                self.sessions[statement.session_id] = Kept(
                    statement.session_id, statement.owner, statement.house, session,
                    {**statement.target, "Database": statement.database, "DbUser": statement.user},
                    statement.keep_seconds, statement.created,
                    now() + timedelta(seconds=statement.keep_seconds), updated=now(),
                )  # fmt: skip
        elif session is not None:
            with suppress(Exception):  # its warehouse may be gone
                session.close()

    def cancel(self, statement: Statement) -> None:
        """End a statement as aborted."""
        with self.lock:
            statement.wants_cancel = True
            session = statement.session
        if session is not None:
            session.cancel()


def _nothing(result: Result) -> None:
    del result


def new_id() -> str:
    """Return an identifier of a statement or a session."""
    return str(uuid.uuid4())


def described(part: Part) -> dict[str, Any]:
    """Return what DescribeStatement tells of a part."""
    found: dict[str, Any] = {
        "CreatedAt": part.created,
        "Duration": part.duration,
        "HasResultSet": part.spool is not None,
        "Id": part.id,
        "QueryString": part.text,
        "RedshiftQueryId": part.query_id,
        "ResultRows": part.rows,
        "ResultSize": part.spool.size if part.spool is not None else (0 if part.ended else -1),
        "Status": part.status,
        "UpdatedAt": part.updated or part.created,
    }
    if part.error:
        found["Error"] = part.error
    return found
