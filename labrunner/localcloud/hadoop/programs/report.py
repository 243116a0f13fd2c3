"""`hdfs dfsadmin -report`: the data nodes, and what their disks have."""

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import not_here
from labrunner.localcloud.hadoop.hdfs.namenode import File
from labrunner.localcloud.hadoop.nodes import Node


def run(cluster: Cluster, call: Call, arguments: list[str]) -> int:
    """Run the command."""
    if arguments == ["-safemode", "get"]:
        call.out("Safe mode is OFF\n")
        return 0
    if arguments[:1] != ["-report"]:
        raise not_here(f"hdfs dfsadmin {' '.join(arguments)}".rstrip())
    nodes = cluster.data_nodes()
    live = [node for node in nodes if node.is_up]
    used = {node: _used(cluster, node) for node in nodes}
    sizes = [capacity(node) for node in live]
    total, _, free = (sum(one) for one in zip(*sizes, strict=True)) if sizes else (0, 0, 0)
    blocks = [b for _, f in cluster.namenode.walk("/") if isinstance(f, File) for b in f.blocks]
    files = [f for _, f in cluster.namenode.walk("/") if isinstance(f, File)]
    under = sum(0 < len(b.live()) < f.replication for f in files for b in f.blocks)
    missing = sum(not b.live() for b in blocks)
    corrupt = sum(bool(b.corrupt) for b in blocks)
    call.out(_amounts(total, sum(used.values()), free))
    call.out(
        f"Replicated Blocks:\n\tUnder replicated blocks: {under}\n"
        f"\tBlocks with corrupt replicas: {corrupt}\n\tMissing blocks: {missing}\n\n"
    )
    call.out("-" * 49 + f"\nLive datanodes ({len(live)}):\n\n")
    for node, (size, _, left) in zip(live, sizes, strict=True):
        call.out(_name(node) + "Decommission Status : Normal\n")
        call.out(_amounts(size, used[node], left) + "\n")
    dead = [node for node in nodes if not node.is_up]
    if dead:
        call.out(f"Dead datanodes ({len(dead)}):\n\n")
        call.out("".join(_name(node) + "\n" for node in dead))
    return 0


def capacity(node: Node) -> tuple[int, int, int]:
    """Return the bytes of a node's disk: all, in use by whatever, and free."""
    found = node.wait(node.files.statvfs(node.place("/mnt")))
    size, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    return size, size - free, free


def _used(cluster: Cluster, node: Node) -> int:
    return sum(
        block.size
        for _, entry in cluster.namenode.walk("/")
        if isinstance(entry, File)
        for block in entry.blocks
        if node in block.nodes
    )


def _name(node: Node) -> str:
    return f"Name: {node.ip}:9866 ({node.hostname})\nHostname: {node.hostname}\n"


def _amounts(size: int, used: int, free: int) -> str:
    def amount(value: int) -> str:
        return f"{value} ({value / 1024**3:.2f} GB)"

    return (
        f"Configured Capacity: {amount(size)}\n"
        f"DFS Remaining: {amount(free)}\n"
        f"DFS Used: {amount(used)}\n"
        f"DFS Used%: {100 * used / max(size, 1):.2f}%\n"
    )
