"""Decides every S3 access by ACL, policy, Block Public Access and object ownership."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from labrunner.localcloud.authorize import denial, judge_identity, request_context
from labrunner.localcloud.cloud import PARTITION
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.policy import Access, Verdict, judge_resource
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3 import acl, buckets
from labrunner.localcloud.s3.actions import (
    ALWAYS_ROOTS,
    BUCKET_ACL,
    OBJECT_ACL,
    OF_VERSION,
    action_of,
)
from labrunner.localcloud.s3.public import is_public

LISTING_KEYS = ("prefix", "delimiter", "max-keys")
HEADER_KEYS = (
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "x-amz-content-sha256",
    "if-none-match",
)
# Each key is decided for itself, and the refused ones are named in the answer.
EACH_FOR_ITSELF = "DeleteObjects"
READS = frozenset({"s3:GetObject", "s3:GetObjectVersion"})
NO_BUCKET_YET = frozenset({"ListBuckets", "CreateBucket"})


def authorize(request: Request) -> None:
    """Let a call pass if every access that it needs is allowed; raises AwsError."""
    buckets.expect_owner(request)
    if request.operation in NO_BUCKET_YET:
        _authorize_account(request)
        return
    bucket = buckets.get(request)
    if request.operation != EACH_FOR_ITSELF:
        for action, key in _needs(request):
            require(request, bucket, action, key)
    source = request.headers.get("x-amz-copy-source")
    if source:
        _authorize_source(request, source)


def _authorize_account(request: Request) -> None:
    if request.principal.is_anonymous:
        raise AwsError("AccessDenied", "Access Denied", 403)
    name = request.target.path_params.get("Bucket", "*")
    resource = f"arn:{PARTITION}:s3:::{name}"
    action = action_of(request.operation)
    verdict = judge_identity(
        request, Access(request.principal, action, resource, _context(request, action))
    )
    if verdict.denied or not verdict.allowed:
        raise _refusal(request, action, resource, verdict, Verdict())


def _needs(request: Request) -> Iterator[tuple[str, str | None]]:
    """Yield the permissions that a call needs, each with the key it acts on."""
    key = request.target.path_params.get("Key")
    action = action_of(request.operation)
    if "versionId" in request.query:
        action = OF_VERSION.get(action, action)
    yield action, key
    if key is None:
        return
    if action == "s3:GetObjectAttributes":
        yield "s3:GetObject", key
    elif action == "s3:GetObjectVersionAttributes":
        yield "s3:GetObjectVersion", key
    if action == "s3:PutObject":
        if acl.has_headers(request):
            yield "s3:PutObjectAcl", key
        if "x-amz-tagging" in request.headers:
            yield "s3:PutObjectTagging", key


def _authorize_source(request: Request, source: str) -> None:
    name, key, version = split_source(source)
    bucket = buckets.find(request.cloud, name)
    if bucket is None:
        fields = {"BucketName": name}
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, fields=fields)
    action = "s3:GetObject" if version is None else "s3:GetObjectVersion"
    require(request, bucket, action, key, version)


def split_source(source: str) -> tuple[str, str, str | None]:
    """Return bucket, key and version of an `x-amz-copy-source`; raises AwsError."""
    path, _, query = source.partition("?")
    bucket, slash, key = unquote(path).removeprefix("/").partition("/")
    if not slash or not key:
        text = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise AwsError("InvalidArgument", text)
    return bucket, key, parse_qs(query).get("versionId", [None])[0]


def require(
    request: Request, bucket: Any, action: str, key: str | None, version: str | None = None
) -> None:
    """Let one access pass or raise AwsError."""
    resource = _resource(bucket, key)
    identity, own = _verdicts(request, bucket, action, resource)
    if _is_allowed(request, bucket, action, key, version, identity, own):
        return
    denied = identity.denied or own.denied
    known = not denied and action in READS and _is_missing(request, bucket, key, version)
    if known and allows(request, bucket, "s3:ListBucket"):
        return  # who may list may know: the answer will be 404
    raise _refusal(request, action, resource, identity, own)


def _is_missing(request: Request, bucket: Any, key: str | None, version: str | None) -> bool:
    found = _version(request, bucket, key or "", version)
    named = version is not None or "versionId" in request.query
    return found is None or (not named and buckets.is_marker(found))


def allows(request: Request, bucket: Any, action: str, key: str | None = None) -> bool:
    """Whether one access would pass."""
    identity, own = _verdicts(request, bucket, action, _resource(bucket, key))
    return _is_allowed(request, bucket, action, key, None, identity, own)


def _resource(bucket: Any, key: str | None) -> str:
    return buckets.arn(bucket) + (f"/{key}" if key is not None else "")


def _verdicts(request: Request, bucket: Any, action: str, resource: str) -> tuple[Verdict, Verdict]:
    """Return what the caller's own policies say, and what the bucket's policy says."""
    policy = buckets.policy_of(bucket)
    if request.principal.is_root and policy is None:
        return Verdict(allowed=True), Verdict()  # the usual case needs no context
    access = Access(request.principal, action, resource, _context(request, action))
    identity = Verdict() if request.principal.is_anonymous else judge_identity(request, access)
    return identity, judge_resource(policy, access, request.cloud.account)


def _is_allowed(  # noqa: PLR0913 - the facts of one access
    request: Request,
    bucket: Any,
    action: str,
    key: str | None,
    version: str | None,
    identity: Verdict,
    own: Verdict,
) -> bool:
    principal = request.principal
    if principal.is_root:
        return not own.denied or action in ALWAYS_ROOTS
    if identity.denied or own.denied:
        return False
    if identity.allowed:
        return True
    if principal.session_policy is not None:
        return False  # a session policy also limits what a bucket's policy gives to the role
    if principal.is_anonymous:
        flags = buckets.effective_flags(request.cloud, bucket)
        if flags.restrict_public_buckets and is_public(buckets.policy_of(bucket)):
            return False
    return own.allowed or _acl_allows(request, bucket, action, key, version)


def _acl_allows(
    request: Request, bucket: Any, action: str, key: str | None, version: str | None
) -> bool:
    if not buckets.has_acls(bucket):
        return False
    if buckets.effective_flags(request.cloud, bucket).ignore_public_acls:
        return False  # only groups are asked for here, and both of them are public
    if action in BUCKET_ACL:
        return acl.grants(acl.from_moto(bucket.acl), request.principal, BUCKET_ACL[action])
    if action in OBJECT_ACL and key is not None:
        found = _version(request, bucket, key, version)
        listed = acl.from_moto(found.acl) if hasattr(found, "acl") else ()
        return acl.grants(listed, request.principal, OBJECT_ACL[action])
    return False


def _version(request: Request, bucket: Any, key: str, version: str | None) -> Any:
    if version is None and key == request.target.path_params.get("Key"):
        version = request.query.get("versionId")
    versions = bucket.keys.getlist(key, [])
    if version is None:
        return versions[-1] if versions else None
    return next((one for one in versions if one.version_id == version), None)


def _context(request: Request, action: str) -> dict[str, tuple[str, ...]]:
    context = request_context(request)
    query = request.query
    if action.startswith("s3:List"):
        context |= {f"s3:{name}": (query[name],) for name in LISTING_KEYS if name in query}
        context.setdefault("s3:prefix", ("",))
    if "versionId" in query:
        context["s3:versionid"] = (query["versionId"],)
    for name in HEADER_KEYS:
        if name in request.headers:
            context[f"s3:{name}"] = (request.headers.get(name),)
    tags = parse_qs(request.headers.get("x-amz-tagging"), keep_blank_values=True)
    context |= {f"s3:requestobjecttag/{name.lower()}": tuple(tags[name]) for name in tags}
    context |= _existing_tags(request)
    context["s3:resourceaccount"] = (request.cloud.account,)
    signature = request.signature
    if signature:
        context["s3:signatureversion"] = ("AWS4-HMAC-SHA256",)
        context["s3:authtype"] = ("REST-QUERY-STRING" if signature.presigned else "REST-HEADER",)
        age = request.cloud.now() - signature.signed_at
        context["s3:signatureage"] = (str(max(0, int(age.total_seconds() * 1000))),)
    return context


def _existing_tags(request: Request) -> dict[str, tuple[str, ...]]:
    params = request.target.path_params
    bucket = buckets.find(request.cloud, params.get("Bucket", ""))
    found = _version(request, bucket, params["Key"], None) if bucket and "Key" in params else None
    if found is None or not hasattr(found, "arn"):
        return {}
    tags = buckets.backend(request.cloud).tagger.get_tag_dict_for_resource(found.arn)
    return {f"s3:existingobjecttag/{name.lower()}": (value,) for name, value in tags.items()}


def _refusal(
    request: Request, action: str, resource: str, identity: Verdict, own: Verdict
) -> AwsError:
    if request.principal.is_anonymous:
        return AwsError("AccessDenied", "Access Denied", 403)
    because = ""
    if own.denied and not identity.denied:
        because = "with an explicit deny in a resource-based policy"
    where = "*" if action == "s3:ListAllMyBuckets" else f'"{resource}"'
    text = denial(
        request.principal, action, where, identity_denied=identity.denied, because=because
    )
    return AwsError("AccessDenied", text, 403)


def blocked(request: Request, bucket: Any, action: str, key: str | None, what: str) -> AwsError:
    """Return the refusal that Block Public Access words: `what` is blocked by which flag."""
    text = denial(
        request.principal,
        action,
        f'"{_resource(bucket, key)}"',
        identity_denied=False,
        because=f"because {what} setting in S3 Block Public Access.",
    )
    return AwsError("AccessDenied", text, 403)
