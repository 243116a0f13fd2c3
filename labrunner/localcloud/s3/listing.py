"""The lists of a bucket: objects, versions and unfinished uploads, by pages and by folders."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import quote

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.moto_bridge import lock
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3 import acl, buckets

MAX = 1000


@dataclass(frozen=True)
class Entry:
    """One line of a list: a folder (`item` is None), or an item with the key it belongs to."""

    name: str
    item: Any = None


@dataclass(frozen=True)
class Query:
    """What a list is asked for."""

    prefix: str
    delimiter: str
    limit: int
    encode: Callable[[str], str]

    @classmethod
    def of(cls, request: Request, limit_name: str) -> "Query":
        """Read it from a call; raises AwsError."""
        query = request.query
        limit = query.get(limit_name, str(MAX))
        if not limit.isdecimal():
            text = f"Provided {limit_name} not an integer or within integer range"
            fields = {"ArgumentName": limit_name, "ArgumentValue": limit}
            raise AwsError("InvalidArgument", text, fields=fields)
        encode: Callable[[str], str] = quote if query.get("encoding-type") == "url" else str
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        return cls(prefix, delimiter, min(int(limit), MAX), encode)

    def folder(self, name: str) -> str | None:
        """Return the folder that a key is shown as, None if it is shown itself."""
        if not self.delimiter:
            return None
        rest = name.removeprefix(self.prefix)
        head, found, _ = rest.partition(self.delimiter)
        return f"{self.prefix}{head}{self.delimiter}" if found else None

    def result(self, request: Request, entries: Sequence[Entry]) -> dict[str, Any]:
        """Return what every list says of itself, and its folders."""
        found: dict[str, Any] = {"Prefix": self.encode(self.prefix)}
        if self.delimiter:
            found["Delimiter"] = self.encode(self.delimiter)
        if self.encode is quote:
            found["EncodingType"] = "url"
        folders = [{"Prefix": self.encode(one.name)} for one in entries if one.item is None]
        if folders:
            found["CommonPrefixes"] = folders
        found["Name"] = request.target.path_params["Bucket"]
        return found


def _entries(query: Query, items: Iterable[Entry], after: str) -> list[Entry]:
    """Return the lines that follow a marker; the items come in their order."""
    lines: list[Entry] = []
    for item in items:
        if not item.name.startswith(query.prefix):
            continue
        folder = query.folder(item.name)
        name = item.name if folder is None else folder
        if after and name.encode() <= after.encode():
            continue
        if folder is None:
            lines.append(item)
        elif not lines or lines[-1] != Entry(folder):
            lines.append(Entry(folder))
    return lines


def _names(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=str.encode)  # S3 sorts by UTF-8 bytes


def _current(bucket: Any) -> Iterable[Entry]:
    for name in _names(bucket.keys):
        newest = bucket.keys[name]
        if not buckets.is_marker(newest):
            yield Entry(name, newest)


def _object(query: Query, entry: Entry, *, owner: bool) -> dict[str, Any]:
    version = entry.item
    found = {
        "Key": query.encode(entry.name),
        "LastModified": version.last_modified.replace(tzinfo=UTC),
        "ETag": version.etag,
        "Size": version.size,
        "StorageClass": version.storage_class,
    }
    if version.checksum_algorithm:
        found["ChecksumAlgorithm"] = [version.checksum_algorithm]
    if owner:
        found["Owner"] = {"ID": acl.owner_id()}
    return found


def list_objects(request: Request) -> dict[str, Any]:
    """ListObjects."""
    query = Query.of(request, "max-keys")
    marker = request.query.get("marker", "")
    with lock("s3"):
        lines = _entries(query, _current(buckets.get(request)), marker)
        page = lines[: query.limit]
        contents = [_object(query, one, owner=True) for one in page if one.item is not None]
    result = query.result(request, page)
    result |= {"Marker": query.encode(marker), "MaxKeys": query.limit, "Contents": contents}
    result["IsTruncated"] = len(lines) > len(page) and query.limit > 0
    if result["IsTruncated"] and query.delimiter:
        result["NextMarker"] = query.encode(page[-1].name)
    return result


def list_objects_v2(request: Request) -> dict[str, Any]:
    """ListObjectsV2."""
    query = Query.of(request, "max-keys")
    token, start = request.query.get("continuation-token"), request.query.get("start-after", "")
    after = start if token is None else _decode(token)
    owner = request.query.get("fetch-owner") == "true"
    with lock("s3"):
        lines = _entries(query, _current(buckets.get(request)), after)
        page = lines[: query.limit]
        contents = [_object(query, one, owner=owner) for one in page if one.item is not None]
    result = query.result(request, page)
    result |= {"MaxKeys": query.limit, "KeyCount": len(page), "Contents": contents}
    result["IsTruncated"] = len(lines) > len(page) and query.limit > 0
    if token is not None:
        result["ContinuationToken"] = token
    if start:
        result["StartAfter"] = query.encode(start)
    if result["IsTruncated"]:
        result["NextContinuationToken"] = base64.b64encode(page[-1].name.encode()).decode()
    return result


def _decode(token: str) -> str:
    try:
        found = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        found = ""
    if not found:
        text = "The continuation token provided is incorrect"
        fields = {"ArgumentName": "continuation-token", "ArgumentValue": token}
        raise AwsError("InvalidArgument", text, fields=fields)
    return found


def list_versions(request: Request) -> dict[str, Any]:
    """ListObjectVersions: each key's versions and delete markers, the newest first."""
    query = Query.of(request, "max-keys")
    key_marker = request.query.get("key-marker", "")
    version_marker = request.query.get("version-id-marker", "")
    if version_marker and not key_marker:
        text = "A version-id marker cannot be specified without a key marker."
        raise AwsError("InvalidArgument", text)
    with lock("s3"):
        bucket = buckets.get(request)
        rest = _rest_of_key(bucket, key_marker, version_marker)
        # The versions that are left of the marker's own key come before the keys after it.
        lines = [*rest, *_entries(query, _all_versions(bucket), key_marker)]
        page = lines[: query.limit]
        items = [
            (buckets.is_marker(one.item), _version(query, bucket, one))
            for one in page
            if one.item is not None
        ]
    result = query.result(request, page)
    result |= {
        "KeyMarker": query.encode(key_marker),
        "VersionIdMarker": version_marker,
        "MaxKeys": query.limit,
        "IsTruncated": len(lines) > len(page) and query.limit > 0,
        "Versions": [item for is_marker, item in items if not is_marker],
        "DeleteMarkers": [item for is_marker, item in items if is_marker],
    }
    if result["IsTruncated"]:
        result["NextKeyMarker"] = query.encode(page[-1].name)
        if page[-1].item is not None:
            result["NextVersionIdMarker"] = page[-1].item.version_id
    return result


