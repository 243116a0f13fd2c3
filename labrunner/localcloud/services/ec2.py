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


def _authorize(request: Request) -> None:
    authorize(request)


def _is_empty(cloud: Cloud) -> bool:
    return not any(map(_has_resources, tuple(backends("ec2")[cloud.account].values())))


def _has_resources(region: Any) -> bool:
    kept = ("keypairs", "volumes", "addresses", "snapshots", "nat_gateways", "launch_templates")
    if any(getattr(region, name, None) for name in kept):
        return True
    if any(not one.is_default for one in _values(region, "vpcs")):
        return True
    groups = [one for vpc in _values(region, "groups") for one in vpc.values()]
    return any(not one.is_default for one in groups)


def _values(region: Any, name: str) -> list[Any]:
    return list(getattr(region, name, {}).values())


SERVICE = Service(
    name="ec2",
    authorize=_authorize,
    moto=Everything(but=PRETENDED),
    is_empty=_is_empty,
)
