"""Objects: storage classes, checksums, versions, lists, copies and multipart uploads."""

import base64
import hashlib
from typing import Any

import pytest

from labrunner.localcloud.s3.checksums import ALGORITHMS

from .conftest import LocalCloud, refused


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    set_versioning(s3, bucket, "Enabled")
    return bucket


def set_versioning(s3: Any, bucket: str, status: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})


def put(s3: Any, bucket: str, body: bytes, key: str = "k") -> str:
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body).get("VersionId", ""))


def read(s3: Any, bucket: str, key: str = "k", **more: Any) -> bytes:
    return bytes(s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read())


# ---- one object


@pytest.mark.parametrize(
    "storage_class", ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER"]
)
def test_storage_classes(s3: Any, bucket: str, storage_class: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass=storage_class)
    head = s3.head_object(Bucket=bucket, Key="k")
    # S3 leaves STANDARD out.
    assert head.get("StorageClass", "STANDARD") == storage_class
    assert ("StorageClass" in head) is (storage_class != "STANDARD")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert listed["StorageClass"] == storage_class
    if storage_class == "GLACIER":
        got = refused(s3.get_object, Bucket=bucket, Key="k")
        assert got[:2] == (403, "InvalidObjectState")


def test_a_storage_class_that_is_not(s3: Any, bucket: str) -> None:
    for name in ("WARM", "EXPRESS_ONEZONE"):
        got = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", StorageClass=name)
        assert got[:2] == (400, "InvalidStorageClass")


def test_metadata_and_headers(s3: Any, bucket: str) -> None:
    about = {"ContentType": "image/png", "CacheControl": "no-cache", "Metadata": {"a_b-c": "1 2"}}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 10, **about)
    found = s3.get_object(Bucket=bucket, Key="k")
    found["Body"].close()
    assert {name: found[name] for name in about} == about
    assert found["ContentLength"] == 10
    assert found["ETag"] == f'"{hashlib.md5(b"x" * 10).hexdigest()}"'
    assert "VersionId" not in found


def test_ranges_and_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["ETag"]
    assert read(s3, bucket, Range="bytes=2-4") == b"234"
    got = refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=20-")
    assert got[:2] == (416, "InvalidRange")
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfMatch='"x"')[0] == 412
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)[0] == 304
    got = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"y", IfNoneMatch="*")
    assert got[:2] == (412, "PreconditionFailed")
    got = refused(s3.put_object, Bucket=bucket, Key="new", Body=b"y", IfMatch=etag)
    assert got[:2] == (404, "NoSuchKey")


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_an_object_may_be_called_a_form(s3: Any, bucket: str, content_type: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"key=a&b=c", ContentType=content_type)
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == b"key=a&b=c"
    assert found["ContentType"] == content_type


def test_restore(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1})
    assert "Restore" in s3.head_object(Bucket=bucket, Key="k")


def test_missing(s3: Any, bucket: str) -> None:
    assert refused(s3.get_object, Bucket=bucket, Key="no")[:2] == (404, "NoSuchKey")
    assert refused(s3.head_object, Bucket=bucket, Key="no")[0] == 404
    got = refused(s3.get_object, Bucket=bucket, Key="no", VersionId="x")
    assert got[:2] == (404, "NoSuchVersion")
    assert refused(s3.get_object_acl, Bucket=bucket, Key="no")[:2] == (404, "NoSuchKey")
    assert refused(s3.get_object_tagging, Bucket=bucket, Key="no")[:2] == (404, "NoSuchKey")
    assert refused(s3.put_object, Bucket=bucket, Key="k" * 1025)[:2] == (400, "KeyTooLongError")
    s3.delete_object(Bucket=bucket, Key="no")


def test_tags_of_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=")
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


# ---- checksums


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_checksums(s3: Any, bucket: str, name: str) -> None:
    body = b"123456789"
    good = base64.b64encode(ALGORITHMS[name](body)).decode()
    member = f"Checksum{name.upper()}"
    s3.put_object(Bucket=bucket, Key="k", Body=body, **{member: good})
    bad = base64.b64encode(ALGORITHMS[name](b"other")).decode()
    got = refused(s3.put_object, Bucket=bucket, Key="k", Body=body, **{member: bad})
    assert got[:2] == (400, "BadDigest")


@pytest.mark.parametrize(
    ("name", "check"),
    [("crc32", "cbf43926"), ("crc32c", "e3069283"), ("crc64nvme", "ae8b14860a799888")],
)
def test_known_values(name: str, check: str) -> None:
    assert ALGORITHMS[name](b"123456789").hex() == check


