"""ec2-vm on the local cloud, as a user runs it: machines to log in to, gone after teardown."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.user import User

LAB = "ec2-vm"
needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="machines need bubblewrap: apt-get install bubblewrap"
)
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no OpenSSH client")


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    user = User(tmp_path_factory.mktemp("home"))
    yield user
    user.run("teardown")
    user.run("cloud", "stop")


@pytest.fixture(scope="module")
def ran(user: User) -> list[dict[str, Any]]:
    return user.events("run", LAB)


@needs_bubblewrap
def test_every_claim_is_proved(ran: list[dict[str, Any]]) -> None:
    assert ran[-1]["outcome"] == "passed", ran[-1]
    assert ran[-1]["checks"] == {"passed": 18, "failed": 0, "skipped": 0}


@needs_bubblewrap
def test_no_secret_is_written_down(user: User, ran: list[dict[str, Any]]) -> None:
    folder = Path(user.env["LABRUNNER_HOME"]) / "keys"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keys = list(folder.iterdir())
    assert len(keys) == 2
    for key in keys:
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        secret = key.read_text().splitlines()[2]
        assert secret not in json.dumps(ran)
        journal = Path(user.env["LABRUNNER_HOME"]) / "journal.db"
        assert secret.encode() not in journal.read_bytes()


@needs_bubblewrap
@needs_ssh
@pytest.mark.usefixtures("ran")
def test_anybody_can_log_in_afterwards(user: User) -> None:
    done = user.run("ssh", LAB, "--", "uname", "-a")
    assert (done.returncode, done.stdout.split()[0]) == (0, os.uname().sysname)
    assert user.run("ssh", LAB, "--", "exit", "7").returncode == 7
    assert user.run("ssh", LAB, "--", "id", "-un").stdout.strip() == "ec2-user"
    assert user.run("ssh", LAB, "--", "ls", str(Path(__file__).parent)).returncode != 0


@needs_bubblewrap
@pytest.mark.usefixtures("ran")
def test_teardown_leaves_nothing(user: User) -> None:
    ended = user.events("teardown", LAB)[-1]
    assert (ended["outcome"], ended["left"]) == ("clean", [])
    with user.client("ec2") as client:
        machines = client.describe_instances()["Reservations"]
        states = {one["State"]["Name"] for group in machines for one in group["Instances"]}
        assert states <= {"terminated"}
        assert client.describe_key_pairs()["KeyPairs"] == []
        assert client.describe_volumes()["Volumes"] == []
        groups = client.describe_security_groups()["SecurityGroups"]
        assert {group["GroupName"] for group in groups} == {"default"}
    assert list((Path(user.env["LABRUNNER_HOME"]) / "keys").iterdir()) == []
    done = user.run("ssh", LAB)
    assert done.returncode == 1
    assert "no run of ec2-vm has a machine to log in to" in done.stderr


@needs_bubblewrap
def test_when_the_cloud_is_killed_keys_still_go(tmp_path: Path) -> None:
    user = User(tmp_path)
    assert user.events("run", LAB)[-1]["outcome"] == "passed"
    process = int(user.run("cloud", "status").stdout.rpartition(" ")[2])
    os.kill(process, 9)
    assert "2 resources live" in user.run("status").stdout
    ended = user.events("teardown")[-1]
    assert ended["outcome"] == "clean"
    assert list((Path(user.env["LABRUNNER_HOME"]) / "keys").iterdir()) == []


def test_without_bubblewrap_the_lab_says_what_is_missing(tmp_path: Path) -> None:
    user = User(tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "python3"):
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    user.env["PATH"] = str(programs)
    done = subprocess.run(
        [sys.executable, "-m", "labrunner", "run", LAB, "--teardown"],
        env=user.env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "UnsupportedOperation" in said
    assert "apt-get install bubblewrap" in said
    assert "LABRUNNER_MACHINES=unisolated" in said
    assert "Teardown clean" in said
    user.run("cloud", "stop")


@pytest.mark.skipif(sys.platform != "linux", reason="addresses of machines")
def test_without_isolation_where_that_was_asked_for(tmp_path: Path) -> None:
    setting = "unisolated-root" if os.geteuid() == 0 else "unisolated"
    user = User(tmp_path, LABRUNNER_MACHINES=setting)
    events = user.events("run", LAB, "--teardown")
    assert events[-1]["outcome"] == "passed", events[-1]
    skipped = [one for one in events if one.get("outcome") == "skipped"]
    assert {one["step"] for one in skipped} == {"network.own", "whoami", "metadata"}
    assert all(one["reason"] for one in skipped)
    user.run("cloud", "stop")


@needs_bubblewrap
def test_without_a_default_network_the_lab_makes_one_and_removes_it(tmp_path: Path) -> None:
    user = User(tmp_path)
    user.run("cloud", "start")
    with user.client("ec2") as ec2:
        default = [{"Name": "is-default", "Values": ["true"]}]
        [vpc] = [one["VpcId"] for one in ec2.describe_vpcs(Filters=default)["Vpcs"]]
        for subnet in ec2.describe_subnets()["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        ec2.delete_vpc(VpcId=vpc)
    events = user.events("run", LAB, "--teardown")
    assert events[-1]["outcome"] == "passed", events[-1]
    made = [one["type"] for one in events if one["kind"] == "resource_gone"]
    assert {"ec2.vpc", "ec2.subnet", "ec2.internet_gateway", "ec2.route_table"} <= set(made)
    with user.client("ec2") as ec2:
        assert ec2.describe_vpcs()["Vpcs"] == []
    user.run("cloud", "stop")
