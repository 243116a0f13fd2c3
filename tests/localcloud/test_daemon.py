"""The life of the local cloud's process: real processes, around a server that does nothing.

Run as a program, this file is such a process: `test_daemon.py MODE DIRECTORY [options]`.
"""

import contextlib
import errno
import importlib.util
import json
import multiprocessing
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from labrunner.localcloud import daemon
from labrunner.localcloud.__main__ import Identity, Server, run, watch
from labrunner.localcloud.daemon import CloudError, find, reset, startup_error, status, stop
from labrunner.localcloud.process import (
    WATCHDOG,
    Children,
    Cloud,
    Record,
    acquire,
    read_holder,
    read_record,
    spawn,
    write_record,
)

# The paths of this process, so that the package is found whether it is installed or not.
BOOT = (
    f"import runpy, sys; sys.path[:] = {sys.path!r}; "
    f"runpy.run_path({__file__!r}, run_name='__main__')"
)
DEADLINE = 20.0


# ---- the server in the cloud's process


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, FakeServer)
        allowed = self.headers["Authorization"] == f"Bearer {server.identity.secret_key}"
        values = {"cloud_id": server.identity.cloud_id, "idle_seconds": 1.5, "empty": True}
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(json.dumps(values if allowed else {}).encode())


class FakeServer(ThreadingHTTPServer):
    daemon_threads = True
    idle_seconds = 5.0
    is_empty = True

    def __init__(self, identity: Identity, port: int) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.identity = identity

    @property
    def port(self) -> int:
        return self.server_port

    def serve_forever(self, poll_interval: float = 0.02) -> None:
        super().serve_forever(poll_interval)

    def shutdown(self) -> None:
        super().shutdown()
        self.server_close()


def _plain(identity: Identity, port: int) -> Server:
    return FakeServer(identity, port)


def _no_extra(identity: Identity, port: int) -> Server:
    raise ModuleNotFoundError("No module named 'moto'", name="moto")


def _crash(identity: Identity, port: int) -> Server:
    os.write(2, b"out of tentacles\n")
    os._exit(3)


def _full_disk(identity: Identity, port: int) -> Server:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 2)  # the log is on the same disk
    raise OSError(errno.ENOSPC, "No space left on device", "cloud.json")


def _hang(identity: Identity, port: int) -> Server:
    """Get ready when the test says so."""
    _note("starting", os.getpid())
    for _ in range(3000):  # not for ever, should the test fail
        if Path("go").exists():
            break
        time.sleep(0.01)
    return FakeServer(identity, port)


def _parent(identity: Identity, port: int) -> Server:
    """Start a child with a grandchild, one that will not listen, and one that nobody guards."""
    child = spawn(["/bin/sh", "-c", POLITE])
    deaf = spawn([sys.executable, "-c", DEAF], stdout=subprocess.PIPE)
    assert deaf.stdout is not None
    deaf.stdout.readline()
    fork = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    fork.start()
    while not (text := _text(Path("grandchild.new"))).endswith("\n"):
        time.sleep(0.01)
    _note("children", child.pid, deaf.pid, fork.pid, int(text))
    return FakeServer(identity, port)


