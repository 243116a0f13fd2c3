"""Who may read and write: the defaults, ACLs, ownership, Block Public Access."""

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import LocalCloud, public, put_policy, refused, set_ownership, statement

ALL_ON = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
ALL_OFF = dict.fromkeys(ALL_ON, False)
EVERYONE = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
ANY_ACCOUNT = 'uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"'
NOT_SUPPORTED = (400, "AccessControlListNotSupported", "The bucket does not allow ACLs")


def put_flags(s3: Any, bucket: str, **flags: bool) -> None:
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=flags)


def get_flags(s3: Any, bucket: str) -> Any:
    return s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]


# ---- a new bucket


def test_a_new_bucket_is_closed(s3: Any, bucket: str) -> None:
    assert get_flags(s3, bucket) == ALL_ON
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    encryption = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert default == {"SSEAlgorithm": "AES256"}
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert [one["Permission"] for one in grants] == ["FULL_CONTROL"]
    assert refused(s3.get_bucket_policy, Bucket=bucket)[:2] == (404, "NoSuchBucketPolicy")


ANONYMOUS = [
    ("GET", "", ""),
    ("HEAD", "", ""),
    ("GET", "", "list-type=2"),
    ("GET", "", "versions"),
    ("GET", "", "uploads"),
    ("GET", "", "acl"),
    ("GET", "", "policy"),
    ("GET", "", "policyStatus"),
    ("GET", "", "publicAccessBlock"),
    ("GET", "", "ownershipControls"),
    ("GET", "", "tagging"),
    ("GET", "", "versioning"),
    ("GET", "", "location"),
    ("GET", "", "encryption"),
    ("PUT", "", "acl"),
    ("PUT", "", "policy"),
    ("PUT", "", "publicAccessBlock"),
    ("PUT", "", "versioning"),
    ("DELETE", "", ""),
    ("DELETE", "", "policy"),
    ("DELETE", "", "publicAccessBlock"),
    ("GET", "k", ""),
    ("HEAD", "k", ""),
    ("GET", "k", "acl"),
    ("GET", "k", "tagging"),
    ("GET", "k", "versionId=null"),
    ("GET", "missing", ""),
    ("PUT", "k", ""),
    ("PUT", "new", ""),
    ("PUT", "k", "acl"),
    ("PUT", "k", "tagging"),
    ("DELETE", "k", ""),
    ("DELETE", "k", "versionId=null"),
    ("POST", "k", "uploads"),
    ("POST", "k", "restore"),
]


