"""The life of one cluster, in a thread of its own."""

import shutil
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster as HadoopCluster
from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.hadoop.programs import perform
from labrunner.localcloud.hadoop.storages import TimedS3Storage
from labrunner.localcloud.moto_bridge import lock
from labrunner.localcloud.principals import role_session
from labrunner.localcloud.services.ec2.fleet import Fleet
from labrunner.localcloud.services.ec2.instance import SHUTTING_DOWN
from labrunner.localcloud.services.ec2.instance import TERMINATED as GONE
from labrunner.localcloud.services.emr import groups, roles
from labrunner.localcloud.services.emr.bootstrap import Bootstrap, BootstrapError
from labrunner.localcloud.services.emr.execution import Execution
from labrunner.localcloud.services.emr.logs import Logs
from labrunner.localcloud.services.emr.model import (
    BOOTSTRAPPING,
    CANCELLED,
    COMPLETED,
    FAILED,
    INTERRUPTED,
    MASTER,
    PENDING,
    RUNNING,
    TERMINATED,
    TERMINATING,
    WAITING,
    WITH_ERRORS,
    Cluster,
    Failure,
    Group,
    Member,
    Step,
    settings_of,
)
from labrunner.localcloud.services.emr.provision import Provisioner

if TYPE_CHECKING:
    from labrunner.localcloud.services.emr.clusters import Clusters

# Quick, but to be seen by who looks a few times a second.
SHORTEST = 0.3
POLL = 0.2
PAUSE = 0.02


class EndError(Exception):
    """The cluster is to end: in which state, with which code and message."""

    def __init__(self, state: str, code: str, message: str) -> None:
        super().__init__(message)
        self.state, self.code, self.message = state, code, message


class ClosingError(Exception):
    """The whole cloud is ending."""


