"""Statements that make, fill, change and describe tables, on directories."""

import pytest

from labrunner.localcloud.sql.errors import SqlError

from .conftest import Hive

# As published by AWS for its tutorial, but for its comments.
AWS_SCRIPT = r"""
-- Summary: This sample shows you how to analyze CloudFront logs stored in S3 using Hive

-- Create table using sample data in S3.  Note: you can replace this S3 path with your own.
CREATE EXTERNAL TABLE IF NOT EXISTS cloudfront_logs (
  DateObject Date,
  Time STRING,
  Location STRING,
  Bytes INT,
  RequestIP STRING,
  Method STRING,
  Host STRING,
  Uri STRING,
  Status INT,
  Referrer STRING,
  OS String,
  Browser String,
  BrowserVersion String
)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe'
WITH SERDEPROPERTIES (
  "input.regex" = "^(?!#)([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+[^\(]+[\(]([^\;]+).*\%20([^\/]+)[\/](.*)$"
) LOCATION '${INPUT}/cloudfront/data';

-- Total requests per operating system for a given time frame
INSERT OVERWRITE DIRECTORY '${OUTPUT}/os_requests/' SELECT os, COUNT(*) count FROM cloudfront_logs WHERE dateobject BETWEEN '2014-07-05' AND '2014-08-05' GROUP BY os;
"""  # noqa: E501
AGENT = (
    "Mozilla/5.0%20({};%20U;%20Windows%20NT%205.1;%20en-US;%20rv:1.9.0.9)"
    "%20Gecko/2009040821%20IE/3.0.9"
)


def log_line(os: str, date: str = "2014-07-05", between: str = "\t") -> str:
    fields = [
        date,
        "20:00:00",
        "LHR3",
        "4260",
        "10.0.0.15",
        "GET",
        "eabcd12345678.cloudfront.net",
        "/test-image-1.jpeg",
        "200",
        "-",
        AGENT.format(os),
    ]
    return between.join(fields)


HEAD = ["#Version: 1.0", "#Fields: date time x-edge-location sc-bytes c-ip"]


@pytest.mark.parametrize("between", ["\t", " "])
def test_the_script_of_aws(hive: Hive, between: str) -> None:
    counts = {"Android": 5, "Linux": 3, "MacOS": 2, "OSX": 1}
    lines = [log_line(os, between=between) for os, n in counts.items() for _ in range(n)]
    lines.append(log_line("iOS", "2013-01-01", between))
    hive.write("cloudfront/data/log1", "\n".join([*HEAD, *lines[:6]]) + "\n")
    hive.write("cloudfront/data/log2", "\n".join([*HEAD, *lines[6:]]))
    hive.session.variables.hivevar.update(INPUT="s3://bucket", OUTPUT="s3://bucket/out")
    hive.run(AWS_SCRIPT)
    assert hive.last.rows_read == {"default.cloudfront_logs": 16}
    assert hive.last.rows_written == 4
    files = hive.files("out/os_requests")
    rows = sorted(files.pop("000000_0").decode().splitlines())
    assert rows == [f"{os}\x01{n}" for os, n in sorted(counts.items())]
    assert files == {}
    nulls = hive.run("select count(*) from cloudfront_logs where os is null")
    assert nulls == ["4"]
    assert hive.run(
        "select dateobject, bytes, browser, browserversion from cloudfront_logs where os = 'OSX'"
    ) == ["2014-07-05\t4260\tIE\t3.0.9"]


def test_variables(hive: Hive) -> None:
    hive.session.variables.hivevar["n"] = "2"
    hive.session.variables.hiveconf["m"] = "3"
    assert hive.run("select ${n}, ${hivevar:n}, ${hiveconf:m}, '${nothing}'") == [
        "2\t2\t3\t${nothing}"
    ]
    assert hive.run("set x=${n}1; set x; select ${hiveconf:x} + 1") == ["22"]
    assert hive.run("set nosuch") == ["nosuch is undefined"]
    assert hive.run("set hivevar:t=a; set hivevar:u=${t}b; select '${u}'") == ["ab"]


def test_statements_and_their_ends(hive: Hive) -> None:
    script = "select ';' -- ; \n, \"a;b\" /* ; */ ;;\n select 2 ; "
    assert hive.run(script) == ["2"]
    assert [one.lines for one in hive.results] == [[";\ta;b"], ["2"]]


