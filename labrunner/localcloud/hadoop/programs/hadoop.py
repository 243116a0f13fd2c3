"""`hadoop` and `mapred`."""

from pathlib import PurePosixPath

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import not_here
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.hadoop.programs import distcp, fsck, hdfs, report, shell, streaming

USAGE = "Usage: hadoop fs|jar|distcp|fsck|dfsadmin|version ...\n"


def run(cluster: Cluster, node: Node, call: Call) -> int:
    """Run one of its commands."""
    if len(call.argv) == 1:
        call.err(USAGE)
        return 1
    command, *arguments = call.argv[1:]
    if command in ("fs", "dfs"):
        return shell.run(cluster, node, call, arguments)
    if command == "jar":
        return _jar(cluster, node, call, arguments)
    if command == "fsck":
        return fsck.run(cluster, call, arguments)
    if command == "dfsadmin":
        return report.run(cluster, call, arguments)
    if command == "distcp":
        return distcp.plain(cluster, node, call, arguments)
    if command == "version":
        return hdfs.version(call)
    raise not_here(f"hadoop {command}")


def _jar(cluster: Cluster, node: Node, call: Call, arguments: list[str]) -> int:
    if not arguments:
        call.err("RunJar jarFile [mainClass] args...\n")
        return 255
    jar, *rest = arguments
    name = PurePosixPath(jar).name
    if name.startswith("hadoop-streaming"):
        return streaming.stream(cluster, node, call, rest)
    if name.startswith("s3-dist-cp"):
        return distcp.copy(cluster, node, call, rest)
    files = cluster.file_systems(node)
    if files.of(address := files.address(jar, "file", call.cwd)).status(address) is None:
        call.err(f"JAR does not exist or is not a normal file: {jar}\n")
        return 255
    raise not_here(f"The Java of {jar}: of jars, hadoop-streaming.jar and s3-dist-cp.jar; a jar")


def run_mapred(cluster: Cluster, node: Node, call: Call) -> int:
    """`mapred streaming`."""
    if call.argv[1:2] != ["streaming"]:
        raise not_here(f"mapred {' '.join(call.argv[1:])}".rstrip())
    return streaming.stream(cluster, node, call, list(call.argv[2:]))
