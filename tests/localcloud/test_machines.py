"""Machines as a service of the cloud uses them; and what a host must have for them."""

import ipaddress
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.machines import Machines, MachinesUnavailableError
from labrunner.localcloud.machines.box import BootError
from labrunner.localcloud.machines.isolation import (
    SETTING,
    UNISOLATED,
    UNISOLATED_ROOT,
    Isolation,
    Unavailable,
    detect,
)
from labrunner.localcloud.machines.network import Rule, take_address
from labrunner.localcloud.machines.spec import Bind, Limits, MachineSpec, User
from labrunner.localcloud.server import Settings

from .instances import Login, make_key, needs_machines, needs_openssh, wait_for

USER = 1000
Make = Callable[..., Any]


# ---- what a host must have


def works(_: str) -> str | None:
    return None


def forbidden(_: str) -> str | None:
    return "bwrap: setting up uid map: Permission denied"


def found(name: str) -> str | None:
    return f"/usr/bin/{name}"


def missing(_: str) -> str | None:
    return None


def test_bubblewrap_that_works() -> None:
    got = detect({}, which=found, probe=works, uid=USER, platform="linux")
    assert got == Isolation("/usr/bin/bwrap")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"which": missing, "probe": works}, ["bubblewrap", "apt-get install", "dnf install"]),
        ({"which": found, "probe": forbidden}, ["uid map: Permission denied", "namespace"]),
        ({"which": found, "probe": works, "platform": "darwin"}, ["needs Linux", "darwin"]),
    ],
)
def test_what_is_missing_is_said(options: dict[str, Any], words: list[str]) -> None:
    got = detect({}, **{"uid": USER, "platform": "linux", **options})
    assert isinstance(got, Unavailable)
    text = f"{got.why} {got.next}"
    for word in (*words, f"{SETTING}={UNISOLATED}"):
        assert word in text


def test_no_isolation_only_where_it_is_asked_for() -> None:
    options: dict[str, Any] = {"which": missing, "probe": forbidden, "platform": "linux"}
    assert detect({SETTING: UNISOLATED}, uid=USER, **options) == Isolation(None)
    refused = detect({SETTING: UNISOLATED}, uid=0, **options)
    assert isinstance(refused, Unavailable)
    assert "root" in refused.why
    assert detect({SETTING: UNISOLATED_ROOT}, uid=0, **options) == Isolation(None)
    unknown = detect({SETTING: "yes"}, uid=USER, **options)
    assert isinstance(unknown, Unavailable)
    assert "'yes'" in unknown.why


def test_machines_that_cannot_be(cloud: Cloud) -> None:
    machines = cloud.state(Machines)
    machines.verdict = Unavailable("Something is missing.", "Install it.")
    with pytest.raises(MachinesUnavailableError, match=r"Something is missing. Install it."):
        machines.make(spec(), cloud)


# ---- machines


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    settings = Settings("AKIA", "secret", "us-east-1", "1" * 12, "id", tmp_path)
    made = Cloud(settings)
    yield made
    made.close()
    assert not any(thread.name == "machines" for thread in threading.enumerate())
    assert list((tmp_path / "machines").glob("*")) == []


def spec(**changes: Any) -> MachineSpec:
    usual = MachineSpec("m-1", "ip-10-0-0-1", "10.0.0.1", (User("hadoop"),))
    return replace(usual, **changes)


@pytest.fixture(params=["isolated", "unisolated"])
def machines(request: pytest.FixtureRequest, cloud: Cloud) -> Machines:
    made = cloud.state(Machines)
    made.verdict = detect({}) if request.param == "isolated" else Isolation(None)
    if isinstance(made.verdict, Unavailable):
        pytest.skip(made.verdict.why)
    pytest.importorskip("asyncssh")
    return made


@pytest.fixture
def boot(machines: Machines, cloud: Cloud) -> Make:
    def make(**changes: Any) -> Any:
        machine = machines.make(spec(**changes), cloud)
        machines.wait(machine.boot())
        return machine

    return make


def test_commands(machines: Machines, boot: Make) -> None:
    machine = boot(environment={"STEP": "one"})
    done = machines.wait(
        machine.run(
            ["sh", "-c", "cat; echo err >&2; echo $STEP $MORE; pwd; exit 3"],
            user="hadoop",
            env={"MORE": "two"},
            cwd="/tmp",
            input=b"in\n",
        )
    )
    assert (done.code, done.stdout, done.stderr) == (3, b"in\none two\n/tmp\n", b"err\n")
    assert machines.wait(machine.run(["sh", "-c", "kill -9 $$"])).code == -9
    with pytest.raises((FileNotFoundError, PermissionError)):  # by what is in the PATH
        machines.wait(machine.run(["no-such-program"]))
    with pytest.raises(FileNotFoundError):
        machines.wait(machine.run(["true"], cwd="/no/such/directory"))


