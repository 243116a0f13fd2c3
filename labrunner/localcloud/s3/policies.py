"""Bucket policies: refuses what AWS refuses when one is put, and says whether one is public."""

import re
from collections.abc import Iterable
from typing import Any

from labrunner.localcloud.cloud import PARTITION
from labrunner.localcloud.conditions import VARIABLE, matches
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.policy import Policy, PolicyError, Statement, parse
from labrunner.localcloud.principals import iam_backend
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3 import access, buckets
from labrunner.localcloud.s3.actions import BUCKET, OBJECT
from labrunner.localcloud.s3.public import is_public
from labrunner.localcloud.wire import Response

MAX_BYTES = 20 * 1024
KINDS = frozenset({"AWS", "CanonicalUser", "Federated", "Service"})
ACCOUNT = re.compile(rf"(?:arn:{PARTITION}:iam::)?(?P<id>\d{{12}})(?::root)?")
IAM_ARN = re.compile(rf"arn:{PARTITION}:iam::\d{{12}}:(?P<kind>user|role)/(?P<path>.+)")
SESSION_ARN = re.compile(rf"arn:{PARTITION}:sts::\d{{12}}:(?:assumed-role|federated-user)/.+")
# A condition key's prefix must be one that exists for S3.
KEY_PREFIXES = ("aws:", "s3:", "jwt:", "saml:")


def put(request: Request) -> None:
    """PutBucketPolicy."""
    bucket = buckets.get(request)
    policy = _read(request, bucket)
    if is_public(policy) and buckets.effective_flags(request.cloud, bucket).block_public_policy:
        raise access.blocked(
            request,
            bucket,
            "s3:PutBucketPolicy",
            None,
            "public policies are prevented by the BlockPublicPolicy",
        )
    bucket.policy = request.body


def get(request: Request) -> Response:
    """GetBucketPolicy."""
    bucket = _with_policy(request)
    return Response(200, {"Content-Type": "application/json"}, bytes(bucket.policy))


def delete(request: Request) -> None:
    """DeleteBucketPolicy."""
    buckets.get(request).policy = None


def status(request: Request) -> dict[str, Any]:
    """GetBucketPolicyStatus."""
    policy = buckets.policy_of(_with_policy(request))
    return {"PolicyStatus": {"IsPublic": is_public(policy)}}


def _with_policy(request: Request) -> Any:
    bucket = buckets.get(request)
    if bucket.policy is None:
        fields = {"BucketName": bucket.name}
        text = "The bucket policy does not exist"
        raise AwsError("NoSuchBucketPolicy", text, 404, fields=fields)
    return bucket


def _read(request: Request, bucket: Any) -> Policy:
    if len(request.body) > MAX_BYTES:
        text = "Policy exceeds the maximum allowed document size."
        raise AwsError("PolicyTooLarge", text, fields={"BucketName": bucket.name})
    try:
        policy = parse(request.body.decode(), "resource")
        for statement in policy.statements:
            _check_principals(request, statement)
            _check_actions(statement)
            _check_resources(statement, buckets.arn(bucket))
            _check_pairs(statement)
            _check_keys(statement)
    except UnicodeDecodeError:
        raise AwsError("MalformedPolicy", "This policy contains invalid Json") from None
    except PolicyError as error:
        raise AwsError("MalformedPolicy", str(error)) from None
    return policy


def _check_principals(request: Request, statement: Statement) -> None:
    assert statement.principals is not None
    for kind, name in statement.principals.pairs:
        if kind not in KINDS or (kind == "AWS" and not _exists(request, name)):
            raise PolicyError("Invalid principal in policy")


def _exists(request: Request, name: str) -> bool:
    """Whether a principal exists: AWS looks up users and roles when a policy is put."""
    if name == "*" or SESSION_ARN.fullmatch(name):
        return True
    account = ACCOUNT.fullmatch(name)
    if account:
        return account["id"] == request.cloud.account  # the only one that this cloud has
    if not IAM_ARN.fullmatch(name):
        return False
    iam = iam_backend(request.cloud)
    return any(one.arn == name for one in (*iam.users.values(), *iam.roles.values()))


def _check_actions(statement: Statement) -> None:
    for pattern in statement.actions:
        if pattern != "*" and not (pattern.lower().startswith("s3:") and any(_known(pattern))):
            raise PolicyError("Policy has invalid action")


def _known(pattern: str) -> Iterable[str]:
    return (one for one in OBJECT | BUCKET if matches(pattern, one, ignore_case=True))


def _check_resources(statement: Statement, arn: str) -> None:
    for resource in statement.resources:
        plain = VARIABLE.sub("", resource)
        if not (plain == arn or plain.startswith(f"{arn}/") or _covers_by_wildcard(plain, arn)):
            raise PolicyError("Policy has invalid resource")


def _covers_by_wildcard(resource: str, arn: str) -> bool:
    """Whether the bucket's part of a resource has a wildcard that means this bucket."""
    prefix = f"arn:{PARTITION}:s3:::"
    if not resource.startswith(prefix):
        return False
    name = resource.removeprefix(prefix).partition("/")[0]
    return name != "*" and "*" in name and matches(prefix + name, arn)


def _check_pairs(statement: Statement) -> None:
    """Refuse an action that none of the resources can be the object of."""
    if statement.not_action or statement.not_resource:
        return
    on_objects = any("/" in resource or resource.endswith("*") for resource in statement.resources)
    on_buckets = any("/" not in resource for resource in statement.resources)
    for pattern in statement.actions:
        known = set(_known(pattern))
        fits = (on_objects and known & OBJECT) or (on_buckets and known & BUCKET)
        if known and not fits:
            raise PolicyError("Action does not apply to any resource(s) in statement")


def _check_keys(statement: Statement) -> None:
    for condition in statement.conditions:
        if not condition.key.startswith(KEY_PREFIXES):
            raise PolicyError("Policy has an invalid condition key")
