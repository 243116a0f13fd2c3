"""Amazon Redshift Serverless: namespaces, which are databases, and workgroups, their compute."""

import re
import secrets
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labrunner.localcloud.authorize import authorize
from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Service
from labrunner.localcloud.services.redshift import users
from labrunner.localcloud.services.redshift.estate import Estate, Namespace, Workgroup
from labrunner.localcloud.services.redshift.house import House
from labrunner.localcloud.services.redshift.lake import expect_roles

PRINCIPALS = ("redshift-serverless.amazonaws.com", "redshift.amazonaws.com")
NAME = re.compile(r"[a-z0-9-]{3,64}")
DATABASE = re.compile(r"[a-z_][a-z0-9_]{0,63}")
ADMIN = "admin"
DEFAULT_CAPACITY = 128
CAPACITIES = (4, *range(8, 513, 8))
WIDEST = 1024
DEFAULT_SECONDS, LEAST_SECONDS, MOST_SECONDS = 900, 900, 3600
LOG_EXPORTS = ("useractivitylog", "userlog", "connectionlog")
VERSION = "1.0.0"


def _arn(request: Request, kind: str, identifier: str) -> str:
    place = f"{request.region}:{request.cloud.account}"
    return f"arn:{PARTITION}:redshift-serverless:{place}:{kind}/{identifier}"


def _estate(request: Request) -> Estate:
    return request.cloud.state(Estate)


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationException", text)


def _missing(what: str, name: str) -> AwsError:
    text = f"The {what} {name} can't be found."
    return AwsError("ResourceNotFoundException", text, fields={"resourceName": name})


def _authorize(request: Request) -> None:
    if not request.principal.is_root:
        authorize(request, tuple(_resources(request)))


def _resources(request: Request) -> Iterable[str]:
    estate, params = _estate(request), request.params
    for key, kind, things in (
        ("workgroupName", "workgroup", estate.workgroups),
        ("namespaceName", "namespace", estate.namespaces),
    ):
        name = params.get(key)
        if name:
            found: Any = things.get((request.region, str(name)))
            yield _arn(request, kind, found.id if found else "*")
            return
    yield str(params.get("resourceArn") or "*")


# ---- namespaces


def _create_namespace(request: Request) -> Mapping[str, Any]:
    estate, params = _estate(request), request.params
    name = str(request.need("namespaceName"))
    if not NAME.fullmatch(name):
        raise _invalid(f"The namespace name {name} must have 3 to 64 of a-z, 0-9 and hyphens.")
    database = str(params.get("dbName") or "dev")
    if not DATABASE.fullmatch(database):
        raise _invalid(f"The database name {database} is not valid.")
    admin, password, managed = _admin(params)
    roles = [str(one) for one in params.get("iamRoles") or ()]
    default = params.get("defaultIamRoleArn")
    expect_roles(request.cloud, roles, default, "ValidationException")
    exports = _log_exports(params)
    with estate.lock:
        key = (request.region, name)
        if key in estate.namespaces:
            text = f"The namespace {name} already exists."
            raise AwsError("ConflictException", text)
        identifier = str(uuid.uuid4())
        house = House(
            request.cloud, region=request.region, name=f"serverless-{identifier}",
            database=database, admin=admin, password=password, services=PRINCIPALS,
            namespace_id=identifier,
        )  # fmt: skip
        house.roles, house.default_role = roles, default
        found = Namespace(
            name, identifier, request.region, request.cloud.now(), house, log_exports=exports
        )
        if managed:
            found.secret_arn = _manage(request, found)
        estate.namespaces[key] = found
        estate.tags[_arn(request, "namespace", identifier)] = _tags(params)
    house.open()
    return {"namespace": _namespace(request, found)}


