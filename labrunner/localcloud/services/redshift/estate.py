"""All of Redshift that one cloud has: namespaces, workgroups, clusters, statements."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labrunner.localcloud.services.redshift.house import House


@dataclass
class Namespace:
    """A serverless namespace: it has the database."""

    name: str
    id: str
    region: str
    created: datetime
    house: House
    secret_arn: str = ""
    kms_key: str = "AWS_OWNED_KMS_KEY"
    log_exports: list[str] = field(default_factory=list)
    status: str = "AVAILABLE"


@dataclass
class Workgroup:
    """A serverless workgroup: it has the compute, and the endpoint."""

    name: str
    id: str
    region: str
    created: datetime
    namespace: Namespace
    settings: dict[str, Any]
    status: str = "CREATING"
    port: int = 0


@dataclass
class Cluster:
    """A provisioned cluster."""

    name: str
    region: str
    created: datetime
    house: House
    settings: dict[str, Any]
    status: str = "creating"
    port: int = 0
    secret_arn: str = ""
    tags: dict[str, str] = field(default_factory=dict)


class Estate:
    """The things of one cloud, by region and name; `lock` is held while they change."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.namespaces: dict[tuple[str, str], Namespace] = {}
        self.workgroups: dict[tuple[str, str], Workgroup] = {}
        self.clusters: dict[tuple[str, str], Cluster] = {}
        self.limits: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return not (self.namespaces or self.workgroups or self.clusters)

    def close(self) -> None:
        """End every warehouse."""
        with self.lock:
            houses = [one.house for one in self.namespaces.values()]
            houses += [one.house for one in self.clusters.values()]
        for house in houses:
            house.close()
