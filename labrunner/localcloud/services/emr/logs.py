"""A cluster's log files: on its machines, and soon after in S3, compressed."""

import gzip
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import Address, Storage

STEPS = "/mnt/var/log/hadoop/steps"
BOOTSTRAP = "/mnt/var/log/bootstrap-actions"
KEPT = 20000  # bytes of a log that failures are found in


class Logs:
    """Brings logs of a cluster to its LogUri, by the permissions of the instances' role."""

    def __init__(self, storage: Storage, log_uri: str, cluster: str, directory: Path) -> None:
        self._storage = storage
        self._cluster = cluster
        self._directory = directory
        bucket, _, path = log_uri.removeprefix("s3://").partition("/")
        self._folder = Address("s3", bucket, path) if log_uri else None

    def push(self, node: Node, files: Iterable[str], folder: str) -> list[str]:
        """Store files of a machine as `<LogUri>/<cluster>/<folder>/<name>.gz`.

        Returns what was refused; like EMR's, the cluster goes on without.
        """
        if self._folder is None:
            return []
        refused = []
        for path in files:
            target = self._folder.child(f"{self._cluster}/{folder}/{PurePosixPath(path).name}.gz")
            packed = Path(tempfile.mkstemp(prefix="log-", dir=self._directory)[1])
            try:
                with node.open(node.place(path)) as stream, gzip.open(packed, "wb") as out:
                    shutil.copyfileobj(stream, out)
                self._storage.put(target, packed)
            except FileNotFoundError:
                continue
            except (SqlError, OSError) as error:
                refused.append(str(error))
            finally:
                packed.unlink(missing_ok=True)
        return refused

    def address(self, step: str, name: str) -> str:
        """Return where a log of a step is, nothing where logs are not kept."""
        if self._folder is None:
            return ""
        return str(self._folder.child(f"{self._cluster}/steps/{step}/{name}.gz"))


def tail(node: Node, path: str) -> str:
    """Return the end of a file of a machine, nothing where it is not there."""
    status = node.status(node.place(path))
    if status is None:
        return ""
    with node.open(node.place(path)) as stream:
        stream.seek(max(status.size - KEPT, 0))
        return stream.read(KEPT).decode("utf-8", "replace")