def test_a_failure_ends_the_script(hive: Hive) -> None:
    with pytest.raises(SqlError):
        hive.run("create table a (x int); select nosuch(1); create table b (x int);")
    assert hive.run("show tables") == ["a"]


def test_the_header(hive: Hive) -> None:
    assert hive.run("set hive.cli.print.header=true; select 1 a, 'x'") == ["a\t_c1", "1\tx"]


def test_databases(hive: Hive) -> None:
    hive.run("create database shop comment 'things'; create database if not exists shop;")
    assert hive.run("show databases") == ["default", "shop"]
    assert hive.run("show databases like 's*'") == ["shop"]
    hive.run("use shop; create table t (a int); insert into t values (1);")
    assert hive.run("use default; select a from shop.t") == ["1"]
    assert hive.run("show tables in shop") == ["t"]
    assert hive.hdfs("user/hive/warehouse/shop.db/t/000000_0").read_text() == "1\n"
    with pytest.raises(SqlError, match="is not empty"):
        hive.run("drop database shop")
    hive.run("drop database shop cascade; drop database if exists shop")
    assert hive.run("show databases") == ["default"]
    assert not hive.hdfs("user/hive/warehouse/shop.db").exists()


def test_create_insert_select(hive: Hive) -> None:
    hive.run("create table t (id int, name string); insert into t values (1, 'a'), (2, null);")
    hive.run("insert into table t select 3, 'c'")
    assert hive.run("select * from t order by id") == ["1\ta", "2\tNULL", "3\tc"]
    assert hive.last.names == ("id", "name")
    assert hive.last.types == ("int", "string")
    assert hive.last.rows_read == {"default.t": 3}
    top = hive.hdfs("user/hive/warehouse/t")
    assert (top / "000000_0").read_bytes() == b"1\x01a\n2\x01\\N\n"
    assert (top / "000000_0_copy_1").read_bytes() == b"3\x01c\n"
    hive.run("insert overwrite table t select id * 10, name from t where id < 3")
    assert hive.run("select * from t order by id") == ["10\ta", "20\tNULL"]
    hive.run("insert into t (name) values ('only')")
    assert hive.run("select id from t where name = 'only'") == ["NULL"]
    hive.run("truncate table t")
    assert hive.run("select count(*) from t") == ["0"]
    hive.run("drop table t")
    assert not top.exists()


def test_values_are_converted_to_the_columns_types(hive: Hive) -> None:
    hive.run("create table t (i int, s string, v varchar(3), d decimal(4,1), b boolean, day date)")
    hive.run("insert into t values ('7', 8, 'abcdef', 1.25, true, '2020-1-2')")
    hive.run("insert into t select 'x', 1.5D, 'y', 12345, false, 'z'")
    assert hive.run("select * from t") == [
        "7\t8\tabc\t1.3\ttrue\t2020-01-02",
        "NULL\t1.5\ty\tNULL\tfalse\tNULL",
    ]
    with pytest.raises(SqlError, match=r"Error 10044.* has 6 columns, but query has 1 columns"):
        hive.run("insert into t select 1")
    with pytest.raises(SqlError, match="Error 10044"):
        hive.run("insert into t select array(1), 'x', 'y', 1, true, 'z'")


def test_external_tables_keep_their_files(hive: Hive) -> None:
    hive.write("data/x", "1,a\n")
    hive.run(
        "create external table e (i int, s string) row format delimited fields terminated by"
        " ',' location 's3://bucket/data'; select * from e; drop table e;"
    )
    assert hive.files("data") == {"x": b"1,a\n"}


def test_if_not_exists_and_if_exists(hive: Hive) -> None:
    hive.run("create table t (a int); create table if not exists t (b string);")
    assert hive.run("describe t")[0].split() == ["a", "int"]
    with pytest.raises(SqlError, match="already exists"):
        hive.run("create table t (a int)")
    hive.run("drop table if exists nosuch")


def test_create_table_as_select_and_like(hive: Hive) -> None:
    hive.run("create table a as select 1 x, 'y' y, 2.5 z, array(1) l")
    assert [one.split()[:2] for one in hive.run("describe a")] == [
        ["x", "int"],
        ["y", "string"],
        ["z", "decimal(2,1)"],
        ["l", "array<int>"],
    ]
    assert hive.run("select * from a") == ["1\ty\t2.5\t[1]"]
    hive.run("create table b like a")
    assert hive.run("select count(*) from b") == ["0"]
    with pytest.raises(SqlError, match="Error 10065"):
        hive.run("create table c (x int) as select 1")


