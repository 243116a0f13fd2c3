"""Bootstrap actions: scripts that each instance runs before it joins the cluster."""

import contextlib
from pathlib import PurePosixPath

from labrunner.localcloud.hadoop.cluster import Cluster as HadoopCluster
from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.filestatus import copy
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.services.emr.logs import BOOTSTRAP, Logs
from labrunner.localcloud.services.emr.model import CORE, MASTER, BootstrapAction, Member

ARTICLES = {MASTER: "master", CORE: "core", "TASK": "task"}


class BootstrapError(Exception):
    """An action failed: on which instance, and how."""


class Bootstrap:
    """Runs actions on the instances of one cluster, and keeps their logs."""

    def __init__(self, hadoop: HadoopCluster, logs: Logs) -> None:
        self._hadoop = hadoop
        self._logs = logs

    def run(self, member: Member, number: int, action: BootstrapAction) -> None:
        """Run an action on an instance; raises BootstrapError."""
        node = next(one for one in self._hadoop.nodes if one.id == member.hosted.instance.id)
        folder = f"{BOOTSTRAP}/{number}"
        who = (
            f"On the {ARTICLES[member.group.role]} instance ({node.id}), bootstrap action {number}"
        )
        try:
            argv = [self._fetch(node, number, action.path), *action.arguments]
        except HadoopError as error:
            text = f"{who} could not be fetched from {action.path}: {error.message}"
            raise BootstrapError(text) from None
        code = self._run_logged(node, argv, folder)
        files = [f"{folder}/{name}" for name in ("controller", "stderr", "stdout")]
        self._logs.push(node, files, f"node/{node.id}/bootstrap-actions/{number}")
        if code:
            text = f"{who} returned a non-zero return code"
            raise BootstrapError(text)

    def _fetch(self, node: Node, number: int, path: str) -> str:
        files = self._hadoop.file_systems(node)
        address = files.address(path, "file")
        if address.scheme == "file":
            return node.place(f"/{address.path}")
        name = PurePosixPath(address.path).name
        target = node.place(f"/mnt/var/lib/bootstrap-actions/{number}/{name}")
        with files.of(address).open(address) as source, node.create(target, 0o755) as out:
            copy(source, out)
        return target

    def _run_logged(self, node: Node, argv: list[str], folder: str) -> int:
        with contextlib.ExitStack() as stack:
            logs = {
                name: stack.enter_context(node.create(node.place(f"{folder}/{name}")))
                for name in ("controller", "stdout", "stderr")
            }
            logs["controller"].write(f"INFO startExec '{' '.join(argv)}'\n".encode())

            def take(name: str, data: bytes) -> None:
                logs[name].write(data)

            try:
                done = node.wait(node.machine.run(argv, user="hadoop", on_output=take), None)
                code = done.code
            except OSError as error:
                logs["stderr"].write(f"{argv[0]}: {error.strerror}\n".encode())
                code = 127
            logs["controller"].write(f"INFO the script ended with exitCode {code}\n".encode())
            return code
