"""`hadoop-streaming`, `hadoop jar hadoop-streaming.jar`, `mapred streaming`."""

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import HadoopError, UsageError
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.hadoop.streaming.job import Job
from labrunner.localcloud.hadoop.streaming.options import read


def run(cluster: Cluster, node: Node, call: Call) -> int:
    """`hadoop-streaming`."""
    return stream(cluster, node, call, list(call.argv[1:]))


def stream(cluster: Cluster, node: Node, call: Call, arguments: list[str]) -> int:
    """Run a streaming job and return 0, or 1 where it failed."""
    try:
        options = read(arguments, cluster.settings.get("mapred-site", {}))
    except UsageError as error:
        call.err(f"ERROR streaming.StreamJob: {error}\n")
        call.err("Try -help for more information\nStreaming Command Failed!\n")
        return 1
    job = Job(cluster, node, call, options)
    try:
        succeeded = job.run()
    except HadoopError as error:
        job.log(f"ERROR streaming.StreamJob: Error Launching job : {error.message}")
        call.err(f"{error}\nStreaming Command Failed!\n")
        return 1
    if not succeeded:
        call.err("Streaming Command Failed!\n")
    return 0 if succeeded else 1