def test_views(hive: Hive) -> None:
    hive.run("create table t (a int); insert into t values (1), (2);")
    hive.run("create view v as select a * 2 b from t; create view w (c) as select b from v;")
    assert hive.run("select c from w order by c") == ["2", "4"]
    assert hive.run("describe w")[0].split() == ["c", "int"]
    hive.run("create or replace view v as select a + 100 b from t")
    assert hive.run("select c from w order by c") == ["101", "102"]
    with pytest.raises(SqlError, match="Cannot insert into a view"):
        hive.run("insert into v values (1)")
    with pytest.raises(SqlError, match="Cannot drop"):
        hive.run("drop table v")
    hive.run("drop view w; drop view v")
    assert hive.run("show tables") == ["t"]


PARTITIONED = """
create table p (id int, name string) partitioned by (y int, c string);
insert into p partition (y=2020, c='de') values (1, 'a'), (2, 'b');
insert into p partition (y=2021, c='f r/x') select 3, 'c';
"""


def test_partitions(hive: Hive) -> None:
    hive.run(PARTITIONED)
    assert hive.run("show partitions p") == ["y=2020/c=de", "y=2021/c=f r/x"]
    assert hive.hdfs("user/hive/warehouse/p/y=2021/c=f r%2Fx/000000_0").exists()
    assert hive.run("select * from p order by id") == [
        "1\ta\t2020\tde",
        "2\tb\t2020\tde",
        "3\tc\t2021\tf r/x",
    ]
    assert hive.run("select id from p where y = 2021") == ["3"]
    assert hive.run("select y, count(*) from p group by y order by y") == ["2020\t2", "2021\t1"]
    hive.run("insert overwrite table p partition (y=2020, c='de') select 9, 'z'")
    assert hive.run("select id from p order by id") == ["3", "9"]
    hive.run("alter table p drop partition (y=2020)")
    assert hive.run("show partitions p") == ["y=2021/c=f r/x"]
    assert not hive.hdfs("user/hive/warehouse/p/y=2020").exists()
    with pytest.raises(SqlError, match="Error 10006"):
        hive.run("alter table p drop partition (y=1999)")


def test_dynamic_partitions(hive: Hive) -> None:
    hive.run("create table p (id int) partitioned by (y int, c string)")
    with pytest.raises(SqlError, match="Error 10096"):
        hive.run("insert into p partition (y, c) select 1, 2020, 'x'")
    hive.run("set hive.exec.dynamic.partition.mode=nonstrict")
    hive.run(
        "insert into p partition (y, c) select 1, 2020, 'x' union all select 2, 2021, 'y'"
        " union all select 3, 2020, null"
    )
    assert hive.last.rows_written == 3
    assert hive.run("show partitions p") == [
        "y=2020/c=__HIVE_DEFAULT_PARTITION__",
        "y=2020/c=x",
        "y=2021/c=y",
    ]
    assert hive.run("select * from p order by id") == [
        "1\t2020\tx",
        "2\t2021\ty",
        "3\t2020\tNULL",
    ]
    hive.run("insert overwrite table p partition (y=2020, c) select 8, 'x'")
    assert hive.run("select id from p where c = 'x'") == ["8"]
    assert hive.run("select count(*) from p") == ["3"]


def test_partitions_that_are_there_already(hive: Hive) -> None:
    hive.write("logs/day=2020-01-01/f", "1\n2\n")
    hive.write("logs/day=2020-01-02/f", "3\n")
    hive.write("logs/other/f", "9\n")
    hive.run("create external table l (n int) partitioned by (day date) location 's3://b/logs'")
    assert hive.run("select count(*) from l") == ["0"]
    lines = hive.run("msck repair table l")
    assert lines[0] == "Partitions not in metastore:\tl:day=2020-01-01\tl:day=2020-01-02"
    assert hive.run("select day, sum(n) from l group by day order by day") == [
        "2020-01-01\t3",
        "2020-01-02\t3",
    ]
    hive.run(
        "alter table l add if not exists partition (day='2020-01-01')"
        " partition (day='2020-01-09') location 's3://b/logs/other'"
    )
    assert hive.run("select n from l where day = '2020-01-09'") == ["9"]
    with pytest.raises(SqlError, match="Partition already exists"):
        hive.run("alter table l add partition (day='2020-01-01')")
    hive.run("alter table l partition (day='2020-01-09') set location 's3://b/nothing'")
    assert hive.run("select n from l where day = '2020-01-09'") == []


