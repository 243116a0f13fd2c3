"""What a machine learns of itself, and what its user data does."""

import gzip
import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import LocalCloud, policy, refused, statement
from .instances import (
    Account,
    Login,
    make_account,
    needs_machines,
    needs_openssh,
    needs_program,
    wait_for,
)

pytestmark = [needs_machines, needs_openssh, needs_program("curl")]
BASE = "http://169.254.169.254/latest"
SCRIPT = """#!/bin/bash
echo "user: $(id -un) $(id -u)"
echo an error >&2
date +%s.%N >> /root/boots
touch /root/done
"""


@pytest.fixture(scope="module")
def account(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    made = make_account(cloud, tmp_path_factory.mktemp("keys"))
    yield made
    made.end()


def make_profile(cloud: LocalCloud, service: str = "ec2.amazonaws.com") -> str:
    iam, name = cloud.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
    trust = policy(statement("Allow", "sts:AssumeRole", None, Principal={"Service": service}))
    del trust["Statement"][0]["Resource"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    allowed = policy(statement("Allow", ["s3:ListAllMyBuckets"], "*"))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allowed))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return name


@pytest.fixture(scope="module")
def profile(cloud: LocalCloud) -> str:
    return make_profile(cloud)


@pytest.fixture(scope="module")
def instance(account: Account, profile: str) -> dict[str, Any]:
    return account.run(
        SecurityGroupIds=[account.group(22)],
        UserData=SCRIPT,
        IamInstanceProfile={"Name": profile},
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "the one"}]}
        ],
    )


@pytest.fixture
def login(account: Account, instance: dict[str, Any], tmp_path: Path) -> Login:
    return Login(instance, account.key, tmp_path / "known_hosts")


def get(login: Login, path: str) -> str:
    """Ask as version 2 wants it."""
    ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
    return login.out(
        f"T=$(curl -sS -X PUT -H '{ttl}' {BASE}/api/token) && "
        f'curl -sSf -H "X-aws-ec2-metadata-token: $T" {BASE}/{path}'
    )


def status(login: Login, *words: str) -> str:
    return login.out(f"curl -s -o /dev/null -w '%{{http_code}}' {' '.join(words)}")


# ---- the metadata service


def test_what_it_says(account: Account, instance: dict[str, Any], login: Login) -> None:
    expected = {
        "meta-data/instance-id": instance["InstanceId"],
        "meta-data/ami-id": account.image,
        "meta-data/instance-type": "t3.micro",
        "meta-data/local-ipv4": instance["PrivateIpAddress"],
        "meta-data/public-ipv4": instance["PublicIpAddress"],
        "meta-data/placement/availability-zone": instance["Placement"]["AvailabilityZone"],
        "meta-data/placement/region": "us-east-1",
        "meta-data/security-groups": instance["SecurityGroups"][0]["GroupName"],
        "meta-data/hostname": instance["PrivateDnsName"],
        "meta-data/public-keys/": f"0={account.key_name}",
        "meta-data/tags/instance/Name": "the one",
        "user-data": SCRIPT,
    }
    for path, value in expected.items():
        assert get(login, path) == value, path
    key = Path(f"{account.key}.pub").read_text().split()[1]
    assert key in get(login, "meta-data/public-keys/0/openssh-key")
    names = get(login, "meta-data/").split("\n")
    assert {"instance-id", "placement/", "iam/", "network/"} <= set(names)
    document = json.loads(get(login, "dynamic/instance-identity/document"))
    assert document["instanceId"] == instance["InstanceId"]
    assert document["accountId"] == account.cloud.account


