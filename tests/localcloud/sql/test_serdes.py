"""What the SerDes read and write, after their documentation and source."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labrunner.localcloud.sql.errors import SqlError

from .conftest import Hive

TYPES = "i int, b bigint, d double, s string, t boolean, day date, ts timestamp, m decimal(5,2)"


def table(hive: Hive, columns: str, data: str | bytes, more: str = "", name: str = "x") -> None:
    hive.write("d/" + name, data)
    fields = "" if "ROW FORMAT" in more.upper() else "row format delimited fields terminated by ','"
    hive.run(
        f"create external table t ({columns}) {fields} {more} location 's3://b/d'"
        if "tblproperties" not in more
        else f"create external table t ({columns}) {fields} location 's3://b/d' {more}"
    )


def test_lazy_simple(hive: Hive) -> None:
    table(
        hive,
        TYPES,
        "\n".join(  # noqa: FLY002 - a line a row
            [
                "1,2,1.5,a,TRUE,2020-01-02,2020-01-02 03:04:05,1.255",
                "x,y,z,,maybe,n,t,q",
                "7.9,+3,1e3,b c,false,2020-1-2,2020-01-02,12345",
                " 1,1 ,' 2',\\N",
                "",
                "1,2,3,4,true,2020-01-01,\\N,\\N,extra",
            ]
        ),
    )
    assert hive.run("select * from t") == [
        "1\t2\t1.5\ta\ttrue\t2020-01-02\t2020-01-02 03:04:05\t1.26",
        "NULL\tNULL\tNULL\t\tNULL\tNULL\tNULL\tNULL",
        "7\t3\t1000.0\tb c\tfalse\t2020-01-02\t2020-01-02 00:00:00\tNULL",
        "NULL\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL",
        "NULL\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL",
        "1\t2\t3.0\t4\ttrue\t2020-01-01\tNULL\tNULL",
    ]
    assert hive.last.rows_read == {"default.t": 6}


def test_an_empty_line_is_an_empty_text(hive: Hive) -> None:
    table(hive, "a string, b string", "\nx,y\n")
    assert hive.run("select a = '', b from t") == ["true\tNULL", "false\ty"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines(hive: Hive, end: str) -> None:
    table(hive, "a string, b int", f"x,1{end}y,2{end}")
    assert hive.run("select a, b from t") == ["x\t1", "y\t2"]


def test_the_default_separators(hive: Hive) -> None:
    hive.write("d/x", b"1\x01a\x02b\x01k\x03v\x02l\x03w\x015\x02z\n\\N\x01\x01\x01\n")
    hive.run(
        "create external table t (i int, l array<string>, m map<string,string>,"
        " s struct<n:int,t:string>) location 's3://b/d'"
    )
    assert hive.run("select * from t") == [
        '1\t["a","b"]\t{"k":"v","l":"w"}\t{"n":5,"t":"z"}',
        'NULL\t[]\t{}\t{"n":null,"t":null}',
    ]


def test_quotes_and_tabs_are_nothing_special(hive: Hive) -> None:
    table(hive, "a string, b string", '"x","y"\n\'z,\t\n#c,--d\n')
    assert hive.run("select * from t") == ['"x"\t"y"', "'z\t\t", "#c\t--d"]


def test_escapes(hive: Hive) -> None:
    hive.run(
        "create table t (a string, b string) row format delimited fields terminated by ','"
        " escaped by '\\\\'"
    )
    hive.run("insert into t values ('a,b', 'c\\\\d')")
    assert hive.hdfs("user/hive/warehouse/t/000000_0").read_bytes() == b"a\\,b,c\\\\d\n"
    assert hive.run("select * from t") == ["a,b\tc\\d"]


def test_another_null(hive: Hive) -> None:
    table(hive, "a string, b int", "-,1\n\\N,-\n", "null defined as '-'")
    assert hive.run("select * from t") == ["NULL\t1", "\\N\tNULL"]


def test_headers_are_skipped_in_each_file(hive: Hive) -> None:
    hive.write("d/y", "h1\nh2\n2\n")
    table(hive, "n int", "h1\nh2\n1\n", "tblproperties ('skip.header.line.count'='2')")
    assert hive.run("select n from t order by n") == ["1", "2"]
    hive.write("d/z", "h1")
    assert hive.run("select count(*) from t") == ["2"]


@pytest.mark.parametrize(("name", "pack"), [("x.gz", gzip.compress), ("x.bz2", bz2.compress)])
def test_compressed_text(hive: Hive, name: str, pack: Callable[[bytes], bytes]) -> None:
    table(hive, "n int", pack(b"1\n2\n"), name=name)
    assert hive.run("select sum(n) from t") == ["3"]


def test_compression_that_is_not_there(hive: Hive) -> None:
    table(hive, "n int", b"x", name="x.snappy")
    with pytest.raises(SqlError, match=r"compression of s3://b/d/x\.snappy is not supported"):
        hive.run("select * from t")


def test_a_broken_archive(hive: Hive) -> None:
    table(hive, "n int", gzip.compress(b"1\n" * 5000)[:20], name="x.gz")
    with pytest.raises(SqlError) as caught:
        hive.run("select * from t")
    assert caught.value.kind == "execution"


def test_hidden_files_and_folders(hive: Hive) -> None:
    for name in ("_SUCCESS", ".crc", "_tmp/f"):
        hive.write("d/" + name, "9\n")
    table(hive, "n int", "1\n")
    assert hive.run("select n from t") == ["1"]
    hive.write("d/sub/f", "2\n")
    with pytest.raises(SqlError, match="Not a file: s3://b/d/sub"):
        hive.run("select n from t")


def test_bytes_that_are_no_utf8(hive: Hive) -> None:
    table(hive, "a string, b string", b"\xff,\xc3\xa9\n")
    assert hive.run("select a, b, length(b) from t") == ["\ufffd\t\u00e9\t1"]


REGEX = "row format serde 'org.apache.hadoop.hive.serde2.RegexSerDe' with serdeproperties"


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\\S+) (\\d+) (.*)",  # by RE2
        r"(?=.)(\\S++) (\\d+) (.*)",  # by Python: lookahead and possessive
    ],
)
def test_regex(hive: Hive, pattern: str) -> None:
    table(
        hive,
        "a string, n int, r string",
        "x 1 rest of it\nno match\ny 99999999999 \n",
        f"{REGEX} ('input.regex'='{pattern}')",
    )
    assert hive.run("select * from t") == ["x\t1\trest of it", "NULL\tNULL\tNULL", "y\tNULL\t"]


def test_regex_with_a_group_that_takes_no_part(hive: Hive) -> None:
    table(hive, "a string, b string", "x\nxy\n", f"{REGEX} ('input.regex'='(x)(y)?')")
    assert hive.run("select * from t") == ["x\tNULL", "x\ty"]


def test_regex_without_regard_to_case(hive: Hive) -> None:
    table(
        hive,
        "a string",
        "ABC\n",
        f"{REGEX} ('input.regex'='(abc)', 'input.regex.case.insensitive'='true')",
    )
    assert hive.run("select * from t") == ["ABC"]


def test_regex_refusals(hive: Hive) -> None:
    for more, words in (
        (f"{REGEX} ('x'='y')", "property x"),
        (f"{REGEX} ('output.format.string'='y')", "input.regex"),
        (f"{REGEX} ('input.regex'='(unclosed')", "Unclosed group"),
        (f"{REGEX} ('input.regex'='(?<n>a)[')", "too early|Unclosed"),
    ):
        with pytest.raises(SqlError, match=words):
            hive.run(f"create table r (a string) {more}")
    with pytest.raises(SqlError, match="doesn't allow column"):
        hive.run(f"create table r (a array<int>) {REGEX} ('input.regex'='(a)')")
    hive.run(f"create table r (a string) {REGEX} ('input.regex'='(a)')")
    with pytest.raises(SqlError, match="doesn't support the serialize"):
        hive.run("insert into r values ('a')")


CSV = "row format serde 'org.apache.hadoop.hive.serde2.OpenCSVSerde'"


def test_csv(hive: Hive) -> None:
    data = 'a,"b,c","d""e"\n"x\\"y",,z\n1,2\n'
    table(hive, "a int, b string, c string", data, CSV)
    assert [one.split()[1] for one in hive.run("describe t")] == ["string"] * 3
    assert hive.run("select * from t") == ['a\tb,c\td"e', 'x"y\t\tz', "1\t2\tNULL"]


def test_csv_with_other_marks(hive: Hive) -> None:
    table(
        hive,
        "a string, b string",
        "'x;y';z\n",
        f"{CSV} with serdeproperties ('separatorChar'=';', 'quoteChar'=\"'\")",
    )
    assert hive.run("select * from t") == ["x;y\tz"]


def test_csv_that_no_two_readers_agree_on(hive: Hive) -> None:
    table(hive, "a string", 'x"y\n', CSV)
    with pytest.raises(SqlError, match="quote inside of a CSV field"):
        hive.run("select * from t")


@pytest.mark.parametrize(
    "serde",
    [
        "org.apache.hive.hcatalog.data.JsonSerDe",
        "org.apache.hadoop.hive.serde2.JsonSerDe",
        "org.openx.data.jsonserde.JsonSerDe",
    ],
)
def test_json(hive: Hive, serde: str) -> None:
    table(
        hive,
        "id int, Name string, ok boolean, x double, tags array<string>,"
        " s struct<a:int,b:string>, m map<string,int>, day date",
        '{"ID":1,"name":"n","ok":true,"x":1.5,"tags":["p","q"],"s":{"a":1,"b":"z"},'
        '"m":{"k":7},"day":"2020-01-02","other":9}\n{"name":12.50,"tags":null}\n',
        f"row format serde '{serde}'",
    )
    assert hive.run("select * from t") == [
        '1\tn\ttrue\t1.5\t["p","q"]\t{"a":1,"b":"z"}\t{"k":7}\t2020-01-02',
        "NULL\t12.50\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL",
    ]
    assert hive.run("select s.b, m['k'], tags[1] from t limit 1") == ["z\t7\tq"]


def test_json_that_is_none(hive: Hive) -> None:
    openx = "row format serde 'org.openx.data.jsonserde.JsonSerDe'"
    table(hive, "a int", '{"a":1}\nnot json\n', openx)
    with pytest.raises(SqlError, match="Row is not a valid JSON Object"):
        hive.run("select * from t")
    hive.run("drop table t")
    lenient = f"{openx} with serdeproperties ('ignore.malformed.json'='true')"
    table(hive, "a int", '{"a":1}\nnot json\n', lenient)
    assert hive.run("select * from t") == ["1", "NULL"]


def test_json_of_another_type(hive: Hive) -> None:
    table(
        hive, "a int", '{"a":"x"}\n', "row format serde 'org.apache.hadoop.hive.serde2.JsonSerDe'"
    )
    with pytest.raises(SqlError, match="x is no int"):
        hive.run("select * from t")


def test_parquet(hive: Hive) -> None:
    hive.run(
        "create table p (a int, b string, l array<int>, s struct<x:int>, m map<string,int>,"
        " d decimal(8,3), ts timestamp) stored as parquet"
    )
    hive.run(
        "insert into p select 1, 'x', array(1, 2), named_struct('x', 5), map('k', 1), 1.5,"
        " cast('2020-01-02 03:04:05' as timestamp)"
    )
    hive.run("insert into p select 2, null, null, null, null, null, null")
    assert hive.run("select * from p order by a") == [
        '1\tx\t[1,2]\t{"x":5}\t{"k":1}\t1.500\t2020-01-02 03:04:05',
        "2\tNULL\tNULL\tNULL\tNULL\tNULL\tNULL",
    ]
    assert hive.last.rows_read == {"default.p": 2}
    hive.run(
        "create external table q (b string, c int, a bigint) stored as parquet"
        " location '/user/hive/warehouse/p'"
    )
    assert hive.run("select a, b, c from q order by a") == ["1\tx\tNULL", "2\tNULL\tNULL"]
    hive.run(
        "create external table r (a string) stored as parquet location '/user/hive/warehouse/p'"
    )
    with pytest.raises(SqlError, match=r"a of default.r is string, but INTEGER in Parquet"):
        hive.run("select * from r")


PLAIN = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\x01\x02\x03\n\r\U0010ffff\\")
).filter(lambda text: text != "\\N")
NUMBERS = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))
REALS = st.one_of(st.none(), st.floats(allow_nan=False))
ROWS = st.lists(
    st.tuples(NUMBERS, st.one_of(st.none(), PLAIN), REALS, st.one_of(st.none(), st.booleans())),
    min_size=1,
    max_size=8,
)


def literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace(";", "\\u003b")
        return f"'{escaped}'".replace("$", "\\u0024")
    if isinstance(value, float):
        return f"cast('{value!r}' as double)".replace("inf", "Infinity")
    return f"cast({value} as int)"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_what_is_written_is_read_back(shared: Hive, rows: list[tuple[object, ...]]) -> None:
    selects = [f"select {n} k, {', '.join(map(literal, row))}" for n, row in enumerate(rows)]
    query = " union all ".join(selects)
    shared.run(
        "drop table if exists w; create table w (k int, i int, s string, d double, b boolean);"
    )
    shared.run(
        "drop table if exists q; create table q (k int, i int, s string, d double, b boolean)"
        " stored as parquet"
    )
    shared.run(f"insert into w {query}")
    shared.run(f"insert into q {query}")
    assert shared.run("select * from w order by k") == shared.run("select * from q order by k")
    same = "w.i <=> q.i and w.s <=> q.s and w.d <=> q.d and w.b <=> q.b"
    assert shared.run(f"select count(*) from w join q on w.k = q.k and {same}") == [str(len(rows))]
    assert shared.last.rows_read == {"default.w": len(rows), "default.q": len(rows)}


def test_the_work_directory_is_private(hive: Hive, tmp_path: Path) -> None:
    assert (hive.root / "work").stat().st_mode & 0o777 == 0o700