def test_the_checksum_comes_back(s3: Any, bucket: str) -> None:
    value = s3.put_object(Bucket=bucket, Key="k", Body=b"hello")["ChecksumCRC32"]
    assert value == "NhCmhg=="
    found = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert found["ChecksumCRC32"] == value


def test_content_md5(s3: Any, bucket: str) -> None:
    right = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=right)
    got = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5=right)
    assert got[:2] == (400, "BadDigest")
    got = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5="eHg=")
    assert got[:2] == (400, "InvalidDigest")
    assert read(s3, bucket) == b"x"


# ---- versions


def versions(s3: Any, bucket: str) -> list[tuple[str, str, bool]]:
    """Return kind, version and whether it is the latest, in S3's order."""
    found = s3.list_object_versions(Bucket=bucket)
    lines = [("version", one) for one in found.get("Versions", [])]
    lines += [("marker", one) for one in found.get("DeleteMarkers", [])]
    return [(kind, one["VersionId"], one["IsLatest"]) for kind, one in lines]


def test_versioning_states(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended"):
        set_versioning(s3, bucket, status)
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


def test_the_version_before_versioning_is_null(s3: Any, bucket: str) -> None:
    assert put(s3, bucket, b"first") == ""
    assert versions(s3, bucket) == [("version", "null", True)]
    set_versioning(s3, bucket, "Enabled")
    second = put(s3, bucket, b"second")
    assert versions(s3, bucket) == [("version", second, True), ("version", "null", False)]
    assert read(s3, bucket, VersionId="null") == b"first"
    assert s3.head_object(Bucket=bucket, Key="k", VersionId="null")["VersionId"] == "null"
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == second
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert versions(s3, bucket) == [("version", second, True)]


def test_delete_markers(s3: Any, versioned: str) -> None:
    one = put(s3, versioned, b"one")
    deleted = s3.delete_object(Bucket=versioned, Key="k")
    marker = deleted["VersionId"]
    assert deleted["DeleteMarker"] is True
    assert versions(s3, versioned) == [("version", one, False), ("marker", marker, True)]
    assert refused(s3.get_object, Bucket=versioned, Key="k")[:2] == (404, "NoSuchKey")
    got = refused(s3.get_object, Bucket=versioned, Key="k", VersionId=marker)
    assert got[:2] == (405, "MethodNotAllowed")
    assert refused(s3.head_object, Bucket=versioned, Key="k", VersionId=marker)[0] == 405
    assert read(s3, versioned, VersionId=one) == b"one"
    gone = s3.delete_object(Bucket=versioned, Key="k", VersionId=marker)
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, marker)
    assert read(s3, versioned) == b"one"
    assert "DeleteMarker" not in s3.delete_object(Bucket=versioned, Key="k", VersionId=one)
    assert versions(s3, versioned) == []


def test_deleting_what_was_never_there_leaves_a_marker(s3: Any, versioned: str) -> None:
    marker = s3.delete_object(Bucket=versioned, Key="never")["VersionId"]
    assert versions(s3, versioned) == [("marker", marker, True)]
    again = s3.delete_object(Bucket=versioned, Key="never")["VersionId"]
    assert versions(s3, versioned) == [("marker", again, True), ("marker", marker, False)]
    s3.delete_object(Bucket=versioned, Key="never", VersionId="not-there")


def test_suspended_versioning(s3: Any, versioned: str) -> None:
    one = put(s3, versioned, b"one")
    set_versioning(s3, versioned, "Suspended")
    assert put(s3, versioned, b"two") == "null"
    assert put(s3, versioned, b"three") == "null"
    assert versions(s3, versioned) == [("version", "null", True), ("version", one, False)]
    assert read(s3, versioned) == b"three"
    assert read(s3, versioned, VersionId=one) == b"one"
    assert s3.delete_object(Bucket=versioned, Key="k")["VersionId"] == "null"
    assert versions(s3, versioned) == [("version", one, False), ("marker", "null", True)]
    assert put(s3, versioned, b"four") == "null"
    assert versions(s3, versioned) == [("version", "null", True), ("version", one, False)]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=one)
    assert versions(s3, versioned) == [("version", "null", True)]


