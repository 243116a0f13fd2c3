"""What may not be deleted yet: AWS refuses what something else still uses."""

from collections.abc import Iterator
from typing import Any

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import moto
from labrunner.localcloud.wire import Response


def _violation(text: str) -> AwsError:
    return AwsError("DependencyViolation", text)


def delete_security_group(request: Request) -> Response:
    """DeleteSecurityGroup."""
    with moto(request) as backend:
        name = request.params.get("GroupId") or request.params.get("GroupName")
        group = backend.get_security_group_by_name_or_id(name) if name else None
        if group is not None:
            if group.name == "default":
                text = (
                    f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
                )
                raise AwsError("CannotDelete", text)
            if group_is_used(backend, group):
                raise _violation(f"resource {group.id} has a dependent object")
    return request.moto()


def group_is_used(backend: Any, group: Any) -> bool:
    """Whether an interface has a group, or a rule of another group names it."""
    if any(group in interface.group_set for interface in tuple(backend.enis.values())):
        return True
    for vpc in tuple(backend.groups.values()):
        for other in tuple(vpc.values()):
            rules = (*other.ingress_rules, *other.egress_rules)
            sources = (rule.source_group or {} for rule in rules)
            if other is not group and any(s.get("GroupId") == group.id for s in sources):
                return True
    return False


def delete_subnet(request: Request) -> Response:
    """DeleteSubnet."""
    subnet_id = request.params.get("SubnetId")
    with moto(request) as backend:
        used = any(one.subnet.id == subnet_id for one in tuple(backend.enis.values()))
        used = used or any(
            one.subnet_id == subnet_id and one.state != "deleted"
            for one in tuple(backend.nat_gateways.values())
        )
        if used:
            raise _violation(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return request.moto()


def delete_vpc(request: Request) -> Response:
    """DeleteVpc."""
    vpc_id = str(request.params.get("VpcId"))
    with moto(request) as backend:
        if vpc_id in backend.vpcs and any(_in_vpc(backend, vpc_id)):
            raise _violation(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    return request.moto()


def _in_vpc(backend: Any, vpc_id: str) -> Iterator[bool]:
    yield from (
        one.vpc is not None and one.vpc.id == vpc_id
        for one in tuple(backend.internet_gateways.values())
    )
    yield from (one.name != "default" for one in tuple(backend.groups.get(vpc_id, {}).values()))
    yield from (one.subnet.vpc_id == vpc_id for one in tuple(backend.enis.values()))
    yield from (
        one.vpc_id == vpc_id and one.state != "deleted"
        for one in tuple(backend.vpc_end_points.values())
    )


def detach_internet_gateway(request: Request) -> Response:
    """DetachInternetGateway."""
    vpc_id = request.params.get("VpcId")
    with moto(request) as backend:
        if any(
            one.public_ip and one.subnet.vpc_id == vpc_id for one in tuple(backend.enis.values())
        ):
            text = (
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public "
                "address(es) before detaching the gateway."
            )
            raise _violation(text)
    return request.moto()
