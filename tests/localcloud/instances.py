"""EC2 instances for tests: keys, launches, and the clients that log in."""

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labrunner.localcloud.machines.isolation import Unavailable, detect

from .conftest import LocalCloud

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
DEADLINE = 30.0
VERDICT = detect({})
needs_machines = pytest.mark.skipif(
    isinstance(VERDICT, Unavailable), reason=getattr(VERDICT, "why", "")
)


def needs_program(name: str) -> pytest.MarkDecorator:
    """Skip where a program is not installed."""
    missing = shutil.which(name) is None
    return pytest.mark.skipif(missing, reason=f"the program {name} is not installed")


needs_openssh = needs_program("ssh")


def wait_for(true: Callable[[], Any], what: str) -> Any:
    """Return the first true answer; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"not in {DEADLINE:g} s: {what}")


def make_key(directory: Path, kind: str = "ssh-ed25519") -> Path:
    """Write a new private key, and its public half beside it."""
    asyncssh = pytest.importorskip("asyncssh")
    path = directory / f"key-{uuid.uuid4().hex[:8]}"
    key = asyncssh.generate_private_key(kind)
    path.touch(mode=0o600)
    key.write_private_key(path)
    key.write_public_key(f"{path}.pub")
    return path


@dataclass
class Account:
    """What a test needs of the cloud to launch instances, and all that it launched."""

    cloud: LocalCloud
    directory: Path
    key: Path
    key_name: str
    image: str
    launched: list[str] = field(default_factory=list)

    @property
    def ec2(self) -> Any:
        return self.cloud.client("ec2")

    def group(self, *ports: int) -> str:
        """Return a new security group that opens ports to this host."""
        name = f"g-{uuid.uuid4().hex[:8]}"
        group = str(self.ec2.create_security_group(GroupName=name, Description="d")["GroupId"])
        for port in ports:
            self.open(group, port)
        return group

    def open(self, group: str, port: int, cidr: str = "127.0.0.1/32", to: int = 0) -> None:
        self.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=to or port, CidrIp=cidr
        )

    def close(self, group: str, port: int, cidr: str = "127.0.0.1/32", to: int = 0) -> None:
        self.ec2.revoke_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=to or port, CidrIp=cidr
        )

    def launch(self, **parameters: Any) -> str:
        """Launch one instance, without waiting for it."""
        given = {
            "ImageId": self.image,
            "InstanceType": "t3.micro",
            "MinCount": 1,
            "MaxCount": 1,
            "KeyName": self.key_name,
            **parameters,
        }
        found = self.ec2.run_instances(**{k: v for k, v in given.items() if v is not None})
        self.launched += [one["InstanceId"] for one in found["Instances"]]
        return self.launched[-1]

    def run(self, **parameters: Any) -> dict[str, Any]:
        """Launch an instance, and describe it once it runs."""
        return self.wait_state(self.launch(**parameters), "running")

    def describe(self, instance: str) -> dict[str, Any]:
        found = self.ec2.describe_instances(InstanceIds=[instance])
        one: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return one

    def wait_state(self, instance: str, state: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            one = self.describe(instance)
            return one if one["State"]["Name"] == state else None

        found: dict[str, Any] = wait_for(reached, f"{instance} is {state}")
        return found

    def end(self) -> None:
        """Terminate all, and wait."""
        for one in self.launched:
            attribute = {"DisableApiTermination": {"Value": False}}
            self.ec2.modify_instance_attribute(InstanceId=one, **attribute)
        if self.launched:
            self.ec2.terminate_instances(InstanceIds=self.launched)
        for one in self.launched:
            self.wait_state(one, "terminated")


def make_account(cloud: LocalCloud, directory: Path) -> Account:
    """Import a key pair and find the image."""
    key, name = make_key(directory), f"key-{uuid.uuid4().hex[:8]}"
    public = Path(f"{key}.pub").read_bytes()
    cloud.client("ec2").import_key_pair(KeyName=name, PublicKeyMaterial=public)
    image = cloud.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    return Account(cloud, directory, key, name, image)


@dataclass(frozen=True)
class Login:
    """Logs in to an instance with OpenSSH's own programs."""

    instance: dict[str, Any]
    key: Path
    known_hosts: Path
    user: str = "ec2-user"

    @property
    def host(self) -> str:
        return str(self.instance["PublicIpAddress"])

    @property
    def port(self) -> int:
        return ssh_port(self.instance)

    def options(self, checking: str = "accept-new", *more: str) -> list[str]:
        pairs = {
            "UserKnownHostsFile": self.known_hosts,
            "GlobalKnownHostsFile": os.devnull,
            "StrictHostKeyChecking": checking,
            "IdentitiesOnly": "yes",
            "IdentityFile": self.key,
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "Port": self.port,
            "LogLevel": "ERROR",
        }
        found = ["-F", "none"]
        for name, value in pairs.items():
            found += ["-o", f"{name}={value}"]
        return [*found, *more]

    def ssh(
        self, command: str = "", *flags: str, data: bytes = b"", checking: str = "accept-new"
    ) -> "subprocess.CompletedProcess[bytes]":
        words = [*flags, f"{self.user}@{self.host}", *([command] if command else [])]
        return self._run("ssh", [*self.options(checking), *words], data)

    def program(
        self, name: str, *words: str, data: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `scp` or `sftp`; `HOST:` in a word is the instance."""
        target = f"{self.user}@{self.host}"
        return self._run(
            name, [*self.options(), *(word.replace("HOST", target) for word in words)], data
        )

    def out(self, command: str) -> str:
        """Return what a command prints; fail if it does."""
        done = self.ssh(command)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def _run(
        self, program: str, words: list[str], data: bytes
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [program, *words],
            input=data,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.known_hosts.parent)},
        )


def ssh_port(instance: dict[str, Any]) -> int:
    """Return where the SSH server of an instance is reached."""
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
    return int(tags.get("labrunner:ssh-port", 22))


def connects(host: str, port: int) -> bool:
    """Whether a TCP connection is accepted."""
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True
