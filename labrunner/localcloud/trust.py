"""Whether a role lets a service act as it."""

from collections.abc import Iterable
from typing import Any

from labrunner.localcloud.policy import Access, parse
from labrunner.localcloud.principals import ANONYMOUS


def trusts(role: Any, services: Iterable[str], source_arn: str = "") -> bool:
    """Whether the trust policy of moto's role lets one of some services assume it.

    A service says for whom it acts, so that nobody borrows another's role: for the role's own
    account, and for the resource `source_arn` where it is given.
    """
    context = {"aws:sourceaccount": (str(role.arn).split(":")[4],)}
    if source_arn:
        context["aws:sourcearn"] = (source_arn,)
    wanted = Access(ANONYMOUS, "sts:AssumeRole", role.arn, context)
    effects = {
        one.effect
        for one in parse(role.assume_role_policy_document, "trust").statements
        if one.principals is not None
        and not one.principals.negated
        and any(("Service", service) in one.principals.pairs for service in services)
        and one.covers(wanted)
    }
    return effects == {"Allow"}
