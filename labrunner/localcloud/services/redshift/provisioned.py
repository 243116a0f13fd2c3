"""Amazon Redshift's provisioned clusters; each has a database of its own."""

import re
import secrets
import threading
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from labrunner.localcloud.authorize import authorize, request_context, require
from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Service
from labrunner.localcloud.services.redshift import users
from labrunner.localcloud.services.redshift.estate import Cluster, Estate
from labrunner.localcloud.services.redshift.house import House
from labrunner.localcloud.services.redshift.lake import expect_roles

PRINCIPALS = ("redshift.amazonaws.com",)
# Node types that can be created today, and those of which a cluster has at least two nodes.
NODE_TYPES = {
    "ra3.large": 1,
    "ra3.xlplus": 1,
    "ra3.4xlarge": 2,
    "ra3.16xlarge": 2,
    "rg.xlarge": 1,
    "rg.4xlarge": 1,
}
RETIRED = ("dc1.", "dc2.", "ds1.", "ds2.", "dw1.", "dw2.")
IDENTIFIER = re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,61}[a-z0-9]|[a-z]")
DATABASE = re.compile(r"[a-z_][a-z0-9_]{0,63}")
USER = re.compile(r"[a-z_][a-z0-9_+.@-]{0,127}")
RESERVED = frozenset({"public", "rdsdb", "admin_all", "pg_all"})
LEAST_SECONDS, MOST_SECONDS, DEFAULT_SECONDS = 900, 3600, 900


def _arn(request: Request, kind: str, name: str) -> str:
    return f"arn:{PARTITION}:redshift:{request.region}:{request.cloud.account}:{kind}:{name}"


def _estate(request: Request) -> Estate:
    return request.cloud.state(Estate)


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidParameterValue", text)


def _authorize(request: Request) -> None:
    if not request.principal.is_root and request.operation != "GetClusterCredentials":
        authorize(request, tuple(_resources(request)))


def _resources(request: Request) -> Iterable[str]:
    name = request.params.get("ClusterIdentifier")
    yield (
        _arn(request, "cluster", str(name))
        if name
        else str(request.params.get("ResourceName") or "*")
    )


def find_cluster(cloud: Cloud, region: str, name: str) -> Cluster | None:
    """Return a cluster by its identifier, None if there is none."""
    return cloud.state(Estate).clusters.get((region, name.lower()))


def _find(request: Request) -> Cluster:
    name = str(request.need("ClusterIdentifier")).lower()
    found = find_cluster(request.cloud, request.region, name)
    if found is None:
        raise AwsError("ClusterNotFound", f"Cluster {name} not found.", 404)
    return found


# ---- creating and removing


def _create(request: Request) -> Mapping[str, Any]:
    estate, params = _estate(request), request.params
    name = str(request.need("ClusterIdentifier")).lower()
    if not IDENTIFIER.fullmatch(name):
        raise _invalid(f"The parameter ClusterIdentifier is not valid: {name}")
    nodes = _nodes(params)
    database = str(params.get("DBName") or "dev")
    admin = str(request.need("MasterUsername")).lower()
    if not DATABASE.fullmatch(database):
        raise _invalid(f"The parameter DBName is not valid: {database}")
    if not USER.fullmatch(admin) or admin in RESERVED:
        raise _invalid(f"The parameter MasterUsername is not valid: {admin}")
    password, managed = _password(params)
    roles = [str(one) for one in params.get("IamRoles") or ()]
    default = params.get("DefaultIamRoleArn")
    expect_roles(request.cloud, roles, default, "InvalidParameterValue")
    _refuse(params)
    with estate.lock:
        if (request.region, name) in estate.clusters:
            raise AwsError("ClusterAlreadyExists", "Cluster already exists")
        house = House(
            request.cloud, region=request.region, name=name, database=database, admin=admin,
            password=password, services=PRINCIPALS, namespace_id=str(uuid.uuid4()),
        )  # fmt: skip
        house.roles, house.default_role = roles, default
        settings = {
            "NodeType": params["NodeType"],
            "NumberOfNodes": nodes,
            "AutomatedSnapshotRetentionPeriod": int(
                params.get("AutomatedSnapshotRetentionPeriod", 1)
            ),
            "PubliclyAccessible": bool(params.get("PubliclyAccessible", False)),
            "EnhancedVpcRouting": bool(params.get("EnhancedVpcRouting", False)),
            "VpcSecurityGroupIds": params.get("VpcSecurityGroupIds") or [],
            "PreferredMaintenanceWindow": params.get("PreferredMaintenanceWindow")
            or "sun:05:00-sun:05:30",
        }
        tags = {str(one["Key"]): str(one.get("Value", "")) for one in params.get("Tags") or ()}
        found = Cluster(name, request.region, request.cloud.now(), house, settings, tags=tags)
        if managed:
            secret = f"redshift!{name}-{admin}-{secrets.token_hex(3)}"
            place = f"{request.region}:{request.cloud.account}"
            found.secret_arn = f"arn:{PARTITION}:secretsmanager:{place}:secret:{secret}"
        estate.clusters[(request.region, name)] = found
    result = {"Cluster": _cluster(request, found)}
    threading.Thread(target=_start, args=(found,), daemon=True).start()
    return result


