# ruff: noqa: E501 - a command a line
"""The endpoint of a warehouse: psql and drivers of PostgreSQL, on loopback with a password."""

import os
import shutil
import socket
import struct
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import LocalCloud
from .redshift_calls import DataApi, make_workgroup

pytest.importorskip("duckdb", reason="the warehouses need duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the warehouses need sqlglot, of the extra [local]")

PASSWORD = "Abcdefg1"


@dataclass(frozen=True)
class Endpoint:
    """Where a warehouse listens, and the administrator's password."""

    port: int
    user: str = "admin"
    password: str = PASSWORD


@pytest.fixture(scope="module")
def api(cloud: LocalCloud) -> DataApi:
    return make_workgroup(cloud, "wire", adminUsername="admin", adminUserPassword=PASSWORD)


@pytest.fixture(scope="module")
def endpoint(cloud: LocalCloud, api: DataApi) -> Endpoint:
    found = cloud.client("redshift-serverless").get_workgroup(workgroupName="wire")["workgroup"]
    assert found["endpoint"]["address"] == "127.0.0.1"
    return Endpoint(found["endpoint"]["port"])


def psql(endpoint: Endpoint, *commands: str, password: str = PASSWORD) -> Any:
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is not installed (Debian: apt-get install postgresql-client)")
    arguments = [part for one in commands for part in ("-c", one)]
    return subprocess.run(
        [program, "-h", "127.0.0.1", "-p", str(endpoint.port), "-U", endpoint.user, "-d", "labdb",
         "-X", "-A", "-t", *arguments],
        env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_psql(endpoint: Endpoint) -> None:
    made = psql(
        endpoint,
        "create table users(userid integer not null distkey sortkey, username char(8), price decimal(8,2))",
        "insert into users values (1, 'abc', 2.5), (2, null, null)",
        "select * from users order by 1",
    )
    assert made.stderr == ""
    assert made.stdout.splitlines() == ["CREATE TABLE", "INSERT 0 2", "1|abc     |2.50", "2||"]
    assert psql(endpoint, r"\dt").stdout.strip() == "public|users|table|admin"
    columns = psql(endpoint, r"\d users")
    assert columns.stderr == ""
    assert columns.stdout.splitlines()[:2] == [
        "userid|integer||not null|", "username|character(8)|||",
    ]  # fmt: skip
    assert "labdb|admin" in psql(endpoint, r"\l").stdout
    failed = psql(endpoint, "select nope from users")
    assert 'ERROR:  column "nope" does not exist in users' in failed.stderr
    assert "LINE 1: select nope from users" in failed.stderr
    wrong = psql(endpoint, "select 1", password="Wrong1234")
    assert 'password authentication failed for user "admin"' in wrong.stderr


def test_credentials_of_iam(cloud: LocalCloud, endpoint: Endpoint) -> None:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    serverless = cloud.client("redshift-serverless")
    given = serverless.get_credentials(workgroupName="wire", dbName="labdb")
    newer = serverless.get_credentials(workgroupName="wire", dbName="labdb")
    assert newer["dbPassword"] != given["dbPassword"]
    with psycopg.connect(
        host="127.0.0.1",
        port=endpoint.port,
        user=given["dbUser"],
        password=given["dbPassword"],
        dbname="labdb",
    ) as connection:
        assert connection.execute("select current_user").fetchall() == [("IAM:RootIdentity",)]


def test_psycopg(endpoint: Endpoint) -> None:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    with psycopg.connect(
        host="127.0.0.1", port=endpoint.port, user="admin", password=PASSWORD, dbname="labdb"
    ) as connection:
        connection.execute("create table p(k int, v varchar(10))")
        connection.execute("insert into p values (%s, %s), (%s, %s)", (1, "it's", 2, None))
        rows = connection.execute("select k, v from p where k <= %s order by k", (2,)).fetchall()
        assert rows == [(1, "it's"), (2, None)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("select * from nowhere")
        connection.rollback()
        assert connection.execute("select 1").fetchall() == [(1,)]


def test_pg8000(endpoint: Endpoint) -> None:
    dbapi = pytest.importorskip("pg8000.dbapi", reason="pg8000 is not installed")
    connection = dbapi.connect(
        "admin", host="127.0.0.1", port=endpoint.port, password=PASSWORD, database="labdb"
    )
    cursor = connection.cursor()
    cursor.execute("select %s::int + 1, 'a' || %s", (4, "b"))
    assert cursor.fetchall() == ([5, "ab"],)
    connection.close()


def test_without_a_client(endpoint: Endpoint) -> None:
    """The protocol's first steps, which need no driver: encryption is refused, a name asked for."""
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as connection:
        connection.sendall(struct.pack("!II", 8, 80877103))
        assert connection.recv(1) == b"N"
        body = struct.pack("!I", 3 << 16) + b"user\0admin\0database\0labdb\0\0"
        connection.sendall(struct.pack("!I", len(body) + 4) + body)
        answer = connection.recv(100)
        assert answer[:1] == b"R"
        assert struct.unpack("!I", answer[5:9]) == (10,)
        assert b"SCRAM-SHA-256" in answer
    with socket.create_connection(("127.0.0.1", endpoint.port), timeout=10) as connection:
        connection.sendall(struct.pack("!II", 1 << 30, 3 << 16))
        assert connection.recv(1) == b""


def test_only_loopback(endpoint: Endpoint) -> None:
    found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    for address in {str(one[4][0]) for one in found}:
        if not address.startswith("127."):
            with socket.socket() as other:
                other.settimeout(2)
                assert other.connect_ex((address, endpoint.port)) != 0