def _admin(params: Mapping[str, Any]) -> tuple[str, str | None, bool]:
    """Return the administrator's name and password, and whether Secrets Manager keeps it."""
    user = str(params.get("adminUsername") or ADMIN)
    password = params.get("adminUserPassword")
    managed = bool(params.get("manageAdminPassword"))
    if password is not None and managed:
        raise _invalid("You can't use adminUserPassword if manageAdminPassword is true.")
    if password is not None:
        if not params.get("adminUsername"):
            raise _invalid("adminUsername is required with adminUserPassword.")
        users.expect_password(str(password), "ValidationException")
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z_0-9+.@-]{0,127}", user):
        raise _invalid(f"The user name {user} is not valid.")
    return user.lower(), None if password is None else str(password), managed


def _manage(request: Request, namespace: Namespace) -> str:
    """Make up a password, and return the ARN of the secret that stands for it."""
    namespace.house.password = secrets.token_urlsafe(24) + "aA1"
    name = f"redshift!{namespace.name}-{namespace.house.admin}-{secrets.token_hex(3)}"
    return f"arn:{PARTITION}:secretsmanager:{request.region}:{request.cloud.account}:secret:{name}"


def _log_exports(params: Mapping[str, Any]) -> list[str]:
    exports = [str(one) for one in params.get("logExports") or ()]
    for one in exports:
        if one not in LOG_EXPORTS:
            raise _invalid(f"The log type {one} is not valid.")
    if exports:
        raise not_implemented("redshift-serverless namespaces that export logs")
    return exports


def _tags(params: Mapping[str, Any]) -> dict[str, str]:
    return {str(one["key"]): str(one["value"]) for one in params.get("tags") or ()}


def _namespace(request: Request, found: Namespace) -> dict[str, Any]:
    result: dict[str, Any] = {
        "adminUsername": found.house.admin,
        "creationDate": found.created,
        "dbName": found.house.database,
        "iamRoles": [_attached(one) for one in found.house.roles],
        "kmsKeyId": found.kms_key,
        "logExports": found.log_exports,
        "namespaceArn": _arn(request, "namespace", found.id),
        "namespaceId": found.id,
        "namespaceName": found.name,
        "status": found.status,
    }
    if found.house.default_role:
        result["defaultIamRoleArn"] = found.house.default_role
    if found.secret_arn:
        result["adminPasswordSecretArn"] = found.secret_arn
    return result


def _attached(arn: str) -> str:
    return f"IamRole(applyStatus=in-sync, iamRoleArn={arn})"


def _find_namespace(request: Request) -> Namespace:
    name = str(request.need("namespaceName"))
    found = _estate(request).namespaces.get((request.region, name))
    if found is None:
        raise _missing("namespace", name)
    return found


def _get_namespace(request: Request) -> Mapping[str, Any]:
    return {"namespace": _namespace(request, _find_namespace(request))}


def _list_namespaces(request: Request) -> Mapping[str, Any]:
    found = [
        v
        for (region, _), v in sorted(_estate(request).namespaces.items())
        if region == request.region
    ]
    page, token = _page(request, found)
    return {"namespaces": [_namespace(request, one) for one in page], **token}


def _update_namespace(request: Request) -> Mapping[str, Any]:
    params, found = request.params, _find_namespace(request)
    roles = found.house.roles
    if params.get("iamRoles") is not None:
        roles = [str(one) for one in params["iamRoles"]]
    default = params.get("defaultIamRoleArn", found.house.default_role) or None
    expect_roles(
        request.cloud,
        roles,
        default if default in roles or params.get("defaultIamRoleArn") else None,
        "ValidationException",
    )
    if params.get("adminUserPassword") is not None or params.get("manageAdminPassword") is not None:
        _, password, managed = _admin({"adminUsername": found.house.admin, **params})
        if managed and not found.secret_arn:
            found.secret_arn = _manage(request, found)
        elif password is not None:
            found.house.password, found.secret_arn = password, ""
    _log_exports(params)
    found.house.roles, found.house.default_role = roles, default if default in roles else None
    return {"namespace": _namespace(request, found)}