class Controller:
    """Starts a cluster, runs its steps, and ends it; `run` is the whole of it."""

    def __init__(self, cloud: Cloud, clusters: "Clusters", cluster: Cluster) -> None:
        self._cloud = cloud
        self._clusters = clusters
        self._cluster = cluster
        self._directory: Path = cloud.settings.directory / "emr" / cluster.id
        self._provisioner = Provisioner(cloud, cluster, self._perform, self._directory)
        self._running: dict[Step, Execution] = {}
        self._logs: Logs | None = None
        self._pushed: set[tuple[str, Node, str]] = set()

    @property
    def _hadoop(self) -> HadoopCluster:
        assert self._cluster.hadoop is not None
        return self._cluster.hadoop

    def run(self) -> None:
        """Live, until the cluster or the cloud ends."""
        try:
            try:
                self._start()
                self._bootstrap(self._cluster.members)
                began = time.monotonic()
                self._set(RUNNING, "", "Running step")
                self._begin_steps()
                self._pause(began)
                self._serve()
            except EndError as end:
                self._end(end)
            except (AwsError, HadoopError) as error:
                self._end(EndError(WITH_ERRORS, "INTERNAL_ERROR", error.message))
            except ClosingError:
                return
            except Exception as error:  # noqa: BLE001 - a cluster must end, whatever broke
                if self._clusters.closing.is_set():
                    return
                message = str(error) or type(error).__name__
                self._end(EndError(WITH_ERRORS, "INTERNAL_ERROR", message))
        except ClosingError:
            return

    def _check(self) -> None:
        """Raise what ends the cluster, if something does."""
        if self._clusters.closing.is_set():
            raise ClosingError
        if self._cluster.end is not None:
            raise EndError(*self._cluster.end)

    def _set(self, state: str, code: str = "", message: str = "") -> None:
        cluster = self._cluster
        with cluster.changed:
            if cluster.status.state == state and cluster.status.message == message:
                return
            cluster.status.state = state
            cluster.status.code, cluster.status.message = code, message
            cluster.changed.notify_all()

    def _pause(self, since: float) -> None:
        """Stay in a state long enough to be seen."""
        while time.monotonic() - since < SHORTEST:
            self._check()
            time.sleep(PAUSE)

    # ---- the start

    def _start(self) -> None:
        began = time.monotonic()
        cluster = self._cluster
        why = roles.trouble(self._cloud, cluster.service_role, cluster.role)
        if why is not None:
            raise EndError(WITH_ERRORS, "VALIDATION_ERROR", why)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock("ec2"):
            backend = self._cloud.state(Fleet).of(self._cloud).backend(cluster.region)
            cluster.security_groups = groups.manage(
                backend, cluster.security_groups, cluster.subnet.vpc_id
            )
            access = self._clusters.access(cluster.region)
            ids = cluster.security_groups.values()
            public = groups.public_port(backend, ids, access.permitted)
        if public and access.is_blocking:
            text = (
                f"Cluster launch was blocked by the block public access configuration of Amazon "
                f"EMR: the security group {public} allows access from anywhere"
            )
            raise EndError(WITH_ERRORS, "VALIDATION_ERROR", text)
        for group in cluster.groups:
            self._check()
            try:
                self._provisioner.launch(group, group.requested)
            except AwsError as error:
                raise EndError(WITH_ERRORS, "VALIDATION_ERROR", error.message) from None
        self._wait_running(cluster.members)
        self._make_hadoop()
        self._pause(began)

    def _wait_running(self, members: list[Member]) -> None:
        try:
            while not self._provisioner.is_up(members):
                self._check()
                time.sleep(PAUSE)
        except OSError as error:
            raise EndError(WITH_ERRORS, "INSTANCE_FAILURE", str(error)) from None
        self._provisioner.note_addresses(members)

    def _make_hadoop(self) -> None:
        cluster, cloud = self._cluster, self._cloud
        nodes = [self._provisioner.node(one) for one in cluster.members]
        # The name of a session is that of the instance, as for what the metadata service gives.
        principal = role_session(cloud, cluster.role, nodes[0].id, None)
        storage = TimedS3Storage(cloud, principal, cluster.region)
        cluster.hadoop = HadoopCluster(
            id=cluster.id,
            nodes=nodes,
            directory=self._directory / "work",
            now=cloud.now,
            storage=lambda: storage,
            settings=settings_of(cluster.configurations),
            applications=frozenset(cluster.applications),
            installation=self._provisioner.spark,
        )
        self._logs = Logs(storage, cluster.log_uri, cluster.id, self._directory)

    def _perform(self, instance_id: str, call: Call) -> int:
        """Do what a program on a machine asks for."""
        hadoop = self._cluster.hadoop
        node = None
        if hadoop is not None:
            node = next((one for one in hadoop.nodes if one.id == instance_id), None)
        if hadoop is None or node is None:
            call.err(f"{call.argv[0]}: the cluster is not ready yet\n")
            return 1
        return perform(hadoop, node, call)

    # ---- bootstrap actions

    def _bootstrap(self, members: list[Member]) -> None:
        began = time.monotonic()
        now = self._cloud.now()
        for one in members:
            one.status.state = BOOTSTRAPPING
        if self._cluster.status.ready is None:
            self._set(BOOTSTRAPPING, "", "Running bootstrap actions")
        assert self._logs is not None
        bootstrap = Bootstrap(self._hadoop, self._logs)
        for number, action in enumerate(self._cluster.bootstrap, 1):
            for member in members:
                self._check()
                try:
                    bootstrap.run(member, number, action)
                except BootstrapError as error:
                    end = EndError(WITH_ERRORS, "BOOTSTRAP_FAILURE", str(error))
                    raise end from None
        self._pause(began)
        now = self._cloud.now()
        with self._cluster.changed:
            for one in members:
                one.status.state, one.status.ready = RUNNING, now
            for group in {one.group for one in members}:
                group.status.state = RUNNING
                group.status.ready = group.status.ready or now
            self._cluster.status.ready = self._cluster.status.ready or now

    # ---- steps

    def _serve(self) -> None:
        """Run steps as they come, until the cluster is to end."""
        cluster = self._cluster
        while True:
            self._check()
            self._look_after_instances()
            for step, execution in tuple(self._running.items()):
                if step.cancelled.is_set():
                    execution.cancel()
            with cluster.changed:
                self._begin_steps()
                is_idle = not self._running and not any(
                    one.status.state == PENDING for one in cluster.steps
                )
            if is_idle:
                self._be_idle()
            else:
                cluster.idle_since = None
                self._set(RUNNING, "", "Running step")
            with cluster.changed:
                waiting = any(one.status.state == PENDING for one in cluster.steps)
                can_begin = waiting and len(self._running) < cluster.concurrency
                if not can_begin and cluster.end is None:
                    cluster.changed.wait(POLL)

    def _begin_steps(self) -> None:
        cluster = self._cluster
        for step in cluster.steps:
            if step.status.state != PENDING or len(self._running) >= cluster.concurrency:
                continue
            assert self._logs is not None
            execution = Execution(self._hadoop, step, self._logs.address)
            self._running[step] = execution
            step.status.state, step.status.ready = RUNNING, self._cloud.now()
            self._clusters.begin(lambda step=step, one=execution: self._run_step(step, one))

    def _run_step(self, step: Step, execution: Execution) -> None:
        began = time.monotonic()
        failure: Failure | None
        try:
            failure = execution.run()
            while time.monotonic() - began < SHORTEST and not step.cancelled.is_set():
                time.sleep(PAUSE)
            assert self._logs is not None
            self._logs.push(self._hadoop.primary, execution.log_files, f"steps/{step.id}")
            self._push_container_logs()
        except Exception as error:  # noqa: BLE001 - a step fails, whatever went wrong with it
            message = str(error) or type(error).__name__
            failure = Failure("Unknown Error.", message)
        if self._clusters.closing.is_set():
            return
        self._note_end(step, failure)

    def _push_container_logs(self) -> None:
        """Store what the programs of MapReduce wrote to their standard error."""
        assert self._logs is not None
        with self._hadoop.lock:
            found = [one for one in self._hadoop.container_logs if one not in self._pushed]
            self._pushed.update(found)
        for application, node, path in found:
            if node.is_up:
                container = PurePosixPath(path).parent.name
                self._logs.push(node, [path], f"containers/{application}/{container}")

    def _note_end(self, step: Step, failure: Failure | None) -> None:
        cluster = self._cluster
        with cluster.changed:
            self._running.pop(step, None)
            step.status.ended = self._cloud.now()
            if step.cancelled.is_set():
                step.status.state = CANCELLED
                ended = cluster.end is not None
                step.status.message = "" if ended else "Step was cancelled by user."
                if ended:
                    step.status.state = INTERRUPTED
            elif failure is None:
                step.status.state = COMPLETED
            else:
                step.status.state, step.failure = FAILED, failure
                self._act_on_failure(step)
            cluster.changed.notify_all()

    def _act_on_failure(self, step: Step) -> None:
        cluster = self._cluster
        if cluster.concurrency > 1 or step.action == "CONTINUE":
            return
        for other in cluster.steps:
            if other.status.state == PENDING:
                other.status.state, other.status.ended = CANCELLED, self._cloud.now()
                other.status.message = "Job terminated"
        if step.action != "CANCEL_AND_WAIT":
            cluster.end = (WITH_ERRORS, "STEP_FAILURE", "Shut down as step failed")

    def _be_idle(self) -> None:
        cluster = self._cluster
        if not cluster.keep_alive:
            message = "Steps completed"
            failed = any(one.status.state == FAILED for one in cluster.steps)
            message = "Steps completed with errors" if failed else message
            raise EndError(TERMINATED, "ALL_STEPS_COMPLETED", message)
        last = max(
            (one for one in cluster.steps if one.status.ended and one.status.ready),
            key=lambda one: one.status.ended or one.status.created,
            default=None,
        )
        words = {
            COMPLETED: "Cluster ready after last step completed.",
            FAILED: "Cluster ready after last step failed.",
            CANCELLED: "Cluster ready after last step cancelled.",
        }
        now = self._cloud.now()
        # Somebody who uses it by SSH keeps it busy.
        is_used = bool(self._hadoop.active)
        cluster.idle_since = None if is_used else cluster.idle_since or now
        ready = "Cluster ready to run steps."
        self._set(WAITING, "", words.get(last.status.state, ready) if last else ready)
        if cluster.idle_since is None:
            return
        timeout = cluster.idle_timeout
        if timeout is not None and (now - cluster.idle_since).total_seconds() >= timeout:
            if cluster.protected:
                return
            text = f"Auto-terminated after the cluster was idle for {timeout} seconds"
            raise EndError(TERMINATED, "USER_REQUEST", text)

    def _look_after_instances(self) -> None:
        """Notice instances that ended, and add or take away what a resize asks for."""
        cluster = self._cluster
        for member in tuple(cluster.members):
            state = member.hosted.instance.state
            if state not in (SHUTTING_DOWN, GONE) or member.status.state == TERMINATED:
                continue
            with cluster.changed:
                member.status.state, member.status.ended = TERMINATED, self._cloud.now()
                member.status.code = "INSTANCE_FAILURE"
                member.status.message = "Instance was terminated."
            if member.group.role == MASTER:
                text = f"The master node ({member.hosted.instance.id}) was terminated."
                raise EndError(WITH_ERRORS, "INSTANCE_FAILURE", text)
        for group in cluster.groups:
            if group.status.state == "RESIZING":
                self._resize(group)

    def _resize(self, group: Group) -> None:
        members = self._cluster.members_of(group)
        lacking = group.requested - len(members)
        if lacking > 0:
            added = self._provisioner.launch(group, lacking)
            self._wait_running(added)
            self._hadoop.nodes += [self._provisioner.node(one) for one in added]
            self._bootstrap(added)
        elif lacking < 0:
            self._leave(members[lacking:])
        with self._cluster.changed:
            group.status.state = RUNNING

    def _leave(self, members: list[Member]) -> None:
        """Take instances out, after the blocks of their HDFS were copied to others."""
        ids = {one.hosted.instance.id for one in members}
        going = [one for one in self._hadoop.nodes if one.id in ids]
        self._hadoop.nodes = [one for one in self._hadoop.nodes if one.id not in ids]
        self._hadoop.namenode.decommission(going)
        self._provisioner.terminate(members)
        with self._cluster.changed:
            for one in members:
                one.status.state, one.status.ended = TERMINATED, self._cloud.now()

    # ---- the end

    def _end(self, end: EndError) -> None:
        began = time.monotonic()
        cluster = self._cluster
        with cluster.changed:
            cluster.end = (end.state, end.code, end.message)
            for step in cluster.steps:
                if step.status.state == PENDING:
                    step.status.state, step.status.ended = CANCELLED, self._cloud.now()
                    step.status.message = "Job terminated"
            running = tuple(self._running.values())
        self._set(TERMINATING, end.code, end.message)
        for execution in running:
            execution.cancel()
        while self._running and not self._clusters.closing.is_set():
            time.sleep(PAUSE)
        self._provisioner.terminate(
            [one for one in cluster.members if one.status.state != TERMINATED]
        )
        while time.monotonic() - began < SHORTEST and not self._clusters.closing.is_set():
            time.sleep(PAUSE)
        shutil.rmtree(self._directory, ignore_errors=True)
        now = self._cloud.now()
        with cluster.changed:
            for member in cluster.members:
                if member.status.state != TERMINATED:
                    member.status.state, member.status.ended = TERMINATED, now
                    member.status.code = "CLUSTER_TERMINATED"
                    member.status.message = "Job flow terminated"
            for group in cluster.groups:
                group.status.state, group.status.ended = TERMINATED, now
                group.status.code = "CLUSTER_TERMINATED"
                group.status.message = "Job flow terminated"
            cluster.hadoop = None
            cluster.status.state, cluster.status.ended = end.state, now
            cluster.status.code, cluster.status.message = end.code, end.message
            cluster.changed.notify_all()
