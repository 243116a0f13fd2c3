# ruff: noqa: E501 - a statement, and its result, a line
"""COPY and UNLOAD, on files of a directory."""

import bz2
import gzip
import json
from typing import Any

import pytest

from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift import wording

from .conftest import Redshift

TABLE = (
    "create table t(k int not null, name varchar(10), yes boolean, price decimal(6,2), day date)"
)
ERRORS = "select line_number, column_name, error_code, error_message from sys_load_error_detail order by 1"
FAILED = "Load into table 't' failed.  Check 'sys_load_error_detail' system table for details."


def copy(redshift: Redshift, path: str, options: str = "") -> int:
    redshift.run(f"copy t from 's3://b/{path}' iam_role default {options}")
    return redshift.last.count


def failed(redshift: Redshift, path: str, options: str = "") -> str:
    with pytest.raises(SqlError) as caught:
        copy(redshift, path, options)
    return caught.value.message


@pytest.fixture
def table(redshift: Redshift) -> Redshift:
    redshift.run(TABLE)
    return redshift


PLAIN = "1|a|TRUE|1.5|2020-01-02\n2||FALSE||\n3|x y||-2.25|1999-12-31\n"
LOADED = [
    ("1", "a", "t", "1.50", "2020-01-02"),
    ("2", "", "f", None, None),
    ("3", "x y", None, "-2.25", "1999-12-31"),
]


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (PLAIN, ""),
        (PLAIN, "delimiter as '|' region 'us-east-1' compupdate off statupdate on"),
        (PLAIN.replace("|", "\t"), r"delimiter '\t'"),
        ("k|name|yes|price|day\n" + PLAIN, "ignoreheader 1"),
        (PLAIN.replace("\n", "\r\n"), ""),
        (PLAIN.replace("\n", "|\n"), ""),
        ("\n" + PLAIN + "\n", "ignoreblanklines"),
        (PLAIN.replace("|", ","), "csv"),
        ('1,"a",TRUE,1.5,2020-01-02\n2,"",FALSE,,\n3,"x y",,-2.25,1999-12-31\n', "format as csv"),
        (PLAIN.replace("TRUE", "yes").replace("FALSE", "0"), ""),
        (PLAIN.replace("1.5|", "1.509|"), ""),
        (PLAIN.replace("2020-01-02", "01-02-2020").replace("1999-12-31", "12-31-1999"), "dateformat 'MM-DD-YYYY'"),
        (PLAIN.replace("2020-01-02", "Jan 2, 2020"), "dateformat 'auto'"),
        (gzip.compress(PLAIN.encode(), mtime=0), "gzip"),
        (bz2.compress(PLAIN.encode()), "bzip2"),
        ("'1'|\"a\"|TRUE|1.5|2020-01-02\n2||FALSE||\n3|'x y'||-2.25|1999-12-31\n", "removequotes"),
    ],
)  # fmt: skip
def test_formats(table: Redshift, data: Any, options: str) -> None:
    table.write("f.txt", data)
    assert copy(table, "f.txt", options) == 3
    assert table.run("select * from t order by k") == LOADED
    assert table.run("select pg_last_copy_count()") == [("3",)]
    assert table.run("select loaded_rows, status from sys_load_history") == [("3", "completed")]


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        ("1||t||\n", "emptyasnull", None),
        ("1|  |t||\n", "blanksasnull", None),
        ("1|  |t||\n", "", "  "),
        (r"1|\N|t||" + "\n", "", None),
        ("1|NA|t||\n", "null as 'NA'", None),
        ("1|a long text here|t||\n", "truncatecolumns", "a long tex"),
        ("1|a\\|b|t||\n", "escape", "a|b"),
        ("1|a\\\nb|t||\n", "escape", "a\nb"),
        ("1|x\n", "fillrecord", "x"),
        (b"1|a\xffb|t||\n", "acceptinvchars", "a?b"),
        (b"1|a\xffb|t||\n", "acceptinvchars as '^'", "a^b"),
        ('1,"a ""b"" c",t,,\n', "csv", 'a "b" c'),
        ("1,%a,b%,t,,\n", "csv quote as '%'", "a,b"),
        ('1,"a\nb",t,,\n', "csv", "a\nb"),
        ("1|a   |t||\n", "trimblanks", "a"),
    ],
)
def test_conversions(table: Redshift, data: Any, options: str, expected: str | None) -> None:
    table.write("f.txt", data)
    copy(table, "f.txt", options)
    assert table.run("select name from t") == [(expected,)]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("x|a|t||", ("2", "k", "1207", "Invalid digit, Value 'x', Pos 0, Type: Integer")),
        ("12x|a|t||", ("2", "k", "1207", "Invalid digit, Value 'x', Pos 2, Type: Integer")),
        ("99999999999|a|t||", ("2", "k", "1204", "Overflow, Value '99999999999', Type: Integer")),
        ("5|a", ("2", "name", "1214", "Delimiter not found")),
        ("5|a|t|1|2020-01-01|more", ("2", "", "1202", "Extra column(s) found")),
        ("5|a|maybe||", ("2", "yes", "1210", "Unknown boolean format")),
        ("5|elevenchars|t||", ("2", "name", "1204", "String length exceeds DDL length")),
        ("5|a|t||20-1-1", ("2", "day", "1205", "Invalid Date Format - length must be 10 or more")),
        ("5|a|t||2020-13-01", ("2", "day", "1205", "Invalid Date Format [YYYY-MM-DD]")),
        ("|a|t||", ("2", "k", "1213", "Missing data for not-null field")),
        ("5|a|t|1x|", ("2", "price", "1207", "Invalid digit, Value 'x', Pos 1, Type: Decimal")),
        ("5|a|t|99999|", ("2", "price", "1204", "Overflow, Value '99999', Type: Decimal")),
        ("", ("2", "k", "1214", "Delimiter not found")),
    ],
)
def test_a_bad_line_fails_the_whole_load(
    table: Redshift, line: str, error: tuple[str, ...]
) -> None:
    table.write("f.txt", f"1|a|t||\n{line}\n3|c|t||\n")
    assert failed(table, "f.txt") == FAILED
    assert table.run(ERRORS) == [error]
    assert table.run("select count(*) from t") == [("0",)]
    assert table.run("select loaded_rows, status from sys_load_history") == [("0", "aborted")]


