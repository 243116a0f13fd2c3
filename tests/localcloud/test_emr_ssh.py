"""The primary node of a cluster over SSH: its programs, and what HDFS and Hive do there."""

import contextlib
import json
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest

from .clusters import Emr, count_processes, make_emr
from .conftest import LocalCloud
from .instances import Login, needs_machines, needs_openssh, wait_for

pytestmark = [needs_machines, needs_openssh]
NODES = [
    {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
    {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 3},
]
SETTINGS = [
    {"Classification": "hdfs-site", "Properties": {"dfs.blocksize": "65536"}},
    {"Classification": "hive-site", "Properties": {"hive.cli.print.header": "true"}},
]


@pytest.fixture(scope="module")
def emr(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    yield from make_emr(cloud, tmp_path_factory.mktemp("emr"))


@pytest.fixture(scope="module")
def cluster(emr: Emr) -> str:
    found = emr.run(Instances={"InstanceGroups": NODES}, Configurations=SETTINGS)
    attributes = emr.wait(found, "WAITING")["Ec2InstanceAttributes"]
    emr.cloud.client("ec2").authorize_security_group_ingress(
        GroupId=attributes["EmrManagedMasterSecurityGroup"],
        IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="127.0.0.1/32",
    )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def ssh(emr: Emr, cluster: str) -> Login:
    return emr.login(cluster)


def fails(ssh: Login, command: str, data: bytes = b"") -> tuple[int, str]:
    """Return status and complaint of a command that must fail."""
    done = ssh.ssh(command, data=data)
    assert done.returncode != 0, done.stdout
    return done.returncode, done.stderr.decode()


def test_the_user_is_hadoop(ssh: Login) -> None:
    assert ssh.out("whoami; pwd").split() == ["hadoop", "/home/hadoop"]


def test_files_go_into_hdfs_and_back(ssh: Login) -> None:
    ssh.out("printf 'a\\nb\\n' > here; hdfs dfs -mkdir -p /data/in; hdfs dfs -put here /data/in")
    assert ssh.out("hdfs dfs -cat /data/in/here") == "a\nb\n"
    listing = ssh.out("hdfs dfs -ls /data/in")
    assert re.fullmatch(
        r"Found 1 items\n-rw-r--r--   1 hadoop hdfsadmingroup          4 "
        r"\d{4}-\d\d-\d\d \d\d:\d\d /data/in/here\n",
        listing,
    )
    ssh.out(
        "hadoop fs -get /data/in/here there; hdfs dfs -copyFromLocal file:///home/hadoop/there ."
    )
    assert ssh.out("cat there; hdfs dfs -ls | tail -n 1").split()[::9] == ["a", "there"]
    assert ssh.out("echo x | hdfs dfs -put - /data/x; hdfs dfs -tail /data/x") == "x\n"
    ssh.out("hdfs dfs -mv /data/x /data/y; hdfs dfs -cp /data/y /data/z")
    assert ssh.out("hdfs dfs -count /data").split() == ["2", "3", "8", "/data"]
    assert ssh.out("hdfs dfs -du -s /data").split() == ["8", "8", "/data"]
    assert ssh.out("hdfs dfs -stat '%n %b %r %o %F' /data/z") == "z 2 1 65536 regular file\n"
    assert ssh.out("hdfs dfs -rm -r '/data/[yz]'") == "Deleted /data/y\nDeleted /data/z\n"
    assert ssh.out("hdfs dfs -test -e /data/y || echo gone") == "gone\n"


@pytest.mark.parametrize(
    ("command", "status", "complaint"),
    [
        ("hdfs dfs -cat /none", 1, "cat: `/none': No such file or directory"),
        ("hdfs dfs -ls none", 1, "ls: `none': No such file or directory"),
        ("hdfs dfs -mkdir /user", 1, "mkdir: `/user': File exists"),
        ("hdfs dfs -mkdir /no/such", 1, "mkdir: `/no': No such file or directory"),
        ("hdfs dfs -rm /user", 1, "rm: `/user': Is a directory"),
        ("hdfs dfs -rmdir /user", 1, "rmdir: `/user': Directory is not empty"),
        ("hdfs dfs -put none /tmp", 1, "put: `none': No such file or directory"),
        ("hdfs dfs -get /none", 1, "get: `/none': No such file or directory"),
        ("hdfs dfs -put /etc/hosts /tmp/h && hdfs dfs -put /etc/hosts /tmp/h", 1,
         "put: `/tmp/h': File exists"),
        ("hdfs dfs -mv /none /tmp", 1, "mv: `/none': No such file or directory"),
        ("hdfs dfs -bogus", 255, "bogus: Unknown command"),
        ("hdfs dfs -ls -Z /", 255, "-ls: Illegal option -Z"),
        ("hdfs dfs -cat", 255, "-cat: Not enough arguments"),
        ("hdfs dfs -cat gopher://x/y", 1, 'No FileSystem for scheme "gopher"'),
        ("hadoop jar none.jar", 255, "JAR does not exist or is not a normal file: none.jar"),
        ("hdfs balancer", 1, "hdfs balancer is not supported by the local cloud"),
        ("hive -f none.q", 3, "Could not open input file for reading."),
        ("hive -e 'select * from none'", 17, "Table not found 'none'"),
        ("hive -e 'selec'", 64, "ParseException"),
        ("hive --bogus", 1, "Unrecognized option: --bogus"),
    ],
)  # fmt: skip
def test_mistakes_are_told_as_hadoop_does(
    ssh: Login, command: str, status: int, complaint: str
) -> None:
    found = fails(ssh, command)
    assert found[0] == status
    assert complaint in found[1]


def test_hive_on_the_command_line(ssh: Login) -> None:
    script = (
        "create table if not exists t (a int, b string); insert into t values (1, 'x'), (2, 'y');"
    )
    done = ssh.ssh(f'hive -e "{script} select * from t order by a"')
    assert done.returncode == 0, done.stderr
    # The header is what the cluster's hive-site asks for.
    assert done.stdout == b"a\tb\n1\tx\n2\ty\n"
    assert b"OK\nTime taken: " in done.stderr
    assert b"Fetched: " in done.stderr
    ssh.out("echo 'select max(a) + ${n} from t where b > \"${hiveconf:m}\"' > q.hql")
    command = "hive -S --hiveconf hive.cli.print.header=false -d n=5 --hiveconf m=w -f q.hql"
    assert ssh.out(command) == "7\n"
    assert "/user/hive/warehouse/t/" in ssh.out("hdfs dfs -ls -R /user/hive")


def test_hives_prompt(ssh: Login) -> None:
    lines = (
        b"set hive.cli.print.header=false;\nselect 1\n+ 1;\nselect nope;\nselect 'after';\nquit;\n"
    )
    done = ssh.ssh("hive", data=lines)
    assert done.returncode == 0
    assert b"hive> " in done.stdout
    assert b"    > 2\n" in done.stdout
    assert b"after\n" in done.stdout
    assert b"FAILED: SemanticException" in done.stderr


def test_a_terminal(ssh: Login) -> None:
    done = ssh.ssh("hive", "-tt", data=b"select 40 + 2;\nquit;\n")
    assert done.returncode == 0
    assert b"42\r\n" in done.stdout


def test_a_job_from_the_command_line(ssh: Login) -> None:
    ssh.out("seq 1000 | hdfs dfs -put - /tmp/numbers; printf '#!/bin/sh\\nwc -l\\n' > count.sh")
    command = (
        "hadoop jar /usr/lib/hadoop-mapreduce/hadoop-streaming.jar -files count.sh -mapper cat "
        "-reducer count.sh -input /tmp/numbers -output /tmp/counted"
    )
    done = ssh.ssh(command)
    assert done.returncode == 0, done.stderr
    assert b"INFO mapreduce.Job:  map 100% reduce 100%" in done.stderr
    assert b"Map input records=1000" in done.stderr
    assert ssh.out("hdfs dfs -cat /tmp/counted/part-00000").strip() == "1000"
    status, complaint = fails(ssh, command)
    assert (status, "Output directory hdfs:///tmp/counted already exists" in complaint) == (1, True)
    assert "streamjob" in ssh.out("yarn application -list -appStates FINISHED")


def test_the_aws_cli_has_the_role_of_the_instances(emr: Emr, ssh: Login) -> None:
    pytest.importorskip("awscli")
    found = json.loads(ssh.out("aws sts get-caller-identity"))
    assert f":assumed-role/{emr.role}/i-" in found["Arn"]
    ssh.out(f"echo hello > f; aws s3 cp f s3://{emr.bucket}/f")
    assert emr.get("f") == b"hello\n"
    assert "f" in ssh.out(f"hdfs dfs -ls s3://{emr.bucket}/")
    assert ssh.out(f"hdfs dfs -cat s3://{emr.bucket}/f") == "hello\n"


def blocks_of(report: str) -> list[tuple[str, list[str]]]:
    return [
        (number, re.findall(r"WithStorage\[([\d.]+):", line))
        for number, line in re.findall(r"(blk_\d+)_\d+ len=\d+ .*?\[(.*)\]$", report, re.MULTILINE)
    ]


def test_a_file_outlives_a_node(emr: Emr, cluster: str, ssh: Login) -> None:
    ssh.out("seq 60000 > numbers; hdfs dfs -D dfs.replication=2 -put numbers /numbers")
    report = ssh.out("hdfs fsck /numbers -files -blocks -locations")
    blocks = blocks_of(report)
    assert len(blocks) == 6  # of 64 KiB
    assert all(len(set(ips)) == 2 for _, ips in blocks)
    members = emr.emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"])["Instances"]
    lost = next(one for one in members if one["PrivateIpAddress"] == blocks[0][1][0])
    emr.cloud.client("ec2").terminate_instances(InstanceIds=[lost["Ec2InstanceId"]])

    def noticed() -> bool:
        found = emr.emr.list_instances(ClusterId=cluster, InstanceStates=["TERMINATED"])
        return [one["Id"] for one in found["Instances"]] == [lost["Id"]]

    wait_for(noticed, "the node is gone")
    assert ssh.out("hdfs dfs -cat /numbers | tail -n 1").strip() == "60000"
    done = ssh.ssh("hdfs fsck /numbers")
    assert done.returncode == 0
    assert b"is HEALTHY" in done.stdout
    under = re.search(rb"Under-replicated blocks:\t(\d+)", done.stdout)
    expected = sum(lost["PrivateIpAddress"] in ips for _, ips in blocks)
    assert under
    assert int(under[1]) == expected > 0
    assert "Dead datanodes (1):" in ssh.out("hdfs dfsadmin -report")
    ssh.out("hdfs dfs -setrep -w 2 /numbers")
    assert "Under-replicated blocks:\t0" in ssh.out("hdfs fsck /numbers")
    ssh.out("hdfs dfs -setrep 1 /numbers")
    (first, (ip,)), *_ = blocks_of(ssh.out("hdfs fsck /numbers -files -blocks -locations"))
    _remove_block(emr, cluster, first, ip)
    status, complaint = fails(ssh, "hdfs dfs -cat /numbers")
    assert (status, "Could not obtain block" in complaint) == (1, True)
    status, _ = fails(ssh, "hdfs fsck /numbers")
    assert status == 1


def _remove_block(emr: Emr, cluster: str, block: str, ip: str) -> None:
    """Delete a replica on its node, as somebody who logs in there can."""
    members = emr.emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["CORE"])["Instances"]
    instance = next(one["Ec2InstanceId"] for one in members if one["PrivateIpAddress"] == ip)
    root = emr.cloud.server.settings.directory / "machines" / instance
    (path,) = root.rglob(block)
    path.unlink()


def test_control_c_ends_a_job(ssh: Login) -> None:
    command = (
        "hadoop-streaming -mapper 'sleep 2345' -reducer NONE -input /user/hadoop/here "
        "-output /tmp/never"
    )
    ssh.out("echo x > here; hdfs dfs -put -f here /user/hadoop/here")
    with connected(ssh, command, "-tt") as client:
        wait_for(lambda: count_processes("sleep", "2345"), "the mappers sleep")
        assert client.stdin is not None
        client.stdin.write(b"\x03")
        client.stdin.flush()
        wait_for(lambda: not count_processes("sleep", "2345"), "the mappers have ended")
        client.wait(10)
    assert client.returncode in (130, 255, -signal.SIGINT)
    assert "Total number of applications: 0" in ssh.out("yarn application -list")


@contextlib.contextmanager
def connected(ssh: Login, command: str, *flags: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command over SSH in the background, and end it in the end."""
    words = ["ssh", *ssh.options(), *flags, f"{ssh.user}@{ssh.host}", command]
    null = subprocess.DEVNULL
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=null, stderr=null) as client:
        try:
            yield client
        finally:
            client.kill()


def test_somebody_at_the_prompt_keeps_the_cluster(ssh: Login) -> None:
    with connected(ssh, "hive"):
        wait_for(lambda: ": 1\n" in ssh.out("yarn application -list | head -n 1"), "Hive runs")
    wait_for(lambda: ": 0\n" in ssh.out("yarn application -list | head -n 1"), "Hive has ended")
