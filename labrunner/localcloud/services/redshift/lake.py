"""S3 as a warehouse's roles may use it: COPY and UNLOAD are calls of the role's session."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.principals import iam_backend, role_session
from labrunner.localcloud.s3 import buckets
from labrunner.localcloud.sql.cloud_storage import S3Storage
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.redshift.wording import RedshiftError
from labrunner.localcloud.sql.storage import Address, Entry
from labrunner.localcloud.trust import trusts


def find_role(cloud: Cloud, arn: str) -> Any:
    """Return moto's role of an ARN, None if there is none."""
    return next((one for one in iam_backend(cloud).roles.values() if one.arn == arn), None)


def expect_roles(cloud: Cloud, arns: list[str], default: str | None, code: str) -> None:
    """Raise AwsError if a role that is to be attached does not exist, or the default is not one."""
    for arn in arns:
        if find_role(cloud, arn) is None:
            raise AwsError(code, f"The IAM role {arn} is not valid: there is no such role.")
    if default and default not in arns:
        raise AwsError(code, f"The default IAM role {default} is not among the attached roles.")


class CloudLake:
    """The S3 of a cloud for one warehouse.

    `roles` returns the attached roles and the default one; `services` are the principals that a
    role may trust; `identity` is the ARN of a database user without its name.
    """

    def __init__(
        self,
        cloud: Cloud,
        region: str,
        roles: Callable[[], tuple[list[str], str | None]],
        services: tuple[str, ...],
        identity: str,
    ) -> None:
        self._cloud = cloud
        self._region = region
        self._roles = roles
        self._services = services
        self._identity = identity

    @property
    def region(self) -> str:
        """The warehouse's own region."""
        return self._region

    def store(self, role: str | None, user: str) -> "RoleStore":
        """Return S3 as a role, None the default role; raises SqlError if it cannot be assumed."""
        attached, default = self._roles()
        arn = role or default
        if arn is None:
            text = "The default IAM role is not set for the warehouse"
            hint = "Set a default role (defaultIamRoleArn), or name one: IAM_ROLE 'arn:...'."
            raise RedshiftError("XX000", text, hint=hint, kind="execution")
        found = find_role(self._cloud, arn)
        if found is None or arn not in attached or not trusts(found, self._services):
            raise self._not_authorized(arn, user, found, attached)
        principal = role_session(self._cloud, found, f"redshift-{secrets.token_hex(4)}", None)
        return RoleStore(self._cloud, S3Storage(self._cloud, principal, self._region))

    def _not_authorized(
        self, arn: str, user: str, found: Any, attached: list[str]
    ) -> RedshiftError:
        text = f"User {self._identity}/{user} is not authorized to assume IAM Role {arn}"
        hint = f"The trust policy of the role must let {self._services[0]} assume it."
        if found is None:
            hint = "There is no such role."
        elif arn not in attached:
            hint = "The role is not attached to the warehouse."
        detail = f"error: Not authorized to get credentials of role {arn}, code: 30000"
        return RedshiftError("XX000", text, detail=detail, hint=hint, kind="execution")


class RoleStore:
    """The buckets of a cloud as a role's session may use them."""

    def __init__(self, cloud: Cloud, storage: S3Storage) -> None:
        self._cloud = cloud
        self._storage = storage

    def region(self, bucket: str) -> str:
        """Return where a bucket is, an empty text if there is no such bucket."""
        found = buckets.find(self._cloud, bucket)
        return str(found.region_name) if found is not None else ""

    def list(self, prefix: Address) -> Iterator[Entry]:
        """Yield the objects whose key begins so."""
        try:
            yield from self._storage.list(prefix)
        except SqlError as error:
            raise _refused(error) from None

    def open(self, address: Address) -> BinaryIO:
        """Open an object to be read."""
        try:
            return self._storage.open(address)
        except SqlError as error:
            raise _refused(error) from None

    def put(self, address: Address, source: Path) -> None:
        """Store a local file as an object."""
        try:
            self._storage.put(address, source)
        except SqlError as error:
            raise _refused(error) from None

    def delete(self, address: Address) -> None:
        """Delete an object."""
        try:
            self._storage.delete(address)
        except SqlError as error:
            raise _refused(error) from None


STATUS = {"AccessDenied": 403, "NoSuchKey": 404, "NoSuchBucket": 404, "InvalidObjectState": 403}


def _refused(error: SqlError) -> RedshiftError:
    """Return S3's refusal as Redshift words it."""
    code, _, why = error.message.partition(": ")
    status = STATUS.get(code, 400)
    title = "Access Denied" if code == "AccessDenied" else why
    request = secrets.token_hex(8).upper()
    text = f"S3ServiceException:{title},Status {status},Error {code},Rid {request},CanRetry 1"
    return RedshiftError("XX000", text, detail=why, kind="execution")
