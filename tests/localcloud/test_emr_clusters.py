"""EMR's control plane: what is refused, the states of clusters, their instances, and their end."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .clusters import Emr, count_processes, make_emr, refusal, trust
from .conftest import LocalCloud, policy, refused, running, statement
from .instances import connects, needs_machines, wait_for

pytestmark = needs_machines
MASTER = {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
CORE = {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 1}


@pytest.fixture(scope="module")
def emr(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emr]:
    yield from make_emr(cloud, tmp_path_factory.mktemp("emr"))


def state_of(emr: Emr, cluster: str) -> tuple[str, str, str]:
    status = emr.describe(cluster)["Status"]
    reason = status["StateChangeReason"]
    return status["State"], reason.get("Code", ""), reason.get("Message", "")


def instances(emr: Emr, cluster: str) -> list[dict[str, Any]]:
    filters = [{"Name": "tag:aws:elasticmapreduce:job-flow-id", "Values": [cluster]}]
    found = emr.cloud.client("ec2").describe_instances(Filters=filters)
    return [one for group in found["Reservations"] for one in group["Instances"]]


# ---- what RunJobFlow refuses


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ReleaseLabel": "emr-99.0.0"}, "release label is invalid: emr-99.0.0"),
        ({"ReleaseLabel": None}, "Must specify exactly one of the following: release label"),
        ({"Applications": [{"Name": "Oracle"}]}, "Specified application: Oracle is not supported"),
        ({"JobFlowRole": None}, "InstanceProfile is required"),
        ({"JobFlowRole": "nobody"}, "Invalid InstanceProfile: nobody"),
        ({"ServiceRole": None}, "ServiceRole is required"),
        ({"LogUri": "/tmp/logs"}, "is not a valid s3 path"),
        ({"Name": ""}, "between 1 and 256 characters"),
        ({"StepConcurrencyLevel": 300}, "between 1 and 256"),
        ({"AutoTerminationPolicy": {"IdleTimeout": 5}}, "between 60 and 604800"),
        ({"EbsRootVolumeSize": 5}, "between 10 and 100"),
        ({"Tags": [{"Key": "aws:x", "Value": "y"}]}, "may not start with 'aws:'"),
        ({"BootstrapActions": [{"Name": "x", "ScriptBootstrapAction": {"Path": "x"}}]}, "valid s3"),
        ({"Configurations": [{"Classification": "hdfs-site",
                              "Properties": {"dfs.blocksize": "x"}}]},
         "not a positive whole number"),
        ({"Instances": {"Ec2KeyName": "none"}}, "Ec2 key name none is not valid"),
        ({"Instances": {"Ec2SubnetId": "subnet-00000000"}}, "subnet-00000000 does not exist"),
        ({"Instances": {"InstanceGroups": [CORE]}}, "Exactly one master instance group"),
        ({"Instances": {"InstanceGroups": [MASTER, CORE, CORE]}}, "At most one core"),
        ({"Instances": {"InstanceGroups": [{**MASTER, "InstanceType": "t3.micro"}]}},
         "Instance type 't3.micro' is not supported"),
        ({"Instances": {"InstanceGroups": [MASTER, {**CORE, "InstanceCount": 500}]}}, "quota"),
        ({"Instances": {"InstanceCount": 2}}, "one and only one of the following"),
        ({"Instances": {"EmrManagedMasterSecurityGroup": "sg-1"}}, "Both EmrManagedMaster"),
        ({"Instances": {"EmrManagedMasterSecurityGroup": "sg-1",
                        "EmrManagedSlaveSecurityGroup": "sg-1"}}, "'sg-1' does not exist"),
        ({"Steps": [{"Name": "x", "ActionOnFailure": "PANIC",
                     "HadoopJarStep": {"Jar": "command-runner.jar"}}]}, "enum value set"),
        ({"StepConcurrencyLevel": 2,
          "Steps": [{"Name": "x", "ActionOnFailure": "TERMINATE_CLUSTER",
                     "HadoopJarStep": {"Jar": "command-runner.jar"}}]}, "must be CONTINUE"),
    ],
)  # fmt: skip
def test_bad_clusters_are_refused(emr: Emr, changes: dict[str, Any], words: str) -> None:
    before = len(emr.emr.list_clusters()["Clusters"])
    given = {k: v for k, v in emr.parameters(**changes).items() if v is not None}
    _, code, message = refused(emr.emr.run_job_flow, **given)
    assert code == "ValidationException"
    assert words in message
    assert len(emr.emr.list_clusters()["Clusters"]) == before


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"Applications": [{"Name": "HBase"}]}, "the application HBase"),
        ({"Applications": [{"Name": "Pig"}]}, "the application Pig"),
        ({"SecurityConfiguration": "x"}, "SecurityConfiguration"),
        ({"Instances": {"InstanceGroups": None, "InstanceFleets": [
            {"InstanceFleetType": "MASTER", "TargetOnDemandCapacity": 1}]}}, "InstanceFleets"),
        ({"Instances": {"InstanceGroups": [{**MASTER, "Market": "SPOT"}]}}, "the spot market"),
        ({"Instances": {"InstanceGroups": [{**MASTER, "EbsConfiguration": {
            "EbsBlockDeviceConfigs": [{"VolumeSpecification": {
                "VolumeType": "gp3", "SizeInGB": 32}}]}}]}}, "machines have no disk but"),
    ],
)  # fmt: skip
def test_what_is_not_done_says_so(emr: Emr, changes: dict[str, Any], what: str) -> None:
    given = emr.parameters(**changes)
    given["Instances"] = {k: v for k, v in given["Instances"].items() if v is not None}
    status, code, message = refused(emr.emr.run_job_flow, **given)
    assert (status, code) == (501, "NotImplemented")
    assert what in message


def test_pretended_operations_are_not_answered(emr: Emr) -> None:
    for call in (emr.emr.list_studios, emr.emr.list_security_configurations):
        assert refused(call)[:2] == (501, "NotImplemented")


def test_the_profile_must_be_trusted_by_ec2_and_passed_by_the_caller(emr: Emr) -> None:
    iam = emr.cloud.client("iam")
    iam.create_role(RoleName="untrusted", AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
    iam.create_instance_profile(InstanceProfileName="untrusted")
    given = emr.parameters(JobFlowRole="untrusted")
    assert "Invalid InstanceProfile: untrusted" in refused(emr.emr.run_job_flow, **given)[2]
    iam.add_role_to_instance_profile(InstanceProfileName="untrusted", RoleName="untrusted")
    _, code, message = refused(emr.emr.run_job_flow, **given)
    assert code == "AccessDeniedException"
    assert message.startswith("Failed to authorize instance profile arn:aws:iam::")
    user = emr.cloud.as_user("emr", "runner", policy(statement("Allow", "elasticmapreduce:*", "*")))
    _, code, message = refused(user.run_job_flow, **emr.parameters())
    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: arn:aws:iam::{emr.cloud.account}:role/{emr.role}" in message
    nobody = emr.cloud.as_user("emr", "nobody")
    _, code, message = refused(nobody.list_clusters)
    assert code == "AccessDeniedException"
    assert "elasticmapreduce:ListClusters" in message


def test_a_bad_service_role_ends_the_cluster(emr: Emr) -> None:
    iam = emr.cloud.client("iam")
    for name, words in (
        ("no-such-role", "EMR service role arn:aws:iam::{}:role/no-such-role is invalid"),
        (
            "weak-role",
            "Service role arn:aws:iam::{}:role/weak-role has insufficient EC2 permissions",
        ),
    ):
        if name == "weak-role":
            document = trust("elasticmapreduce.amazonaws.com")
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        cluster = emr.run(ServiceRole=name)
        emr.wait(cluster, "TERMINATED_WITH_ERRORS")
        assert state_of(emr, cluster)[1:] == ("VALIDATION_ERROR", words.format(emr.cloud.account))
        assert instances(emr, cluster) == []


# ---- its life


def test_the_states_of_a_cluster(emr: Emr) -> None:
    script = emr.put("code/first.sh", "#!/bin/bash\ntrue\n")
    began = time.monotonic()
    step = {"Name": "s", "HadoopJarStep": {"Jar": "script-runner.jar", "Args": [script]}}
    tags = [{"Key": "team", "Value": "data"}]
    cluster = emr.run(Steps=[step], Tags=tags, Instances={"InstanceGroups": [MASTER, CORE]})
    seen: list[str] = []

    def watch() -> bool:
        state = state_of(emr, cluster)[0]
        if seen[-1:] != [state]:
            seen.append(state)
        return state == "WAITING"

    wait_for(watch, "the cluster waits")
    assert time.monotonic() - began < 15
    assert seen == ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
    found = emr.describe(cluster)
    assert (
        found["Status"]["StateChangeReason"]["Message"]
        == "Cluster ready after last step completed."
    )
    timeline = found["Status"]["Timeline"]
    assert timeline["CreationDateTime"] <= timeline["ReadyDateTime"]
    assert found["Applications"] == [
        {"Name": "Hadoop", "Version": "3.4.0"}, {"Name": "Hive", "Version": "3.1.3"},
    ]  # fmt: skip
    assert found["AutoTerminate"] is False
    emr.emr.get_waiter("cluster_running").wait(
        ClusterId=cluster, WaiterConfig={"Delay": 0, "MaxAttempts": 1}
    )
    check_instances(emr, cluster)
    emr.emr.terminate_job_flows(JobFlowIds=[cluster])
    assert state_of(emr, cluster)[0] in ("WAITING", "TERMINATING")
    wait_for(lambda: state_of(emr, cluster)[0] == "TERMINATING", "it is terminating")
    emr.wait(cluster, "TERMINATED")
    assert state_of(emr, cluster)[1:] == ("USER_REQUEST", "Terminated by user request")
    check_nothing_is_left(emr, cluster)


def check_instances(emr: Emr, cluster: str) -> None:
    members = emr.emr.list_instances(ClusterId=cluster)["Instances"]
    assert [one["Status"]["State"] for one in members] == ["RUNNING", "RUNNING"]
    described = {one["InstanceId"]: one for one in instances(emr, cluster)}
    assert set(described) == {one["Ec2InstanceId"] for one in members}
    for one in described.values():
        tags = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        assert tags["team"] == "data"
        assert one["State"]["Name"] == "running"
    groups = emr.emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    assert [(g["InstanceGroupType"], g["RunningInstanceCount"]) for g in groups] == [
        ("MASTER", 1), ("CORE", 1),
    ]  # fmt: skip
    kinds = emr.emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["MASTER"])["Instances"]
    assert [one["PublicIpAddress"] for one in kinds] == [
        emr.describe(cluster)["MasterPublicDnsName"]
    ]


def check_nothing_is_left(emr: Emr, cluster: str) -> None:
    assert {one["State"]["Name"] for one in instances(emr, cluster)} == {"terminated"}
    members = emr.emr.list_instances(ClusterId=cluster)["Instances"]
    assert {one["Status"]["State"] for one in members} == {"TERMINATED"}
    directory = emr.cloud.server.settings.directory
    assert not (directory / "emr" / cluster).exists()
    for one in members:
        assert not (directory / "machines" / one["Ec2InstanceId"]).exists()


def test_a_transient_cluster_ends_by_itself(emr: Emr) -> None:
    step = {"Name": "s", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["hostname"]}}
    cluster = emr.run(Steps=[step], Instances={"KeepJobFlowAliveWhenNoSteps": False})
    emr.wait(cluster, "TERMINATED")
    assert state_of(emr, cluster)[1:] == ("ALL_STEPS_COMPLETED", "Steps completed")
    (found,) = emr.emr.list_steps(ClusterId=cluster)["Steps"]
    assert found["Status"]["State"] == "COMPLETED"
    assert emr.logs(cluster, found["Id"])["stdout"].startswith("ip-")
    emr.emr.get_waiter("cluster_terminated").wait(
        ClusterId=cluster, WaiterConfig={"Delay": 0, "MaxAttempts": 1}
    )
    _, code, message = refused(emr.emr.add_job_flow_steps, JobFlowId=cluster, Steps=[step])
    assert (code, "may not be modified" in message) == ("ValidationException", True)


@pytest.mark.parametrize("action", ["TERMINATE_CLUSTER", "CANCEL_AND_WAIT", "CONTINUE"])
def test_what_a_failed_step_does(emr: Emr, action: str) -> None:
    def step(program: str) -> dict[str, Any]:
        run = {"Jar": "command-runner.jar", "Args": [program]}
        return {"Name": program, "ActionOnFailure": action, "HadoopJarStep": run}

    cluster = emr.run(Steps=[step("false"), step("true")])
    end = "TERMINATED_WITH_ERRORS" if action == "TERMINATE_CLUSTER" else "WAITING"
    emr.wait(cluster, end)
    wait_for(lambda: state_of(emr, cluster)[0] == end, end)
    second, first = emr.emr.list_steps(ClusterId=cluster)["Steps"]
    assert first["Status"]["State"] == "FAILED"
    assert second["Status"]["State"] == ("COMPLETED" if action == "CONTINUE" else "CANCELLED")
    words = {
        "TERMINATE_CLUSTER": ("STEP_FAILURE", "Shut down as step failed"),
        "CANCEL_AND_WAIT": ("", "Cluster ready after last step failed."),
        "CONTINUE": ("", "Cluster ready after last step completed."),
    }
    assert state_of(emr, cluster)[1:] == words[action]


def test_bootstrap_actions_run_on_each_instance(emr: Emr) -> None:
    path = emr.put("code/boot.sh", '#!/bin/bash\nwhoami; echo "$1" > ~/booted\n')
    action = {"Name": "b", "ScriptBootstrapAction": {"Path": path, "Args": ["yes"]}}
    cluster = emr.run(BootstrapActions=[action], Instances={"InstanceGroups": [MASTER, CORE]})
    emr.wait(cluster, "WAITING")
    assert emr.emr.list_bootstrap_actions(ClusterId=cluster)["BootstrapActions"] == [
        {"Name": "b", "ScriptPath": path, "Args": ["yes"]}
    ]
    logs = [key for key in emr.keys(f"logs/{cluster}/node/") if key.endswith("stdout.gz")]
    ids = {one["InstanceId"] for one in instances(emr, cluster)}
    assert {key.split("/")[3] for key in logs} == ids
    assert emr.do(cluster, "cat", "/home/hadoop/booted")["logs"]["stdout"] == "yes\n"


@pytest.mark.parametrize("script", ["#!/bin/bash\nexit 7\n", None])
def test_a_bootstrap_action_that_fails(emr: Emr, script: str | None) -> None:
    key = "code/bad-boot.sh" if script else "code/no-boot.sh"
    path = emr.put(key, script) if script else f"s3://{emr.bucket}/{key}"
    action = {"Name": "b", "ScriptBootstrapAction": {"Path": path}}
    cluster = emr.run(BootstrapActions=[action])
    emr.wait(cluster, "TERMINATED_WITH_ERRORS")
    _, code, message = state_of(emr, cluster)
    assert code == "BOOTSTRAP_FAILURE"
    assert message.startswith("On the master instance (i-")
    words = (
        "bootstrap action 1 returned a non-zero return code" if script else "could not be fetched"
    )
    assert words in message
    check_nothing_is_left(emr, cluster)


def test_steps_run_at_the_same_time(emr: Emr) -> None:
    cluster = emr.run(StepConcurrencyLevel=3)
    emr.wait(cluster, "WAITING")
    # Each waits for the others: one after the other they would never end.
    command = "touch /tmp/$0; while ! [ -e /tmp/a -a -e /tmp/b -a -e /tmp/c ]; do sleep 0.05; done"
    steps = [emr.add(cluster, "bash", "-c", command, name) for name in "abc"]
    for one in steps:
        assert emr.wait_step(cluster, one)["Status"]["State"] == "COMPLETED"
    found = emr.emr.modify_cluster(ClusterId=cluster, StepConcurrencyLevel=1)
    assert found["StepConcurrencyLevel"] == 1
    assert emr.describe(cluster)["StepConcurrencyLevel"] == 1


def test_termination_protection(emr: Emr) -> None:
    cluster = emr.run(Instances={"TerminationProtected": True})
    emr.wait(cluster, "WAITING")
    _, code, message = refused(emr.emr.terminate_job_flows, JobFlowIds=[cluster])
    assert (code, "termination protected" in message) == ("ValidationException", True)
    ids = [one["InstanceId"] for one in instances(emr, cluster)]
    ec2 = emr.cloud.client("ec2")
    assert refused(ec2.terminate_instances, InstanceIds=ids)[1] == "OperationNotPermitted"
    emr.emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)
    assert emr.describe(cluster)["TerminationProtected"] is False
    ec2.terminate_instances(InstanceIds=ids)
    emr.wait(cluster, "TERMINATED_WITH_ERRORS")
    assert state_of(emr, cluster)[1] == "INSTANCE_FAILURE"


def test_a_cluster_that_is_idle_ends(tmp_path: Path) -> None:
    for cloud in running(tmp_path):
        for emr in make_emr(cloud, tmp_path):
            cluster = emr.run(AutoTerminationPolicy={"IdleTimeout": 300})
            emr.wait(cluster, "WAITING")
            found = emr.emr.get_auto_termination_policy(ClusterId=cluster)
            assert found["AutoTerminationPolicy"] == {"IdleTimeout": 300}
            emr.do(cluster, "true")
            cloud.offset += timedelta(seconds=250)
            emr.do(cluster, "true")  # which makes it busy again
            cloud.offset += timedelta(seconds=250)
            assert state_of(emr, cluster)[0] == "WAITING"
            policy = {"IdleTimeout": 60}
            emr.emr.put_auto_termination_policy(ClusterId=cluster, AutoTerminationPolicy=policy)
            emr.wait(cluster, "WAITING")
            cloud.offset += timedelta(seconds=61)
            emr.wait(cluster, "TERMINATED")
            assert "idle for 60 seconds" in state_of(emr, cluster)[2]


def test_instances_by_type_and_count(emr: Emr) -> None:
    given = emr.parameters(Name="by-count", Applications=[])
    del given["Instances"]["InstanceGroups"]
    given["Instances"] |= {
        "MasterInstanceType": "m5.xlarge", "SlaveInstanceType": "c5.2xlarge", "InstanceCount": 3,
    }  # fmt: skip
    cluster = emr.emr.run_job_flow(**given)["JobFlowId"]
    emr.started.append(cluster)
    emr.wait(cluster, "WAITING")
    groups = emr.emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    names = ("InstanceGroupType", "InstanceType", "RequestedInstanceCount")
    assert [tuple(one[name] for name in names) for one in groups] == [
        ("MASTER", "m5.xlarge", 1), ("CORE", "c5.2xlarge", 2),
    ]  # fmt: skip
    assert emr.describe(cluster)["Applications"] == [{"Name": "Hadoop", "Version": "3.4.0"}]
    step = emr.fail(cluster, "hive", "-e", "select 1")
    assert "hive" in step["Status"]["FailureDetails"]["Message"]


def test_resizing_keeps_the_data(emr: Emr) -> None:
    task = {"InstanceRole": "TASK", "InstanceType": "m5.xlarge", "InstanceCount": 1}
    cluster = emr.run(Instances={"InstanceGroups": [MASTER, {**CORE, "InstanceCount": 2}]})
    emr.wait(cluster, "WAITING")
    emr.do(cluster, "bash", "-c", "seq 100000 | hdfs dfs -put - /numbers")
    groups = {
        one["InstanceGroupType"]: one["Id"]
        for one in emr.emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
    }

    def resize(count: int) -> None:
        change = {"InstanceGroupId": groups["CORE"], "InstanceCount": count}
        emr.emr.modify_instance_groups(InstanceGroups=[change])

        def sizes() -> list[tuple[int, str]]:
            return [
                (one["RunningInstanceCount"], one["Status"]["State"])
                for one in emr.emr.list_instance_groups(ClusterId=cluster)["InstanceGroups"]
                if one["InstanceGroupType"] == "CORE"
            ]

        wait_for(lambda: sizes() == [(count, "RUNNING")], f"{count} core nodes")

    resize(3)
    assert emr.do(cluster, "yarn", "node", "-list")["logs"]["stdout"].startswith("Total Nodes:3")
    resize(1)
    count = emr.do(cluster, "bash", "-c", "hdfs dfs -cat /numbers | wc -l")["logs"]["stdout"]
    assert count.strip() == "100000"
    assert (
        refused(
            emr.emr.modify_instance_groups,
            InstanceGroups=[{"InstanceGroupId": groups["MASTER"], "InstanceCount": 2}],
        )[1]
        == "ValidationException"
    )
    emr.emr.add_instance_groups(JobFlowId=cluster, InstanceGroups=[task])
    wait_for(
        lambda: emr.emr.list_instances(ClusterId=cluster, InstanceGroupTypes=["TASK"],
                                       InstanceStates=["RUNNING"])["Instances"],
        "a task instance runs",
    )  # fmt: skip
    assert emr.do(cluster, "yarn", "node", "-list")["logs"]["stdout"].startswith("Total Nodes:2")


# ---- security groups


def test_emr_makes_its_own_groups_which_stay(emr: Emr) -> None:
    ec2 = emr.cloud.client("ec2")
    cluster = emr.run(Instances={"InstanceGroups": [MASTER, CORE]})
    attributes = emr.wait(cluster, "WAITING")["Ec2InstanceAttributes"]
    names = {}
    for kind in ("Master", "Slave"):
        group = attributes[f"EmrManaged{kind}SecurityGroup"]
        (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        names[kind] = found["GroupName"]
        sources = {p["GroupId"] for r in found["IpPermissions"] for p in r["UserIdGroupPairs"]}
        assert len(sources) == 2
    assert names == {"Master": "ElasticMapReduce-master", "Slave": "ElasticMapReduce-slave"}
    master = attributes["EmrManagedMasterSecurityGroup"]
    login = emr.login(cluster)
    assert not connects(login.host, login.port)
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    ec2.authorize_security_group_ingress(GroupId=master, CidrIp="127.0.0.1/32", **rule)
    assert connects(login.host, login.port)
    ec2.revoke_security_group_ingress(GroupId=master, CidrIp="127.0.0.1/32", **rule)
    assert not connects(login.host, login.port)
    assert refused(ec2.delete_security_group, GroupId=master)[1] == "DependencyViolation"


def test_groups_that_open_everything_are_blocked(emr: Emr) -> None:
    ec2 = emr.cloud.client("ec2")
    found = emr.emr.get_block_public_access_configuration()["BlockPublicAccessConfiguration"]
    assert found == {
        "BlockPublicSecurityGroupRules": True,
        "PermittedPublicSecurityGroupRuleRanges": [{"MinRange": 22, "MaxRange": 22}],
    }
    groups = [
        ec2.create_security_group(GroupName=f"own-{kind}-{emr.bucket}", Description="d")["GroupId"]
        for kind in ("master", "slave")
    ]
    rule = {"IpProtocol": "tcp", "FromPort": 8888, "ToPort": 8888, "CidrIp": "0.0.0.0/0"}
    ec2.authorize_security_group_ingress(GroupId=groups[0], **rule)
    given = {
        "EmrManagedMasterSecurityGroup": groups[0],
        "EmrManagedSlaveSecurityGroup": groups[1],
    }
    cluster = emr.run(Instances=given)
    emr.wait(cluster, "TERMINATED_WITH_ERRORS")
    assert state_of(emr, cluster)[1] == "VALIDATION_ERROR"
    assert "block public access" in state_of(emr, cluster)[2]
    off = {"BlockPublicSecurityGroupRules": False}
    emr.emr.put_block_public_access_configuration(BlockPublicAccessConfiguration=off)
    try:
        cluster = emr.run(Instances=given)
        attributes = emr.wait(cluster, "WAITING")["Ec2InstanceAttributes"]
        assert attributes["EmrManagedMasterSecurityGroup"] == groups[0]
    finally:
        on = {
            "BlockPublicSecurityGroupRules": True,
            "PermittedPublicSecurityGroupRuleRanges": [{"MinRange": 22}],
        }
        emr.emr.put_block_public_access_configuration(BlockPublicAccessConfiguration=on)


# ---- lists


def test_clusters_are_listed_and_tagged(emr: Emr) -> None:
    cluster = emr.run(Name="listed")
    newest = emr.emr.list_clusters()["Clusters"][0]
    assert (newest["Id"], newest["Name"]) == (cluster, "listed")
    emr.wait(cluster, "WAITING")
    ids = [one["Id"] for one in emr.emr.list_clusters(ClusterStates=["WAITING"])["Clusters"]]
    assert cluster in ids
    created = newest["Status"]["Timeline"]["CreationDateTime"]
    later = emr.emr.list_clusters(CreatedAfter=created + timedelta(seconds=1))["Clusters"]
    assert cluster not in [one["Id"] for one in later]
    emr.emr.add_tags(ResourceId=cluster, Tags=[{"Key": "a", "Value": "b"}])
    assert {"Key": "a", "Value": "b"} in emr.describe(cluster)["Tags"]
    assert {"Key": "a", "Value": "b"} in instances(emr, cluster)[0]["Tags"]
    emr.emr.remove_tags(ResourceId=cluster, TagKeys=["a"])
    assert emr.describe(cluster)["Tags"] == []


def test_ids_that_are_not_there(emr: Emr) -> None:
    assert refused(emr.emr.describe_cluster, ClusterId="j-1")[1:] == (
        "InvalidRequestException", "Cluster id 'j-1' is not valid.",
    )  # fmt: skip
    assert refused(emr.emr.terminate_job_flows, JobFlowIds=["j-1"])[1:] == (
        "ValidationException", "Specified job flow ID not valid.",
    )  # fmt: skip
    with pytest.raises(ClientError) as caught:
        emr.emr.describe_step(ClusterId="j-1", StepId="s-1")
    assert refusal(caught.value)[0] == "InvalidRequestException"


def test_releases_and_types(emr: Emr) -> None:
    labels = emr.emr.list_release_labels(Filters={"Prefix": "emr-7"})["ReleaseLabels"]
    assert labels[0] == "emr-7.9.0"
    assert all(one.startswith("emr-7.") for one in labels)
    found = emr.emr.describe_release_label(ReleaseLabel="emr-5.36.1")
    versions = {one["Name"]: one["Version"] for one in found["Applications"]}
    assert (versions["Hive"], versions["Hadoop"], versions["Ganglia"]) == (
        "2.3.9",
        "2.10.1",
        "3.7.2",
    )
    types: list[dict[str, Any]] = []
    marker: dict[str, str] = {}
    while True:
        page = emr.emr.list_supported_instance_types(ReleaseLabel=labels[0], **marker)
        types += page["SupportedInstanceTypes"]
        if "Marker" not in page:
            break
        marker = {"Marker": page["Marker"]}
    known = {one["Type"]: one for one in types}
    assert len(known) == len(types)
    assert (known["m5.xlarge"]["VCPU"], known["m5.xlarge"]["MemoryGB"]) == (4, 16.0)
    assert "t3.micro" not in known


def test_a_cloud_that_ends_takes_its_clusters_along(tmp_path: Path) -> None:
    for cloud in running(tmp_path):
        for emr in make_emr(cloud, tmp_path):
            assert cloud.server.is_empty is False  # the roles and the bucket
            cluster = emr.run()
            emr.wait(cluster, "WAITING")
            emr.add(cluster, "sleep", "4321")
            wait_for(lambda: count_processes("sleep", "4321"), "the step sleeps")
            (instance,) = instances(emr, cluster)
            machine = tmp_path / "machines" / instance["InstanceId"]
            assert machine.exists()
            emr.started.clear()
    assert not machine.exists()
    assert not count_processes("sleep", "4321")
