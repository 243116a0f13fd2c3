"""The calls that change clusters."""

from collections.abc import Mapping
from typing import Any

from labrunner.localcloud.errors import not_implemented
from labrunner.localcloud.moto_bridge import lock
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.emr import steps
from labrunner.localcloud.services.emr.clusters import Clusters, PublicAccess, find
from labrunner.localcloud.services.emr.errors import bad_request, invalid
from labrunner.localcloud.services.emr.instance_groups import read_group
from labrunner.localcloud.services.emr.launch import (
    concurrency_level,
    idle_timeout,
    read_tags,
)
from labrunner.localcloud.services.emr.model import (
    CANCEL_PENDING,
    CANCELLED,
    ENDED,
    MASTER,
    PENDING,
    RUNNING,
    TERMINATED,
    WAITING,
    Cluster,
)

RESIZING = "RESIZING"
MOST_TAGS = 50
HIGHEST_PORT = 65535


def _named(request: Request) -> list[Cluster]:
    ids = [str(one) for one in request.need("JobFlowIds")]
    known = request.cloud.state(Clusters).by_id
    found = [known[one] for one in ids if one in known and known[one].region == request.region]
    if not ids or len(found) != len(ids):
        raise invalid("Specified job flow ID not valid.")
    return found


def _living(request: Request, name: str = "ClusterId") -> Cluster:
    cluster = find(request, name)
    if cluster.is_over:
        raise bad_request(f"Cluster '{cluster.id}' is not active.")
    return cluster


def add_steps(request: Request) -> Mapping[str, Any]:
    """AddJobFlowSteps."""
    if request.params.get("ExecutionRoleArn"):
        raise invalid("Runtime roles are not supported on this cluster.")
    known = request.cloud.state(Clusters).by_id
    cluster = known.get(str(request.need("JobFlowId")))
    if cluster is None or cluster.region != request.region:
        raise invalid("Specified job flow ID not valid.")
    given = list(request.need("Steps"))
    found = steps.read_steps(given, request.cloud.now(), cluster.concurrency)
    steps.add(cluster, found)
    return {"StepIds": [one.id for one in found]}


def cancel_steps(request: Request) -> Mapping[str, Any]:
    """CancelSteps: those that wait, and those that run."""
    cluster = find(request)
    known = {one.id: one for one in cluster.steps}
    answers = []
    for wanted in map(str, request.need("StepIds")):
        step = known.get(wanted)
        if step is None:
            raise bad_request(f"Step id '{wanted}' is not valid.")
        with cluster.changed:
            state = step.status.state
            if state == PENDING:
                step.status.state, step.status.ended = CANCELLED, request.cloud.now()
                step.status.message = "Step was cancelled by user."
            elif state == RUNNING:
                step.status.state = CANCEL_PENDING
            cluster.changed.notify_all()
        if state in (PENDING, RUNNING):
            step.cancelled.set()
            answers.append({"StepId": wanted, "Status": "SUBMITTED"})
        else:
            why = f"Cannot cancel step in state {state}"
            answers.append({"StepId": wanted, "Status": "FAILED", "Reason": why})
    return {"CancelStepsInfoList": answers}


def terminate(request: Request) -> None:
    """TerminateJobFlows."""
    found = _named(request)
    if any(one.protected and one.status.state not in ENDED for one in found):
        text = "Could not shut down one or more job flows since they are termination protected."
        raise invalid(text)
    for one in found:
        one.ask_to_end(TERMINATED, "USER_REQUEST", "Terminated by user request")


def set_protection(request: Request) -> None:
    """SetTerminationProtection."""
    on = bool(request.need("TerminationProtected"))
    for one in _named(request):
        with one.changed:
            one.protected = on
        with lock("ec2"):
            for member in one.members:
                member.hosted.instance.disable_api_termination = on


def set_keep_alive(request: Request) -> None:
    """SetKeepJobFlowAliveWhenNoSteps."""
    on = bool(request.need("KeepJobFlowAliveWhenNoSteps"))
    for one in _named(request):
        with one.changed:
            one.keep_alive = on
            one.changed.notify_all()


def set_visible(request: Request) -> None:
    """SetVisibleToAllUsers, which has no effect any more."""
    _named(request)


def set_replacement(request: Request) -> None:
    """SetUnhealthyNodeReplacement."""
    on = bool(request.need("UnhealthyNodeReplacement"))
    for one in _named(request):
        one.replace_unhealthy = on


def modify_cluster(request: Request) -> Mapping[str, Any]:
    """ModifyCluster: how many steps may run at a time."""
    if request.params.get("ExtendedSupport") is not None:
        raise not_implemented("emr.ModifyCluster with ExtendedSupport")
    cluster = _living(request)
    level = request.params.get("StepConcurrencyLevel")
    if level is not None:
        value = concurrency_level(level)
        with cluster.changed:
            cluster.concurrency = value
            cluster.changed.notify_all()
    return {"StepConcurrencyLevel": cluster.concurrency}


# ---- instance groups


def add_groups(request: Request) -> Mapping[str, Any]:
    """AddInstanceGroups: of tasks, and of core instances where there are none."""
    cluster = find(request, "JobFlowId")
    if cluster.status.state not in (RUNNING, WAITING):
        raise invalid("Instance groups can be added to a cluster that is running or waiting.")
    found = [read_group(one, request.cloud.now()) for one in request.need("InstanceGroups")]
    for one in found:
        if one.role == MASTER:
            raise invalid("The instance role MASTER cannot be added.")
        if one.role == "CORE":
            raise not_implemented("emr.AddInstanceGroups of core instances")
        if not any(group.role == "CORE" for group in cluster.groups):
            raise invalid("A task instance group needs a core instance group.")
    with cluster.changed:
        for one in found:
            one.status.state = RESIZING
        cluster.groups += found
        cluster.changed.notify_all()
    ids = [one.id for one in found]
    return {"JobFlowId": cluster.id, "InstanceGroupIds": ids, "ClusterArn": cluster.arn}


