"""What of a command line Spark gets to see, and what a host must have."""

from pathlib import Path

import pytest

from labrunner.localcloud.spark.arguments import read_sql, read_submit
from labrunner.localcloud.spark.errors import SparkUnavailableError, SparkUsageError
from labrunner.localcloud.spark.installation import detect

JAVA = 'openjdk version "{}" 2025-04-15'


def test_where_to_run_is_left_out() -> None:
    found = read_submit(
        [
            *("--master", "yarn", "--deploy-mode=cluster", "--conf", "spark.executor.cores=2"),
            *("--num-executors", "4", "--conf", "spark.driver.memory=20g"),
            *("--py-files", "s3://b/x.zip", "-v", "s3://b/app.py", "--master", "7", "-d"),
        ]
    )
    assert found.options == ["--conf", "spark.executor.cores=2", "--py-files", "s3://b/x.zip", "-v"]
    assert found.application == ["s3://b/app.py", "--master", "7", "-d"]
    assert found.left_out == [
        "--master yarn",
        "--deploy-mode cluster",
        "--num-executors 4",
        "--conf spark.driver.memory=20g",
    ]


def test_a_class_of_a_jar() -> None:
    found = read_submit(["--class", "org.Main", "s3://b/app.jar", "10"])
    assert (found.options, found.application) == (["--class", "org.Main"], ["s3://b/app.jar", "10"])


def test_the_arguments_of_a_script() -> None:
    words = ["-f", "s3://b/x.q", "-d", "A=b c", "--hivevar", "C=d", "--hiveconf", "e=f", "-S"]
    assert read_sql(["--master", "yarn", *words]).options == words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--packages", "a:b:1", "x.py"], "network"),
        (["--conf", "spark.jars.packages=a:b:1", "x.py"], "network"),
        (["--keytab=x", "x.py"], "Kerberos"),
        (["--class"], "--class needs a value"),
        (["--class", "x"], "Missing application"),
        ([], "Missing application"),
    ],
)
def test_what_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(SparkUsageError, match=said):
        read_submit(words)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "pyspark/jars").mkdir(parents=True)
    (tmp_path / "pyspark/python/lib").mkdir(parents=True)
    (tmp_path / "pyspark/python/lib/pyspark.zip").touch()
    return tmp_path / "pyspark"


def test_what_is_there_is_found(package: Path, tmp_path: Path) -> None:
    java = tmp_path / "java/bin/java"
    java.parent.mkdir(parents=True)
    java.touch()
    asked = []

    def version(program: str) -> str:
        asked.append(program)
        return JAVA.format("17.0.15")

    found = detect({}, package=lambda _: package, which=lambda _: str(java), version=version)
    assert (found.home, found.java_home) == (package, tmp_path / "java")
    assert found.python_path == ("python/lib/pyspark.zip",)
    own = {"JAVA_HOME": str(tmp_path / "java")}
    detect(own, package=lambda _: package, which=lambda _: None, version=version)
    assert asked == [str(java), str(java)]


@pytest.mark.parametrize(
    ("has_package", "java", "said", "words"),
    [
        (False, "/usr/bin/java", "17", ["pyspark", "pip install 'labrunner[spark]'"]),
        (True, None, None, ["no `java`", "apt-get install openjdk-17-jre-headless"]),
        (True, "/usr/bin/java", "11.0.2", ["Java 17 and later", "is Java 11", "JAVA_HOME"]),
        (True, "/usr/bin/java", "1.8.0_402", ["is Java 8"]),
        (True, "/usr/bin/java", None, ["`/usr/bin/java -version` does not work"]),
    ],
)
def test_what_is_missing_is_said(
    package: Path, *, has_package: bool, java: str | None, said: str | None, words: list[str]
) -> None:
    with pytest.raises(SparkUnavailableError) as caught:
        detect(
            {},
            package=lambda _: package if has_package else None,
            which=lambda _: java,
            version=lambda _: said and JAVA.format(said),
        )
    for word in words:
        assert word in str(caught.value)
