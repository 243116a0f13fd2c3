"""Making, naming, tagging, listing and deleting buckets."""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from .conftest import ACCESS_KEY, REGION, SECRET_KEY, LocalCloud, refused


def fresh() -> str:
    return f"fresh-{uuid.uuid4().hex[:20]}"


@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Upper", "under_score", "-dash", "dash-", "192.168.5.4", "xn--x", "a-s3alias"],
)
def test_names_that_are_not_valid(cloud: LocalCloud, s3: Any, name: str) -> None:
    got = refused(s3.create_bucket, Bucket=name)
    assert got[:2] == (400, "InvalidBucketName")


def test_names_with_dots(s3: Any) -> None:
    name = f"{fresh()}.example"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)


def test_repeating_a_creation_keeps_the_bucket(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.delete_public_access_block(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(s3.get_public_access_block, Bucket=bucket)[0] == 404


def test_repeating_elsewhere_is_refused(cloud: LocalCloud) -> None:
    west = cloud.client("s3", region="eu-west-1")
    name, place = fresh(), {"LocationConstraint": "eu-west-1"}
    west.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    got = refused(west.create_bucket, Bucket=name, CreateBucketConfiguration=place)
    assert got[:2] == (409, "BucketAlreadyOwnedByYou")
    assert west.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    head = west.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]
    assert head["x-amz-bucket-region"] == "eu-west-1"


@pytest.mark.parametrize(
    ("region", "constraint", "code"),
    [
        ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
        ("us-east-1", "mars-north-1", "InvalidLocationConstraint"),
        ("eu-west-1", None, "IllegalLocationConstraintException"),
        ("eu-west-1", "us-west-2", "IllegalLocationConstraintException"),
    ],
)
def test_location_constraints(
    cloud: LocalCloud, region: str, constraint: str | None, code: str
) -> None:
    client = cloud.client("s3", region=region)
    place = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
    assert refused(client.create_bucket, Bucket=fresh(), **place)[:2] == (400, code)


def test_another_region_from_the_home_region(cloud: LocalCloud, s3: Any) -> None:
    name = fresh()
    place = {"LocationConstraint": "us-west-2"}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "us-west-2"


def test_home_has_no_location(s3: Any, bucket: str) -> None:
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None


def test_tags_at_creation(s3: Any) -> None:
    name = fresh()
    tags = [{"Key": "labrunner:run", "Value": "r1"}, {"Key": "empty", "Value": ""}]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=name)
    assert refused(s3.get_bucket_tagging, Bucket=name)[:2] == (404, "NoSuchTagSet")


def test_tags_do_not_outlive_their_bucket(s3: Any) -> None:
    name = fresh()
    tags = [{"Key": "a", "Value": "b"}]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": tags})
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    assert refused(s3.get_bucket_tagging, Bucket=name)[:2] == (404, "NoSuchTagSet")


def test_lists_at_creation(s3: Any) -> None:
    got = refused(s3.create_bucket, Bucket=fresh(), ACL="public-read")
    assert got[:2] == (400, "InvalidBucketAclWithObjectOwnership")
    got = refused(
        s3.create_bucket, Bucket=fresh(), ACL="public-read", ObjectOwnership="ObjectWriter"
    )
    assert got[:2] == (400, "InvalidBucketAclWithBlockPublicAccessError")
    name = fresh()
    s3.create_bucket(Bucket=name, ACL="private", ObjectOwnership="BucketOwnerPreferred")
    rules = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerPreferred"}]


def test_listing_buckets(cloud: LocalCloud, s3: Any) -> None:
    prefix = f"listed-{uuid.uuid4().hex[:8]}"
    names = [f"{prefix}-{number}" for number in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    found = s3.list_buckets(Prefix=prefix)["Buckets"]
    assert [one["Name"] for one in found] == names
    assert abs((found[0]["CreationDate"] - cloud.now()).total_seconds()) < 60
    pages = s3.get_paginator("list_buckets").paginate(
        Prefix=prefix, PaginationConfig={"PageSize": 2}
    )
    assert [[one["Name"] for one in page["Buckets"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    assert not s3.list_buckets(Prefix=prefix, BucketRegion="eu-west-1").get("Buckets")


def test_a_bucket_with_anything_left_stays(s3: Any, bucket: str) -> None:
    not_empty = (409, "BucketNotEmpty")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused(s3.delete_bucket, Bucket=bucket)[:2] == not_empty
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert not s3.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert refused(s3.delete_bucket, Bucket=bucket)[:2] == not_empty
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert refused(s3.delete_bucket, Bucket=bucket)[:2] == not_empty
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    s3.delete_bucket(Bucket=bucket)
    assert refused(s3.head_bucket, Bucket=bucket)[0] == 404
    assert refused(s3.delete_bucket, Bucket=bucket)[:2] == (404, "NoSuchBucket")


def test_encryption(s3: Any, bucket: str) -> None:
    kms = {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}},
        ]
    }
    got = refused(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration=kms)
    assert got[:2] == (501, "NotImplemented")
    got = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
    assert got[:2] == (501, "NotImplemented")
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"


def test_lifecycle_and_cors_are_kept(s3: Any, bucket: str) -> None:
    rule = {
        "ID": "r",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 1},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    cors = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [cors]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [cors]


def test_the_aws_cli(cloud: LocalCloud, s3: Any, bucket: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("aws")
    if not program.exists():
        pytest.skip("the AWS CLI is not installed")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": cloud.endpoint,
    }

    def aws(*words: str) -> str:
        return subprocess.run(
            [program, *words], env=environment, check=True, capture_output=True, text=True
        ).stdout

    source = tmp_path / "file.txt"
    source.write_text("by the CLI")
    assert bucket in aws("s3", "ls")
    aws("s3", "cp", str(source), f"s3://{bucket}/dir/file.txt")
    assert "file.txt" in aws("s3", "ls", "--recursive", f"s3://{bucket}")
    assert aws("s3", "cp", f"s3://{bucket}/dir/file.txt", "-") == "by the CLI"
