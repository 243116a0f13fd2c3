# ruff: noqa: ISC004 - a statement a line
"""Fail closed: what is not in the tables is refused by its name, never answered."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from labrunner.localcloud.sql.compiler import Compiler
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.hive.dialect import UNPROVED, hive
from labrunner.localcloud.sql.hive.parser import parse_statement
from labrunner.localcloud.sql.values import Query, Scope

from .conftest import Hive


def refusal(hive_: Hive, script: str) -> SqlError:
    with pytest.raises(SqlError) as caught:
        hive_.run(script)
    return caught.value


# Hive's own functions that were not proved.
HIVE_ONLY = sorted(
    UNPROVED - hive().functions.keys() - hive().aggregates.keys() - hive().generators.keys()
)


@pytest.mark.parametrize(
    "name", [one for one in HIVE_ONLY if one not in ("in", "case", "when", "between")]
)
def test_an_unproved_function_of_hive(shared: Hive, name: str) -> None:
    error = refusal(shared, f"select `{name}`(1) from (select 1 a) t")
    assert error.kind == "unsupported"
    assert error.message == f"Hive's function {name}() is not supported by the local engine"


# Functions of DuckDB and of other engines, which Hive does not have.
FOREIGN = [
    "read_csv",
    "read_csv_auto",
    "read_parquet",
    "read_json",
    "read_text",
    "read_blob",
    "glob",
    "parquet_scan",
    "sniff_csv",
    "range",
    "generate_series",
    "unnest",
    "list_transform",
    "list_aggregate",
    "struct_pack",
    "error",
    "getenv",
    "current_setting",
    "duckdb_settings",
    "duckdb_tables",
    "pragma_version",
    "pg_sleep",
    "query",
    "query_table",
    "system",
    "string_agg",
    "group_concat",
    "array_agg",
    "list",
    "arg_max",
    "mode",
    "median",
    "approx_quantile",
    "strftime",
    "strptime",
    "date_trunc_",
    "date_diff",
    "datepart",
    "epoch",
    "make_date",
    "now",
    "today",
    "to_json",
    "json_extract",
    "json_extract_string",
    "regexp_matches",
    "regexp_full_match",
    "format",
    "printf_",
    "hash_",
    "setseed",
    "nextval",
    "iif",
    "ifnull",
    "isnull_",
    "nvl2_",
    "len",
    "strlen",
    "left_",
    "position_",
    "charindex",
    "to_char",
    "to_number",
    "try_cast",
    "safe_cast",
    "dateadd",
    "getdate",
    "java_find",
    "java_extract",
    "java_json",
    "hive_int_",
    "hive_date_",
    "hive_moment_text_",
    "attach",
    "install",
    "load",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_function_that_hive_does_not_have(shared: Hive, name: str) -> None:
    error = refusal(shared, f"select {name}('x') from (select 1 a) t")
    assert error.kind in ("semantic", "unsupported", "parse")
    if error.kind == "semantic":
        assert f"Invalid function '{name}'" in error.message


# Constructs that sqlglot reads, and that were not proved or are not Hive's.
CONSTRUCTS = [
    "select a from (select 1 a) t qualify row_number() over (order by a) = 1",
    "select x -> x + 1 from (select 1 x) t",
    "select a::int from (select 1 a) t",
    "select array(1, 2)[0:1]",
    "select a from (select 1 a) t tablesample (10 percent)",
    "select * from (values (1)) t",
    "select * from values (1) t(a)",
    "select count(a) filter (where a > 1) from (select 1 a) t",
    "select (1, 2) in ((1, 2))",
    "select a from (select 1 a) t for update",
    "select 1 = any (select 1)",
    "select * from (select 1 a) x left anti join (select 1 a) y on x.a = y.a",
    "select * from (select 1 a) x natural join (select 1 a) y",
    "select * from (select 1 a) x join (select 1 a) y using (a)",
    "select * from (select 1 a) x asof join (select 1 a) y on x.a = y.a",
    "select transform(a) using 'cat' as b from (select 1 a) t",
    "select a from (select 1 a) t group by rollup (a)",
    "select a from (select 1 a) t group by grouping sets (a)",
    "select a from (select 1 a) t group by all",
    "select interval '1-2' year to month",
    "select interval 1 day",
    "select count(distinct *) from (select 1 a) t",
    "select cast('a' as struct<x:int>)",
    "select cast(1 as uuid)",
    "select cast(1 as json)",
    "select sum(distinct a) over (order by a) from (select 1 a) t",
    "select sum(a) over (order by a groups between 1 preceding and current row) from"
    " (select 1 a) t",
    "select a from (select 1 a) t limit (select 1)",
    "select a.b() from (select 1 a) t",
    "select * exclude (a) from (select 1 a) t",
    "select * replace (1 as a) from (select 1 a) t",
    "select distinct on (a) a from (select 1 a) t",
    "select @x",
    "select :x",
    "select ?",
    "select $1",
    "select {'a': 1}",
    "select [1, 2].a",
    "select a is json from (select '1' a) t",
    "select a similar to 'x' from (select '1' a) t",
    "select a ilike 'x' from (select '1' a) t",
    "select a collate nocase from (select '1' a) t",
    "select * from (select 1 a) t pivot (sum(a) for a in (1))",
    "select * from (select 1 a) t match_recognize (pattern (x) define x as true)",
    "select next value for s",
    "select 1 as of timestamp '2020-01-01'",
    "select date_format('2015-04-08', 'w')",
    "select date_format('2015-04-08', 'YYYY')",
    "select unix_timestamp('1/2/20', 'd/M/yy')",
    "select printf('%a', 1)",
    "select regexp_extract('a', '\\\\p{IsGreek}', 0)",
    "select 'a' rlike '(?x) a'",
    "select 'a' rlike '\\\\G'",
    "select from_utc_timestamp('2020-01-01', 'PST')",
    "with recursive r as (select 1) select * from r",
    "select * from `a.*`.t",
]


@pytest.mark.parametrize("text", CONSTRUCTS)
def test_a_construct(shared: Hive, text: str) -> None:
    assert refusal(shared, text).kind in ("unsupported", "parse", "semantic")


STATEMENTS = [
    "explain select 1",
    "analyze table t compute statistics",
    "update t set a = 1",
    "delete from t",
    "merge into t using s on (1 = 1) when matched then delete",
    "export table t to 'x'",
    "import from 'x'",
    "grant select on t to user u",
    "!ls /",
    "dfs -ls /",
    "add jar x.jar",
    "source x.q",
    "create function f as 'x'",
    "create temporary macro m(x int) x + 1",
    "create materialized view v as select 1",
    "create temporary table t (a int)",
    "create index i on table t (a)",
    "create table t (a int) clustered by (a) into 2 buckets",
    "create table t (a int) skewed by (a) on (1)",
    "create table t (a int) stored as orc",
    "create table t (a int) stored as avro",
    "create table t (a int) stored as sequencefile",
    "create table t (a int) stored by 'x.Y'",
    "create table t (a int primary key)",
    "create table t (a int not null)",
    "create table t (a int default 1)",
    "create table t (a uniontype<int,string>)",
    "create table t (a interval)",
    "create table t (a int) row format serde 'com.example.SerDe'",
    "create table t (a timestamp with local time zone)",
    "load data local inpath '/etc/passwd' into table t",
    "insert overwrite local directory '/tmp/x' select 1",
    "lock table t shared",
    "describe function upper",
    "show locks",
    "show transactions",
    "alter database d set owner u",
    "alter view v as select 1",
    "alter index i on t rebuild",
    "alter table t touch",
    "alter table t change a b int",
    "alter table t concatenate",
    "start transaction",
    "set hive.support.quoted.identifiers=none",
    "set env:HOME=x",
    "select '${env:HOME}'",
    "select '${system:user.name}'",
    "copy t to 'x'",
    "attach 'x'",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "call x()",
    "checkpoint",
    "vacuum",
    "execute x",
    "prepare x as select 1",
    "create secret s",
    "export database 'x'",
    "reset query",
    "drop function f",
    "values (1)",
    "select 1 select 2",
    "selec 1",
    "create table",
    "insert into t",
    "drop",
    "use",
    "from t",
    "select 'open",
    "select `open",
]


@pytest.mark.parametrize("text", STATEMENTS)
def test_a_statement(hive: Hive, text: str) -> None:
    assert refusal(hive, text).kind in ("unsupported", "parse", "semantic")


def _nodes() -> list[type[exp.Expression]]:
    found, left = [], [exp.Expression]
    while left:
        for one in left.pop().__subclasses__():
            if one not in found:
                found.append(one)
                left.append(one)
    return sorted(found, key=lambda one: one.__name__)


class NoTables:
    """A catalog of nothing."""

    def find(self, parts: tuple[str, ...], node: Any) -> Query | None:
        del parts, node
        return None


QUERIES = {"Select", "Union", "Intersect", "Except", "Subquery"}


@pytest.mark.parametrize("kind", _nodes(), ids=lambda one: one.__name__)
def test_every_node_that_has_no_rule(kind: type[exp.Expression]) -> None:
    dialect = hive()
    compiler = Compiler(dialect, NoTables())
    node = kind()
    if kind.__name__ not in dialect.rules:
        with pytest.raises(SqlError, match="not supported by the local engine"):
            compiler.value(node, Scope())
    if kind.__name__ not in QUERIES:
        with pytest.raises(SqlError, match="not supported by the local engine"):
            compiler.query(node)


def test_a_part_of_a_node_that_nothing_reads() -> None:
    tree = sqlglot.parse_one("select 1")
    tree.set("into", exp.Into(this=exp.to_table("x")))
    with pytest.raises(SqlError, match="Select with INTO"):
        Compiler(hive(), NoTables()).query(tree)


ERRORS: list[tuple[str, str]] = [
    (
        "select * from nosuch",
        "FAILED: SemanticException [Error 10001]: Line 1:14 Table not found 'nosuch'",
    ),
    (
        "select b from (select 1 a) t",
        "FAILED: SemanticException [Error 10004]: Line 1:7 Invalid"
        " table alias or column reference 'b': (possible column names are: a)",
    ),
    (
        "select a from (select 1 a, 2 b) t group by b",
        "FAILED: SemanticException [Error 10025]: Line 1:7 Expression not in GROUP BY key 'a'",
    ),
    ("select foo(1)", "FAILED: SemanticException [Error 10011]: Line 1:7 Invalid function 'foo'"),
    (
        "select a from (select 1 a) t where count(*) > 1",
        "FAILED: SemanticException [Error 10128]:"
        " Line 1:35 Not yet supported place for UDAF 'count'",
    ),
    (
        "select a from (select 1 a) x join (select 1 a) y on x.a = y.a",
        "FAILED: SemanticException Line 1:7 Column a Found in more than One Tables/Subqueries",
    ),
    ("select 1 from 2", "FAILED: ParseException line 1:14 cannot recognize input near '2'"),
    ("drop table nosuch", "FAILED: SemanticException [Error 10001]: Table not found nosuch"),
    ("use nosuch", "FAILED: SemanticException [Error 10072]: Database does not exist: nosuch"),
    ("selec 1", "FAILED: ParseException line 1:0 cannot recognize input near 'selec'"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_hives_own_words(hive: Hive, text: str, message: str) -> None:
    assert refusal(hive, text).message == message


def test_the_place_is_that_in_the_script(hive: Hive) -> None:
    error = refusal(hive, "select 1;\n-- a comment\nselect 1,\n  nosuch from (select 1 a) t;")
    assert error.place is not None
    assert (error.place.line, error.place.column) == (4, 2)
    assert error.statement.startswith("select 1,")


UNSAFE: list[tuple[str, str]] = [
    ("select cast(1 as bigint) = upper('x')", "Unsafe compares"),
    ("select array(1) = array(1)", "comparison of array"),
    ("select upper(array(1))", "Argument type mismatch"),
    ("select upper()", "Arguments length mismatch"),
    ("select substr('abc', '1')", "Argument type mismatch"),
    ("select 1 + array(1)", "no common type"),
    ("select 1 + date '2020-01-01'", "no common type"),
    ("select case when 1 then 2 end", "no common type"),
    ("select 1 union all select 'a'", "no common type"),
    ("select if(true, 1, array(1))", "no common type"),
    ("select sum(date '2020-01-01')", "numeric"),
    ("select 2147483647 + 1", "Overflow"),
    ("select (select 1 union all select 2)", "More than one row"),
    ("select cast('2020-01-01 00:00:00.1234567' as timestamp)", "finer than a microsecond"),
    ("select stddev_samp(1)", "versions of Hive"),
]


@pytest.mark.parametrize(("text", "words"), UNSAFE)
def test_no_answer_where_none_is_sure(query: Callable[[str], str], text: str, words: str) -> None:
    with pytest.raises(SqlError, match=words):
        query(text)


def test_what_the_hand_written_parser_leaves_to_sqlglot() -> None:
    assert type(parse_statement("select 1")).__name__ == "Select"
    assert type(parse_statement("with a as (select 1) select 1")).__name__ == "Select"
    assert type(parse_statement("(select 1) union all (select 2)")).__name__ == "Select"
