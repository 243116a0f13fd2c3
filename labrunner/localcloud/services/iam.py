"""AWS IAM: moto keeps it, and the policies that it keeps are enforced."""

from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.localcloud.authorize import authorize, iam_arn
from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.principals import iam_backend
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Everything, Service
from labrunner.localcloud.wire import Response

# The parameter that names the resource of a call → the kind of resource in its ARN, and where
# moto keeps it.
NAMED = {
    "UserName": ("user", "users"),
    "RoleName": ("role", "roles"),
    "GroupName": ("group", "groups"),
    "InstanceProfileName": ("instance-profile", "instance_profiles"),
}
# Calls on a user's own things that may leave the name out.
OWN = frozenset({"GetUser", "CreateAccessKey", "ListAccessKeys", "DeleteAccessKey"})
# moto answers, but with words of its own making.
PRETENDED = frozenset({"GenerateCredentialReport", "GetCredentialReport"})


def _authorize(request: Request) -> None:
    if not request.principal.is_root:
        authorize(request, tuple(_resources(request)))


def _resources(request: Request) -> Iterator[str]:
    params = request.params
    if "PolicyArn" in params and "Attach" not in request.operation:
        yield str(params["PolicyArn"])
        return
    names = [(key, params[key]) for key in NAMED if params.get(key)]
    if not names and request.operation in OWN and request.principal.kind == "user":
        yield request.principal.arn
        return
    for key, name in names:
        kind, kept = NAMED[key]
        found = getattr(iam_backend(request.cloud), kept).get(name)
        path = str(params.get("Path") or "/").strip("/")
        new = f"{path}/{name}" if path else str(name)
        yield str(getattr(found, "arn", None) or iam_arn(request.cloud.account, kind, new))
    if not names:
        yield "*"


def _create_user(request: Request) -> Response:
    if request.params.get("PermissionsBoundary"):
        raise not_implemented("iam.CreateUser with PermissionsBoundary")
    return request.moto()


def _get_user(request: Request) -> Response | Mapping[str, Any]:
    """Answer for the caller itself when no name is given."""
    if request.params.get("UserName"):
        return request.moto()
    principal = request.principal
    if principal.is_root:
        created = request.cloud.started
        user = {"UserId": principal.user_id, "Arn": principal.arn, "CreateDate": created}
        return {"User": {"Path": "/", "UserName": "root", **user}}
    found = iam_backend(request.cloud).users.get(principal.name)
    if principal.kind != "user" or found is None:
        text = "Must specify userName when calling with non-User credentials"
        raise AwsError("ValidationError", text)
    return {
        "User": {
            "Path": found.path,
            "UserName": found.name,
            "UserId": found.id,
            "Arn": found.arn,
            "CreateDate": found.create_date,
        }
    }


def _is_empty(cloud: Cloud) -> bool:
    iam = iam_backend(cloud)
    kept = (iam.users, iam.groups, iam.roles, iam.instance_profiles, iam.open_id_providers)
    own = any(f":{cloud.account}:" in arn for arn in iam.managed_policies)
    return not any(kept) and not own


SERVICE = Service(
    name="iam",
    authorize=_authorize,
    handlers={"CreateUser": _create_user, "GetUser": _get_user},
    moto=Everything(but=PRETENDED),
    is_empty=_is_empty,
)
