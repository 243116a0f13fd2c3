"""Nothing of a script reaches beyond the work directory: no file, no network, no setting."""

from pathlib import Path

import pytest

from labrunner.localcloud.sql.engine import Engine
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.hive import macros
from labrunner.localcloud.sql.storage import DirectoryStorage, Storages

from .conftest import Hive

SECRET = "secret-of-the-machine"

# What DuckDB itself would do with a statement, were it to reach it.
DIRECT = [
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM read_parquet('{secret}')",
    "SELECT * FROM glob('{outside}/*')",
    "SELECT * FROM read_text('{work}/../{name}')",
    "SELECT * FROM read_text('{work}/link')",
    "COPY (SELECT 1) TO '{outside}/new.csv'",
    "COPY (SELECT 1) TO '{work}/../new.csv'",
    "ATTACH '{outside}/new.db'",
    "EXPORT DATABASE '{outside}/new'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT * FROM read_csv('http://127.0.0.1:1/x')",
    "SELECT * FROM read_parquet('s3://bucket/x')",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET threads = 8",
    "RESET memory_limit",
    "PRAGMA threads = 8",
    "SELECT getenv('HOME')",
]


@pytest.mark.parametrize("statement", DIRECT)
def test_the_engine_is_closed(tmp_path: Path, statement: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = outside / "secret.csv"
    secret.write_text(SECRET)
    with Engine(tmp_path / "work", macros.install) as engine:
        (engine.directory / "link").symlink_to(secret)
        before = sorted(outside.iterdir())
        text = statement.format(
            secret=secret, outside=outside, work=engine.directory, name="../outside/secret.csv"
        )
        with pytest.raises(SqlError):
            list(engine.rows(text))
        assert sorted(outside.iterdir()) == before
        assert not (engine.directory.parent / "new.csv").exists()


def test_the_engine_reads_its_own_directory(tmp_path: Path) -> None:
    with Engine(tmp_path, macros.install) as engine:
        engine.file("x.csv").write_text("1\n")
        path = engine.file("x.csv")
        assert list(engine.rows(f"SELECT * FROM read_csv('{path}', header=false)")) == [(1,)]
        directory = engine.directory
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


TRICKS = [
    "select * from `/etc/passwd`",
    "select * from '/etc/passwd'",
    "select * from read_csv('/etc/passwd')",
    "select * from `read_csv('/etc/passwd')`",
    "select * from lateral read_csv('/etc/passwd')",
    "select * from table(read_csv('/etc/passwd'))",
    "select `read_text('/etc/passwd')`",
    "select `read_text`('/etc/passwd')",
    "select `a\" from read_text('/etc/passwd') --` from (select 1 a) t",
    "select 1 as `x\" from read_csv('/etc/passwd') --`, nosuch",
    "select 'x' || (select content from read_text('/etc/passwd'))",
    "with `w as (select 1) --` as (select nosuch) select 1 from x",
    "select a from information_schema.tables",
    "select * from duckdb_settings",
    "select * from pg_catalog.pg_class",
    "select * from sqlite_master",
    "select * from main.scan0",
    "select * from scan0",
    "select * from t1",
    "copy (select 1) to '/tmp/x'",
    "attach '/tmp/x'",
    "install httpfs",
    "pragma database_list",
    "call pragma_version()",
    "create table t as select * from read_csv('/etc/passwd')",
    "insert overwrite directory 'file:///tmp/x' select 1",
    "create external table t (a string) location 'file:///etc'",
    "create external table t (a string) location '/../../../etc'; select * from t",
    "create external table t (a string) location 's3://b/../../etc'; select * from t",
    "insert overwrite directory '/a/../../x' select 1",
    "load data inpath 'file:///etc/passwd' into table t",
]


@pytest.mark.parametrize("script", TRICKS)
def test_a_script_is_closed_in(hive: Hive, script: str) -> None:
    with pytest.raises(SqlError):
        hive.run(script)


NAMES = ['a"b', "select", "a'b", "t; drop table x", "C0", "\u00e9t\u00e9", "x]y", "a.b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(hive: Hive, name: str) -> None:
    hive.run(f"create table t (`{name}` int) stored as parquet; insert into t values (5)")
    assert hive.run(f"select x.`{name}` from (select `{name}` from t) x") == ["5"]
    assert hive.last.names == (name.lower(),)
    assert hive.run(f"select named_struct('{name.replace(chr(39), chr(92) + chr(39))}', 7)")


def test_an_alias_is_only_a_name(hive: Hive) -> None:
    assert hive.run("select a from (select 1 a) `t\") from read_text('/etc/passwd'); --`") == ["1"]


TEXTS = ["it's", "a\\b", '"', "{0}", "%s", "$1", "'; drop table x; --", "\u00e9", "a\x00b", "\\N"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_only_a_text(hive: Hive, text: str) -> None:
    literal = text.replace("\\", "\\\\").replace("'", "\\'").replace("\x00", "\\0")
    assert hive.run(f"select '{literal}', length('{literal}')") == [f"{text}\t{len(text)}"]
    assert hive.run(f"select concat('<', '{literal}', '>') like '<%>'") == ["true"]
    assert hive.run(f"select instr(concat('x', '{literal}'), '{literal}')") == ["2"]


def test_links_of_a_directory_storage_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text(SECRET)
    store = DirectoryStorage(tmp_path / "inside")
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "file").symlink_to(tmp_path / "outside" / "secret")
    storages = Storages({"hdfs": store}, "hdfs")
    assert storages.files(storages.address("/")) == []
    for path in ("/link/secret", "/file"):
        with pytest.raises(SqlError, match="Permission denied"):
            storages.open(storages.address(path))
    with pytest.raises(SqlError, match="may not contain"):
        storages.address("/a/../../outside/secret")


def test_addresses(tmp_path: Path) -> None:
    store = DirectoryStorage(tmp_path)
    storages = Storages({"hdfs": store, "s3": store, "s3n": store}, "hdfs")
    for text, parts in (
        ("s3://b/k/x", ("s3", "b", "k/x")),
        ("s3n://b/", ("s3n", "b", "")),
        ("s3://b/a b?c#d", ("s3", "b", "a b?c#d")),
        ("hdfs:///user/x", ("hdfs", "", "user/x")),
        ("/user/x", ("hdfs", "", "user/x")),
    ):
        found = storages.address(text)
        assert (found.scheme, found.place, found.path) == parts
    for text, words in (("gopher://x/y", 'scheme "gopher"'), ("s3:///k", "names no bucket")):
        with pytest.raises(SqlError, match=words):
            storages.address(text)


def test_a_shared_engine_is_closed_in_too(tmp_path: Path) -> None:
    with Engine(tmp_path, macros.install) as engine:
        engine.run("CREATE TABLE t AS SELECT 1 AS a")
        with engine.share() as other:
            assert list(other.rows("SELECT a, java_find('ab', 'b') FROM t")) == [(1, True)]
            with pytest.raises(SqlError):
                list(other.rows("SELECT * FROM read_text('/etc/hostname')"))
            other.cancel()
            with pytest.raises(SqlError, match="cancelled"):
                list(other.rows("SELECT 1"))
        assert list(engine.rows("SELECT a FROM t")) == [(1,)]
        assert engine.directory.exists()
