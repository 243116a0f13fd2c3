"""A local cloud in a thread, shared by the tests of a module, and clients to call it."""

import http.client
import itertools
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import botocore.session
import pytest
from botocore.client import Config
from botocore.exceptions import ClientError

from labrunner.localcloud.server import Server, Settings

ACCESS_KEY = "AKIATESTTESTTESTTEST"
SECRET_KEY = "a-secret/of+the-tests"
REGION = "us-east-1"
# Each cloud has an account of its own, as moto keeps those of one process apart by it.
ACCOUNTS = itertools.count(100000000000)


@dataclass(frozen=True)
class Answer:
    """What an HTTP request without an SDK got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        found = re.search(rb"<Code>(\w+)</Code>", self.body)
        return found[1].decode() if found else ""


@dataclass
class LocalCloud:
    """A running cloud, and the ways to call it."""

    server: Server
    thread: threading.Thread
    offset: timedelta = timedelta()
    _session: botocore.session.Session = field(default_factory=botocore.session.Session)
    _clients: dict[Any, Any] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    @property
    def account(self) -> str:
        return self.server.settings.account

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def client(
        self,
        service: str,
        key: str | None = ACCESS_KEY,
        secret: str | None = SECRET_KEY,
        token: str | None = None,
        region: str = REGION,
        **config: Any,
    ) -> Any:
        """Return a client of the root, or of other credentials."""
        about = (service, key, secret, token, region, repr(config))
        if about not in self._clients:
            options = {"retries": {"total_max_attempts": 1}, **config}
            client = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self.endpoint,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=Config(**options),
            )
            if service == "s3control":
                client.meta.events.register("before-sign", without_account)
            self._clients[about] = client
        return self._clients[about]

    def as_user(self, service: str, name: str, policy: Any = None) -> Any:
        """Return a client of a new IAM user with one inline policy."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if policy is not None:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.client(service, key["AccessKeyId"], key["SecretAccessKey"])

    def http(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request as any program could, without a signature."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.request(method, path, body or None, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def anonymous(self, method: str, bucket: str, key: str = "", query: str = "") -> Answer:
        """Send an anonymous S3 request."""
        path = f"/{bucket}/{quote(key)}" if key else f"/{bucket}"
        body = b"from nobody" if method in ("PUT", "POST") else b""
        return self.http(method, f"{path}?{query}" if query else path, body)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self.server.shutdown()
        self.thread.join(10)


def without_account(request: Any, **_: Any) -> None:
    """Take the account out of the host's name: `123456789012.127.0.0.1` has no address."""
    request.url = re.sub(r"//\d{12}\.", "//", request.url)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    yield from running(tmp_path_factory.mktemp("cloud"))


def running(directory: Path, **options: Any) -> Iterator[LocalCloud]:
    """Run a cloud while the caller uses it."""
    settings = Settings(
        ACCESS_KEY, SECRET_KEY, REGION, str(next(ACCOUNTS)), uuid.uuid4().hex, directory
    )
    found: list[LocalCloud] = []

    def now() -> datetime:
        return found[0].now()

    server = Server(settings, now=now, **options)
    thread = threading.Thread(target=server.serve_forever)
    found.append(LocalCloud(server, thread))
    thread.start()
    try:
        yield found[0]
    finally:
        found[0].close()


@pytest.fixture
def s3(cloud: LocalCloud) -> Any:
    return cloud.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def open_bucket(s3: Any, bucket: str) -> str:
    """A bucket whose owner has taken every guard off."""
    s3.delete_public_access_block(Bucket=bucket)
    set_ownership(s3, bucket, "ObjectWriter")
    return bucket


def set_ownership(s3: Any, bucket: str, ownership: str) -> None:
    rules = {"Rules": [{"ObjectOwnership": ownership}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)


def statement(effect: str, actions: Any, resources: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": actions, "Resource": resources, **more}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def put_policy(s3: Any, bucket: str, *statements: dict[str, Any]) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy(*statements)))


def public(bucket: str, *actions: str, on: str = "/*", **more: Any) -> dict[str, Any]:
    """A statement that lets everyone do something."""
    resource = f"arn:aws:s3:::{bucket}{on}"
    return statement("Allow", list(actions), resource, Principal="*", **more)


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[int, str, str]:
    """Return status, code and message of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response: Any = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return status, response["Error"]["Code"], response["Error"].get("Message", "")
