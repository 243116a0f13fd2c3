"""Amazon S3 as a service of the local cloud: which operation is answered by whom."""

from collections.abc import Mapping

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.names import names
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3 import access, buckets, handlers, listing, objects, policies
from labrunner.localcloud.service import Everything, Handler, Service

HANDLERS: Mapping[str, Handler] = {
    "CompleteMultipartUpload": objects.complete_upload,
    "CopyObject": objects.copy_object,
    "CreateBucket": handlers.create_bucket,
    "CreateMultipartUpload": objects.create_upload,
    "DeleteBucket": handlers.delete_bucket,
    "DeleteBucketEncryption": handlers.delete_encryption,
    "DeleteBucketOwnershipControls": handlers.delete_ownership,
    "DeleteBucketPolicy": policies.delete,
    "DeleteObject": objects.delete_object,
    "DeleteObjects": objects.delete_objects,
    "DeleteObjectTagging": objects.of_version,
    "DeletePublicAccessBlock": handlers.delete_public_access_block,
    "GetBucketAcl": handlers.get_bucket_acl,
    "GetBucketOwnershipControls": handlers.get_ownership,
    "GetBucketPolicy": policies.get,
    "GetBucketPolicyStatus": policies.status,
    "GetObject": objects.read_object,
    "GetObjectAcl": objects.get_acl,
    "GetObjectAttributes": objects.of_version,
    "GetObjectLegalHold": objects.of_version,
    "GetObjectRetention": objects.get_retention,
    "GetObjectTagging": objects.of_version,
    "GetPublicAccessBlock": handlers.get_public_access_block,
    "HeadObject": objects.read_object,
    "ListBuckets": handlers.list_buckets,
    "ListMultipartUploads": listing.list_uploads,
    "ListObjectVersions": listing.list_versions,
    "ListObjects": listing.list_objects,
    "ListObjectsV2": listing.list_objects_v2,
    "PutBucketAcl": handlers.put_bucket_acl,
    "PutBucketEncryption": handlers.put_encryption,
    "PutBucketOwnershipControls": handlers.put_ownership,
    "PutBucketPolicy": policies.put,
    "PutBucketVersioning": handlers.put_versioning,
    "PutObject": objects.put_object,
    "PutObjectAcl": objects.put_acl,
    "PutObjectLegalHold": objects.of_version,
    "PutObjectRetention": objects.of_version,
    "PutObjectTagging": objects.of_version,
    "PutPublicAccessBlock": handlers.put_public_access_block,
    "RestoreObject": objects.of_version,
    "UploadPart": objects.upload_part,
    "UploadPartCopy": objects.upload_part,
}
# moto answers these as AWS does. Replication, logging, inventories, notifications, acceleration
# and web sites are not among them: moto keeps the wish, and nothing ever comes of it. Its S3 Select
# fails on plain queries.
MOTO = names(
    """
    AbortMultipartUpload DeleteBucketCors DeleteBucketLifecycle DeleteBucketTagging
    GetBucketCors GetBucketEncryption GetBucketLifecycleConfiguration GetBucketLocation
    GetBucketLogging GetBucketNotificationConfiguration GetBucketReplication GetBucketTagging
    GetBucketVersioning GetBucketWebsite GetObjectLockConfiguration HeadBucket ListParts
    PutBucketCors PutBucketLifecycleConfiguration PutBucketTagging PutObjectLockConfiguration
    """
)


def _is_empty(cloud: Cloud) -> bool:
    return not buckets.backend(cloud).buckets


def _authorize(request: Request) -> None:
    access.authorize(request)


SERVICE = Service(
    name="s3",
    authorize=_authorize,
    handlers=HANDLERS,
    moto=MOTO,
    is_empty=_is_empty,
    # Anybody may ask; `access` decides, as S3 does, by the bucket's own rules.
    anonymous=Everything(),
)
