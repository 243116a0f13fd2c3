"""What YARN counts: the applications that run on a cluster, and how they ended."""

from typing import Self

from labrunner.localcloud.hadoop.cluster import Cluster


class Application:
    """An application, while its `with` block lasts; `failed` says how it ended."""

    def __init__(self, cluster: Cluster, name: str, number: int | None = None) -> None:
        self.failed = False
        self._cluster = cluster
        self._name = name
        number = cluster.new_application() if number is None else number
        self.id = f"application_{cluster.stamp}_{number:04d}"

    def __enter__(self) -> Self:
        with self._cluster.lock:
            self._cluster.active.add(self.id)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        end = "FAILED" if self.failed or kind is not None else "SUCCEEDED"
        with self._cluster.lock:
            self._cluster.active.discard(self.id)
            self._cluster.finished.append((self.id, self._name, end))
