"""A machine as SSH clients see it: OpenSSH's own programs, and paramiko."""

import asyncio
import base64
import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import LocalCloud
from .instances import (
    Account,
    Login,
    make_account,
    make_key,
    needs_machines,
    needs_openssh,
    needs_program,
    ssh_port,
    wait_for,
)

pytestmark = needs_machines


@pytest.fixture(scope="module")
def account(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    made = make_account(cloud, tmp_path_factory.mktemp("keys"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def instance(account: Account) -> dict[str, Any]:
    return account.run(SecurityGroupIds=[account.group(22)])


@pytest.fixture
def login(account: Account, instance: dict[str, Any], tmp_path: Path) -> Login:
    return Login(instance, account.key, tmp_path / "known_hosts")


def host_key(account: Account, instance: dict[str, Any]) -> str:
    """Return the public host key that the console shows."""
    text = account.ec2.get_console_output(InstanceId=instance["InstanceId"])["Output"]
    block = re.search(
        r"-----BEGIN SSH HOST KEY KEYS-----\n(.*?)-----END SSH HOST KEY KEYS-----", text, re.DOTALL
    )
    assert block is not None
    return block[1].strip()


# ---- commands


@needs_openssh
def test_commands_end_as_they_end(login: Login) -> None:
    assert login.out("id -un").strip() == "ec2-user"
    assert login.out("id -u").strip() == "1000"
    for code in (0, 1, 5, 255):
        assert login.ssh(f"exit {code}").returncode == code
    assert login.ssh("no-such-program-here").returncode == 127
    done = login.ssh("echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


@needs_openssh
def test_input_and_its_end(login: Login) -> None:
    data = os.urandom(3_000_000)
    done = login.ssh("cat", data=data)
    assert (done.returncode, done.stdout == data) == (0, True)
    assert login.ssh("wc -c", data=data).stdout.strip() == b"3000000"
    assert login.ssh("head -c 10", data=data).stdout == data[:10]  # which does not read it all


@needs_openssh
def test_quoting_reaches_the_shell(login: Login) -> None:
    assert login.out("echo 'a  b' \"$HOME\" $((1+2))") == "a  b /home/ec2-user 3\n"


@needs_openssh
def test_the_environment_is_the_machine_s(
    login: Login, monkeypatch: pytest.MonkeyPatch, cloud: LocalCloud
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "s3cr3t")
    env = dict(line.split("=", 1) for line in login.out("env").splitlines())
    assert env["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert env["AWS_DEFAULT_REGION"] == "us-east-1"
    assert (env["HOME"], env["USER"]) == ("/home/ec2-user", "ec2-user")
    allowed = {"HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    allowed |= {"AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "SSH_CLIENT", "SSH_CONNECTION"}
    assert set(env) <= allowed


@needs_openssh
def test_what_a_session_starts_outlives_it(login: Login) -> None:
    login.out("nohup sleep 300 > /dev/null 2>&1 & echo $! > /tmp/pid")
    assert login.out("ps -o comm= -p $(cat /tmp/pid)").strip() == "sleep"
    assert login.out("kill $(cat /tmp/pid) && echo killed") == "killed\n"


@needs_openssh
def test_sudo_is_root_without_a_password(login: Login) -> None:
    assert login.out("sudo id -u").strip() == "0"
    assert login.out("sudo -u ec2-user id -un").strip() == "ec2-user"
    assert login.ssh("sudo sh -c 'exit 4'").returncode == 4
    assert login.ssh("sudo cat", data=b"through").stdout == b"through"
    assert login.ssh("sudo kill -0 1 && sudo -n A=b env | grep ^A=").stdout == b"A=b\n"
    assert login.ssh("sudo no-such-program").returncode != 0


# ---- terminals


@needs_openssh
def test_a_terminal(login: Login) -> None:
    done = login.ssh("tty; test -t 0 && echo yes; ps -o tty=,stat= -p $$; true", "-tt")
    lines = done.stdout.decode().split("\r\n")
    assert lines[0].startswith("/dev/pts/")
    assert lines[1] == "yes"
    assert re.match(r"pts/\d+\s+Ss", lines[2])  # a session leader, with the terminal its own


@needs_openssh
def test_job_control(login: Login) -> None:
    script = "set -m; sleep 100 & jobs; kill %1; wait; echo done=$?; exit 6"
    done = login.ssh(f"bash -ic '{script}'", "-tt")
    assert b"no job control" not in done.stdout
    assert b"sleep 100" in done.stdout
    assert done.returncode == 6


def test_an_interactive_shell(account: Account, instance: dict[str, Any]) -> None:
    with ssh_client(account, instance) as client:
        channel = client.invoke_shell(term="xterm", width=90, height=33)
        channel.settimeout(20)
        expect(channel, "$ ")
        channel.send(b"stty size; echo $TERM\n")
        assert "33 90" in expect(channel, "xterm\r\n")
        channel.resize_pty(width=120, height=50)
        channel.send(
            b"until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo re''sized\n"
        )
        expect(channel, "resized")
        channel.send(STOPPABLE)
        expect(channel, "started")
        channel.send(b"\x1a")  # control-Z
        expect(channel, "Stopped")
        channel.send(b"fg\n")
        expect(channel, "again")
        channel.send(b"\x03")  # control-C
        expect(channel, "$ ")
        channel.send(b"exit 7\n")
        assert channel.recv_exit_status() == 7
        channel.close()


# Says when it runs in the foreground: a key that is pressed earlier reaches the shell. No shell
# itself, as one that is just starting a program cannot be stopped.
STOPPABLE = (
    b'python3 -uc "import signal, time; '
    b"signal.signal(signal.SIGCONT, lambda *_: print('ag' + 'ain')); "
    b"print('sta' + 'rted'); time.sleep(300)\"\n"
)


def expect(channel: Any, text: str) -> str:
    found = ""
    while text not in found:
        more = channel.recv(4096).decode("utf-8", "replace")
        assert more, f"{text!r} did not come: {found!r}"
        found += more
    return found


# ---- paramiko


@contextlib.contextmanager
def ssh_client(account: Account, instance: dict[str, Any], **options: Any) -> Iterator[Any]:
    """Connect as careful programs do: the host's key is known from the console."""
    paramiko = pytest.importorskip("paramiko")
    host, port = instance["PublicIpAddress"], ssh_port(instance)
    name = host if port == 22 else f"[{host}]:{port}"
    client = paramiko.SSHClient()
    kind, text = options.pop("host_key", host_key(account, instance)).split()[:2]
    key = paramiko.PKey.from_type_string(kind, base64.b64decode(text))
    client.get_host_keys().add(name, kind, key)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    given = {
        "username": "ec2-user",
        "key_filename": str(account.key),
        "allow_agent": False,
        "look_for_keys": False,
        "timeout": 20,
        **options,
    }
    try:
        client.connect(host, port, **given)
        yield client
    finally:
        client.close()


def test_paramiko(account: Account, instance: dict[str, Any]) -> None:
    with ssh_client(account, instance) as client:
        stdin, stdout, stderr = client.exec_command("cat; echo oops >&2; exit 9", timeout=20)
        stdin.write("from paramiko")
        stdin.channel.shutdown_write()
        assert stdout.read() == b"from paramiko"
        assert stderr.read() == b"oops\n"
        assert stdout.channel.recv_exit_status() == 9
        with client.open_sftp() as sftp:
            sftp.putfo(io.BytesIO(b"by sftp"), "/tmp/by-paramiko")
            with sftp.open("/tmp/by-paramiko", "a") as file:
                file.write(" and more")
            with sftp.open("/tmp/by-paramiko") as file:
                assert file.read() == b"by sftp and more"
                assert file.stat().st_size == 16
            about = sftp.stat("/tmp/by-paramiko")
            assert (about.st_uid, about.st_gid) == (1000, 1000)
            with pytest.raises(FileNotFoundError):
                sftp.stat("/tmp/missing")
            assert sftp.normalize(".") == "/home/ec2-user"
            assert "by-paramiko" in sftp.listdir("/tmp")
            sftp.chmod("/tmp/by-paramiko", 0o640)
            assert sftp.stat("/tmp/by-paramiko").st_mode & 0o777 == 0o640
            sftp.remove("/tmp/by-paramiko")


def test_signals(account: Account, instance: dict[str, Any]) -> None:
    asyncssh = pytest.importorskip("asyncssh")

    async def run() -> tuple[str, str]:
        about = {"username": "ec2-user", "client_keys": [account.key], "known_hosts": None}
        host, port = instance["PublicIpAddress"], ssh_port(instance)
        async with asyncssh.connect(host, port, config=None, agent_path=None, **about) as client:
            process = await client.create_process("echo ready; exec sleep 300")
            assert await process.stdout.readline() == "ready\n"
            process.send_signal("TERM")
            ended = await asyncio.wait_for(process.wait(), 20)
            plain = await client.run("kill -KILL $$")
            return ended.exit_signal[0], plain.exit_signal[0]

    assert asyncio.run(run()) == ("TERM", "KILL")


# ---- who may log in


@needs_openssh
def test_other_keys_and_users_are_refused(
    account: Account, instance: dict[str, Any], tmp_path: Path
) -> None:
    stranger = Login(instance, make_key(tmp_path), tmp_path / "kh").ssh("id")
    assert stranger.returncode == 255
    assert b"Permission denied (publickey)" in stranger.stderr
    for user in ("root", "nobody", "ubuntu", os.environ.get("USER", "somebody")):
        refused = Login(instance, account.key, tmp_path / "kh", user).ssh("id")
        assert refused.returncode == 255
        assert b"Permission denied (publickey)" in refused.stderr


@needs_openssh
def test_only_public_keys_are_offered(login: Login) -> None:
    done = login.ssh("id", "-o", "PreferredAuthentications=none", "-v", "-o", "LogLevel=VERBOSE")
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


@needs_openssh
def test_the_host_key_is_the_one_of_the_console(
    account: Account, instance: dict[str, Any], login: Login, tmp_path: Path
) -> None:
    name = login.host if login.port == 22 else f"[{login.host}]:{login.port}"
    line = host_key(account, instance)
    login.known_hosts.write_text(f"{name} {line}\n")
    assert login.ssh("id -un", checking="yes").stdout == b"ec2-user\n"
    wrong = Path(f"{make_key(tmp_path)}.pub").read_text()
    login.known_hosts.write_text(f"{name} {wrong}")
    done = login.ssh("id -un", checking="yes")
    assert done.returncode == 255
    assert b"Host key verification failed" in done.stderr


@needs_program("ssh-keygen")
def test_the_fingerprint_is_that_of_the_key(
    account: Account, instance: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "host.pub").write_text(host_key(account, instance) + "\n")
    told = subprocess.run(
        ["ssh-keygen", "-l", "-f", tmp_path / "host.pub"], capture_output=True, check=True
    ).stdout.decode()
    text = account.ec2.get_console_output(InstanceId=instance["InstanceId"])["Output"]
    between = text.split("BEGIN SSH HOST KEY FINGERPRINTS-----")[1].split("-----END SSH")[0]
    assert told.strip() in between
    assert re.search(r"256 SHA256:\S{43} root@\S+ \(ED25519\)", between)


@needs_openssh
def test_a_user_may_let_another_key_in(
    account: Account, instance: dict[str, Any], login: Login, tmp_path: Path
) -> None:
    friend = make_key(tmp_path)
    public = Path(f"{friend}.pub").read_text()
    assert Login(instance, friend, login.known_hosts).ssh("id").returncode == 255
    login.out(
        f"cp ~/.ssh/authorized_keys /tmp/k && echo '{public.strip()}' >> ~/.ssh/authorized_keys"
    )
    assert Login(instance, friend, login.known_hosts).out("id -un") == "ec2-user\n"
    login.out("mv /tmp/k ~/.ssh/authorized_keys")
    assert Login(instance, friend, login.known_hosts).ssh("id").returncode == 255
    assert account.key.exists()


# ---- files


@needs_program("scp")
@pytest.mark.parametrize("flags", [(), ("-O",)], ids=["sftp", "legacy"])
def test_scp(login: Login, tmp_path: Path, flags: tuple[str, ...]) -> None:
    data = os.urandom(2_000_000)
    (tmp_path / "up").write_bytes(data)
    up = login.program("scp", *flags, str(tmp_path / "up"), "HOST:uploaded")
    assert (up.returncode, up.stderr) == (0, b"")
    down = login.program("scp", *flags, "HOST:uploaded", str(tmp_path / "down"))
    assert (down.returncode, (tmp_path / "down").read_bytes() == data) == (0, True)
    missing = login.program("scp", *flags, "HOST:missing", str(tmp_path / "x"))
    assert missing.returncode == 1
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / "a" / "b").write_text("deep")
    tree = login.program("scp", "-r", *flags, str(tmp_path / "tree"), "HOST:")
    assert (tree.returncode, login.out("cat tree/a/b; rm -r tree")) == (0, "deep")


@needs_program("sftp")
def test_sftp(login: Login, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    batch = f"""
pwd
mkdir d
put {tmp_path}/file d/one
rename d/one d/two
symlink d/two link
ln d/two d/three
chmod 600 d/two
ls -l d
get link {tmp_path}/back
df
-get /root/nothing {tmp_path}/x
rm d/two
rm d/three
rm link
rmdir d
"""
    done = login.program("sftp", "-b", "-", "HOST", data=batch.encode())
    text = done.stdout.decode()
    assert done.returncode == 0, done.stderr
    assert "Remote working directory: /home/ec2-user" in text
    assert re.search(r"-rw-------\s+2 ec2-user ec2-user\s+7 .* two", text)
    assert (tmp_path / "back").read_text() == "content"
    assert login.ssh("ls d link").returncode == 2


@needs_program("sftp")
def test_links_lead_to_files_of_the_machine(login: Login, tmp_path: Path) -> None:
    outside = tmp_path / "of-the-host"
    outside.write_text("secret")
    login.out(f"ln -sfn {outside} out; ln -sfn / top")
    for path in ("out", f"top{outside}", str(outside), f"../../../..{outside}"):
        done = login.program("sftp", f"HOST:{path}", str(tmp_path / "stolen"))
        assert done.returncode != 0, path
        assert not (tmp_path / "stolen").exists()
    done = login.program("sftp", "HOST:top/etc/hostname", str(tmp_path / "hostname"))
    assert done.returncode == 0
    assert (tmp_path / "hostname").read_text() == login.out("hostname")


# ---- forwarding


@needs_openssh
def test_ports_are_forwarded_into_the_machine_only(login: Login, cloud: LocalCloud) -> None:
    login.out("mkdir -p web && echo inside > web/index.html")
    serve = "python3 -m http.server 8000 --bind 127.0.0.1 --directory web"
    login.out(f"nohup {serve} >/dev/null 2>&1 &")
    secret = socket.create_server(("127.0.0.1", 0))  # a service of the host
    ports = [free_port() for _ in range(3)]
    targets = ["localhost:8000", f"127.0.0.1:{secret.getsockname()[1]}", "192.0.2.1:80"]
    flags = [
        word
        for port, target in zip(ports, targets, strict=True)
        for word in ("-L", f"127.0.0.1:{port}:{target}")
    ]
    words = ["ssh", *login.options(), "-N", *flags, f"ec2-user@{login.host}"]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as ssh:
        try:
            assert wait_for(lambda: fetch(ports[0]), "the forwarded port answers") == b"inside\n"
            for port in ports[1:]:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as refused:
                    refused.settimeout(10)
                    with contextlib.suppress(ConnectionError):
                        assert refused.recv(1) == b""
            secret.settimeout(0.2)
            with pytest.raises(TimeoutError):
                secret.accept()
        finally:
            ssh.send_signal(signal.SIGTERM)
            secret.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def fetch(port: int) -> bytes:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bytes(answer.read())
    except OSError:
        return b""


@needs_openssh
def test_nothing_is_forwarded_back(login: Login) -> None:
    done = login.ssh("true", "-R", "0:localhost:1", "-o", "ExitOnForwardFailure=yes")
    assert done.returncode == 255
    agent = login.ssh("echo [$SSH_AUTH_SOCK]", "-A")
    assert agent.stdout == b"[]\n"


# ---- isolation


@needs_openssh
def test_the_host_is_out_of_sight(login: Login, cloud: LocalCloud, tmp_path: Path) -> None:
    directory = cloud.server.settings.directory
    for path in (tmp_path, directory, directory / "server.log", Path(__file__)):
        assert login.ssh(f"test -e '{path}'").returncode == 1, path
        assert login.ssh(f"sudo test -e '{path}'").returncode == 1, path
    shadow = login.ssh("sudo cat /etc/shadow /etc/machine-id")
    assert (shadow.returncode, shadow.stdout) == (1, b"")
    for name in ("/usr/owned", "/proc/sys/kernel/owned", "/dev/owned", "/opt/labrunner/guest/x"):
        assert login.ssh(f"sudo touch {name}").returncode == 1, name
    assert login.ssh("sudo sh -c 'echo 1 > /proc/sys/kernel/panic'").returncode != 0
    assert login.ssh("sudo mount -t tmpfs none /mnt").returncode != 0


@needs_openssh
def test_processes_of_the_host_are_out_of_sight(login: Login) -> None:
    seen = {int(pid) for pid in login.out("ls /proc").split() if pid.isdecimal()}
    assert max(seen) < 1000  # numbers of its own, few of them
    assert login.ssh(f"kill -0 {os.getpid()}").returncode == 1
    names = login.out("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "pytest" not in names


@needs_openssh
def test_the_network_is_the_machine_s_own(
    login: Login, account: Account, instance: dict[str, Any], cloud: LocalCloud
) -> None:
    code = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"

    def reaches(host: str, port: int) -> bool:
        return login.ssh(f'python3 -c "{code}" {host} {port}').returncode == 0

    assert reaches("127.0.0.1", cloud.server.port)  # the cloud itself, by a way of its own
    with socket.create_server(("127.0.0.1", 0)) as service:
        assert not reaches("127.0.0.1", service.getsockname()[1])
    other = account.run(SecurityGroupIds=[account.group(22)])
    assert not reaches(other["PublicIpAddress"], ssh_port(other))
    assert not reaches(instance["PublicIpAddress"], ssh_port(instance))
    assert not reaches("192.0.2.1", 80)
    interfaces = login.out("cat /proc/net/dev | tail -n +3 | cut -d: -f1")
    assert interfaces.split() == ["lo"]


@needs_openssh
def test_limits(login: Login) -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NPROC)[1])"
    assert login.out(f"python3 -c '{code}'").strip() == "512"
    assert login.ssh("truncate -s 3G big").returncode != 0
    code = "x = bytearray(3 * 1024**3)"
    assert b"MemoryError" in login.ssh(f"python3 -c '{code}'").stderr