def modify_groups(request: Request) -> None:
    """ModifyInstanceGroups: how many instances a group has."""
    known = {
        group.id: (cluster, group)
        for cluster in request.cloud.state(Clusters).by_id.values()
        for group in cluster.groups
        if cluster.region == request.region and not cluster.is_over
    }
    wanted = []
    for one in request.params.get("InstanceGroups") or ():
        unknown = {k for k, v in one.items() if v not in (None, {}, [])} - {
            "InstanceGroupId",
            "InstanceCount",
        }
        if unknown:
            raise not_implemented(f"emr.ModifyInstanceGroups with {min(unknown)}")
        found = known.get(str(one.get("InstanceGroupId")))
        if found is None:
            raise bad_request(f"Instance group id '{one.get('InstanceGroupId')}' is not valid.")
        count = int(one.get("InstanceCount") or 0)
        if found[1].role == MASTER:
            raise invalid("A master instance group may not be resized.")
        least = 1 if found[1].role == "CORE" else 0
        if count < least:
            raise invalid(f"Instance count must be at least {least}: {count}")
        wanted.append((*found, count))
    for cluster, group, count in wanted:
        with cluster.changed:
            group.requested, group.status.state = count, RESIZING
            cluster.changed.notify_all()


# ---- tags


def _tagged(request: Request) -> Cluster:
    wanted = str(request.need("ResourceId"))
    for one in request.cloud.state(Clusters).by_id.values():
        if wanted in (one.id, one.arn) and one.region == request.region:
            return one
    raise bad_request(f"Cluster id '{wanted}' is not valid.")


def add_tags(request: Request) -> Mapping[str, Any]:
    """AddTags, to the cluster and its instances."""
    cluster, tags = _tagged(request), read_tags(list(request.need("Tags")))
    with cluster.changed:
        if len(cluster.tags | tags) > MOST_TAGS:
            raise invalid(f"A cluster may have {MOST_TAGS} tags.")
        cluster.tags.update(tags)
    with lock("ec2"):
        for member in cluster.members:
            member.hosted.instance.add_tags(tags)
    return {}


def remove_tags(request: Request) -> Mapping[str, Any]:
    """RemoveTags."""
    cluster = _tagged(request)
    keys = [str(one) for one in request.need("TagKeys")]
    with cluster.changed:
        for key in keys:
            cluster.tags.pop(key, None)
    with lock("ec2"):
        for member in cluster.members:
            instance = member.hosted.instance
            for key in keys:
                instance.ec2_backend.tags[instance.id].pop(key, None)
    return {}


# ---- policies


def put_auto_termination(request: Request) -> Mapping[str, Any]:
    """PutAutoTerminationPolicy."""
    cluster = _living(request)
    seconds = idle_timeout(request.params.get("AutoTerminationPolicy") or {"IdleTimeout": 3600})
    with cluster.changed:
        cluster.idle_timeout = seconds
        if cluster.idle_since is not None:
            cluster.idle_since = request.cloud.now()
        cluster.changed.notify_all()
    return {}


def get_auto_termination(request: Request) -> Mapping[str, Any]:
    """GetAutoTerminationPolicy."""
    cluster = find(request)
    if cluster.idle_timeout is None:
        return {}
    return {"AutoTerminationPolicy": {"IdleTimeout": cluster.idle_timeout}}


def remove_auto_termination(request: Request) -> Mapping[str, Any]:
    """RemoveAutoTerminationPolicy."""
    cluster = find(request)
    with cluster.changed:
        cluster.idle_timeout = None
    return {}


def get_public_access(request: Request) -> Mapping[str, Any]:
    """GetBlockPublicAccessConfiguration."""
    access = request.cloud.state(Clusters).access(request.region)
    changed = dict(access.changed) or {
        "CreationDateTime": request.cloud.started,
        "CreatedByArn": request.cloud.root_arn,
    }
    return {
        "BlockPublicAccessConfiguration": {
            "BlockPublicSecurityGroupRules": access.is_blocking,
            "PermittedPublicSecurityGroupRuleRanges": [
                {"MinRange": low, "MaxRange": high} for low, high in access.permitted
            ],
        },
        "BlockPublicAccessConfigurationMetadata": changed,
    }


def put_public_access(request: Request) -> Mapping[str, Any]:
    """PutBlockPublicAccessConfiguration."""
    given = request.need("BlockPublicAccessConfiguration")
    permitted = []
    for one in given.get("PermittedPublicSecurityGroupRuleRanges") or ():
        low = int(one["MinRange"])
        high = int(one["MaxRange"]) if one.get("MaxRange") is not None else low
        if not 0 <= low <= high <= HIGHEST_PORT:
            raise bad_request(f"The range of ports {low}-{high} is not valid.")
        permitted.append((low, high))
    changed = {"CreationDateTime": request.cloud.now(), "CreatedByArn": request.principal.arn}
    request.cloud.state(Clusters).public_access[request.region] = PublicAccess(
        bool(given.get("BlockPublicSecurityGroupRules")), permitted, changed
    )
    return {}
