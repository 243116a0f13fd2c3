"""The S3 work item as a newcomer writes it: boto3, one call after the other."""

import json
import uuid
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
from botocore.exceptions import ClientError

PAGES = Path(__file__).parent / "labs" / "s3-work-item"
OLD = (PAGES / "page.html").read_bytes()
NEW = (PAGES / "page-new.html").read_bytes()

s3 = boto3.client("s3")
bucket = f"plain-{uuid.uuid4().hex[:8]}"
url = f"{s3.meta.endpoint_url}/{bucket}/index.html"


def get(url: str) -> int:
    try:
        with urlopen(url) as response:
            response.read()
            return int(response.status)
    except HTTPError as error:
        error.read()
        return error.code


if s3.meta.region_name == "us-east-1":
    s3.create_bucket(Bucket=bucket)
else:
    s3.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}
    )
s3.put_object(
    Bucket=bucket, Key="index.html", Body=OLD, ContentType="text/html", StorageClass="STANDARD"
)
s3.put_object(
    Bucket=bucket, Key="about.html", Body=OLD, ContentType="text/html", StorageClass="STANDARD_IA"
)
s3.put_object(
    Bucket=bucket,
    Key="archive.html",
    Body=OLD,
    ContentType="text/html",
    StorageClass="INTELLIGENT_TIERING",
)
listing = s3.list_objects_v2(Bucket=bucket)
print([item["Key"] for item in listing["Contents"]])
print(s3.head_object(Bucket=bucket, Key="about.html")["StorageClass"])
print(get(url))
s3.put_public_access_block(
    Bucket=bucket,
    PublicAccessBlockConfiguration={
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    },
)
statement = {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{bucket}/*",
}
s3.put_bucket_policy(
    Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
)
print(get(url))
s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
s3.put_object(Bucket=bucket, Key="index.html", Body=NEW, ContentType="text/html")
versions = s3.list_object_versions(Bucket=bucket, Prefix="index.html")
print([version["VersionId"] for version in versions["Versions"]])
print(s3.delete_object(Bucket=bucket, Key="index.html")["DeleteMarker"])

# The clean-up makes the same calls as labrunner's teardown.
s3.delete_bucket_policy(Bucket=bucket)
s3.put_public_access_block(
    Bucket=bucket,
    PublicAccessBlockConfiguration={
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    },
)
found = s3.list_object_versions(Bucket=bucket)
everything = [*found["Versions"], *found["DeleteMarkers"]]
s3.delete_objects(
    Bucket=bucket,
    Delete={
        "Objects": [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in everything],
        "Quiet": True,
    },
)
print(s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []))
s3.delete_bucket(Bucket=bucket)
try:
    s3.head_bucket(Bucket=bucket)
except ClientError as error:
    print(error.response["Error"]["Code"])