def _rest_of_key(bucket: Any, key: str, version_id: str) -> list[Entry]:
    versions = bucket.keys.getlist(key, [])[::-1] if version_id else []
    ids = [one.version_id for one in versions]
    left = versions[ids.index(version_id) + 1 :] if version_id in ids else []
    return [Entry(key, one) for one in left]


def _all_versions(bucket: Any) -> Iterable[Entry]:
    for name in _names(bucket.keys):
        for version in reversed(bucket.keys.getlist(name)):
            yield Entry(name, version)


def _version(query: Query, bucket: Any, entry: Entry) -> dict[str, Any]:
    version = entry.item
    found = {
        "Key": query.encode(entry.name),
        "VersionId": version.version_id,
        "IsLatest": bucket.keys[entry.name] is version,
        "LastModified": version.last_modified.replace(tzinfo=UTC),
        "Owner": {"ID": acl.owner_id()},
    }
    if not buckets.is_marker(version):
        found |= {
            "ETag": version.etag,
            "Size": version.size,
            "StorageClass": version.storage_class,
        }
    return found


def list_uploads(request: Request) -> dict[str, Any]:
    """ListMultipartUploads."""
    query = Query.of(request, "max-uploads")
    key_marker = request.query.get("key-marker", "")
    id_marker = request.query.get("upload-id-marker", "")
    with lock("s3"):
        uploads = sorted(
            buckets.get(request).multiparts.values(),
            key=lambda one: (one.key_name.encode(), one.initiated),
        )
    same_key = [one for one in uploads if id_marker and one.key_name == key_marker]
    ids = [one.id for one in same_key]
    left = same_key[ids.index(id_marker) + 1 :] if id_marker in ids else []
    lines = [
        *(Entry(one.key_name, one) for one in left),
        *_entries(query, (Entry(one.key_name, one) for one in uploads), key_marker),
    ]
    page = lines[: query.limit]
    result = query.result(request, page)
    result["Bucket"] = result.pop("Name")
    result |= {
        "KeyMarker": query.encode(key_marker),
        "UploadIdMarker": id_marker,
        "MaxUploads": query.limit,
        "IsTruncated": len(lines) > len(page) and query.limit > 0,
        "Uploads": [_upload(query, one.item) for one in page if one.item is not None],
    }
    if result["IsTruncated"]:
        result["NextKeyMarker"] = query.encode(page[-1].name)
        if page[-1].item is not None:
            result["NextUploadIdMarker"] = page[-1].item.id
    return result


def _upload(query: Query, upload: Any) -> dict[str, Any]:
    owner = {"ID": acl.owner_id()}
    return {
        "Key": query.encode(upload.key_name),
        "UploadId": upload.id,
        "Initiated": upload.initiated,
        "StorageClass": upload.storage or "STANDARD",
        "Owner": owner,
        "Initiator": owner,
    }
