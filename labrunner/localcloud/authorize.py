"""Decides what a principal may do by its own policies, and words the refusal."""

from collections.abc import Iterable

from labrunner.localcloud.cloud import PARTITION
from labrunner.localcloud.conditions import Context
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.policy import Access, Policy, Verdict, judge, parse
from labrunner.localcloud.principals import Principal, boundary_policy, identity_policies
from labrunner.localcloud.refusals import refuse_access
from labrunner.localcloud.request import Request

# The prefix of a service's actions, where it is not its signing name.
ACTION_PREFIXES = {"cloudwatch": "cloudwatch", "s3control": "s3", "emr": "elasticmapreduce"}


def request_context(request: Request) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that every call has."""
    principal = request.principal
    now = request.cloud.now()
    context: dict[str, tuple[str, ...]] = {
        "aws:sourceip": (request.http.source_ip,),
        "aws:securetransport": ("false",),
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:requestedregion": (request.region,),
        "aws:useragent": (request.headers.get("user-agent"),),
        "aws:userid": (principal.user_id,),
        "aws:viaawsservice": ("false",),
        "aws:resourceaccount": (request.cloud.account,),
    }
    if "referer" in request.headers:
        context["aws:referer"] = (request.headers.get("referer"),)
    if principal.is_anonymous:
        context["aws:principaltype"] = ("Anonymous",)
        return context
    context["aws:principalarn"] = (principal.role_arn or principal.arn,)
    context["aws:principalaccount"] = (request.cloud.account,)
    types = {"root": "Account", "user": "User", "role": "AssumedRole"}
    context["aws:principaltype"] = (types[principal.kind],)
    if principal.kind == "user":
        context["aws:username"] = (principal.name,)
    return context


def judge_identity(request: Request, access: Access) -> Verdict:
    """Return what the caller's own policies say: all of them must allow, none may deny."""
    principal = request.principal
    if principal.is_root:
        return Verdict(allowed=True)
    own = judge(_parsed(identity_policies(request.cloud, principal)), access)
    limits = [principal.session_policy, boundary_policy(request.cloud, principal)]
    verdicts = [judge(_parsed([text]), access) for text in limits if text]
    return Verdict(
        denied=own.denied or any(one.denied for one in verdicts),
        allowed=own.allowed and all(one.allowed for one in verdicts),
    )


def _parsed(texts: Iterable[str]) -> Iterable[Policy]:
    return (parse(text, "identity") for text in texts)


def authorize(request: Request, resources: Iterable[str] = ("*",)) -> None:
    """Let only those pass whose policies allow the call on every resource; raises AwsError."""
    if request.principal.is_root:
        return
    action = action_of(request)
    context = request_context(request)
    for resource in resources:
        require(request, action, resource, context)


def require(request: Request, action: str, resource: str, context: Context) -> None:
    """Let only those pass whose policies allow one action; raises AwsError."""
    verdict = judge_identity(request, Access(request.principal, action, resource, context))
    if verdict.denied or not verdict.allowed:
        raise deny(request, action, resource, verdict)


def action_of(request: Request) -> str:
    """Return the action that a call's operation is, as policies write it."""
    scope = request.signature.service if request.signature else request.service
    return f"{ACTION_PREFIXES.get(request.service, scope)}:{request.operation}"


def deny(request: Request, action: str, resource: str, verdict: Verdict) -> AwsError:
    """Return the refusal of an access that identity policies decided."""
    text = denial(request.principal, action, resource, identity_denied=verdict.denied)
    return refuse_access(request.target.protocol, text)


def denial(
    principal: Principal, action: str, resource: str, *, identity_denied: bool, because: str = ""
) -> str:
    """Word a refusal as AWS does."""
    where = "" if resource == "*" else f" on resource: {resource}"
    if not because:
        because = (
            "with an explicit deny in an identity-based policy"
            if identity_denied
            else f"because no identity-based policy allows the {action} action"
        )
    return f"User: {principal.arn} is not authorized to perform: {action}{where} {because}"


def iam_arn(account: str, kind: str, name: str) -> str:
    """Return the ARN of an IAM resource without a path."""
    return f"arn:{PARTITION}:iam::{account}:{kind}/{name}"