POLITE = """
trap 'echo bye > farewell; exit' TERM
sleep 600 & echo $! > grandchild.new
wait
"""

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(600)
"""


def _stubborn(identity: Identity, port: int) -> Server:
    class Stubborn(FakeServer):
        def shutdown(self) -> None:
            time.sleep(600)

    return Stubborn(identity, port)


def _environment(identity: Identity, port: int) -> Server:
    Path("environment").write_text("\n".join(os.environ), "utf-8")
    return FakeServer(identity, port)


MODES = {
    "plain": _plain,
    "no-extra": _no_extra,
    "crash": _crash,
    "full-disk": _full_disk,
    "hang": _hang,
    "parent": _parent,
    "stubborn": _stubborn,
    "environment": _environment,
}


def _note(name: str, *numbers: int | None) -> None:
    """Leave numbers in the directory of the cloud, whole at once."""
    Path(f"{name}.tmp").write_text(" ".join(str(number) for number in numbers), "utf-8")
    Path(f"{name}.tmp").rename(name)


# ---- tools of the tests


def program(mode: str = "plain", *options: str) -> list[str]:
    return [sys.executable, "-c", BOOT, mode, *options]


def start(directory: Path, mode: str = "plain", *, port: int = 0, timeout: float = 20.0) -> Cloud:
    return daemon.start(directory, port=port, timeout=timeout, program=program(mode))


def eventually(ask: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not ask():
        assert time.monotonic() < deadline, f"not in {DEADLINE} s: {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and that nobody waits for does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return bool(found.stdout.strip()) and not found.stdout.startswith(b"Z")


def gone(*pids: int) -> None:
    eventually(lambda: not any(map(is_alive, pids)), f"the end of {pids}")


def processes_naming(text: str) -> list[str]:
    table = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, check=True)
    return [line for line in table.stdout.decode("utf-8", "replace").splitlines() if text in line]


def numbers_in(path: Path) -> list[int]:
    eventually(path.exists, f"{path.name}")
    return [int(word) for word in path.read_text("utf-8").split()]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def starter(directory: Path, mode: str = "plain") -> "subprocess.Popen[bytes]":
    """Start a cloud from another process, which prints the cloud's id and waits to be killed."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from pathlib import Path; from labrunner.localcloud import daemon\n"
        f"cloud = daemon.start(Path({str(directory)!r}), program={program(mode)!r})\n"
        "print(cloud.id, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)


