"""What EMR says of clusters, instances and steps."""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from labrunner.localcloud.request import Request
from labrunner.localcloud.services.emr import releases, types
from labrunner.localcloud.services.emr.clusters import Clusters, find
from labrunner.localcloud.services.emr.errors import bad_request, invalid
from labrunner.localcloud.services.emr.launch import find_release
from labrunner.localcloud.services.emr.model import (
    CORE,
    MASTER,
    TERMINATED,
    Cluster,
    Group,
    Member,
    Status,
    Step,
)

T = TypeVar("T")
PAGE = 50
MOST_STEP_IDS = 10
HOUR = 3600


def page(
    request: Request, found: list[T], show: Callable[[T], Any], name: str, size: int = PAGE
) -> dict[str, Any]:
    """Return one page of results, and the marker of the next; raises AwsError."""
    marker = str(request.params.get("Marker") or "0")
    if not marker.isascii() or not marker.isdecimal():
        raise bad_request(f"Marker '{marker}' is not valid.")
    start = int(marker)
    result: dict[str, Any] = {name: [show(one) for one in found[start : start + size]]}
    if start + size < len(found):
        result["Marker"] = str(start + size)
    return result


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as calls show them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _status(status: Status, ready: str = "ReadyDateTime") -> dict[str, Any]:
    timeline: dict[str, datetime] = {"CreationDateTime": status.created}
    if status.ready is not None:
        timeline[ready] = status.ready
    if status.ended is not None:
        timeline["EndDateTime"] = status.ended
    reason = {"Code": status.code, "Message": status.message}
    return {
        "State": status.state,
        "StateChangeReason": {k: v for k, v in reason.items() if v},
        "Timeline": timeline,
    }


def _hours(cluster: Cluster, now: datetime) -> int:
    """Return the normalized instance hours, each begun hour whole."""
    total = 0
    for one in cluster.members:
        if one.status.ready is not None:
            seconds = ((one.status.ended or now) - one.status.created).total_seconds()
            total += max(math.ceil(seconds / HOUR), 1) * types.normalized(one.group.instance_type)
    return total


def primary_name(cluster: Cluster) -> str:
    """Return what SSH reaches the primary node by: its address; inside the network, its name."""
    primary = cluster.primary
    if primary is None or primary.status.ready is None:
        return ""
    return primary.public_ip or primary.hostname


def _cluster(cluster: Cluster, now: datetime) -> dict[str, Any]:
    with cluster.changed:
        found: dict[str, Any] = {
            "Id": cluster.id,
            "Name": cluster.name,
            "Status": _status(cluster.status),
            "Ec2InstanceAttributes": {
                "Ec2SubnetId": cluster.subnet.id,
                "RequestedEc2SubnetIds": [cluster.subnet.id],
                "Ec2AvailabilityZone": cluster.subnet.availability_zone,
                "RequestedEc2AvailabilityZones": [],
                "IamInstanceProfile": cluster.profile.name,
                "AdditionalMasterSecurityGroups": cluster.more_groups[MASTER],
                "AdditionalSlaveSecurityGroups": cluster.more_groups[CORE],
            },
            "InstanceCollectionType": "INSTANCE_GROUP",
            "ReleaseLabel": cluster.release,
            "AutoTerminate": not cluster.keep_alive,
            "TerminationProtected": cluster.protected,
            "UnhealthyNodeReplacement": cluster.replace_unhealthy,
            "VisibleToAllUsers": True,
            "Applications": [{"Name": n, "Version": v} for n, v in cluster.applications.items()],
            "Tags": tag_list(cluster.tags),
            "ServiceRole": cluster.service_role,
            "NormalizedInstanceHours": _hours(cluster, now),
            "Configurations": cluster.configurations,
            "ScaleDownBehavior": cluster.scale_down,
            "EbsRootVolumeSize": cluster.root_size,
            "ClusterArn": cluster.arn,
            "StepConcurrencyLevel": cluster.concurrency,
            "PlacementGroups": [],
        }
        attributes = found["Ec2InstanceAttributes"]
        if cluster.key_name:
            attributes["Ec2KeyName"] = cluster.key_name
        for role, kind in ((MASTER, "Master"), (CORE, "Slave")):
            if role in cluster.security_groups:
                name = f"EmrManaged{kind}SecurityGroup"
                attributes[name] = cluster.security_groups[role]
        more = {
            "LogUri": cluster.log_uri,
            "MasterPublicDnsName": primary_name(cluster),
            "OSReleaseLabel": cluster.os_release,
        }
        return found | {name: value for name, value in more.items() if value}


