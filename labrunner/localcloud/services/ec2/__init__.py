"""Amazon EC2: moto's control plane; no machine boots, so nothing that needs one is answered."""

import re
from collections.abc import Iterator
from typing import Any

from labrunner.localcloud.authorize import authorize
from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.moto_bridge import backends
from labrunner.localcloud.names import names
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Everything, Service

# Each would say that a machine, a connection or a copy exists that does not.
PRETENDED = names(
    """
    AcceptReservedInstancesExchangeQuote AllocateHosts AssociateIamInstanceProfile CopyImage
    CreateCustomerGateway CreateFleet CreateFlowLogs CreateImage CreateVpnConnection
    CreateVpnGateway GetConsoleOutput GetConsoleScreenshot GetPasswordData ImportImage
    ModifyInstanceAttribute MonitorInstances PurchaseReservedInstancesOffering RebootInstances
    RegisterImage RequestSpotFleet RequestSpotInstances ResetInstanceAttribute RunInstances
    RunScheduledInstances StartInstances StopInstances UnmonitorInstances
    """
)
# The prefix of an id → the kind of resource in its ARN.
KINDS = {
    "acl": "network-acl",
    "ami": "image",
    "dopt": "dhcp-options",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
ID = re.compile(rf"(?P<kind>{'|'.join(KINDS)})-[0-9a-f]+")
# What only its user makes in a region, as moto calls it.
KEPT = (
    "addresses",
    "enis",
    "internet_gateways",
    "key_pairs",
    "launch_templates",
    "nat_gateways",
    "reservations",
    "volumes",
    "vpc_end_points",
)


def _authorize(request: Request) -> None:
    if not request.principal.is_root:
        authorize(request, sorted(_resources(request)) or ["*"])


def _resources(request: Request) -> set[str]:
    """Return the ARNs of what a call names; a description names nothing that can be granted."""
    if request.operation.startswith("Describe"):
        return set()
    prefix = f"arn:{PARTITION}:ec2:{request.region}:{request.cloud.account}"
    found = {ID.fullmatch(text) for text in _texts(request.params)}
    return {f"{prefix}:{KINDS[one['kind']]}/{one[0]}" for one in found if one}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _is_empty(cloud: Cloud) -> bool:
    return not any(map(_has_resources, tuple(backends("ec2")[cloud.account].values())))


def _has_resources(region: Any) -> bool:
    """Whether a region has more than AWS puts into every one."""
    if any(getattr(region, name) for name in KEPT):
        return True
    groups = [one for vpc in _values(region.groups) for one in _values(vpc)]
    subnets = [one for zone in _values(region.subnets) for one in _values(zone)]
    return (
        not all(one.is_default for one in (*_values(region.vpcs), *groups))
        or not all(one.default_for_az in (True, "true") for one in subnets)
        or not all(one.from_ami for one in _values(region.snapshots))
    )


def _values(kept: dict[str, Any]) -> list[Any]:
    return list(kept.values())


SERVICE = Service(
    name="ec2",
    authorize=_authorize,
    moto=Everything(but=PRETENDED),
    is_empty=_is_empty,
)
