"""DescribeInstances and DescribeInstanceStatus, with filters that moto does not know."""

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import find_instances, instances, moto, respond
from labrunner.localcloud.services.ec2.fleet import Fleet
from labrunner.localcloud.services.ec2.instance import RUNNING, STOPPING
from labrunner.localcloud.services.ec2.reach import groups_of
from labrunner.localcloud.wire import Response

MOST = 1000
LEAST_PAGE = 5
# An hour after its end, EC2 shows an instance no more.
REMEMBERED_SECONDS = 3600

Values = Callable[[Any], Any]


def _interfaces(one: Any) -> list[Any]:
    return list(one.nics.values())


def _groups(one: Any) -> list[Any]:
    return [group for interface in _interfaces(one) for group in groups_of(interface)]


def _tags(one: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in one.get_tags()}


FILTERS: Mapping[str, Values] = {
    "affinity": lambda _: None,
    "architecture": lambda one: one.architecture,
    "availability-zone": lambda one: one.placement.zone,
    "block-device-mapping.delete-on-termination": lambda one: [
        device.delete_on_termination for device in one.block_device_mapping.values()
    ],
    "block-device-mapping.device-name": lambda one: list(one.block_device_mapping),
    "block-device-mapping.volume-id": lambda one: [
        device.volume_id for device in one.block_device_mapping.values()
    ],
    "client-token": lambda one: one.client_token,
    "dns-name": lambda one: one.public_dns_name,
    "hypervisor": lambda one: one.hypervisor,
    "iam-instance-profile.arn": lambda one: (one.iam_instance_profile or {}).get("Arn"),
    "iam-instance-profile.id": lambda one: (one.iam_instance_profile or {}).get("Id"),
    "image-id": lambda one: one.image_id,
    "instance-id": lambda one: one.id,
    "instance-state-code": lambda one: one.state_code,
    "instance-state-name": lambda one: one.state,
    "instance-type": lambda one: one.instance_type,
    "instance.group-id": lambda one: [group.id for group in _groups(one)],
    "instance.group-name": lambda one: [group.name for group in _groups(one)],
    "ip-address": lambda one: one.public_ip,
    "key-name": lambda one: one.key_name,
    "launch-index": lambda one: one.ami_launch_index,
    "launch-time": lambda one: one.launch_time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    "metadata-options.http-endpoint": lambda one: one.metadata_options.http_endpoint,
    "metadata-options.http-tokens": lambda one: one.metadata_options.http_tokens,
    "network-interface.group-id": lambda one: [group.id for group in _groups(one)],
    "network-interface.network-interface-id": lambda one: [i.id for i in _interfaces(one)],
    "network-interface.subnet-id": lambda one: [i.subnet.id for i in _interfaces(one)],
    "network-interface.vpc-id": lambda one: [i.subnet.vpc_id for i in _interfaces(one)],
    "owner-id": lambda one: one.owner_id,
    "platform": lambda one: one.platform,
    "private-dns-name": lambda one: one.private_dns_name,
    "private-ip-address": lambda one: one.private_ip,
    "root-device-name": lambda one: one.root_device_name,
    "root-device-type": lambda one: one.root_device_type,
    "source-dest-check": lambda one: one.source_dest_check,
    "state-reason-code": lambda one: getattr(one.state_reason, "code", None),
    "subnet-id": lambda one: one.subnet_id,
    "tag-key": lambda one: list(_tags(one)),
    "tag-value": lambda one: list(_tags(one).values()),
    "tenancy": lambda one: one.placement.tenancy,
    "virtualization-type": lambda one: one.virtualization_type,
    "vpc-id": lambda one: one.vpc_id,
}


def _reachability(one: Any) -> str | None:
    return "passed" if one.state == RUNNING else None


STATUS_FILTERS: Mapping[str, Values] = {
    "availability-zone": FILTERS["availability-zone"],
    "instance-state-code": FILTERS["instance-state-code"],
    "instance-state-name": FILTERS["instance-state-name"],
    "instance-status.status": lambda one: one.instance_status["Status"],
    "system-status.status": lambda one: one.system_status["Status"],
    "instance-status.reachability": _reachability,
    "system-status.reachability": _reachability,
}


def _matcher(request: Request, known: Mapping[str, Values]) -> Callable[[Any, Any], bool]:
    """Return whether an instance of a reservation passes all filters; raises AwsError."""
    wanted: list[tuple[Callable[[Any, Any], Any], list[str]]] = []
    for one in request.params.get("Filters") or ():
        name, values = str(one.get("Name")), [str(v) for v in one.get("Values") or ()]
        wanted.append((_values_of(name, known), values))
    return lambda instance, reservation: all(
        _matches(values(instance, reservation), patterns) for values, patterns in wanted
    )


