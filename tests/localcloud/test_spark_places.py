"""Spark in a machine of the local cloud, and Spark on the cloud's S3 as a role."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("moto", reason="the local cloud needs moto, of the extra [local]")
pytest.importorskip("asyncssh", reason="machines need asyncssh, of the extra [local]")

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.machines import Machines
from labrunner.localcloud.machines.isolation import detect as detect_isolation
from labrunner.localcloud.machines.spec import MachineSpec, User
from labrunner.localcloud.principals import Principal, iam_backend, role_session
from labrunner.localcloud.server import Settings
from labrunner.localcloud.spark import Spark, ThisHost
from labrunner.localcloud.spark.inside import InMachine, binds
from labrunner.localcloud.spark.spark import CANCELLED
from labrunner.localcloud.sql.cloud_storage import S3Storage
from labrunner.localcloud.sql.storage import DirectoryStorage, Storage

from .conftest import LocalCloud, policy, statement
from .instances import needs_machines
from .sparks import Cluster, installation, needs_spark, run

pytestmark = needs_spark
DEADLINE = 120.0
APPLICATION = """
import os, sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
words = spark.read.text(sys.argv[1]).selectExpr("explode(split(value, ' ')) w").groupBy("w").count()
words.write.csv(sys.argv[2])
spark.sql("CREATE TABLE counts AS SELECT 1 one")
kinds = spark.sparkContext.parallelize(range(2)).map(lambda n: os.uname().nodename).collect()
print(os.getcwd(), kinds, os.path.exists(HOST), spark.table("counts").count())
"""


@pytest.fixture
def inner(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(Settings("AKIA", "secret", "us-east-1", "1" * 12, "id", tmp_path / "cloud"))
    yield made
    made.close()


@needs_machines
def test_a_program_in_a_machine(inner: Cloud, tmp_path: Path) -> None:
    machines = inner.state(Machines)
    machines.verdict = detect_isolation({})
    spec = MachineSpec(
        "m-1",
        "ip-10-0-0-1",
        "10.0.0.1",
        (User("hadoop"),),
        binds=binds(installation()),
    )
    (tmp_path / "cloud").mkdir(exist_ok=True)
    machine = machines.make(spec, inner)
    machines.wait(machine.boot())
    host = InMachine(machines, machine, installation(), "hadoop")
    cluster = Cluster(tmp_path, host)
    cluster.write("s3/code/app.py", f"HOST = {str(tmp_path)!r}\n{APPLICATION}")
    cluster.write("s3/in/a.txt", "a b a\n")
    done = cluster.submit("s3://code/app.py", "s3://in/", "s3://out/counts")
    assert done.code == 0, done.err[-4000:]
    there = "['ip-10-0-0-1', 'ip-10-0-0-1']"
    assert done.out == f"/home/hadoop/.spark {there} False 1\n"
    assert cluster.rows("s3/out/counts") == ["a,2", "b,1"]
    assert any(path.startswith("user/spark/warehouse/counts/") for path in cluster.files("hdfs"))
    assert b"SparkContext" in machines.wait(machine.read_file(host.log))
    left = machines.wait(machine.run(["ls", "/home/hadoop/.spark"]))
    assert b"conf" not in left.stdout

    up, ended = threading.Event(), []
    cluster.write("s3/code/wait.py", "import time; print('up', flush=True); time.sleep(600)")
    application = cluster.spark.submit(["s3://code/wait.py"])
    thread = threading.Thread(
        target=lambda: ended.append(application.run(lambda _: up.set(), lambda _: None))
    )
    thread.start()
    try:
        assert up.wait(DEADLINE)
    finally:
        application.cancel()
        thread.join(DEADLINE)
    assert ended == [CANCELLED]


def test_permissions_of_a_role_decide(cloud: LocalCloud, s3: Any, tmp_path: Path) -> None:
    for name in ("may-read", "may-write", "may-nothing"):
        s3.create_bucket(Bucket=f"{name}-{os.getpid()}")
    reads, writes, nothing = (
        f"{n}-{os.getpid()}" for n in ("may-read", "may-write", "may-nothing")
    )
    for bucket in (reads, nothing):
        s3.put_object(Bucket=bucket, Key="in/a.csv", Body=b"1\n2\n")
    may = policy(
        statement("Allow", "s3:ListBucket", [f"arn:aws:s3:::{reads}", f"arn:aws:s3:::{writes}"]),
        statement("Allow", "s3:GetObject", f"arn:aws:s3:::{reads}/*"),
        statement("Allow", ["s3:PutObject"], f"arn:aws:s3:::{writes}/*"),
    )
    principal = role(cloud, may)
    storage = S3Storage(cloud.server._load().cloud, principal, "us-east-1")
    storages: dict[str, Storage] = {"hdfs": DirectoryStorage(tmp_path / "hdfs"), "s3": storage}
    spark = Spark(tmp_path / "files", storages, ThisHost(tmp_path / "work", installation()))
    script = f"""
        insert overwrite directory 's3://{writes}/out' using csv select * from csv.`s3://{reads}/in`;
        select count(*) from csv.`s3://{nothing}/in`;
        insert overwrite directory 's3://{reads}/out' using csv select 1;
        select count(*) from csv.`s3://no-such-{os.getpid()}/in`;
    """
    done = run(spark.sql(["--hiveconf", "hive.cli.errors.ignore=true", "-e", script]))
    listed = s3.list_objects_v2(Bucket=writes)["Contents"]
    names = [one["Key"] for one in listed]
    assert any(name.startswith("out/part-") for name in names)
    assert "out/_SUCCESS" in names
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=reads)["Contents"]] == ["in/a.csv"]
    assert done.out == ""
    for bucket in (nothing, reads):
        assert f"(bucket {bucket}, as {principal.role_arn})" in done.err
    assert "AccessDenied" in done.err
    assert "NoSuchBucket" in done.err


def role(cloud: LocalCloud, may: dict[str, Any]) -> Principal:
    """Return a session of a new role that may do something."""
    iam = cloud.client("iam")
    trust = statement("Allow", "sts:AssumeRole", None, Principal={"Service": "ec2.amazonaws.com"})
    del trust["Resource"]
    name = f"spark-{os.getpid()}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy(trust)))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(may))
    inner = cloud.server._load().cloud
    found = next(one for one in iam_backend(inner).roles.values() if one.name == name)
    return role_session(inner, found, "i-1", None)
