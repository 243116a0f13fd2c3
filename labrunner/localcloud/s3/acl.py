"""Access control lists: read from headers and XML, and what they grant to whom."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.principals import Principal
from labrunner.localcloud.request import Request

GROUPS = "http://acs.amazonaws.com/groups"
ALL_USERS = f"{GROUPS}/global/AllUsers"
AUTHENTICATED = f"{GROUPS}/global/AuthenticatedUsers"
LOG_DELIVERY = f"{GROUPS}/s3/LogDelivery"
PUBLIC = frozenset({ALL_USERS, AUTHENTICATED})
PERMISSIONS = frozenset({"READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"})
# The grants of each canned list besides the owner's FULL_CONTROL.
CANNED: dict[str, tuple[tuple[str, str], ...]] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED, "READ"),),
    "bucket-owner-read": (),  # the one account of the cloud owns every object already
    "bucket-owner-full-control": (),
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
}
GRANT_HEADERS = {
    "x-amz-grant-full-control": "FULL_CONTROL",
    "x-amz-grant-read": "READ",
    "x-amz-grant-read-acp": "READ_ACP",
    "x-amz-grant-write": "WRITE",
    "x-amz-grant-write-acp": "WRITE_ACP",
}
GRANTEE = re.compile(r'\s*(?P<kind>\w+)\s*=\s*"?(?P<value>[^",]+)"?\s*')


@dataclass(frozen=True)
class Grant:
    """One permission for a group (by its URI) or an account (by its canonical id)."""

    uri: str
    canonical_id: str
    permission: str


Acl = tuple[Grant, ...]


def owner_id() -> str:
    """Return the canonical id of the account, which moto writes everywhere."""
    from moto.s3.models import OWNER

    return str(OWNER)


def private() -> Acl:
    """Return the list that grants nothing but the owner's full control."""
    return (Grant("", owner_id(), "FULL_CONTROL"),)


def is_public(acl: Iterable[Grant]) -> bool:
    """Whether a list grants anything to everyone, or to every AWS account."""
    return any(grant.uri in PUBLIC for grant in acl)


def grants(acl: Acl, principal: Principal, permission: str) -> bool:
    """Whether a list grants a permission to a principal through a group."""
    groups = {ALL_USERS} if principal.is_anonymous else PUBLIC
    return any(
        grant.uri in groups and grant.permission in (permission, "FULL_CONTROL") for grant in acl
    )


def has_headers(request: Request) -> bool:
    """Whether a call sets a list by headers."""
    return "x-amz-acl" in request.headers or any(h in request.headers for h in GRANT_HEADERS)


def from_request(request: Request) -> Acl | None:
    """Return the list that a call sets, by headers or by XML, None if none; raises AwsError."""
    canned = request.headers.get("x-amz-acl")
    granted = [
        grant
        for header, permission in GRANT_HEADERS.items()
        for grant in _grants(request.headers.get(header), permission)
    ]
    if canned and granted:
        text = "Specifying both Canned ACLs and Header Grants is not allowed"
        raise AwsError("InvalidRequest", text)
    if canned:
        if canned not in CANNED:
            fields = {"ArgumentName": "x-amz-acl", "ArgumentValue": canned}
            raise AwsError("InvalidArgument", "", fields=fields)
        return (*private(), *(Grant(uri, "", permission) for uri, permission in CANNED[canned]))
    if granted:
        return tuple(granted)
    return _from_xml(request) if "acl" in request.query and request.body else None


def _grants(header: str, permission: str) -> Iterable[Grant]:
    for part in filter(None, header.split(",")):
        found = GRANTEE.fullmatch(part)
        kind = found["kind"].lower() if found else ""
        if found is None or kind not in ("uri", "id"):
            text = f"The grantee {part.strip()} is not supported: name a uri or an id."
            raise AwsError("InvalidArgument", text)
        yield _grant(
            found["value"] if kind == "uri" else "",
            found["value"] if kind == "id" else "",
            permission,
        )


def _grant(uri: str, canonical_id: str, permission: str) -> Grant:
    if uri and uri not in (*PUBLIC, LOG_DELIVERY):
        raise AwsError("InvalidArgument", "Invalid group uri")
    if canonical_id and canonical_id != owner_id():
        raise AwsError("InvalidArgument", "Invalid id")
    return Grant(uri, canonical_id, permission)


def _from_xml(request: Request) -> Acl:
    policy = request.params.get("AccessControlPolicy") or {}
    if "Owner" not in policy:
        raise _malformed()
    acl = []
    for grant in policy.get("Grants") or ():
        grantee = grant.get("Grantee") or {}
        if grant.get("Permission") not in PERMISSIONS or not (grantee.keys() & {"URI", "ID"}):
            raise _malformed()
        acl.append(_grant(grantee.get("URI", ""), grantee.get("ID", ""), grant["Permission"]))
    return tuple(acl)


def _malformed() -> AwsError:
    text = "The XML you provided was not well-formed or did not validate against our schema"
    return AwsError("MalformedACLError", text)


def from_moto(acl: Any) -> Acl:
    """Return a list that moto keeps."""
    return tuple(
        Grant(grantee.uri, grantee.id, permission)
        for grant in (acl.grants if acl else ())
        for grantee in grant.grantees
        for permission in grant.permissions
    )


def to_moto(acl: Acl) -> Any:
    """Return a list as moto keeps it."""
    from moto.s3.models import FakeAcl, FakeGrant, FakeGrantee

    return FakeAcl(
        [
            FakeGrant([FakeGrantee(grantee_id=one.canonical_id, uri=one.uri)], [one.permission])
            for one in acl
        ]
    )


def as_result(acl: Acl) -> dict[str, Any]:
    """Return a list by the API's names."""
    found = []
    for grant in acl:
        group = {"Type": "Group", "URI": grant.uri}
        user = {"Type": "CanonicalUser", "ID": grant.canonical_id}
        found.append({"Grantee": group if grant.uri else user, "Permission": grant.permission})
    return {"Owner": {"ID": owner_id()}, "Grants": found}


def not_supported() -> AwsError:
    """Return the refusal of a list by a bucket whose owner owns every object."""
    return AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")


def is_owner_only(acl: Acl) -> bool:
    """Whether a list only gives the account the full control that it has anyway."""
    return all(one.canonical_id == owner_id() and one.permission == "FULL_CONTROL" for one in acl)
