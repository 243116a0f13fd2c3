"""Recorded events: what runs of s3-intro and their teardowns report."""

from collections.abc import Iterable, Sequence
from typing import Any

from labrunner.events import (
    CheckFinished,
    CheckOutcome,
    Counts,
    Event,
    Live,
    Problem,
    ResourceCreated,
    ResourceDeleting,
    ResourceGone,
    ResourceHeld,
    ResourceIntended,
    ResourceLeft,
    RunFinished,
    RunOutcome,
    RunStarted,
    StepFinished,
    StepHead,
    StepOutcome,
    StepRetrying,
    StepStarted,
    StepWaiting,
    TargetFacts,
    TeardownFinished,
    TeardownStarted,
)

RUN = "1f2e3d4c"
BUCKET = f"s3-intro-{RUN}-photos"
LOCAL = TargetFacts(
    name="local", endpoint="http://127.0.0.1:4577", region="us-east-1", account="123456789012"
)
AWS = TargetFacts(name="aws", region="eu-central-1", account="210987654321", profile="school")
STEPS = {
    "account": "Ask whether this account allows public buckets at all",
    "bucket": "Create a bucket",
    "upload": "Upload three pictures, each in another storage class",
    "classes": "Read the storage classes back",
    "private": "Ask for a picture as anybody would",
    "unblock": "Let public policies through",
    "machine": "Start a machine that reads the pictures",
    "one_open": "Ask for the opened picture again",
    "site": "Publish the pictures as a web site",
    "policy": "Open all pictures by a bucket policy",
}


