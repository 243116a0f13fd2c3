"""The operations of WebHDFS, Hadoop's REST interface to a file system, on the files of Spark.

As in "WebHDFS REST API" of Hadoop's documentation; what Hadoop's own client needs of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labrunner.localcloud.hadoop.errors import ILLEGAL, NOT_FOUND, HadoopError
from labrunner.localcloud.spark.files import DENIED, Files, Status
from labrunner.localcloud.sql.storage import Address

PREFIX = "/webhdfs/v1"
OWNER = "hadoop"
HOME = "/user/hadoop"
HOST = "localhost"
BLOCK_SIZE = 64 << 20
BUFFER = 4096
UNSUPPORTED = "java.lang.UnsupportedOperationException"
STATUSES = {DENIED: 403, NOT_FOUND: 404, ILLEGAL: 400, UNSUPPORTED: 400}
FORBIDDEN = 403

Answer = dict[str, Any] | None


@dataclass(frozen=True)
class Operation:
    """What is asked for: `GETFILESTATUS`, ..., of a path, with parameters by lower-case name."""

    name: str
    address: Address
    parameters: Mapping[str, str]

    def flag(self, name: str) -> bool:
        """Return a parameter that is true or false, as which it begins."""
        return self.parameters.get(name, "false").lower() == "true"

    def number(self, name: str, usual: int) -> int:
        """Return a parameter that is a number; raises HadoopError."""
        text = self.parameters.get(name, "")
        if text and not text.isdecimal():
            raise HadoopError(ILLEGAL, f"{name} is not a number")
        return int(text) if text else usual


def failure(error: HadoopError) -> tuple[int, Answer]:
    """Return the status and the body that tell of an error."""
    name = error.kind.rpartition(".")[2]
    about = {"exception": name, "javaClassName": error.kind, "message": error.message}
    return STATUSES.get(error.kind, FORBIDDEN), {"RemoteException": about}


def perform(files: Files, operation: Operation) -> Answer:
    """Do what needs no stream and return the answer; raises HadoopError."""
    found = OPERATIONS.get(operation.name)
    if found is None:
        raise HadoopError(UNSUPPORTED, f"{operation.name} is not supported by the local cloud")
    return found(files, operation)


def _status(files: Files, operation: Operation) -> Answer:
    return {"FileStatus": _shown(files.get(operation.address), "")}


def _list(files: Files, operation: Operation) -> Answer:
    address = operation.address
    shown = [_shown(one, "" if one.address == address else one.name) for one in files.list(address)]
    return {"FileStatuses": {"FileStatus": shown}}


def _batch(files: Files, operation: Operation) -> Answer:
    about = {"partialListing": _list(files, operation), "remainingEntries": 0}
    return {"DirectoryListing": about}


def _shown(status: Status, suffix: str) -> dict[str, Any]:
    # A storage does not tell when a file was changed.
    about = {"pathSuffix": suffix, "owner": OWNER, "group": OWNER, "storagePolicy": 0}
    about |= {"accessTime": 0, "modificationTime": 0, "fileId": 0, "childrenNum": 0}
    if status.is_directory:
        return about | {"type": "DIRECTORY", "permission": "777", "length": 0} | _blocks(0, 0)
    return about | {"type": "FILE", "permission": "666", "length": status.size} | _blocks(1)


def _blocks(replication: int, size: int = BLOCK_SIZE) -> dict[str, Any]:
    return {"replication": replication, "blockSize": size}


def _summary(files: Files, operation: Operation) -> Answer:
    status = files.get(operation.address)
    sizes = [one.size for one in files.walk(operation.address)]
    about = {"length": sum(sizes), "spaceConsumed": sum(sizes), "fileCount": len(sizes)}
    about |= {"directoryCount": int(status.is_directory), "quota": -1, "spaceQuota": -1}
    return {"ContentSummary": {**about, "ecPolicy": "", "typeQuota": {}}}


def _locations(files: Files, operation: Operation) -> Answer:
    size = files.get(operation.address).size
    start = operation.number("offset", 0)
    end = min(size, start + operation.number("length", size))
    blocks = [
        {
            "offset": offset,
            "length": min(BLOCK_SIZE, size - offset),
            "hosts": [HOST],
            "names": [HOST],
            "cachedHosts": [],
            "topologyPaths": [],
            "storageTypes": ["DISK"],
            "corrupt": False,
        }
        for offset in range(0, size, BLOCK_SIZE)
        if offset < end and offset + BLOCK_SIZE > start
    ]
    return {"BlockLocations": {"BlockLocation": blocks}}


def _make(files: Files, operation: Operation) -> Answer:
    files.mkdirs(operation.address)
    return {"boolean": True}


def _delete(files: Files, operation: Operation) -> Answer:
    done = files.delete(operation.address, recursive=operation.flag("recursive"))
    return {"boolean": done}


def _rename(files: Files, operation: Operation) -> Answer:
    source = operation.address
    path = operation.parameters.get("destination", "")
    if not path.startswith("/"):
        raise HadoopError(ILLEGAL, "destination is not an absolute path")
    target = files.address(source.scheme, source.place, path)
    options = operation.parameters.get("renameoptions")
    if options is None:
        return {"boolean": files.rename(source, target)}
    if "OVERWRITE" in options.upper() and source != target:
        files.get(source)
        files.delete(target, recursive=False)
    if not files.rename(source, target):
        raise HadoopError("java.io.IOException", f"rename {source} to {target} failed")
    return None


def _check(files: Files, operation: Operation) -> Answer:
    files.get(operation.address)
    return None


def _home(_files: Files, _operation: Operation) -> Answer:
    return {"Path": HOME}


def _nothing(_files: Files, _operation: Operation) -> Answer:
    return None


def _defaults(_files: Files, _operation: Operation) -> Answer:
    about: dict[str, Any] = {
        "blockSize": BLOCK_SIZE,
        "bytesPerChecksum": 512,
        "writePacketSize": 65536,
    }
    about |= {"replication": 1, "fileBufferSize": BUFFER, "encryptDataTransfer": False}
    about |= {"trashInterval": 0, "checksumType": 2, "keyProviderUri": ""}
    return {"FsServerDefaults": about | {"defaultStoragePolicyId": 0}}


def _replication(_files: Files, _operation: Operation) -> Answer:
    return {"boolean": True}


OPERATIONS: Mapping[str, Callable[[Files, Operation], Answer]] = {
    "CHECKACCESS": _check,
    "DELETE": _delete,
    "GETCONTENTSUMMARY": _summary,
    "GETFILEBLOCKLOCATIONS": _locations,
    "GETFILESTATUS": _status,
    "GETHOMEDIRECTORY": _home,
    "GETSERVERDEFAULTS": _defaults,
    "LISTSTATUS": _list,
    "LISTSTATUS_BATCH": _batch,
    "MKDIRS": _make,
    "RENAME": _rename,
    # Files have no owners, permissions, times or replicas here, as those of S3 have none.
    "SETOWNER": _nothing,
    "SETPERMISSION": _nothing,
    "SETREPLICATION": _replication,
    "SETTIMES": _nothing,
}