def _start(found: Cluster) -> None:
    found.house.open()
    found.port = found.house.listen()
    found.status = "available"


def _nodes(params: Mapping[str, Any]) -> int:
    kind = str(params.get("NodeType") or "")
    if kind not in NODE_TYPES or kind.startswith(RETIRED):
        raise _invalid(f"Invalid node type: {kind}")
    way = str(
        params.get("ClusterType")
        or ("multi-node" if params.get("NumberOfNodes") else "single-node")
    )
    if way not in ("single-node", "multi-node"):
        raise _invalid(f"Invalid cluster type: {way}")
    nodes = int(params.get("NumberOfNodes") or 1)
    if way == "single-node" and nodes != 1:
        raise AwsError(
            "InvalidParameterCombination", "Number of nodes for cluster type single-node must be 1"
        )
    if way == "multi-node" and nodes < 2:  # noqa: PLR2004
        raise AwsError(
            "InvalidParameterCombination",
            "Number of nodes for cluster type multi-node must be greater than or equal to 2",
        )
    if nodes < NODE_TYPES[kind]:
        raise _invalid(f"The node type {kind} needs at least {NODE_TYPES[kind]} nodes")
    return nodes


def _password(params: Mapping[str, Any]) -> tuple[str, bool]:
    password, managed = params.get("MasterUserPassword"), bool(params.get("ManageMasterPassword"))
    if managed and password is not None:
        text = "You can't use MasterUserPassword if ManageMasterPassword is true."
        raise AwsError("InvalidParameterCombination", text)
    if managed:
        return secrets.token_urlsafe(24) + "aA1", True
    if password is None:
        text = "MasterUserPassword is required unless ManageMasterPassword is true."
        raise AwsError("InvalidParameterCombination", text)
    users.expect_password(str(password), "InvalidParameterValue")
    return str(password), False


def _refuse(params: Mapping[str, Any]) -> None:
    if params.get("Encrypted") is False:
        text = "Encrypted can't be false: Amazon Redshift encrypts every new cluster."
        raise _invalid(text)
    for name in ("MultiAZ", "LoadSampleData", "ElasticIp", "SnapshotScheduleIdentifier",
                 "ClusterSubnetGroupName", "ClusterParameterGroupName", "ClusterSecurityGroups",
                 "HsmConfigurationIdentifier"):  # fmt: skip
        if params.get(name):
            raise not_implemented(f"redshift.CreateCluster with {name}")


def _cluster(request: Request, found: Cluster) -> dict[str, Any]:
    settings = found.settings
    result: dict[str, Any] = {
        "ClusterIdentifier": found.name,
        "NodeType": settings["NodeType"],
        "ClusterStatus": found.status,
        "ClusterAvailabilityStatus": {
            "available": "Available", "paused": "Unavailable", "deleting": "Unavailable",
        }.get(found.status, "Modifying"),
        "MasterUsername": found.house.admin,
        "DBName": found.house.database,
        "ClusterCreateTime": found.created,
        "AutomatedSnapshotRetentionPeriod": settings["AutomatedSnapshotRetentionPeriod"],
        "ManualSnapshotRetentionPeriod": -1,
        "ClusterSecurityGroups": [],
        "VpcSecurityGroups": [
            {"VpcSecurityGroupId": one, "Status": "active"}
            for one in settings["VpcSecurityGroupIds"]
        ],
        "AvailabilityZone": f"{found.region}a",
        "PreferredMaintenanceWindow": settings["PreferredMaintenanceWindow"],
        "PendingModifiedValues": {},
        "ClusterVersion": "1.0",
        "AllowVersionUpgrade": True,
        "NumberOfNodes": settings["NumberOfNodes"],
        "PubliclyAccessible": settings["PubliclyAccessible"],
        "Encrypted": True,
        "EnhancedVpcRouting": settings["EnhancedVpcRouting"],
        "Tags": [{"Key": k, "Value": v} for k, v in sorted(found.tags.items())],
        "IamRoles": [{"IamRoleArn": one, "ApplyStatus": "in-sync"} for one in found.house.roles],
        "ClusterNamespaceArn": _arn(request, "namespace", found.house.namespace_id),
        "MultiAZ": "Disabled",
    }  # fmt: skip
    if found.house.default_role:
        result["DefaultIamRoleArn"] = found.house.default_role
    if found.secret_arn:
        result["MasterPasswordSecretArn"] = found.secret_arn
    if found.port:
        result["Endpoint"] = {"Address": "127.0.0.1", "Port": found.port}
    return result


