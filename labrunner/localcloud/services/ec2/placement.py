"""Where an instance goes: its subnet, zone and groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.names import names
from labrunner.localcloud.services.ec2.backend import invalid

INTERFACE = names(
    """
    AssociatePublicIpAddress DeleteOnTermination Description DeviceIndex Groups InterfaceType
    NetworkCardIndex PrivateIpAddress SubnetId
    """
)


@dataclass(frozen=True)
class Place:
    """The network of an instance, in moto's objects."""

    subnet: Any
    groups: tuple[Any, ...]
    has_public_address: bool
    private_ip: str | None
    description: str
    delete_interface: bool


def find_place(backend: Any, params: Mapping[str, Any], instance_type: str) -> Place:
    """Return the place that RunInstances asks for; raises AwsError."""
    interface = _interface(params)
    subnet = _subnet(backend, params, interface, instance_type)
    _check_offered(backend.region_name, subnet.availability_zone, instance_type)
    public = interface.get("AssociatePublicIpAddress")
    if public is None:
        public = subnet.map_public_ip_on_launch in (True, "true")
    wanted = interface.get("PrivateIpAddress") or params.get("PrivateIpAddress")
    if wanted is not None:
        _check_private(subnet, str(wanted))
    return Place(
        subnet=subnet,
        groups=_groups(backend, params, interface, subnet),
        has_public_address=bool(public),
        private_ip=wanted,
        description=str(interface.get("Description") or ""),
        delete_interface=interface.get("DeleteOnTermination") is not False,
    )


def _interface(params: Mapping[str, Any]) -> Mapping[str, Any]:
    interfaces = params.get("NetworkInterfaces") or []
    if not interfaces:
        return {}
    if len(interfaces) > 1:
        raise not_implemented("ec2.RunInstances with more than one network interface")
    interface: Mapping[str, Any] = interfaces[0]
    unknown = set(interface) - INTERFACE
    if unknown:
        name = f"NetworkInterfaces[0].{min(unknown)}"
        raise not_implemented(f"ec2.RunInstances with {name}")
    if int(interface.get("DeviceIndex", 0)) != 0:
        text = "The primary network interface must have device index 0."
        raise AwsError("InvalidParameterCombination", text)
    for name, what in (("SubnetId", "subnet ID"), ("SecurityGroupIds", "security groups")):
        if params.get(name) or (name == "SecurityGroupIds" and params.get("SecurityGroups")):
            text = (
                f"Network interfaces and an instance-level {what} may not be specified on the same "
                "request"
            )
            raise AwsError("InvalidParameterCombination", text)
    return interface


def _subnet(
    backend: Any, params: Mapping[str, Any], interface: Mapping[str, Any], instance_type: str
) -> Any:
    wanted = interface.get("SubnetId") or params.get("SubnetId")
    zone = (params.get("Placement") or {}).get("AvailabilityZone")
    if wanted is not None:
        found = find_subnet(backend, str(wanted))
        if zone not in (None, found.availability_zone):
            text = f"The availability zone '{zone}' is not that of the subnet '{wanted}'."
            raise AwsError("InvalidParameterValue", text)
        return found
    vpc = backend.get_default_vpc()
    if vpc is None:
        text = (
            "No default VPC for this user. GroupName is only supported for EC2-Classic and default "
            "VPC."
        )
        raise AwsError("VPCIdNotSpecified", text)
    subnets = backend.get_default_subnets()
    if zone is not None:
        if zone not in {one.name for one in backend.describe_availability_zones()}:
            raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
        if zone not in subnets:
            raise AwsError("MissingInput", f"No default subnet for availability zone: '{zone}'.")
        return subnets[zone]
    if not subnets:
        text = f"No subnets found for the default VPC '{vpc.id}'. Please specify a subnet."
        raise AwsError("MissingInput", text)
    offered = [
        one for one in sorted(subnets) if is_offered(backend.region_name, one, instance_type)
    ]
    return subnets[(offered or sorted(subnets))[0]]


def find_subnet(backend: Any, subnet_id: str) -> Any:
    """Return a subnet; raises AwsError."""
    for zone in tuple(backend.subnets.values()):
        if subnet_id in zone:
            return zone[subnet_id]
    text = f"The subnet ID '{subnet_id}' does not exist"
    raise AwsError("InvalidSubnetID.NotFound", text)


def is_offered(region: str, zone: str, instance_type: str) -> bool:
    """Whether a zone sells a type."""
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

    offerings = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, ())
    return any(
        one["InstanceType"] == instance_type and one["Location"] == zone for one in offerings
    )


def _check_offered(region: str, zone: str, instance_type: str) -> None:
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

    if is_offered(region, zone, instance_type):
        return
    offerings = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, ())
    zones = sorted({o["Location"] for o in offerings if o["InstanceType"] == instance_type})
    text = (
        f"Your requested instance type ({instance_type}) is not supported in your requested "
        f"Availability Zone ({zone}). Please retry your request by not specifying an Availability "
        f"Zone or choosing {', '.join(zones) or 'another region'}."
    )
    raise AwsError("Unsupported", text)


def _check_private(subnet: Any, wanted: str) -> None:
    import ipaddress

    try:
        inside = ipaddress.IPv4Address(wanted) in ipaddress.IPv4Network(subnet.cidr_block)
    except ValueError:
        inside = False
    if not inside:
        raise invalid("privateIpAddress", wanted, "Address does not fall within the subnet.")


def _groups(
    backend: Any, params: Mapping[str, Any], interface: Mapping[str, Any], subnet: Any
) -> tuple[Any, ...]:
    ids = [*(interface.get("Groups") or ()), *(params.get("SecurityGroupIds") or ())]
    found = [find_group(backend, str(one)) for one in ids]
    for name in params.get("SecurityGroups") or ():
        group = next((g for g in backend.groups[subnet.vpc_id].values() if g.name == name), None)
        if group is None:
            text = f"The security group '{name}' does not exist in VPC '{subnet.vpc_id}'"
            raise AwsError("InvalidGroup.NotFound", text)
        found.append(group)
    for group in found:
        if group.vpc_id != subnet.vpc_id:
            text = f"Security group {group.id} and subnet {subnet.id} belong to different networks."
            raise AwsError("InvalidParameter", text)
    return tuple(found) or (backend.get_default_security_group(subnet.vpc_id),)


def find_group(backend: Any, group_id: str) -> Any:
    """Return a security group; raises AwsError."""
    found = backend.get_security_group_from_id(group_id)
    if found is None:
        code, text = "InvalidGroup.NotFound", f"The security group '{group_id}' does not exist"
        raise AwsError(code, text)
    return found
