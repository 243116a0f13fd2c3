"""Who reaches an instance: security groups, routes and elastic addresses; and what is in use."""

import http.client
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import LocalCloud, refused
from .instances import Account, connects, make_account, needs_machines, ssh_port, wait_for

pytestmark = needs_machines
SERVER = """#!/bin/sh
mkdir -p /srv/www && cd /srv/www && echo "from the machine" > index.html
nohup python3 -m http.server 8080 >/dev/null 2>&1 &
"""


@pytest.fixture(scope="module")
def account(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    made = make_account(cloud, tmp_path_factory.mktemp("keys"))
    yield made
    made.end()


def place(instance: dict[str, Any]) -> tuple[str, int]:
    return instance["PublicIpAddress"], ssh_port(instance)


def page(host: str, port: int) -> bytes:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read()
    except OSError:
        return b""
    finally:
        connection.close()


# ---- security groups


def test_a_port_is_open_while_a_rule_opens_it(account: Account) -> None:
    group = account.group()
    one = place(account.run(SecurityGroupIds=[group]))
    assert not connects(*one)
    account.open(group, 22)
    assert connects(*one)
    account.close(group, 22)
    assert not connects(*one)
    account.open(group, 22, "192.0.2.7/32")  # from elsewhere
    assert not connects(*one)
    account.open(group, 20, "0.0.0.0/0", to=30)
    assert connects(*one)
    account.close(group, 20, "0.0.0.0/0", to=30)
    account.ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "udp", "FromPort": 22, "ToPort": 22,
                                       "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )  # fmt: skip
    assert not connects(*one)
    account.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
    )
    assert connects(*one)


def test_rules_may_change(account: Account) -> None:
    group = account.group(22)
    one = place(account.run(SecurityGroupIds=[group]))
    wait_for(lambda: connects(*one), "the machine is reached")
    filters = [{"Name": "group-id", "Values": [group]}]
    rules = account.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    rule = next(r for r in rules if not r["IsEgress"])
    changed = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "192.0.2.0/24"}
    account.ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[
            {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": changed}
        ],
    )
    assert not connects(*one)


def test_groups_may_change(account: Account) -> None:
    open_group, closed = account.group(22), account.group()
    found = account.run(SecurityGroupIds=[closed])
    one, name = place(found), found["InstanceId"]
    account.ec2.modify_instance_attribute(InstanceId=name, Groups=[open_group])
    assert connects(*one)
    shown = account.describe(name)
    assert [g["GroupId"] for g in shown["SecurityGroups"]] == [open_group]
    assert [g["GroupId"] for g in shown["NetworkInterfaces"][0]["Groups"]] == [open_group]
    account.ec2.modify_instance_attribute(InstanceId=name, Groups=[closed])
    assert not connects(*one)
    account.ec2.delete_security_group(GroupId=open_group)


def test_open_connections_stay(account: Account) -> None:
    import socket

    group = account.group(22)
    one = place(account.run(SecurityGroupIds=[group]))
    wait_for(lambda: connects(*one), "the machine is reached")
    with socket.create_connection(one, timeout=10) as connection:
        assert connection.recv(100).startswith(b"SSH-2.0-")
        account.close(group, 22)
        connection.sendall(b"SSH-2.0-test\r\n")
        assert connection.recv(1000)


def test_a_server_in_the_machine_is_reached(account: Account) -> None:
    group = account.group(8080)
    one = account.run(SecurityGroupIds=[group], UserData=SERVER)
    host = one["PublicIpAddress"]
    if not host.startswith("127.0.0.1"):
        wait_for(lambda: page(host, 8080) == b"from the machine\n", "the server answers")
        account.close(group, 8080)
        assert not connects(host, 8080)


def test_an_instance_without_a_public_address(account: Account) -> None:
    subnet = account.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}
    one = account.run(NetworkInterfaces=[interface])
    assert "PublicIpAddress" not in one
    assert one["PrivateIpAddress"].startswith("172.31.")


# ---- a network of one's own