def _describe(request: Request) -> Mapping[str, Any]:
    params = request.params
    if params.get("ClusterIdentifier"):
        return {"Clusters": [_cluster(request, _find(request))]}
    keys, values = params.get("TagKeys") or (), params.get("TagValues") or ()
    found = [
        one for (region, _), one in sorted(_estate(request).clusters.items())
        if region == request.region
        and (not keys or set(keys) & set(one.tags))
        and (not values or set(values) & set(one.tags.values()))
    ]  # fmt: skip
    return {"Clusters": [_cluster(request, one) for one in found]}


def _expect(found: Cluster, *states: str) -> None:
    if found.status not in states:
        text = "There is an operation running on the Cluster. Please try again at a later time."
        raise AwsError("InvalidClusterState", text)


def _delete(request: Request) -> Mapping[str, Any]:
    estate, found, params = _estate(request), _find(request), request.params
    if params.get("FinalClusterSnapshotIdentifier"):
        raise not_implemented("redshift.DeleteCluster with FinalClusterSnapshotIdentifier")
    if not params.get("SkipFinalClusterSnapshot"):
        text = (
            "FinalClusterSnapshotIdentifier is required unless SkipFinalClusterSnapshot is "
            "specified."
        )
        raise AwsError("InvalidParameterCombination", text)
    with estate.lock:
        _expect(found, "available", "paused")
        found.status = "deleting"
    result = {"Cluster": _cluster(request, found)}

    def remove() -> None:
        found.house.close()
        with estate.lock:
            estate.clusters.pop((found.region, found.name), None)

    threading.Thread(target=remove, daemon=True).start()
    return result


# ---- changing


def _pause(request: Request) -> Mapping[str, Any]:
    found = _find(request)
    with _estate(request).lock:
        _expect(found, "available")
        found.status = "pausing"
    result = {"Cluster": _cluster(request, found)}

    def pause() -> None:
        found.house.hang_up()
        found.port = 0
        found.status = "paused"

    threading.Thread(target=pause, daemon=True).start()
    return result


def _resume(request: Request) -> Mapping[str, Any]:
    found = _find(request)
    with _estate(request).lock:
        _expect(found, "paused")
        found.status = "resuming"
    result = {"Cluster": _cluster(request, found)}

    def resume() -> None:
        found.port = found.house.listen()
        found.status = "available"

    threading.Thread(target=resume, daemon=True).start()
    return result


def _modify_roles(request: Request) -> Mapping[str, Any]:
    found, params = _find(request), request.params
    _expect(found, "available")
    removed = set(params.get("RemoveIamRoles") or ())
    added = [str(one) for one in params.get("AddIamRoles") or ()]
    roles = [one for one in found.house.roles if one not in removed]
    roles += [one for one in added if one not in roles]
    default = params.get("DefaultIamRoleArn") or found.house.default_role
    if default in removed:
        default = None
    expect_roles(request.cloud, roles, default, "InvalidParameterValue")
    found.house.roles, found.house.default_role = roles, default
    return {"Cluster": _cluster(request, found)}


def _modify(request: Request) -> Mapping[str, Any]:
    found, params = _find(request), request.params
    _expect(found, "available")
    known = {"ClusterIdentifier", "MasterUserPassword", "PubliclyAccessible",
             "AutomatedSnapshotRetentionPeriod", "PreferredMaintenanceWindow",
             "VpcSecurityGroupIds",
             "EnhancedVpcRouting"}  # fmt: skip
    for name in params:
        if name not in known:
            raise not_implemented(f"redshift.ModifyCluster with {name}")
    if params.get("MasterUserPassword") is not None:
        users.expect_password(str(params["MasterUserPassword"]), "InvalidParameterValue")
        found.house.password = str(params["MasterUserPassword"])
        found.secret_arn = ""
    for name in known & set(found.settings) & set(params):
        found.settings[name] = params[name]
    return {"Cluster": _cluster(request, found)}


