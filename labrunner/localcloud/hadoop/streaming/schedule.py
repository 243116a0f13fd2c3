"""Gives work to nodes: to one that has the data, if it can be had soon."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from labrunner.localcloud.hadoop.errors import CancelledError
from labrunner.localcloud.hadoop.nodes import Node

SLOTS = 2  # containers at a time on a node
# How long work waits for a node with its data before another may have it, as YARN's
# node-locality-delay does.
PATIENCE = 1.0
PAUSE = 0.05


@dataclass(eq=False)
class Work:
    """Something to be done, on which hosts best, and how often it was tried."""

    number: int
    hosts: tuple[str, ...] = ()
    tries: int = 0
    began_waiting: float = field(default_factory=time.monotonic)
    failed_on: set[Node] = field(default_factory=set)


# Does the work on a node; false when it is to be tried again. Raises what ends all.
Attempt = Callable[[Work, Node], bool]


class Schedule:
    """Runs works on nodes, some at a time, until all are done or one ends all."""

    def __init__(
        self, nodes: Sequence[Node], works: Sequence[Work], cancelled: threading.Event
    ) -> None:
        self._nodes = nodes
        self._waiting = list(works)
        self._left = len(works)
        self._cancelled = cancelled
        self._changed = threading.Condition()
        self._error: BaseException | None = None

    def run(self, attempt: Attempt) -> None:
        """Do all; raises what an attempt raised, or CancelledError."""
        threads = [
            threading.Thread(target=self._serve, args=(node, attempt), daemon=True)
            for node in self._nodes
            for _ in range(SLOTS)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if self._cancelled.is_set():
            raise CancelledError
        if self._error is not None:
            raise self._error
        if self._left:
            raise OSError("no node of the cluster is running")

    def _serve(self, node: Node, attempt: Attempt) -> None:
        try:
            while node.is_up:
                work = self._take(node)
                if work is None:
                    return
                self._note(work, node, done=attempt(work, node))
        except BaseException as error:  # noqa: BLE001 - raised by `run`, in the caller's thread
            self._end(error)

    def _note(self, work: Work, node: Node, *, done: bool) -> None:
        with self._changed:
            if done:
                self._left -= 1
            else:
                work.failed_on.add(node)
                work.began_waiting = time.monotonic()
                self._waiting.append(work)
            self._changed.notify_all()

    def _end(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def _take(self, node: Node) -> Work | None:
        with self._changed:
            while self._left and self._error is None and not self._cancelled.is_set():
                found = self._choose(node)
                if found is not None:
                    self._waiting.remove(found)
                    return found
                self._changed.wait(PAUSE)
            return None

    def _choose(self, node: Node) -> Work | None:
        """Return work for a node: what it has the data of, or what waited too long for others."""
        up = {one.hostname for one in self._nodes if one.is_up}
        others = [one for one in self._nodes if one.is_up and one is not node]
        fit = [w for w in self._waiting if node not in w.failed_on or not set(others) - w.failed_on]
        for work in fit:
            if node.hostname in work.hosts:
                return work
        now = time.monotonic()
        for work in fit:
            if not set(work.hosts) & up or now - work.began_waiting > PATIENCE:
                return work
        return None


def locality(work: Work, node: Node) -> str:
    """Return how near the data was: all nodes are in one rack."""
    return "data-local" if node.hostname in work.hosts else "rack-local"
