"""Make a dataset and upload it to a bucket, file by file, without keeping it anywhere."""

import hashlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

from labrunner import datasets
from labrunner.actions.aws import refusal_of
from labrunner.datasets import DataFile
from labrunner.outcome import Answer, Call, Outcome, Refusal
from labrunner.values import to_json

_MEGABYTE = 10**6


class Datasets:
    """Uploads datasets through S3's client, in several parts where they are large."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    def perform(self, call: Call) -> Outcome:
        """Make the dataset `call.name` and upload each of its files below `Prefix`."""
        from botocore.exceptions import BotoCoreError, ClientError
        from s3transfer.exceptions import S3UploadFailedError

        arguments, params = call.arguments, call.arguments.get("params") or {}
        progress = _Progress(call.report)
        try:
            objects = [
                self._upload(file, arguments, progress) for file in datasets.make(call.name, params)
            ]
        except ClientError as error:
            return refusal_of(error.response)
        except (BotoCoreError, S3UploadFailedError) as error:
            return Refusal(type(error).__name__, str(error), certain=False)
        facts = datasets.facts(call.name, params)
        return Answer(
            {
                "objects": objects,
                "bytes": sum(one["Bytes"] for one in objects),
                "facts": {name: to_json(fact.value) for name, fact in facts.items()},
            }
        )

    def _upload(self, file: DataFile, arguments: Any, progress: "_Progress") -> dict[str, Any]:
        from s3transfer.manager import TransferConfig, TransferManager

        key = f"{arguments.get('Prefix') or ''}{file.name}"
        stream = _Stream(file.chunks(), progress)
        with TransferManager(
            self._client("s3"), TransferConfig(max_request_concurrency=4)
        ) as moving:
            moving.upload(io.BufferedReader(stream), arguments["Bucket"], key).result()
        progress.say(f"uploaded {key}")
        return {"Key": key, "Bytes": stream.bytes, "SHA256": stream.sha256.hexdigest()}


class _Progress:
    """Says, once a second, how much was uploaded."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.say = report
        self._bytes = 0
        self._last = time.monotonic()

    def __call__(self, more: int) -> None:
        self._bytes += more
        if time.monotonic() - self._last >= 1:
            self._last = time.monotonic()
            self.say(f"{self._bytes / _MEGABYTE:.0f} MB so far")


class _Stream(io.RawIOBase):
    """A file that is read as it is made."""

    def __init__(self, chunks: Iterator[bytes], progress: _Progress) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = b""
        self._progress = progress
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        part = self._rest[: len(buffer)]
        self._rest = self._rest[len(part) :]
        buffer[: len(part)] = part
        self.bytes += len(part)
        self.sha256.update(part)
        self._progress(len(part))
        return len(part)
