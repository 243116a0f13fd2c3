"""The life of instances: what RunInstances accepts, the states, attributes and descriptions."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from labrunner.localcloud.machines import Machines
from labrunner.localcloud.machines.isolation import Unavailable
from labrunner.localcloud.machines.spec import MachineSpec, User
from labrunner.localcloud.services.ec2.devices import find_root_volume
from labrunner.localcloud.services.ec2.fleet import Fleet
from labrunner.localcloud.services.ec2.launch import (
    Launch,
    find_image,
    find_key_pair,
    metadata_options,
)
from labrunner.localcloud.services.ec2.placement import find_place
from labrunner.localcloud.services.ec2.run import launch_instances, require_machines

from .conftest import LocalCloud, refused, running, statement
from .instances import Account, connects, make_account, needs_machines, ssh_port, wait_for

pytestmark = needs_machines
ARM_TYPE = "t4g.micro"


@pytest.fixture(scope="module")
def account(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    made = make_account(cloud, tmp_path_factory.mktemp("keys"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def instance(account: Account) -> dict[str, Any]:
    return account.run(SecurityGroupIds=[account.group(22)])


# ---- what RunInstances refuses


BAD: list[tuple[dict[str, Any], str]] = [
    ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
    ({"ImageId": "nonsense"}, "InvalidAMIID.Malformed"),
    ({"ImageId": None}, "MissingParameter"),
    ({"InstanceType": "t9.gigantic"}, "InvalidParameterValue"),
    ({"InstanceType": ARM_TYPE}, "InvalidParameterValue"),  # the image is for x86_64
    ({"KeyName": "no-such-key"}, "InvalidKeyPair.NotFound"),
    ({"SecurityGroupIds": ["sg-00000000"]}, "InvalidGroup.NotFound"),
    ({"SecurityGroups": ["no-such-group"]}, "InvalidGroup.NotFound"),
    ({"SubnetId": "subnet-00000000"}, "InvalidSubnetID.NotFound"),
    ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"),
    ({"MinCount": 0}, "InvalidParameterValue"),
    ({"MinCount": 1000, "MaxCount": 1000}, "InstanceLimitExceeded"),
    ({"UserData": "#!/bin/sh\n" + "x" * 16384}, "InvalidParameterValue"),
    ({"UserData": "#cloud-config\nruncmd: [ls]\n"}, "InvalidParameterValue"),
    ({"UserData": "Content-Type: multipart/mixed; boundary=x\n"}, "InvalidParameterValue"),
    ({"InstanceInitiatedShutdownBehavior": "explode"}, "InvalidParameterValue"),
    ({"MetadataOptions": {"HttpTokens": "maybe"}}, "InvalidParameterValue"),
    ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue"),
    ({"IamInstanceProfile": {"Name": "no-such-profile"}}, "InvalidParameterValue"),
    ({"Placement": {"AvailabilityZone": "us-east-1x"}}, "InvalidParameterValue"),
    ({"CreditSpecification": {"CpuCredits": "endless"}}, "InvalidParameterValue"),
    ({"InstanceType": "m5.large", "CreditSpecification": {"CpuCredits": "standard"}},
     "InvalidParameterCombination"),
    ({"PrivateIpAddress": "10.9.9.9"}, "InvalidParameterValue"),
    ({"TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]},
     "InvalidParameterValue"),
    ({"TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "aws:a", "Value": "b"}]}
     ]}, "InvalidParameterValue"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "gp9"}}]},
     "InvalidParameterValue"),
    ({"DryRun": True}, "DryRunOperation"),
    # What would only be pretended.
    ({"Monitoring": {"Enabled": True}}, "NotImplemented"),
    ({"InstanceMarketOptions": {"MarketType": "spot"}}, "NotImplemented"),
    ({"Placement": {"Tenancy": "dedicated"}}, "NotImplemented"),
    ({"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}]},
     "NotImplemented"),
    ({"HibernationOptions": {"Configured": True}}, "NotImplemented"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "code"), BAD, ids=[f"{c}-{min(p)}" for p, c in BAD])
def test_refusals_create_nothing(account: Account, parameters: dict[str, Any], code: str) -> None:
    before = count(account)
    assert refused(account.launch, **parameters)[1] == code
    assert count(account) == before


def count(account: Account) -> tuple[int, int, int]:
    ec2 = account.ec2
    instances = sum(len(r["Instances"]) for r in ec2.describe_instances()["Reservations"])
    volumes = len(ec2.describe_volumes()["Volumes"])
    return instances, volumes, len(ec2.describe_network_interfaces()["NetworkInterfaces"])


def test_groups_of_another_network(account: Account) -> None:
    ec2 = account.ec2
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="far", Description="d", VpcId=vpc)["GroupId"]
    assert refused(account.launch, SecurityGroupIds=[group])[1] == "InvalidParameter"
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)


def test_a_type_that_the_zone_does_not_sell(account: Account) -> None:
    ec2 = account.ec2
    filters = [{"Name": "instance-type", "Values": ["t3.micro"]}]
    offered = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=filters
    )["InstanceTypeOfferings"]
    zones = {one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"]}
    missing = zones - {one["Location"] for one in offered}
    assert missing
    status, code, text = refused(account.launch, Placement={"AvailabilityZone": min(missing)})
    assert (status, code) == (400, "Unsupported")
    assert offered[0]["Location"] in text


def test_a_client_token_is_idempotent(account: Account) -> None:
    token = uuid.uuid4().hex
    first, again = account.launch(ClientToken=token), account.launch(ClientToken=token)
    assert first == again
    got = refused(account.launch, ClientToken=token, InstanceType="t3.small")
    assert got[1] == "IdempotentParameterMismatch"
    filters = [{"Name": "client-token", "Values": [token]}]
    found = account.ec2.describe_instances(Filters=filters)["Reservations"]
    assert [one["InstanceId"] for r in found for one in r["Instances"]] == [first]


def test_only_who_may_pass_the_role(account: Account, cloud: LocalCloud) -> None:
    iam, name = cloud.client("iam"), f"r-{uuid.uuid4().hex[:8]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    policy = {"Version": "2012-10-17", "Statement": [statement("Allow", ["ec2:*"], "*")]}
    ec2 = cloud.as_user("ec2", f"u-{name}", policy)
    parameters = {
        "ImageId": account.image,
        "InstanceType": "t3.micro",
        "MinCount": 1,
        "MaxCount": 1,
        "DryRun": True,
    }
    profile = {"IamInstanceProfile": {"Name": name}}
    assert refused(ec2.run_instances, **parameters)[1] == "DryRunOperation"
    assert refused(ec2.run_instances, **parameters, **profile)[1] == "UnauthorizedOperation"
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)


TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ec2.amazonaws.com"}}]}'
)


# ---- what an instance is


def test_what_was_asked_for_is_described(account: Account) -> None:
    ec2 = account.ec2
    subnet = ec2.describe_subnets()["Subnets"][0]
    group = account.group()
    kinds = ("instance", "volume", "network-interface")
    one = account.run(
        NetworkInterfaces=[
            {
                "DeviceIndex": 0,
                "SubnetId": subnet["SubnetId"],
                "Groups": [group],
                "AssociatePublicIpAddress": True,
                "DeleteOnTermination": True,
                "Description": "the only one",
            }
        ],
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        BlockDeviceMappings=[
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {
                    "VolumeSize": 12,
                    "VolumeType": "gp3",
                    "Iops": 4000,
                    "Throughput": 200,
                    "Encrypted": True,
                    "DeleteOnTermination": True,
                },
            }
        ],
        CreditSpecification={"CpuCredits": "standard"},
        TagSpecifications=[
            {"ResourceType": kind, "Tags": [{"Key": "Of", "Value": kind}]} for kind in kinds
        ],
    )
    assert one["InstanceType"] == "t3.micro"
    assert one["Placement"]["AvailabilityZone"] == subnet["AvailabilityZone"]
    assert one["SecurityGroups"][0]["GroupId"] == group
    assert one["MetadataOptions"]["HttpTokens"] == "required"
    assert one["PublicIpAddress"].startswith("127.")
    assert one["PublicDnsName"] == ""
    assert {"Key": "Of", "Value": "instance"} in one["Tags"]
    assert "StateReason" not in one
    volume = ec2.describe_volumes(VolumeIds=[one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])[
        "Volumes"
    ][0]
    found = [volume[name] for name in ("Size", "VolumeType", "Iops", "Throughput", "Encrypted")]
    assert found == [12, "gp3", 4000, 200, True]
    assert volume["Tags"] == [{"Key": "Of", "Value": "volume"}]
    interface = ec2.describe_network_interfaces(
        NetworkInterfaceIds=[one["NetworkInterfaces"][0]["NetworkInterfaceId"]]
    )["NetworkInterfaces"][0]
    assert interface["Description"] == "the only one"
    assert interface["TagSet"] == [{"Key": "Of", "Value": "network-interface"}]
    assert [one["GroupId"] for one in interface["Groups"]] == [group]
    found = ec2.describe_instance_credit_specifications(InstanceIds=[one["InstanceId"]])
    assert found["InstanceCreditSpecifications"][0]["CpuCredits"] == "standard"


def test_defaults(instance: dict[str, Any], account: Account) -> None:
    assert instance["MetadataOptions"]["HttpTokens"] == "required"  # as the image asks for
    device = instance["BlockDeviceMappings"][0]
    assert (device["DeviceName"], device["Ebs"]["DeleteOnTermination"]) == ("/dev/xvda", True)
    assert instance["NetworkInterfaces"][0]["Attachment"]["DeleteOnTermination"] is True
    assert instance["SubnetId"].startswith("subnet-")
    found = account.ec2.describe_instance_credit_specifications(
        InstanceIds=[instance["InstanceId"]]
    )
    assert found["InstanceCreditSpecifications"][0]["CpuCredits"] == "unlimited"


def test_several_at_once(account: Account) -> None:
    found = account.ec2.run_instances(
        ImageId=account.image, InstanceType="t3.micro", MinCount=2, MaxCount=3
    )["Instances"]
    ids = [one["InstanceId"] for one in found]
    account.launched += ids
    assert [one["AmiLaunchIndex"] for one in found] == [0, 1, 2]
    assert {one["State"]["Name"] for one in found} == {"pending"}
    described = [account.wait_state(one, "running") for one in ids]
    addresses = {(one["PublicIpAddress"], ssh_port(one)) for one in described}
    assert len(addresses) == 3


def test_a_launch_template(account: Account) -> None:
    ec2, name = account.ec2, f"lt-{uuid.uuid4().hex[:8]}"
    data = {
        "ImageId": account.image,
        "InstanceType": "t3.small",
        "KeyName": account.key_name,
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "From", "Value": "template"}]}
        ],
    }
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    one = account.run(
        ImageId=None, InstanceType=None, KeyName=None, LaunchTemplate={"LaunchTemplateName": name}
    )
    assert (one["InstanceType"], one["KeyName"]) == ("t3.small", account.key_name)
    assert {"Key": "From", "Value": "template"} in one["Tags"]
    ec2.delete_launch_template(LaunchTemplateName=name)


# ---- descriptions


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("instance-state-name", "running", True),
        ("instance-state-name", "stopped", False),
        ("instance-state-code", "16", True),
        ("instance-type", "t3.*", True),
        ("instance-type", "t?.micro", True),
        ("instance-type", "m5.*", False),
        ("key-name", "{key}", True),
        ("ip-address", "{ip}", True),
        ("tag:Missing", "x", False),
        ("instance-id", "{id}", True),
    ],
)
def test_filters(
    account: Account, instance: dict[str, Any], name: str, value: str, *, found: bool
) -> None:
    value = value.format(
        key=account.key_name, ip=instance["PublicIpAddress"], id=instance["InstanceId"]
    )
    got = account.ec2.describe_instances(
        InstanceIds=[instance["InstanceId"]], Filters=[{"Name": name, "Values": [value]}]
    )["Reservations"]
    assert bool(got) is found


def test_tag_filters(account: Account) -> None:
    value = uuid.uuid4().hex
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Run", "Value": value}]}]
    one = account.launch(TagSpecifications=tags)
    for filters in (
        {"Name": "tag:Run", "Values": [value]},
        {"Name": "tag:Run", "Values": [f"{value[:8]}*"]},
        {"Name": "tag-value", "Values": [value]},
    ):
        found = account.ec2.describe_instances(Filters=[filters])["Reservations"]
        assert [i["InstanceId"] for r in found for i in r["Instances"]] == [one]


def test_an_unknown_filter_or_id(account: Account) -> None:
    ec2 = account.ec2
    filters = [{"Name": "colour", "Values": ["red"]}]
    assert refused(ec2.describe_instances, Filters=filters)[1] == "InvalidParameterValue"
    missing = refused(ec2.describe_instances, InstanceIds=["i-00000000000000000"])
    assert missing[:2] == (400, "InvalidInstanceID.NotFound")
    malformed = refused(ec2.describe_instances, InstanceIds=["nonsense"])
    assert malformed[1] == "InvalidInstanceID.Malformed"


def test_pages(account: Account) -> None:
    ec2 = account.ec2
    launched = [account.launch() for _ in range(6)]
    pages = ec2.get_paginator("describe_instances").paginate(
        PaginationConfig={"PageSize": 5},
        Filters=[{"Name": "instance-id", "Values": launched}],
    )
    found = [[i["InstanceId"] for r in p["Reservations"] for i in r["Instances"]] for p in pages]
    assert [len(one) for one in found] == [5, 1]
    assert sorted(name for page in found for name in page) == sorted(launched)
    ec2.terminate_instances(InstanceIds=launched)


def test_status(account: Account, instance: dict[str, Any]) -> None:
    ec2, one = account.ec2, instance["InstanceId"]
    (found,) = ec2.describe_instance_status(InstanceIds=[one])["InstanceStatuses"]
    assert found["InstanceState"] == {"Code": 16, "Name": "running"}
    assert found["InstanceStatus"]["Status"] == found["SystemStatus"]["Status"] == "ok"


def test_waiters(account: Account) -> None:
    ec2, one = account.ec2, account.launch()
    quick = {"Delay": 1, "MaxAttempts": 30}
    for name in ("instance_running", "instance_status_ok"):
        ec2.get_waiter(name).wait(InstanceIds=[one], WaiterConfig=quick)
    ec2.terminate_instances(InstanceIds=[one])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[one], WaiterConfig=quick)


# ---- states


def test_stop_and_start(account: Account) -> None:
    ec2 = account.ec2
    one = account.run(SecurityGroupIds=[account.group(22)])
    name, before = one["InstanceId"], (one["PublicIpAddress"], ssh_port(one))
    wait_for(lambda: connects(*before), "the machine is reached")
    (change,) = ec2.stop_instances(InstanceIds=[name])["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == (
        "running",
        "stopping",
    )
    assert not connects(*before)
    stopped = account.wait_state(name, "stopped")
    assert "PublicIpAddress" not in stopped
    assert stopped["PrivateIpAddress"] == one["PrivateIpAddress"]
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert refused(ec2.reboot_instances, InstanceIds=[name])[1] == "IncorrectInstanceState"
    (change,) = ec2.start_instances(InstanceIds=[name])["StartingInstances"]
    assert change["CurrentState"]["Name"] == "pending"
    started = account.wait_state(name, "running")
    assert connects(started["PublicIpAddress"], ssh_port(started))
    (change,) = ec2.start_instances(InstanceIds=[name])["StartingInstances"]
    assert change["CurrentState"]["Name"] == change["PreviousState"]["Name"] == "running"


def test_terminate(account: Account) -> None:
    ec2, group = account.ec2, account.group(22)
    one = account.run(SecurityGroupIds=[group])
    name, place = one["InstanceId"], (one["PublicIpAddress"], ssh_port(one))
    volume = one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    assert refused(ec2.delete_security_group, GroupId=group)[1] == "DependencyViolation"
    (change,) = ec2.terminate_instances(InstanceIds=[name])["TerminatingInstances"]
    assert change["CurrentState"]["Name"] == "shutting-down"
    assert not connects(*place)
    ended = account.wait_state(name, "terminated")
    assert "PublicIpAddress" not in ended
    assert ended["NetworkInterfaces"] == []
    assert ended["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert refused(ec2.describe_volumes, VolumeIds=[volume])[1] == "InvalidVolume.NotFound"
    (again,) = ec2.terminate_instances(InstanceIds=[name])["TerminatingInstances"]
    assert again["CurrentState"]["Name"] == "terminated"
    assert refused(ec2.start_instances, InstanceIds=[name])[1] == "IncorrectInstanceState"
    assert refused(ec2.stop_instances, InstanceIds=[name])[1] == "IncorrectInstanceState"
    ec2.delete_security_group(GroupId=group)


def test_an_instance_that_is_terminated_while_it_boots(account: Account) -> None:
    one = account.launch()
    account.ec2.terminate_instances(InstanceIds=[one])
    account.wait_state(one, "terminated")


def test_volumes_may_stay(account: Account) -> None:
    ec2 = account.ec2
    device = {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False}}
    one = account.run(BlockDeviceMappings=[device])
    volume = one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    account.wait_state(one["InstanceId"], "terminated")
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available"
    ec2.delete_volume(VolumeId=volume)


def test_protection(account: Account) -> None:
    ec2, one = account.ec2, account.launch(DisableApiTermination=True, DisableApiStop=True)
    account.wait_state(one, "running")
    assert refused(ec2.terminate_instances, InstanceIds=[one])[1] == "OperationNotPermitted"
    assert refused(ec2.stop_instances, InstanceIds=[one])[1] == "OperationNotPermitted"
    assert account.describe(one)["State"]["Name"] == "running"
    ec2.modify_instance_attribute(InstanceId=one, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[one])


def test_attributes(account: Account, instance: dict[str, Any]) -> None:
    ec2, one = account.ec2, instance["InstanceId"]
    change = ec2.modify_instance_attribute
    change(InstanceId=one, InstanceInitiatedShutdownBehavior={"Value": "terminate"})
    found = ec2.describe_instance_attribute(
        InstanceId=one, Attribute="instanceInitiatedShutdownBehavior"
    )
    assert found["InstanceInitiatedShutdownBehavior"]["Value"] == "terminate"
    change(InstanceId=one, Attribute="instanceInitiatedShutdownBehavior", Value="stop")
    wanted = {"InstanceType": {"Value": "t3.small"}}
    assert refused(change, InstanceId=one, **wanted)[1] == "IncorrectInstanceState"
    got = refused(change, InstanceId=one, Groups=["sg-00000000"])
    assert got[1] == "InvalidGroup.NotFound"
    ec2.modify_instance_metadata_options(InstanceId=one, InstanceMetadataTags="enabled")
    options = account.describe(one)["MetadataOptions"]
    assert (options["InstanceMetadataTags"], options["HttpTokens"]) == ("enabled", "required")


def test_unknown_instances(account: Account) -> None:
    ec2, missing = account.ec2, ["i-00000000000000000"]
    calls = (
        ec2.start_instances,
        ec2.stop_instances,
        ec2.reboot_instances,
        ec2.terminate_instances,
    )
    for call in calls:
        assert refused(call, InstanceIds=missing)[1] == "InvalidInstanceID.NotFound"
    got = refused(ec2.get_console_output, InstanceId=missing[0])
    assert got[1] == "InvalidInstanceID.NotFound"


# ---- where there are no machines


def test_a_host_without_isolation_says_what_is_missing(tmp_path: Any) -> None:
    for cloud in running(tmp_path):
        account = make_account(cloud, tmp_path)
        app = cloud.server._load()
        app.cloud.state(Machines).verdict = Unavailable("There is no bwrap.", "Install it.")
        status, code, text = refused(account.launch)
        assert (status, code) == (400, "UnsupportedOperation")
        assert "There is no bwrap. Install it." in text
        assert account.ec2.describe_instances()["Reservations"] == []


def test_a_machine_that_does_not_boot_is_terminated(tmp_path: Any) -> None:
    for cloud in running(tmp_path):
        account = make_account(cloud, tmp_path)
        machines = cloud.server._load().cloud.state(Machines)
        isolation = type(machines.isolation())
        machines.verdict = isolation("/usr/bin/false")
        one = account.launch()
        ended = account.wait_state(one, "terminated")
        assert ended["StateReason"]["Code"] == "Server.InternalError"
        assert account.ec2.describe_volumes()["Volumes"] == []
        console = account.ec2.get_console_output(InstanceId=one)["Output"]
        assert "did not boot" in console


def test_ended_instances_leave_the_cloud_empty(tmp_path: Any) -> None:
    for cloud in running(tmp_path):
        account = make_account(cloud, tmp_path)
        one = account.run()
        cloud.client("ec2").delete_key_pair(KeyName=account.key_name)
        assert not cloud.server.is_empty
        account.ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
        account.wait_state(one["InstanceId"], "terminated")
        assert cloud.server.is_empty
        fleet = cloud.server._load().cloud.state(Fleet)
        fleet.hosted[one["InstanceId"]].ended -= timedelta(hours=2)
        assert account.ec2.describe_instances()["Reservations"] == []


# ---- key pairs


def test_key_pairs(account: Account) -> None:
    ec2 = account.ec2
    for kind in ("rsa", "ed25519"):
        name = f"made-{kind}"
        made = ec2.create_key_pair(KeyName=name, KeyType=kind)
        assert "PRIVATE KEY" in made["KeyMaterial"]
        assert refused(ec2.create_key_pair, KeyName=name)[1] == "InvalidKeyPair.Duplicate"
        (found,) = ec2.describe_key_pairs(KeyPairIds=[made["KeyPairId"]])["KeyPairs"]
        assert (found["KeyName"], found["KeyType"]) == (name, kind)
        ec2.delete_key_pair(KeyPairId=made["KeyPairId"])
        got = refused(ec2.describe_key_pairs, KeyNames=[name])
        assert got[1] == "InvalidKeyPair.NotFound"
    got = refused(ec2.import_key_pair, KeyName="bad", PublicKeyMaterial=b"not a key")
    assert got[1] == "InvalidKey.Format"
    got = refused(ec2.create_key_pair, KeyName="ppk", KeyFormat="ppk")
    assert got[1] == "NotImplemented"
    assert ec2.delete_key_pair(KeyName="never-made")["Return"] is True


# ---- machines of other services


def test_a_service_launches_instances_of_its_own_kind(account: Account, cloud: LocalCloud) -> None:
    inner = cloud.server._load().cloud
    machines, fleet = inner.state(Machines), inner.state(Fleet).of(inner)
    backend = fleet.backend("us-east-1")
    image = find_image(backend, account.image)

    def adapt(spec: MachineSpec) -> MachineSpec:
        hadoop = User("hadoop", authorized_keys=spec.login.authorized_keys)
        return replace(spec, users=(hadoop, User("hive", 1001)), environment={"HIVE": "here"})

    launch = Launch(
        image=image,
        instance_type="m5.xlarge",
        place=find_place(backend, {}, "m5.xlarge"),
        root=find_root_volume(image, {}),
        key_pair=find_key_pair(backend, account.key_name),
        metadata=metadata_options({}, image),
        tags={"instance": {"aws:elasticmapreduce:job-flow-id": "j-1"}},
        adapt=adapt,
    )
    require_machines(inner)
    (instance,) = launch_instances(inner, "us-east-1", launch).instances
    account.launched.append(instance.id)
    described = account.wait_state(instance.id, "running")
    assert {"Key": "aws:elasticmapreduce:job-flow-id", "Value": "j-1"} in described["Tags"]
    machine = fleet.hosted[instance.id].machine
    done = machines.wait(machine.run(["sh", "-c", "id -un; echo $HIVE"], user="hive"))
    assert done.stdout == b"hive\nhere\n"


def test_types_and_images_for_beginners(account: Account) -> None:
    ec2 = account.ec2
    filters = [{"Name": "free-tier-eligible", "Values": ["true"]}]
    types = ec2.describe_instance_types(Filters=filters)["InstanceTypes"]
    assert "t3.micro" in {one["InstanceType"] for one in types}
    assert all(one["FreeTierEligible"] for one in types)
    (image,) = ec2.describe_images(ImageIds=[account.image])["Images"]
    assert image["Name"].startswith("al2023-ami-2023")
    assert image["Architecture"] == "x86_64"
