"""EMR clusters for tests: roles, a bucket with data, and the calls that wait."""

import gzip
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import LocalCloud, policy, statement
from .instances import Login, make_key, wait_for

RELEASE = "emr-7.9.0"
SERVICE_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonElasticMapReduceRole"
ENDED = ("TERMINATED", "TERMINATED_WITH_ERRORS")


def trust(service: str) -> str:
    principal = {"Service": service}
    return json.dumps(
        policy(statement("Allow", "sts:AssumeRole", "*", Principal=principal))
    ).replace('"Resource": "*", ', "")


@dataclass
class Emr:
    """What tests need of a cloud to run clusters, and all that they started."""

    cloud: LocalCloud
    directory: Path
    bucket: str
    key: Path
    key_name: str
    service_role: str
    profile: str
    role: str
    started: list[str] = field(default_factory=list)
    patience: float = 30.0  # in seconds, for a step

    @property
    def emr(self) -> Any:
        return self.cloud.client("emr")

    @property
    def s3(self) -> Any:
        return self.cloud.client("s3")

    def put(self, key: str, data: bytes | str) -> str:
        body = data.encode() if isinstance(data, str) else data
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> bytes:
        found: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return found

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", ())]

    def parameters(self, **more: Any) -> dict[str, Any]:
        """Return the parameters of a small cluster; `Instances` are merged."""
        instances = {
            "InstanceGroups": [
                {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
            ],
            "KeepJobFlowAliveWhenNoSteps": True,
            "Ec2KeyName": self.key_name,
            **more.pop("Instances", {}),
        }
        return {
            "Name": "test",
            "ReleaseLabel": RELEASE,
            "Applications": [{"Name": "Hadoop"}, {"Name": "Hive"}],
            "LogUri": f"s3://{self.bucket}/logs/",
            "ServiceRole": self.service_role,
            "JobFlowRole": self.profile,
            "Instances": instances,
            **more,
        }

    def run(self, **more: Any) -> str:
        """Start a cluster, without waiting."""
        found = self.emr.run_job_flow(**self.parameters(**more))
        self.started.append(found["JobFlowId"])
        return str(found["JobFlowId"])

    def describe(self, cluster: str) -> dict[str, Any]:
        found: dict[str, Any] = self.emr.describe_cluster(ClusterId=cluster)["Cluster"]
        return found

    def wait(self, cluster: str, *states: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            found = self.describe(cluster)
            state = found["Status"]["State"]
            assert state in states or state not in ENDED, found["Status"]
            return found if state in states else None

        found: dict[str, Any] = wait_for(reached, f"{cluster} is {states}")
        return found

    def add(
        self, cluster: str, *arguments: str, jar: str = "command-runner.jar", **more: Any
    ) -> str:
        step = {
            "Name": "step",
            "ActionOnFailure": "CONTINUE",
            "HadoopJarStep": {"Jar": jar, "Args": list(arguments)},
            **more,
        }
        found = self.emr.add_job_flow_steps(JobFlowId=cluster, Steps=[step])
        return str(found["StepIds"][0])

    def wait_step(self, cluster: str, step: str) -> dict[str, Any]:
        """Return a step once it has ended."""

        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.emr.describe_step(ClusterId=cluster, StepId=step)["Step"]
            if "EndDateTime" in found["Status"]["Timeline"]:
                return found
            time.sleep(0.02)
        pytest.fail(f"not in {self.patience:g} s: {step} has ended")

    def do(self, cluster: str, *arguments: str, **more: Any) -> dict[str, Any]:
        """Run a step that must succeed; its logs are in the answer."""
        step = self.add(cluster, *arguments, **more)
        found = self.wait_step(cluster, step)
        found["logs"] = self.logs(cluster, step)
        assert found["Status"]["State"] == "COMPLETED", found
        return found

    def fail(self, cluster: str, *arguments: str, **more: Any) -> dict[str, Any]:
        """Run a step that must fail; its logs are in the answer."""
        step = self.add(cluster, *arguments, **more)
        found = self.wait_step(cluster, step)
        found["logs"] = self.logs(cluster, step)
        assert found["Status"]["State"] == "FAILED", found
        return found

    def logs(self, cluster: str, step: str) -> dict[str, str]:
        folder = f"logs/{cluster}/steps/{step}/"
        return {
            key.removeprefix(folder).removesuffix(".gz"): gzip.decompress(self.get(key)).decode()
            for key in self.keys(folder)
        }

    def login(self, cluster: str) -> Login:
        """Return what logs in to the primary node."""
        found = self.describe(cluster)
        instances = self.cloud.client("ec2").describe_instances(
            Filters=[
                {"Name": "tag:aws:elasticmapreduce:job-flow-id", "Values": [cluster]},
                {"Name": "tag:aws:elasticmapreduce:instance-group-role", "Values": ["MASTER"]},
            ]
        )
        instance = instances["Reservations"][0]["Instances"][0]
        assert found["MasterPublicDnsName"] == instance["PublicIpAddress"]
        return Login(instance, self.key, self.directory / f"hosts-{uuid.uuid4().hex}", "hadoop")

    def end(self) -> None:
        """Terminate all, and wait."""
        for one in self.started:
            self.emr.set_termination_protection(JobFlowIds=[one], TerminationProtected=False)
            self.emr.terminate_job_flows(JobFlowIds=[one])
        for one in self.started:
            self.wait_end(one)

    def wait_end(self, cluster: str) -> None:
        """Wait until a cluster has ended, in whatever way."""
        wait_for(lambda: self.describe(cluster)["Status"]["State"] in ENDED, f"{cluster} ended")


def make_emr(cloud: LocalCloud, directory: Path) -> Iterator[Emr]:
    """Make roles, a key and a bucket; end all clusters at the end."""
    iam, number = cloud.client("iam"), uuid.uuid4().hex[:8]
    wait_for(lambda: answers(cloud), "the cloud answers")
    bucket = f"emr-{number}-data"
    cloud.client("s3").create_bucket(Bucket=bucket)
    service, role = f"service-{number}", f"nodes-{number}"
    iam.create_role(
        RoleName=service, AssumeRolePolicyDocument=trust("elasticmapreduce.amazonaws.com")
    )
    iam.attach_role_policy(RoleName=service, PolicyArn=SERVICE_POLICY)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust("ec2.amazonaws.com"))
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    document = json.dumps(policy(statement("Allow", "s3:*", resources)))
    iam.put_role_policy(RoleName=role, PolicyName="data", PolicyDocument=document)
    iam.create_instance_profile(InstanceProfileName=role)
    iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
    key, name = make_key(directory), f"key-{number}"
    public = Path(f"{key}.pub").read_bytes()
    cloud.client("ec2").import_key_pair(KeyName=name, PublicKeyMaterial=public)
    found = Emr(cloud, directory, bucket, key, name, service, role, role)
    try:
        yield found
    finally:
        found.end()


def answers(cloud: LocalCloud) -> bool:
    """Whether the cloud has imported what it needs: calls may fail while it does."""
    try:
        cloud.client("s3").list_buckets()
    except ClientError:
        return False
    return True


def count_processes(*argv: str) -> int:
    """Return how many processes of this host, machines' included, are this command."""
    wanted = b"".join(word.encode() + b"\0" for word in argv)
    found = 0
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += one.read_bytes() == wanted
        except OSError:  # it has just ended
            continue
    return found


def refusal(error: ClientError) -> tuple[str, str]:
    """Return code and message."""
    found: Any = error.response
    return found["Error"]["Code"], found["Error"]["Message"]
