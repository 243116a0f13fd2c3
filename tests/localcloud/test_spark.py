"""Real Spark as a child of this process, on storages that are directories of the test."""

import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labrunner.localcloud.process import CHILDREN
from labrunner.localcloud.spark import Spark, SparkUsageError, ThisHost
from labrunner.localcloud.spark.spark import CANCELLED

from .instances import wait_for
from .sparks import Cluster, installation, needs_spark

pytestmark = needs_spark
DEADLINE = 120.0
LISTENING = "0A"
APPLICATION = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("app").getOrCreate()
source, target = sys.argv[1:]
for name in ("one", "two"):  # the same key in two buckets
    print(name, sorted(row.value for row in spark.read.text(f"s3://{name}/{source}").collect()))
print("all", spark.read.text("s3a://one/in/*").count())
rows = spark.createDataFrame([(1, "a b"), (2, "c=d"), (3, "a b")], ["n", "k"])
rows.write.mode("overwrite").partitionBy("k").csv(target)
print(sorted((r.n, r.k) for r in spark.read.csv(target, "n int").collect()))
rows.write.parquet("hdfs:///data/rows.parquet")
print(spark.read.parquet("/data/rows.parquet").selectExpr("sum(n)").first()[0])
doubled = spark.sparkContext.parallelize(range(4)).map(lambda n: 2 * n)
doubled.saveAsTextFile("s3://one/doubled")
try:
    rows.write.csv(target)
except Exception as error:
    print("again:", "PATH_ALREADY_EXISTS" in str(error))

def fail(n):
    if n == 3:
        raise ValueError("this row is bad")
    return n

try:
    spark.sparkContext.parallelize(range(4), 4).map(fail).saveAsTextFile("s3://one/failed")
except Exception as error:
    print("failed:", "this row is bad" in str(error))
print("to the log", file=sys.stderr)
sys.exit(3)
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_a_program_of_python(cluster: Cluster) -> None:
    cluster.write("s3/code/app.py", APPLICATION)
    cluster.write("s3/one/in/x.txt", "1\n2\n")
    cluster.write("s3/two/in/x.txt", "3\n")
    cluster.write("s3/one/out/old.csv", "old")
    done = cluster.submit(
        *("--master", "yarn", "--deploy-mode", "cluster", "--conf", "spark.app.name=x"),
        *("s3://code/app.py", "in/x.txt", "s3://one/out"),
    )
    assert done.out.splitlines() == [
        "one ['1', '2']",
        "two ['3']",
        "all 2",
        "[(1, 'a b'), (2, 'c=d'), (3, 'a b')]",
        "6",
        "again: True",
        "failed: True",
        "to the log",  # spark-submit makes one stream of the two of a Python program
    ]
    assert done.code == 3
    assert "not used: --master yarn" in done.err
    parts = {path.rpartition("/")[0] for path in cluster.files("s3/one/out")}
    assert parts == {"", "k=a b", "k=c%3Dd"}
    assert cluster.rows("s3/one/out") == ["1", "2", "3"]
    assert cluster.rows("s3/one/doubled") == ["0", "2", "4", "6"]
    # Of what failed nothing was ever stored, and nothing is left of how anything was written.
    assert cluster.files("s3/one/failed") == {}
    stored = [path.as_posix() for path in cluster.root.rglob("*")]
    assert [path for path in stored if "_temporary" in path] == []
    assert cluster.files("work of files") == {}


def test_tables_stay_and_scripts_have_variables(cluster: Cluster) -> None:
    cluster.write("s3/data/in/a", "1,x\n2,y\n")
    cluster.write("s3/data/out/old", "old\n")
    cluster.write(
        "s3/code/first.q",
        """
        CREATE EXTERNAL TABLE t (n INT, s STRING)
        ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION '${INPUT}';
        CREATE TABLE kept (n INT);
        INSERT INTO kept SELECT n + ${hiveconf:more} FROM t;
        INSERT OVERWRITE DIRECTORY '${hivevar:OUTPUT}/' SELECT s, n FROM t;
        """,
    )
    first = cluster.sql(
        *("-f", "s3://code/first.q", "-d", "INPUT=s3://data/in"),
        *("--hivevar", "OUTPUT=s3://data/out", "--hiveconf", "more=10"),
    )
    assert first.code == 0, first.err
    assert cluster.rows("s3/data/out") == ["x\x011", "y\x012"]
    assert "old" not in cluster.files("s3/data/out")
    again = cluster.script(
        "SELECT n FROM kept ORDER BY n; SELECT '${A}', s FROM t ORDER BY s; SELECT * FROM nosuch;",
        A="b",
    )
    assert again.out.splitlines() == ["11", "12", "b\tx", "b\ty"]
    assert again.code != 0
    assert "nosuch" in again.err


def test_what_is_cancelled_ends_with_all_its_processes(tmp_path: Path) -> None:
    spawned: list[subprocess.Popen[bytes]] = []

    def spawn(*arguments: Any, **options: Any) -> "subprocess.Popen[bytes]":
        spawned.append(CHILDREN.spawn(*arguments, **options))
        return spawned[-1]

    host = ThisHost(tmp_path / "work", installation(), spawn)
    cluster = Cluster(tmp_path, host)
    cluster.write(
        "s3/code/app.py",
        "from pyspark import SparkContext; import time; SparkContext();"
        "print('up', flush=True); time.sleep(600)",
    )
    up, ended = threading.Event(), []
    application = cluster.spark.submit(["s3://code/app.py"])
    errors = bytearray()

    def run() -> None:
        ended.append(application.run(lambda _: up.set(), errors.extend))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert up.wait(DEADLINE), errors.decode()
        group = spawned[0].pid
        found = list(listening(group))
        assert found
        assert {address for address in found if not address.startswith("127.")} == set()
        settings = (tmp_path / "work/conf/core-site.xml").stat()
        assert settings.st_mode & 0o077 == 0
    finally:
        application.cancel()
        thread.join(DEADLINE)
    assert ended == [CANCELLED]
    wait_for(lambda: not is_alive(group), "all its processes have ended")
    assert not (tmp_path / "work/conf/core-site.xml").exists()
    assert application.run(errors.extend, errors.extend) == CANCELLED
    assert len(spawned) == 1


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def listening(group: int) -> Iterator[str]:
    """Yield the addresses at which processes of a group listen."""
    inodes = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) != group:
                continue
            inodes |= {str(one.readlink()) for one in (process / "fd").iterdir()}
        except OSError:
            continue
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and f"socket:[{fields[9]}]" in inodes:
                yield shown(family, fields[1].partition(":")[0])


def shown(family: int, text: str) -> str:
    """Return an address of /proc/net as it is written; IPv4 in IPv6 as IPv4."""
    data = bytes.fromhex(text)
    words = struct.unpack(f"={len(data) // 4}I", data)
    found = socket.inet_ntop(family, struct.pack(f">{len(words)}I", *words))
    return found.removeprefix("::ffff:")


def test_arguments_are_refused_before_anything_starts(tmp_path: Path) -> None:
    def spawn(*_: Any, **__: Any) -> "subprocess.Popen[bytes]":
        pytest.fail("something was started")

    spark = Cluster(tmp_path, ThisHost(tmp_path / "work", installation(), spawn)).spark
    assert isinstance(spark, Spark)
    with pytest.raises(SparkUsageError, match="--packages"):
        spark.submit(["--packages", "a:b:1", "app.py"])
