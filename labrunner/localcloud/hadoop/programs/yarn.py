"""`yarn application -list`, `yarn node -list` and `yarn logs -applicationId`."""

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import not_here
from labrunner.localcloud.hadoop.filestatus import CHUNK
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.hadoop.programs import hadoop


def run(cluster: Cluster, node: Node, call: Call) -> int:
    """Run one of its commands."""
    arguments = list(call.argv[1:])
    if arguments[:1] == ["jar"]:
        return hadoop.run(cluster, node, call)
    if arguments[:2] in (["application", "-list"], ["app", "-list"]):
        return _applications(cluster, call, arguments[2:])
    if arguments == ["node", "-list"]:
        return _nodes(cluster, call)
    if arguments[:2] == ["logs", "-applicationId"] and len(arguments) == 3:  # noqa: PLR2004
        return _logs(cluster, call, arguments[2])
    raise not_here(f"yarn {' '.join(arguments)}".rstrip())


def _applications(cluster: Cluster, call: Call, options: list[str]) -> int:
    with cluster.lock:
        rows = [(one, "", "RUNNING", "UNDEFINED") for one in sorted(cluster.active)]
        if options[:1] == ["-appStates"]:
            wanted = {one.strip().upper() for one in ",".join(options[1:]).split(",")}
            rows += [(one, name, "FINISHED", end) for one, name, end in cluster.finished]
            rows = [row for row in rows if "ALL" in wanted or row[2] in wanted]
    call.out(f"Total number of applications: {len(rows)}\n")
    call.out("                Application-Id\t    Application-Name\t             State\t")
    call.out("       Final-State\n")
    for one, name, state, end in rows:
        call.out(f"{one:>30}\t{name:>20}\t{state:>18}\t{end:>18}\n")
    return 0


def _nodes(cluster: Cluster, call: Call) -> int:
    nodes = [one for one in cluster.workers() if one.is_up]
    call.out(f"Total Nodes:{len(nodes)}\n")
    call.out(f"{'Node-Id':>50}\t{'Node-State':>15}\n")
    for one in nodes:
        call.out(f"{one.hostname + ':8041':>50}\t{'RUNNING':>15}\n")
    return 0


def _logs(cluster: Cluster, call: Call, application: str) -> int:
    """Print what the programs of an application complained of."""
    with cluster.lock:
        known = {one for one, _, _ in cluster.finished} | cluster.active
        found = [one for one in cluster.container_logs if one[0] == application]
    if application not in known:
        call.err(f"Unable to get ApplicationState for {application}: it does not exist.\n")
        return 255
    for _, node, path in found:
        container, name = path.split("/")[-2:]
        call.out(f"Container: {container} on {node.hostname}_8041\nLogType:{name}\n")
        if not node.is_up:
            call.out("The node is down.\n")
            continue
        with node.open(node.place(path)) as stream:
            while data := stream.read(CHUNK):
                call.out(data)
        call.out(f"End of LogType:{name}\n\n")
    return 0
