"""What the owner sets on a bucket: its creation, Block Public Access, ownership and ACLs."""

import ipaddress
import re
from typing import Any

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3 import access, acl, buckets
from labrunner.localcloud.s3.blocks import from_params
from labrunner.localcloud.wire import Response

HOME = "us-east-1"
FIRST_ERROR = 300
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
BAD_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
BAD_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
OWNERSHIPS = frozenset({"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"})
STATUSES = frozenset({"Enabled", "Suspended"})


def create_bucket(request: Request) -> Response:
    """CreateBucket."""
    name = request.target.path_params["Bucket"]
    _check_name(name)
    configuration = request.params.get("CreateBucketConfiguration") or {}
    _check_location(request, configuration.get("LocationConstraint"))
    ownership = request.headers.get("x-amz-object-ownership") or buckets.ENFORCED
    _check_first_acl(request, ownership)
    existed = buckets.find(request.cloud, name) is not None
    response = request.moto(x_amz_acl=None, x_amz_object_ownership=None)
    if response.status >= FIRST_ERROR or existed:  # repeating it changes nothing
        return response
    bucket = buckets.find(request.cloud, name)
    bucket.ownership_rule = ownership
    bucket.acl = acl.to_moto(acl.from_request(request) or acl.private())
    tags = {tag["Key"]: tag["Value"] for tag in configuration.get("Tags") or ()}
    if tags:
        buckets.backend(request.cloud).put_bucket_tagging(name, tags)
    return response


def _check_name(name: str) -> None:
    good = (
        NAME.fullmatch(name)
        and ".." not in name
        and not name.startswith(BAD_PREFIXES)
        and not name.endswith(BAD_SUFFIXES)
        and not _is_address(name)
    )
    if not good:
        text = "The specified bucket is not valid."
        raise AwsError("InvalidBucketName", text, fields={"BucketName": name})


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _check_location(request: Request, wanted: str | None) -> None:
    from botocore.session import get_session

    if wanted is None:
        if request.region != HOME:
            raise _illegal("unspecified")
        return
    regions = get_session().get_available_regions("s3")
    if wanted == HOME or (wanted != "EU" and wanted not in regions):
        fields = {"LocationConstraint": wanted}
        text = "The specified location-constraint is not valid"
        raise AwsError("InvalidLocationConstraint", text, fields=fields)
    if request.region not in (HOME, wanted):
        raise _illegal(wanted)


def _illegal(wanted: str) -> AwsError:
    text = (
        f"The {wanted} location constraint is incompatible for the region specific endpoint this "
        "request was sent to."
    )
    return AwsError("IllegalLocationConstraintException", text)


def _check_first_acl(request: Request, ownership: str) -> None:
    if ownership not in OWNERSHIPS:
        raise AwsError("InvalidArgument", f"Invalid x-amz-object-ownership header: {ownership}")
    wanted = acl.from_request(request)
    if wanted is None or acl.is_owner_only(wanted):
        return
    if ownership == buckets.ENFORCED:
        raise _acl_with_ownership()
    if acl.is_public(wanted):  # every new bucket blocks them
        text = "Bucket cannot have public ACLs set with BlockPublicAccess enabled"
        raise AwsError("InvalidBucketAclWithBlockPublicAccessError", text)


def _acl_with_ownership() -> AwsError:
    text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
    return AwsError("InvalidBucketAclWithObjectOwnership", text)


def delete_bucket(request: Request) -> Response:
    """DeleteBucket; moto would keep its tags for the next bucket of the name."""
    bucket = buckets.get(request)
    response = request.moto()
    if response.status < FIRST_ERROR:
        buckets.backend(request.cloud).tagger.delete_all_tags_for_resource(buckets.arn(bucket))
        for upload in bucket.multiparts.values():
            upload.dispose()
    return response


def list_buckets(request: Request) -> dict[str, Any]:
    """ListBuckets, by pages when `max-buckets` is given."""
    query = request.query
    prefix, region = query.get("prefix", ""), query.get("bucket-region")
    after = query.get("continuation-token", "")
    found = [
        bucket
        for name, bucket in sorted(buckets.backend(request.cloud).buckets.items())
        if name.startswith(prefix) and name > after and region in (None, bucket.region_name)
    ]
    limit = int(query.get("max-buckets", "10000"))
    result: dict[str, Any] = {
        "Owner": {"ID": acl.owner_id()},
        "Buckets": [
            {
                "Name": bucket.name,
                "CreationDate": bucket.creation_date,
                # Only paginated answers say it.
                **({"BucketRegion": bucket.region_name} if "max-buckets" in query else {}),
            }
            for bucket in found[:limit]
        ],
    }
    if prefix:
        result["Prefix"] = prefix
    if len(found) > limit:
        result["ContinuationToken"] = found[limit - 1].name
    return result


