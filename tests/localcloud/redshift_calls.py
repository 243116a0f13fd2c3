"""What the tests of Amazon Redshift call: roles, warehouses, and SQL by the Data API."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .conftest import LocalCloud

ENDED = ("FINISHED", "FAILED", "ABORTED")
SECONDS = 60
SERVICES = ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")
READS = ("s3:GetObject", "s3:ListBucket")


def eventually(ask: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + SECONDS
    while not ask():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def make_role(
    cloud: LocalCloud,
    name: str,
    bucket: str,
    actions: tuple[str, ...] = READS,
    services: tuple[str, ...] = SERVICES,
) -> str:
    """Make a role that services may assume, with access to a bucket; return its ARN."""
    iam = cloud.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": list(services)},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resources}],
    }
    iam.put_role_policy(RoleName=name, PolicyName="data", PolicyDocument=json.dumps(policy))
    return str(role["Arn"])


@dataclass
class Answer:
    """What a statement ended with."""

    description: dict[str, Any]
    records: list[list[Any]]

    @property
    def status(self) -> str:
        return str(self.description["Status"])

    @property
    def error(self) -> str:
        return str(self.description.get("Error", ""))


@dataclass
class DataApi:
    """Runs SQL on a warehouse by the Data API."""

    client: Any
    target: dict[str, str]

    def run(self, sql: str, **more: Any) -> Answer:
        """Run a statement to its end."""
        target = {} if "SessionId" in more else self.target
        started = self.client.execute_statement(Sql=sql, **target, **more)
        return self.wait(started["Id"])

    def wait(self, identifier: str) -> Answer:
        eventually(lambda: self.client.describe_statement(Id=identifier)["Status"] in ENDED)
        found = self.client.describe_statement(Id=identifier)
        records: list[list[Any]] = []
        if found["Status"] == "FINISHED" and found["HasResultSet"]:
            records = self.records(identifier)
        return Answer(found, records)

    def records(self, identifier: str) -> list[list[Any]]:
        rows: list[list[Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self.client.get_statement_result(Id=identifier, **token)
            rows += [[_value(one) for one in row] for row in page["Records"]]
            if "NextToken" not in page:
                return rows
            token = {"NextToken": page["NextToken"]}

    def rows(self, sql: str, **more: Any) -> list[list[Any]]:
        """Return the rows of a query that must succeed."""
        found = self.run(sql, **more)
        assert found.status == "FINISHED", found.error
        return found.records

    def column(self, sql: str) -> list[Any]:
        return [row[0] for row in self.rows(sql)]


def _value(field: dict[str, Any]) -> Any:
    ((kind, value),) = field.items()
    return None if kind == "isNull" else value


def make_workgroup(cloud: LocalCloud, name: str, *roles: str, **more: Any) -> DataApi:
    """Make a namespace and a workgroup of one name, and wait until it is there."""
    serverless = cloud.client("redshift-serverless")
    default = {"defaultIamRoleArn": roles[0]} if roles else {}
    serverless.create_namespace(
        namespaceName=name, dbName="labdb", iamRoles=list(roles), **default, **more
    )
    serverless.create_workgroup(workgroupName=name, namespaceName=name, baseCapacity=8)
    eventually(lambda: status(cloud, name) == "AVAILABLE")
    target = {"WorkgroupName": name, "Database": "labdb"}
    return DataApi(cloud.client("redshift-data"), target)


def status(cloud: LocalCloud, name: str) -> str:
    found = cloud.client("redshift-serverless").get_workgroup(workgroupName=name)
    return str(found["workgroup"]["status"])
