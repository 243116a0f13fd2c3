"""Objects: their writing, reading and deletion, with AWS's versions and ownership."""

import uuid
from types import SimpleNamespace
from typing import Any

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.moto_bridge import lock
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3 import access, acl, buckets, checksums
from labrunner.localcloud.s3.buckets import is_marker
from labrunner.localcloud.s3.handlers import refuse_public
from labrunner.localcloud.wire import Response

ACL_HEADERS = ("x-amz-acl", *acl.GRANT_HEADERS)
MAX_KEY_BYTES = 1024
MAX_DELETED = 1000
MAX_PART = 10_000
FIRST_ERROR = 300
# What moto says of a new object and AWS does not.
NOT_SAID = frozenset({"last-modified", "x-amz-sdk-checksum-algorithm", "x-amz-storage-class"})


def put_object(request: Request) -> Response:
    """PutObject."""
    _check_write(request)
    checksums.check(request)
    key = request.target.path_params["Key"]
    versions = buckets.get(request).keys.getlist(key, [])
    if "if-match" in request.headers and (not versions or is_marker(versions[-1])):
        raise _no_such_key(key)
    return _store(request)


def copy_object(request: Request) -> Response:
    """CopyObject."""
    _check_write(request)
    return _store(request)


def _check_write(request: Request) -> None:
    headers = request.headers
    if len(request.target.path_params["Key"].encode()) > MAX_KEY_BYTES:
        raise AwsError("KeyTooLongError", "Your key is too long")
    if headers.get("x-amz-storage-class") == "EXPRESS_ONEZONE":  # of directory buckets only
        text = "The storage class you specified is not valid"
        raise AwsError("InvalidStorageClass", text)
    customer = "x-amz-server-side-encryption-customer-algorithm" in headers
    if customer or headers.get("x-amz-server-side-encryption", "AES256") != "AES256":
        raise not_implemented(f"{request.target.label} with keys of KMS or of the customer")


def _store(request: Request) -> Response:
    """Let moto store an object, and give it the list that the call set, or none but the owner's.

    moto would hand the bucket's list down to each object.
    """
    bucket = buckets.get(request)
    wanted = _wanted_acl(request, bucket, "s3:PutObject")
    with lock("s3"):
        response = request.moto(**dict.fromkeys(ACL_HEADERS))
        if response.status < FIRST_ERROR:
            stored = bucket.keys[request.target.path_params["Key"]]
            stored.acl = acl.to_moto(wanted)
            return _said(response, bucket, stored)
    return response


def _said(response: Response, bucket: Any, version: Any) -> Response:
    dropped = {"x-amz-version-id", *NOT_SAID}
    headers = {n: v for n, v in response.headers.items() if n.lower() not in dropped}
    if bucket.versioning_status:
        headers["x-amz-version-id"] = version.version_id
    return Response(response.status, headers, response.body)


def _wanted_acl(request: Request, bucket: Any, action: str) -> acl.Acl:
    wanted = acl.from_request(request)
    if wanted is None:
        return acl.private()
    canned = request.headers.get("x-amz-acl")
    if not buckets.has_acls(bucket):
        owners = canned == "bucket-owner-full-control" or not canned
        if not (owners and acl.is_owner_only(wanted)):
            raise acl.not_supported()
    refuse_public(request, bucket, wanted, action, request.target.path_params["Key"])
    return wanted


def create_upload(request: Request) -> Response:
    """CreateMultipartUpload."""
    _check_write(request)
    bucket = buckets.get(request)
    wanted = _wanted_acl(request, bucket, "s3:PutObject")
    request.body = b""  # it means nothing, and moto stumbles over it
    with lock("s3"):
        response = request.moto(**dict.fromkeys(ACL_HEADERS))
        if response.status < FIRST_ERROR:
            upload = next(reversed(bucket.multiparts.values()))
            upload.acl = acl.to_moto(wanted)
            upload.initiated = request.cloud.now()
    return response


