"""Who calls: the account's root, an IAM user, a session of a role, or nobody."""

import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.signature import Signature, SignatureError

Kind = Literal["anonymous", "root", "user", "role"]
BASE32 = string.ascii_uppercase + "234567"


@dataclass(frozen=True)
class Principal:
    """The sender of a call; `role_arn` is the role of a session, `name` the user's or role's."""

    kind: Kind
    arn: str = ""
    user_id: str = "anonymous"
    name: str = ""
    role_arn: str = ""
    # A session policy can only take away from what its role or user may do.
    session_policy: str | None = None

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody signed the call."""
        return self.kind == "anonymous"

    @property
    def is_root(self) -> bool:
        """Whether it is the account itself."""
        return self.kind == "root"


ANONYMOUS = Principal("anonymous")


@dataclass(frozen=True)
class Credentials:
    """An access key that is good now, and whose it is."""

    secret_key: str = field(repr=False)
    principal: Principal
    token: str = field(default="", repr=False)
    expiration: datetime | None = None


@dataclass(frozen=True)
class Session:
    """Temporary credentials that were handed out."""

    access_key: str
    credentials: Credentials


class Sessions:
    """The temporary credentials of one cloud, by access key."""

    def __init__(self) -> None:
        self._sessions: dict[str, Credentials] = {}

    def issue(self, principal: Principal, expiration: datetime) -> Session:
        """Hand out credentials for a principal until a time."""
        key = "ASIA" + "".join(secrets.choice(BASE32) for _ in range(16))
        credentials = Credentials(
            secrets.token_urlsafe(30), principal, secrets.token_urlsafe(240), expiration
        )
        self._sessions[key] = credentials
        return Session(key, credentials)

    def find(self, access_key: str) -> Credentials | None:
        """Return the credentials of a key, expired or not."""
        return self._sessions.get(access_key)


def root(cloud: Cloud) -> Principal:
    """Return the account's root user."""
    return Principal("root", cloud.root_arn, cloud.account, "root")


def role_session(cloud: Cloud, role: Any, name: str, policy: str | None) -> Principal:
    """Return the principal of a session of one of moto's roles."""
    arn = f"arn:{PARTITION}:sts::{cloud.account}:assumed-role/{role.name}/{name}"
    return Principal("role", arn, f"{role.id}:{name}", role.name, role.arn, policy)


def find_credentials(cloud: Cloud, signature: Signature) -> Credentials:
    """Return whose key signed, if it is one of this cloud's; raises SignatureError."""
    key, token = signature.access_key, signature.token
    if key == cloud.settings.access_key:
        found = Credentials(cloud.settings.secret_key, root(cloud))
    else:
        known = cloud.state(Sessions).find(key) or _user_credentials(cloud, key)
        if known is None:
            raise SignatureError("unknown_key", fields={"AWSAccessKeyId": key})
        found = known
    if not secrets.compare_digest(found.token.encode(), token.encode()):
        raise SignatureError("unknown_key" if found.token and not token else "bad_token")
    if found.expiration is not None and cloud.now() >= found.expiration:
        raise SignatureError("expired_token")
    return found


def iam_backend(cloud: Cloud) -> Any:
    """Return moto's IAM of this cloud's account."""
    from labrunner.localcloud.moto_bridge import backend

    return backend("iam", cloud.account, PARTITION)


def session_seconds(cloud: Cloud, seconds: int) -> datetime:
    """Return when a session of so many seconds ends."""
    return cloud.now() + timedelta(seconds=seconds)


def _user_credentials(cloud: Cloud, key: str) -> Credentials | None:
    for user in tuple(iam_backend(cloud).users.values()):
        for access_key in user.access_keys:
            if access_key.access_key_id == key and access_key.status == "Active":
                principal = Principal("user", user.arn, user.id, user.name)
                return Credentials(access_key.secret_access_key, principal)
    return None


def identity_policies(cloud: Cloud, principal: Principal) -> Iterator[str]:
    """Yield the JSON text of every policy that is attached to a user or a role."""
    iam = iam_backend(cloud)
    holders = []
    if principal.kind == "user" and principal.name in iam.users:
        user = iam.users[principal.name]
        holders = [user, *(g for g in iam.groups.values() if user in g.users)]
    elif principal.kind == "role":
        holders = [role for role in iam.roles.values() if role.arn == principal.role_arn]
    for holder in holders:
        for inline in holder.policies.values():
            yield inline if isinstance(inline, str) else str(inline["policy_document"])
        for managed in holder.managed_policies.values():
            yield document(managed)


def boundary_policy(cloud: Cloud, principal: Principal) -> str | None:
    """Return the JSON text of the permissions boundary of a principal's role, if it has one."""
    if principal.kind != "role":
        return None
    iam = iam_backend(cloud)
    for role in iam.roles.values():
        if role.arn == principal.role_arn:
            boundary = role.permissions_boundary
            arn = boundary["PermissionsBoundaryArn"] if boundary else None
            return document(iam.managed_policies[arn]) if arn in iam.managed_policies else None
    return None


def document(policy: Any) -> str:
    """Return the JSON text of the version of a managed policy that is in force."""
    return next(str(one.document) for one in policy.versions if one.is_default)
