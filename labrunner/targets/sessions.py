"""Clients of AWS services, made when first used: one session, one client a service.

botocore's session and not boto3's: the clients are the same, and nothing else of boto3 is needed
on this path; it starts a third faster.
"""

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.loaders import Loader
    from botocore.session import Session

_POOL = 16


@dataclass(frozen=True)
class Access:
    """How calls reach a target: with its own credentials, or with the user's configuration."""

    region: str | None = None
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    profile: str | None = None

    @property
    def alone(self) -> bool:
        """True when nothing of the user's AWS configuration is to be used."""
        return self.access_key is not None


class Clients:
    """Makes and keeps the clients of one target; safe to use from several threads."""

    def __init__(self, access: Access, loader: "Loader | None" = None) -> None:
        self._access = access
        self._loader = loader
        self._session: Session | None = None
        self._clients: dict[str, BaseClient] = {}
        self._lock = threading.Lock()

    @property
    def session(self) -> "Session":
        """The botocore session; raises botocore's ProfileNotFound."""
        if self._session is None:
            self._session = _session(self._access, self._loader)
        return self._session

    def get(self, service: str) -> Any:
        """Return the service's client."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def _make(self, service: str) -> "BaseClient":
        access = self._access
        client = self.session.create_client(
            service,
            region_name=access.region,
            endpoint_url=access.endpoint,
            aws_access_key_id=access.access_key,
            aws_secret_access_key=access.secret_key,
            config=_config(access),
        )
        if access.endpoint and service == "s3control":
            client.meta.events.register("before-call.s3-control", _no_account_in_host)
        return client


def _no_account_in_host(params: dict[str, Any], **_kwargs: Any) -> None:
    """Ask the endpoint itself: <account>.127.0.0.1 is no name that resolves."""
    parts = urlsplit(params["url"])
    account = params["headers"].get("x-amz-account-id", "")
    host = parts.netloc.removeprefix(f"{account}.")
    params["url"] = urlunsplit(parts._replace(netloc=host))


def _session(access: Access, loader: "Loader | None") -> "Session":
    from botocore.session import Session

    variables = None
    if access.alone:
        # A local cloud must work whatever the user's AWS configuration says, or lacks.
        nowhere = (None, None, os.devnull, None)
        variables = {
            "profile": (None, None, None, None),
            "config_file": nowhere,
            "credentials_file": nowhere,
        }
    session = Session(session_vars=variables, profile=access.profile)
    if loader is not None:
        session.register_component("data_loader", loader)
    return session


def _config(access: Access) -> Any:
    from botocore.config import Config

    common: dict[str, Any] = {
        "connect_timeout": 10,
        "read_timeout": 60,
        "max_pool_connections": _POOL,
    }
    if access.endpoint is None:
        return Config(**common, retries={"mode": "standard", "total_max_attempts": 8})
    # Nothing passes on a local endpoint: what fails there has failed. No proxy leads to it.
    return Config(
        **common,
        retries={"mode": "standard", "total_max_attempts": 1},
        s3={"addressing_style": "path"},
        proxies={},
    )