def upload_part(request: Request) -> Response:
    """UploadPart and UploadPartCopy."""
    number = request.query["partNumber"]
    if not number.isdecimal() or not 1 <= int(number) <= MAX_PART:
        text = f"Part number must be an integer between 1 and {MAX_PART}, inclusive"
        fields = {"ArgumentName": "partNumber", "ArgumentValue": number}
        raise AwsError("InvalidArgument", text, fields=fields)
    checksums.check(request)
    _check_upload(request, request.query["uploadId"])
    return request.moto()


def complete_upload(request: Request) -> Response:
    """CompleteMultipartUpload."""
    upload_id, key = request.query["uploadId"], request.target.path_params["Key"]
    checksums.check(request)
    bucket = buckets.get(request)
    with lock("s3"):
        newest = bucket.keys.get(key)
        multipart = getattr(newest, "multipart", None)
        if multipart is None or multipart.id != upload_id:  # repeating it is allowed
            _check_upload(request, upload_id)
        response = request.moto()
        if response.status >= FIRST_ERROR:
            return response
        return _said(response, bucket, bucket.keys[key])


def _check_upload(request: Request, upload_id: str) -> None:
    found = buckets.get(request).multiparts.get(upload_id)
    if found is None or found.key_name != request.target.path_params["Key"]:
        text = (
            "The specified upload does not exist. The upload ID may be invalid, or the upload may "
            "have been aborted or completed."
        )
        raise AwsError("NoSuchUpload", text, 404, fields={"UploadId": upload_id})


def read_object(request: Request) -> Response:
    """GetObject and HeadObject."""
    bucket = buckets.get(request)
    with lock("s3"):
        found = find_version(request, bucket)
        response = request.moto()
    headers = {n: v for n, v in response.headers.items() if n.lower() != "x-amz-version-id"}
    if bucket.versioning_status:
        headers["x-amz-version-id"] = found.version_id
    return Response(response.status, headers, response.body)


def of_version(request: Request) -> Response:
    """Answer calls on one version that moto answers well once it is known to be there."""
    with lock("s3"):
        find_version(request, buckets.get(request))
        return request.moto()


def find_version(request: Request, bucket: Any) -> Any:
    """Return the version that a call names; raises AwsError if it is missing or a marker."""
    key = request.target.path_params["Key"]
    wanted = request.query.get("versionId")
    versions = bucket.keys.getlist(key, [])
    if wanted is None:
        found = versions[-1] if versions else None
    else:
        found = next((one for one in versions if one.version_id == wanted), None)
    if found is not None and not is_marker(found):
        return found
    if found is not None and wanted is not None:
        raise _not_on_marker(request, wanted)
    # Without the permission to list, nobody learns that a key is not there.
    access.require(request, bucket, "s3:ListBucket", None)
    if wanted is not None:
        fields = {"Key": key, "VersionId": wanted}
        text = "The specified version does not exist."
        raise AwsError("NoSuchVersion", text, 404, fields=fields)
    raise _no_such_key(key, found)


def _no_such_key(key: str, marker: Any = None) -> AwsError:
    headers = {}
    if marker is not None:
        headers = {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version_id}
    text = "The specified key does not exist."
    return AwsError("NoSuchKey", text, 404, fields={"Key": key}, headers=headers)


def _not_on_marker(request: Request, version_id: str) -> AwsError:
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": version_id, "Allow": "DELETE"}
    fields = {"Method": request.http.method, "ResourceType": "DeleteMarker"}
    text = "The specified method is not allowed against this resource."
    return AwsError("MethodNotAllowed", text, 405, fields=fields, headers=headers)


def get_acl(request: Request) -> dict[str, Any]:
    """GetObjectAcl."""
    bucket = buckets.get(request)
    found = find_version(request, bucket)
    kept = acl.from_moto(found.acl) if buckets.has_acls(bucket) else ()
    return acl.as_result(kept or acl.private())


def put_acl(request: Request) -> None:
    """PutObjectAcl."""
    bucket = buckets.get(request)
    found = find_version(request, bucket)
    if acl.from_request(request) is None:
        text = "Your request was missing a required header"
        raise AwsError("MissingSecurityHeader", text, fields={"MissingHeaderName": "x-amz-acl"})
    found.acl = acl.to_moto(_wanted_acl(request, bucket, "s3:PutObjectAcl"))


