"""Brings the files of a job to the nodes that run parts of it."""

import contextlib
import threading
from pathlib import PurePosixPath

from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import NOT_FOUND, CancelledError, HadoopError
from labrunner.localcloud.hadoop.filestatus import copy, shown
from labrunner.localcloud.hadoop.filesystems import FileSystems
from labrunner.localcloud.hadoop.nodes import Node

CACHE = "/mnt/yarn/usercache/hadoop"


class Shipping:
    """The files of one job: `address#name` each, relative ones from the caller's directory."""

    def __init__(
        self, cluster: Cluster, files: FileSystems, sources: list[str], cwd: str, application: str
    ) -> None:
        self._cluster = cluster
        self._files = files
        self._sources = sources
        self._cwd = cwd
        self._application = application
        self._lock = threading.Lock()
        self._shipped: dict[Node, dict[str, str]] = {}
        self._ship_locks: dict[Node, threading.Lock] = {}

    def check(self) -> None:
        """Refuse files that are not there before anything runs."""
        for text in self._sources:
            address = self._files.address(text.partition("#")[0], "file", self._cwd)
            if self._files.of(address).status(address) is None:
                raise HadoopError(NOT_FOUND, f"File does not exist: {shown(address)}")

    def ship(self, node: Node) -> dict[str, str]:
        """Return the names of the job's files and where the node has them, brought there once."""
        with self._lock:
            lock = self._ship_locks.setdefault(node, threading.Lock())
        with lock:
            if node not in self._shipped:
                self._shipped[node] = dict(map(lambda text: self._bring(node, text), self._sources))
            return self._shipped[node]

    def _bring(self, node: Node, text: str) -> tuple[str, str]:
        source, _, alias = text.partition("#")
        address = self._files.address(source, "file", self._cwd)
        name = alias or PurePosixPath(address.path).name
        path = node.place(f"{CACHE}/filecache/{self._application}/{name}")
        with (
            self._files.of(address).open(address) as stream,
            node.create(path, 0o555) as out,
        ):
            copy(stream, out)
        return name, path

    def clean(self) -> None:
        for node in self._cluster.workers():
            folders = (f"{CACHE}/{kind}/{self._application}" for kind in ("appcache", "filecache"))
            with contextlib.suppress(OSError, CancelledError):
                box = node.machine.box
                env = box.environment(box.find_user("hadoop"))
                command = ["rm", "-rf", *map(node.place, folders)]
                process = node.start(command, cwd=node.place("/tmp"), env=env)  # noqa: S108
                for one in (process.stdin, process.stdout, process.stderr):
                    one.close()
                process.wait()
