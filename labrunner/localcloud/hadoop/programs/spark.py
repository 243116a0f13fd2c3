"""`spark-submit` and `spark-sql`: Spark in local mode on the primary node."""

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from labrunner.localcloud.hadoop.applications import Application
from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import CancelledError, UsageError
from labrunner.localcloud.hadoop.nodes import Node

if TYPE_CHECKING:
    from labrunner.localcloud.spark import Application as SparkApplication
    from labrunner.localcloud.spark import Spark


def submit(cluster: Cluster, node: Node, call: Call) -> int:
    """`spark-submit`."""
    arguments = _absolute(call, list(call.argv[1:]))
    return _run(cluster, node, call, lambda spark: spark.submit(arguments))


def sql(cluster: Cluster, node: Node, call: Call) -> int:
    """`spark-sql`."""
    arguments = list(call.argv[1:])
    for place, word in enumerate(arguments[:-1]):
        if word == "-f":
            arguments[place + 1] = _from_here(call, arguments[place + 1])
    return _run(cluster, node, call, lambda spark: spark.sql(arguments))


def _absolute(call: Call, arguments: list[str]) -> list[str]:
    """Let the application be found from where the program was called."""
    from labrunner.localcloud.spark import SparkUsageError
    from labrunner.localcloud.spark.arguments import read_submit

    try:
        application = read_submit(arguments).application
    except SparkUsageError:  # which is told when it is run
        return arguments
    if not application:
        return arguments
    place = len(arguments) - len(application)
    arguments[place] = _from_here(call, arguments[place])
    return arguments


def _from_here(call: Call, path: str) -> str:
    return path if path.startswith("/") or "://" in path else f"{call.cwd}/{path}"


def _run(
    cluster: Cluster, node: Node, call: Call, make: "Callable[[Spark], SparkApplication]"
) -> int:
    from labrunner.localcloud.spark import SparkUnavailableError, SparkUsageError

    if node is not cluster.primary:
        raise UsageError("Spark runs on the primary node")
    try:
        application = make(cluster.spark())
    except (SparkUnavailableError, SparkUsageError) as error:
        raise UsageError(str(error)) from None
    call.on_cancel(application.cancel)
    with Application(cluster, "SPARK") as running, _Outputs(call) as outputs:
        code = application.run(outputs.out, outputs.err)
        running.failed = code != 0
    call.check()
    return code


class _Outputs:
    """Takes output in the machines' loop, which must not wait, and sends it from a thread."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._queue: queue.SimpleQueue[tuple[Callable[[bytes], None], bytes] | None]
        self._queue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def out(self, data: bytes) -> None:
        """Take what goes to the standard output."""
        self._queue.put((self._call.out, data))

    def err(self, data: bytes) -> None:
        """Take what goes to the standard error."""
        self._queue.put((self._call.err, data))

    def _send(self) -> None:
        while (found := self._queue.get()) is not None:
            write, data = found
            try:
                write(data)
            except CancelledError:
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()
