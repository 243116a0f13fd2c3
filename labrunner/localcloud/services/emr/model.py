"""A cluster as EMR's API knows it: its groups, instances and steps, and the state of each."""

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labrunner.localcloud.hadoop.cluster import Cluster as HadoopCluster
    from labrunner.localcloud.services.ec2.fleet import Hosted

STARTING, BOOTSTRAPPING, RUNNING, WAITING, TERMINATING, TERMINATED, WITH_ERRORS = (
    "STARTING",
    "BOOTSTRAPPING",
    "RUNNING",
    "WAITING",
    "TERMINATING",
    "TERMINATED",
    "TERMINATED_WITH_ERRORS",
)
ENDED = (TERMINATED, WITH_ERRORS)
PENDING, CANCEL_PENDING, COMPLETED, CANCELLED, FAILED, INTERRUPTED = (
    "PENDING",
    "CANCEL_PENDING",
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "INTERRUPTED",
)
PROVISIONING = "PROVISIONING"
LETTERS = string.ascii_uppercase + string.digits
MASTER, CORE, TASK = "MASTER", "CORE", "TASK"


def new_id(prefix: str, length: int = 13) -> str:
    """Return an id such as `j-2AXXXXXXGAPLF`."""
    return f"{prefix}-" + "".join(secrets.choice(LETTERS) for _ in range(length))


@dataclass
class Status:
    """A state, why, and when: created, ready (or started), ended."""

    state: str
    created: datetime
    code: str = ""
    message: str = ""
    ready: datetime | None = None
    ended: datetime | None = None


@dataclass(eq=False)
class Group:
    """An instance group."""

    id: str
    name: str
    role: str
    instance_type: str
    requested: int
    status: Status
    market: str = "ON_DEMAND"


@dataclass(eq=False)
class Member:
    """An instance of a cluster, and the EC2 instance that it is."""

    id: str
    group: Group
    hosted: "Hosted"
    status: Status
    hostname: str
    private_ip: str
    public_ip: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a step failed."""

    reason: str
    message: str
    log_file: str = ""


@dataclass(eq=False)
class Step:
    """A step: what to run, and what to do when it fails."""

    id: str
    name: str
    jar: str
    main_class: str
    arguments: list[str]
    properties: dict[str, str]
    action: str
    status: Status
    failure: Failure | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class BootstrapAction:
    """A script that each instance runs before it joins the cluster."""

    name: str
    path: str
    arguments: tuple[str, ...]


@dataclass(eq=False)
class Cluster:
    """A cluster and what was asked for; all fields that change are guarded by `changed`."""

    id: str
    arn: str
    region: str
    name: str
    release: str
    major: int
    applications: dict[str, str]
    status: Status
    role: Any  # of the instances, moto's
    profile: Any
    service_role: str
    log_uri: str
    subnet: Any
    key_name: str
    groups: list[Group]
    tags: dict[str, str]
    configurations: list[Mapping[str, Any]]
    bootstrap: tuple[BootstrapAction, ...]
    security_groups: dict[str, str]  # MASTER and CORE → id
    more_groups: dict[str, list[str]]
    os_release: str
    root_size: int
    keep_alive: bool = False
    protected: bool = False
    concurrency: int = 1
    idle_timeout: int | None = None
    replace_unhealthy: bool = False
    scale_down: str = "TERMINATE_AT_TASK_COMPLETION"
    members: list[Member] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    hadoop: "HadoopCluster | None" = None
    idle_since: datetime | None = None
    end: tuple[str, str, str] | None = None  # the state to end in, code and message

    @property
    def is_over(self) -> bool:
        """Whether nothing can be added to it any more."""
        return self.end is not None or self.status.state in (TERMINATING, *ENDED)

    def members_of(self, group: Group) -> list[Member]:
        """Return the instances of a group that have not ended."""
        return [
            one for one in self.members if one.group is group and one.status.state != TERMINATED
        ]

    @property
    def primary(self) -> Member | None:
        """The primary instance, once there is one."""
        return next((one for one in self.members if one.group.role == MASTER), None)

    def ask_to_end(self, state: str, code: str, message: str) -> None:
        """Have it terminated, unless that is under way; the caller need not hold the lock."""
        with self.changed:
            if not self.is_over:
                self.end = (state, code, message)
            self.changed.notify_all()


def settings_of(configurations: list[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the properties of each classification, nested ones included."""
    found: dict[str, dict[str, str]] = {}
    for one in configurations:
        name = str(one.get("Classification") or "")
        found.setdefault(name, {}).update(one.get("Properties") or {})
        for inner, properties in settings_of(list(one.get("Configurations") or ())).items():
            found.setdefault(inner, {}).update(properties)
    return found