def get_retention(request: Request) -> dict[str, Any]:
    """GetObjectRetention."""
    found = find_version(request, buckets.get(request))
    if found.lock_mode is None:
        text = "The specified object does not have a ObjectLock configuration"
        raise AwsError("NoSuchObjectLockConfiguration", text, 404)
    return {"Retention": {"Mode": found.lock_mode, "RetainUntilDate": found.lock_until}}


def delete_object(request: Request) -> dict[str, Any]:
    """DeleteObject."""
    bucket = buckets.get(request)
    return remove(
        bucket,
        request.target.path_params["Key"],
        request.query.get("versionId"),
        bypass=_bypasses(request),
    )


def _bypasses(request: Request) -> bool:
    return request.headers.get("x-amz-bypass-governance-retention").lower() == "true"


def delete_objects(request: Request) -> dict[str, Any]:
    """DeleteObjects: each key is allowed or refused for itself."""
    checksums.check(request)
    bucket = buckets.get(request)
    wanted = request.params.get("Delete") or {}
    named = wanted.get("Objects") or []
    if not 0 < len(named) <= MAX_DELETED:
        text = "The XML you provided was not well-formed or did not validate against our schema"
        raise AwsError("MalformedXML", text)
    deleted, errors = [], []
    for one in named:
        key, version_id = one["Key"], one.get("VersionId")
        action = "s3:DeleteObject" if version_id is None else "s3:DeleteObjectVersion"
        try:
            access.require(request, bucket, action, key)
            result = remove(bucket, key, version_id, bypass=_bypasses(request))
        except AwsError as error:
            about = {"Key": key, "VersionId": version_id}
            errors.append({**about, "Code": error.code, "Message": error.message})
        else:
            deleted.append(_deleted(key, version_id, result))
    return {"Deleted": [] if wanted.get("Quiet") else deleted, "Errors": errors}


def _deleted(key: str, version_id: str | None, result: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"Key": key}
    if version_id is not None:
        found["VersionId"] = version_id
    if result.get("DeleteMarker"):
        found["DeleteMarker"] = True
        found["DeleteMarkerVersionId"] = result["VersionId"]
    return found


def remove(bucket: Any, key: str, version_id: str | None, *, bypass: bool) -> dict[str, Any]:
    """Delete an object or one version of it; raises AwsError if a lock protects it."""
    with lock("s3"):
        versions = bucket.keys.getlist(key, [])
        if version_id is not None:
            return _remove_version(bucket, key, versions, version_id, bypass=bypass)
        if bucket.versioning_status is None:
            if versions:
                bucket.keys.replace(key, [])
            return {}
        return _mark(bucket, key, versions)


def _mark(bucket: Any, key: str, versions: list[Any]) -> dict[str, Any]:
    from moto.s3.models import FakeDeleteMarker

    named: Any = SimpleNamespace(name=key)
    marker = FakeDeleteMarker(named)
    marker._version_id = str(uuid.uuid4())  # noqa: SLF001 - moto has no other way
    if bucket.versioning_status == "Suspended":
        marker._version_id = "null"  # noqa: SLF001
        versions = [one for one in versions if one.version_id != "null"]
    bucket.keys.replace(key, [*versions, marker])
    return {"DeleteMarker": True, "VersionId": marker.version_id}


def _remove_version(
    bucket: Any, key: str, versions: list[Any], version_id: str, *, bypass: bool
) -> dict[str, Any]:
    found = next((one for one in versions if one.version_id == version_id), None)
    if found is None:
        return {"VersionId": version_id}  # deleting what is gone succeeds
    if not is_marker(found) and found.is_locked(bypass):
        text = "Access Denied because object protected by object lock."
        raise AwsError("AccessDenied", text, 403)
    bucket.keys.replace(key, [one for one in versions if one is not found])
    result = {"VersionId": version_id}
    return {**result, "DeleteMarker": True} if is_marker(found) else result
