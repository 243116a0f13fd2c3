"""Fakes that tests pass in: a clock that never waits, a small S3 in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labrunner.clock import Interrupted
from labrunner.events import TargetFacts
from labrunner.outcome import Answer, Call, Outcome, Refusal

TARGET = TargetFacts(name="local", endpoint="http://127.0.0.1:1", region="us-east-1", account="1")


@dataclass
class FakeClock:
    """Time moves only when somebody sleeps."""

    time: float = 1000.0
    stop_at: float = float("inf")

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += max(seconds, 0.001)
        self.go_on()

    def go_on(self) -> None:
        if self.time >= self.stop_at:
            raise Interrupted


@dataclass
class FakeS3:
    """Buckets and their objects; `fail` gives an operation's next refusals, first to last."""

    buckets: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    fail: dict[str, list[Refusal]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __call__(self, call: Call) -> Outcome:
        operation = call.name.removeprefix("s3.")
        self.calls.append(operation)
        if self.fail.get(operation):
            return self.fail[operation].pop(0)
        bucket = str(call.arguments["Bucket"])
        if operation == "create_bucket":
            self.buckets[bucket] = []
            return Answer({"Location": f"/{bucket}"})
        if bucket not in self.buckets:
            return Refusal("NoSuchBucket", "The specified bucket does not exist", 404)
        return self._inside(operation, bucket, call.arguments)

    def _inside(self, operation: str, bucket: str, arguments: Mapping[str, Any]) -> Outcome:
        versions = self.buckets[bucket]
        if operation == "delete_bucket" and versions:
            return Refusal("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
        if operation == "delete_bucket":
            del self.buckets[bucket]
        if operation == "put_object":
            versions.append({"Key": arguments["Key"], "VersionId": str(len(versions))})
        if operation == "delete_objects":
            gone = arguments["Delete"]["Objects"]
            self.buckets[bucket] = [version for version in versions if version not in gone]
        return Answer({"Versions": list(versions)} if "versions" in operation else {})
