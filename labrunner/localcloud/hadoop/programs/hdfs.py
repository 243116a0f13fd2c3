"""`hdfs`: `dfs`, `fsck`, `dfsadmin` and `getconf`."""

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import not_here
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.hadoop.programs import fsck, report, shell

USAGE = "Usage: hdfs dfs|fsck|dfsadmin|getconf ...\n"


def run(cluster: Cluster, node: Node, call: Call) -> int:
    """Run one of its commands."""
    if len(call.argv) == 1:
        call.err(USAGE)
        return 1
    command, *arguments = call.argv[1:]
    if command == "dfs":
        return shell.run(cluster, node, call, arguments)
    if command == "fsck":
        return fsck.run(cluster, call, arguments)
    if command == "dfsadmin":
        return report.run(cluster, call, arguments)
    if command == "getconf" and arguments[:1] == ["-confKey"] and len(arguments) > 1:
        return _getconf(cluster, call, arguments[1])
    if command == "version":
        return version(call)
    raise not_here(f"hdfs {' '.join(call.argv[1:])}")


def _getconf(cluster: Cluster, call: Call, key: str) -> int:
    known = {
        "dfs.blocksize": str(cluster.namenode.block_size),
        "dfs.replication": str(cluster.namenode.replication),
        "fs.defaultFS": f"hdfs://{cluster.primary.hostname}:8020",
    }
    for properties in cluster.settings.values():
        known = {**properties, **known}
    if key not in known:
        call.err(f"Configuration {key} is missing.\n")
        return 255
    call.out(f"{known[key]}\n")
    return 0


def version(call: Call) -> int:
    """Say what this is."""
    call.out("The local cloud's Hadoop: HDFS, YARN's placement and MapReduce streaming\n")
    return 0
