"""Bucket policies: what is accepted, what they permit and refuse, and what counts as public."""

import json
from typing import Any

import pytest

from .conftest import LocalCloud, policy, public, put_policy, refused, statement

ANYBODY = {"AWS": "*"}


@pytest.fixture
def free(s3: Any, bucket: str) -> str:
    """A bucket that takes public policies and holds one object, `k`."""
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    return bucket


# ---- what is accepted


def put_text(s3: Any, bucket: str, text: str) -> tuple[int, str, str]:
    return refused(s3.put_bucket_policy, Bucket=bucket, Policy=text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("[]", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", "This policy contains invalid Json"),
        ('{"Version": "2012-10-17"}', "Missing required field Statement"),
        ('{"Version": "2012-10-17", "Statement": []}', "Missing required field Statement"),
        ('{"Version": "2020-01-01", "Statement": [{}]}', "valid version string"),
        ('{"Statement": [{}], "Extra": 1}', "Unknown field Extra"),
        ('{"Statement": ["x"]}', "Invalid policy syntax."),
        ('{"Statement": [], "Statement": []}', "invalid Json"),
    ],
)
def test_malformed_documents(s3: Any, bucket: str, text: str, message: str) -> None:
    status, code, found = put_text(s3, bucket, text)
    assert (status, code) == (400, "MalformedPolicy")
    assert message in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "Perhaps"}, "Invalid effect: Perhaps"),
        ({"Action": None}, "Missing required field Action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"NotPrincipal": "*"}, "Missing required field Principal"),
        ({"NotAction": "s3:*"}, "Invalid policy syntax."),
        ({"Foo": "bar"}, "Unknown field Foo"),
        ({"Principal": "me"}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::ACCOUNT:user/nobody"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::000000000001:root"}}, "Invalid principal in policy"),
        ({"Principal": {"AWS": "arn:aws:iam::*:root"}}, "Invalid principal in policy"),
        ({"Principal": {"Elf": "x"}}, "Invalid principal in policy"),
        ({"Action": "s3:Dance"}, "Policy has invalid action"),
        ({"Action": "ec2:RunInstances"}, "Policy has invalid action"),
        ({"Resource": "arn:aws:s3:::another/*"}, "Policy has invalid resource"),
        ({"Resource": "*"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::BUCKETx/*"}, "Policy has invalid resource"),
        ({"Resource": "arn:aws:s3:::BUCKET"}, "Action does not apply to any resource(s)"),
        ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s)"),
        (
            {"Action": ["s3:GetObject", "s3:ListBucket"]},
            "Action does not apply to any resource(s)",
        ),
        ({"Condition": {"StringMatches": {"aws:Referer": "x"}}}, "Invalid Condition type"),
        ({"Condition": {"StringEquals": {"foo:bar": "x"}}}, "invalid condition key"),
        ({"Condition": {"StringEquals": "x"}}, "Invalid policy syntax."),
    ],
)
def test_malformed_statements(
    cloud: LocalCloud, s3: Any, bucket: str, change: dict[str, Any], message: str
) -> None:
    whole = {**public(bucket, "s3:GetObject"), **change}
    found = {name: value for name, value in whole.items() if value is not None}
    text = json.dumps(policy(found)).replace("ACCOUNT", cloud.account).replace("BUCKET", bucket)
    status, code, said = put_text(s3, bucket, text)
    assert (status, code) == (400, "MalformedPolicy")
    assert message in said
    assert refused(s3.get_bucket_policy, Bucket=bucket)[1] == "NoSuchBucketPolicy"


def test_a_policy_that_is_too_long(s3: Any, free: str) -> None:
    long = public(free, "s3:GetObject", Sid="x" * 21_000)
    assert put_text(s3, free, json.dumps(policy(long)))[1] == "PolicyTooLarge"


def test_accepted_and_given_back_as_it_was(cloud: LocalCloud, s3: Any, free: str) -> None:
    cloud.client("iam").create_user(UserName="is-there")
    arn = f"arn:aws:s3:::{free}"
    text = json.dumps(
        policy(
            statement("Allow", "s3:*", [arn, f"{arn}/*"], Principal={"AWS": cloud.account}),
            statement("Allow", "s3:Get*", f"{arn}/*", Principal={"Service": "x.amazonaws.com"}),
            statement(
                "Deny",
                "s3:PutObject",
                f"{arn}/${{aws:username}}/*",
                Principal={"AWS": [f"arn:aws:iam::{cloud.account}:user/is-there"]},
            ),
        ),
        indent=3,
    )
    s3.put_bucket_policy(Bucket=free, Policy=text)
    assert s3.get_bucket_policy(Bucket=free)["Policy"] == text
    s3.delete_bucket_policy(Bucket=free)
    assert refused(s3.get_bucket_policy_status, Bucket=free)[1] == "NoSuchBucketPolicy"


# ---- what everyone may do


def test_reading_is_not_listing_or_writing(cloud: LocalCloud, s3: Any, free: str) -> None:
    put_policy(s3, free, public(free, "s3:GetObject"))
    assert cloud.anonymous("GET", free, "k").body == b"x"
    assert cloud.anonymous("HEAD", free, "k").status == 200
    assert cloud.anonymous("GET", free).status == 403
    assert cloud.anonymous("PUT", free, "k").status == 403
    assert cloud.anonymous("DELETE", free, "k").status == 403
    assert cloud.anonymous("GET", free, "k", "acl").status == 403


def test_missing_keys_are_secret_without_the_list(cloud: LocalCloud, s3: Any, free: str) -> None:
    put_policy(s3, free, public(free, "s3:GetObject"))
    answer = cloud.anonymous("GET", free, "missing")
    assert (answer.status, answer.code) == (403, "AccessDenied")
    put_policy(s3, free, public(free, "s3:GetObject"), public(free, "s3:ListBucket", on=""))
    answer = cloud.anonymous("GET", free, "missing")
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert cloud.anonymous("HEAD", free, "missing").status == 404


def test_a_version_needs_its_own_permission(cloud: LocalCloud, s3: Any, free: str) -> None:
    s3.put_bucket_versioning(Bucket=free, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=free, Key="k", Body=b"old")["VersionId"]
    new = s3.put_object(Bucket=free, Key="k", Body=b"new")["VersionId"]
    put_policy(s3, free, public(free, "s3:GetObject"))
    assert cloud.anonymous("GET", free, "k").body == b"new"
    for version in (old, new, "null"):
        answer = cloud.anonymous("GET", free, "k", f"versionId={version}")
        assert (answer.status, answer.code) == (403, "AccessDenied")
    put_policy(s3, free, public(free, "s3:GetObject", "s3:GetObjectVersion"))
    for version, body in ((old, b"old"), (new, b"new"), ("null", b"x")):
        assert cloud.anonymous("GET", free, "k", f"versionId={version}").body == body
    put_policy(s3, free, public(free, "s3:GetObjectVersion"))
    assert cloud.anonymous("GET", free, "k").status == 403
    assert s3.get_object(Bucket=free, Key="k", VersionId=old)["Body"].read() == b"old"


def test_delete_markers(cloud: LocalCloud, s3: Any, free: str) -> None:
    s3.put_bucket_versioning(Bucket=free, VersioningConfiguration={"Status": "Enabled"})
    put_policy(s3, free, public(free, "s3:GetObject", "s3:GetObjectVersion"))
    marker = s3.delete_object(Bucket=free, Key="k")["VersionId"]
    assert cloud.anonymous("GET", free, "k").code == "AccessDenied"
    put_policy(
        s3,
        free,
        public(free, "s3:GetObject", "s3:GetObjectVersion"),
        public(free, "s3:ListBucket", on=""),
    )
    answer = cloud.anonymous("GET", free, "k")
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert answer.headers["x-amz-delete-marker"] == "true"
    answer = cloud.anonymous("GET", free, "k", f"versionId={marker}")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
    assert answer.headers["allow"] == "DELETE"
    assert cloud.anonymous("GET", free, "k", "versionId=null").body == b"x"
    s3.delete_object(Bucket=free, Key="k", VersionId=marker)
    assert cloud.anonymous("GET", free, "k").body == b"x"


def test_writing_and_deleting(cloud: LocalCloud, s3: Any, free: str) -> None:
    put_policy(s3, free, public(free, "s3:PutObject", "s3:DeleteObject", on="/inbox/*"))
    assert cloud.anonymous("PUT", free, "inbox/a").status == 200
    assert cloud.anonymous("PUT", free, "a").status == 403
    assert cloud.anonymous("DELETE", free, "inbox/a").status == 204
    assert cloud.anonymous("POST", free, "inbox/a", "uploads").status == 200
    headers = {"x-amz-acl": "public-read"}
    answer = cloud.http("PUT", f"/{free}/inbox/a", b"x", headers)
    assert (answer.status, answer.code) == (403, "AccessDenied")  # needs s3:PutObjectAcl


def test_each_of_many_deletions_is_decided(cloud: LocalCloud, s3: Any, free: str) -> None:
    for key in ("a/1", "b/1"):
        s3.put_object(Bucket=free, Key=key, Body=b"x")
    put_policy(s3, free, public(free, "s3:DeleteObject", on="/a/*"))
    body = b"<Delete><Object><Key>a/1</Key></Object><Object><Key>b/1</Key></Object></Delete>"
    answer = cloud.http("POST", f"/{free}?delete", body)
    assert answer.status == 200
    assert b"<Deleted><Key>a/1</Key></Deleted>" in answer.body
    assert b"<Key>b/1</Key><Code>AccessDenied</Code>" in answer.body.replace(b"\n", b"")


def test_copying_needs_to_read_the_source(cloud: LocalCloud, s3: Any, free: str) -> None:
    put_policy(s3, free, public(free, "s3:PutObject"))
    headers = {"x-amz-copy-source": f"{free}/k"}
    assert cloud.http("PUT", f"/{free}/copy", headers=headers).status == 403
    put_policy(s3, free, public(free, "s3:PutObject", "s3:GetObject"))
    assert cloud.http("PUT", f"/{free}/copy", headers=headers).status == 200


# ---- explicit denial


def test_a_denial_binds_the_owner_too(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    arn = f"arn:aws:s3:::{bucket}"
    put_policy(s3, bucket, statement("Deny", "s3:GetObject", f"{arn}/*", Principal=ANYBODY))
    status, code, message = refused(s3.get_object, Bucket=bucket, Key="k")
    assert (status, code) == (403, "AccessDenied")
    assert message == (
        f"User: arn:aws:iam::{cloud.account}:root is not authorized to perform: s3:GetObject on "
        f'resource: "{arn}/k" with an explicit deny in a resource-based policy'
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"y")


def test_the_root_can_always_mend_the_policy(s3: Any, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    put_policy(s3, bucket, statement("Deny", "s3:*", [arn, f"{arn}/*"], Principal="*"))
    assert refused(s3.list_objects_v2, Bucket=bucket)[:2] == (403, "AccessDenied")
    assert refused(s3.get_bucket_acl, Bucket=bucket)[:2] == (403, "AccessDenied")
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    s3.list_objects_v2(Bucket=bucket)


def test_denial_wins_over_permission(cloud: LocalCloud, s3: Any, free: str) -> None:
    put_policy(
        s3,
        free,
        public(free, "s3:GetObject"),
        statement("Deny", "s3:*", f"arn:aws:s3:::{free}/k", Principal="*"),
    )
    assert cloud.anonymous("GET", free, "k").status == 403


def test_not_principal_not_action_not_resource(cloud: LocalCloud, s3: Any, free: str) -> None:
    arn = f"arn:aws:s3:::{free}"
    s3.put_object(Bucket=free, Key="open/k", Body=b"open")
    put_policy(
        s3,
        free,
        {
            "Effect": "Allow",
            "Principal": "*",
            "NotAction": ["s3:Put*", "s3:Delete*"],
            "NotResource": [f"{arn}/k"],
        },
    )
    assert cloud.anonymous("GET", free, "open/k").body == b"open"
    assert cloud.anonymous("GET", free).status == 200
    assert cloud.anonymous("GET", free, "k").status == 403
    assert cloud.anonymous("PUT", free, "open/k").status == 403
    root = f"arn:aws:iam::{cloud.account}:root"
    put_policy(
        s3,
        free,
        public(free, "s3:GetObject"),
        statement("Deny", "s3:GetObject", f"{arn}/*", NotPrincipal={"AWS": root}),
    )
    assert cloud.anonymous("GET", free, "k").status == 403
    assert s3.get_object(Bucket=free, Key="k")["Body"].read() == b"x"


# ---- conditions


@pytest.mark.parametrize(
    ("condition", "headers", "status"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {}, 200),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.1"]}}, {}, 403),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.1"}}, {}, 403),
        ({"StringLike": {"aws:Referer": "http://good/*"}}, {"Referer": "http://good/a"}, 200),
        ({"StringLike": {"aws:Referer": "http://good/*"}}, {"Referer": "http://bad/a"}, 403),
        ({"StringLike": {"aws:Referer": "http://good/*"}}, {}, 403),
        ({"StringLikeIfExists": {"aws:Referer": "http://good/*"}}, {}, 200),
        ({"StringNotEquals": {"aws:Referer": "x"}}, {}, 200),
        ({"Null": {"aws:Referer": "true"}}, {}, 200),
        ({"Null": {"aws:Referer": "false"}}, {}, 403),
        ({"Bool": {"aws:SecureTransport": "true"}}, {}, 403),
        ({"Bool": {"aws:SecureTransport": False}}, {}, 200),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, 200),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, 403),
        ({"NumericGreaterThan": {"aws:EpochTime": 1577836800}}, {}, 200),
        ({"StringEquals": {"aws:PrincipalType": "Anonymous"}}, {}, 200),
        ({"StringEquals": {"s3:ExistingObjectTag/colour": "red"}}, {}, 200),
        ({"StringEquals": {"s3:ExistingObjectTag/colour": "blue"}}, {}, 403),
    ],
)
def test_conditions(  # noqa: PLR0913 - a table of cases
    cloud: LocalCloud,
    s3: Any,
    free: str,
    condition: dict[str, Any],
    headers: dict[str, str],
    status: int,
) -> None:
    s3.put_object(Bucket=free, Key="k", Body=b"x", Tagging="colour=red")
    put_policy(s3, free, public(free, "s3:GetObject", Condition=condition))
    assert cloud.http("GET", f"/{free}/k", headers=headers).status == status


def test_a_condition_on_the_listed_prefix(cloud: LocalCloud, s3: Any, free: str) -> None:
    condition = {"StringLike": {"s3:prefix": ["home/*", "home"]}}
    put_policy(s3, free, public(free, "s3:ListBucket", on="", Condition=condition))
    assert cloud.anonymous("GET", free, "", "prefix=home/a").status == 200
    assert cloud.anonymous("GET", free).status == 403
    assert cloud.anonymous("GET", free, "", "prefix=work").status == 403


def test_a_condition_on_the_owner(s3: Any, free: str) -> None:
    arn = f"arn:aws:s3:::{free}/*"
    condition = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    put_policy(s3, free, statement("Deny", "s3:PutObject", arn, Principal="*", Condition=condition))
    assert refused(s3.put_object, Bucket=free, Key="n", Body=b"x")[:2] == (403, "AccessDenied")
    s3.put_object(Bucket=free, Key="n", Body=b"x", ServerSideEncryption="AES256")


# ---- what is public


@pytest.mark.parametrize(
    ("change", "is_public"),
    [
        ({}, True),
        ({"Principal": ANYBODY}, True),
        ({"Principal": {"AWS": ["ACCOUNT"]}}, False),
        ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}}, False),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, False),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}}, True),
        ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}, True),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, False),
        ({"Condition": {"StringLike": {"aws:userid": "AROAEXAMPLE:*"}}}, False),
        ({"Condition": {"StringLike": {"aws:Referer": "http://good/*"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ],
)
def test_is_public(
    cloud: LocalCloud, s3: Any, free: str, change: dict[str, Any], *, is_public: bool
) -> None:
    found = {**public(free, "s3:GetObject"), **change}
    text = json.dumps(policy(found)).replace("ACCOUNT", cloud.account)
    s3.put_bucket_policy(Bucket=free, Policy=text)
    status = s3.get_bucket_policy_status(Bucket=free)["PolicyStatus"]
    assert status == {"IsPublic": is_public}
    s3.put_public_access_block(
        Bucket=free, PublicAccessBlockConfiguration={"BlockPublicPolicy": True}
    )
    if is_public:
        assert put_text(s3, free, text)[:2] == (403, "AccessDenied")
    else:
        s3.put_bucket_policy(Bucket=free, Policy=text)
