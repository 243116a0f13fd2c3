"""A user: commands in processes of their own, with an own home and no AWS configuration."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session


class User:
    """Runs commands with a home of its own, without any AWS configuration."""

    def __init__(self, home: Path, folder: Path | None = None, **env: str) -> None:
        # Where commands are typed: a `labs` folder there is found.
        self.folder = folder or home
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LABRUNNER_HOME": str(home / "state"),
            "PYTHONPATH": os.pathsep.join(sys.path),
            **env,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labrunner", *arguments],
            env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]

    @contextmanager
    def client(self, service: str) -> Iterator[Any]:
        """Yield a client of the user's local cloud."""
        lines = self.run("cloud", "env").stdout.splitlines()
        variables = dict(
            line.removeprefix("export ").split("=", 1)
            for line in lines
            if line.startswith("export ")
        )
        client: Any = botocore.session.Session().create_client(
            service,
            region_name=variables["AWS_REGION"],
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )
        try:
            yield client
        finally:
            client.close()

    def buckets(self) -> list[str]:
        with self.client("s3") as s3:
            return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