def _values_of(name: str, known: Mapping[str, Values]) -> Callable[[Any, Any], Any]:
    if known is FILTERS and name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda instance, _: _tags(instance).get(key)
    if known is FILTERS and name in ("reservation-id", "requester-id"):
        return lambda _, reservation: reservation.id if name == "reservation-id" else None
    if name not in known:
        raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
    values = known[name]
    return lambda instance, _: values(instance)


def _matches(value: Any, patterns: list[str]) -> bool:
    values = value if isinstance(value, list) else [value]
    texts = [
        str(one).lower() if isinstance(one, bool) else str(one) for one in values if one is not None
    ]
    # A `[` is only itself in EC2's filters.
    return any(
        fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))
        for text in texts
        for pattern in patterns
    )


def _page(request: Request, found: list[Any], ids: list[str]) -> tuple[list[Any], str | None]:
    """Return a page of results and the token of the next; raises AwsError."""
    limit = request.params.get("MaxResults")
    if limit is not None and ids:
        text = "The parameter instancesSet cannot be used with the parameter maxResults"
        raise AwsError("InvalidParameterCombination", text)
    if limit is not None and not LEAST_PAGE <= int(limit) <= MOST:
        text = (
            f"Value ( {limit} ) for parameter maxResults is invalid. Expecting a value greater "
            f"than or equal to {LEAST_PAGE} and not greater than {MOST}."
        )
        raise AwsError("InvalidParameterValue", text)
    token = str(request.params.get("NextToken") or "0")
    if not token.isdecimal():
        raise AwsError("InvalidNextToken", f"The token '{token}' is invalid")
    start, size = int(token), int(limit or MOST)
    more = str(start + size) if len(found) > start + size else None
    return found[start : start + size], more


def describe_instances(request: Request) -> Response:
    """DescribeInstances."""
    ids = [str(one) for one in request.params.get("InstanceIds") or ()]
    with moto(request) as backend:
        _forget_old(request, backend)
        passes = _matcher(request, FILTERS)
        chosen = {one.id for one in find_instances(backend, ids)} if ids else None
        found = []
        for reservation in tuple(backend.reservations.values()):
            kept = [
                one
                for one in reservation.instances
                if (chosen is None or one.id in chosen) and passes(one, reservation)
            ]
            if kept:
                found.append(_with_instances(reservation, kept))
        page, token = _page(request, found, ids)
        return respond(request, {"Reservations": page, "NextToken": token})


def _with_instances(reservation: Any, kept: list[Any]) -> Any:
    return SimpleNamespace(
        reservation_id=reservation.id,
        owner_id=reservation.owner_id,
        groups=reservation.groups,
        instances=kept,
    )


def describe_instance_status(request: Request) -> Response:
    """DescribeInstanceStatus: of those that run, or of all."""
    ids = [str(one) for one in request.params.get("InstanceIds") or ()]
    with moto(request) as backend:
        passes = _matcher(request, STATUS_FILTERS)
        found = find_instances(backend, ids) if ids else list(instances(backend))
        if not request.params.get("IncludeAllInstances"):
            found = [one for one in found if one.state in (RUNNING, STOPPING)]
        found = [one for one in found if passes(one, None)]
        page, token = _page(request, found, ids)
        return respond(request, {"InstanceStatuses": page, "NextToken": token})


def describe_credits(request: Request) -> dict[str, Any]:
    """DescribeInstanceCreditSpecifications: of burstable instances that are not terminated."""
    fleet = request.cloud.state(Fleet)
    ids = [str(one) for one in request.params.get("InstanceIds") or ()]
    with moto(request) as backend:
        found = find_instances(backend, ids) if ids else list(instances(backend))
        return {
            "InstanceCreditSpecifications": [
                {"InstanceId": one.id, "CpuCredits": fleet.hosted[one.id].credits}
                for one in found
                if fleet.hosted[one.id].credits is not None
            ]
        }


def _forget_old(request: Request, backend: Any) -> None:
    """Drop instances that ended long ago."""
    fleet = request.cloud.state(Fleet)
    for reservation_id, reservation in tuple(backend.reservations.items()):
        old = [one for one in _ended(reservation, fleet) if _age(request, one) > REMEMBERED_SECONDS]
        for hosted in old:
            reservation.instances.remove(hosted.instance)
            del fleet.hosted[hosted.instance.id]
        if not reservation.instances:
            del backend.reservations[reservation_id]


def _ended(reservation: Any, fleet: Fleet) -> Iterator[Any]:
    for instance in reservation.instances:
        hosted = fleet.hosted.get(instance.id)
        if hosted is not None and hosted.ended is not None:
            yield hosted


def _age(request: Request, hosted: Any) -> float:
    return float((request.cloud.now() - hosted.ended).total_seconds())
