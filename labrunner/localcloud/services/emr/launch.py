"""RunJobFlow: what it asks for, checked before anything is created."""

import re
from collections.abc import Mapping
from typing import Any

from labrunner.localcloud.cloud import PARTITION
from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.names import names
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import moto
from labrunner.localcloud.services.ec2.fleet import Fleet
from labrunner.localcloud.services.ec2.launch import MOST_MACHINES, find_key_pair
from labrunner.localcloud.services.ec2.placement import find_place
from labrunner.localcloud.services.ec2.run import require_machines
from labrunner.localcloud.services.emr import groups, instance_groups, releases, roles
from labrunner.localcloud.services.emr.clusters import Clusters
from labrunner.localcloud.services.emr.controller import Controller
from labrunner.localcloud.services.emr.errors import bad_request, invalid
from labrunner.localcloud.services.emr.model import (
    CORE,
    MASTER,
    STARTING,
    BootstrapAction,
    Cluster,
    Group,
    Status,
    new_id,
)
from labrunner.localcloud.services.emr.releases import Release
from labrunner.localcloud.services.emr.steps import read_steps

KNOWN = names(
    """
    Applications AutoTerminationPolicy BootstrapActions Configurations EbsRootVolumeIops
    EbsRootVolumeSize EbsRootVolumeThroughput Instances JobFlowRole LogUri Name OSReleaseLabel
    ReleaseLabel RepoUpgradeOnBoot ScaleDownBehavior ServiceRole StepConcurrencyLevel Steps Tags
    VisibleToAllUsers
    """
)
INSTANCES = names(
    """
    AdditionalMasterSecurityGroups AdditionalSlaveSecurityGroups Ec2KeyName Ec2SubnetId
    Ec2SubnetIds EmrManagedMasterSecurityGroup EmrManagedSlaveSecurityGroup InstanceCount
    InstanceGroups KeepJobFlowAliveWhenNoSteps MasterInstanceType Placement SlaveInstanceType
    TerminationProtected UnhealthyNodeReplacement
    """
)
S3_URI = re.compile(r"s3[an]?://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
MOST_NAME = 256
MOST_BOOTSTRAP = 16
MOST_CONCURRENCY = 256
IDLE = range(60, 604801)
ROOT = range(10, 101)
USUAL_ROOT = 15


def run_job_flow(request: Request) -> Mapping[str, Any]:
    """RunJobFlow."""
    # In this order they end: what runs on machines, what watches them, the machines.
    clusters = request.cloud.state(Clusters)
    request.cloud.state(Fleet).of(request.cloud)
    try:
        require_machines(request.cloud)
    except AwsError as error:
        text = error.message.replace("No instance", "No cluster", 1)
        raise bad_request(text) from None
    cluster = read_cluster(request)
    clusters.by_id[cluster.id] = cluster
    clusters.begin(Controller(request.cloud, clusters, cluster).run)
    return {"JobFlowId": cluster.id, "ClusterArn": cluster.arn}


def read_cluster(request: Request) -> Cluster:
    """Return the cluster that a call describes; raises AwsError."""
    params, now = request.params, request.cloud.now()
    instances = dict(request.need("Instances"))
    _check_known(params, instances)
    release = find_release(params.get("ReleaseLabel"))
    profile, role = roles.find_profile(request, params.get("JobFlowRole"))
    service_role = roles.find_service_role(request, params.get("ServiceRole"))
    found = instance_groups.read_groups(instances, now)
    concurrency = concurrency_level(params.get("StepConcurrencyLevel", 1))
    steps = read_steps(list(params.get("Steps") or ()), now, concurrency)
    number = new_id("j")
    with moto(request) as backend:
        subnet = _subnet(backend, instances, found)
        key_name = _key_name(backend, instances)
        own_groups = groups.given(backend, instances, subnet.vpc_id)
    _check_room(request, found)
    return Cluster(
        id=number,
        arn=f"arn:{PARTITION}:elasticmapreduce:{request.region}:{request.cloud.account}:"
        f"cluster/{number}",
        region=request.region,
        name=_name(params),
        release=release.label,
        major=release.major,
        applications=applications(release, list(params.get("Applications") or ())),
        status=Status(STARTING, now),
        role=role,
        profile=profile,
        service_role=service_role,
        log_uri=_log_uri(params.get("LogUri")),
        subnet=subnet,
        key_name=key_name,
        groups=found,
        tags=read_tags(list(params.get("Tags") or ())),
        configurations=_configurations(list(params.get("Configurations") or ())),
        bootstrap=_bootstrap(list(params.get("BootstrapActions") or ())),
        security_groups=own_groups,
        more_groups={
            MASTER: list(instances.get("AdditionalMasterSecurityGroups") or ()),
            CORE: list(instances.get("AdditionalSlaveSecurityGroups") or ()),
        },
        os_release=str(params.get("OSReleaseLabel") or ""),
        root_size=_root_size(params),
        keep_alive=bool(instances.get("KeepJobFlowAliveWhenNoSteps")),
        protected=bool(instances.get("TerminationProtected")),
        concurrency=concurrency,
        idle_timeout=idle_timeout(params.get("AutoTerminationPolicy")),
        replace_unhealthy=bool(instances.get("UnhealthyNodeReplacement")),
        scale_down=str(params.get("ScaleDownBehavior") or "TERMINATE_AT_TASK_COMPLETION"),
        steps=steps,
    )


def _check_known(params: Mapping[str, Any], instances: Mapping[str, Any]) -> None:
    empty: tuple[Any, ...] = (None, {}, [], False, "")
    unknown = {name for name, value in params.items() if value not in empty} - KNOWN
    unknown |= {
        f"Instances.{name}"
        for name, value in instances.items()
        if value not in empty and name not in INSTANCES
    }
    if unknown:
        raise not_implemented(f"emr.RunJobFlow with {min(unknown)}")


def _name(params: Mapping[str, Any]) -> str:
    name = str(params.get("Name") or "")
    if not name or len(name) > MOST_NAME:
        raise invalid(f"The cluster's name must have between 1 and {MOST_NAME} characters.")
    return name


def find_release(label: Any) -> Release:
    """Return a release by its label; raises AwsError."""
    if not label:
        raise invalid("Must specify exactly one of the following: release label, AMI version")
    found = releases.find(str(label))
    if found is None:
        raise invalid(f"The supplied release label is invalid: {label}.")
    return found


def applications(release: Release, given: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return the versions of the applications that a call asks for; raises AwsError."""
    found: dict[str, str] = {}
    for one in given:
        name = releases.application(release, str(one.get("Name") or ""))
        if name is None or (name not in release.applications and name not in releases.FURTHER):
            text = f"Specified application: {one.get('Name')} is not supported by {release.label}."
            raise invalid(text)
        if one.get("Args") or one.get("AdditionalInfo"):
            raise not_implemented(f"emr.RunJobFlow with arguments of the application {name}")
        if name not in releases.LOCAL:
            known = ", ".join(releases.LOCAL)
            raise not_implemented(f"the application {name} of EMR, but {known}")
        found[name] = release.applications[name]
    if not found or "Hive" in found or "Spark" in found:
        found.setdefault("Hadoop", release.applications["Hadoop"])
    return dict(sorted(found.items()))


def _subnet(backend: Any, instances: Mapping[str, Any], found: list[Group]) -> Any:
    wanted = instances.get("Ec2SubnetId")
    several = list(instances.get("Ec2SubnetIds") or ())
    if wanted and several:
        raise invalid("Only one of Ec2SubnetId and Ec2SubnetIds may be specified.")
    if len(several) > 1:
        raise not_implemented("emr.RunJobFlow with several subnets, which need instance fleets")
    wanted = wanted or (several[0] if several else None)
    params: dict[str, Any] = {"SubnetId": wanted} if wanted else {}
    zone = (instances.get("Placement") or {}).get("AvailabilityZone")
    if zone and not wanted:
        params["Placement"] = {"AvailabilityZone": zone}
    subnet: Any = None
    for group in found:
        try:
            subnet = find_place(backend, params, group.instance_type).subnet
        except AwsError as error:
            raise invalid(_placement_words(error, wanted)) from None
        params = {"SubnetId": subnet.id}  # all of a cluster is in one
    return subnet


def _placement_words(error: AwsError, subnet: Any) -> str:
    if error.code == "InvalidSubnetID.NotFound":
        return f"The specified subnet {subnet} does not exist."
    if error.code == "Unsupported":
        return error.message.replace("Your requested", "The requested", 1)
    return error.message


def _key_name(backend: Any, instances: Mapping[str, Any]) -> str:
    name = instances.get("Ec2KeyName")
    if not name:
        return ""
    try:
        find_key_pair(backend, str(name))
    except AwsError:
        raise invalid(f"Ec2 key name {name} is not valid. The key pair does not exist.") from None
    return str(name)


def _check_room(request: Request, found: list[Group]) -> None:
    running = request.cloud.state(Fleet).of(request.cloud).living()
    wanted = sum(one.requested for one in found)
    if running + wanted > MOST_MACHINES:
        text = (
            f"The request for {wanted} instances exceeds the quota of EC2: {running} of "
            f"{MOST_MACHINES} machines, which a local cloud may boot, are in use."
        )
        raise invalid(text)


def _log_uri(given: Any) -> str:
    if not given:
        return ""
    uri = str(given)
    if not S3_URI.fullmatch(uri):
        raise invalid(f"Specified log uri: {uri} is not a valid s3 path.")
    return re.sub(r"^s3[an]?://", "s3://", uri).rstrip("/") + "/"


def _root_size(params: Mapping[str, Any]) -> int:
    size = int(params.get("EbsRootVolumeSize") or USUAL_ROOT)
    if size not in ROOT:
        raise invalid(f"EbsRootVolumeSize must be between {ROOT.start} and {ROOT.stop - 1}: {size}")
    return size


def concurrency_level(value: Any) -> int:
    """Return how many steps may run at a time; raises AwsError."""
    if not 1 <= int(value) <= MOST_CONCURRENCY:
        raise invalid(f"StepConcurrencyLevel must be between 1 and {MOST_CONCURRENCY}: {value}")
    return int(value)


def idle_timeout(policy: Mapping[str, Any] | None) -> int | None:
    """Return the seconds of an auto-termination policy; raises AwsError."""
    if not policy or policy.get("IdleTimeout") is None:
        return None
    seconds = int(policy["IdleTimeout"])
    if seconds not in IDLE:
        text = f"IdleTimeout must be between {IDLE.start} and {IDLE.stop - 1} seconds: {seconds}"
        raise invalid(text)
    return seconds


def read_tags(given: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return tags; raises AwsError."""
    tags = {str(one.get("Key") or ""): str(one.get("Value") or "") for one in given}
    for key, value in tags.items():
        if not key or len(key) > 128 or len(value) > 256:  # noqa: PLR2004 - AWS's limits
            raise invalid(f"Tag key {key!r}: keys have 1 to 128 characters, values up to 256.")
        if key.lower().startswith("aws:"):
            raise invalid(f"Tag keys may not start with 'aws:': {key}")
    return tags


def _configurations(given: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    for one in given:
        if not one.get("Classification"):
            raise invalid("Configuration classification must not be empty.")
        _configurations(list(one.get("Configurations") or ()))
        if one["Classification"] == "hdfs-site":
            _check_hdfs(one.get("Properties") or {})
    return given


def _check_hdfs(properties: Mapping[str, Any]) -> None:
    for name in ("dfs.blocksize", "dfs.replication"):
        value = str(properties.get(name, "1"))
        if not value.isascii() or not value.isdecimal() or int(value) < 1:
            raise invalid(f"hdfs-site: {name}={value} is not a positive whole number")


def _bootstrap(given: list[Mapping[str, Any]]) -> tuple[BootstrapAction, ...]:
    if len(given) > MOST_BOOTSTRAP:
        raise invalid(f"At most {MOST_BOOTSTRAP} bootstrap actions may be specified.")
    found = []
    for one in given:
        script = one.get("ScriptBootstrapAction") or {}
        path = str(script.get("Path") or "")
        if not path or not one.get("Name"):
            raise invalid("A bootstrap action needs Name and ScriptBootstrapAction.Path.")
        if not S3_URI.fullmatch(path) and not path.startswith(("file:/", "/")):
            raise invalid(f"Bootstrap action path {path} is not a valid s3 path.")
        arguments = tuple(str(arg) for arg in script.get("Args") or ())
        found.append(BootstrapAction(str(one["Name"]), path, arguments))
    return tuple(found)
