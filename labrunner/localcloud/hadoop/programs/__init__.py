"""The commands of a cluster's machines, by the name under which they are on the PATH."""

from collections.abc import Callable, Mapping

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import CancelledError, HadoopError, UsageError
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.hadoop.programs import distcp, hadoop, hdfs, hive, spark, streaming, yarn

# Gets the cluster, the node that it was called on, and the call; returns the exit status.
Program = Callable[[Cluster, Node, Call], int]

PROGRAMS: Mapping[str, Program] = {
    "hadoop": hadoop.run,
    "hadoop-streaming": streaming.run,
    "hdfs": hdfs.run,
    "hive": hive.run,
    "hive-script": hive.run_script,
    "mapred": hadoop.run_mapred,
    "s3-dist-cp": distcp.run,
    "spark-sql": spark.sql,
    "spark-submit": spark.submit,
    "yarn": yarn.run,
}
# What a program belongs to, where that is not Hadoop itself.
NEEDS = {"hive": "Hive", "hive-script": "Hive", "spark-sql": "Spark", "spark-submit": "Spark"}
FAILED = 1
NO_PROGRAM = 127


def perform(cluster: Cluster, node: Node, call: Call) -> int:
    """Run a program to its end and return its exit status; raises CancelledError."""
    name, *_ = call.argv
    needed = NEEDS.get(name, "Hadoop")
    if needed not in cluster.applications:
        call.err(f"{name}: command not found: the cluster has no {needed}\n")
        return NO_PROGRAM
    try:
        return PROGRAMS[name](cluster, node, call)
    except UsageError as error:
        call.err(f"{name}: {error}\n")
    except HadoopError as error:
        call.err(f'Exception in thread "main" {error}\n')
    except CancelledError:
        raise
    return FAILED
