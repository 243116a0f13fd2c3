"""What RunInstances asks for, checked as AWS checks it before anything is created."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labrunner.localcloud.authorize import request_context, require
from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.machines.cloudinit import plain, unsupported
from labrunner.localcloud.machines.spec import MachineSpec
from labrunner.localcloud.names import names
from labrunner.localcloud.principals import iam_backend
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import invalid
from labrunner.localcloud.services.ec2.devices import RootVolume, find_root_volume
from labrunner.localcloud.services.ec2.placement import Place, find_place

KNOWN = names(
    """
    BlockDeviceMappings ClientToken CreditSpecification DisableApiStop DisableApiTermination DryRun
    EbsOptimized IamInstanceProfile ImageId InstanceInitiatedShutdownBehavior InstanceType KeyName
    LaunchTemplate MaxCount MetadataOptions MinCount Monitoring NetworkInterfaces Placement
    PrivateIpAddress SecurityGroupIds SecurityGroups SubnetId TagSpecifications UserData
    """
)
MOST_USER_DATA = 16384
MOST_MACHINES = 100
MOST_TAGS = 50
MOST_HOPS = 64
USUAL_TYPE = "m1.small"
TAGGED = frozenset({"instance", "volume", "network-interface"})


@dataclass(frozen=True)
class Launch:
    """A launch that nothing speaks against, in moto's objects.

    A service that boots its own kind of machine changes what the machine is made of in `adapt`.
    """

    image: Any
    instance_type: str
    place: Place
    root: RootVolume
    count: int = 1
    key_pair: Any = None
    user_data: bytes = b""
    profile: Any = None
    client_token: str = ""
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    shutdown_behavior: str = "stop"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    credits: str | None = None
    keep_from_termination: bool = False
    keep_from_stop: bool = False
    ebs_optimized: bool = False
    adapt: Callable[[MachineSpec], MachineSpec] = lambda spec: spec


def read_launch(request: Request, backend: Any, running: int) -> Launch:
    """Check the parameters of RunInstances; raises AwsError."""
    params = _with_template(backend, request.params)
    _check_known(params)
    image = find_image(backend, params.get("ImageId"))
    instance_type = str(params.get("InstanceType") or USUAL_TYPE)
    _check_type(instance_type, image)
    name = params.get("KeyName")
    key_pair = find_key_pair(backend, str(name)) if name is not None else None
    return Launch(
        image=image,
        instance_type=instance_type,
        place=find_place(backend, params, instance_type),
        root=find_root_volume(image, params),
        count=_count(params, running),
        key_pair=key_pair,
        user_data=read_user_data(params.get("UserData")),
        profile=_profile(request, params.get("IamInstanceProfile")),
        client_token=str(params.get("ClientToken") or ""),
        tags=_tags(params),
        shutdown_behavior=_behavior(params),
        metadata=metadata_options(params.get("MetadataOptions") or {}, image),
        credits=_credits(params, instance_type),
        keep_from_termination=bool(params.get("DisableApiTermination")),
        keep_from_stop=bool(params.get("DisableApiStop")),
        ebs_optimized=bool(params.get("EbsOptimized")),
    )


def _with_template(backend: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = params.get("LaunchTemplate")
    if wanted is None:
        return dict(params)
    about = {k: v for k, v in wanted.items() if v is not None}
    if about.get("LaunchTemplateId") is not None:
        template = backend.get_launch_template(about["LaunchTemplateId"])
    elif about.get("LaunchTemplateName") is not None:
        template = backend.get_launch_template_by_name(about["LaunchTemplateName"])
    else:
        text = "Either a launch template ID or a launch template name must be specified."
        raise AwsError("MissingParameter", text)
    version = template.get_version(about.get("Version") or template.default_version_number)
    own = dict(version.data)
    if params.get("NetworkInterfaces"):  # they replace what the template says of the network
        for name in ("SecurityGroupIds", "SecurityGroups", "NetworkInterfaces"):
            own.pop(name, None)
    merged = {**own, **{k: v for k, v in params.items() if v is not None}}
    merged["TagSpecifications"] = [
        *(own.get("TagSpecifications") or ()),
        *(params.get("TagSpecifications") or ()),
        {
            "ResourceType": "instance",
            "Tags": [
                {"Key": "aws:ec2launchtemplate:id", "Value": template.id},
                {"Key": "aws:ec2launchtemplate:version", "Value": str(version.number)},
            ],
        },
    ]
    return merged


def _check_known(params: Mapping[str, Any]) -> None:
    unknown = {name for name, value in params.items() if value not in (None, {}, [], False)} - KNOWN
    if unknown:
        raise not_implemented(f"ec2.RunInstances with {min(unknown)}")
    other = {k for k, v in (params.get("Placement") or {}).items() if v not in ("", "default")}
    if other - {"AvailabilityZone"}:
        raise not_implemented(f"ec2.RunInstances with Placement.{min(other)}")
    if (params.get("Monitoring") or {}).get("Enabled"):
        raise not_implemented("ec2.RunInstances with detailed monitoring")


def find_image(backend: Any, image_id: str | None) -> Any:
    """Return an image that a machine can be made of; raises AwsError."""
    if not image_id:
        raise AwsError("MissingParameter", "The request must contain the parameter ImageId")
    if not image_id.startswith("ami-"):
        text = f'Invalid id: "{image_id}" (expecting "ami-...")'
        raise AwsError("InvalidAMIID.Malformed", text)
    image = backend.amis.get(image_id)
    if image is None:
        text = f"The image id '[{image_id}]' does not exist"
        raise AwsError("InvalidAMIID.NotFound", text)
    if image.platform == "windows":
        raise not_implemented("ec2.RunInstances of Windows images")
    return image


def _check_type(instance_type: str, image: Any) -> None:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    about = INSTANCE_TYPES.get(instance_type)
    if about is None:
        text = f"Invalid value '{instance_type}' for InstanceType."
        raise AwsError("InvalidParameterValue", text)
    supported = about["ProcessorInfo"]["SupportedArchitectures"]
    if image.architecture not in supported:
        text = (
            f"The architecture '{','.join(supported)}' of the specified instance type does not "
            f"match the architecture '{image.architecture}' of the specified AMI. Specify an "
            "instance type and an AMI that have matching architectures, and try again."
        )
        raise AwsError("InvalidParameterValue", text)


def find_key_pair(backend: Any, name: str) -> Any:
    """Return a key pair; raises AwsError."""
    found = backend.key_pairs.get(name)
    if found is None:
        raise AwsError("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")
    return found


def _count(params: Mapping[str, Any], running: int) -> int:
    counts = []
    for name in ("MinCount", "MaxCount"):
        if params.get(name) is None:
            raise AwsError("MissingParameter", f"The request must contain the parameter {name}")
        counts.append(int(params[name]))
    least, most = counts
    if least < 1:
        raise invalid("minCount", least, "It must be at least 1.")
    if most < least:
        raise invalid("maxCount", most, "It must not be less than minCount.")
    room = MOST_MACHINES - running
    if least > room:
        text = (
            f"You have requested more instances ({running + least}) than your current instance "
            f"limit of {MOST_MACHINES} allows: that many machines are what a local cloud may boot. "
            "Terminate some."
        )
        raise AwsError("InstanceLimitExceeded", text)
    return min(most, room)


def read_user_data(text: str | None) -> bytes:
    """Return user data decoded; raises AwsError if it is broken or asks for what is not done."""
    if not text:
        return b""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        code = "InvalidParameterValue"
        raise AwsError(code, "Invalid BASE64 encoding of user data.") from None
    if len(data) > MOST_USER_DATA:
        text = f"User data is limited to {MOST_USER_DATA} bytes"
        raise AwsError("InvalidParameterValue", text)
    try:
        what = unsupported(plain(data))
    except ValueError as error:
        raise AwsError("InvalidParameterValue", str(error)) from None
    if what is not None:
        why = (
            f"The local cloud runs user data that is a script (`#!/bin/bash`); {what} it does not."
        )
        raise AwsError("InvalidParameterValue", why)
    return data


def _profile(request: Request, wanted: Mapping[str, Any] | None) -> Any:
    if not wanted:
        return None
    found = find_profile(request, wanted)
    for role in found.roles:
        require(request, "iam:PassRole", role.arn, request_context(request))
    return found


def find_profile(request: Request, wanted: Mapping[str, Any]) -> Any:
    """Return an instance profile by name or ARN; raises AwsError."""
    arn, name = wanted.get("Arn"), wanted.get("Name")
    for one in iam_backend(request.cloud).instance_profiles.values():
        if (arn is not None and one.arn == arn) or (arn is None and one.name == name):
            return one
    which = "arn" if arn is not None else "name"
    why = "Invalid IAM Instance Profile " + ("ARN" if arn is not None else "name")
    raise invalid(f"iamInstanceProfile.{which}", arn or name, why)


def _tags(params: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in params.get("TagSpecifications") or ():
        kind = one.get("ResourceType")
        if kind not in TAGGED:
            text = f"'{kind}' is not a valid taggable resource type for this operation."
            raise AwsError("InvalidParameterValue", text)
        tags = {tag["Key"]: tag.get("Value", "") for tag in one.get("Tags") or ()}
        given = {key for key in tags if key.lower().startswith("aws:")}
        if given - {"aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"}:
            text = f"Tag keys starting with 'aws:' are reserved for internal use: {min(given)}"
            raise AwsError("InvalidParameterValue", text)
        if len(tags) > MOST_TAGS:
            text = f"The maximum number of Tags for a resource has been reached: {MOST_TAGS}."
            raise AwsError("TagLimitExceeded", text)
        found.setdefault(kind, {}).update(tags)
    return found


def _behavior(params: Mapping[str, Any]) -> str:
    value = str(params.get("InstanceInitiatedShutdownBehavior") or "stop")
    if value not in ("stop", "terminate"):
        raise invalid("instanceInitiatedShutdownBehavior", value)
    return value


def metadata_options(
    given: Mapping[str, Any], image: Any = None, now: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return whole metadata options: what is given, or is set now, or the image's defaults."""
    # Images of Amazon Linux 2023 ask for version 2 of the metadata service.
    is_new = image is not None and image.name.startswith(("al2023", "al2022", "al2027"))
    usual = {
        "HttpTokens": "required" if is_new else "optional",
        "HttpPutResponseHopLimit": 2 if is_new else 1,
        "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "disabled",
    }
    options = {**usual, **(now or {}), **{k: v for k, v in given.items() if v is not None}}
    allowed = {"HttpTokens": ("optional", "required")}
    for name in ("HttpEndpoint", "InstanceMetadataTags"):
        allowed[name] = ("enabled", "disabled")
    for name, values in allowed.items():
        if options[name] not in values:
            raise invalid(name, options[name], f"It must be {' or '.join(values)}.")
    if options["HttpProtocolIpv6"] != "disabled":
        raise not_implemented("the metadata service over IPv6")
    if not 1 <= int(options["HttpPutResponseHopLimit"]) <= MOST_HOPS:
        why = f"It must be between 1 and {MOST_HOPS}."
        raise invalid("HttpPutResponseHopLimit", options["HttpPutResponseHopLimit"], why)
    unknown = set(options) - set(usual) - {"State"}
    if unknown:
        raise not_implemented(f"metadata options with {min(unknown)}")
    return options


def _credits(params: Mapping[str, Any], instance_type: str) -> str | None:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    is_burstable = bool(INSTANCE_TYPES[instance_type].get("BurstablePerformanceSupported"))
    given = (params.get("CreditSpecification") or {}).get("CpuCredits")
    if given is None:
        if not is_burstable:
            return None
        return "standard" if instance_type.startswith("t2.") else "unlimited"
    if not is_burstable:
        text = f"The instance type {instance_type} does not support a credit specification."
        raise AwsError("InvalidParameterCombination", text)
    if given not in ("standard", "unlimited"):
        raise invalid("creditSpecification.cpuCredits", given)
    return str(given)
