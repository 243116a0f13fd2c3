"""The benchmark's own local cloud, and labrunner as a user of it starts it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def program(name: str) -> str:
    """Return the path of a program of this Python environment; ends the process without it."""
    found = Path(sys.executable).with_name(name)
    if not found.exists():
        sys.exit(f'{found} is missing; next: pip install -e ".[test]"')
    return str(found)


def environment(home: Path) -> dict[str, str]:
    """Return variables with a home of their own, and nothing of the user's configuration."""
    home.mkdir(mode=0o700, exist_ok=True)
    kept = ("LANG", "LC_ALL", "PYTHONPATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        # The AWS CLI of this environment before any other.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(home),
        "LABRUNNER_HOME": str(home),
        "TERM": "xterm-256color",
    }


def labrunner(env: dict[str, str], *arguments: str) -> str:
    """Run labrunner, unmeasured, and return what it wrote; ends the process when it fails."""
    command = [program("labrunner"), *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Cloud:
    """The running local cloud of a home; `env` is how the AWS CLI and boto3 reach it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.env = environment(home)
        lines = labrunner(self.env, "cloud", "env").splitlines()
        self.env |= dict(
            line.removeprefix("export ").split("=", 1) for line in lines if "=" in line
        )
        self._endpoint = self.env["AWS_ENDPOINT_URL"]

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 that it listens on."""
        return int(self._endpoint.rpartition(":")[2])

    def stop(self) -> None:
        """End the cloud."""
        labrunner(self.env, "cloud", "stop")

    def forget_runs(self) -> None:
        """Begin a new journal: its length must not count into what comes later."""
        for file in self._home.glob("journal.db*"):
            file.unlink()
        labrunner(self.env, "status")

    def must_be_empty(self, after: str) -> None:
        """End the process if any bucket is left."""
        import boto3

        client: Any = boto3.client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=self.env["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
        )
        if left := [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            sys.exit(f"after {after} these buckets are left: {', '.join(left)}")
