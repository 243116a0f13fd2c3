"""The EC2 instances of a cluster."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.install import add_spark, equip, find_spark
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.machines import Machines
from labrunner.localcloud.machines.spec import MachineSpec
from labrunner.localcloud.moto_bridge import lock
from labrunner.localcloud.services.ec2.devices import find_root_volume
from labrunner.localcloud.services.ec2.fleet import UTC_STAMP, Fleet, Hosted
from labrunner.localcloud.services.ec2.instance import (
    BY_USER,
    PENDING,
    RUNNING,
    SHUTTING_DOWN,
    SSH_PORT_TAG,
    TERMINATED,
    set_state,
)
from labrunner.localcloud.services.ec2.launch import Launch, find_key_pair, metadata_options
from labrunner.localcloud.services.ec2.placement import find_group, find_place
from labrunner.localcloud.services.ec2.run import launch_instances
from labrunner.localcloud.services.emr import releases, types
from labrunner.localcloud.services.emr.model import (
    CORE,
    MASTER,
    PROVISIONING,
    Cluster,
    Group,
    Member,
    Status,
    new_id,
)
from labrunner.localcloud.spark.installation import Installation

PAUSE = 0.02
FLOW_TAG = "aws:elasticmapreduce:job-flow-id"
ROLE_TAG = "aws:elasticmapreduce:instance-group-role"


class Provisioner:
    """Launches and terminates the instances of one cluster.

    `perform` does what programs on a machine ask for; it gets the instance's id with each call.
    """

    def __init__(
        self, cloud: Cloud, cluster: Cluster, perform: Callable[[str, Call], int], directory: Path
    ) -> None:
        self._cluster = cluster
        self._perform = perform
        self._directory = directory
        self._cloud = cloud
        self.machines = cloud.state(Machines)
        self.fleet = cloud.state(Fleet).of(cloud)
        self.spark = find_spark() if "Spark" in cluster.applications else None

    @property
    def now(self) -> datetime:
        """The time of the cloud."""
        return self._cloud.now()

    def launch(self, group: Group, count: int) -> list[Member]:
        """Launch instances of a group, which boot from now on; raises AwsError."""
        launch = self._describe(group, count)
        reservation = launch_instances(self._cloud, self._cluster.region, launch)
        now = self.now
        members = [
            Member(
                id=new_id("ci"),
                group=group,
                hosted=self.fleet.hosted[instance.id],
                status=Status(PROVISIONING, now),
                hostname=instance.private_dns_name,
                private_ip=str(instance.private_ip),
            )
            for instance in reservation.instances
        ]
        with self._cluster.changed:
            self._cluster.members += members
        return members

    def _describe(self, group: Group, count: int) -> Launch:
        cluster = self._cluster
        kind = MASTER if group.role == MASTER else CORE
        with lock("ec2"):
            backend = self.fleet.backend(cluster.region)
            image = _image(backend, cluster.major, types.architecture(group.instance_type))
            ids = [cluster.security_groups[kind], *cluster.more_groups.get(kind, ())]
            params = {"SubnetId": cluster.subnet.id, "SecurityGroupIds": ids}
            for one in ids:
                find_group(backend, one)
            root = {
                "BlockDeviceMappings": [
                    {
                        "DeviceName": image.root_device_name or "/dev/xvda",
                        "Ebs": {"VolumeSize": cluster.root_size, "VolumeType": "gp3"},
                    }
                ]
            }
            tags = {**cluster.tags, FLOW_TAG: cluster.id, ROLE_TAG: group.role}
            return Launch(
                image=image,
                instance_type=group.instance_type,
                place=find_place(backend, params, group.instance_type),
                root=find_root_volume(image, root),
                count=count,
                key_pair=find_key_pair(backend, cluster.key_name) if cluster.key_name else None,
                profile=cluster.profile,
                tags={"instance": tags, "volume": dict(cluster.tags)},
                shutdown_behavior="terminate",
                metadata=metadata_options({}, image),
                keep_from_termination=cluster.protected,
                adapt=self._adapt,
            )

    def _adapt(self, spec: MachineSpec) -> MachineSpec:
        isolated = self.machines.isolation().bwrap is not None

        def perform(call: Call) -> int:
            return self._perform(spec.id, call)

        equipped = equip(spec, self._directory, perform, isolated=isolated)
        if isinstance(self.spark, Installation):
            return add_spark(equipped, self.spark)
        return equipped

    def is_up(self, members: list[Member]) -> bool:
        """Whether all run; raises OSError where one ended."""
        for one in members:
            state = one.hosted.instance.state
            if state not in (PENDING, RUNNING):
                why = one.hosted.instance.state_reason
                raise OSError(f"{one.hosted.instance.id}: {getattr(why, 'message', state)}")
        return all(one.hosted.instance.state == RUNNING for one in members)

    def note_addresses(self, members: list[Member]) -> None:
        """Keep the public addresses, and the port of SSH where it is not 22, of running ones."""
        with lock("ec2"):
            for one in members:
                one.public_ip = str(one.hosted.instance.public_ip or "")
                if one.group.role == MASTER:
                    instance = one.hosted.instance
                    port = instance.ec2_backend.tags[instance.id].get(SSH_PORT_TAG)
                    if port:
                        self._cluster.tags[SSH_PORT_TAG] = str(port)

    def node(self, member: Member) -> Node:
        """Return a member as a node of Hadoop."""
        return Node(
            id=member.hosted.instance.id,
            role=member.group.role,
            hostname=member.hostname,
            ip=member.private_ip,
            machine=member.hosted.machine,
            machines=self.machines,
        )

    def protect(self, *, on: bool) -> None:
        """Keep the instances from TerminateInstances, or no longer."""
        with lock("ec2"):
            for one in self._cluster.members:
                one.hosted.instance.disable_api_termination = on

    def terminate(self, members: list[Member]) -> None:
        """Terminate instances, and wait until they are."""
        going: list[Hosted] = []
        with lock("ec2"):
            for one in members:
                instance = one.hosted.instance
                if instance.state not in (SHUTTING_DOWN, TERMINATED):
                    set_state(instance, SHUTTING_DOWN, BY_USER, f"{self.now:{UTC_STAMP}}")
                    going.append(one.hosted)
        self.fleet.close_doors(going)
        for hosted in going:
            hosted.is_expected_down = True
            self.fleet.begin(self.fleet.terminate, hosted)
        while any(one.hosted.instance.state != TERMINATED for one in members):
            time.sleep(PAUSE)


def _image(backend: Any, major: int, architecture: str) -> Any:
    """Return the Amazon Linux image that a release is built on."""
    start = releases.AMAZON_LINUX[major]
    found: Mapping[str, Any] = backend.amis
    fit = [
        one
        for one in tuple(found.values())
        if one.name.startswith(start) and one.architecture == architecture
    ]
    return max(fit, key=lambda one: one.name)
