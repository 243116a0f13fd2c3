"""The labs on EMR on the local cloud, as a user runs them: published counts, nothing left."""

import shutil
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from tests.end_to_end.user import User

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="machines need bubblewrap: apt-get install bubblewrap"
)


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    user = User(tmp_path_factory.mktemp("home"))
    yield user
    user.run("teardown")
    user.run("cloud", "stop")


def client(user: User, service: str) -> Any:
    lines = user.run("cloud", "env").stdout.splitlines()
    variables = dict(
        line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export ")
    )
    return botocore.session.Session().create_client(
        service,
        region_name=variables["AWS_REGION"],
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


def left(user: User) -> dict[str, list[Any]]:
    """Return what is in the cloud, but for what every account has."""
    ec2, emr, iam = (client(user, service) for service in ("ec2", "emr", "iam"))
    try:
        states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
        machines = ec2.describe_instances()["Reservations"]
        groups = ec2.describe_security_groups()["SecurityGroups"]
        return {
            "clusters": emr.list_clusters(ClusterStates=states)["Clusters"],
            "machines": [
                one["InstanceId"]
                for group in machines
                for one in group["Instances"]
                if one["State"]["Name"] != "terminated"
            ],
            "groups": [one["GroupName"] for one in groups if one["GroupName"] != "default"],
            "roles": [one["RoleName"] for one in iam.list_roles()["Roles"]],
            "profiles": iam.list_instance_profiles()["InstanceProfiles"],
            "buckets": user.buckets(),
        }
    finally:
        for one in (ec2, emr, iam):
            one.close()


@pytest.mark.parametrize(
    ("lab", "checks"), [("emr-hive", 7), ("emr-tutorial", 12), ("hadoop-intro", 8)]
)
def test_every_claim_is_proved_and_nothing_is_left(user: User, lab: str, checks: int) -> None:
    ended = user.events("run", lab)[-1]
    assert ended["outcome"] == "passed", ended
    assert ended["checks"] == {"passed": checks, "failed": 0, "skipped": 0}
    torn = user.events("teardown", lab)[-1]
    assert (torn["outcome"], torn["left"]) == ("clean", [])
    there = left(user)
    assert not [name for name in there["roles"] if name.startswith(lab)]
    del there["roles"]
    assert not any(there.values()), there


def test_other_numbers_of_rows_keep_the_proportions(user: User) -> None:
    ended = user.events("run", "emr-hive", "-p", "rows=20000", "--teardown")[-1]
    assert (ended["outcome"], ended["checks"]["passed"]) == ("passed", 7)
