"""Machines end with their cloud, however it ends: real clouds, in processes of their own."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from labrunner.localcloud import daemon
from labrunner.localcloud.daemon import WORK
from labrunner.localcloud.machines.isolation import SETTING, UNISOLATED, UNISOLATED_ROOT
from labrunner.localcloud.process import Cloud

from .instances import IMAGE, connects, needs_machines, ssh_port, wait_for

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
pytestmark = [linux_only]
MANY = 50


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cloud"
    daemon.stop(tmp_path / "cloud")


def client(cloud: Cloud, service: str = "ec2") -> Any:
    return botocore.session.Session().create_client(
        service,
        region_name=cloud.region,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=cloud.access_key,
        aws_secret_access_key=cloud.secret_key,
    )


def launch(cloud: Cloud, count: int = 1, **more: Any) -> list[dict[str, Any]]:
    """Launch instances that let this host in, and describe them once they run."""
    ec2 = client(cloud)
    image = client(cloud, "ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    group = ec2.create_security_group(GroupName=f"g{time.time()}", Description="d")["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="127.0.0.1/32"
    )
    made = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=count,
        MaxCount=count,
        SecurityGroupIds=[group],
        **more,
    )
    return wait_state(cloud, [one["InstanceId"] for one in made["Instances"]], "running")


def wait_state(cloud: Cloud, ids: list[str], state: str) -> list[dict[str, Any]]:
    ec2 = client(cloud)

    def reached() -> list[dict[str, Any]]:
        found = ec2.describe_instances(InstanceIds=ids)["Reservations"]
        ones = [one for r in found for one in r["Instances"]]
        return ones if all(one["State"]["Name"] == state for one in ones) else []

    found: list[dict[str, Any]] = wait_for(reached, f"all are {state}")
    return found


def none_left(before: set[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in before)


@needs_machines
def test_kill_of_the_cloud_takes_its_machines(directory: Path) -> None:
    pytest.importorskip("asyncssh")
    cloud = daemon.start(directory)
    script = "#!/bin/sh\nsetsid sleep 600 > /dev/null 2>&1 &\n"
    (one,) = launch(cloud, UserData=script)
    place = one["PublicIpAddress"], ssh_port(one)
    wait_for(lambda: connects(*place), "the machine is reached")
    own = descendants(cloud.pid)
    assert len(own) >= 2
    os.kill(cloud.pid, signal.SIGKILL)
    wait_for(lambda: none_left(own), "nothing of it runs")
    assert not connects(*place)


def descendants(pid: int) -> set[int]:
    """Return the processes below a process."""
    parents: dict[int, int] = {}
    for one in Path("/proc").iterdir():
        if one.name.isdecimal():
            try:
                text = (one / "status").read_text()
            except OSError:
                continue
            found = re.search(r"PPid:\s+(\d+)", text)
            assert found is not None
            parents[int(one.name)] = int(found[1])
    below, added = {pid}, True
    while added:
        new = {child for child, parent in parents.items() if parent in below} - below
        below |= new
        added = bool(new)
    return below - {pid}


@needs_machines
def test_stop_of_the_cloud_takes_its_machines(directory: Path) -> None:
    pytest.importorskip("asyncssh")
    cloud = daemon.start(directory)
    (one,) = launch(cloud)
    place = one["PublicIpAddress"], ssh_port(one)
    own = descendants(cloud.pid)
    assert daemon.stop(directory)
    wait_for(lambda: none_left(own), "nothing of it runs")
    assert not connects(*place)
    assert not (directory / WORK).exists()


def count_files(cloud: Cloud) -> int:
    return sum(1 for _ in Path(f"/proc/{cloud.pid}/fd").iterdir())


@needs_machines
def test_many_machines_leave_nothing(directory: Path) -> None:
    pytest.importorskip("asyncssh")
    cloud = daemon.start(directory)
    idle = descendants(cloud.pid)
    files = count_files(cloud)
    ones = launch(cloud, MANY)
    places = [(one["PublicIpAddress"], ssh_port(one)) for one in ones]
    assert len(set(places)) == MANY
    assert all(connects(*place) for place in places)
    assert len(descendants(cloud.pid) - idle) >= MANY
    ids = [one["InstanceId"] for one in ones]
    client(cloud).terminate_instances(InstanceIds=ids)
    assert not any(connects(*place) for place in places)
    wait_state(cloud, ids, "terminated")
    # The watchdog is started with the first machine, and stays.
    wait_for(lambda: len(descendants(cloud.pid) - idle) <= 1, "no process is left")
    assert list((directory / WORK / "machines").iterdir()) == []
    left = count_files(cloud)
    assert left < files + 30  # the loop, its threads, the connections of this test
    log = (directory / "cloud.log").read_text() + (directory / WORK / "server.log").read_text()
    assert "Traceback" not in log
    assert "never retrieved" not in log


def test_without_bubblewrap_nothing_is_started(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("asyncssh")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(SETTING, raising=False)
    cloud = daemon.start(directory)
    with pytest.raises(ClientError) as caught:
        launch(cloud)
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperation"
    assert "apt-get install bubblewrap" in str(caught.value)
    assert f"{SETTING}={UNISOLATED}" in str(caught.value)


def test_unisolated_machines_end_with_the_cloud(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("asyncssh")
    monkeypatch.setenv(SETTING, UNISOLATED if os.geteuid() else UNISOLATED_ROOT)
    cloud = daemon.start(directory)
    script = "#!/bin/sh\nsetsid sleep 600 > /dev/null 2>&1 &\necho home is $HOME\n"
    (one,) = launch(cloud, UserData=script)
    place = one["PublicIpAddress"], ssh_port(one)
    wait_for(lambda: connects(*place), "the machine is reached")

    def console() -> str:
        found = client(cloud).get_console_output(InstanceId=one["InstanceId"])
        return str(found.get("Output", ""))

    text = wait_for(lambda: t if "finished" in (t := console()) else None, "the script ran")
    assert "WITHOUT ISOLATION" in text
    assert f"home is {directory}" in text
    own = descendants(cloud.pid)
    assert len(own) >= 2
    os.kill(cloud.pid, signal.SIGKILL)
    wait_for(lambda: none_left(own), "nothing of it runs")