def test_output_as_it_comes(machines: Machines, boot: Make) -> None:
    machine, came = boot(), threading.Event()

    def take(name: str, data: bytes) -> None:
        if (name, data) == ("stdout", b"first\n"):
            came.set()

    script = "echo first; until [ -e ~/go ]; do sleep 0.02; done; echo second"
    future = machines.start(machine.run(["sh", "-c", script], user="hadoop", on_output=take))
    assert came.wait(20)
    machines.wait(machine.write_file("go", b"", user="hadoop"))
    assert future.result(20).code == 0


def test_a_command_whose_caller_gives_up(machines: Machines, boot: Make) -> None:
    machine = boot()
    future = machines.start(machine.run(["sh", "-c", "echo $$ > ~/pid; exec sleep 300"]))

    def pid() -> str:
        done = machines.wait(machine.run(["sh", "-c", "cat ~/pid"]))
        return str(done.stdout.decode().strip())

    number = wait_for(pid, "it runs")
    future.cancel()
    gone = ["sh", "-c", f"! kill -0 {number} 2> /dev/null"]
    wait_for(lambda: machines.wait(machine.run(gone)).code == 0, "it is gone")


def test_files(machines: Machines, boot: Make) -> None:
    machine = boot()
    data = os.urandom(300_000)
    machines.wait(machine.write_file("steps/one.bin", data, user="hadoop", mode=0o600))
    assert machines.wait(machine.read_file("steps/one.bin", user="hadoop")) == data
    done = machines.wait(machine.run(["sh", "-c", "stat -c %a ~/steps/one.bin"], user="hadoop"))
    assert done.stdout == b"600\n"
    with pytest.raises(FileNotFoundError):
        machines.wait(machine.read_file("steps/two.bin", user="hadoop"))
    with pytest.raises(OSError, match="regular"):
        machines.wait(machine.read_file("steps", user="hadoop"))


def test_programs_call_functions_of_the_cloud(machines: Machines, boot: Make) -> None:
    machine = boot(calls={"steps": lambda data: b"answer to " + data})
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        "s.sendall(b'question'); s.shutdown(1); print(s.recv(100).decode())"
    )
    path = "/run/steps.sock" if machine.box.is_isolated else f"{machine.box.root}/run/steps.sock"
    done = machines.wait(machine.run(["python3", "-c", code, path], user="hadoop"))
    assert (done.stdout, done.stderr) == (b"answer to question\n", b"")


def test_stop_and_boot_again(machines: Machines, boot: Make) -> None:
    machine = boot()
    machines.wait(
        machine.run(["sh", "-c", "echo kept > ~/file; sleep 300 >&- 2>&- &"], user="hadoop")
    )
    first = machine.console.text
    machines.wait(machine.stop(1.0))
    with pytest.raises(ConnectionError):
        machines.wait(machine.run(["true"]))
    machines.wait(machine.boot())
    assert machines.wait(machine.read_file("file", user="hadoop")) == b"kept\n"
    key = first.split("-----BEGIN SSH HOST KEY KEYS-----")[1]
    assert machine.console.text.count(key) == 2  # it is the same machine


@needs_openssh
def test_login(machines: Machines, boot: Make, tmp_path: Path) -> None:
    key = make_key(tmp_path)
    public = Path(f"{key}.pub").read_text().strip()
    machine = boot(users=(User("hadoop", authorized_keys=(public,)), User("hive", 1001)))
    address = take_address()
    machines.wait(machine.set_address(address))
    rule = Rule(22, 22, ipaddress.IPv4Network("127.0.0.1/32"))
    machines.wait(machine.set_rules([rule]))
    tags = [{"Key": "labrunner:ssh-port", "Value": str(address.ssh_port)}]
    about = {"PublicIpAddress": address.ip, "Tags": tags}
    login = Login(about, key, tmp_path / "kh", "hadoop")
    assert login.out("echo $USER; cd; pwd | sed 's/.*home/home/'") == "hadoop\nhome/hadoop\n"
    assert login.program("scp", str(key), "HOST:copied").returncode == 0
    assert login.ssh("test -s copied").returncode == 0
    assert Login(about, key, tmp_path / "kh", "hive").ssh("id").returncode == 255


def test_environment_of_the_cloud_stays_out(
    machines: Machines, boot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "s3cr3t")
    machine = boot()
    done = machines.wait(machine.run(["env"], user="hadoop"))
    assert b"s3cr3t" not in done.stdout
    assert b"HOME=" in done.stdout


def test_processes_end_with_the_machine(machines: Machines, boot: Make) -> None:
    machine = boot()
    # Of its own session, with no parent left, and deaf to requests.
    deaf = "trap '' TERM HUP; echo > ~/up; while :; do sleep 1; done"
    script = f'(setsid sh -c "{deaf}" < /dev/null > /dev/null 2>&1 &)'
    machines.wait(machine.run(["sh", "-c", script], user="hadoop"))
    up = ["sh", "-c", "test -e ~/up"]
    wait_for(lambda: machines.wait(machine.run(up, user="hadoop")).code == 0, "it runs")
    process = machine.box._process
    machines.wait(machine.stop(0.1))
    assert process.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