class Story:
    """Writes events one after the other, a second apart unless told otherwise."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.at = 1_790_000_000.0

    def tell(self, kind: Any, *, after: float = 1.0, **fields: Any) -> None:
        self.at += after
        self.events.append(kind(run=RUN, at=self.at, **fields))

    def started(self, target: TargetFacts = LOCAL, *, resumed: bool = False) -> None:
        self.tell(
            RunStarted,
            lab="s3-intro",
            title="Introduction to Amazon S3",
            source="labs/s3-intro/lab.yaml",
            digest="0" * 64,
            target=target,
            params={},
            steps=[StepHead(id=id_, title=title) for id_, title in STEPS.items()],
            labrunner="0.1.0",
            resumed=resumed,
        )

    def step(self, path: str, action: str, explain: str = "", title: str = "") -> None:
        self.tell(
            StepStarted,
            step=path,
            title=title or STEPS[path],
            explain=explain,
            action=action,
        )

    def check(
        self, path: str, name: str, proves: str, outcome: CheckOutcome = "passed", **more: str
    ) -> None:
        fields = {"that": "result.status == `403`"} | more
        self.tell(
            CheckFinished, step=path, name=name, proves=proves, outcome=outcome, after=0.0, **fields
        )

    def waiting(self, path: str, what: str, seen: str, elapsed: float, timeout: float) -> None:
        self.tell(StepWaiting, step=path, what=what, seen=seen, elapsed=elapsed, timeout=timeout)

    def over(
        self, path: str, outcome: StepOutcome = "passed", seconds: float = 0.2, **more: Any
    ) -> None:
        self.tell(StepFinished, step=path, outcome=outcome, seconds=seconds, after=0.5, **more)

    def created(self, path: str, kind: str, identity: dict[str, Any]) -> None:
        self.tell(
            ResourceIntended, resource=path, type=kind, step=path, arguments=identity, after=0.0
        )
        self.tell(ResourceCreated, resource=path, identity=identity, result={})

    def ended(
        self,
        outcome: RunOutcome,
        checks: tuple[int, int, int],
        steps: tuple[int, int, int],
        live: Sequence[Live] = (),
    ) -> None:
        self.tell(
            RunFinished,
            lab="s3-intro",
            outcome=outcome,
            checks=_counts(checks),
            steps=_counts(steps),
            live=list(live),
            seconds=73.4,
            next_command=f"labrunner teardown {RUN}" if live else "",
        )


def _counts(numbers: Iterable[int]) -> Counts:
    passed, failed, skipped = numbers
    return Counts(passed=passed, failed=failed, skipped=skipped)


def _opening(story: Story) -> None:
    """The first five steps: all is well."""
    story.step(
        "account",
        "s3control.get_public_access_block",
        "Block Public Access exists twice: for a bucket, and above it for the whole account. "
        "Schools and companies often switch it on for the account; then no bucket policy opens "
        "anything.",
    )
    story.over("account")
    story.step(
        "bucket",
        "s3.create_bucket",
        "A bucket's name is unique among all buckets of all customers, so labrunner puts the "
        "run's id into it.",
    )
    story.created("bucket", "s3.bucket", {"Bucket": BUCKET})
    story.over("bucket", seconds=1.4)
    story.step("upload", "s3.put_object", "The storage class is chosen object by object.")
    story.over("upload", seconds=0.6)
    story.step("classes", "s3.head_object")
    for index in range(3):
        story.check(
            f"classes[{index}]",
            "the object is in the class that was asked for",
            "the storage class is chosen for each object at upload",
        )
    story.over("classes")
    story.step("private", "http get", "A plain HTTP request without credentials.")
    story.check(
        "private",
        "an anonymous reader gets 403 AccessDenied",
        "objects are private until access is granted",
    )
    story.over("private")


def _middle(story: Story) -> None:
    """A step that is skipped, a machine that starts behind others, and two kinds of patience."""
    story.step("unblock", "s3.put_public_access_block")
    reason = "this account blocks public access for all its buckets"
    story.over("unblock", "skipped", reason=reason)
    story.step("machine", "machine.yaml", "It takes a minute, so the next steps run meanwhile.")
    story.step("machine.start", "ec2.run_instances", title="Start it")
    story.created("machine.start", "ec2.instance", {"InstanceId": "i-0a1b2c3d4e5f60718"})
    story.waiting("machine.start", "the instance is running", "pending", 0, 600)
    story.step("one_open", "http get", "The address is the same as before.")
    for number in range(3):
        story.tell(
            StepRetrying,
            step="one_open",
            code="OperationAborted",
            message="A conflicting conditional operation is in progress",
            delay=3,
            after=3.0 if number else 1.0,
        )
    for number in range(4):
        what = "anybody can read the picture now, byte for byte"
        story.waiting("one_open", what, "result.status is 403", number * 2.0, 60)
    story.waiting("machine.start", "the instance is running", "running", 14, 600)
    story.check(
        "one_open",
        "anybody can read the picture now, byte for byte",
        "an ACL opens one object",
    )
    story.over("one_open", seconds=18.0)
    story.over("machine.start", seconds=21.0)
    story.over("machine", seconds=21.1)


LIVE = [
    Live(resource="bucket", type="s3.bucket", name=BUCKET, usd_per_hour=None),
    Live(
        resource="machine.start",
        type="ec2.instance",
        name="i-0a1b2c3d4e5f60718",
        usd_per_hour=0.0116,
    ),
]


def passed() -> list[Event]:
    """A run in which all that can be proved is proved."""
    story = Story()
    story.started()
    _opening(story)
    _middle(story)
    story.step("site", "s3.put_bucket_website")
    story.over("site", "skipped", reason="it needs the step unblock, which was skipped")
    story.step("policy", "s3.put_bucket_policy")
    story.check(
        "policy",
        "S3 refuses the public policy with AccessDenied",
        "Block Public Access stands above bucket policies",
    )
    story.over("policy")
    story.ended("passed", (6, 0, 0), (9, 0, 2), LIVE)
    return story.events


def failed_check() -> list[Event]:
    """A run in which a claim does not hold: the steps after it do not run."""
    story = Story()
    story.started(AWS)
    _opening(story)
    story.step("unblock", "s3.put_public_access_block")
    story.over("unblock")
    story.step("machine", "machine.yaml")
    story.check(
        "machine",
        "the machine sees the pictures",
        "an instance profile gives a machine a role",
        "failed",
        that="contains(result.output, 'sheep.png')",
        got="result.output is 'Unable to locate credentials. You can configure credentials by "
        'running "aws configure".\'',
        hint="A role that was just made takes up to a minute to reach its machine.",
    )
    problem = Problem(what="1 of the step's checks failed", where="labs/s3-intro/lab.yaml:140:5")
    story.over("machine", "failed", seconds=4.0, problem=problem)
    story.ended("failed", (4, 1, 0), (6, 1, 0), LIVE)
    return story.events


def refused_call() -> list[Event]:
    """A run on AWS in which a call is refused inside a composite."""
    story = Story()
    story.started(AWS)
    _opening(story)
    story.step("machine", "machine.yaml")
    story.step("machine.start", "ec2.run_instances", title="Start it")
    problem = Problem(
        what="ec2.run_instances failed",
        why="You are not authorized to perform this operation. User: "
        "arn:aws:iam::210987654321:user/ada is not authorized to perform: ec2:RunInstances",
        code="UnauthorizedOperation",
        request_id="8f1c9a52-3b1e-4f7e-9d0a-2f5c1f0f3a77",
        where="labs/s3-intro/machine.yaml:12:5",
        next_command="labrunner plan s3-intro --permissions",
    )
    story.over("machine.start", "failed", seconds=0.9, problem=problem)
    story.over("machine", "failed", seconds=1.0, problem=problem)
    story.ended("failed", (4, 0, 0), (5, 2, 0), LIVE[:1])
    return story.events


def interrupted() -> list[Event]:
    """A run that the user stops during a wait."""
    story = Story()
    story.started()
    _opening(story)
    story.step("machine", "ec2.run_instances")
    story.waiting("machine", "the instance is running", "pending", 0, 600)
    story.ended("interrupted", (4, 0, 0), (5, 0, 0), LIVE[:1])
    return story.events


def resumed() -> list[Event]:
    """The run that was interrupted, continued to its end."""
    story = Story()
    story.at += 500.0
    story.started(resumed=True)
    story.step("unblock", "s3.put_public_access_block")
    story.over("unblock")
    _middle(story)
    story.step("site", "s3.put_bucket_website")
    story.over("site")
    story.step("policy", "s3.put_bucket_policy")
    story.over("policy")
    story.ended("passed", (5, 0, 0), (11, 0, 0))
    return story.events


def _head(type_: str, name: str, resource: str) -> dict[str, Any]:
    return {"type": type_, "name": name, "resource": resource}


_MACHINE = _head("ec2.instance", "i-0a1b2c3d4e5f60718", "machine.start")
_GROUP = _head("ec2.security_group", "sg-0f1e2d3c4b5a69788", "machine.group")
_PICTURES = _head("s3.bucket", BUCKET, "bucket")


def torn_down() -> list[Event]:
    """A teardown that leaves nothing; one resource is held by another for a while."""
    story = Story()
    story.tell(TeardownStarted, lab="s3-intro", resources=4)
    story.tell(ResourceDeleting, **_MACHINE)
    story.tell(ResourceDeleting, **_GROUP)
    message = "resource sg-0f1e2d3c4b5a69788 has a dependent object"
    story.tell(ResourceHeld, resource="machine.group", code="DependencyViolation", message=message)
    story.tell(ResourceDeleting, **_PICTURES)
    story.tell(ResourceGone, how="deleted", **_PICTURES)
    story.tell(ResourceGone, how="deleted", **_MACHINE)
    story.tell(ResourceGone, how="already gone", **_GROUP)
    story.tell(
        ResourceGone, how="never created", **_head("ec2.key_pair", "made by step key", "key")
    )
    story.tell(TeardownFinished, lab="s3-intro", outcome="clean", gone=4, left=[], seconds=41.0)
    return story.events


def left_behind() -> list[Event]:
    """A teardown that may not remove the bucket."""
    story = Story()
    story.tell(TeardownStarted, lab="s3-intro", resources=2)
    story.tell(ResourceDeleting, **_MACHINE)
    story.tell(ResourceDeleting, **_PICTURES)
    story.tell(
        ResourceLeft,
        code="AccessDenied",
        message="User: arn:aws:iam::210987654321:user/ada is not authorized to perform: "
        "s3:DeleteBucket because of an explicit deny in a service control policy",
        next_command=f"aws s3 rb --force s3://{BUCKET}",
        **_PICTURES,
    )
    story.tell(ResourceGone, how="deleted", **_MACHINE)
    story.tell(
        TeardownFinished,
        lab="s3-intro",
        outcome="left_behind",
        gone=1,
        left=[f"s3.bucket {BUCKET}"],
        seconds=12.0,
    )
    return story.events


STORIES = {
    "passed": passed,
    "failed_check": failed_check,
    "refused_call": refused_call,
    "interrupted": interrupted,
    "torn_down": torn_down,
    "left_behind": left_behind,
}
