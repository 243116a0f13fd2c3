"""The instance groups that a call asks for."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from labrunner.localcloud.errors import not_implemented
from labrunner.localcloud.names import names
from labrunner.localcloud.services.emr import types
from labrunner.localcloud.services.emr.errors import invalid
from labrunner.localcloud.services.emr.model import (
    CORE,
    MASTER,
    PROVISIONING,
    Group,
    Status,
    new_id,
)

GROUP = names("EbsConfiguration InstanceCount InstanceRole InstanceType Market Name")
MOST_TASK_GROUPS = 48


def read_groups(instances: Mapping[str, Any], now: datetime) -> list[Group]:
    """Return the instance groups of a call, the primary one first; raises AwsError."""
    given = list(instances.get("InstanceGroups") or ())
    simple = [instances.get(one) for one in ("MasterInstanceType", "InstanceCount")]
    if given and any(simple):
        text = (
            "Please configure instances using one and only one of the following: instance groups; "
            "instance fleets; instance count, master and slave instance type."
        )
        raise invalid(text)
    found = list(_from_groups(given, now)) if given else list(_from_types(instances, now))
    masters = [one for one in found if one.role == MASTER]
    if len(masters) != 1:
        raise invalid("Exactly one master instance group must be specified.")
    if masters[0].requested != 1:
        if masters[0].requested == 3:  # noqa: PLR2004 - EMR's number
            raise not_implemented("emr.RunJobFlow with three master instances")
        raise invalid("Master instance group must have exactly 3 instances for HA clusters only.")
    if sum(one.role == CORE for one in found) > 1:
        raise invalid("At most one core instance group may be specified.")
    if len(found) - 2 > MOST_TASK_GROUPS:
        raise invalid(f"At most {MOST_TASK_GROUPS} task instance groups may be specified.")
    if any(one.role == "TASK" for one in found) and not any(one.role == CORE for one in found):
        raise invalid("A task instance group needs a core instance group.")
    return sorted(found, key=lambda one: (MASTER, CORE, "TASK").index(one.role))


def _from_groups(given: list[Mapping[str, Any]], now: datetime) -> Iterator[Group]:
    for one in given:
        yield read_group(one, now)


def read_group(given: Mapping[str, Any], now: datetime) -> Group:
    """Return an instance group; raises AwsError."""
    unknown = {k for k, v in given.items() if v not in (None, {}, [], "")} - GROUP
    if unknown:
        raise not_implemented(f"emr instance groups with {min(unknown)}")
    role = str(given.get("InstanceRole"))
    if role not in (MASTER, CORE, "TASK"):
        raise invalid(f"Invalid instance role: {role}")
    if given.get("Market") == "SPOT":
        raise not_implemented("emr instance groups of the spot market")
    return make_group(
        role,
        str(given.get("InstanceType") or ""),
        int(given.get("InstanceCount") or 0),
        now,
        name=str(given.get("Name") or ""),
        ebs=given.get("EbsConfiguration") or {},
    )


def _from_types(instances: Mapping[str, Any], now: datetime) -> Iterator[Group]:
    count = int(instances.get("InstanceCount") or 0)
    master = instances.get("MasterInstanceType")
    if not master or count < 1:
        text = (
            "Must specify instance groups, or the master instance type and the number of instances."
        )
        raise invalid(text)
    yield make_group(MASTER, str(master), 1, now)
    if count > 1:
        slave = instances.get("SlaveInstanceType")
        if not slave:
            raise invalid("Must specify the slave instance type for more than one instance.")
        yield make_group(CORE, str(slave), count - 1, now)


def make_group(  # noqa: PLR0913 - what a group is made of
    role: str,
    instance_type: str,
    count: int,
    now: datetime,
    *,
    name: str = "",
    ebs: Mapping[str, Any] | None = None,
) -> Group:
    """Return a group that is to be provisioned; raises AwsError."""
    if count < 1:
        raise invalid("Instance count must be greater than zero.")
    types.check(instance_type)
    if (ebs or {}).get("EbsBlockDeviceConfigs"):
        what = "emr instance groups with further volumes: machines have no disk but the root one"
        raise not_implemented(what)
    status = Status(PROVISIONING, now)
    shown = name or {MASTER: "Master Instance Group", CORE: "Core Instance Group"}.get(
        role, "Task Instance Group"
    )
    return Group(new_id("ig"), shown, role, instance_type, count, status)