def describe_cluster(request: Request) -> Mapping[str, Any]:
    """DescribeCluster."""
    return {"Cluster": _cluster(find(request), request.cloud.now())}


def list_clusters(request: Request) -> Mapping[str, Any]:
    """ListClusters, the newest first."""
    params, now = request.params, request.cloud.now()
    states = set(params.get("ClusterStates") or ())
    after, before = params.get("CreatedAfter"), params.get("CreatedBefore")
    found = [
        one
        for one in request.cloud.state(Clusters).by_id.values()
        if one.region == request.region
        and (not states or one.status.state in states)
        and (after is None or one.status.created.timestamp() >= _seconds(after))
        and (before is None or one.status.created.timestamp() <= _seconds(before))
    ]
    found.sort(key=lambda one: one.status.created, reverse=True)

    def show(one: Cluster) -> dict[str, Any]:
        with one.changed:
            return {
                "Id": one.id,
                "Name": one.name,
                "Status": _status(one.status),
                "NormalizedInstanceHours": _hours(one, now),
                "ClusterArn": one.arn,
            }

    return page(request, found, show, "Clusters")


def _seconds(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value)


def list_instance_groups(request: Request) -> Mapping[str, Any]:
    """ListInstanceGroups."""
    cluster = find(request)

    def show(one: Group) -> dict[str, Any]:
        running = [m for m in cluster.members_of(one) if m.status.ready is not None]
        return {
            "Id": one.id,
            "Name": one.name,
            "Market": one.market,
            "InstanceGroupType": one.role,
            "InstanceType": one.instance_type,
            "RequestedInstanceCount": one.requested,
            "RunningInstanceCount": len(running),
            "Status": _status(one.status),
            "Configurations": [],
            "EbsBlockDevices": [],
            "EbsOptimized": True,
        }

    with cluster.changed:
        return page(request, cluster.groups, show, "InstanceGroups")


def list_instances(request: Request) -> Mapping[str, Any]:
    """ListInstances."""
    cluster, params = find(request), request.params
    if params.get("InstanceFleetId") or params.get("InstanceFleetType"):
        raise bad_request("Instance fleets and instance groups are mutually exclusive.")
    kinds = set(params.get("InstanceGroupTypes") or ())
    states = set(params.get("InstanceStates") or ())
    group_id = params.get("InstanceGroupId")
    if group_id and group_id not in {one.id for one in cluster.groups}:
        raise bad_request(f"Instance group id '{group_id}' is not valid.")
    with cluster.changed:
        found = [
            one
            for one in cluster.members
            if (not kinds or one.group.role in kinds)
            and (not states or one.status.state in states)
            and (not group_id or one.group.id == group_id)
        ]
        return page(request, found, _member, "Instances", 2000)


def _member(one: Member) -> dict[str, Any]:
    found = {
        "Id": one.id,
        "Ec2InstanceId": one.hosted.instance.id,
        "PrivateDnsName": one.hostname,
        "PrivateIpAddress": one.private_ip,
        "Status": _status(one.status),
        "InstanceGroupId": one.group.id,
        "Market": one.group.market,
        "InstanceType": one.group.instance_type,
        "EbsVolumes": [],
    }
    if one.public_ip and one.status.state != TERMINATED:
        found["PublicIpAddress"] = found["PublicDnsName"] = one.public_ip
    return found


