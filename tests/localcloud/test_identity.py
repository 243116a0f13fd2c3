"""Users, roles and sessions: whose credentials work, for how long, and for what."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from .conftest import ACCESS_KEY, LocalCloud, policy, put_policy, refused, statement


@pytest.fixture(autouse=True)
def in_time(cloud: LocalCloud) -> None:
    cloud.offset = timedelta()


def fresh(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def allow(*actions: str, on: Any = "*", **more: Any) -> dict[str, Any]:
    return policy(statement("Allow", list(actions), on, **more))


def make_role(cloud: LocalCloud, trusted: Any, rights: Any = None, **condition: Any) -> str:
    """Make a role that a principal may assume, and return its ARN."""
    iam, name = cloud.client("iam"), fresh("role")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trusted, **condition}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy(trust)))
    if rights:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(rights))
    return str(role["Role"]["Arn"])


def as_role(cloud: LocalCloud, service: str, arn: str, sts: Any = None, **more: Any) -> Any:
    assume = (sts or cloud.client("sts")).assume_role
    found = assume(RoleArn=arn, RoleSessionName="session", **more)["Credentials"]
    return cloud.client(
        service, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    )


# ---- who it is


def test_root(cloud: LocalCloud) -> None:
    found = cloud.client("sts").get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{cloud.account}:root"
    assert (found["Account"], found["UserId"]) == (cloud.account, cloud.account)
    assert cloud.client("iam").get_user()["User"]["Arn"] == found["Arn"]


def test_user(cloud: LocalCloud) -> None:
    name = fresh("user")
    # GetCallerIdentity cannot be denied.
    deny = policy(statement("Deny", "*", "*"))
    found = cloud.as_user("sts", name, deny).get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{cloud.account}:user/{name}"
    assert found["UserId"] == cloud.client("iam").get_user(UserName=name)["User"]["UserId"]


def test_session_of_a_role(cloud: LocalCloud) -> None:
    arn = make_role(cloud, {"AWS": cloud.account})
    found = as_role(cloud, "sts", arn).get_caller_identity()
    name = arn.rpartition("/")[2]
    assert found["Arn"] == f"arn:aws:sts::{cloud.account}:assumed-role/{name}/session"
    assert found["UserId"].endswith(":session")


# ---- access keys


def test_a_key_works_while_it_is_active(cloud: LocalCloud) -> None:
    iam, name = cloud.client("iam"), fresh("user")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sts = cloud.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    sts.get_caller_identity()
    about = {"UserName": name, "AccessKeyId": key["AccessKeyId"]}
    iam.update_access_key(**about, Status="Inactive")
    assert refused(sts.get_caller_identity)[:2] == (403, "InvalidClientTokenId")
    iam.update_access_key(**about, Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(**about)
    assert refused(sts.get_caller_identity)[:2] == (403, "InvalidClientTokenId")


def test_a_token_that_a_key_does_not_have(cloud: LocalCloud) -> None:
    s3 = cloud.client("s3", token="made-up")
    assert refused(s3.list_buckets)[:2] == (400, "InvalidToken")


# ---- what a user may do


def test_nothing_without_a_policy(cloud: LocalCloud, bucket: str) -> None:
    name = fresh("user")
    s3 = cloud.as_user("s3", name)
    status, code, message = refused(s3.get_object, Bucket=bucket, Key="k")
    assert (status, code) == (403, "AccessDenied")
    assert message == (
        f"User: arn:aws:iam::{cloud.account}:user/{name} is not authorized to perform: "
        f's3:GetObject on resource: "arn:aws:s3:::{bucket}/k" because no identity-based policy '
        "allows the s3:GetObject action"
    )
    assert "s3:ListAllMyBuckets because" in refused(s3.list_buckets)[2]
    assert refused(s3.create_bucket, Bucket=fresh("bucket"))[:2] == (403, "AccessDenied")


def test_what_the_policy_allows(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"x")
    name = fresh("user")
    rights = policy(
        statement("Allow", ["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/a/*"),
        statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}"),
        statement("Deny", "s3:*", f"arn:aws:s3:::{bucket}/a/secret*"),
    )
    user = cloud.as_user("s3", name, rights)
    assert user.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"x"
    user.put_object(Bucket=bucket, Key="a/new", Body=b"y")
    assert user.list_objects_v2(Bucket=bucket)["KeyCount"] == 2
    assert refused(user.get_object, Bucket=bucket, Key="a/missing")[0] == 404
    assert refused(user.get_object, Bucket=bucket, Key="b")[0] == 404  # it may list
    assert refused(user.put_object, Bucket=bucket, Key="b", Body=b"")[0] == 403
    assert refused(user.delete_object, Bucket=bucket, Key="a/k")[0] == 403
    assert refused(user.delete_bucket, Bucket=bucket)[0] == 403
    message = refused(user.get_object, Bucket=bucket, Key="a/secret")[2]
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_managed_policies_and_groups(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    iam, name, group = cloud.client("iam"), fresh("user"), fresh("group")
    user = cloud.as_user("s3", name)
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=name)
    read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_group_policy(GroupName=group, PolicyArn=read_only)
    assert user.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(user.put_object, Bucket=bucket, Key="k", Body=b"")[0] == 403
    own = iam.create_policy(
        PolicyName=fresh("p"), PolicyDocument=json.dumps(allow("s3:PutObject"))
    )["Policy"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=own)
    user.put_object(Bucket=bucket, Key="k", Body=b"y")
    iam.create_policy_version(
        PolicyArn=own,
        PolicyDocument=json.dumps(policy(statement("Deny", "s3:*", "*"))),
        SetAsDefault=True,
    )
    assert refused(user.get_object, Bucket=bucket, Key="k")[0] == 403


def test_the_policy_of_the_bucket_is_enough(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    name = fresh("user")
    user = cloud.as_user("s3", name)
    arn, me = f"arn:aws:s3:::{bucket}/*", f"arn:aws:iam::{cloud.account}:user/{name}"
    put_policy(s3, bucket, statement("Allow", "s3:GetObject", arn, Principal={"AWS": me}))
    assert user.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    # Trusting the whole account leaves it to the account's own policies.
    put_policy(s3, bucket, statement("Allow", "s3:*", arn, Principal={"AWS": cloud.account}))
    assert refused(user.get_object, Bucket=bucket, Key="k")[0] == 403
    put_policy(s3, bucket, statement("Deny", "s3:GetObject", arn, Principal={"AWS": me}))
    cloud.client("iam").put_user_policy(
        UserName=name, PolicyName="all", PolicyDocument=json.dumps(allow("*"))
    )
    message = refused(user.get_object, Bucket=bucket, Key="k")[2]
    assert message.endswith("with an explicit deny in a resource-based policy")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_variables(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    name = fresh("user")
    own = f"arn:aws:s3:::{bucket}/home/${{aws:username}}/*"
    user = cloud.as_user("s3", name, allow("s3:PutObject", on=own))
    user.put_object(Bucket=bucket, Key=f"home/{name}/k", Body=b"x")
    assert refused(user.put_object, Bucket=bucket, Key="home/other/k", Body=b"x")[0] == 403


@pytest.mark.parametrize(
    ("service", "call", "parameters", "code"),
    [
        ("iam", "list_users", {}, "AccessDenied"),
        ("ec2", "describe_vpcs", {}, "UnauthorizedOperation"),
        ("ssm", "get_parameter", {"Name": "p"}, "AccessDeniedException"),
        ("s3control", "get_public_access_block", {"AccountId": "1" * 12}, "AccessDenied"),
        ("sts", "get_session_token", {}, "AccessDenied"),
    ],
)
def test_other_services_refuse_in_their_words(
    cloud: LocalCloud, service: str, call: str, parameters: dict[str, Any], code: str
) -> None:
    user = cloud.as_user(service, fresh("user"))
    _, found, message = refused(getattr(user, call), **parameters)
    assert found == code
    assert "is not authorized to perform: " in message


def test_resources_of_other_services(cloud: LocalCloud) -> None:
    account, name = cloud.account, fresh("user")
    rights = policy(
        statement("Allow", "iam:GetUser", f"arn:aws:iam::{account}:user/{name}"),
        statement("Allow", "ssm:*", f"arn:aws:ssm:*:{account}:parameter/mine/*"),
        statement("Allow", "ec2:*", "*"),
        statement("Deny", "ec2:DeleteSecurityGroup", f"arn:aws:ec2:*:{account}:security-group/*"),
    )
    iam = cloud.as_user("iam", name, rights)
    assert iam.get_user(UserName=name)["User"]["UserName"] == name
    assert iam.get_user()["User"]["UserName"] == name
    assert refused(iam.get_user, UserName="another")[:2] == (403, "AccessDenied")
    key = cloud.client("iam").create_access_key(UserName=name)["AccessKey"]
    pair = (key["AccessKeyId"], key["SecretAccessKey"])
    ssm, ec2 = cloud.client("ssm", *pair), cloud.client("ec2", *pair)
    ssm.put_parameter(Name="/mine/a", Value="v", Type="String")
    assert ssm.get_parameter(Name="/mine/a")["Parameter"]["Value"] == "v"
    assert refused(ssm.get_parameter, Name="/yours/a")[1] == "AccessDeniedException"
    group = ec2.create_security_group(GroupName=name, Description="d")["GroupId"]
    assert refused(ec2.delete_security_group, GroupId=group)[1] == "UnauthorizedOperation"
    cloud.client("ec2").delete_security_group(GroupId=group)


def test_iam_refuses_malformed_policies(cloud: LocalCloud) -> None:
    iam, name = cloud.client("iam"), fresh("user")
    iam.create_user(UserName=name)
    bad = json.dumps(allow("s3:*", Condition={"StringMatches": {"aws:Referer": "x"}}))
    for text in ("{", "{}", bad):
        got = refused(iam.put_user_policy, UserName=name, PolicyName="p", PolicyDocument=text)
        assert got[:2] == (400, "MalformedPolicyDocument")
    got = refused(
        iam.create_user, UserName=fresh("user"), PermissionsBoundary="arn:aws:iam::aws:policy/X"
    )
    assert got[:2] == (501, "NotImplemented")


# ---- roles


def test_a_role_gives_its_rights_and_no_others(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    arn = make_role(cloud, {"AWS": cloud.account}, allow("s3:GetObject"))
    session = as_role(cloud, "s3", arn)
    assert session.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    message = refused(session.put_object, Bucket=bucket, Key="k", Body=b"")[2]
    assert f"assumed-role/{arn.rpartition('/')[2]}/session is not authorized" in message


def test_a_session_policy_takes_away(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    arn = make_role(cloud, {"AWS": cloud.account}, allow("s3:*"))
    session = as_role(cloud, "s3", arn, Policy=json.dumps(allow("s3:GetObject", "s3:PutObject*")))
    session.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert refused(session.list_objects_v2, Bucket=bucket)[0] == 403
    got = refused(
        cloud.client("sts").assume_role, RoleArn=arn, RoleSessionName="session", Policy="{"
    )
    assert got[:2] == (400, "MalformedPolicyDocument")


def test_a_boundary_takes_away(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    arn = make_role(cloud, {"AWS": cloud.account}, allow("s3:*"))
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    name = arn.rpartition("/")[2]
    cloud.client("iam").put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    session = as_role(cloud, "s3", arn)
    session.list_objects_v2(Bucket=bucket)
    assert refused(session.put_object, Bucket=bucket, Key="k", Body=b"")[0] == 403


def test_a_bucket_can_trust_a_role(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    arn = make_role(cloud, {"AWS": cloud.account})
    session = as_role(cloud, "s3", arn)
    assert refused(session.get_object, Bucket=bucket, Key="k")[0] == 403
    resource = f"arn:aws:s3:::{bucket}/*"
    put_policy(s3, bucket, statement("Allow", "s3:GetObject", resource, Principal={"AWS": arn}))
    assert session.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_the_token_of_a_session_is_needed(cloud: LocalCloud) -> None:
    arn = make_role(cloud, {"AWS": cloud.account})
    found = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    key, secret = found["AccessKeyId"], found["SecretAccessKey"]
    cloud.client("sts", key, secret, found["SessionToken"]).get_caller_identity()
    for token in (None, "wrong"):
        sts = cloud.client("sts", key, secret, token)
        assert refused(sts.get_caller_identity)[:2] == (403, "InvalidClientTokenId")
    stolen = cloud.client("sts", ACCESS_KEY, token=found["SessionToken"])
    assert refused(stolen.get_caller_identity)[:2] == (403, "InvalidClientTokenId")


def test_a_session_ends(cloud: LocalCloud) -> None:
    arn = make_role(cloud, {"AWS": cloud.account}, allow("s3:*"))
    s3 = as_role(cloud, "s3", arn, DurationSeconds=900)
    s3.list_buckets()
    cloud.offset = timedelta(seconds=901)
    assert refused(s3.list_buckets)[:2] == (400, "ExpiredToken")


def test_durations(cloud: LocalCloud) -> None:
    arn = make_role(cloud, {"AWS": cloud.account})
    assume = cloud.client("sts", parameter_validation=False).assume_role
    for seconds in (899, 3601):
        got = refused(assume, RoleArn=arn, RoleSessionName="session", DurationSeconds=seconds)
        assert got[:2] == (400, "ValidationError")
    assert refused(assume, RoleArn=arn, RoleSessionName="a b")[:2] == (400, "ValidationError")


# ---- who may assume a role


def test_a_user_who_is_trusted_by_name(cloud: LocalCloud) -> None:
    name = fresh("user")
    sts = cloud.as_user("sts", name)
    arn = make_role(cloud, {"AWS": f"arn:aws:iam::{cloud.account}:user/{name}"})
    as_role(cloud, "sts", arn, sts).get_caller_identity()


def test_a_user_of_a_trusted_account_needs_the_right(cloud: LocalCloud) -> None:
    arn = make_role(cloud, {"AWS": f"arn:aws:iam::{cloud.account}:root"})
    other = make_role(cloud, {"AWS": f"arn:aws:iam::{cloud.account}:root"})
    assume = cloud.as_user("sts", fresh("user")).assume_role
    status, code, message = refused(assume, RoleArn=arn, RoleSessionName="session")
    assert (status, code) == (403, "AccessDenied")
    assert message.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {arn}")
    sts = cloud.as_user("sts", fresh("user"), allow("sts:AssumeRole", on=arn))
    as_role(cloud, "sts", arn, sts).get_caller_identity()
    assert refused(sts.assume_role, RoleArn=other, RoleSessionName="session")[0] == 403


def test_a_user_who_is_not_trusted(cloud: LocalCloud) -> None:
    arn = make_role(cloud, {"Service": "ec2.amazonaws.com"})
    sts = cloud.as_user("sts", fresh("user"), allow("*"))
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="session")[0] == 403
    # Not even the root, whom AWS lets assume no role at all.
    assume = cloud.client("sts").assume_role
    assert refused(assume, RoleArn=arn, RoleSessionName="session")[0] == 403


def test_a_role_that_is_not_there(cloud: LocalCloud) -> None:
    arn = f"arn:aws:iam::{cloud.account}:role/missing"
    got = refused(cloud.client("sts").assume_role, RoleArn=arn, RoleSessionName="session")
    assert got[:2] == (403, "AccessDenied")


def test_external_ids(cloud: LocalCloud) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "s3cret"}}
    arn = make_role(cloud, {"AWS": cloud.account}, Condition=condition)
    assume = cloud.client("sts").assume_role
    assert refused(assume, RoleArn=arn, RoleSessionName="session")[0] == 403
    assert refused(assume, RoleArn=arn, RoleSessionName="session", ExternalId="no")[0] == 403
    as_role(cloud, "sts", arn, ExternalId="s3cret").get_caller_identity()


def test_session_tokens_of_a_user(cloud: LocalCloud) -> None:
    name = fresh("user")
    sts = cloud.as_user("sts", name, allow("*"))
    found = sts.get_session_token()["Credentials"]
    session = cloud.client(
        "sts", found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    )
    assert session.get_caller_identity()["Arn"].endswith(f"user/{name}")
    root = cloud.client("sts").get_session_token()["Credentials"]
    session = cloud.client(
        "sts", root["AccessKeyId"], root["SecretAccessKey"], root["SessionToken"]
    )
    assert session.get_caller_identity()["Arn"].endswith(":root")


def test_deleted_roles_and_users_have_no_rights(cloud: LocalCloud) -> None:
    arn = make_role(cloud, {"AWS": cloud.account}, allow("s3:*"))
    session = as_role(cloud, "s3", arn)
    session.list_buckets()
    iam, name = cloud.client("iam"), arn.rpartition("/")[2]
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    assert refused(session.list_buckets)[0] == 403


# ---- the control planes that pass through


def test_ec2_control_plane(cloud: LocalCloud) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]
    assert vpc["IsDefault"] is True
    group = ec2.create_security_group(GroupName=fresh("g"), Description="d")["GroupId"]
    ssh = {"GroupId": group, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    ec2.authorize_security_group_ingress(**ssh, CidrIp="192.0.2.1/32")
    got = refused(ec2.authorize_security_group_ingress, **ssh, CidrIp="192.0.2.1/32")
    assert got[:2] == (400, "InvalidPermission.Duplicate")
    ec2.delete_security_group(GroupId=group)
    got = refused(ec2.describe_security_groups, GroupIds=[group])
    assert got[:2] == (400, "InvalidGroup.NotFound")
    west = cloud.client("ec2", region="eu-west-1")
    zones = west.describe_availability_zones()["AvailabilityZones"]
    assert zones[0]["RegionName"] == "eu-west-1"


def test_ssm_parameters(cloud: LocalCloud) -> None:
    ssm, name = cloud.client("ssm"), fresh("p")
    ssm.put_parameter(Name=name, Value="v", Type="String")
    found = ssm.get_parameter(Name=name)["Parameter"]
    assert found["ARN"] == f"arn:aws:ssm:us-east-1:{cloud.account}:parameter/{name}"
    assert refused(ssm.get_parameter, Name="missing")[:2] == (400, "ParameterNotFound")
    latest = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    assert ssm.get_parameter(Name=latest)["Parameter"]["Value"].startswith("ami-")


def test_instance_profiles(cloud: LocalCloud) -> None:
    iam, name = cloud.client("iam"), fresh("profile")
    role = make_role(cloud, {"Service": "ec2.amazonaws.com"}).rpartition("/")[2]
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert found["Roles"][0]["RoleName"] == role
    got = refused(iam.delete_role, RoleName=role)
    assert got[:2] == (409, "DeleteConflict")
    assert refused(iam.get_role, RoleName="missing")[:2] == (404, "NoSuchEntity")
