"""Amazon EC2: moto's control plane; no machine boots, so nothing that needs one is answered."""

from typing import Any

from labrunner.localcloud.authorize import authorize
from labrunner.localcloud.cloud import Cloud
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
    authorize(request)


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
