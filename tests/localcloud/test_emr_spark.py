"""Steps of Spark on a cluster: real applications, on the cluster's own files and the role's S3."""

from collections.abc import Iterator

import pytest

from labrunner import datasets

from .clusters import Emr, make_emr
from .conftest import LocalCloud
from .instances import needs_machines
from .sparks import needs_spark

pytestmark = [needs_machines, needs_spark]
PROGRAM = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("words").getOrCreate()
source, target = sys.argv[1:]
lines = spark.sparkContext.textFile(source)
words = lines.flatMap(lambda line: "".join(c if c.isalpha() else " " for c in line.lower()).split())
counts = words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b)
counts.map(lambda pair: f"{pair[0]}\\t{pair[1]}").saveAsTextFile(target)
print("distinct", counts.count())
"""


@pytest.fixture(scope="module")
def emr(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    for found in make_emr(cloud, tmp_path_factory.mktemp("emr")):
        found.patience = 240.0  # Java starts slowly where there is much else to do
        yield found


@pytest.fixture(scope="module")
def cluster(emr: Emr) -> str:
    applications = [{"Name": "Hadoop"}, {"Name": "Hive"}, {"Name": "Spark"}]
    for file in datasets.make("words"):
        emr.put(f"words/{file.name}", b"".join(file.chunks()))
    emr.put("code/words.py", PROGRAM)
    found = emr.run(Applications=applications)
    emr.wait(found, "WAITING")
    return found


def test_words_are_counted_from_s3_into_hdfs(emr: Emr, cluster: str) -> None:
    step = emr.do(
        cluster, "spark-submit", "--deploy-mode", "cluster", f"s3://{emr.bucket}/code/words.py",
        f"s3://{emr.bucket}/words", "hdfs:///counts",
    )  # fmt: skip
    distinct = datasets.facts("words")["distinct_words"].value
    assert step["logs"]["stdout"] == f"distinct {distinct}\n"
    command = "hdfs dfs -cat '/counts/part-*' | sort -t '\t' -k2,2nr -k1,1 | head -n 10"
    lines = emr.do(cluster, "bash", "-c", command)["logs"]["stdout"].splitlines()
    rows = [[word, int(count)] for word, count in (line.split("\t") for line in lines)]
    assert rows == datasets.facts("words")["top_words"].value
    listed = emr.do(cluster, "yarn", "application", "-list", "-appStates", "FINISHED")
    assert "SPARK" in listed["logs"]["stdout"]


def test_a_program_of_the_machine_and_one_that_fails(emr: Emr, cluster: str) -> None:
    command = "echo 'print(6 * 7)' > app.py; spark-submit app.py"
    assert emr.do(cluster, "bash", "-c", command)["logs"]["stdout"] == "42\n"
    emr.put("code/fail.py", "raise ValueError('no such colour')")
    step = emr.fail(cluster, "spark-submit", f"s3://{emr.bucket}/code/fail.py")
    assert "no such colour" in step["Status"]["FailureDetails"]["Message"]
    step = emr.fail(cluster, "spark-submit", "--packages", "a:b:1", "app.py")
    assert "packages come from the network" in step["Status"]["FailureDetails"]["Message"]


def test_sql(emr: Emr, cluster: str) -> None:
    step = emr.do(cluster, "spark-sql", "-e", "select sum(n) from values (1), (2) as t(n)")
    assert step["logs"]["stdout"] == "3\n"
