"""Steps of EMR, really run: Hive, MapReduce, copies, scripts; and what their failures say."""

import gzip
import re
from collections.abc import Iterator
from typing import Any

import pytest

from labrunner import datasets

from .clusters import Emr, count_processes, make_emr
from .conftest import LocalCloud
from .instances import needs_machines, wait_for
from .sql.test_statements import AWS_SCRIPT

pytestmark = needs_machines
MAPPER = """#!/usr/bin/env python3
import re, sys
for line in sys.stdin:
    for word in re.findall("[a-z]+", line.lower()):
        print(word + "\\t1")
"""
REDUCER = """#!/usr/bin/env python3
import itertools, sys
pairs = (line.rstrip("\\n").split("\\t") for line in sys.stdin)
for word, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
    print(word + "\\t" + str(sum(int(count) for _, count in group)))
"""
NODES = [
    {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
    {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2},
]


@pytest.fixture(scope="module")
def emr(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    yield from make_emr(cloud, tmp_path_factory.mktemp("emr"))


@pytest.fixture(scope="module")
def cluster(emr: Emr) -> str:
    """A cluster of a primary and two core nodes, with data in the bucket."""
    for name in ("cloudfront-logs", "words"):
        for file in datasets.make(name):
            folder = "cloudfront/data" if name == "cloudfront-logs" else "words"
            emr.put(f"{folder}/{file.name}", b"".join(file.chunks()))
    emr.put("code/mapper.py", MAPPER)
    emr.put("code/reducer.py", REDUCER)
    emr.put("code/Hive_CloudFront.q", AWS_SCRIPT)
    found = emr.run(Instances={"InstanceGroups": NODES})
    emr.wait(found, "WAITING")
    return found


def table(emr: Emr, prefix: str) -> dict[str, int]:
    """Return the counts in all parts of an output."""
    rows: list[list[str]] = []
    for key in emr.keys(f"{prefix}/part-"):
        rows += [line.split("\t") for line in emr.get(key).decode().splitlines()]
    assert len({word for word, _ in rows}) == len(rows)
    return {word: int(count) for word, count in rows}


def check_words(found: dict[str, int]) -> None:
    facts = datasets.facts("words")
    assert sum(found.values()) == facts["words"].value
    assert len(found) == facts["distinct_words"].value
    top = sorted(found.items(), key=lambda one: (-one[1], one[0]))[:10]
    assert [list(one) for one in top] == facts["top_words"].value


def shipped(emr: Emr) -> list[str]:
    folder = f"s3://{emr.bucket}/code"
    return ["-files", f"{folder}/mapper.py,{folder}/reducer.py"]


def counter(text: str, name: str) -> int:
    found = re.search(rf"^\s*{re.escape(name)}=(\d+)$", text, re.MULTILINE)
    assert found, text
    return int(found[1])


def test_the_script_of_the_tutorial_gives_the_published_counts(emr: Emr, cluster: str) -> None:
    script = f"s3://{emr.bucket}/code/Hive_CloudFront.q"
    step = emr.do(
        cluster, "hive-script", "--run-hive-script", "--args", "-f", script,
        "-d", f"INPUT=s3://{emr.bucket}", "-d", f"OUTPUT=s3://{emr.bucket}/output",
    )  # fmt: skip
    (key,) = emr.keys("output/os_requests/")
    rows = dict(line.split("\x01") for line in emr.get(key).decode().splitlines())
    assert {os: int(n) for os, n in rows.items()} == {
        "Android": 855, "Linux": 813, "MacOS": 852, "OSX": 799, "Windows": 883, "iOS": 794,
    }  # fmt: skip
    # 4,996 records and two comment lines in each of the two files.
    assert counter(step["logs"]["stderr"], "Map input records") == 5000
    assert set(step["logs"]) == {"controller", "syslog", "stderr", "stdout"}
    assert "Step succeeded with exitCode 0" in step["logs"]["controller"]
    query = "select count(*), sum(if(os is null, 1, 0)) from cloudfront_logs"
    step = emr.do(cluster, "hive", "-e", query)
    assert step["logs"]["stdout"] == "5000\t4\n"
    assert "Fetched: 1 row(s)" in step["logs"]["stderr"]


def test_word_count_with_a_combiner_and_partitions(emr: Emr, cluster: str) -> None:
    step = emr.do(
        cluster, "hadoop-streaming", *shipped(emr), "-mapper", "mapper.py", "-reducer",
        "reducer.py", "-combiner", "reducer.py", "-numReduceTasks", "3",
        "-input", f"s3://{emr.bucket}/words", "-output", f"s3://{emr.bucket}/counts",
    )  # fmt: skip
    names = [key.removeprefix("counts/") for key in emr.keys("counts/")]
    assert names == ["_SUCCESS", "part-00000", "part-00001", "part-00002"]
    check_words(table(emr, "counts"))
    for name in names[1:]:
        words = [line.split("\t")[0] for line in emr.get(f"counts/{name}").decode().splitlines()]
        assert words == sorted(words)
        assert words
    syslog = step["logs"]["syslog"]
    lines = sum(chunk.count(b"\n") for file in datasets.make("words") for chunk in file.chunks())
    assert counter(syslog, "Map input records") == lines
    assert counter(syslog, "Map output records") == counter(syslog, "Combine input records")
    assert counter(syslog, "Map output records") == 200_000
    combined = counter(syslog, "Combine output records")
    assert counter(syslog, "Reduce input records") == combined < 3000
    assert counter(syslog, "Launched map tasks") == 4
    assert counter(syslog, "Launched reduce tasks") == 3


def test_the_program_goes_to_the_data(emr: Emr, cluster: str) -> None:
    emr.do(cluster, "s3-dist-cp", "--src", f"s3://{emr.bucket}/words", "--dest", "/words")
    found = emr.do(cluster, "hdfs", "fsck", "/words", "-files", "-blocks", "-locations")
    report = found["logs"]["stdout"]
    blocks = re.findall(r"(blk_\d+)_\d+ len=\d+ Live_repl=1 +\[DatanodeInfo\w+\[([\d.]+):", report)
    assert len(blocks) == 8
    assert len({ip for _, ip in blocks}) == 2
    assert "The filesystem under path '/words' is HEALTHY" in report
    step = emr.do(
        cluster, "hadoop", "jar", "/usr/lib/hadoop-mapreduce/hadoop-streaming.jar", "-D",
        "mapreduce.job.reduces=1", *shipped(emr), "-mapper", "mapper.py", "-reducer", "reducer.py",
        "-input", "/words", "-output", f"s3://{emr.bucket}/local",
    )  # fmt: skip
    check_words(table(emr, "local"))
    syslog = step["logs"]["syslog"]
    assert counter(syslog, "Launched map tasks") == 8
    assert counter(syslog, "Data-local map tasks") == 8
    ran = re.findall(r"hdfs:///words/(\S+):(\d+)\+\d+ ran on (\S+) \(data-local\)", syslog)
    assert len({(name, offset) for name, offset, _ in ran}) == 8
    assert len({host for _, _, host in ran}) == 2


def test_hive_and_mapreduce_share_hdfs(emr: Emr, cluster: str) -> None:
    emr.do(cluster, "bash", "-c", "printf 'b\\na\\nb\\n' | hdfs dfs -put - /tmp/letters")
    script = (
        "create table letters (letter string); "
        "load data inpath '/tmp/letters' into table letters; "
        "insert overwrite directory '/tmp/groups' row format delimited fields terminated by ':' "
        "select letter, count(*) from letters group by letter order by letter"
    )
    emr.do(cluster, "hive", "-e", script)
    emr.do(
        cluster, "hadoop-streaming", "-mapper", "cat", "-reducer", "NONE",
        "-input", "/user/hive/warehouse/letters", "-output", "/tmp/copied",
    )  # fmt: skip
    command = (
        "hdfs dfs -cat /tmp/groups/0* ; hdfs dfs -cat '/tmp/copied/part-*' | tr -d '\\t' | sort"
    )
    assert emr.do(cluster, "bash", "-c", command)["logs"]["stdout"] == "a:1\nb:2\na\nb\nb\n"


def test_aggregate_and_several_keys(emr: Emr, cluster: str) -> None:
    emr.put("pairs/a", "x\t1\tone\nx\t2\ttwo\ny\t1\tthree\nx\t1\tfour\n")
    prefix = "s3://" + emr.bucket
    mapper = "awk -F'\\t' '{print \"LongValueSum:\" $1 \"\\t\" $2}'"
    emr.do(
        cluster, "hadoop-streaming", "-mapper", mapper, "-reducer", "aggregate",
        "-input", f"{prefix}/pairs", "-output", f"{prefix}/sums", "-numReduceTasks", "1",
    )  # fmt: skip
    assert table(emr, "sums") == {"x": 4, "y": 1}
    emr.do(
        cluster, "hadoop-streaming", "-D", "stream.num.map.output.key.fields=2", "-mapper", "cat",
        "-reducer", "cat", "-input", f"{prefix}/pairs/a", "-output", f"{prefix}/sorted",
    )  # fmt: skip
    lines = emr.get("sorted/part-00000").decode().splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        ["x", "1"], ["x", "1"], ["x", "2"], ["y", "1"],
    ]  # fmt: skip


def test_a_script_of_s3_runs_with_the_role_of_the_instances(emr: Emr, cluster: str) -> None:
    path = emr.put(
        "code/script.sh", '#!/bin/bash\necho "$1 $(whoami) $(hostname)"; echo oops >&2\n'
    )
    step = emr.do(cluster, path, "hello", jar="script-runner.jar")
    hostname = step["logs"]["stdout"].split()[2]
    assert step["logs"]["stdout"] == f"hello hadoop {hostname}\n"
    assert step["logs"]["stderr"] == "oops\n"
    runner = "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar"
    assert emr.do(cluster, path, "again", jar=runner)["logs"]["stdout"].startswith("again hadoop")


def test_counters_that_programs_report(emr: Emr, cluster: str) -> None:
    emr.put(
        "code/report.py",
        "#!/usr/bin/env python3\nimport os, sys\nfor line in sys.stdin:\n"
        "    sys.stderr.write('reporter:counter:mine,lines,2\\n')\n"
        "    print(os.environ['mapreduce_map_input_file'] + '\\t' + os.environ['COLOUR'])\n",
    )
    prefix = f"s3://{emr.bucket}"
    step = emr.do(
        cluster, "hadoop-streaming", "-files", f"{prefix}/code/report.py", "-mapper", "report.py",
        "-reducer", "cat", "-cmdenv", "COLOUR=red", "-input", f"{prefix}/pairs2",
        "-output", f"{prefix}/reported",
    ) if emr.put("pairs2/a", "1\n2\n3\n") else {}  # fmt: skip
    assert counter(step["logs"]["syslog"], "lines") == 6
    assert emr.get("reported/part-00000").decode() == f"{prefix}/pairs2/a\tred\n" * 3


# ---- failures


def failure(step: dict[str, Any]) -> tuple[str, str]:
    details = step["Status"]["FailureDetails"]
    assert details["LogFile"].startswith("s3://emr-")
    return details["Reason"], details["Message"]


def test_a_broken_script(emr: Emr, cluster: str) -> None:
    path = emr.put("code/broken.q", "select 1;\nselect nope from nowhere;")
    step = emr.fail(cluster, "hive-script", "--run-hive-script", "--args", "-f", path)
    reason, message = failure(step)
    assert reason == "Unknown Error."
    assert "FAILED: SemanticException" in message
    assert "Table not found 'nowhere'" in message
    assert message in step["logs"]["stderr"]
    assert step["logs"]["stdout"] == "1\n"
    step = emr.fail(cluster, "hive", "-f", f"s3://{emr.bucket}/code/none.q")
    assert "does not exist" in failure(step)[1]
    step = emr.fail(cluster, "hive", "-e", "selec 1")
    assert "ParseException" in failure(step)[1]


def test_a_missing_input_and_an_output_that_is_there(emr: Emr, cluster: str) -> None:
    prefix = f"s3://{emr.bucket}"
    job = ["hadoop-streaming", "-mapper", "cat", "-reducer", "cat"]
    step = emr.fail(cluster, *job, "-input", f"{prefix}/none", "-output", f"{prefix}/o1")
    reason, message = failure(step)
    assert reason == "Input path does not exist."
    assert message.endswith(f"InvalidInputException: Input path does not exist: {prefix}/none")
    emr.put("there/x", "x")
    step = emr.fail(cluster, *job, "-input", f"{prefix}/words", "-output", f"{prefix}/there")
    reason, message = failure(step)
    assert reason == "Output directory already exists."
    assert "FileAlreadyExistsException: Output directory s3://" in message
    assert emr.keys("o1") == []


def test_a_failing_mapper(emr: Emr, cluster: str) -> None:
    emr.put("code/fail.py", "#!/usr/bin/env python3\nimport sys\nsys.exit('no such colour')\n")
    prefix = f"s3://{emr.bucket}"
    step = emr.fail(
        cluster, "hadoop-streaming", "-files", f"{prefix}/code/fail.py", "-mapper", "fail.py",
        "-reducer", "cat", "-input", f"{prefix}/words/text001.txt", "-output", f"{prefix}/o2",
    )  # fmt: skip
    _, message = failure(step)
    assert "PipeMapRed.waitOutputThreads(): subprocess failed with code 1" in message
    assert "no such colour" in message
    assert "no such colour" in step["logs"]["stderr"]
    syslog = step["logs"]["syslog"]
    # The last of the attempts that are allowed.
    assert re.search(r"m_00000\d_3, Status : FAILED", syslog)
    assert emr.keys("o2") == []
    application = re.search(r"application_\d+_\d+", syslog)
    assert application
    stored = emr.keys(f"logs/{cluster}/containers/{application[0]}/")
    assert len(stored) >= 4
    assert gzip.decompress(emr.get(stored[0])) == b"no such colour\n"
    found = emr.do(cluster, "yarn", "logs", "-applicationId", application[0])
    assert found["logs"]["stdout"].count("no such colour") == len(stored)
    step = emr.fail(
        cluster, "hadoop-streaming", "-mapper", "none.py", "-reducer", "cat",
        "-input", f"{prefix}/words", "-output", f"{prefix}/o2",
    )  # fmt: skip
    assert 'Cannot run program "none.py": error=2' in failure(step)[1]


def test_a_bucket_that_the_role_may_not_use(emr: Emr, cluster: str) -> None:
    other = f"{emr.bucket}-other"
    emr.s3.create_bucket(Bucket=other)
    emr.s3.put_object(Bucket=other, Key="in/x", Body=b"x")
    step = emr.fail(
        cluster, "hadoop-streaming", "-mapper", "cat", "-reducer", "cat",
        "-input", f"s3://{other}/in", "-output", "/tmp/o3",
    )  # fmt: skip
    reason, message = failure(step)
    assert reason == "Access denied."
    assert "AmazonS3Exception" in message
    assert other in message
    assert emr.role in message
    script = f"create external table o (a string) location 's3://{other}/in'; select * from o"
    step = emr.fail(cluster, "hive", "-e", script)
    assert failure(step)[0] == "Access denied."
    step = emr.fail(
        cluster, "s3-dist-cp", "--src", f"s3://{emr.bucket}/words", "--dest", f"s3://{other}/out"
    )
    assert failure(step)[0] == "Access denied."
    step = emr.fail(cluster, "aws", "s3", "ls", f"s3://{other}/")
    assert "AccessDenied" in failure(step)[1]


@pytest.mark.parametrize(
    ("jar", "arguments", "words"),
    [
        ("s3://{bucket}/none.jar", [], "Error whilst fetching 's3://"),
        ("/home/hadoop/none.jar", [], "JAR does not exist or is not a normal file"),
        ("command-runner.jar", ["no-such-program"], 'Cannot run program "no-such-program"'),
        ("command-runner.jar", [], "needs a command in Args"),
        ("script-runner.jar", ["s3://{bucket}/none.sh"], "Error whilst fetching 's3://"),
        ("s3://{bucket}/code/mapper.py", [], "The local cloud runs no Java"),
        ("command-runner.jar", ["hadoop-streaming", "-bogus"], "Unrecognized option: -bogus"),
        ("command-runner.jar", ["bash", "-c", "echo to stderr >&2; exit 3"], "to stderr"),
        ("command-runner.jar", ["bash", "-c", "exit 3"], "Command exited with status 3"),
    ],
)
def test_what_cannot_be_run(
    emr: Emr, cluster: str, jar: str, arguments: list[str], words: str
) -> None:
    arguments = [one.format(bucket=emr.bucket) for one in arguments]
    step = emr.fail(cluster, *arguments, jar=jar.format(bucket=emr.bucket))
    assert words in failure(step)[1]


def test_a_step_that_runs_is_cancelled(emr: Emr, cluster: str) -> None:
    step = emr.add(cluster, "bash", "-c", "echo begun; sleep 3456; true")
    waiting = emr.add(cluster, "bash", "-c", "true")

    def state(one: str) -> str:
        found = emr.emr.describe_step(ClusterId=cluster, StepId=one)["Step"]["Status"]["State"]
        return str(found)

    wait_for(lambda: count_processes("sleep", "3456"), "the step sleeps")
    assert state(step) == "RUNNING"
    assert state(waiting) == "PENDING"
    found = emr.emr.cancel_steps(ClusterId=cluster, StepIds=[waiting, step])["CancelStepsInfoList"]
    assert [one["Status"] for one in found] == ["SUBMITTED", "SUBMITTED"]
    assert emr.wait_step(cluster, step)["Status"]["State"] == "CANCELLED"
    assert emr.wait_step(cluster, waiting)["Status"]["State"] == "CANCELLED"
    assert emr.logs(cluster, step)["stdout"] == "begun\n"
    again = emr.emr.cancel_steps(ClusterId=cluster, StepIds=[step])["CancelStepsInfoList"][0]
    assert (again["Status"], "CANCELLED" in again["Reason"]) == ("FAILED", True)


def test_a_job_that_is_cancelled_leaves_no_process(emr: Emr, cluster: str) -> None:
    step = emr.add(
        cluster, "hadoop-streaming", "-mapper", "sleep 1234", "-reducer", "cat",
        "-input", f"s3://{emr.bucket}/words", "-output", "/tmp/o4",
    )  # fmt: skip

    wait_for(lambda: count_processes("sleep", "1234") == 4, "four mappers sleep")
    emr.emr.cancel_steps(ClusterId=cluster, StepIds=[step])
    assert emr.wait_step(cluster, step)["Status"]["State"] == "CANCELLED"
    wait_for(lambda: not count_processes("sleep", "1234"), "no mapper is left")


def test_steps_are_listed(emr: Emr, cluster: str) -> None:
    first, second = (emr.add(cluster, "bash", "-c", f"echo {n}", Name=f"n{n}") for n in (1, 2))
    emr.wait_step(cluster, second)
    found = emr.emr.list_steps(ClusterId=cluster)["Steps"]
    assert [one["Id"] for one in found[:2]] == [second, first]
    chosen = emr.emr.list_steps(ClusterId=cluster, StepIds=[first])["Steps"]
    assert [(one["Name"], one["Config"]["Args"]) for one in chosen] == [
        ("n1", ["bash", "-c", "echo 1"])
    ]
    failed = emr.emr.list_steps(ClusterId=cluster, StepStates=["PENDING"])["Steps"]
    assert failed == []
    timeline = chosen[0]["Status"]["Timeline"]
    times = [timeline[name] for name in ("CreationDateTime", "StartDateTime", "EndDateTime")]
    assert times == sorted(times)
