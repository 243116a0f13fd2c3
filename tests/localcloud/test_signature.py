"""Signatures are proved: by header, in the URL, and of streamed bodies."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .conftest import ACCESS_KEY, REGION, SECRET_KEY, Answer, LocalCloud, refused

EMPTY = hashlib.sha256(b"").hexdigest()


@pytest.fixture(autouse=True)
def in_time(cloud: LocalCloud) -> None:
    cloud.offset = timedelta()


class Signer(S3SigV4Auth):
    """Signs the word that stands for a streamed body instead of its hash."""

    word: str | None = None

    def payload(self, request: Any) -> str:
        return self.word or str(super().payload(request))


def signed(
    cloud: LocalCloud,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[dict[str, str], bytes]:
    """Sign a request as botocore does, and return its headers and body."""
    request = AWSRequest(method, cloud.endpoint + path, headers or {}, body)
    signer = Signer(Credentials(ACCESS_KEY, SECRET_KEY), "s3", REGION)
    signer.word = (headers or {}).get("X-Amz-Content-SHA256")
    signer.add_auth(request)
    return dict(request.headers.items()), body


def send(cloud: LocalCloud, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    return cloud.http(method, path, body, headers)


WRONG = [
    ("sts", "get_caller_identity", 403, "SignatureDoesNotMatch", "InvalidClientTokenId"),
    ("s3", "list_buckets", 403, "SignatureDoesNotMatch", "InvalidAccessKeyId"),
    ("ec2", "describe_vpcs", 401, "AuthFailure", "AuthFailure"),
    ("ssm", "describe_parameters", 400, "InvalidSignatureException", "UnrecognizedClientException"),
    ("iam", "list_users", 403, "SignatureDoesNotMatch", "InvalidClientTokenId"),
    ("lambda", "list_functions", 400, "InvalidSignatureException", "UnrecognizedClientException"),
]


@pytest.mark.parametrize(("service", "call", "status", "wrong_secret", "wrong_key"), WRONG)
def test_wrong_credentials(  # noqa: PLR0913 - a table of cases
    cloud: LocalCloud, service: str, call: str, status: int, wrong_secret: str, wrong_key: str
) -> None:
    client = cloud.client(service, secret="wrong")
    assert refused(getattr(client, call))[:2] == (status, wrong_secret)
    client = cloud.client(service, key="AKIAUNKNOWNUNKNOWN00")
    assert refused(getattr(client, call))[:2] == (status, wrong_key)


@pytest.mark.parametrize("minutes", [-16, 16])
def test_clock_skew(cloud: LocalCloud, minutes: int) -> None:
    cloud.offset = timedelta(minutes=minutes)
    # boto3 would correct its clock and try again.
    headers, _ = signed(cloud, "GET", "/")
    answer = cloud.http("GET", "/", headers=headers)
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")
    assert b"<MaxAllowedSkewMilliseconds>900000<" in answer.body


def test_a_small_skew_passes(cloud: LocalCloud) -> None:
    cloud.offset = timedelta(minutes=14)
    headers, _ = signed(cloud, "GET", "/")
    assert cloud.http("GET", "/", headers=headers).status == 200


def test_a_changed_body(cloud: LocalCloud, bucket: str) -> None:
    headers, _ = signed(cloud, "PUT", f"/{bucket}/k", b"one")
    answer = cloud.http("PUT", f"/{bucket}/k", b"two", headers)
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")


@pytest.mark.parametrize("path", ["/k2", "/k?versionId=1", "/k?acl"])
def test_a_changed_path(cloud: LocalCloud, bucket: str, path: str) -> None:
    headers, _ = signed(cloud, "GET", f"/{bucket}/k")
    answer = cloud.http("GET", f"/{bucket}{path}", headers=headers)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_a_header_that_was_not_signed(cloud: LocalCloud, bucket: str) -> None:
    headers, body = signed(cloud, "PUT", f"/{bucket}/k", b"one")
    headers["x-amz-meta-extra"] = "1"
    answer = cloud.http("PUT", f"/{bucket}/k", body, headers)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"were not signed" in answer.body


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("AWS AKIAOLD:c2lnbmF0dXJl", "InvalidRequest"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a/20200101/s3/aws4_request", "InvalidRequest"),
        ("AWS4-HMAC-SHA256 Credential=x", "AuthorizationHeaderMalformed"),
        ("Basic dTpw", "AuthorizationHeaderMalformed"),
        (
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c",
            "AuthorizationHeaderMalformed",
        ),
    ],
)
def test_other_authorizations(cloud: LocalCloud, header: str, code: str) -> None:
    answer = cloud.http("GET", "/", headers={"Authorization": header})
    assert (answer.status, answer.code) == (400, code)


# ---- presigned


def presign(cloud: LocalCloud, call: str, seconds: int = 60, **parameters: Any) -> str:
    client = cloud.client("s3", signature_version="s3v4")
    url = urlsplit(client.generate_presigned_url(call, Params=parameters, ExpiresIn=seconds))
    return f"{url.path}?{url.query}"


def test_presigned_get_and_put(cloud: LocalCloud, bucket: str) -> None:
    key = "a b/ü&=+.txt"
    put = presign(cloud, "put_object", Bucket=bucket, Key=key)
    assert cloud.http("PUT", put, b"by anybody").status == 200
    get = presign(cloud, "get_object", Bucket=bucket, Key=key)
    assert cloud.http("GET", get).body == b"by anybody"
    named = presign(cloud, "get_object", Bucket=bucket, Key=key, ResponseContentType="text/x-test")
    assert cloud.http("GET", named).headers["content-type"] == "text/x-test"


def test_presigned_expires(cloud: LocalCloud, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = presign(cloud, "get_object", Bucket=bucket, Key="k", seconds=3600)
    cloud.offset = timedelta(minutes=59)  # later than any skew that a header may have
    assert cloud.http("GET", url).status == 200
    cloud.offset = timedelta(minutes=61)
    answer = cloud.http("GET", url)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"Request has expired" in answer.body


def test_presigned_is_for_one_request(cloud: LocalCloud, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = presign(cloud, "get_object", Bucket=bucket, Key="k")
    for changed in (url.replace("/k?", "/j?"), url.replace("Expires=60", "Expires=61")):
        assert cloud.http("GET", changed).code == "SignatureDoesNotMatch"
    assert cloud.http("DELETE", url).code == "SignatureDoesNotMatch"
    assert cloud.http("GET", url.replace("Expires=60", "Expires=700000")).status == 400


def test_presigned_of_version_2_says_what_to_do(cloud: LocalCloud, bucket: str) -> None:
    client = cloud.client("s3", signature_version="s3")
    url = urlsplit(client.generate_presigned_url("list_objects", Params={"Bucket": bucket}))
    answer = cloud.http("GET", f"{url.path}?{url.query}")
    assert (answer.status, answer.code) == (400, "InvalidRequest")
    assert b"s3v4" in answer.body


# ---- streamed bodies


def chain(timestamp: str, seed: str, chunks: list[bytes]) -> bytes:
    """Write an aws-chunked body with a signature of each chunk."""
    date = timestamp[:8]
    scope = f"{date}/{REGION}/s3/aws4_request"
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (date, REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    body, previous = b"", seed
    for chunk in [*chunks, b""]:
        digest = hashlib.sha256(chunk).hexdigest()
        parts = ["AWS4-HMAC-SHA256-PAYLOAD", timestamp, scope, previous, EMPTY, digest]
        previous = hmac.digest(key, "\n".join(parts).encode(), "sha256").hex()
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + b"\r\n"
    return body


def streamed(cloud: LocalCloud, path: str, chunks: list[bytes]) -> tuple[dict[str, str], bytes]:
    timestamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "X-Amz-Content-SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X-Amz-Decoded-Content-Length": str(sum(map(len, chunks))),
        "Content-Encoding": "aws-chunked,gzip",
    }
    found, _ = signed(cloud, "PUT", path, b"", headers)
    seed = found["Authorization"].rpartition("Signature=")[2]
    return found, chain(found.get("X-Amz-Date", timestamp), seed, chunks)


def test_streamed_with_signed_chunks(cloud: LocalCloud, bucket: str, s3: Any) -> None:
    headers, body = streamed(cloud, f"/{bucket}/k", [b"x" * 9000, b"tail"])
    assert send(cloud, "PUT", f"/{bucket}/k", headers, body).status == 200
    found = s3.get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == b"x" * 9000 + b"tail"
    assert found["ContentEncoding"] == "gzip"


def test_streamed_chunk_was_changed(cloud: LocalCloud, bucket: str) -> None:
    headers, body = streamed(cloud, f"/{bucket}/k", [b"good money"])
    changed = body.replace(b"good money", b"evil money")
    answer = send(cloud, "PUT", f"/{bucket}/k", headers, changed)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("cut", [5, -12])
def test_streamed_body_is_cut(cloud: LocalCloud, bucket: str, cut: int) -> None:
    headers, body = streamed(cloud, f"/{bucket}/k", [b"x" * 100])
    answer = send(cloud, "PUT", f"/{bucket}/k", headers, body[:cut])
    assert answer.status in (400, 403)
    assert answer.code in ("IncompleteBody", "SignatureDoesNotMatch")


@pytest.mark.parametrize(("checksum", "status"), [("NhCmhg==", 200), ("AAAAAA==", 400)])
def test_streamed_with_a_trailer(
    cloud: LocalCloud, bucket: str, s3: Any, checksum: str, status: int
) -> None:
    extra = {
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": "5",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "Content-Encoding": "aws-chunked",
    }
    headers, _ = signed(cloud, "PUT", f"/{bucket}/k", b"", extra)
    body = f"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
    answer = send(cloud, "PUT", f"/{bucket}/k", headers, body)
    assert answer.status == status
    if status == 200:
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
    else:
        assert answer.code == "BadDigest"


# ---- keys that are hard to sign


@pytest.mark.parametrize(
    "key", ["a b", "ü/ñ", "a+b", "50%", "~t", "(x)", "a//b", "a/../b", "&=?#", "x;y", "*'", "/lead"]
)
def test_hard_keys(cloud: LocalCloud, bucket: str, s3: Any, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_other_services_sign_the_path_in_their_way(cloud: LocalCloud) -> None:
    name = "a b/c:d"
    got = refused(cloud.client("lambda").get_function, FunctionName=name)
    assert got[:2] == (501, "NotImplemented")
