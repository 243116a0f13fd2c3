"""All EMR clusters of one cloud."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.emr.errors import bad_request
from labrunner.localcloud.services.emr.model import ENDED, Cluster

CLOSE_SECONDS = 0.5
SSH = 22


@dataclass
class PublicAccess:
    """EMR's block public access of a region: whether it blocks, and which ports it lets be."""

    is_blocking: bool = True
    permitted: list[tuple[int, int]] = field(default_factory=lambda: [(SSH, SSH)])
    changed: Mapping[str, Any] = field(default_factory=dict)


class Clusters:
    """The clusters by id, and their threads; none of these outlives the cloud."""

    def __init__(self) -> None:
        self.by_id: dict[str, Cluster] = {}
        self.public_access: dict[str, PublicAccess] = {}
        self.closing = threading.Event()
        self._threads: set[threading.Thread] = set()

    def begin(self, work: Any) -> None:
        """Do something in a thread of its own."""
        self._threads = {one for one in self._threads if one.is_alive()}
        thread = threading.Thread(target=work, name="emr", daemon=True)
        self._threads.add(thread)
        thread.start()

    def access(self, region: str) -> PublicAccess:
        """Return the block public access of a region."""
        return self.public_access.setdefault(region, PublicAccess())

    def close(self) -> None:
        """End all threads; those that wait for a machine end with it."""
        self.closing.set()
        for cluster in tuple(self.by_id.values()):
            with cluster.changed:
                for step in cluster.steps:
                    step.cancelled.set()
                cluster.changed.notify_all()
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in tuple(self._threads):
            thread.join(max(deadline - time.monotonic(), 0))


def find(request: Request, name: str = "ClusterId") -> Cluster:
    """Return the cluster that a call means; raises AwsError."""
    wanted = str(request.need(name))
    found = request.cloud.state(Clusters).by_id.get(wanted)
    if found is None or found.region != request.region:
        raise bad_request(f"Cluster id '{wanted}' is not valid.")
    return found


def is_empty(cloud: Cloud) -> bool:
    """Whether no cluster lives."""
    found = tuple(cloud.state(Clusters).by_id.values())
    return all(one.status.state in ENDED for one in found)