def put_public_access_block(request: Request) -> None:
    """PutPublicAccessBlock: a flag that is not given is off."""
    given = request.params.get("PublicAccessBlockConfiguration")
    if given is None:
        raise AwsError("MissingRequestBodyError", "Request Body is empty")
    buckets.set_flags(buckets.get(request), from_params(given))


def get_public_access_block(request: Request) -> dict[str, Any]:
    """GetPublicAccessBlock."""
    bucket = buckets.get(request)
    flags = buckets.flags_of(bucket)
    if flags is None:
        text = "The public access block configuration was not found"
        fields = {"BucketName": bucket.name}
        raise AwsError("NoSuchPublicAccessBlockConfiguration", text, 404, fields=fields)
    return {"PublicAccessBlockConfiguration": flags.as_result()}


def delete_public_access_block(request: Request) -> None:
    """DeletePublicAccessBlock: all four flags are off from now on."""
    buckets.set_flags(buckets.get(request), None)


def get_ownership(request: Request) -> dict[str, Any]:
    """GetBucketOwnershipControls."""
    bucket = buckets.get(request)
    if bucket.ownership_rule is None:
        text = "The bucket ownership controls were not found"
        fields = {"BucketName": bucket.name}
        raise AwsError("OwnershipControlsNotFoundError", text, 404, fields=fields)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership_rule}]}}


def put_ownership(request: Request) -> None:
    """PutBucketOwnershipControls."""
    bucket = buckets.get(request)
    rules = (request.params.get("OwnershipControls") or {}).get("Rules") or []
    wanted = [rule.get("ObjectOwnership") for rule in rules]
    if len(wanted) != 1 or wanted[0] not in OWNERSHIPS:
        raise _malformed()
    if wanted[0] == buckets.ENFORCED and not acl.is_owner_only(acl.from_moto(bucket.acl)):
        raise _acl_with_ownership()
    bucket.ownership_rule = wanted[0]


def delete_ownership(request: Request) -> None:
    """DeleteBucketOwnershipControls: the writer owns an object, and ACLs count."""
    buckets.get(request).ownership_rule = None


def get_bucket_acl(request: Request) -> dict[str, Any]:
    """GetBucketAcl."""
    return acl.as_result(acl.from_moto(buckets.get(request).acl))


def put_bucket_acl(request: Request) -> None:
    """PutBucketAcl."""
    bucket = buckets.get(request)
    if not buckets.has_acls(bucket):
        raise acl.not_supported()
    wanted = acl.from_request(request)
    if wanted is None:
        text = "Your request was missing a required header"
        raise AwsError("MissingSecurityHeader", text, fields={"MissingHeaderName": "x-amz-acl"})
    refuse_public(request, bucket, wanted, "s3:PutBucketAcl", None)
    bucket.acl = acl.to_moto(wanted)


def refuse_public(
    request: Request, bucket: Any, wanted: acl.Acl, action: str, key: str | None
) -> None:
    """Refuse a public list where BlockPublicAcls is on; raises AwsError."""
    flags = buckets.effective_flags(request.cloud, bucket)
    if flags.block_public_acls and acl.is_public(wanted):
        what = "public access control lists (ACLs) are prevented by the BlockPublicAcls"
        raise access.blocked(request, bucket, action, key, what)


def put_versioning(request: Request) -> None:
    """PutBucketVersioning; once on, it can only be suspended."""
    bucket = buckets.get(request)
    configuration = request.params.get("VersioningConfiguration") or {}
    status = configuration.get("Status")
    if status not in STATUSES:
        code = "IllegalVersioningConfigurationException"
        text = "The Versioning element must be specified"
        raise AwsError(code, text) if status is None else _malformed()
    if configuration.get("MFADelete") == "Enabled":
        raise not_implemented("s3.PutBucketVersioning with MFADelete")
    if status == "Suspended" and bucket.object_lock_enabled:
        text = (
            "An Object Lock configuration is present on this bucket, so the versioning state "
            "cannot be changed."
        )
        raise AwsError("InvalidBucketState", text, 409)
    bucket.versioning_status = status


def put_encryption(request: Request) -> Response:
    """PutBucketEncryption; only S3's own keys are there."""
    rules = (request.params.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or []
    for rule in rules:
        default = rule.get("ApplyServerSideEncryptionByDefault") or {}
        if default.get("SSEAlgorithm", "AES256") != "AES256":
            raise not_implemented("s3.PutBucketEncryption with a KMS key")
    return request.moto()


def delete_encryption(request: Request) -> None:
    """DeleteBucketEncryption: S3 goes back to its own keys, it never stores in the clear."""
    buckets.get(request).encryption = buckets.SSE_S3


def _malformed() -> AwsError:
    text = "The XML you provided was not well-formed or did not validate against our schema"
    return AwsError("MalformedXML", text)
