"""`spark-submit`."""

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import not_here
from labrunner.localcloud.hadoop.nodes import Node


def run(cluster: Cluster, node: Node, call: Call) -> int:
    """Refuse: there is no Spark here."""
    del cluster, node, call
    raise not_here("Spark")
