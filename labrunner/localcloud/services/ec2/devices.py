"""The root volume of an instance, of which the control plane is all there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.services.ec2.backend import invalid
from labrunner.localcloud.services.ec2.instance import root_device

TYPES = frozenset({"standard", "gp2", "gp3", "io1", "io2", "st1", "sc1"})
USUAL_SIZE = 8
MOST_SIZE = 16384
USUAL_THROUGHPUT = 125


@dataclass(frozen=True)
class RootVolume:
    """What RunInstances says of the root volume."""

    device: str
    size: int
    kind: str
    iops: int | None
    throughput: int | None
    is_encrypted: bool
    key: str | None
    delete: bool


def find_root_volume(image: Any, params: Mapping[str, Any]) -> RootVolume:
    """Return the root volume that the image and the call describe; raises AwsError."""
    device = root_device(image)
    ebs: Mapping[str, Any] = {}
    for mapping in params.get("BlockDeviceMappings") or ():
        name = mapping.get("DeviceName")
        if name is None:
            raise AwsError("MissingParameter", "The request must contain the parameter deviceName")
        if "NoDevice" in mapping and name != device:
            continue
        if name != device:
            what = f"ec2.RunInstances with a volume at {name}: machines have no disk but {device}"
            raise not_implemented(what)
        if "NoDevice" in mapping or mapping.get("VirtualName"):
            text = f"Invalid device mapping for the root device {device}"
            raise AwsError("InvalidBlockDeviceMapping", text)
        ebs = mapping.get("Ebs") or {}
    size = int(ebs.get("VolumeSize") or USUAL_SIZE)
    if not 1 <= size <= MOST_SIZE:
        raise invalid("volumeSize", size)
    kind = str(ebs.get("VolumeType") or "gp3")
    if kind not in TYPES:
        raise invalid("volumeType", kind)
    if ebs.get("KmsKeyId") and not ebs.get("Encrypted"):
        text = "The parameter KmsKeyId requires the parameter Encrypted to be set."
        raise AwsError("InvalidParameterDependency", text)
    return RootVolume(
        device=device,
        size=size,
        kind=kind,
        iops=ebs.get("Iops"),
        throughput=ebs.get("Throughput") or (USUAL_THROUGHPUT if kind == "gp3" else None),
        is_encrypted=bool(ebs.get("Encrypted")),
        key=ebs.get("KmsKeyId"),
        delete=ebs.get("DeleteOnTermination") is not False,
    )


def attach_root_volume(
    backend: Any, instance: Any, wanted: RootVolume, tags: Mapping[str, str]
) -> None:
    """Make the volume of a new instance."""
    volume = backend.create_volume(
        size=wanted.size,
        zone_name=instance.placement.zone,
        encrypted=wanted.is_encrypted,
        kms_key_id=wanted.key,
        volume_type=wanted.kind,
        iops=wanted.iops,
        throughput=wanted.throughput,
    )
    backend.attach_volume(volume.id, instance.id, wanted.device, wanted.delete)
    instance.root_device_name = wanted.device
    volume.add_tags(dict(tags))