def _delete_namespace(request: Request) -> Mapping[str, Any]:
    estate, found = _estate(request), _find_namespace(request)
    if request.params.get("finalSnapshotName"):
        raise not_implemented("redshift-serverless.DeleteNamespace with finalSnapshotName")
    with estate.lock:
        if any(one.namespace is found for one in estate.workgroups.values()):
            text = (
                f"There is an existing workgroup associated with the namespace {found.name}. "
                "Delete it first."
            )
            raise AwsError("ConflictException", text)
        if found.status == "DELETING":
            text = f"There is an operation running on the namespace {found.name}."
            raise AwsError("ConflictException", text)
        found.status = "DELETING"

    def remove() -> None:
        found.house.close()
        with estate.lock:
            estate.namespaces.pop((found.region, found.name), None)
            estate.tags.pop(arn, None)

    arn = _arn(request, "namespace", found.id)
    result = {"namespace": _namespace(request, found)}
    threading.Thread(target=remove, daemon=True).start()
    return result


# ---- workgroups


def _create_workgroup(request: Request) -> Mapping[str, Any]:
    estate, params = _estate(request), request.params
    name = str(request.need("workgroupName"))
    if not NAME.fullmatch(name):
        raise _invalid(f"The workgroup name {name} must have 3 to 64 of a-z, 0-9 and hyphens.")
    settings = _settings(params, {"baseCapacity": DEFAULT_CAPACITY})
    with estate.lock:
        namespace = _find_namespace(request)
        if (request.region, name) in estate.workgroups:
            text = f"The workgroup {name} already exists."
            raise AwsError("ConflictException", text)
        if any(one.namespace is namespace for one in estate.workgroups.values()):
            text = f"The namespace {namespace.name} is already associated with a workgroup."
            raise AwsError("ConflictException", text)
        if namespace.status != "AVAILABLE":
            text = f"There is an operation running on the namespace {namespace.name}."
            raise AwsError("ConflictException", text)
        found = Workgroup(
            name, str(uuid.uuid4()), request.region, request.cloud.now(), namespace, settings
        )
        estate.workgroups[(request.region, name)] = found
        estate.tags[_arn(request, "workgroup", found.id)] = _tags(params)
    result = {"workgroup": _workgroup(request, found)}
    threading.Thread(target=_start, args=(found,), daemon=True).start()
    return result


def _start(found: Workgroup) -> None:
    found.port = found.namespace.house.listen()
    found.status = "AVAILABLE"


