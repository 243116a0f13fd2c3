"""`hdfs fsck`: which blocks make which files, and on which nodes they are."""

from dataclasses import dataclass, field
from datetime import datetime

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import UsageError
from labrunner.localcloud.hadoop.hdfs.blocks import Block, Datanode
from labrunner.localcloud.hadoop.hdfs.namenode import Directory, File

OPTIONS = ("-files", "-blocks", "-locations", "-racks")
STAMP = "%a %b %d %H:%M:%S UTC %Y"


@dataclass
class Totals:
    """What a check found."""

    directories: int = 0
    files: int = 0
    size: int = 0
    blocks: int = 0
    replicas: int = 0
    wanted: int = 0
    whole: int = 0  # blocks with at least one replica
    over: int = 0
    under: int = 0
    corrupt: int = 0
    missing: list[str] = field(default_factory=list)


def run(cluster: Cluster, call: Call, arguments: list[str]) -> int:
    """Run the command; the status is 1 where a file cannot be read any more."""
    paths = [one for one in arguments if not one.startswith("-")]
    options = {one for one in arguments if one.startswith("-")}
    if options - set(OPTIONS) or len(paths) > 1:
        raise UsageError(f"Usage: hdfs fsck <path> [{'] ['.join(OPTIONS)}]")
    path = paths[0] if paths else "/"
    began = cluster.now()
    asked = "".join(f"{one[1:]}=1&" for one in OPTIONS if one in options)
    quoted = path.replace("/", "%2F")
    call.err(
        f"Connecting to namenode via http://{cluster.primary.hostname}:9870/fsck?ugi=hadoop&"
        f"{asked}path={quoted}\n"
    )
    call.out(
        f"FSCK started by hadoop (auth:SIMPLE) from /{cluster.primary.ip} for path {path} at "
        f"{began:{STAMP}}\n\n"
    )
    if cluster.namenode.find(path) is None:
        call.out(f"FileSystem is inaccessible due to:\njava.io.FileNotFoundException: {path}\n")
        return 255
    found = Totals()
    for name, entry in cluster.namenode.walk(path):
        call.check()
        if isinstance(entry, Directory):
            found.directories += 1
            if "-files" in options:
                call.out(f"{name} <dir>\n")
        else:
            _file(call, name, entry, options, found)
    _summary(cluster, call, found, began)
    state = "CORRUPT" if found.missing else "HEALTHY"
    call.out(f"\n\nThe filesystem under path '{path}' is {state}\n")
    return 1 if found.missing else 0


def _file(call: Call, name: str, file: File, options: set[str], found: Totals) -> None:
    live = [(block, block.live()) for block in file.blocks]
    found.files += 1
    found.size += file.size
    lost = [block for block, nodes in live if not nodes]
    under = [(block, nodes) for block, nodes in live if 0 < len(nodes) < file.replication]
    for _, nodes in live:
        found.blocks += 1
        found.replicas += len(nodes)
        found.wanted += file.replication
        found.whole += bool(nodes)
        found.over += len(nodes) > file.replication
    found.corrupt += sum(not nodes and bool(block.corrupt) for block, nodes in live)
    found.under += len(under)
    if lost:
        found.missing.append(name)
    if "-files" in options:
        count = f"{len(file.blocks)} block(s):"
        call.out(f"{name} {file.size} bytes, replicated: replication={file.replication}, {count} ")
        if not lost and not under:
            call.out(" OK\n")
    if under and "-files" in options:
        call.out("\n")
    for block, nodes in under:
        call.out(
            f"{name}:  Under replicated {block.name}. Target Replicas is {file.replication} but "
            f"found {len(nodes)} live replica(s), 0 decommissioned replica(s), 0 decommissioning "
            "replica(s).\n"
        )
    for block in lost:
        call.out(f"{name}: MISSING 1 blocks of total size {block.size} B: {block.name}\n")
    if "-blocks" in options or "-locations" in options or "-racks" in options:
        _blocks(call, live, options)


def _blocks(call: Call, live: list[tuple[Block, list[Datanode]]], options: set[str]) -> None:
    for number, (block, nodes) in enumerate(live):
        replicas = f"Live_repl={len(nodes)}" if nodes else "MISSING!"
        where = ""
        if options & {"-locations", "-racks"} and nodes:
            where = f"  [{', '.join(_place(node, options) for node in nodes)}]"
        call.out(f"{number}. {block.name} len={block.size} {replicas}{where}\n")
    call.out("\n")


def _place(node: Datanode, options: set[str]) -> str:
    if "-racks" in options:
        return f"/default-rack/{node.ip}:9866"
    return f"DatanodeInfoWithStorage[{node.ip}:9866,DS-{node.id},DISK]"


def _summary(cluster: Cluster, call: Call, found: Totals, began: datetime) -> None:
    def share(count: int) -> str:
        return f"{count} ({100 * count / found.blocks if found.blocks else 0:.1f} %)"

    average = f" (avg. block size {found.size // found.blocks} B)" if found.blocks else ""
    replicas = found.replicas / found.blocks if found.blocks else 0.0
    nodes = [node for node in cluster.data_nodes() if node.is_up]
    lacking = max(found.wanted - found.replicas, 0)
    took = int((cluster.now() - began).total_seconds() * 1000)
    call.out(
        f"\nStatus: {'CORRUPT' if found.missing else 'HEALTHY'}\n"
        f" Number of data-nodes:\t{len(nodes)}\n"
        f" Number of racks:\t\t{1 if nodes else 0}\n"
        f" Total dirs:\t\t\t{found.directories}\n"
        f" Total symlinks:\t\t0\n\n"
        f"Replicated Blocks:\n"
        f" Total size:\t{found.size} B\n"
        f" Total files:\t{found.files}\n"
        f" Total blocks (validated):\t{found.blocks}{average}\n"
        f" Minimally replicated blocks:\t{share(found.whole)}\n"
        f" Over-replicated blocks:\t{share(found.over)}\n"
        f" Under-replicated blocks:\t{share(found.under)}\n"
        f" Mis-replicated blocks:\t\t{share(0)}\n"
        f" Default replication factor:\t{cluster.namenode.replication}\n"
        f" Average block replication:\t{replicas:.1f}\n"
        f" Missing blocks:\t\t{found.blocks - found.whole}\n"
        f" Corrupt blocks:\t\t{found.corrupt}\n"
        f" Missing replicas:\t\t{lacking}"
        f" ({100 * lacking / found.wanted if found.wanted else 0:.1f} %)\n"
        f"FSCK ended at {cluster.now():{STAMP}} in {took} milliseconds"
    )