def list_bootstrap_actions(request: Request) -> Mapping[str, Any]:
    """ListBootstrapActions."""
    return page(
        request,
        list(find(request).bootstrap),
        lambda one: {"Name": one.name, "ScriptPath": one.path, "Args": list(one.arguments)},
        "BootstrapActions",
    )


# ---- steps


def _step(one: Step) -> dict[str, Any]:
    status = _status(one.status, "StartDateTime")
    if one.failure is not None:
        failure = {
            "Reason": one.failure.reason,
            "Message": one.failure.message,
            "LogFile": one.failure.log_file,
        }
        status["FailureDetails"] = {name: value for name, value in failure.items() if value}
    config: dict[str, Any] = {
        "Jar": one.jar,
        "Properties": one.properties,
        "Args": one.arguments,
    }
    if one.main_class:
        config["MainClass"] = one.main_class
    return {
        "Id": one.id,
        "Name": one.name,
        "Config": config,
        "ActionOnFailure": one.action,
        "Status": status,
    }


def describe_step(request: Request) -> Mapping[str, Any]:
    """DescribeStep."""
    cluster, wanted = find(request), str(request.need("StepId"))
    with cluster.changed:
        for one in cluster.steps:
            if one.id == wanted:
                return {"Step": _step(one)}
    raise bad_request(f"Step id '{wanted}' is not valid.")


def list_steps(request: Request) -> Mapping[str, Any]:
    """ListSteps, the newest first."""
    cluster, params = find(request), request.params
    states, ids = set(params.get("StepStates") or ()), list(params.get("StepIds") or ())
    if len(ids) > MOST_STEP_IDS:
        raise bad_request(f"At most {MOST_STEP_IDS} step ids may be specified.")
    with cluster.changed:
        known = {one.id: one for one in cluster.steps}
        for wanted in ids:
            if wanted not in known:
                raise bad_request(f"Step id '{wanted}' is not valid.")
        chosen: Iterable[Step] = [known[one] for one in ids] if ids else reversed(cluster.steps)
        found = [one for one in chosen if not states or one.status.state in states]
        return page(request, found, _step, "Steps")


# ---- releases and types


def describe_release_label(request: Request) -> Mapping[str, Any]:
    """DescribeReleaseLabel: what AWS ships; RunJobFlow says which of it runs here."""
    found = find_release(request.params.get("ReleaseLabel") or releases.LABELS[0])
    return {
        "ReleaseLabel": found.label,
        "Applications": [{"Name": n, "Version": v} for n, v in found.applications.items()],
        "AvailableOSReleases": [],
    }


def list_release_labels(request: Request) -> Mapping[str, Any]:
    """ListReleaseLabels, the newest first."""
    filters = request.params.get("Filters") or {}
    prefix, application = filters.get("Prefix") or "", str(filters.get("Application") or "")
    name, _, version = application.partition("@")
    found = []
    for label in releases.LABELS:
        release = releases.find(label)
        assert release is not None
        known = {n.lower(): v for n, v in release.applications.items()}
        if name and (name.lower() not in known or (version and known[name.lower()] != version)):
            continue
        if label.startswith(str(prefix)):
            found.append(label)
    size = int(request.params.get("MaxResults") or len(releases.LABELS))
    token = str(request.params.get("NextToken") or "0")
    if not token.isdecimal() or size < 1:
        raise invalid("NextToken or MaxResults is not valid.")
    start = int(token)
    result: dict[str, Any] = {"ReleaseLabels": found[start : start + size]}
    if start + size < len(found):
        result["NextToken"] = str(start + size)
    return result


def list_supported_instance_types(request: Request) -> Mapping[str, Any]:
    """ListSupportedInstanceTypes."""
    find_release(request.need("ReleaseLabel"))
    return page(request, types.names(), types.describe, "SupportedInstanceTypes", 100)
