"""moto's buckets, with the defaults of a new bucket on AWS and the versions that moto loses."""

import json
from typing import Any

from labrunner.localcloud import moto_bridge
from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.policy import Policy, parse
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3.blocks import ALL_ON, AccountBlock, Flags

ENFORCED = "BucketOwnerEnforced"
OUR_STATE = "labrunner_policy"  # an attribute of moto's bucket, so that it dies with the bucket
SSE_S3 = {
    "Rule": {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
    }
}


def backend(cloud: Cloud) -> Any:
    """Return moto's S3 of this cloud's account."""
    return moto_bridge.backend("s3", cloud.account, PARTITION)


def find(cloud: Cloud, name: str) -> Any:
    """Return a bucket, None if there is none of this name in the account."""
    bucket = backend(cloud).buckets.get(name)
    if bucket is not None and not hasattr(bucket, OUR_STATE):
        _adopt(bucket)
    return bucket


def get(request: Request) -> Any:
    """Return the bucket that a call names; raises AwsError if there is none."""
    name = request.target.path_params["Bucket"]
    bucket = find(request.cloud, name)
    if bucket is None:
        fields = {"BucketName": name}
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, fields=fields)
    return bucket


def _adopt(bucket: Any) -> None:
    """Give a bucket what every bucket has on AWS since April 2023, and take moto's checks off."""
    from moto.iam.access_control import PermissionResult

    setattr(bucket, OUR_STATE, (None, None))
    # moto's own evaluation knows no principals and no conditions; `access` has decided already.
    bucket.get_permission = lambda *_: PermissionResult.NEUTRAL
    bucket.keys = _version_store(bucket)
    if bucket.public_access_block is None:
        set_flags(bucket, ALL_ON)
    bucket.ownership_rule = bucket.ownership_rule or ENFORCED
    bucket.encryption = bucket.encryption or SSE_S3


def _version_store(bucket: Any) -> Any:
    from moto.s3.utils import _VersionedKeyStore

    class VersionStore(_VersionedKeyStore):
        """While versioning is suspended, a new object replaces only the `null` version."""

        def setlist(self, key: str, list_: Any) -> None:
            versions = list(list_) if isinstance(list_, list | tuple) else [list_]
            if bucket.versioning_status == "Suspended":
                null = [one for one in versions if one.version_id == "null"]
                kept = [one for one in self.getlist(key, []) if one.version_id != "null"]
                versions = kept + null if null else versions
            super().setlist(key, versions)

        def replace(self, key: str, versions: list[Any]) -> None:
            """Set the versions of a key, oldest first; none removes it."""
            super().setlist(key, versions)
            if not versions:
                dict.pop(self, key)

    store = VersionStore()
    for key, versions in bucket.keys.lists():
        dict.__setitem__(store, key, versions)
    return store


def arn(bucket: Any) -> str:
    """Return the ARN of a bucket."""
    return f"arn:{PARTITION}:s3:::{bucket.name}"


def policy_of(bucket: Any) -> Policy | None:
    """Return the policy of a bucket; it is parsed once."""
    text, policy = getattr(bucket, OUR_STATE)
    if text is not bucket.policy:
        raw: bytes | str | None = bucket.policy
        document = raw.decode() if isinstance(raw, bytes) else raw
        policy = parse(document, "resource") if document else None
        setattr(bucket, OUR_STATE, (bucket.policy, policy))
    found: Policy | None = policy
    return found


def flags_of(bucket: Any) -> Flags | None:
    """Return the bucket's own Block Public Access, None after it was deleted."""
    block = bucket.public_access_block
    if block is None:
        return None
    return Flags(
        block.block_public_acls,
        block.ignore_public_acls,
        block.block_public_policy,
        block.restrict_public_buckets,
    )


def set_flags(bucket: Any, flags: Flags | None) -> None:
    """Set or delete the bucket's own Block Public Access."""
    from moto.s3.models import PublicAccessBlock

    on = flags.as_result() if flags else {}
    # moto reads its own object elsewhere, AWS Config for one.
    bucket.public_access_block = (
        PublicAccessBlock(*(json.dumps(value) for value in on.values())) if flags else None
    )


def effective_flags(cloud: Cloud, bucket: Any) -> Flags:
    """Return what is in force: the bucket's flags and the account's together."""
    return (flags_of(bucket) or Flags()) | (cloud.state(AccountBlock).flags or Flags())


def is_marker(version: Any) -> bool:
    """Whether a version is a delete marker and no object."""
    return not hasattr(version, "contentsize")


def has_acls(bucket: Any) -> bool:
    """Whether the bucket's object ownership lets access control lists count."""
    return bool(bucket.ownership_rule != ENFORCED)


def expect_owner(request: Request) -> None:
    """Refuse a call that expects another account to own the bucket; raises AwsError."""
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        if request.headers.get(name, request.cloud.account) != request.cloud.account:
            raise AwsError("AccessDenied", "Access Denied", 403)
