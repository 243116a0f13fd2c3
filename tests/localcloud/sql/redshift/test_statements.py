"""Statements: tables, changes of rows, transactions, views, settings, and what is refused."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift import wording

from .conftest import Redshift

USERS = """
create table users(userid integer not null distkey sortkey, username char(8),
  firstname varchar(30) default 'x', likesports boolean, price decimal(8,2) encode raw)
"""


def failing(redshift: Redshift, sql: str) -> tuple[str, str]:
    """Return SQLSTATE and message of a statement that must fail."""
    with pytest.raises(SqlError) as caught:
        redshift.run(sql)
    return wording.state_of(caught.value), caught.value.message


def test_a_table_with_its_keys(redshift: Redshift) -> None:
    redshift.run(USERS)
    rows = redshift.run(
        'select "column", type, encoding, distkey, sortkey, "notnull" from pg_table_def '
        "where tablename = 'users'"
    )
    assert rows == [
        ("userid", "integer", "none", "t", "1", "t"),
        ("username", "character(8)", "lzo", "f", "0", "f"),
        ("firstname", "character varying(30)", "lzo", "f", "0", "f"),
        ("likesports", "boolean", "none", "f", "0", "f"),
        ("price", "numeric(8,2)", "none", "f", "0", "f"),
    ]
    info = redshift.run('select "table", diststyle, sortkey1 from svv_table_info')
    assert info == [("users", "KEY(userid)", "userid")]


def test_defaults_and_lengths(redshift: Redshift) -> None:
    redshift.run(USERS)
    redshift.run("insert into users(userid, username) values (1, 'abc     '), (2, null)")
    rows = redshift.run("select userid, username, firstname, len(username) from users order by 1")
    assert rows == [("1", "abc     ", "x", "3"), ("2", None, "x", None)]
    too_long = failing(redshift, "insert into users values (3, 'ninechars', 'y', true, 1)")
    assert too_long == ("22001", "value too long for type character(8)")
    multibyte = failing(redshift, "insert into users(userid, username) values (3, 'é')")
    assert multibyte[0] == "22021"
    null = failing(redshift, "insert into users(username) values ('a')")
    assert null == ("23502", "Cannot insert a NULL value into column userid")
    number = failing(redshift, "insert into users(userid, price) values (3, 1234567.0)")
    assert number == ("22003", "numeric field overflow")
    assert redshift.run("select count(*) from users") == [("2",)]


@pytest.mark.parametrize(
    ("sql", "state", "message"),
    [
        ("select nope from users", "42703", 'column "nope" does not exist in users'),
        ("select * from nope", "42P01", 'relation "nope" does not exist'),
        ("select u.nope from users u", "42703", "column u.nope does not exist"),
        ("select x.userid from users u", "42P01", 'missing FROM-clause entry for table "x"'),
        ("selec 1", "42601", 'syntax error at or near "selec"'),
        ("select 1/0", "22012", "division by zero"),
        ("select 'x'::int", "22P02", 'invalid input syntax for integer: "x"'),
        ("select coalesce(null, 'Amazon Redshift', 12)", "22P02",
         'invalid input syntax for integer: "Amazon Redshift"'),
        ("select 32767::smallint + 1::smallint", "22003", "smallint out of range"),
        ("select 2147483647 + userid from users", "22003", "integer out of range"),
        ("select foo(1)", "42883", "function foo() does not exist"),
        ("select userid, count(*) from users", "42803",
         'column "userid" must appear in the GROUP BY clause or be used in an aggregate function'),
        ("select sum(price) over (order by userid) from users", "42601",
         "Aggregate window functions with an ORDER BY clause require a frame clause"),
        ("select to_date('20010631', 'YYYYMMDD', true)", "22007",
         "date/time field date value out of range: 2001-6-31"),
        ("select sqrt(-1)", "2201F", "cannot take square root of a negative number"),
        ("drop table nope", "42P01", 'Table "nope" does not exist'),
        ("create table users(a int)", "42P07", 'Relation "users" already exists'),
        ("select (select userid from users union all select 2)", "21000",
         "more than one row returned by a subquery used as an expression"),
        ("insert into users values (1,2,3,4,5,6)", "42601",
         "INSERT has more expressions than target columns"),
    ],
)  # fmt: skip
def test_errors_in_redshifts_words(redshift: Redshift, sql: str, state: str, message: str) -> None:
    redshift.run(USERS)
    redshift.run("insert into users(userid) values (5)")
    assert failing(redshift, sql) == (state, message)


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("select approximate count(distinct userid) from users", "APPROXIMATE"),
        ("select userid::super from users", "super"),
        ("create table t(a super)", "super"),
        ("create materialized view v as select 1", "MATERIALIZED"),
        ("select checksum(1)", "checksum"),
        ("select hll(1)", "hll"),
        ("create function f() returns int as $$ select 1 $$ language sql", "FUNCTION"),
        ("call f()", "CALL"),
        ("select 5 @ 3", "operator @"),
        ("select * from stl_alert_event_log", "stl_alert_event_log"),
        ("set timezone to 'America/New_York'", "timezone"),
        ("analyze compression users", "COMPRESSION"),
        ("alter table users append from t", "APPEND"),
        ("with recursive a as (select 1) select * from a", "RECURSIVE"),
        ("select distinct on (userid) userid from users", "ON"),
    ],
)
def test_what_is_not_here_is_refused_by_name(redshift: Redshift, sql: str, named: str) -> None:
    redshift.run(USERS)
    state, message = failing(redshift, sql)
    assert state == "0A000"
    assert named.lower() in message.lower()
    assert "not supported by the local engine" in message


def test_updates_deletes_and_merge(redshift: Redshift) -> None:
    redshift.run("create table a(k int, v varchar(5)); create table b(k int, v varchar(5))")
    redshift.run(
        "insert into a values (1,'a'),(2,'b'),(3,'c'); insert into b values (2,'B'),(4,'D')"
    )
    redshift.run("update a set v = b.v from b where a.k = b.k")
    assert redshift.last.tag == "UPDATE 1"
    redshift.run("delete from a using b where a.k = b.k")
    assert redshift.last.tag == "DELETE 1"
    redshift.run(
        "merge into a using b on a.k = b.k when matched then update set v = b.v "
        "when not matched then insert (k, v) values (b.k, b.v)"
    )
    assert redshift.run("select * from a order by k") == [
        ("1", "a"),
        ("2", "B"),
        ("3", "c"),
        ("4", "D"),
    ]
    redshift.run("insert into b values (2, 'twice')")
    twice = failing(
        redshift,
        "merge into a using b on a.k = b.k when matched then update set v = b.v when not matched "
        "then insert (k, v) values (b.k, b.v)",
    )
    assert twice == ("21000", "Found multiple matches to update the same tuple.")


def test_a_transaction_is_all_or_nothing(redshift: Redshift) -> None:
    redshift.run("create table a(k int)")
    redshift.run("begin; insert into a values (1); create table b(k int)")
    assert redshift.session.status == "T"
    assert failing(redshift, "select nope")[0] == "42703"
    assert redshift.session.status == "E"
    assert failing(redshift, "select 1")[0] == "25P02"
    redshift.run("commit")
    assert redshift.last.tag == "ROLLBACK"
    assert redshift.run("select count(*) from a") == [("0",)]
    assert failing(redshift, "select * from b")[0] == "42P01"
    redshift.run("begin; insert into a values (1); commit")
    assert redshift.run("select count(*) from a") == [("1",)]


def test_other_sessions_see_what_is_committed(redshift: Redshift) -> None:
    redshift.run("create table a(k int)")
    other = redshift.open()
    redshift.run("begin; insert into a values (1)")
    assert other.run("select count(*) from a") == [("0",)]
    redshift.run("commit")
    assert other.run("select count(*) from a") == [("1",)]
    other.session.close()


def test_temporary_tables_are_the_sessions(redshift: Redshift) -> None:
    redshift.run("create table t(k int); insert into t values (1)")
    other = redshift.open()
    other.run("create temp table t(k int); insert into t values (7), (8)")
    assert other.run("select count(*) from t") == [("2",)]
    assert redshift.run("select count(*) from t") == [("1",)]
    other.session.close()
    assert redshift.run("select count(*) from svv_tables where table_name = 't'") == [("1",)]


def test_views_and_what_depends_on_tables(redshift: Redshift) -> None:
    redshift.run("create table a(k int, v varchar(5)); insert into a values (1, 'x')")
    redshift.run("create view w as select v, k * 2 as twice from a")
    assert redshift.run("select * from w") == [("x", "2")]
    assert failing(redshift, "drop table a")[0] == "2BP01"
    redshift.run("drop table a cascade")
    assert failing(redshift, "select * from w") == ("42P01", 'relation "w" does not exist')


def test_alter_table(redshift: Redshift) -> None:
    redshift.run("create table a(k int, v varchar(5)); insert into a values (1, 'x')")
    redshift.run("alter table a add column n int default 5")
    redshift.run("alter table a rename column v to w; alter table a rename to b")
    assert redshift.run("select k, w, n from b") == [("1", "x", "5")]
    redshift.run("alter table b alter column w type varchar(20); alter table b drop column n")
    redshift.run("insert into b values (2, 'quite a long text')")
    assert redshift.run("select * from b order by 1") == [("1", "x"), ("2", "quite a long text")]
    redshift.run("alter table b alter distkey k")
    assert redshift.run("select diststyle from svv_table_info") == [("KEY(k)",)]


def test_tables_of_queries(redshift: Redshift) -> None:
    redshift.run("create table a(k int, v varchar(5)); insert into a values (1, 'x'), (2, 'y')")
    redshift.run("create table b distkey(k) as select k, v || '!' as shout from a")
    redshift.run("create table c (like a including defaults)")
    redshift.run("select k into d from a")
    redshift.run("create table #e as select 1 as one")
    assert redshift.run("select * from b order by k") == [("1", "x!"), ("2", "y!")]
    assert redshift.run("select count(*) from c") == [("0",)]
    assert redshift.run("select count(*) from d") == [("2",)]
    assert redshift.run("select one from #e") == [("1",)]


def test_identity_columns(redshift: Redshift) -> None:
    redshift.run("create table a(id int identity(10, 5), v varchar(5))")
    redshift.run("insert into a(v) values ('x'), ('y'); insert into a values ('z')")
    assert redshift.run("select * from a order by id") == [("10", "x"), ("15", "y"), ("20", "z")]
    assert failing(redshift, "insert into a(id, v) values (1, 'q')")[0] == "42601"


def test_joins_with_using(redshift: Redshift) -> None:
    redshift.run("create table a(k int, x int); create table b(y int, k int)")
    redshift.run("insert into a values (1, 10), (2, 20); insert into b values (7, 1)")
    assert redshift.run("select * from a join b using (k)") == [("1", "10", "7")]
    assert redshift.run("select k, y from a left join b using (k) order by k") == [
        ("1", "7"),
        ("2", None),
    ]


def test_users_and_grants(redshift: Redshift) -> None:
    redshift.run("create table a(k int); create user bob password 'Abcdefg1'")
    bob = redshift.open("bob", is_super=False)
    assert failing(bob, "select * from a") == ("42501", "permission denied for relation a")
    redshift.run("grant select on a to bob")
    assert bob.run("select count(*) from a") == [("0",)]
    assert failing(bob, "insert into a values (1)")[0] == "42501"
    assert failing(bob, "drop table a") == ("42501", "must be owner of relation a")
    redshift.run("revoke select on a from bob")
    assert failing(bob, "select * from a")[0] == "42501"
    bob.session.close()


def test_a_statement_can_be_cancelled(redshift: Redshift) -> None:
    redshift.run(
        "create table n(k int); insert into n values (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)"
    )
    slow = (
        f"select count(*) from {', '.join(f'n n{i}' for i in range(12))} where n0.k + n1.k > n2.k"
    )
    failed: list[tuple[str, str]] = []
    thread = threading.Thread(target=lambda: failed.append(failing(redshift, slow)))
    thread.start()
    deadline = time.monotonic() + 20
    while thread.is_alive() and time.monotonic() < deadline:
        redshift.session.cancel()
        thread.join(0.05)
    assert failed == [("57014", "Query cancelled on user's request")]
    redshift.session.resume()
    assert redshift.run("select count(*) from n") == [("10",)]


def test_the_log_of_queries(redshift: Redshift) -> None:
    redshift.run("create table a(k int)")
    failing(redshift, "select nope from a")
    rows = redshift.run(
        "select query_type, status, error_message from sys_query_history order by query_id"
    )
    assert rows == [
        ("DDL", "success", None),
        ("SELECT", "failed", 'ERROR: column "nope" does not exist in a'),
    ]


def test_settings(redshift: Redshift) -> None:
    redshift.run("create schema s; create table s.a(k int)")
    assert failing(redshift, "select * from a")[0] == "42P01"
    redshift.run("set search_path to s, public")
    assert redshift.run("select count(*) from a") == [("0",)]
    assert redshift.run("show search_path") == [("s, public",)]
    redshift.run("reset search_path")
    assert redshift.run("show search_path") == [('"$user", public',)]
    assert failing(redshift, "set nonsense to 1")[0] == "42704"


def test_the_directory_is_private_and_goes(tmp_path: Path, redshift: Redshift) -> None:
    directory = redshift.warehouse.directory
    assert directory.stat().st_mode & 0o777 == 0o700
    for text in (
        f"select * from read_csv('{tmp_path}')",
        "copy a from '/etc/passwd'",
        "select * from duckdb_tables()",
    ):
        with pytest.raises(SqlError):
            redshift.run(text)
    redshift.warehouse.close()
    assert not directory.exists()


def test_limits_hold_behind_subqueries(query: Callable[[str], str]) -> None:
    """DuckDB 2.0.0 loses this LIMIT in its optimizer."""
    query("create table q(u int); insert into q values (1),(1),(1),(1),(1)")
    assert query("select u from q where u = 2 or (select bool_or(u = 1) from q) limit 2") == "1 1"
