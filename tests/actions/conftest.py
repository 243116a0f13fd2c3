"""A machine that can be reached by SSH, and the key that opens it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labrunner.actions import ssh
from labrunner.actions.connection import Connection
from labrunner.actions.key import Keys
from labrunner.outcome import Answer, Call, Outcome
from tests.actions.ssh_server import ED25519, USER, SshServer, public, serving


@dataclass
class Machine:
    """A server, and what is needed to run a command on it."""

    server: SshServer
    key_file: Path
    lines: list[str] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        return Connection("127.0.0.1", self.server.port, USER, self.key_file, public(ED25519))

    def run(self, command: str, **others: Any) -> Outcome:
        """Run by the ssh action, with any arguments instead of the right ones."""
        arguments = {
            "host": "127.0.0.1",
            "port": self.server.port or 1,
            "user": USER,
            "key_file": str(self.key_file),
            "host_keys": public(ED25519),
            "command": command,
            "connect_timeout": 20,
            "timeout": 60,
        }
        return ssh.perform(Call("ssh", "run", {**arguments, **others}, report=self.lines.append))


def make_key(folder: Path, name: str) -> dict[str, str]:
    outcome = Keys(folder).perform(Call("key", "create", {"Name": name}))
    assert isinstance(outcome, Answer)
    result: dict[str, str] = outcome.result
    return result


@pytest.fixture
def absent(tmp_path: Path) -> Machine:
    """Return a machine that does not serve yet."""
    pair = make_key(tmp_path / "keys", "learner")
    return Machine(SshServer(pair["PublicKey"]), Path(pair["PrivateKeyFile"]))


@pytest.fixture
def machine(absent: Machine) -> Iterator[Machine]:
    with serving(absent.server):
        yield absent