def test_version_2_is_required(login: Login) -> None:
    assert status(login, f"{BASE}/meta-data/instance-id") == "401"
    assert status(login, "-H 'X-aws-ec2-metadata-token: guess'", f"{BASE}/meta-data/") == "401"
    assert status(login, "-X PUT", f"{BASE}/api/token") == "400"
    long = "-H 'X-aws-ec2-metadata-token-ttl-seconds: 21601'"
    assert status(login, "-X PUT", long, f"{BASE}/api/token") == "400"
    ttl = "-H 'X-aws-ec2-metadata-token-ttl-seconds: 60'"
    assert (
        status(login, "-X PUT", ttl, "-H 'X-Forwarded-For: 1.2.3.4'", f"{BASE}/api/token") == "403"
    )
    short = "X-aws-ec2-metadata-token-ttl-seconds: 1"
    token = login.out(f"curl -s -X PUT -H '{short}' {BASE}/api/token")
    header = f"-H 'X-aws-ec2-metadata-token: {token}'"
    wait_for(lambda: status(login, header, f"{BASE}/meta-data/") == "401", "the token has expired")


def test_what_is_not_there(login: Login) -> None:
    for path in ("meta-data/nothing", "meta-data/instance-id/more", "nothing", "../etc/passwd"):
        assert login.ssh(f"curl -sf --path-as-is {BASE}/{path}").returncode == 22


def test_version_1_where_it_is_allowed(account: Account, tmp_path: Path) -> None:
    options = {"HttpTokens": "optional"}
    one = account.run(SecurityGroupIds=[account.group(22)], MetadataOptions=options)
    login = Login(one, account.key, tmp_path / "kh")
    assert login.out(f"curl -sf {BASE}/meta-data/instance-id") == one["InstanceId"]
    assert status(login, f"{BASE}/meta-data/tags/") == "404"  # not asked for
    assert status(login, f"{BASE}/user-data") == "404"
    assert status(login, f"{BASE}/meta-data/iam/info") == "404"
    change = account.ec2.modify_instance_metadata_options
    change(InstanceId=one["InstanceId"], HttpTokens="required")
    assert status(login, f"{BASE}/meta-data/instance-id") == "401"
    change(InstanceId=one["InstanceId"], HttpEndpoint="disabled")
    assert status(login, f"{BASE}/meta-data/instance-id") == "403"


def test_the_role_s_credentials_work(
    login: Login, profile: str, cloud: LocalCloud, instance: dict[str, Any]
) -> None:
    info = json.loads(get(login, "meta-data/iam/info"))
    assert info["InstanceProfileArn"].endswith(f":instance-profile/{profile}")
    assert get(login, "meta-data/iam/security-credentials/") == profile
    found = json.loads(get(login, f"meta-data/iam/security-credentials/{profile}"))
    assert (found["Code"], found["Type"]) == ("Success", "AWS-HMAC")
    pair = found["AccessKeyId"], found["SecretAccessKey"], found["Token"]
    caller = cloud.client("sts", *pair).get_caller_identity()
    assert caller["Arn"].endswith(f":assumed-role/{profile}/{instance['InstanceId']}")
    assert cloud.client("s3", *pair).list_buckets()["Buckets"] == []
    assert refused(cloud.client("s3", *pair).create_bucket, Bucket="no")[1] == "AccessDenied"
    again = json.loads(get(login, f"meta-data/iam/security-credentials/{profile}"))
    assert again["AccessKeyId"] == found["AccessKeyId"]


def test_a_role_that_does_not_trust_ec2(
    account: Account, cloud: LocalCloud, tmp_path: Path
) -> None:
    name = make_profile(cloud, "lambda.amazonaws.com")
    one = account.run(SecurityGroupIds=[account.group(22)])
    account.ec2.associate_iam_instance_profile(
        InstanceId=one["InstanceId"], IamInstanceProfile={"Name": name}
    )
    login = Login(one, account.key, tmp_path / "kh")
    found = json.loads(get(login, f"meta-data/iam/security-credentials/{name}"))
    assert found["Code"] == "AssumeRoleUnauthorizedAccess"
    assert "AccessKeyId" not in found


def test_the_cloud_is_reached_from_inside(login: Login) -> None:
    answer = login.out('curl -s "$AWS_ENDPOINT_URL/"')
    assert "<Code>AccessDenied</Code>" in answer


# ---- user data


def output(account: Account, one: str) -> str:
    return str(account.ec2.get_console_output(InstanceId=one).get("Output", ""))


