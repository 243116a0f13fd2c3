"""AWS STS: who the caller is, and temporary credentials that work."""

import re
from typing import Any

from labrunner.localcloud.authorize import authorize, denial, judge_identity, request_context
from labrunner.localcloud.cloud import PARTITION
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.policy import Access, PolicyError, judge_resource, parse
from labrunner.localcloud.principals import (
    Principal,
    Sessions,
    iam_backend,
    role_session,
    session_seconds,
)
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Service

SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
ROLE_ARN = re.compile(rf"arn:{PARTITION}:iam::\d{{12}}:role/(?:.+/)?(?P<name>[^/]+)")
HOUR = 3600
SHORTEST = 900
CHAINED_LONGEST = HOUR  # a role that assumes a role
LONGEST_TOKEN = 129_600
USUAL_TOKEN = 43_200
# GetCallerIdentity cannot be denied, AssumeRole is decided with the role's trust policy.
FREE = frozenset({"GetCallerIdentity", "AssumeRole"})


def _authorize(request: Request) -> None:
    if request.operation not in FREE:
        authorize(request)


def _caller(request: Request) -> dict[str, Any]:
    principal = request.principal
    account = request.cloud.account
    return {"UserId": principal.user_id, "Account": account, "Arn": principal.arn}


def _assume_role(request: Request) -> dict[str, Any]:
    arn, name = str(request.need("RoleArn")), str(request.need("RoleSessionName"))
    if not SESSION_NAME.fullmatch(name):
        raise _invalid("roleSessionName", name, r"satisfy regular expression pattern: [\w+=,.@-]*")
    role = _find_role(request, arn)
    if role is None or not _may_assume(request, role, name):
        text = denial(request.principal, "sts:AssumeRole", arn, identity_denied=False, because="")
        raise AwsError("AccessDenied", text.partition(" because")[0], 403)
    seconds = _seconds(request, HOUR, _longest(request, role))
    policy = _session_policy(request)
    session = request.cloud.state(Sessions).issue(
        role_session(request.cloud, role, name, policy), session_seconds(request.cloud, seconds)
    )
    principal = session.credentials.principal
    return {
        "Credentials": _as_result(session.access_key, session.credentials),
        "AssumedRoleUser": {"AssumedRoleId": principal.user_id, "Arn": principal.arn},
    }


def _find_role(request: Request, arn: str) -> Any:
    found = ROLE_ARN.fullmatch(arn)
    if found is None:
        raise _invalid("roleArn", arn, "be the ARN of a role")
    role = iam_backend(request.cloud).roles.values()
    return next((one for one in role if one.arn == arn), None)


def _may_assume(request: Request, role: Any, name: str) -> bool:
    """Whether the role's trust policy lets the caller in, and the caller's own let it go."""
    context = request_context(request)
    context["sts:rolesessionname"] = (name,)
    if request.params.get("ExternalId") is not None:
        context["sts:externalid"] = (str(request.params["ExternalId"]),)
    trust = parse(role.assume_role_policy_document, "trust")
    wanted = Access(request.principal, "sts:AssumeRole", role.arn, context)
    trusted = judge_resource(trust, wanted, request.cloud.account)
    own = judge_identity(request, wanted)
    if trusted.denied or own.denied:
        return False
    return trusted.allowed or (trusted.account and own.allowed)


def _longest(request: Request, role: Any) -> int:
    if request.principal.kind == "role":
        return CHAINED_LONGEST
    return int(role.max_session_duration or HOUR)


def _seconds(request: Request, usual: int, longest: int) -> int:
    seconds = int(request.params.get("DurationSeconds") or usual)
    if not SHORTEST <= seconds <= longest:
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        if seconds < SHORTEST:
            bound = f"have value greater than or equal to {SHORTEST}"
            raise _invalid("durationSeconds", str(seconds), bound)
        raise AwsError("ValidationError", text)
    return seconds


def _session_policy(request: Request) -> str | None:
    if request.params.get("PolicyArns"):
        raise AwsError("NotImplemented", "sts.AssumeRole with PolicyArns is not implemented.", 501)
    text = request.params.get("Policy")
    if text is None:
        return None
    try:
        parse(str(text), "identity")
    except PolicyError as error:
        raise AwsError("MalformedPolicyDocument", str(error)) from None
    return str(text)


def _invalid(name: str, value: str, what: str) -> AwsError:
    text = (
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must {what}"
    )
    return AwsError("ValidationError", text)


def _session_token(request: Request) -> dict[str, Any]:
    principal = request.principal
    if principal.kind == "role":
        text = "Cannot call GetSessionToken with session credentials"
        raise AwsError("AccessDenied", text, 403)
    seconds = _seconds(request, USUAL_TOKEN, LONGEST_TOKEN)
    own = Principal(principal.kind, principal.arn, principal.user_id, principal.name)
    session = request.cloud.state(Sessions).issue(own, session_seconds(request.cloud, seconds))
    return {"Credentials": _as_result(session.access_key, session.credentials)}


def _as_result(access_key: str, credentials: Any) -> dict[str, Any]:
    return {
        "AccessKeyId": access_key,
        "SecretAccessKey": credentials.secret_key,
        "SessionToken": credentials.token,
        "Expiration": credentials.expiration,
    }


SERVICE = Service(
    name="sts",
    authorize=_authorize,
    handlers={
        "AssumeRole": _assume_role,
        "GetCallerIdentity": _caller,
        "GetSessionToken": _session_token,
    },
    moto=frozenset({"GetAccessKeyInfo"}),
)
