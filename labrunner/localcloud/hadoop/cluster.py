"""A Hadoop cluster: its nodes, their file systems, and what programs find there."""

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.localcloud.hadoop.filesystems import FileSystems
from labrunner.localcloud.hadoop.hdfs.namenode import BLOCK_SIZE, Namenode
from labrunner.localcloud.hadoop.hdfsfiles import HdfsFileSystem
from labrunner.localcloud.hadoop.localfiles import LocalFileSystem
from labrunner.localcloud.hadoop.nodes import USER, Node
from labrunner.localcloud.hadoop.s3files import S3FileSystem
from labrunner.localcloud.hadoop.storages import HdfsStorage
from labrunner.localcloud.sql.hive.metastore import Metastore
from labrunner.localcloud.sql.storage import S3_SCHEMES, Address, Storage, Storages

if TYPE_CHECKING:
    from labrunner.localcloud.spark import Spark, SparkUnavailableError
    from labrunner.localcloud.spark.installation import Installation

WAREHOUSE = Address("hdfs", "", "user/hive/warehouse")
# EMR's own table of dfs.replication, by the number of core nodes.
REPLICATION = ((10, 3), (4, 2), (1, 1))
DIRECTORIES = (
    ("apps", 0o755),
    ("tmp", 0o1777),
    ("tmp/hadoop-yarn", 0o777),
    ("user", 0o755),
    ("user/hadoop", 0o777),
    ("user/hive", 0o777),
    ("user/hive/warehouse", 0o777),
    ("var", 0o777),
)
MEMORY_MIB = 512

# The properties of each classification, such as hdfs-site.
Settings = Mapping[str, Mapping[str, str]]


@dataclass(eq=False)
class Cluster:
    """A running cluster; `storage` is S3 with the permissions of the nodes' role."""

    id: str
    nodes: list[Node]  # the primary one first
    directory: Path  # of the cloud's own, for what passes through
    now: Callable[[], datetime]
    storage: Callable[[], Storage]
    settings: Settings = field(default_factory=dict)
    applications: frozenset[str] = frozenset({"Hadoop"})
    # What runs Spark on the primary node, or why nothing does.
    installation: "Installation | SparkUnavailableError | None" = None
    active: set[str] = field(default_factory=set)  # YARN's applications that run
    finished: list[tuple[str, str, str]] = field(default_factory=list)  # id, name, final state
    # Of each container that complained: the application, the node, and the file there.
    container_logs: list[tuple[str, Node, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.started = self.now()
        self.stamp = int(self.started.timestamp() * 1000)
        self._numbers = itertools.count(1)
        hdfs = self.settings.get("hdfs-site", {})
        usual = next((r for least, r in REPLICATION if len(self.data_nodes()) >= least), 1)
        self.namenode = Namenode(
            self.data_nodes,
            self.now,
            f"BP-{self.stamp % 10**9}-{self.primary.ip}-{self.stamp}",
            replication=int(hdfs.get("dfs.replication", usual)),
            block_size=int(hdfs.get("dfs.blocksize", BLOCK_SIZE)),
        )
        for path, mode in DIRECTORIES:
            self.namenode.mkdirs(path).permission = mode
        self.metastore = Metastore(WAREHOUSE)
        self._spark: Spark | None = None

    @property
    def primary(self) -> Node:
        """The node that programs are started on."""
        return self.nodes[0]

    def data_nodes(self) -> list[Node]:
        """Return the nodes with HDFS: the core ones, or the primary of a cluster of one."""
        core = [node for node in self.nodes if node.role == "CORE"]
        return core or self.nodes[:1]

    def workers(self) -> list[Node]:
        """Return the nodes where containers run."""
        found = [node for node in self.nodes if node.role in ("CORE", "TASK")]
        return found or self.nodes[:1]

    def file_systems(self, node: Node, settings: Mapping[str, str] | None = None) -> FileSystems:
        """Return what a program on a node reads and writes, with settings of its own."""
        found = settings or {}
        replication, size = found.get("dfs.replication"), found.get("dfs.blocksize")
        return FileSystems(
            HdfsFileSystem(
                self.namenode,
                replication=int(replication) if replication else None,
                block_size=int(size) if size else None,
            ),
            S3FileSystem(self.storage(), self.directory),
            LocalFileSystem(node),
        )

    def storages(self) -> Storages:
        """Return what Hive reads and writes."""
        s3 = self.storage()
        return Storages(
            {"hdfs": HdfsStorage(self.namenode), **dict.fromkeys(S3_SCHEMES, s3)}, "hdfs"
        )

    def spark(self) -> "Spark":
        """Return the Spark of the primary node; raises SparkUnavailableError."""
        from labrunner.localcloud.spark import Spark, SparkUnavailableError
        from labrunner.localcloud.spark.inside import InMachine

        if isinstance(self.installation, SparkUnavailableError):
            raise self.installation
        assert self.installation is not None
        node = self.primary
        with self.lock:
            if self._spark is None:
                host = InMachine(node.machines, node.machine, self.installation, USER)
                storages = {"hdfs": HdfsStorage(self.namenode), "s3": self.storage()}
                self._spark = Spark(self.directory / "spark", storages, host)
            return self._spark

    def new_application(self) -> int:
        """Return the number of the next application."""
        with self.lock:
            return next(self._numbers)
