"""A warehouse as the services see it: its database, its users' passwords, its sessions."""

import secrets
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.pgwire.server import WireServer
from labrunner.localcloud.services.redshift.lake import CloudLake
from labrunner.localcloud.sql.redshift.session import Session
from labrunner.localcloud.sql.redshift.warehouse import Warehouse
from labrunner.localcloud.sql.redshift.wording import RedshiftError

AT_ONCE = 5  # statements that run at the same time, as in a queue's default
DIRECTORY = "redshift"


@dataclass(frozen=True)
class Temporary:
    """A password that was handed out for a time."""

    password: str
    until: datetime
    database: str = ""


class House:
    """One warehouse: made by `open`, which takes a moment, and gone with `close`."""

    def __init__(  # noqa: PLR0913 - what a warehouse is of
        self,
        cloud: Cloud,
        *,
        region: str,
        name: str,
        database: str,
        admin: str,
        password: str | None,
        services: tuple[str, ...],
        namespace_id: str,
    ) -> None:
        self.cloud = cloud
        self.region = region
        self.name = name
        self.database = database
        self.admin = admin
        self.password = password
        self.roles: list[str] = []
        self.default_role: str | None = None
        self.namespace_id = namespace_id
        identity = f"arn:aws:redshift:{region}:{cloud.account}:dbuser:{name}"
        self._lake = CloudLake(
            cloud, region, lambda: (self.roles, self.default_role), services, identity
        )
        self._temporary: dict[str, list[Temporary]] = {}
        self._lock = threading.Lock()
        self._warehouse: Warehouse | None = None
        self._workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="redshift")
        self._wire: WireServer | None = None
        self._is_closed = False
        self._sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self._opened = threading.Event()

    # ---- life

    def open(self) -> None:
        """Make the database; raises if the machine lets it not."""
        directory = Path(self.cloud.settings.directory) / DIRECTORY
        warehouse = Warehouse(directory, database=self.database, admin=self.admin)
        with self._lock:
            if self._is_closed:
                warehouse.close()
                return
            self._warehouse = warehouse
        self._opened.set()

    def listen(self) -> int:
        """Open the endpoint on 127.0.0.1 and return its port."""
        wire = WireServer(self._password_of, self._wire_session)
        with self._lock:
            self._wire = wire
        return wire.port

    def hang_up(self) -> None:
        """Close the endpoint."""
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def close(self) -> None:
        """End everything and remove the database."""
        self.hang_up()
        with self._lock:
            self._is_closed = True
            warehouse, self._warehouse = self._warehouse, None
        for session in list(self._sessions):
            session.cancel()
        self._workers.shutdown(wait=False, cancel_futures=True)
        if warehouse is not None:
            warehouse.close()

    # ---- use

    @property
    def warehouse(self) -> Warehouse:
        """The database; raises RedshiftError while there is none."""
        with self._lock:
            if self._warehouse is None:
                raise RedshiftError("57P03", "the warehouse is not available")
            return self._warehouse

    def submit(self, run: Callable[[], None]) -> None:
        """Run something when one of the warehouse's slots is free."""
        self._workers.submit(run)

    def session(self, database: str, user: str) -> Session:
        """Open a session; raises RedshiftError if there is no such database."""
        warehouse = self.warehouse
        found = Session(
            warehouse,
            self._lake,
            database=database,
            user=user,
            account=self.cloud.account,
            namespace=self.namespace_id,
            is_super=user == self.admin,
        )
        self._sessions.add(found)
        return found

    def hand_out(self, user: str, seconds: int, database: str = "") -> Temporary:
        """Return a new password of a user that is good for a time."""
        found = Temporary(
            secrets.token_urlsafe(24), self.cloud.now() + timedelta(seconds=seconds), database
        )
        with self._lock:
            self._temporary.setdefault(user, []).append(found)
        return found

    def _password_of(self, user: str) -> list[str]:
        """Return the passwords that a user may have now."""
        user, now = self._plain(user), self.cloud.now()
        with self._lock:
            kept = [one for one in self._temporary.get(user, ()) if one.until > now]
            if user in self._temporary:
                self._temporary[user] = kept
        found = [one.password for one in kept]
        if user == self.admin and self.password:
            found.append(self.password)
        with suppress(RedshiftError):
            own = self.warehouse.passwords.get(user)
            found += [own] if own else []
        return found

    def _plain(self, user: str) -> str:
        """Return a user without the mark that GetClusterCredentials puts before its name."""
        mark, _, name = user.partition(":")
        return name if mark in ("IAM", "IAMA") and name in self._temporary else user

    def _wire_session(self, database: str, user: str) -> Session:
        return self.session(database or self.database, self._plain(user))
