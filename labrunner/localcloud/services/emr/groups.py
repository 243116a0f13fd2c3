"""The security groups that EMR manages: its own two of a VPC, or those that it is given."""

from collections.abc import Iterable
from typing import Any

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.services.ec2.placement import find_group
from labrunner.localcloud.services.emr.errors import invalid
from labrunner.localcloud.services.emr.model import CORE, MASTER

OWN = {
    MASTER: (
        "ElasticMapReduce-master",
        "Master group for Elastic MapReduce created on the fly by the service",
    ),
    CORE: (
        "ElasticMapReduce-slave",
        "Slave group for Elastic MapReduce created on the fly by the service",
    ),
}
EVERYTHING = (("tcp", "0", "65535"), ("udp", "0", "65535"), ("icmp", "-1", "-1"))
ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})
MOST_PORT = 65535


def given(backend: Any, instances: dict[str, Any], vpc_id: str) -> dict[str, str]:
    """Return the groups that a call names; raises AwsError."""
    master = instances.get("EmrManagedMasterSecurityGroup")
    slave = instances.get("EmrManagedSlaveSecurityGroup")
    if bool(master) != bool(slave):
        text = (
            "Both EmrManagedMasterSecurityGroup and EmrManagedSlaveSecurityGroup must be specified "
            "when either is specified."
        )
        raise invalid(text)
    found = {MASTER: master, CORE: slave} if master else {}
    more = [
        *(instances.get("AdditionalMasterSecurityGroups") or ()),
        *(instances.get("AdditionalSlaveSecurityGroups") or ()),
    ]
    for one in (*found.values(), *more):
        _check(backend, str(one), vpc_id)
    return {role: str(one) for role, one in found.items()}


def _check(backend: Any, group_id: str, vpc_id: str) -> None:
    try:
        group = find_group(backend, group_id)
    except AwsError as error:
        raise invalid(error.message) from None
    if group.vpc_id != vpc_id:
        text = f"The security group {group_id} does not belong to the VPC {vpc_id}"
        raise invalid(text)


def manage(backend: Any, found: dict[str, str], vpc_id: str) -> dict[str, str]:
    """Return the two groups, made where there are none, with the rules that EMR needs."""
    ids = dict(found)
    for role, (name, description) in OWN.items():
        if role not in ids:
            group = backend.get_security_group_from_name(name, vpc_id)
            if group is None:
                group = backend.create_security_group(name, description, vpc_id)
            ids[role] = group.id
    for target in ids.values():
        for source in dict.fromkeys(ids.values()):
            for protocol, first, last in EVERYTHING:
                _allow(backend, target, source, protocol, first, last)
    return ids


def _allow(  # noqa: PLR0913 - the parts of a rule
    backend: Any, target: str, source: str, protocol: str, first: str, last: str
) -> None:
    from moto.core.exceptions import ServiceException

    try:
        backend.authorize_security_group_ingress(
            target, protocol, first, last, [], source_groups=[{"GroupId": source}]
        )
    except ServiceException as error:
        if error.code != "InvalidPermission.Duplicate":
            raise


def public_port(backend: Any, group_ids: Iterable[str], permitted: list[tuple[int, int]]) -> str:
    """Say which group opens which port to everybody; nothing if none does, or may."""
    for group_id in group_ids:
        group = backend.get_security_group_from_id(group_id)
        for rule in group.ingress_rules if group is not None else ():
            source = rule.ip_range or {}
            if not ANYWHERE & {source.get("CidrIp"), source.get("CidrIpv6")}:
                continue
            first, last = int(rule.from_port or 0), int(rule.to_port or MOST_PORT)
            if rule.ip_protocol == "-1":
                first, last = 0, MOST_PORT
            if not any(low <= first and last <= high for low, high in permitted):
                return f"{group_id} (ports {first}-{last})"
    return ""
