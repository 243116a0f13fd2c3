"""The local cloud's S3 as a storage: every access is decided as for a call of the principal."""

import io
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlencode

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.principals import Principal
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3 import access, objects
from labrunner.localcloud.s3 import buckets as s3_buckets
from labrunner.localcloud.s3.listing import list_objects_v2
from labrunner.localcloud.s3.operations import find
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import Address, Entry
from labrunner.localcloud.wire import Headers, HttpRequest

HOST = "s3.localhost"
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


class S3Storage:
    """The buckets of a cloud, as a principal may use them; every method raises SqlError.

    A refusal names the bucket and who was refused. An object is read in pieces.
    """

    def __init__(self, cloud: Cloud, principal: Principal, region: str) -> None:
        self._cloud = cloud
        self._principal = principal
        self._region = region

    def list(self, prefix: Address) -> Iterator[Entry]:
        """Yield the objects whose key begins so; needs s3:ListBucket."""
        token = None
        while True:
            query = {"list-type": "2", "prefix": prefix.path}
            if token is not None:
                query["continuation-token"] = token
            page = self._call("GET", prefix, "", query, list_objects_v2)
            for one in page["Contents"]:
                address = Address(prefix.scheme, prefix.place, one["Key"])
                yield Entry(address, one["Size"])
            token = page.get("NextContinuationToken")
            if token is None:
                return

    def open(self, address: Address) -> BinaryIO:
        """Open an object to be read; needs s3:GetObject."""
        version = self._call("GET", address, address.path, {}, _version)
        return cast("BinaryIO", io.BufferedReader(_Content(version), 1 << 20))

    def put(self, address: Address, source: Path) -> None:
        """Store a file as an object; needs s3:PutObject."""
        self._call("PUT", address, address.path, {}, objects.put_object, source.read_bytes())

    def delete(self, address: Address) -> None:
        """Delete an object; needs s3:DeleteObject."""
        self._call("DELETE", address, address.path, {}, objects.delete_object)

    def _call(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        address: Address,
        key: str,
        query: Mapping[str, str],
        handler: Any,
        body: bytes = b"",
    ) -> Any:
        path = f"/{quote(address.place)}" + (f"/{quote(key)}" if key else "")
        headers = Headers([("Host", HOST)])
        http = HttpRequest(method, path, urlencode(query, quote_via=quote), headers, body)
        request = Request(
            http=http,
            cloud=self._cloud,
            target=find(http),
            principal=self._principal,
            signature=None,
            region=self._region,
            request_id=secrets.token_hex(8).upper(),
            body=body,
            headers=headers,
        )
        try:
            access.authorize(request)
            return handler(request)
        except AwsError as error:
            raise self._failure(address, error) from None

    def _failure(self, address: Address, error: AwsError) -> SqlError:
        who = self._principal.role_arn or self._principal.arn
        text = f"{error.code}: {error.message} (bucket {address.place}, as {who})"
        return SqlError("execution", text)


def _version(request: Request) -> Any:
    """Return moto's object that a call may read; raises AwsError."""
    found = objects.find_version(request, s3_buckets.get(request))
    restored = 'ongoing-request="false"' in found.response_dict.get("x-amz-restore", "")
    if found.storage_class in ARCHIVED and not restored:
        text = "The operation is not valid for the object's storage class"
        raise AwsError("InvalidObjectState", text, 403)
    return found


class _Content(io.RawIOBase):
    """The bytes of an object, read in pieces: moto would copy all of them."""

    def __init__(self, version: Any) -> None:
        super().__init__()
        self._version = version
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._version.lock:
            stream = self._version._value_buffer  # noqa: SLF001 - moto has no other way
            stream.seek(self._at)
            data = stream.read(len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
