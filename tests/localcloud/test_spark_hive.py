"""The two Hive engines, DuckDB with the Hive front end and Spark, against each other."""

from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("duckdb", reason="the SQL engine needs duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the SQL engine needs sqlglot, of the extra [local]")

from labrunner.datasets import facts, make
from labrunner.localcloud.sql.hive.metastore import Metastore
from labrunner.localcloud.sql.hive.script import Variables
from labrunner.localcloud.sql.hive.session import HiveSession
from labrunner.localcloud.sql.storage import Storages

from .sparks import Cluster, needs_spark
from .sql.reference import EXPRESSIONS, QUERIES

pytestmark = needs_spark
SCRIPT = Path(__file__).parents[2] / "labs" / "emr-hive" / "os_requests.q"

# Where Spark SQL does not answer as the reference says, and what it answers; "" is an error.
DIFFERENT: Mapping[str, str] = {
    "1.50": "1.50",  # Hive's literals have no trailing zeros
    "'it''s'": "it's",
    "1.0/3": "0.333333",  # an INT is DECIMAL(10,0) in Hive, the literal 3 is DECIMAL(1,0) in Spark
    "10.0/4": "2.500000",
    "'foobar' rlike ''": "true",
    "cast('a' as boolean)": "NULL",  # in Hive all texts but a few are true
    "cast('' as boolean)": "NULL",
    "cast(true as string)": "true",
    "cast(cast(1.50 as decimal(5,2)) as string)": "1.50",
    "cast('abcdef' as varchar(3))": "abcdef",  # Spark has these types for columns only
    "cast('ab' as char(4))": "ab",
    "cast(1000 as timestamp)": "1970-01-01 00:16:40",  # Spark counts seconds
    "log(1, 10)": "Infinity",
    "sqrt(-1)": "NaN",
    "greatest(1, null)": "1",
    "add_months('2017-02-28', 1)": "2017-03-28",  # as of Spark 3
    "trunc('2015-10-27', 'Q')": "NULL",
    "date_format('2015-04-08', 'yy/M/d u')": "",  # patterns of Java 8, as of Spark 3
    "field('world', 'say', 'hello', 'world')": "",
    "field('x', 'a')": "",
    "printf('%05d|%-4s|%.2f', 42, 'a', 1.005)": "",
    "substr('abc', -4, 2)": "a",
    "mask_first_n('1234-5678-8765-4321', 4)": "",
    "mask_last_n('1234-5678-8765-4321', 4)": "",
    "mask_show_first_n('1234-5678-8765-4321', 4)": "",
    "mask_show_last_n('1234-5678-8765-4321', 4)": "",
    "get_json_object('{\"a\":1.50}', '$.a')": "1.5",  # and so does Hive's own class
}
# Of the queries: syntax or a function that Spark has not, or an order that Hive does not promise.
NOT_ASKED = ("limit 1, 2", "variance(x)", "parse_url_tuple", "sort by")


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def hive(cluster: Cluster, script: str, **variables: str) -> list[str]:
    """Run a script with the Hive front end on the same storages; return all lines printed."""
    storages = Storages(cluster.storages, "hdfs")
    metastore = Metastore(storages.address("/user/hive/warehouse"))
    lines: list[str] = []
    work = cluster.root / "work of hive"
    with HiveSession(metastore, storages, work, Variables(dict(variables))) as session:
        session.run_script(script, lambda result: lines.extend(result.lines))
    return lines


def test_the_script_of_the_lab(cluster: Cluster) -> None:
    for bucket, rows in (("one", 1200), ("two", 400)):  # the same keys
        for file in make("cloudfront-logs", {"rows": rows}):
            text = b"".join(file.chunks()).decode().replace("\t", " ")
            cluster.write(f"s3/{bucket}/data/{file.name}", text)
    script = SCRIPT.read_text()
    places = {"INPUT": "s3://one/data", "OUTPUT": "s3://out/spark"}
    assert cluster.script(script, **places).lines() == []
    hive(cluster, script, INPUT="s3://one/data", OUTPUT="s3://out/hive")
    theirs = cluster.files("s3/out/hive/os_requests")
    lines = sorted(theirs["000000_0"].splitlines())
    assert cluster.rows("s3/out/spark/os_requests") == lines
    counts = facts("cloudfront-logs", {"rows": 1200})["os_counts"].value
    assert dict(line.split("\x01") for line in lines) == {n: str(c) for n, c in counts.items()}


def test_queries_of_the_reference(cluster: Cluster) -> None:
    """Every result was worked out from Hive's documentation, for the other engine's tests."""
    asked = [
        (f"select {one}", DIFFERENT.get(one, result))
        for pairs in EXPRESSIONS.values()
        for one, result in pairs
    ]
    asked += [
        pair
        for pairs in QUERIES.values()
        for pair in pairs
        if not any(word in pair[0] for word in NOT_ASKED)
    ]
    assert len(asked) > 400
    statements = (f"select '@{i}';\n{text};\n" for i, (text, _) in enumerate(asked))
    cluster.write("s3/code/all.q", "".join(statements))
    done = cluster.sql("--hiveconf", "hive.cli.errors.ignore=true", "-f", "s3://code/all.q")
    answers = done.out.split("@")[1:]
    assert len(answers) == len(asked)
    wrong = []
    for number, ((text, result), answer) in enumerate(zip(asked, answers, strict=True)):
        first, _, found = answer.partition("\n")
        assert first == str(number)
        if found.removesuffix("\n") != result:
            wrong.append((text, result, found))
    assert wrong == []