def test_bytes_that_are_no_text(table: Redshift) -> None:
    table.write("f.txt", b"1|a\xe9b|t||\n")
    assert failed(table, "f.txt") == FAILED
    assert table.run("select error_code from sys_load_error_detail") == [("1220",)]


def test_maxerror_loads_the_good_lines(table: Redshift) -> None:
    table.write("f.txt", "1|a|t||\nx|b|t||\n3|c|t||\ny|d|t||\n")
    assert failed(table, "f.txt", "maxerror 1") == FAILED
    assert copy(table, "f.txt", "maxerror 2") == 2
    assert table.run("select k from t order by k") == [("1",), ("3",)]
    rows = table.run(
        "select line_number, trim(raw_line), raw_field_value, err_code from stl_load_errors where query = "
        "pg_last_copy_id() order by 1"
    )
    assert rows == [("2", "x|b|t||", "x", "1207"), ("4", "y|d|t||", "y", "1207")]


def test_a_load_within_a_transaction(table: Redshift) -> None:
    table.write("good.txt", PLAIN)
    table.write("bad.txt", "x|\n")
    table.run("begin")
    assert copy(table, "good.txt") == 3
    table.run("rollback")
    assert table.run("select count(*) from t") == [("0",)]
    table.run("begin")
    assert copy(table, "good.txt") == 3
    assert failed(table, "bad.txt") == FAILED
    table.run("rollback")
    assert table.run("select count(*) from t") == [("0",)]


def test_prefixes_and_manifests(table: Redshift) -> None:
    table.write("in/part1", "1|a|||\n")
    table.write("in/part2", "2|b|||\n")
    table.write("in/other", "3|c|||\n")
    assert copy(table, "in/part") == 2
    entries: list[dict[str, Any]] = [
        {"url": "s3://b/in/other", "mandatory": True},
        {"url": "s3://b/in/none"},
    ]
    table.write("m.json", json.dumps({"entries": entries}))
    assert copy(table, "m.json", "manifest") == 1
    entries[1]["mandatory"] = True
    table.write("m.json", json.dumps({"entries": entries}))
    assert "s3://b/in/none" in failed(table, "m.json", "manifest")
    names = table.run("select trim(filename) from stl_load_commits order by 1")
    assert names == [("s3://b/in/other",), ("s3://b/in/part1",), ("s3://b/in/part2",)]


def test_columns_that_are_listed(table: Redshift) -> None:
    table.write("f.txt", "a|1\n")
    table.run("copy t (name, k) from 's3://b/f.txt' iam_role default")
    assert table.run("select k, name, yes from t") == [("1", "a", None)]