@pytest.mark.parametrize(("method", "key", "query"), ANONYMOUS)
def test_nobody_may_do_anything(  # noqa: PLR0913 - a table of cases
    cloud: LocalCloud, s3: Any, bucket: str, method: str, key: str, query: str
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    answer = cloud.anonymous(method, bucket, key, query)
    assert answer.status == 403
    if method != "HEAD":
        assert answer.code == "AccessDenied"
        assert b"<Message>Access Denied</Message>" in answer.body
    assert b"secret" not in answer.body
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"


def test_nobody_may_list_or_make_buckets(cloud: LocalCloud) -> None:
    assert cloud.http("GET", "/").status == 403
    assert cloud.anonymous("PUT", "a-bucket-of-nobody").status == 403
    assert cloud.anonymous("GET", "no-such-bucket").code == "NoSuchBucket"


def test_nobody_may_delete_many(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret")
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    answer = cloud.http("POST", f"/{bucket}?delete", body)
    assert answer.code == "AccessDenied"
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 6


def test_another_owner_is_expected(s3: Any, bucket: str) -> None:
    got = refused(s3.head_bucket, Bucket=bucket, ExpectedBucketOwner="000000000001")
    assert got[:2] == (403, "403")
    got = refused(s3.get_bucket_acl, Bucket=bucket, ExpectedBucketOwner="000000000001")
    assert got[:2] == (403, "AccessDenied")


# ---- ownership and ACLs


def test_acls_are_off_while_the_owner_is_enforced(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    about = {"Bucket": bucket, "Key": "k"}
    assert refused(s3.put_object_acl, **about, ACL="public-read") == NOT_SUPPORTED
    assert refused(s3.put_object_acl, **about, ACL="private") == NOT_SUPPORTED
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == NOT_SUPPORTED
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="private") == NOT_SUPPORTED
    assert refused(s3.put_object, **about, Body=b"y", ACL="public-read") == NOT_SUPPORTED
    assert refused(s3.put_object, **about, Body=b"y", GrantRead=EVERYONE) == NOT_SUPPORTED
    assert refused(s3.create_multipart_upload, **about, ACL="public-read") == NOT_SUPPORTED
    copied = {**about, "CopySource": about, "MetadataDirective": "REPLACE"}
    assert refused(s3.copy_object, **copied, ACL="public-read") == NOT_SUPPORTED
    s3.put_object(**about, Body=b"y", ACL="bucket-owner-full-control")
    s3.put_object_acl(**about, ACL="bucket-owner-full-control")
    grants = s3.get_object_acl(**about)["Grants"]
    assert [one["Permission"] for one in grants] == ["FULL_CONTROL"]


@pytest.mark.parametrize("ownership", ["BucketOwnerPreferred", "ObjectWriter"])
def test_acls_count_under_the_other_ownerships(
    cloud: LocalCloud, s3: Any, bucket: str, ownership: str
) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    set_ownership(s3, bucket, ownership)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert cloud.anonymous("GET", bucket, "k").status == 403
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")
    assert cloud.anonymous("GET", bucket, "k").body == b"x"
    assert cloud.anonymous("HEAD", bucket, "k").status == 200
    assert cloud.anonymous("GET", bucket, "k", "acl").status == 403
    assert cloud.anonymous("GET", bucket).status == 403
    assert cloud.anonymous("PUT", bucket, "k").status == 403
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    assert cloud.anonymous("GET", bucket, "k").status == 403


def test_enforcing_the_owner_turns_acls_off(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", ACL="public-read")
    assert cloud.anonymous("GET", open_bucket, "k").status == 200
    set_ownership(s3, open_bucket, "BucketOwnerEnforced")
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    set_ownership(s3, open_bucket, "ObjectWriter")
    assert cloud.anonymous("GET", open_bucket, "k").status == 200


def test_the_owner_cannot_be_enforced_over_a_public_list(s3: Any, open_bucket: str) -> None:
    s3.put_bucket_acl(Bucket=open_bucket, ACL="public-read")
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    got = refused(s3.put_bucket_ownership_controls, Bucket=open_bucket, OwnershipControls=rules)
    assert got[:2] == (400, "InvalidBucketAclWithObjectOwnership")


def test_deleted_ownership_controls(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    s3.delete_bucket_ownership_controls(Bucket=open_bucket)
    got = refused(s3.get_bucket_ownership_controls, Bucket=open_bucket)
    assert got[:2] == (404, "OwnershipControlsNotFoundError")
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", ACL="public-read")
    assert cloud.anonymous("GET", open_bucket, "k").status == 200


def test_a_public_bucket_list(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x")
    s3.put_bucket_acl(Bucket=open_bucket, ACL="public-read-write")
    assert b"<Key>k</Key>" in cloud.anonymous("GET", open_bucket).body
    assert cloud.anonymous("GET", open_bucket, "", "versions").status == 200
    assert cloud.anonymous("PUT", open_bucket, "new").status == 200
    assert cloud.anonymous("DELETE", open_bucket, "new").status == 204
    # The list of the bucket says nothing of its objects, nor of its own list.
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    assert cloud.anonymous("GET", open_bucket, "", "acl").status == 403
    assert cloud.anonymous("GET", open_bucket, "missing").status == 404


def test_grant_headers(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    about = {"Bucket": open_bucket, "Key": "k"}
    s3.put_object(**about, Body=b"x", GrantRead=EVERYONE, GrantReadACP=EVERYONE)
    assert cloud.anonymous("GET", open_bucket, "k").status == 200
    assert cloud.anonymous("GET", open_bucket, "k", "acl").status == 200
    s3.put_bucket_acl(Bucket=open_bucket, GrantFullControl=EVERYONE)
    assert cloud.anonymous("GET", open_bucket, "", "acl").status == 200
    got = refused(s3.put_object_acl, **about, GrantRead="emailaddress=a@b.example")
    assert got[:2] == (400, "InvalidArgument")
    got = refused(s3.put_object_acl, **about, ACL="private", GrantRead=EVERYONE)
    assert got[:2] == (400, "InvalidRequest")
    assert refused(s3.put_object_acl, **about)[:2] == (400, "MissingSecurityHeader")


def test_a_list_as_xml(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    about = {"Bucket": open_bucket, "Key": "k"}
    s3.put_object(**about, Body=b"x")
    before = s3.get_object_acl(**about)
    everyone = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}
    grants = [*before["Grants"], {"Grantee": everyone, "Permission": "READ"}]
    wanted = {"Owner": before["Owner"], "Grants": grants}
    s3.put_object_acl(**about, AccessControlPolicy=wanted)
    assert cloud.anonymous("GET", open_bucket, "k").status == 200
    assert s3.get_object_acl(**about)["Grants"][1]["Permission"] == "READ"
    everyone["URI"] = "http://acs.amazonaws.com/groups/global/Martians"
    assert refused(s3.put_object_acl, **about, AccessControlPolicy=wanted)[:2] == (
        400,
        "InvalidArgument",
    )


def test_any_account_is_not_everyone(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", GrantRead=ANY_ACCOUNT)
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    user = cloud.as_user("s3", "any-account")
    assert user.get_object(Bucket=open_bucket, Key="k")["Body"].read() == b"x"
    assert refused(user.put_object, Bucket=open_bucket, Key="k", Body=b"y")[0] == 403


def test_objects_do_not_inherit_the_list_of_the_bucket(
    cloud: LocalCloud, s3: Any, open_bucket: str
) -> None:
    s3.put_bucket_acl(Bucket=open_bucket, ACL="public-read")
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x")
    s3.copy_object(Bucket=open_bucket, Key="j", CopySource={"Bucket": open_bucket, "Key": "k"})
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    assert cloud.anonymous("GET", open_bucket, "j").status == 403


def test_a_list_belongs_to_one_version(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=open_bucket, VersioningConfiguration={"Status": "Enabled"})
    about = {"Bucket": open_bucket, "Key": "k"}
    old = s3.put_object(**about, Body=b"old", ACL="public-read")["VersionId"]
    new = s3.put_object(**about, Body=b"new")["VersionId"]
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    assert cloud.anonymous("GET", open_bucket, "k", f"versionId={old}").body == b"old"
    assert cloud.anonymous("GET", open_bucket, "k", f"versionId={new}").status == 403
    s3.put_object_acl(**about, VersionId=old, ACL="private")
    assert cloud.anonymous("GET", open_bucket, "k", f"versionId={old}").status == 403


# ---- Block Public Access


def test_flags_that_are_not_given_are_off(s3: Any, bucket: str) -> None:
    put_flags(s3, bucket, BlockPublicAcls=True)
    assert get_flags(s3, bucket) == {**ALL_OFF, "BlockPublicAcls": True}
    put_flags(s3, bucket, **ALL_ON)
    assert get_flags(s3, bucket) == ALL_ON


def test_deleted_flags(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    got = refused(s3.get_public_access_block, Bucket=bucket)
    assert got[:2] == (404, "NoSuchPublicAccessBlockConfiguration")
    put_policy(s3, bucket, public(bucket, "s3:GetObject"))
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert cloud.anonymous("GET", bucket, "k").status == 200


def test_flags_do_not_outlive_their_bucket(s3: Any, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    set_ownership(s3, bucket, "ObjectWriter")
    put_policy(s3, bucket, public(bucket, "s3:GetObject"))
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert get_flags(s3, bucket) == ALL_ON
    assert refused(s3.get_bucket_policy, Bucket=bucket)[1] == "NoSuchBucketPolicy"
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == NOT_SUPPORTED


@pytest.mark.parametrize("acl", ["public-read", "public-read-write", "authenticated-read"])
def test_block_public_acls(s3: Any, open_bucket: str, acl: str) -> None:
    about = {"Bucket": open_bucket, "Key": "k"}
    s3.put_object(**about, Body=b"x", ACL=acl)
    put_flags(s3, open_bucket, BlockPublicAcls=True)
    for call, parameters in (
        (s3.put_object_acl, about),
        (s3.put_object, {**about, "Body": b"y"}),
        (s3.put_bucket_acl, {"Bucket": open_bucket}),
        (s3.create_multipart_upload, about),
    ):
        status, code, message = refused(call, **parameters, ACL=acl)
        assert (status, code) == (403, "AccessDenied")
        assert "prevented by the BlockPublicAcls setting in S3 Block Public Access" in message
    s3.put_object_acl(**about, ACL="private")
    assert s3.get_object(**about)["Body"].read() == b"x"


def test_ignore_public_acls(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", ACL="public-read")
    s3.put_bucket_acl(Bucket=open_bucket, ACL="public-read-write")
    put_flags(s3, open_bucket, IgnorePublicAcls=True)
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    assert cloud.anonymous("GET", open_bucket).status == 403
    assert cloud.anonymous("PUT", open_bucket, "new").status == 403
    put_flags(s3, open_bucket)
    assert cloud.anonymous("GET", open_bucket, "k").status == 200


def test_block_public_policy(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    with pytest.raises(s3.exceptions.ClientError) as caught:
        put_policy(s3, bucket, public(bucket, "s3:GetObject"))
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDenied"
    assert error["Message"] == (
        f"User: arn:aws:iam::{cloud.account}:root is not authorized to perform: "
        f's3:PutBucketPolicy on resource: "arn:aws:s3:::{bucket}" because public policies are '
        "prevented by the BlockPublicPolicy setting in S3 Block Public Access."
    )
    private = statement("Deny", "s3:*", f"arn:aws:s3:::{bucket}/locked/*", Principal="*")
    put_policy(s3, bucket, private)
    assert not s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]


def test_restrict_public_buckets(cloud: LocalCloud, s3: Any, open_bucket: str) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x")
    put_policy(s3, open_bucket, public(open_bucket, "s3:GetObject"))
    assert cloud.anonymous("GET", open_bucket, "k").status == 200
    put_flags(s3, open_bucket, RestrictPublicBuckets=True)
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    # The account's own users still have what the policy gives.
    user = cloud.as_user("s3", "of-the-account")
    assert user.get_object(Bucket=open_bucket, Key="k")["Body"].read() == b"x"
    put_flags(s3, open_bucket)
    assert cloud.anonymous("GET", open_bucket, "k").status == 200


# ---- the account's flags


@pytest.fixture
def control(cloud: LocalCloud) -> Iterator[Any]:
    control = cloud.client("s3control")
    yield control
    control.delete_public_access_block(AccountId=cloud.account)


def test_account_flags(cloud: LocalCloud, control: Any) -> None:
    account = cloud.account
    got = refused(control.get_public_access_block, AccountId=account)
    assert got[:2] == (404, "NoSuchPublicAccessBlockConfiguration")
    flags = {"BlockPublicPolicy": True}
    control.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=flags)
    found = control.get_public_access_block(AccountId=account)["PublicAccessBlockConfiguration"]
    assert found == {**ALL_OFF, "BlockPublicPolicy": True}
    assert refused(control.get_public_access_block, AccountId="000000000001")[0] == 403


def test_account_flags_are_added_to_those_of_the_bucket(
    cloud: LocalCloud, s3: Any, control: Any, open_bucket: str
) -> None:
    s3.put_object(Bucket=open_bucket, Key="k", Body=b"x", ACL="public-read")
    control.put_public_access_block(AccountId=cloud.account, PublicAccessBlockConfiguration=ALL_ON)
    assert cloud.anonymous("GET", open_bucket, "k").status == 403
    got = refused(s3.put_object_acl, Bucket=open_bucket, Key="k", ACL="public-read")
    assert got[:2] == (403, "AccessDenied")
    control.delete_public_access_block(AccountId=cloud.account)
    assert cloud.anonymous("GET", open_bucket, "k").status == 200
