"""Amazon EC2: moto's control plane, and a real machine for each instance.

- `launch`, `placement` and `devices` check what RunInstances asks for; `run` does it.
- `fleet` keeps each instance in the state in which its machine is; `lifecycle` and `attributes` are
  the calls that change it. Another service boots machines of its own with `run.launch_instances`.
- `reach` says who may connect, `imds` what a machine learns of itself; `addresses` are elastic.
- `describe`, `keypairs`, `endpoints` and `deletions` put right what moto leaves out.
"""

import re
from collections.abc import Iterator
from typing import Any

from labrunner.localcloud.authorize import authorize
from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.moto_bridge import backends
from labrunner.localcloud.names import names
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Everything, Handler, Service
from labrunner.localcloud.services.ec2 import (
    addresses,
    attributes,
    deletions,
    describe,
    endpoints,
    keypairs,
    lifecycle,
    run,
)
from labrunner.localcloud.services.ec2.backend import instances
from labrunner.localcloud.services.ec2.fleet import Fleet
from labrunner.localcloud.services.ec2.instance import is_gone
from labrunner.localcloud.wire import Response

# Each would say that a machine, a disk, a connection or a copy exists that does not.
PRETENDED = names(
    """
    AcceptReservedInstancesExchangeQuote AllocateHosts AttachNetworkInterface AttachVolume CopyImage
    CreateCustomerGateway CreateFleet CreateFlowLogs CreateImage CreateVpnConnection
    CreateVpnGateway DetachVolume GetConsoleScreenshot GetPasswordData ImportImage MonitorInstances
    PurchaseReservedInstancesOffering RegisterImage RequestSpotFleet RequestSpotInstances
    ResetInstanceAttribute RunScheduledInstances UnmonitorInstances
    """
)
# moto answers these, and then machines may be reached in another way.
REACH = names(
    """
    AssociateRouteTable AttachInternetGateway AuthorizeSecurityGroupIngress CreateRoute
    DeleteRoute DisassociateRouteTable ModifyNetworkInterfaceAttribute ModifySecurityGroupRules
    ReplaceRoute ReplaceRouteTableAssociation RevokeSecurityGroupIngress
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
    if not all(map(is_gone, instances(region))):
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


def _reconciled(request: Request) -> Response:
    response = request.moto()
    request.cloud.state(Fleet).of(request.cloud).reconcile(request.region)
    return response


def _detach_gateway(request: Request) -> Response:
    response = deletions.detach_internet_gateway(request)
    request.cloud.state(Fleet).of(request.cloud).reconcile(request.region)
    return response


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(REACH, _reconciled),
    "AllocateAddress": addresses.allocate_address,
    "AssociateAddress": addresses.associate_address,
    "CreateKeyPair": keypairs.create_key_pair,
    "CreateVpcEndpoint": endpoints.create_vpc_endpoint,
    "DeleteKeyPair": keypairs.delete_key_pair,
    "DeleteSecurityGroup": deletions.delete_security_group,
    "DeleteSubnet": deletions.delete_subnet,
    "DeleteVpc": deletions.delete_vpc,
    "DeleteVpcEndpoints": endpoints.delete_vpc_endpoints,
    "DescribeInstanceCreditSpecifications": describe.describe_credits,
    "DescribeInstanceStatus": describe.describe_instance_status,
    "DescribeInstances": describe.describe_instances,
    "DescribeKeyPairs": keypairs.describe_key_pairs,
    "DetachInternetGateway": _detach_gateway,
    "DisassociateAddress": addresses.disassociate_address,
    "GetConsoleOutput": lifecycle.get_console_output,
    "ImportKeyPair": keypairs.import_key_pair,
    "ModifyInstanceAttribute": attributes.modify_attribute,
    "ModifyInstanceMetadataOptions": attributes.modify_metadata_options,
    "RebootInstances": lifecycle.reboot_instances,
    "ReleaseAddress": addresses.release_address,
    "RunInstances": run.run_instances,
    "StartInstances": lifecycle.start_instances,
    "StopInstances": lifecycle.stop_instances,
    "TerminateInstances": lifecycle.terminate_instances,
}
SERVICE = Service(
    name="ec2",
    authorize=_authorize,
    handlers=HANDLERS,
    moto=Everything(but=PRETENDED),
    is_empty=_is_empty,
)
