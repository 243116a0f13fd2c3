"""Amazon EMR: clusters of machines that really run Hive and MapReduce.

- `launch` checks what RunJobFlow asks for, with `roles`, `groups`, `types`, `releases` and `steps`.
- `controller` is the life of a cluster, in a thread of its own; `provision` are its EC2 instances.
- `execution` runs a step on the primary node, `logs` brings its logs to S3.
- `describe` and `changes` are the other calls; `model` is what all of them share.

What runs on the machines is `localcloud.hadoop`.
"""

from collections.abc import Iterator

from labrunner.localcloud.authorize import authorize
from labrunner.localcloud.cloud import PARTITION
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Handler, Service
from labrunner.localcloud.services.emr import changes, describe
from labrunner.localcloud.services.emr.clusters import is_empty
from labrunner.localcloud.services.emr.launch import run_job_flow

# The parameters that name clusters.
NAMED = ("ClusterId", "JobFlowId", "ResourceId")


def _authorize(request: Request) -> None:
    if not request.principal.is_root:
        authorize(request, sorted(_resources(request)) or ["*"])


def _resources(request: Request) -> Iterator[str]:
    params = request.params
    prefix = f"arn:{PARTITION}:elasticmapreduce:{request.region}:{request.cloud.account}:cluster/"
    ids = [params[name] for name in NAMED if params.get(name)]
    for one in (*ids, *(params.get("JobFlowIds") or ())):
        yield str(one) if str(one).startswith("arn:") else f"{prefix}{one}"


HANDLERS: dict[str, Handler] = {
    "AddInstanceGroups": changes.add_groups,
    "AddJobFlowSteps": changes.add_steps,
    "AddTags": changes.add_tags,
    "CancelSteps": changes.cancel_steps,
    "DescribeCluster": describe.describe_cluster,
    "DescribeReleaseLabel": describe.describe_release_label,
    "DescribeStep": describe.describe_step,
    "GetAutoTerminationPolicy": changes.get_auto_termination,
    "GetBlockPublicAccessConfiguration": changes.get_public_access,
    "ListBootstrapActions": describe.list_bootstrap_actions,
    "ListClusters": describe.list_clusters,
    "ListInstanceGroups": describe.list_instance_groups,
    "ListInstances": describe.list_instances,
    "ListReleaseLabels": describe.list_release_labels,
    "ListSteps": describe.list_steps,
    "ListSupportedInstanceTypes": describe.list_supported_instance_types,
    "ModifyCluster": changes.modify_cluster,
    "ModifyInstanceGroups": changes.modify_groups,
    "PutAutoTerminationPolicy": changes.put_auto_termination,
    "PutBlockPublicAccessConfiguration": changes.put_public_access,
    "RemoveAutoTerminationPolicy": changes.remove_auto_termination,
    "RemoveTags": changes.remove_tags,
    "RunJobFlow": run_job_flow,
    "SetKeepJobFlowAliveWhenNoSteps": changes.set_keep_alive,
    "SetTerminationProtection": changes.set_protection,
    "SetUnhealthyNodeReplacement": changes.set_replacement,
    "SetVisibleToAllUsers": changes.set_visible,
    "TerminateJobFlows": changes.terminate,
}
SERVICE = Service(name="emr", authorize=_authorize, handlers=HANDLERS, is_empty=is_empty)