def finish(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def word_of(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A place for a cloud; the test fails if a process of it is left when it has been stopped."""
    path = tmp_path / "cloud"
    yield path
    with contextlib.suppress(CloudError):
        stop(path, timeout=2.0)
    eventually(lambda: not processes_naming(str(path)), f"the end of all in {path}")


# ---- starting and finding


def test_a_started_cloud_is_found_and_answers(directory: Path) -> None:
    assert find(directory) is None
    assert status(directory) is None
    cloud = start(directory)
    assert find(directory) == cloud
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", cloud.endpoint)
    found = status(directory)
    assert found is not None
    assert (found.cloud, found.idle_seconds, found.empty) == (cloud, 1.5, True)
    assert 0 <= found.uptime_seconds < DEADLINE
    assert found.rss_bytes is None or found.rss_bytes > 1_000_000


def test_credentials_have_the_shapes_of_aws_and_are_new_each_time(directory: Path) -> None:
    cloud = start(directory)
    assert re.fullmatch("AKIA[A-Z2-7]{16}", cloud.access_key)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", cloud.secret_key)
    assert re.fullmatch("[1-9][0-9]{11}", cloud.account)
    assert cloud.region == "us-east-1"
    other = reset(directory, program=program())
    assert {cloud.id, cloud.access_key, cloud.secret_key, cloud.account}.isdisjoint(
        {other.id, other.access_key, other.secret_key, other.account}
    )


def test_secrets_are_for_this_user_only(directory: Path) -> None:
    cloud = start(directory)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert modes == {
        "cloud.json": 0o600,
        "cloud.lock": 0o600,
        "cloud.log": 0o600,
        "cloud.work": 0o700,
        "start.lock": 0o600,
    }
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert cloud.secret_key not in repr(cloud)
    assert not processes_naming(cloud.secret_key)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_process_is_detached_and_inherits_nothing(directory: Path, tmp_path: Path) -> None:
    leak = os.open(tmp_path / "leak", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(leak, True)  # noqa: FBT003 - it takes no names
    cloud = start(directory)
    os.close(leak)
    process = Path(f"/proc/{cloud.pid}")
    files = {path.name: str(path.readlink()) for path in (process / "fd").iterdir()}
    log = str(directory / "cloud.log")
    assert [files.pop(number) for number in "012"] == ["/dev/null", log, log]
    assert str(directory / "cloud.lock") in files.values()
    assert not any("leak" in name or "start.lock" in name for name in files.values())
    assert (process / "cwd").readlink() == directory
    assert os.getsid(cloud.pid) == cloud.pid
    assert cloud.secret_key.encode() not in (process / "environ").read_bytes()


def test_credentials_for_the_real_aws_stay_outside(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("LAB_PATH", "kept")
    # Relative to where the cloud runs: the file is written in its directory.
    start(directory, "environment")
    names = (directory / "environment").read_text("utf-8").split()
    assert stat.S_IMODE((directory / "environment").stat().st_mode) == 0o600
    assert "LAB_PATH" in names
    assert not [name for name in names if name.startswith("AWS_")]


def test_starting_again_returns_the_same_cloud(directory: Path) -> None:
    assert start(directory) == start(directory)


def test_finding_loads_nothing_heavy() -> None:
    heavy = ["asyncio", "boto3", "http.client", "moto", "shutil", "ssl", "subprocess"]
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; before = set(sys.modules)\n"
        "from labrunner.localcloud import daemon\n"
        "from pathlib import Path; daemon.find(Path('nowhere'))\n"
        f"print(sorted((set(sys.modules) - before) & set({heavy!r})))"
    )
    command = [sys.executable, "-I", "-c", code]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"[]\n"


def test_starters_that_race_get_the_one_cloud(directory: Path) -> None:
    racers = [starter(directory) for _ in range(4)]
    try:
        ids = {word_of(racer) for racer in racers}
    finally:
        for racer in racers:
            finish(racer)
    cloud = find(directory)
    assert cloud is not None
    assert ids == {cloud.id}
    running = [line for line in processes_naming(str(directory)) if "--ready-fd" in line]
    assert [int(line.split()[0]) for line in running] == [cloud.pid]


def test_a_starter_waits_for_one_that_is_half_way(directory: Path) -> None:
    first = starter(directory, "hang")
    try:
        eventually((directory / "starting").exists, "a cloud half-way")
        assert find(directory) is None
        second = starter(directory)
        (directory / "go").touch()
        assert word_of(first) == word_of(second) != ""
        finish(second)
    finally:
        finish(first)


def test_a_cloud_whose_starter_was_killed_half_way_goes_to_the_next(directory: Path) -> None:
    first = starter(directory, "hang")
    (pid,) = numbers_in(directory / "starting")
    finish(first)
    threading.Timer(0.2, (directory / "go").touch).start()
    assert start(directory).pid == pid


def test_stop_ends_a_cloud_that_is_half_way_and_has_no_starter(directory: Path) -> None:
    first = starter(directory, "hang")
    (pid,) = numbers_in(directory / "starting")
    finish(first)
    assert stop(directory)
    gone(pid)
    assert find(directory) is None


def test_two_half_way_without_end_is_an_error(directory: Path) -> None:
    first = starter(directory, "hang")
    numbers_in(directory / "starting")
    try:
        with pytest.raises(CloudError) as busy:
            start(directory, timeout=0.1)
    finally:
        finish(first)
    assert "Another command is starting" in busy.value.why
    with pytest.raises(CloudError) as stuck:
        start(directory, timeout=0.1)
    assert stuck.value.next == "labrunner cloud stop"


# ---- what a crash leaves behind


def test_a_killed_cloud_is_not_found_and_the_next_is_new(directory: Path) -> None:
    cloud = start(directory)
    (directory / "cloud.work" / "left").touch()
    os.kill(cloud.pid, signal.SIGKILL)
    eventually(lambda: find(directory) is None, "the end of the cloud")
    assert read_record(directory) is not None
    other = start(directory)
    assert other.id != cloud.id
    assert not (directory / "cloud.work" / "left").exists()


GARBAGE = {
    "empty": b"",
    "truncated": b'{"cloud": {"id": "0123',
    "not text": b"\xff\xfe\x00",
    "not an object": b"[1, 2]",
    "nested without end": b"[" * 200_000,
    "a field too few": b'{"cloud": {"id": "a"}, "fixed_port": false}',
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_a_broken_record_counts_as_none(directory: Path, garbage: bytes) -> None:
    directory.mkdir(mode=0o700)
    (directory / "cloud.json").write_bytes(garbage)
    assert read_record(directory) is None
    assert find(directory) is None


def test_a_broken_record_does_not_prevent_a_start(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "cloud.json").write_bytes(b"{")
    assert start(directory) == find(directory)


def test_a_live_cloud_mends_its_record(directory: Path) -> None:
    cloud = start(directory)
    (directory / "cloud.json").write_bytes(b"{")
    assert find(directory) is None
    assert start(directory) == cloud


def _record(pid: int, endpoint: str = "http://127.0.0.1:9") -> Record:
    cloud = Cloud("f00d", endpoint, pid, "AKIA", "secret", "us-east-1", "123456789012", "2026")
    return Record(cloud, fixed_port=False)


def test_a_record_with_the_pid_of_another_process_is_stale(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        write_record(directory, _record(other.pid))
        (directory / "cloud.lock").write_text(f"{other.pid} f00d\n", "utf-8")
        assert find(directory) is None
        assert not stop(directory)
        assert not (directory / "cloud.json").exists()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_the_record_of_a_cloud_before_the_live_one_is_stale(directory: Path) -> None:
    cloud = start(directory)
    write_record(directory, _record(cloud.pid))
    assert find(directory) is None
    assert start(directory) == cloud


def test_a_record_that_leads_elsewhere_is_refused(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    write_record(directory, _record(99, "http://203.0.113.9:80"))
    assert read_record(directory) is None


def test_a_lock_whose_holder_is_unknown_kills_nobody(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    lock = acquire(directory / "cloud.lock", 0.0)
    assert lock is not None
    try:
        for text in (b"", b"0 x\n", b"1 x\n", b"-1 x\n", b"999999999999999999999 x\n", b"12"):
            os.ftruncate(lock, 0)
            os.pwrite(lock, text, 0)
            with pytest.raises(CloudError, match="does not say which it is"):
                stop(directory, timeout=0.05)
    finally:
        os.close(lock)


def test_a_fork_does_not_keep_the_lock_of_a_killed_cloud(directory: Path) -> None:
    cloud = start(directory, "parent")
    pids = numbers_in(directory / "children")
    os.kill(cloud.pid, signal.SIGKILL)
    eventually(lambda: read_holder(directory) is None, "the release of the lock")
    gone(*pids)


# ---- refusals


def test_a_port_in_use_is_named(directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CloudError) as refused:
            start(directory, port=port)
    assert f"port {port}" in refused.value.why
    assert refused.value.next == "labrunner cloud start"
    assert find(directory) is None


def test_a_port_that_is_no_port_is_named(directory: Path) -> None:
    with pytest.raises(CloudError, match="70000"):
        start(directory, port=70_000)


def test_a_cloud_on_another_port_than_asked_for_is_an_error(directory: Path) -> None:
    port = free_port()
    cloud = start(directory, port=port)
    assert cloud.port == port
    assert start(directory) == start(directory, port=port) == cloud
    with pytest.raises(CloudError) as refused:
        start(directory, port=free_port())
    assert str(port) in refused.value.why
    assert refused.value.next == "labrunner cloud stop"


def test_a_missing_extra_says_what_to_install(directory: Path) -> None:
    with pytest.raises(CloudError) as refused:
        start(directory, "no-extra")
    assert "moto" in refused.value.why
    assert refused.value.next == "pip install 'labrunner[local]'"


def test_a_crash_at_the_start_gives_its_last_words(directory: Path) -> None:
    with pytest.raises(CloudError) as refused:
        start(directory, "crash")
    assert "out of tentacles" in refused.value.why
    assert "cloud.log" in refused.value.next


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_though_it_cannot_be_logged(directory: Path) -> None:
    with pytest.raises(CloudError) as refused:
        start(directory, "full-disk")
    assert refused.value.why == f"The disk that holds {directory} is full."


def test_a_program_that_is_not_there_is_an_error(directory: Path) -> None:
    with pytest.raises(CloudError):
        daemon.start(directory, program=["/nowhere/python"])


def test_a_start_that_takes_too_long_is_given_up_and_leaves_nothing(directory: Path) -> None:
    with pytest.raises(CloudError) as refused:
        start(directory, "hang", timeout=2.0)
    assert "in time" in refused.value.why
    gone(*numbers_in(directory / "starting"))


def test_a_link_is_refused(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    directory.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CloudError, match="symbolic link"):
        start(directory)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    os.chown(directory, 12345, 12345)
    with pytest.raises(CloudError, match="another user"):
        start(directory)


def test_an_empty_directory_is_closed_to_others(directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    start(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_an_open_directory_with_other_files_is_left_alone(directory: Path) -> None:
    directory.mkdir()
    directory.chmod(0o755)
    (directory / "thesis.tex").touch()
    with pytest.raises(CloudError) as refused:
        start(directory)
    assert refused.value.next == f"chmod 700 '{directory}'"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755


def test_a_file_in_the_place_of_the_directory_is_an_error(directory: Path) -> None:
    directory.touch()
    with pytest.raises(CloudError, match="File exists"):
        start(directory)


REASONS = [
    (OSError(errno.ENOSPC, "No space left", "x"), "disk that holds /d is full", "df -h '/d'"),
    (OSError(errno.EROFS, "Read-only", "/d/cloud.json"), "/d/cloud.json cannot", "ls -ld '/d'"),
    (OSError(errno.EACCES, "Permission denied", "/d/x"), "/d/x cannot", "ls -ld '/d'"),
    (OSError(errno.EACCES, "Permission denied"), "Port 80 is not", "labrunner cloud start"),
    (RuntimeError("odd"), "RuntimeError: odd", "cat '/d/cloud.log'"),
]


@pytest.mark.parametrize(("error", "why", "command"), REASONS)
def test_reasons_are_in_plain_words(error: Exception, why: str, command: str) -> None:
    told = startup_error(error, Path("/d"), 80)
    assert why in told.why
    assert told.next == command


def test_a_cloud_that_does_not_answer_is_an_error(directory: Path) -> None:
    cloud = start(directory)
    os.kill(cloud.pid, signal.SIGSTOP)
    try:
        record = read_record(directory)
        assert record is not None
        assert find(directory) == cloud
        with pytest.raises(CloudError) as refused:
            status(directory)
    finally:
        os.kill(cloud.pid, signal.SIGCONT)
    assert refused.value.next == "labrunner cloud stop"


# ---- ending


def test_stop_ends_it_and_cleans_its_files(directory: Path) -> None:
    cloud = start(directory)
    assert stop(directory)
    gone(cloud.pid)
    assert find(directory) is None
    assert {path.name for path in directory.iterdir()} == {"cloud.lock", "start.lock"}
    assert not stop(directory)


def test_stop_where_nothing_ever_was(directory: Path) -> None:
    assert not stop(directory)
    assert not directory.exists()


def test_stop_ends_all_it_started(directory: Path) -> None:
    cloud = start(directory, "parent")
    pids = numbers_in(directory / "children")
    assert all(map(is_alive, pids))
    assert stop(directory)
    gone(cloud.pid, *pids)
    assert (directory / "farewell").exists()


def test_stop_ends_a_cloud_that_does_not_listen(directory: Path) -> None:
    cloud = start(directory)
    os.kill(cloud.pid, signal.SIGSTOP)  # no thread of it can take the signal
    assert stop(directory, timeout=0.3)
    gone(cloud.pid)


def test_a_call_that_hangs_does_not_keep_it_from_ending(directory: Path) -> None:
    cloud = start(directory, "stubborn")
    began = time.monotonic()
    assert stop(directory)
    gone(cloud.pid)
    assert time.monotonic() - began < 10.0


def test_interrupts_and_hang_ups_of_the_starter_do_not_reach_it(directory: Path) -> None:
    process = starter(directory)
    try:
        assert word_of(process)
        cloud = find(directory)
        assert cloud is not None
        os.killpg(process.pid, signal.SIGINT)
        process.communicate()
        os.kill(cloud.pid, signal.SIGHUP)
        assert status(directory) is not None
        assert find(directory) == cloud
    finally:
        finish(process)


def test_reset_gives_an_empty_cloud_on_the_same_fixed_port(directory: Path) -> None:
    cloud = start(directory, port=free_port())
    other = reset(directory, program=program())
    gone(cloud.pid)
    assert other.id != cloud.id
    assert other.port == cloud.port
    assert find(directory) == other


def test_reset_remembers_the_port_of_a_killed_cloud(directory: Path) -> None:
    cloud = start(directory, port=free_port())
    os.kill(cloud.pid, signal.SIGKILL)
    gone(cloud.pid)
    assert reset(directory, program=program()).port == cloud.port


def test_it_ends_when_nothing_lives_in_it_and_nobody_calls(directory: Path) -> None:
    cloud = daemon.start(directory, program=program("plain", "--idle-seconds=2"))
    gone(cloud.pid)
    assert find(directory) is None
    assert not (directory / "cloud.json").exists()
    assert "nobody called for 2 s" in (directory / "cloud.log").read_text("utf-8")


def test_it_ends_when_its_directory_is_deleted(directory: Path, tmp_path: Path) -> None:
    cloud = start(directory)
    directory.rename(tmp_path / "gone")
    other = start(directory)
    gone(cloud.pid)
    assert find(directory) == other
    assert (directory / "cloud.work").is_dir()


@dataclass
class Still:
    """A server on a clock of the test's own: each wait of the loop passes the time it asks for."""

    idle_seconds: float = 0.0
    is_empty: bool = True
    port: int = 1
    waits: list[float] = field(default_factory=list)
    asked_after: int = 1_000_000
    emptied_at: float = 0.0

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.idle_seconds += seconds
        self.is_empty = self.idle_seconds >= self.emptied_at
        return len(self.waits) > self.asked_after

    def serve_forever(self) -> None: ...
    def shutdown(self) -> None: ...


def test_the_loop_ends_at_the_idle_limit() -> None:
    server = Still()
    why = watch(server, idle_limit=3600, wait=server.wait, look_after=lambda: True)
    assert why == "nothing lives in it, and nobody called for 3600 s"
    assert sum(server.waits) == 3600


def test_the_loop_does_not_end_while_something_lives_in_it() -> None:
    server = Still(emptied_at=5000)
    watch(server, idle_limit=3600, wait=server.wait, look_after=lambda: True)
    assert sum(server.waits) == 5000


def test_the_loop_ends_when_asked_or_homeless() -> None:
    server = Still(asked_after=3)
    why = watch(server, idle_limit=3600, wait=server.wait, look_after=lambda: True)
    assert (why, len(server.waits)) == ("it was asked to, or its server ended", 4)
    server = Still()
    why = watch(server, idle_limit=3600, wait=server.wait, look_after=lambda: False)
    assert (why, len(server.waits)) == ("its directory is gone", 1)


# ---- children


def test_children_forget_the_groups_that_ended_and_survive_the_loss_of_the_watchdog() -> None:
    children = Children()
    first = children.spawn(["sleep", "600"])
    brief = children.spawn(["true"])
    eventually(lambda: not _listed(children, brief.pid), "the end of a child")
    watchdog = children._watchdog
    assert watchdog is not None
    watchdog.kill()
    watchdog.wait()
    second = children.spawn(["sleep", "600"])
    other = children._watchdog
    assert other is not None
    assert other.stdin is not None
    assert other is not watchdog
    other.stdin.close()  # as the end of this process would
    assert first.wait() == second.wait() == -signal.SIGKILL
    other.wait()
    assert watchdog.stdin is not None
    watchdog.stdin.close()


def test_the_watchdog_is_told_of_each_group_and_of_its_end() -> None:
    ears = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    children = Children(lambda: ears)
    brief = children.spawn(["true"])
    eventually(lambda: not _listed(children, brief.pid), "the end of a child")
    told, _ = ears.communicate()
    assert told.decode() == f"+ {brief.pid}\n- {brief.pid}\n"


def test_the_watchdog_leaves_a_group_alone_that_has_ended() -> None:
    dead, spared = (subprocess.Popen(["sleep", "600"], start_new_session=True) for _ in range(2))
    words = f"+ {spared.pid}\n+ {dead.pid}\n- {spared.pid}\n"
    subprocess.run(["/bin/sh", "-c", WATCHDOG], input=words.encode(), check=True)
    assert dead.wait() == -signal.SIGKILL
    assert spared.poll() is None
    spared.kill()
    spared.wait()


def test_a_fork_does_not_share_a_lock(tmp_path: Path) -> None:
    code = (
        f"import os, sys, time; sys.path[:] = {sys.path!r}\n"
        "from pathlib import Path; from labrunner.localcloud.process import *\n"
        "close_in_forks(acquire(Path('lock'), 0))\n"
        "child = os.fork()\n"
        "if child: print(child, flush=True); os._exit(0)\n"
        "os.close(1); time.sleep(600)"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True)
    try:
        lock = acquire(tmp_path / "lock", 0.0)
        assert lock is not None
        os.close(lock)
    finally:
        os.kill(int(found.stdout), signal.SIGKILL)


def _listed(children: Children, pid: int) -> bool:
    children.sweep()
    return pid in children._children


@pytest.mark.skipif(
    importlib.util.find_spec("labrunner.localcloud.server") is None, reason="no server yet"
)
def test_the_real_server_starts_answers_and_stops(directory: Path) -> None:
    cloud = daemon.start(directory)
    found = status(directory)
    assert found is not None
    assert found.empty
    assert stop(directory)
    gone(cloud.pid)


if __name__ == "__main__":
    run(MODES[sys.argv.pop(1)])
