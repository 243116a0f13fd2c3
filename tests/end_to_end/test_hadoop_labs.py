"""The labs on EMR on the local cloud, as a user runs them: published counts, nothing left."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

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


def left(user: User) -> dict[str, list[Any]]:
    """Return what is in the cloud, but for what every account has."""
    with user.client("ec2") as ec2, user.client("emr") as emr, user.client("iam") as iam:
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


@pytest.mark.skipif(
    find_spec("pyspark") is None or shutil.which("java") is None,
    reason="Spark is an extra: pip install 'labrunner[spark]', and Java 17",
)
def test_spark_gives_the_same(user: User) -> None:
    ended = user.events("run", "emr-hive", "-p", "engine=spark", "--teardown")[-1]
    assert (ended["outcome"], ended["checks"]["passed"]) == ("passed", 7)
    ended = user.events("run", "hadoop-intro", "-p", "spark=true", "--teardown")[-1]
    assert (ended["outcome"], ended["checks"]["passed"]) == ("passed", 9)