# ---- only isolated


@pytest.fixture
def isolated(cloud: Cloud) -> Machines:
    made = cloud.state(Machines)
    made.verdict = detect({})
    return made


@needs_machines
def test_users_and_programs_of_a_service(isolated: Machines, cloud: Cloud, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    (tools / "bin").mkdir(parents=True)
    (tools / "bin" / "hive").write_text("#!/bin/sh\necho hive of $(id -un) $1\n")
    (tools / "bin" / "hive").chmod(0o755)
    about = spec(
        users=(User("hadoop", 1000), User("hive", 1001)),
        binds=(Bind(tools, "/opt/hive"),),
        path=("/opt/hive/bin",),
        limits=Limits(processes=64, memory=1024**3, file=1024**2),
    )
    machine = isolated.make(about, cloud)
    isolated.wait(machine.boot())
    for user, number in (("hadoop", 1000), ("hive", 1001), ("root", 0)):
        done = isolated.wait(machine.run(["sh", "-c", "hive x; id -u"], user=user))
        assert done.stdout.decode() == f"hive of {user} x\n{number}\n"
    touched = isolated.wait(machine.run(["touch", "/opt/hive/bin/x"]))
    assert touched.code == 1
    code = "from resource import *; print(*(getrlimit(n)[1] for n in (RLIMIT_NPROC, RLIMIT_DATA)))"
    shown = isolated.wait(machine.run(["python3", "-c", code])).stdout
    assert shown.split() == [b"64", str(1024**3).encode()]
    large = isolated.wait(machine.run(["truncate", "-s", "2M", "/tmp/large"]))
    assert large.code != 0
    with pytest.raises(KeyError):
        isolated.wait(machine.run(["id"], user="nobody-known"))


@needs_machines
def test_the_host_is_sealed_off_from_the_machine_s_root(isolated: Machines, cloud: Cloud) -> None:
    machine = isolated.make(spec(), cloud)
    isolated.wait(machine.boot())

    def fails(command: str) -> bool:
        return bool(isolated.wait(machine.run(["sh", "-c", command])).code)

    assert fails("echo 1 > /proc/sys/kernel/panic")
    assert fails("chmod 600 /dev/null")
    assert fails("umount /proc/sys")
    assert fails("mount -o remount,rw /usr")
    assert fails("unshare -Urpf --mount-proc true")
    assert fails("unshare -Urm mount -o remount,rw,bind /proc/sys")
    assert not fails("echo discarded > /dev/null")
    status = isolated.wait(machine.run(["cat", "/proc/self/status"])).stdout.decode()
    bounding = int(status.split("CapBnd:")[1].split()[0], 16)
    assert not bounding & (1 << 21 | 1 << 8)  # SYS_ADMIN, SETPCAP


@needs_machines
def test_a_broken_sandbox_says_why(cloud: Cloud) -> None:
    machines = cloud.state(Machines)
    machines.verdict = detect({})
    machine = machines.make(spec(binds=(Bind(Path("/no/such/thing"), "/opt/x"),)), cloud)
    with pytest.raises(BootError, match="/no/such/thing"):
        machines.wait(machine.boot())
    machines.wait(machine.remove(0.0))
    machines.forget(machine)


@needs_machines
def test_a_stranger_s_message_does_not_stop_the_machine(isolated: Machines, cloud: Cloud) -> None:
    machine = isolated.make(spec(), cloud)
    isolated.wait(machine.boot())
    code = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/labrunner.sock');"
        "s.sendall({data!r})"
    )
    for data in (b"\0\0\0\5\0hello", b"\xff", b'\0\0\0\x0a\0{"argv":1}', b"\0\0\0\2\0[]"):
        program = ["python3", "-c", code.format(data=data)]
        assert isolated.wait(machine.run(program, user="hadoop")).code == 0
        assert isolated.wait(machine.run(["true"]), 20).code == 0


@needs_machines
def test_addresses_are_not_given_twice() -> None:
    taken = [take_address() for _ in range(20)]
    try:
        assert len({(one.ip, one.ssh_port) for one in taken}) == 20
        if taken[0].ip != "127.0.0.1":

            class Same:
                def __init__(self) -> None:
                    self.numbers = [int(part) for part in taken[0].ip.split(".")[1:]] * 200

                def randrange(self, *_: int) -> int:
                    return self.numbers.pop(0)

            with pytest.raises(OSError, match="no loopback address"):
                take_address(choose=Same())  # type: ignore[arg-type]
    finally:
        for one in taken:
            one.release()