def _settings(params: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return a workgroup's settings, changed by a call; raises AwsError."""
    found = dict(current)
    for key in (
        *("baseCapacity", "maxCapacity", "enhancedVpcRouting", "publiclyAccessible", "subnetIds"),
        *("securityGroupIds", "configParameters", "trackName", "ipAddressType"),
    ):
        if params.get(key) is not None:
            found[key] = params[key]
    base, most = int(found["baseCapacity"]), found.get("maxCapacity")
    if base not in CAPACITIES and not (base <= WIDEST and base % 32 == 0 and base > 0):
        raise _invalid(f"Base capacity {base} is not valid: it is 4, or 8 to 512 in steps of 8.")
    if most is not None and int(most) not in (-1, *range(base, 5633)):
        raise _invalid(f"Max capacity {most} must not be less than the base capacity {base}.")
    if found.get("subnetIds") and len(found["subnetIds"]) < 3:  # noqa: PLR2004 - as AWS demands
        raise _invalid("The workgroup needs at least three subnets in three Availability Zones.")
    return found


def _workgroup(request: Request, found: Workgroup) -> dict[str, Any]:
    settings = found.settings
    result: dict[str, Any] = {
        "baseCapacity": settings["baseCapacity"],
        "configParameters": settings.get("configParameters") or [],
        "creationDate": found.created,
        "enhancedVpcRouting": bool(settings.get("enhancedVpcRouting", False)),
        "namespaceName": found.namespace.name,
        "publiclyAccessible": bool(settings.get("publiclyAccessible", False)),
        "securityGroupIds": settings.get("securityGroupIds") or [],
        "status": found.status,
        "subnetIds": settings.get("subnetIds") or [],
        "workgroupArn": _arn(request, "workgroup", found.id),
        "workgroupId": found.id,
        "workgroupName": found.name,
        "workgroupVersion": VERSION,
    }
    if "maxCapacity" in settings:
        result["maxCapacity"] = settings["maxCapacity"]
    if found.port and found.status == "AVAILABLE":
        result["endpoint"] = {"address": "127.0.0.1", "port": found.port}
        result["port"] = found.port
    return result


def find_workgroup(cloud: Cloud, region: str, name: str) -> Workgroup | None:
    """Return the workgroup of a name or an ARN, None if there is none."""
    estate = cloud.state(Estate)
    if name.startswith("arn:"):
        identifier = name.rpartition("/")[2]
        return next((one for one in estate.workgroups.values() if one.id == identifier), None)
    return estate.workgroups.get((region, name))


def _find_workgroup(request: Request) -> Workgroup:
    name = str(request.need("workgroupName"))
    found = find_workgroup(request.cloud, request.region, name)
    if found is None:
        raise _missing("workgroup", name)
    return found


def _get_workgroup(request: Request) -> Mapping[str, Any]:
    return {"workgroup": _workgroup(request, _find_workgroup(request))}


def _list_workgroups(request: Request) -> Mapping[str, Any]:
    found = [
        v
        for (region, _), v in sorted(_estate(request).workgroups.items())
        if region == request.region
    ]
    page, token = _page(request, found)
    return {"workgroups": [_workgroup(request, one) for one in page], **token}


def _update_workgroup(request: Request) -> Mapping[str, Any]:
    found = _find_workgroup(request)
    _expect_still(found)
    found.settings = _settings(request.params, found.settings)
    return {"workgroup": _workgroup(request, found)}


def _expect_still(found: Workgroup) -> None:
    if found.status != "AVAILABLE":
        text = f"There is an operation running on the workgroup {found.name}. Try again later."
        raise AwsError("ConflictException", text)


def _delete_workgroup(request: Request) -> Mapping[str, Any]:
    estate, found = _estate(request), _find_workgroup(request)
    with estate.lock:
        _expect_still(found)
        found.status = "DELETING"
    arn = _arn(request, "workgroup", found.id)
    result = {"workgroup": _workgroup(request, found)}

    def remove() -> None:
        found.namespace.house.hang_up()
        with estate.lock:
            estate.workgroups.pop((found.region, found.name), None)
            estate.tags.pop(arn, None)
            for key in [k for k, one in estate.limits.items() if one["resourceArn"] == arn]:
                del estate.limits[key]

    threading.Thread(target=remove, daemon=True).start()
    return result


# ---- credentials, limits, tags, snapshots


def _get_credentials(request: Request) -> Mapping[str, Any]:
    params, found = request.params, _find_workgroup(request)
    _expect_still(found)
    seconds = int(params.get("durationSeconds") or DEFAULT_SECONDS)
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise _invalid(f"durationSeconds must be between {LEAST_SECONDS} and {MOST_SECONDS}.")
    user = users.database_user(request.principal)
    given = found.namespace.house.hand_out(user, seconds, str(params.get("dbName") or ""))
    return {
        "dbPassword": given.password,
        "dbUser": user,
        "expiration": given.until,
        "nextRefreshTime": given.until,
    }


def _create_limit(request: Request) -> Mapping[str, Any]:
    estate, params = _estate(request), request.params
    arn, usage = str(request.need("resourceArn")), str(request.need("usageType"))
    amount = int(request.need("amount"))
    if not any(_arn(request, "workgroup", one.id) == arn for one in estate.workgroups.values()):
        raise _missing("resource", arn)
    if amount <= 0:
        raise _invalid("amount must be positive.")
    identifier = str(uuid.uuid4())
    limit = {
        "amount": amount,
        "breachAction": params.get("breachAction") or "log",
        "period": params.get("period") or "monthly",
        "resourceArn": arn,
        "usageLimitArn": _arn(request, "usagelimit", identifier),
        "usageLimitId": identifier,
        "usageType": usage,
    }
    with estate.lock:
        same = [
            one for one in estate.limits.values()
            if all(one[k] == limit[k] for k in ("resourceArn", "usageType", "period"))
        ]  # fmt: skip
        if len(same) >= 4:  # noqa: PLR2004 - of one usage type and period
            raise AwsError("ConflictException", "There are four usage limits of this kind already.")
        estate.limits[identifier] = limit
    return {"usageLimit": limit}


def _find_limit(request: Request) -> dict[str, Any]:
    identifier = str(request.need("usageLimitId"))
    found = _estate(request).limits.get(identifier)
    if found is None:
        raise _missing("usage limit", identifier)
    return found


def _get_limit(request: Request) -> Mapping[str, Any]:
    return {"usageLimit": _find_limit(request)}


def _update_limit(request: Request) -> Mapping[str, Any]:
    found = _find_limit(request)
    for key in ("amount", "breachAction"):
        if request.params.get(key) is not None:
            found[key] = request.params[key]
    return {"usageLimit": found}


def _delete_limit(request: Request) -> Mapping[str, Any]:
    found = _find_limit(request)
    _estate(request).limits.pop(found["usageLimitId"])
    return {"usageLimit": found}


def _list_limits(request: Request) -> Mapping[str, Any]:
    params = request.params
    found = [
        one for one in _estate(request).limits.values()
        if all(params.get(key) in (None, one[key]) for key in ("resourceArn", "usageType"))
    ]  # fmt: skip
    page, token = _page(request, found)
    return {"usageLimits": page, **token}


def _tagged(request: Request) -> dict[str, str]:
    arn = str(request.need("resourceArn"))
    found = _estate(request).tags.get(arn)
    if found is None:
        raise _missing("resource", arn)
    return found


def _list_tags(request: Request) -> Mapping[str, Any]:
    return {"tags": [{"key": k, "value": v} for k, v in sorted(_tagged(request).items())]}


def _tag(request: Request) -> None:
    _tagged(request).update(_tags(request.params))


def _untag(request: Request) -> None:
    found = _tagged(request)
    for key in request.need("tagKeys"):
        found.pop(str(key), None)


def _list_snapshots(request: Request) -> Mapping[str, Any]:
    """There are none, as none can be taken here."""
    if request.params.get("namespaceName"):
        _find_namespace(request)
    return {"snapshots": []}


def _list_recovery_points(request: Request) -> Mapping[str, Any]:
    """There are none, as none are taken here."""
    if request.params.get("namespaceName"):
        _find_namespace(request)
    return {"recoveryPoints": []}


def _page(request: Request, found: Sequence[Any]) -> tuple[Sequence[Any], dict[str, str]]:
    size = int(request.params.get("maxResults") or 100)
    token = str(request.params.get("nextToken") or "0")
    if not token.isdecimal():
        raise AwsError("InvalidPaginationException", "The provided pagination token is invalid.")
    start = int(token)
    more = {"nextToken": str(start + size)} if start + size < len(found) else {}
    return found[start : start + size], more


def _is_empty(cloud: Cloud) -> bool:
    estate = cloud.state(Estate)
    return not (estate.namespaces or estate.workgroups)


SERVICE = Service(
    name="redshift-serverless",
    authorize=_authorize,
    handlers={
        "CreateNamespace": _create_namespace,
        "CreateUsageLimit": _create_limit,
        "CreateWorkgroup": _create_workgroup,
        "DeleteNamespace": _delete_namespace,
        "DeleteUsageLimit": _delete_limit,
        "DeleteWorkgroup": _delete_workgroup,
        "GetCredentials": _get_credentials,
        "GetNamespace": _get_namespace,
        "GetUsageLimit": _get_limit,
        "GetWorkgroup": _get_workgroup,
        "ListNamespaces": _list_namespaces,
        "ListRecoveryPoints": _list_recovery_points,
        "ListSnapshots": _list_snapshots,
        "ListTagsForResource": _list_tags,
        "ListUsageLimits": _list_limits,
        "ListWorkgroups": _list_workgroups,
        "TagResource": _tag,
        "UntagResource": _untag,
        "UpdateNamespace": _update_namespace,
        "UpdateUsageLimit": _update_limit,
        "UpdateWorkgroup": _update_workgroup,
    },
    is_empty=_is_empty,
)