def test_deleting_many(s3: Any, versioned: str) -> None:
    ids = [put(s3, versioned, b"x", key) for key in ("a", "b")]
    objects: list[dict[str, str]] = [{"Key": "a"}, {"Key": "b", "VersionId": ids[1]}]
    found = s3.delete_objects(Bucket=versioned, Delete={"Objects": objects})["Deleted"]
    assert found[0]["DeleteMarker"] is True
    assert found[1] == {"Key": "b", "VersionId": ids[1]}
    marker = found[0]["DeleteMarkerVersionId"]
    rest = [{"Key": "a", "VersionId": one} for one in (ids[0], marker)]
    answer = s3.delete_objects(Bucket=versioned, Delete={"Objects": rest, "Quiet": True})
    assert not answer.get("Deleted")
    assert versions(s3, versioned) == []


def test_pages_of_versions(s3: Any, versioned: str) -> None:
    for key in ("a", "a", "b", "c", "a", "c"):
        put(s3, versioned, b"x", key)
    s3.delete_object(Bucket=versioned, Key="b")
    whole = s3.list_object_versions(Bucket=versioned)
    expected = {one["VersionId"] for one in whole["Versions"] + whole["DeleteMarkers"]}
    assert len(expected) == 7
    for size in (1, 2, 3):
        pages = list(
            s3.get_paginator("list_object_versions").paginate(
                Bucket=versioned, PaginationConfig={"PageSize": size}
            )
        )
        found = [
            one["VersionId"]
            for page in pages
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        assert sorted(found) == sorted(expected)
        assert len(pages) == -(-7 // size)


def test_the_lists_of_versions_by_folder(s3: Any, versioned: str) -> None:
    for key in ("a/1", "a/2", "b", "c/1"):
        put(s3, versioned, b"x", key)
    found = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["a/", "c/"]
    assert [one["Key"] for one in found["Versions"]] == ["b"]
    found = s3.list_object_versions(Bucket=versioned, Prefix="a/")
    assert [one["Key"] for one in found["Versions"]] == ["a/1", "a/2"]


# ---- lists


KEYS = ["a", "b/1", "b/2", "b/c/3", "d e+", "z/", "ü"]


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_lists(s3: Any, bucket: str, call: str) -> None:
    for key in KEYS:
        put(s3, bucket, b"x", key)
    list_all = getattr(s3, call)
    found = list_all(Bucket=bucket)
    assert [one["Key"] for one in found["Contents"]] == KEYS
    assert found["IsTruncated"] is False
    found = list_all(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["b/", "z/"]
    assert [one["Key"] for one in found["Contents"]] == ["a", "d e+", "ü"]
    found = list_all(Bucket=bucket, Prefix="b/", Delimiter="/")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["b/c/"]
    assert [one["Key"] for one in found["Contents"]] == ["b/1", "b/2"]
    assert "Contents" not in list_all(Bucket=bucket, Prefix="nothing")


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_pages(s3: Any, bucket: str, call: str, size: int) -> None:
    for key in KEYS:
        put(s3, bucket, b"x", key)
    for delimiter, expected in (("", KEYS), ("/", ["a", "d e+", "ü", "b/", "z/"])):
        about = {"Bucket": bucket, "Delimiter": delimiter}
        pages = s3.get_paginator(call).paginate(**about, PaginationConfig={"PageSize": size})
        found: list[str] = []
        for page in pages:
            found += [one["Key"] for one in page.get("Contents", ())]
            found += [one["Prefix"] for one in page.get("CommonPrefixes") or ()]
        assert sorted(found) == sorted(expected)


def test_markers(s3: Any, bucket: str) -> None:
    for key in KEYS:
        put(s3, bucket, b"x", key)
    found = s3.list_objects_v2(Bucket=bucket, StartAfter="b/2")
    assert [one["Key"] for one in found["Contents"]] == KEYS[3:]
    got = refused(s3.list_objects_v2, Bucket=bucket, ContinuationToken="not base64!")
    assert got[:2] == (400, "InvalidArgument")
    found = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert (found["KeyCount"], found["IsTruncated"]) == (0, False)


def test_deleted_keys_are_in_no_list(s3: Any, versioned: str) -> None:
    put(s3, versioned, b"x", "dir/k")
    s3.delete_object(Bucket=versioned, Key="dir/k")
    found = s3.list_objects_v2(Bucket=versioned, Delimiter="/")
    assert "CommonPrefixes" not in found
    assert "Contents" not in found


# ---- copies and parts


def test_copying_an_old_version(s3: Any, versioned: str) -> None:
    old = put(s3, versioned, b"old")
    put(s3, versioned, b"new")
    source = {"Bucket": versioned, "Key": "k", "VersionId": old}
    copied = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert copied["CopySourceVersionId"] == old
    assert read(s3, versioned) == b"old"
    assert len(versions(s3, versioned)) == 3
    source = {"Bucket": versioned, "Key": "missing"}
    got = refused(s3.copy_object, Bucket=versioned, Key="x", CopySource=source)
    assert got[:2] == (404, "NoSuchKey")
    got = refused(s3.copy_object, Bucket=versioned, Key="x", CopySource=f"{versioned}")
    assert got[:2] == (400, "InvalidArgument")


def test_copying_while_versioning_is_suspended(s3: Any, versioned: str) -> None:
    old = put(s3, versioned, b"old")
    set_versioning(s3, versioned, "Suspended")
    put(s3, versioned, b"null")
    source = {"Bucket": versioned, "Key": "k", "VersionId": old}
    s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert read(s3, versioned) == b"old"
    assert versions(s3, versioned) == [("version", "null", True), ("version", old, False)]


def test_multipart(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", StorageClass="STANDARD_IA")
    about = {"Bucket": bucket, "Key": "big", "UploadId": upload["UploadId"]}
    bodies = [b"a" * (5 * 1024 * 1024), b"tail"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**about, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    assert [one["Size"] for one in s3.list_parts(**about)["Parts"]] == [len(b) for b in bodies]
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(one["Key"], one["UploadId"]) for one in listed] == [("big", upload["UploadId"])]
    assert refused(s3.head_object, Bucket=bucket, Key="big")[0] == 404
    done = s3.complete_multipart_upload(**about, MultipartUpload={"Parts": parts})
    assert done["ETag"].endswith('-2"')
    assert "VersionId" not in done
    assert read(s3, bucket, "big") == b"".join(bodies)
    assert s3.head_object(Bucket=bucket, Key="big")["StorageClass"] == "STANDARD_IA"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    s3.complete_multipart_upload(**about, MultipartUpload={"Parts": parts})


def test_small_and_wrong_parts(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    about = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**about, PartNumber=number, Body=b"x")["ETag"],
        }
        for number in (1, 2)
    ]
    got = refused(s3.complete_multipart_upload, **about, MultipartUpload={"Parts": parts})
    assert got[:2] == (400, "EntityTooSmall")
    wrong = [{"PartNumber": 1, "ETag": '"0"'}]
    got = refused(s3.complete_multipart_upload, **about, MultipartUpload={"Parts": wrong})
    assert got[:2] == (400, "InvalidPart")
    got = refused(s3.upload_part, **about, PartNumber=10001, Body=b"x")
    assert got[:2] == (400, "InvalidArgument")
    got = refused(
        s3.upload_part, **about, PartNumber=1, Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg=="
    )
    assert got[:2] == (400, "BadDigest")


def test_aborted_uploads(s3: Any, bucket: str) -> None:
    ids = [
        s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in ("a", "b", "b")
    ]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 1}
    )
    found = [one["UploadId"] for page in pages for one in page.get("Uploads", ())]
    assert found == ids
    s3.abort_multipart_upload(Bucket=bucket, Key="a", UploadId=ids[0])
    gone = (404, "NoSuchUpload")
    about = {"Bucket": bucket, "Key": "a", "UploadId": ids[0]}
    assert refused(s3.abort_multipart_upload, **about)[:2] == gone
    assert refused(s3.upload_part, **about, PartNumber=1, Body=b"x")[:2] == gone
    assert refused(s3.list_parts, **about)[:2] == gone
    parts = {"Parts": [{"PartNumber": 1, "ETag": "x"}]}
    assert refused(s3.complete_multipart_upload, **about, MultipartUpload=parts)[:2] == gone
    assert len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 2


def test_object_lock(cloud: LocalCloud, s3: Any) -> None:
    name = "locked-objects-bucket"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    about = {"Bucket": name, "Key": "k"}
    version = s3.put_object(**about, Body=b"x")["VersionId"]
    s3.put_object_legal_hold(**about, LegalHold={"Status": "ON"})
    got = refused(s3.delete_object, **about, VersionId=version)
    assert got[:2] == (403, "AccessDenied")
    s3.put_object_legal_hold(**about, LegalHold={"Status": "OFF"})
    got = refused(s3.get_object_retention, **about)
    assert got[:2] == (404, "NoSuchObjectLockConfiguration")
    s3.delete_object(**about, VersionId=version)