def test_a_subnet_needs_a_route_to_the_internet(account: Account) -> None:
    ec2 = account.ec2
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24", AvailabilityZone="us-east-1a")
    subnet_id = subnet["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="own", Description="d", VpcId=vpc)["GroupId"]
    account.open(group, 22)
    interface = {
        "DeviceIndex": 0,
        "SubnetId": subnet_id,
        "Groups": [group],
        "AssociatePublicIpAddress": True,
    }
    found = account.run(NetworkInterfaces=[interface])
    one, name = place(found), found["InstanceId"]
    assert found["PrivateIpAddress"].startswith("10.77.1.")
    assert not connects(*one)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert not connects(*one)
    link = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet_id)["AssociationId"]
    assert connects(*one)
    # Everything is in use.
    detach = {"InternetGatewayId": gateway, "VpcId": vpc}
    for call, parameters in (
        (ec2.delete_security_group, {"GroupId": group}),
        (ec2.delete_subnet, {"SubnetId": subnet_id}),
        (ec2.delete_vpc, {"VpcId": vpc}),
        (ec2.detach_internet_gateway, detach),
        (ec2.delete_internet_gateway, {"InternetGatewayId": gateway}),
    ):
        assert refused(call, **parameters)[1] == "DependencyViolation", call
    ec2.terminate_instances(InstanceIds=[name])
    account.wait_state(name, "terminated")
    ec2.disassociate_route_table(AssociationId=link)
    ec2.delete_route_table(RouteTableId=table)
    ec2.detach_internet_gateway(**detach)
    assert refused(ec2.delete_vpc, VpcId=vpc)[1] == "DependencyViolation"  # the subnet
    ec2.delete_subnet(SubnetId=subnet_id)
    assert refused(ec2.delete_vpc, VpcId=vpc)[1] == "DependencyViolation"  # the group
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_groups_that_are_named_by_others(account: Account) -> None:
    ec2, group, other = account.ec2, account.group(), account.group()
    pair = {
        "IpProtocol": "tcp",
        "FromPort": 1,
        "ToPort": 1,
        "UserIdGroupPairs": [{"GroupId": other}],
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[pair])
    assert refused(ec2.delete_security_group, GroupId=other)[1] == "DependencyViolation"
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[pair])
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=group)


def test_the_default_group_stays(account: Account) -> None:
    filters = [{"Name": "group-name", "Values": ["default"]}]
    found = account.ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
    got = refused(account.ec2.delete_security_group, GroupId=found["GroupId"])
    assert got[1] == "CannotDelete"


@pytest.mark.parametrize(
    ("call", "parameters", "code"),
    [
        ("delete_security_group", {"GroupId": "sg-00000000"}, "InvalidGroup.NotFound"),
        ("delete_subnet", {"SubnetId": "subnet-00000000"}, "InvalidSubnetID.NotFound"),
        ("delete_vpc", {"VpcId": "vpc-00000000"}, "InvalidVpcID.NotFound"),
        ("delete_volume", {"VolumeId": "vol-00000000"}, "InvalidVolume.NotFound"),
        ("delete_network_interface", {"NetworkInterfaceId": "eni-00000000"},
         "InvalidNetworkInterfaceID.NotFound"),
        ("delete_internet_gateway", {"InternetGatewayId": "igw-00000000"},
         "InvalidInternetGatewayID.NotFound"),
        ("delete_route_table", {"RouteTableId": "rtb-00000000"}, "InvalidRouteTableID.NotFound"),
        ("release_address", {"AllocationId": "eipalloc-00000000"},
         "InvalidAllocationID.NotFound"),
    ],
)  # fmt: skip
def test_what_is_not_there(
    account: Account, call: str, parameters: dict[str, Any], code: str
) -> None:
    assert refused(getattr(account.ec2, call), **parameters)[1] == code


def test_duplicates(account: Account) -> None:
    ec2, name = account.ec2, f"g-{uuid.uuid4().hex[:8]}"
    group = ec2.create_security_group(GroupName=name, Description="d")["GroupId"]
    got = refused(ec2.create_security_group, GroupName=name, Description="d")
    assert got[1] == "InvalidGroup.Duplicate"
    account.open(group, 22)
    assert refused(account.open, group=group, port=22)[1] == "InvalidPermission.Duplicate"
    ec2.delete_security_group(GroupId=group)


# ---- elastic addresses


def test_an_elastic_address_moves_the_machine(account: Account) -> None:
    ec2, group = account.ec2, account.group(22)
    found = account.run(SecurityGroupIds=[group])
    own, name = place(found), found["InstanceId"]
    wait_for(lambda: connects(*own), "the machine is reached")
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "Run", "Value": "1"}]}]
    made = ec2.allocate_address(Domain="vpc", TagSpecifications=tags)
    allocation = made["AllocationId"]
    assert ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]["Tags"]
    link = ec2.associate_address(AllocationId=allocation, InstanceId=name)["AssociationId"]
    moved = account.describe(name)
    assert moved["PublicIpAddress"] == made["PublicIp"]
    assert connects(*place(moved))
    assert not connects(*own)
    got = refused(ec2.release_address, AllocationId=allocation)
    assert got[1] == "InvalidIPAddress.InUse"
    # It stays when the machine goes down and comes up.
    ec2.stop_instances(InstanceIds=[name])
    assert account.wait_state(name, "stopped")["PublicIpAddress"] == made["PublicIp"]
    ec2.start_instances(InstanceIds=[name])
    assert account.wait_state(name, "running")["PublicIpAddress"] == made["PublicIp"]
    wait_for(lambda: connects(*place(moved)), "the machine is reached again")
    ec2.disassociate_address(AssociationId=link)
    back = account.describe(name)
    assert back["PublicIpAddress"] != made["PublicIp"]
    assert connects(*place(back))
    ec2.associate_address(AllocationId=allocation, InstanceId=name)
    ec2.terminate_instances(InstanceIds=[name])
    account.wait_state(name, "terminated")
    address = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"][0]
    assert "InstanceId" not in address or not address["InstanceId"]
    ec2.release_address(AllocationId=allocation)
