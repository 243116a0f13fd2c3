"""ModifyInstanceAttribute and ModifyInstanceMetadataOptions."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import find_instances, invalid, moto, stop_if_dry
from labrunner.localcloud.services.ec2.fleet import Fleet
from labrunner.localcloud.services.ec2.instance import STOPPED
from labrunner.localcloud.services.ec2.launch import metadata_options, read_user_data
from labrunner.localcloud.services.ec2.placement import find_group

# The names of `Attribute` → of the parameters that say the same.
NAMES = {
    "disableApiStop": "DisableApiStop",
    "disableApiTermination": "DisableApiTermination",
    "ebsOptimized": "EbsOptimized",
    "groupSet": "Groups",
    "instanceInitiatedShutdownBehavior": "InstanceInitiatedShutdownBehavior",
    "instanceType": "InstanceType",
    "sourceDestCheck": "SourceDestCheck",
    "userData": "UserData",
}
FIXED = frozenset({"InstanceId", "DryRun", "Attribute", "Value"})


def modify_attribute(request: Request) -> None:
    """ModifyInstanceAttribute: one attribute of one instance."""
    params = request.params
    with moto(request) as backend:
        (instance,) = find_instances(backend, [str(request.need("InstanceId"))])
        given = {k: v for k, v in params.items() if k not in FIXED and v is not None}
        if params.get("Attribute") is not None and params.get("Value") is not None:
            name = NAMES.get(str(params["Attribute"]), str(params["Attribute"]))
            given[name] = {"Value": params["Value"]}
        if len(given) != 1:
            text = "Exactly one attribute must be given."
            raise AwsError("InvalidParameterCombination", text)
        ((name, value),) = given.items()
        change = CHANGES.get(name)
        if change is None:
            raise not_implemented(f"ec2.ModifyInstanceAttribute of {name}")
        stop_if_dry(request)
        change(backend, instance, value)
    request.cloud.state(Fleet).of(request.cloud).reconcile(request.region)


def _flag(name: str) -> Callable[[Any, Any, Any], None]:
    def change(_: Any, instance: Any, value: Mapping[str, Any]) -> None:
        setattr(instance, name, str(value.get("Value")).lower() == "true")

    return change


def _groups(backend: Any, instance: Any, value: list[str]) -> None:
    groups = [find_group(backend, str(one)) for one in value]
    if not groups:
        raise AwsError("InvalidParameterValue", "An instance must have a security group.")
    for group in groups:
        if group.vpc_id != instance.vpc_id:
            text = f"The security group {group.id} belongs to another network."
            raise AwsError("InvalidParameterValue", text)
    instance.security_groups = groups
    if 0 in instance.nics:
        instance.nics[0]._group_set = groups  # noqa: SLF001 - moto joins the two


def _behavior(_: Any, instance: Any, value: Mapping[str, Any]) -> None:
    wanted = str(value.get("Value"))
    if wanted not in ("stop", "terminate"):
        raise invalid("instanceInitiatedShutdownBehavior", wanted)
    instance.instance_initiated_shutdown_behavior = wanted


def _type(_: Any, instance: Any, value: Mapping[str, Any]) -> None:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    _require_stopped(instance, "instanceType")
    wanted = str(value.get("Value"))
    if wanted not in INSTANCE_TYPES:
        text = f"Invalid value '{wanted}' for InstanceType."
        raise AwsError("InvalidParameterValue", text)
    instance.instance_type = wanted


def _user_data(_: Any, instance: Any, value: Mapping[str, Any]) -> None:
    _require_stopped(instance, "userData")
    given = value.get("Value")
    text = given.decode() if isinstance(given, bytes) else given
    instance.user_data = base64.b64encode(read_user_data(text)).decode() if text else None


def _require_stopped(instance: Any, name: str) -> None:
    if instance.state != STOPPED:
        text = (
            f"The instance '{instance.id}' is not in the 'stopped' state, in which its '{name}' "
            "can be changed."
        )
        raise AwsError("IncorrectInstanceState", text)


def _devices(_: Any, instance: Any, value: list[Mapping[str, Any]]) -> None:
    for mapping in value:
        name = mapping.get("DeviceName")
        if name not in instance.block_device_mapping:
            text = f"No device is currently mapped at {name}"
            raise AwsError("InvalidInstanceAttributeValue", text)
        flag = (mapping.get("Ebs") or {}).get("DeleteOnTermination")
        if flag is not None:
            instance.block_device_mapping[name].delete_on_termination = bool(flag)


CHANGES: Mapping[str, Callable[[Any, Any, Any], None]] = {
    "BlockDeviceMappings": _devices,
    "DisableApiStop": _flag("disable_api_stop"),
    "DisableApiTermination": _flag("disable_api_termination"),
    "EbsOptimized": _flag("ebs_optimized"),
    "Groups": _groups,
    "InstanceInitiatedShutdownBehavior": _behavior,
    "InstanceType": _type,
    "SourceDestCheck": _flag("source_dest_check"),
    "UserData": _user_data,
}


def modify_metadata_options(request: Request) -> dict[str, Any]:
    """ModifyInstanceMetadataOptions: what is not given stays."""
    with moto(request) as backend:
        (instance,) = find_instances(backend, [str(request.need("InstanceId"))])
        now = instance.metadata_options
        kept = {
            "HttpTokens": now.http_tokens,
            "HttpPutResponseHopLimit": now.http_put_response_hop_limit,
            "HttpEndpoint": now.http_endpoint,
            "HttpProtocolIpv6": now.http_protocol_ipv6,
            "InstanceMetadataTags": now.instance_metadata_tags,
        }
        given = {k: v for k, v in request.params.items() if k not in ("InstanceId", "DryRun")}
        options = metadata_options(given, now=kept)
        stop_if_dry(request)
        instance.metadata_options = type(now)(options)
        return {
            "InstanceId": instance.id,
            "InstanceMetadataOptions": {"State": "pending", **options},
        }