def test_altered_tables(hive: Hive) -> None:
    hive.run("create table t (a int) row format delimited fields terminated by ','")
    hive.run("insert into t values (1); alter table t add columns (b string);")
    assert hive.run("select * from t") == ["1\tNULL"]
    hive.run("alter table t rename to u; alter table u set tblproperties ('k'='v')")
    assert hive.run("show tblproperties u") == ["k\tv"]
    hive.write("elsewhere/f", "5,x\n")
    hive.run("alter table u set location 's3://b/elsewhere'")
    assert hive.run("select * from u") == ["5\tx"]
    hive.run("alter table u replace columns (z string)")
    assert hive.run("select z from u") == ["5"]
    with pytest.raises(SqlError, match="Duplicate column name"):
        hive.run("alter table u add columns (z int)")


def test_load_data_moves_files(hive: Hive) -> None:
    hive.write("in/a.csv", "1\n")
    hive.write("in/b.csv", "2\n")
    hive.run("create table t (n int); load data inpath 's3://b/in' into table t;")
    assert hive.files("in") == {}
    assert hive.run("select n from t order by n") == ["1", "2"]
    hive.write("in/a.csv", "3\n")
    hive.run("load data inpath 's3://b/in/a.csv' into table t")
    assert hive.run("select n from t order by n") == ["1", "2", "3"]
    hive.write("in/c.csv", "4\n")
    hive.run("load data inpath 's3://b/in/c.csv' overwrite into table t")
    assert hive.run("select n from t") == ["4"]
    with pytest.raises(SqlError, match="No files matching path"):
        hive.run("load data inpath 's3://b/in' into table t")


def test_directories(hive: Hive) -> None:
    hive.write("out/old", "x")
    hive.run("insert overwrite directory 's3://b/out' select 1, null, array('a', 'b')")
    assert hive.files("out") == {"000000_0": b"1\x01\\N\x01a\x02b\n"}
    hive.run(
        "insert overwrite directory '/user/x' row format delimited fields terminated by '|'"
        " null defined as '' select 'a', null, true, 1.5D, cast(2 as decimal(4,2))"
    )
    assert hive.hdfs("user/x/000000_0").read_bytes() == b"a||true|1.5|2.00\n"
    hive.run("insert overwrite directory 's3://b/none' select 1 from (select 1 a) t where a > 1")
    assert hive.files("none") == {"000000_0": b""}


def test_several_inserts_of_one_from(hive: Hive) -> None:
    hive.run("create table t (n int); insert into t values (1), (2), (3); create table u (n int);")
    hive.run(
        "from t insert into table u select n where n > 1"
        " insert overwrite directory 's3://b/low' select n, count(*) where n < 3 group by n"
    )
    assert hive.run("select n from u order by n") == ["2", "3"]
    assert sorted(hive.files("low")["000000_0"].decode().splitlines()) == ["1\x011", "2\x011"]
    hive.run("with q as (select 7 n) insert into u select n from q")
    assert hive.run("select max(n) from u") == ["7"]


def test_nothing_is_stored_where_one_of_several_fails(hive: Hive) -> None:
    hive.run("create table t (n int); insert into t values (1); create table u (n int);")
    with pytest.raises(SqlError, match="assertion failed"):
        hive.run(
            "from t insert into u select n insert into u select n where assert_true(n > 1) is null"
        )
    assert hive.run("select count(*) from u") == ["0"]


def test_describe(hive: Hive) -> None:
    hive.run(
        "create external table t (a int comment 'the a', b map<string,int>) comment 'c'"
        " partitioned by (y int) row format delimited fields terminated by '\\t'"
        " location 's3://b/t' tblproperties ('skip.header.line.count'='1')"
    )
    assert hive.run("describe t") == [
        f"{'a':<20}\t{'int':<20}\t{'the a':<20}",
        f"{'b':<20}\t{'map<string,int>':<20}\t{'':<20}",
        f"{'y':<20}\t{'int':<20}\t{'':<20}",
        "",
        "# Partition Information",
        f"# {'col_name':<20}\t{'data_type':<20}\t{'comment':<20}",
        f"{'y':<20}\t{'int':<20}\t{'':<20}",
    ]
    formatted = "\n".join(hive.run("describe formatted t"))
    assert "s3://b/t" in formatted
    assert "EXTERNAL_TABLE" in formatted
    assert "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe" in formatted
    assert hive.run("show columns in t") == ["a", "b", "y"]


