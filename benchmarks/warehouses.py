"""One way to ask the local cloud's Redshift, PostgreSQL and DuckDB: load a file, ask, be gone."""

import contextlib
import json
import multiprocessing
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from cloud import Cloud

Rows = list[tuple[str, ...]]

PROGRAMS = Path("/usr/lib/postgresql")
SEPARATOR = "\x1f"
WAIT_SECONDS = 30


class Warehouse(Protocol):
    """`pid` is the root of its processes.

    `engine_seconds` is what the last statement took without the API; 0 where there is none.
    """

    title: str
    version: str
    pid: int
    engine_seconds: float

    def bring(self, file: Path) -> None:
        """Put a file where COPY finds it."""

    def empty(self) -> None:
        """Make the table anew."""

    def copy(self, file: Path) -> None:
        """Load the file into the table."""

    def ask(self, query: str) -> Rows:
        """Return all rows of a query, each value as a text."""


# ---- the local cloud


@contextlib.contextmanager
def redshift(folder: Path, table: str) -> Iterator[Warehouse]:
    """Start a local cloud with one serverless workgroup."""
    cloud = Cloud(folder / "home")
    try:
        yield _Redshift(cloud, folder / "home", table)
    finally:
        cloud.stop()


class _Redshift:
    title = "labrunner"

    def __init__(self, cloud: Cloud, home: Path, table: str) -> None:
        self.version = f"labrunner {version('labrunner')}"
        self.pid = _process_of(home / "cloud")
        self.engine_seconds = 0.0
        self._env = cloud.env
        self._table = table
        self._name = "benchmark"
        self._client("s3").create_bucket(Bucket=self._name)
        self._role = self._reader()
        self._workgroup()
        self._data = self._client("redshift-data")

    def _client(self, service: str) -> Any:
        import boto3

        client: Any = boto3.client(
            service,  # type: ignore[call-overload]  # one of hundreds
            endpoint_url=self._env["AWS_ENDPOINT_URL"],
            region_name=self._env["AWS_DEFAULT_REGION"],
            aws_access_key_id=self._env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self._env["AWS_SECRET_ACCESS_KEY"],
        )
        return client

    def _reader(self) -> str:
        iam = self._client("iam")
        trust = _policy(
            Action="sts:AssumeRole", Principal={"Service": "redshift-serverless.amazonaws.com"}
        )
        role = iam.create_role(RoleName=self._name, AssumeRolePolicyDocument=trust)
        bucket = f"arn:aws:s3:::{self._name}"
        read = _policy(Action=["s3:ListBucket", "s3:GetObject"], Resource=[bucket, f"{bucket}/*"])
        iam.put_role_policy(RoleName=self._name, PolicyName="read", PolicyDocument=read)
        return str(role["Role"]["Arn"])

    def _workgroup(self) -> None:
        ec2, serverless = self._client("ec2"), self._client("redshift-serverless")
        subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
        serverless.create_namespace(namespaceName=self._name, dbName="labdb", iamRoles=[self._role])
        serverless.create_workgroup(
            workgroupName=self._name,
            namespaceName=self._name,
            baseCapacity=8,
            subnetIds=[one["SubnetId"] for one in subnets["Subnets"][:3]],
        )
        _until_available(serverless, self._name)

    def bring(self, file: Path) -> None:
        self._client("s3").upload_file(str(file), self._name, file.name)

    def empty(self) -> None:
        self.ask("drop table if exists users")
        self.ask(self._table)

    def copy(self, file: Path) -> None:
        self.ask(
            f"copy users from 's3://{self._name}/{file.name}' iam_role '{self._role}' delimiter '|'"
        )

    def ask(self, query: str) -> Rows:
        """Return all rows; `engine_seconds` is then what the statement took without the API."""
        done = self._data.execute_statement(
            WorkgroupName=self._name, Database="labdb", Sql=query, WaitTimeSeconds=WAIT_SECONDS
        )
        while True:
            done = self._data.describe_statement(Id=done["Id"], WaitTimeSeconds=WAIT_SECONDS)
            if done["Status"] in ("FINISHED", "FAILED", "ABORTED"):
                break
        if done["Status"] != "FINISHED":
            sys.exit(f"{query}\nis {done['Status']}: {done.get('Error', '')}")
        self.engine_seconds = done["Duration"] / 1e9
        return list(self._rows(done["Id"])) if done["HasResultSet"] else []

    def _rows(self, statement: str) -> Iterator[tuple[str, ...]]:
        more: dict[str, str] = {}
        while True:
            page = self._data.get_statement_result(Id=statement, **more)
            for record in page["Records"]:
                yield tuple(str(next(iter(field.values()))) for field in record)
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}


def _process_of(directory: Path) -> int:
    from labrunner.localcloud.daemon import find

    cloud = find(directory)
    return cloud.pid if cloud else sys.exit(f"no local cloud runs in {directory}")


def _policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _until_available(serverless: Any, name: str) -> None:
    deadline = time.monotonic() + 60
    while serverless.get_workgroup(workgroupName=name)["workgroup"]["status"] != "AVAILABLE":
        if time.monotonic() > deadline:
            sys.exit("the workgroup is not available after a minute")
        time.sleep(0.1)


# ---- PostgreSQL


