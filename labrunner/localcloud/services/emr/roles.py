"""The roles of a cluster: its service role, and the instance profile of its instances."""

from dataclasses import replace
from typing import Any

from labrunner.localcloud.authorize import request_context, require
from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.policy import Access, judge, parse
from labrunner.localcloud.principals import (
    Principal,
    iam_backend,
    identity_policies,
    role_session,
)
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.emr.errors import invalid
from labrunner.localcloud.trust import trusts

SERVICE = "elasticmapreduce.amazonaws.com"
EC2 = "ec2.amazonaws.com"
# What the service does in the name of its role.
NEEDED = ("ec2:RunInstances", "ec2:TerminateInstances", "ec2:CreateTags")


def find_profile(request: Request, name: str | None) -> tuple[Any, Any]:
    """Return the instance profile and its role, which the caller may pass; raises AwsError."""
    if not name:
        raise invalid("InstanceProfile is required for creating cluster.")
    known = iam_backend(request.cloud).instance_profiles.values()
    found = next((one for one in known if name in (one.name, one.arn)), None)
    if found is None or not found.roles:
        raise invalid(f"Invalid InstanceProfile: {name}.")
    role = found.roles[0]
    _pass(request, role, EC2)
    if not trusts(role, (EC2,)):
        text = f"Failed to authorize instance profile {found.arn}"
        raise AwsError("AccessDeniedException", text)
    return found, role


def find_service_role(request: Request, name: str | None) -> str:
    """Return the ARN of the service role, which the caller may pass; raises AwsError.

    Whether it is good is found out when the cluster starts, as on AWS.
    """
    if not name:
        raise invalid("ServiceRole is required for creating cluster.")
    role = service_role(request.cloud, name)
    if role is not None:
        _pass(request, role, SERVICE)
        return str(role.arn)
    if name.startswith("arn:"):
        return name
    return f"arn:aws:iam::{request.cloud.account}:role/{name}"


def service_role(cloud: Cloud, name: str) -> Any:
    """Return a role by name or ARN, None if there is none."""
    return next((r for r in iam_backend(cloud).roles.values() if name in (r.name, r.arn)), None)


def _pass(request: Request, role: Any, service: str) -> None:
    if request.principal.is_root:
        return
    context = request_context(request)
    context["iam:passedtoservice"] = (service,)
    require(request, "iam:PassRole", role.arn, context)


def _any_cluster(cloud: Cloud) -> str:
    """Return an ARN like those of clusters: the one that a role is for has none yet."""
    place = f"{cloud.settings.region}:{cloud.account}"
    return f"arn:{PARTITION}:elasticmapreduce:{place}:cluster/j-0"


def trouble(cloud: Cloud, arn: str, instance_role: Any) -> str | None:
    """Say what keeps the service from starting a cluster by its role, None if nothing does."""
    role = service_role(cloud, arn)
    if role is None or not trusts(role, (SERVICE,), _any_cluster(cloud)):
        return f"EMR service role {arn} is invalid"
    session = role_session(cloud, role, "CCSSession", None)
    for action in NEEDED:
        if not _ever_allows(cloud, session, action):
            return f"Service role {arn} has insufficient EC2 permissions"
    context = {"iam:passedtoservice": (EC2,)}
    access = Access(session, "iam:PassRole", instance_role.arn, context)
    policies = [parse(text, "identity") for text in identity_policies(cloud, session)]
    verdict = judge(policies, access)
    if verdict.denied or not verdict.allowed:
        return (
            f"Service role {arn} is not authorized to perform iam:PassRole on {instance_role.arn}"
        )
    return None


def _ever_allows(cloud: Cloud, principal: Principal, action: str) -> bool:
    """Whether policies allow an action on anything, under any condition."""
    access = Access(principal, action, "*", {})
    return any(
        one.effect == "Allow" and replace(one, resources=(), conditions=()).covers(access)
        for text in identity_policies(cloud, principal)
        for one in parse(text, "identity").statements
    )