def test_user_data_runs_as_root_once(
    account: Account, instance: dict[str, Any], login: Login
) -> None:
    name = instance["InstanceId"]
    text = wait_for(
        lambda: t if "Cloud-init finished" in (t := output(account, name)) else None, "it has run"
    )
    assert "user: root 0\n" in text
    assert "an error\n" in text
    assert login.out("cat /var/log/cloud-init-output.log") in text
    assert login.out("sudo cat /var/lib/cloud/instance/user-data.txt") == SCRIPT
    boots = login.out("sudo cat /root/boots")
    account.ec2.reboot_instances(InstanceIds=[name])
    wait_for(lambda: output(account, name).count("booted in") == 2, "the machine booted again")
    assert wait_for(lambda: login.ssh("true").returncode == 0, "it is reached again")
    assert login.out("sudo cat /root/boots") == boots
    account.ec2.stop_instances(InstanceIds=[name])
    account.wait_state(name, "stopped")
    account.ec2.start_instances(InstanceIds=[name])
    instance.update(account.wait_state(name, "running"))
    assert login.out("sudo cat /root/boots") == boots  # and its files are still there


def test_user_data_that_fails(account: Account) -> None:
    one = account.launch(UserData="#!/bin/sh\necho before\nexit 3\n")
    text = wait_for(
        lambda: t if "Cloud-init finished" in (t := output(account, one)) else None, "it ran"
    )
    assert "before\n" in text
    assert re.search(r"WARNING.*part-001 exited with 3", text)


def test_user_data_of_other_kinds(account: Account) -> None:
    one = account.launch(UserData="just a note")
    text = wait_for(lambda: t if "WARNING" in (t := output(account, one)) else None, "it was read")
    assert "Unhandled non-multipart user data: b'just a note'" in text
    packed = gzip.compress(b"#!/bin/sh\necho unpacked\n")
    other = account.launch(UserData=packed)
    wait_for(lambda: "unpacked\n" in output(account, other), "the packed script ran")


def test_the_console_is_empty_before_the_boot(account: Account) -> None:
    one = account.launch()
    first = account.ec2.get_console_output(InstanceId=one)
    assert first["InstanceId"] == one
    wait_for(lambda: "BEGIN SSH HOST KEY KEYS" in output(account, one), "the keys are shown")


def test_the_latest_console_needs_nitro(account: Account) -> None:
    old, new = account.launch(InstanceType="t2.micro"), account.launch()
    call = account.ec2.get_console_output
    assert refused(call, InstanceId=old, Latest=True)[1] == "UnsupportedOperation"
    assert call(InstanceId=new, Latest=True)["InstanceId"] == new


# ---- a machine that switches itself off


@pytest.mark.parametrize(("behavior", "state"), [("stop", "stopped"), ("terminate", "terminated")])
def test_shutdown_from_inside(account: Account, tmp_path: Path, behavior: str, state: str) -> None:
    one = account.run(
        SecurityGroupIds=[account.group(22)], InstanceInitiatedShutdownBehavior=behavior
    )
    login = Login(one, account.key, tmp_path / "kh")
    assert login.ssh("shutdown -h now").returncode == 1  # not without root's powers
    login.ssh("sudo shutdown -h now")
    ended = account.wait_state(one["InstanceId"], state)
    assert ended["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_reboot_from_inside(account: Account, tmp_path: Path) -> None:
    one = account.run(SecurityGroupIds=[account.group(22)])
    login = Login(one, account.key, tmp_path / "kh")
    login.out("touch /tmp/kept /run/user-file || sudo touch /run/user-file")
    started = time.monotonic()
    login.ssh("sudo reboot")
    wait_for(lambda: login.ssh("test ! -e /run/user-file").returncode == 0, "it is up again")
    assert login.ssh("test -e /tmp/kept").returncode == 0
    assert time.monotonic() - started < 30
    assert account.describe(one["InstanceId"])["PublicIpAddress"] == one["PublicIpAddress"]