def test_json(table: Redshift) -> None:
    table.write(
        "f.json", '{"k": 1, "name": "a", "yes": true, "more": [1]}\n{"k": 2,\n "price": 1.25}'
    )
    assert copy(table, "f.json", "json 'auto'") == 2
    rows = table.run("select * from t order by k")
    assert rows == [("1", "a", "t", None, None), ("2", None, None, "1.25", None)]
    table.write("f.json", '{"k": 1} oops')
    assert failed(table, "f.json", "format json as 'auto'") == FAILED


def test_parquet_there_and_back(table: Redshift) -> None:
    table.write("f.txt", PLAIN)
    copy(table, "f.txt")
    table.run("unload ('select * from t') to 's3://b/out/p_' iam_role default format as parquet")
    table.run("truncate t")
    assert copy(table, "out/p_", "format as parquet") == 3
    assert table.run("select * from t order by k") == LOADED
    table.run(
        "create table u(k varchar(5), name varchar(10), yes boolean, price decimal(6,2), day date)"
    )
    with pytest.raises(SqlError, match="incompatible"):
        table.run("copy u from 's3://b/out/p_' iam_role default parquet")


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        ("", "0000_part_00", "1|a b|t|1.50|2020-01-02\n2|x,y|f||\n"),
        ("delimiter ',' addquotes", "0000_part_00", '"1","a b","t","1.50","2020-01-02"\n"2","x,y","f",,\n'),
        ("csv header", "0000_part_00", 'k,name,yes,price,day\n1,a b,t,1.50,2020-01-02\n2,"x,y",f,,\n'),
        ("null as 'NA' parallel off", "000", "1|a b|t|1.50|2020-01-02\n2|x,y|f|NA|NA\n"),
        ("delimiter ',' escape", "0000_part_00", "1,a b,t,1.50,2020-01-02\n2,x\\,y,f,,\n"),
    ],
)  # fmt: skip
def test_unload(table: Redshift, options: str, name: str, expected: str) -> None:
    table.run("insert into t values (1,'a b',true,1.5,'2020-01-02'),(2,'x,y',false,null,null)")
    table.run(
        f"unload ('select * from t order by k') to 's3://b/out/u_' iam_role default {options}"
    )
    assert table.read(f"out/u_{name}").decode() == expected
    assert table.last.count == 2


def test_unload_overwrites_when_it_is_told(table: Redshift) -> None:
    command = "unload ('select 1') to 's3://b/out/' iam_role default gzip manifest {}"
    table.run(command.format(""))
    assert gzip.decompress(table.read("out/0000_part_00.gz")) == b"1\n"
    assert json.loads(table.read("out/manifest"))["entries"] == [
        {"url": "s3://b/out/0000_part_00.gz"}
    ]
    with pytest.raises(SqlError, match="Specified unload destination on S3 is not empty"):
        table.run(command.format(""))
    table.run(command.format("allowoverwrite"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("copy t from 's3://b/nothing' iam_role default", "The specified S3 prefix 'nothing' does not exist"),
        ("copy t from 's3://b/x'", "CREDENTIALS argument is required but not provided"),
        ("copy t from 's3://far/x' iam_role default", "PermanentRedirect"),
        ("copy t from 's3://none/x' iam_role default", "NoSuchBucket"),
        ("copy t from 's3://b/x' iam_role default avro 'auto'", "AVRO is not supported"),
        ("copy t from 's3://b/x' iam_role default nonsense", 'syntax error at or near "NONSENSE"'),
        ("copy t from 'dynamodb://x' iam_role default", "dynamodb"),
        ("copy t from 's3://b/x' access_key_id 'a' secret_access_key 'b'", "use IAM_ROLE"),
        ("copy t from 's3://b/x' iam_role default csv escape", "ESCAPE is not supported"),
        ("copy nope from 's3://b/x' iam_role default", 'relation "nope" does not exist'),
        ("copy t from 's3://b/x' iam_role default delimiter 'ab'", "single character"),
    ],
)  # fmt: skip
def test_commands_that_are_refused(table: Redshift, command: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        table.run(command)
    assert message in wording.shown(caught.value)


def test_another_region_that_is_named(table: Redshift) -> None:
    table.write("f.txt", PLAIN)
    table.run("copy t from 's3://far/f.txt' iam_role default region 'eu-west-1'")
    assert table.last.count == 3