def test_show_create_table_makes_the_same_table(hive: Hive) -> None:
    hive.run(
        "create external table t (a int, b array<struct<x:int,y:string>>) partitioned by"
        " (y int) row format delimited fields terminated by '\\t' escaped by '\\\\'"
        " collection items terminated by '|' location 's3://b/t'"
        " tblproperties ('k'='it\\'s')"
    )
    first = hive.run("show create table t")
    hive.run("drop table t")
    hive.run("\n".join(first))
    assert hive.run("show create table t") == first


def test_show_functions(hive: Hive) -> None:
    assert hive.run("show functions like 'reg*'") == ["regexp", "regexp_extract", "regexp_replace"]


def test_two_sessions_of_one_metastore(hive: Hive) -> None:
    from labrunner.localcloud.sql.hive.session import HiveSession

    hive.run("create table t (a int); insert into t values (5);")
    other = HiveSession(hive.metastore, hive.storages, hive.root / "work")
    with other:
        seen: list[str] = []
        other.run_script("select a from t", lambda result: seen.extend(result.lines))
    assert seen == ["5"]


def test_lines_that_nobody_reads(hive: Hive) -> None:
    with pytest.raises(SqlError, match="assertion failed"):
        hive.session.run_script("select assert_true(false)", lambda _: None)
    assert hive.run("select 1") == ["1"]
    seen: list[str] = []
    hive.session.run_script(
        "select 1 union all select 2", lambda result: seen.append(next(result.lines))
    )
    assert seen == ["1"]
    assert hive.run("select 2") == ["2"]


def test_files_go_when_a_statement_ends(hive: Hive) -> None:
    hive.write("d/x", "1\n")
    hive.run(
        "create external table t (n int) location 's3://b/d'; select * from t;"
        " create table c stored as parquet as select n from t; select * from c;"
    )
    directory = next((hive.root / "work").iterdir())
    assert [p for p in directory.rglob("*") if p.is_file()] == []
    assert directory.stat().st_mode & 0o777 == 0o700


def test_a_table_of_empty_files(hive: Hive) -> None:
    hive.write("d/empty", "")
    hive.run("create external table t (a int) location 's3://b/d'")
    assert hive.run("select count(*) from t") == ["0"]


def test_settings_that_would_change_results(hive: Hive) -> None:
    with pytest.raises(SqlError, match=r"setting hive.exec.compress.output=true"):
        hive.run("set hive.exec.compress.output=true")
    hive.run("set hive.exec.parallel=true; set hive.support.sql11.reserved.keywords=false")
    hive.session.variables.hiveconf["hive.default.fileformat"] = "ORC"
    with pytest.raises(SqlError, match=r"setting hive.default.fileformat=ORC"):
        hive.run("select 1")


def test_a_view_whose_table_has_changed(hive: Hive) -> None:
    hive.run("create table t (a int); create view v as select * from t;")
    hive.run("alter table t add columns (b int)")
    with pytest.raises(SqlError, match="have changed"):
        hive.run("select * from v")


def test_columns_without_names_and_with_one_name(hive: Hive) -> None:
    hive.run("create table t as select 1, count(*) from (select 1 a) x")
    assert hive.run("select `_c1` from t") == ["1"]
    with pytest.raises(SqlError, match="Duplicate column name: a"):
        hive.run("create table u as select 1 a, 2 a")


def test_a_query_that_is_too_deep(hive: Hive) -> None:
    deep = "(" * 3000 + "1" + ")" * 3000
    with pytest.raises(SqlError):
        hive.run(f"select {deep}")
    assert hive.run("select 1") == ["1"]


def test_what_is_read_is_known_meanwhile(hive: Hive) -> None:
    hive.write("d/x", "1\n2\n")
    hive.run("create external table t (n int) location 's3://b/d'; select * from t")
    assert hive.session.rows_read == {"default.t": 2}