# ---- credentials and tags


def _credentials(request: Request) -> Mapping[str, Any]:
    found, params = _find(request), request.params
    user = str(request.need("DbUser"))
    names = [_arn(request, "dbuser", f"{found.name}/{user}")]
    if params.get("DbName"):
        names.append(_arn(request, "dbname", f"{found.name}/{params['DbName']}"))
    if not request.principal.is_root:
        authorize(request, names)
        if params.get("AutoCreate"):
            context = request_context(request)
            require(request, "redshift:CreateClusterUser", names[0], context)
    _expect(found, "available")
    if params.get("DbGroups"):
        raise not_implemented("redshift.GetClusterCredentials with DbGroups")
    if params.get("AutoCreate"):
        found.house.warehouse.user(user)
    given = found.house.hand_out(user, _seconds(params), str(params.get("DbName") or ""))
    return {
        "DbUser": f"{'IAMA' if params.get('AutoCreate') else 'IAM'}:{user}",
        "DbPassword": given.password,
        "Expiration": given.until,
    }


def _seconds(params: Mapping[str, Any]) -> int:
    seconds = int(params.get("DurationSeconds") or DEFAULT_SECONDS)
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
        raise _invalid(f"DurationSeconds must be between {LEAST_SECONDS} and {MOST_SECONDS}.")
    return seconds


def _credentials_with_iam(request: Request) -> Mapping[str, Any]:
    found, params = _find(request), request.params
    _expect(found, "available")
    user = users.database_user(request.principal)
    given = found.house.hand_out(user, _seconds(params), str(params.get("DbName") or ""))
    return {
        "DbUser": user,
        "DbPassword": given.password,
        "Expiration": given.until,
        "NextRefreshTime": given.until,
    }


def _tagged(request: Request) -> Cluster:
    arn = str(request.need("ResourceName"))
    for one in _estate(request).clusters.values():
        if _arn(request, "cluster", one.name) == arn:
            return one
    raise AwsError("ResourceNotFoundFault", f"The resource {arn} was not found.", 404)


def _create_tags(request: Request) -> None:
    found = _tagged(request)
    for one in request.need("Tags"):
        found.tags[str(one["Key"])] = str(one.get("Value", ""))


def _delete_tags(request: Request) -> None:
    found = _tagged(request)
    for key in request.need("TagKeys"):
        found.tags.pop(str(key), None)


def _describe_tags(request: Request) -> Mapping[str, Any]:
    params = request.params
    keys, values = params.get("TagKeys") or (), params.get("TagValues") or ()
    clusters = (
        [_tagged(request)]
        if params.get("ResourceName")
        else list(_estate(request).clusters.values())
    )
    found = [
        {
            "Tag": {"Key": k, "Value": v},
            "ResourceName": _arn(request, "cluster", one.name),
            "ResourceType": "cluster",
        }
        for one in clusters
        for k, v in sorted(one.tags.items())
        if (not keys or k in keys) and (not values or v in values)
    ]
    return {"TaggedResources": found}


def _snapshots(request: Request) -> Mapping[str, Any]:
    """There are none, as none can be taken here."""
    name = request.params.get("SnapshotIdentifier")
    if name:
        raise AwsError("ClusterSnapshotNotFound", f"Snapshot not found: {name}", 404)
    return {"Snapshots": []}


def _is_empty(cloud: Cloud) -> bool:
    return not cloud.state(Estate).clusters


SERVICE = Service(
    name="redshift",
    authorize=_authorize,
    handlers={
        "CreateCluster": _create,
        "CreateTags": _create_tags,
        "DeleteCluster": _delete,
        "DeleteTags": _delete_tags,
        "DescribeClusterSnapshots": _snapshots,
        "DescribeClusters": _describe,
        "DescribeTags": _describe_tags,
        "GetClusterCredentials": _credentials,
        "GetClusterCredentialsWithIAM": _credentials_with_iam,
        "ModifyCluster": _modify,
        "ModifyClusterIamRoles": _modify_roles,
        "PauseCluster": _pause,
        "ResumeCluster": _resume,
    },
    is_empty=_is_empty,
)
