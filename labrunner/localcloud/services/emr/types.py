"""The instance types that EMR takes."""

from collections.abc import Mapping
from typing import Any

from labrunner.localcloud.services.emr.errors import invalid

# General purpose, compute, memory and storage optimized; burstable ones are not for EMR.
FAMILIES = (
    "m4",
    "m5",
    "m6",
    "m7",
    "c4",
    "c5",
    "c6",
    "c7",
    "r4",
    "r5",
    "r6",
    "r7",
    "i3",
    "d2",
    "d3",
)
SMALL = ("nano", "micro", "small", "medium")


def _known() -> Mapping[str, Any]:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    found: Mapping[str, Any] = INSTANCE_TYPES
    return found


def is_supported(name: str) -> bool:
    """Whether EMR takes a type."""
    family, _, size = name.partition(".")
    about = _known().get(name)
    return (
        about is not None
        and family.startswith(FAMILIES)
        and size not in SMALL
        and "metal" not in size
        and not (size == "large" and family.startswith(("m6", "m7", "c6", "c7", "r6", "r7")))
    )


def check(name: str) -> None:
    """Go on only with a type that EMR takes; raises AwsError."""
    if not is_supported(name):
        raise invalid(f"Instance type '{name}' is not supported.")


def describe(name: str) -> dict[str, Any]:
    """Return what ListSupportedInstanceTypes says of a type."""
    about = _known()[name]
    disks = about.get("InstanceStorageInfo") or {}
    total = sum(one.get("Count", 1) for one in disks.get("Disks") or ())
    return {
        "Type": name,
        "MemoryGB": about["MemoryInfo"]["SizeInMiB"] / 1024,
        "StorageGB": int(disks.get("TotalSizeInGB") or 0),
        "VCPU": about["VCpuInfo"]["DefaultVCpus"],
        "Is64BitsOnly": True,
        "InstanceFamilyId": name.partition(".")[0],
        "EbsOptimizedAvailable": about.get("EbsInfo", {}).get("EbsOptimizedSupport")
        != "unsupported",
        "EbsStorageOnly": not disks,
        "NumberOfDisks": total,
        "Architecture": architecture(name).upper(),
    }


def architecture(name: str) -> str:
    """Return what its images must be made for."""
    supported = _known()[name]["ProcessorInfo"]["SupportedArchitectures"]
    return "arm64" if "arm64" in supported else "x86_64"


def names() -> list[str]:
    """Return all that EMR takes."""
    return sorted(one for one in _known() if is_supported(one))


SIZES = {"large": 4, "xlarge": 8}


def normalized(name: str) -> int:
    """Return how many normalized hours an hour of a type is."""
    size = name.partition(".")[2]
    if size in SIZES:
        return SIZES[size]
    count = size.removesuffix("xlarge")
    return 8 * int(count) if count.isdecimal() else 0