def postgresql_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server, None if there is none."""
    found = [one.parent for one in PROGRAMS.glob("*/bin/initdb") if (one.parent / "psql").exists()]
    return max(found, key=lambda one: float(one.parent.name), default=None)


@contextlib.contextmanager
def postgresql(folder: Path, table: str) -> Iterator[Warehouse]:
    """Start a cluster of PostgreSQL that only its own user reaches, by a socket."""
    programs = postgresql_programs()
    if programs is None:
        sys.exit(f"PostgreSQL is not in {PROGRAMS}")
    user = _unprivileged()
    home = folder / "postgresql"
    home.mkdir(mode=0o700)
    shutil.chown(home, user)
    cluster = home / "data"
    _run(
        [programs / "initdb", "--pgdata", cluster, "--auth=peer", "--encoding=UTF8", "--locale=C"],
        home, user,
    )  # fmt: skip
    options = {
        "listen_addresses": "",
        "client_min_messages": "warning",
        "unix_socket_directories": str(home),
        # Both would run while the others are measured.
        "autovacuum": "off",
        "checkpoint_timeout": "1h",
    }
    settings = [f"--{name}={value}" for name, value in options.items()]
    _run(
        [programs / "pg_ctl", "start", "--wait", "--pgdata", cluster, "--log", home / "log",
         "--options", " ".join(f"'{one}'" for one in settings)],
        home, user,
    )  # fmt: skip
    try:
        with _psql(programs / "psql", home, user) as psql:
            pid = int((cluster / "postmaster.pid").read_text().split()[0])
            yield _PostgreSQL(psql, pid, table)
    finally:
        _run([programs / "pg_ctl", "stop", "--mode=fast", "--pgdata", cluster], home, user)


def _unprivileged() -> str:
    """Return this user, or the one of Debian's package where this is root, as it refuses root."""
    return pwd.getpwuid(os.getuid()).pw_name if os.getuid() else "postgres"


def _as(user: str) -> dict[str, Any]:
    if os.getuid():
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _run(command: Sequence[str | Path], folder: Path, user: str) -> None:
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
            **_as(user),
        )  # fmt: skip
        if done.returncode:
            said.seek(0)
            text = said.read().decode(errors="replace")
            sys.exit(f"{command[0]} ended with {done.returncode}\n{text}")


@contextlib.contextmanager
def _psql(program: Path, home: Path, user: str) -> Iterator[subprocess.Popen[str]]:
    options = (
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        f"--field-separator={SEPARATOR}",
    )
    process = subprocess.Popen(
        [program, *options, "--set=ON_ERROR_STOP=1", f"--host={home}", "postgres"],
        cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **_as(user),
    )  # fmt: skip
    with process:
        yield process


class _PostgreSQL:
    title = "PostgreSQL"
    engine_seconds = 0.0

    def __init__(self, psql: subprocess.Popen[str], pid: int, table: str) -> None:
        self.pid = pid
        self._psql = psql
        self._table = table
        self.version = f"PostgreSQL {self.ask('show server_version')[0][0]}"

    def bring(self, file: Path) -> None:
        """Leave it where it is."""

    def empty(self) -> None:
        self.ask("drop table if exists users")
        self.ask(self._table)
        # What the last load left to be written must not be written while the others are measured.
        self.ask("checkpoint")

    def copy(self, file: Path) -> None:
        self.ask(f"copy users from '{file}' with (delimiter '|', null '')")

    def ask(self, query: str) -> Rows:
        if self._psql.stdin is None or self._psql.stdout is None:
            raise AssertionError
        end = secrets.token_hex(8)
        self._psql.stdin.write(f"{query};\nselect '{end}';\n")
        self._psql.stdin.flush()
        rows: Rows = []
        for line in self._psql.stdout:
            text = line.removesuffix("\n")
            if text == end:
                return rows
            rows.append(tuple(text.split(SEPARATOR)))
        sys.exit(f"psql ended in\n{query}")


# ---- DuckDB


@contextlib.contextmanager
def duckdb(folder: Path, table: str) -> Iterator[Warehouse]:
    """Start a process with a database in a file."""
    home = folder / "duckdb"
    home.mkdir(mode=0o700)
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(theirs, home), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _DuckDB(ours, process.pid or 0, table)
    finally:
        ours.close()
        process.join()


def _serve(pipe: Connection, home: Path) -> None:
    import duckdb as library

    from labrunner.localcloud.sql.redshift.warehouse import Warehouse as Theirs

    # As much of the machine as a warehouse of the local cloud has.
    given: Mapping[str, Any] = Theirs.__init__.__kwdefaults__ or {}
    connection = library.connect(
        str(home / "users.duckdb"),
        config={"memory_limit": f"{given['memory_mib']}MiB", "threads": given["threads"]},
    )
    with contextlib.suppress(EOFError):
        while True:
            connection.execute(pipe.recv())
            pipe.send(connection.fetchall())
    connection.close()


class _DuckDB:
    title = "DuckDB"
    engine_seconds = 0.0

    def __init__(self, pipe: Connection, pid: int, table: str) -> None:
        self.version = f"DuckDB {version('duckdb')}"
        self.pid = pid
        self._pipe = pipe
        self._table = table

    def bring(self, file: Path) -> None:
        """Leave it where it is."""

    def empty(self) -> None:
        self.ask("drop table if exists users")
        self.ask(self._table)

    def copy(self, file: Path) -> None:
        self.ask(f"copy users from '{file}' (delimiter '|', header false, quote '', nullstr '')")

    def ask(self, query: str) -> Rows:
        self._pipe.send(query)
        try:
            return [tuple(map(str, row)) for row in self._pipe.recv()]
        except EOFError:
            sys.exit(f"DuckDB ended in\n{query}")
