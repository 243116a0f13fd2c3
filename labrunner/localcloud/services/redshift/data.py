"""The Amazon Redshift Data API: SQL by AWS calls, for both kinds of warehouses."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labrunner.localcloud.authorize import authorize, request_context, require
from labrunner.localcloud.cloud import PARTITION
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.pgwire import binding
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Service
from labrunner.localcloud.services.redshift import users
from labrunner.localcloud.services.redshift.estate import Estate
from labrunner.localcloud.services.redshift.house import House
from labrunner.localcloud.services.redshift.metadata import (
    describe_table,
    list_databases,
    list_schemas,
    list_tables,
)
from labrunner.localcloud.services.redshift.provisioned import find_cluster
from labrunner.localcloud.services.redshift.serverless import find_workgroup
from labrunner.localcloud.services.redshift.spool import Spool, metadata
from labrunner.localcloud.services.redshift.statements import (
    ENDED,
    Kept,
    Part,
    Statement,
    Statements,
    described,
    new_id,
)
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.wire import Response

NO_ENDPOINT = "Redshift endpoint doesn't exist in this region."
MOST_TEXT = 100_000  # bytes
MOST_PARTS = 40
LONGEST_SESSION = 86_400
# Calls about one statement, which only its owner may make.
OF_STATEMENT = frozenset(
    {"CancelStatement", "DescribeStatement", "GetStatementResult", "GetStatementResultV2"}
)


@dataclass(frozen=True)
class Target:
    """The warehouse that a call means, and as whom it comes."""

    house: House
    arn: str
    user: str
    named: Mapping[str, str]
    is_serverless: bool


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationException", text)


def _statements(request: Request) -> Statements:
    return request.cloud.state(Statements)


# ---- who and what


def _target(request: Request) -> Target:
    """Return the warehouse of a call; raises AwsError."""
    params = request.params
    workgroup, cluster = params.get("WorkgroupName"), params.get("ClusterIdentifier")
    if bool(workgroup) == bool(cluster):
        text = "Exactly one of WorkgroupName and ClusterIdentifier must be given."
        raise _invalid(text)
    account, region = request.cloud.account, request.region
    if workgroup:
        found = find_workgroup(request.cloud, region, str(workgroup))
        if found is None or found.status != "AVAILABLE":
            raise _invalid(
                NO_ENDPOINT if found is None else f"The workgroup {workgroup} is not available."
            )
        if params.get("DbUser"):
            raise _invalid(
                "DbUser is not valid with WorkgroupName: the database user comes of IAM."
            )
        house = found.namespace.house
        arn = f"arn:{PARTITION}:redshift-serverless:{region}:{account}:workgroup/{found.id}"
        user = _secret_user(request, house, found.namespace.secret_arn)
        named = {"WorkgroupName": str(workgroup)}
        return Target(
            house, arn, user or users.database_user(request.principal), named, is_serverless=True
        )
    one = find_cluster(request.cloud, region, str(cluster))
    if one is None or one.status != "available":
        raise _invalid(NO_ENDPOINT if one is None else f"The cluster {cluster} is not available.")
    user = _secret_user(request, one.house, one.secret_arn) or params.get("DbUser")
    arn = f"arn:{PARTITION}:redshift:{region}:{account}:cluster:{one.name}"
    named = {"ClusterIdentifier": one.name}
    return Target(
        one.house,
        arn,
        str(user or users.database_user(request.principal)),
        named,
        is_serverless=False,
    )


def _secret_user(request: Request, house: House, secret_arn: str) -> str | None:
    given = request.params.get("SecretArn")
    if not given:
        return None
    if given != secret_arn:
        text = f"The secret {given} is not that of the warehouse's administrator."
        raise _invalid(text)
    return house.admin


def _authorize(request: Request) -> None:
    if request.principal.is_root:
        return
    if request.operation in OF_STATEMENT or (
        request.operation.startswith("List")
        and not (request.params.get("WorkgroupName") or request.params.get("ClusterIdentifier"))
    ):
        authorize(request)
        return
    if request.params.get("SessionId"):
        authorize(request)
        return
    target = _target(request)
    authorize(request, (target.arn,))
    if request.operation in ("ListStatements", "ListSessions"):
        return
    context = request_context(request)
    if request.params.get("SecretArn"):
        require(request, "secretsmanager:GetSecretValue", str(request.params["SecretArn"]), context)
    elif target.is_serverless:
        require(request, "redshift-serverless:GetCredentials", target.arn, context)
    elif request.params.get("DbUser"):
        name = target.named["ClusterIdentifier"]
        prefix = f"arn:{PARTITION}:redshift:{request.region}:{request.cloud.account}"
        for resource in (
            f"{prefix}:dbuser:{name}/{target.user}",
            f"{prefix}:dbname:{name}/{request.params.get('Database') or target.house.database}",
        ):
            require(request, "redshift:GetClusterCredentials", resource, context)
    else:
        require(request, "redshift:GetClusterCredentialsWithIAM", target.arn, context)


# ---- running statements


def _execute(request: Request) -> Mapping[str, Any]:
    return _submit(request, [str(request.need("Sql"))], is_batch=False)


def _batch(request: Request) -> Mapping[str, Any]:
    texts = [str(one) for one in request.need("Sqls")]
    if not 1 <= len(texts) <= MOST_PARTS:
        raise _invalid(f"Sqls must have 1 to {MOST_PARTS} statements.")
    return _submit(request, texts, is_batch=True)


def _submit(request: Request, texts: Sequence[str], *, is_batch: bool) -> Mapping[str, Any]:
    found, params = _statements(request), request.params
    owner = users.owner_of(request.principal)
    token = params.get("ClientToken")
    with found.lock:
        known = found.tokens.get((owner, str(token))) if token else None
        if known in found.found:
            return _submitted(found.found[str(known)])
        statement = _statement(request, texts, owner, is_batch=is_batch)
        if token:
            found.tokens[(owner, str(token))] = statement.id
        found.submit(statement, request.cloud.now)
    if params.get("WaitTimeSeconds"):
        statement.done.wait(int(params["WaitTimeSeconds"]))
    return _submitted(statement)


def _statement(request: Request, texts: Sequence[str], owner: str, *, is_batch: bool) -> Statement:
    params, now = request.params, request.cloud.now()
    for text in texts:
        if not text.strip():
            raise _invalid("The SQL statement is empty.")
        if len(text.encode()) > MOST_TEXT:
            raise _invalid("The SQL statement is longer than 100 KB.")
    parameters = {str(one["name"]): str(one["value"]) for one in params.get("Parameters") or ()}
    _expect_parameters(texts, parameters)
    keep = int(params.get("SessionKeepAliveSeconds") or 0)
    if not 0 <= keep <= LONGEST_SESSION:
        raise _invalid(f"SessionKeepAliveSeconds must be between 0 and {LONGEST_SESSION}.")
    identifier = new_id()
    parts = [
        Part(
            f"{identifier}:{index}" if is_batch else identifier, text,
            {k: v for k, v in parameters.items() if k in _names(text)}, now,
        )
        for index, text in enumerate(texts, 1)
    ]  # fmt: skip
    more: dict[str, Any] = {
        "is_batch": is_batch,
        "name": str(params.get("StatementName") or ""),
        "format": str(params.get("ResultFormat") or "JSON"),
        "mode": str(params.get("ExecutionMode") or "TRANSACTION"),
    }
    if params.get("SessionId"):
        kept = _session(request, str(params["SessionId"]), owner)
        kept.seconds = keep or kept.seconds
        return Statement(
            identifier, owner, kept.house, kept.target["DbUser"], kept.target["Database"],
            {k: v for k, v in kept.target.items() if k not in ("DbUser", "Database")}, parts, now,
            kept=kept, session_id=kept.id, **more,
        )  # fmt: skip
    target = _target(request)
    database = str(params.get("Database") or target.house.database)
    return Statement(
        identifier, owner, target.house, target.user, database, target.named, parts, now,
        keep_seconds=keep, session_id=new_id() if keep else "", **more,
    )  # fmt: skip


def _names(text: str) -> set[str]:
    try:
        return binding.names(text)
    except SqlError:
        return set()  # the statement will fail, and say why


def _expect_parameters(texts: Sequence[str], parameters: Mapping[str, str]) -> None:
    used = set().union(*map(_names, texts))
    for name in parameters:
        if name not in used:
            raise _invalid(
                f"Parameters list contains unused parameters. Unused parameters: [{name}]"
            )
    if parameters:
        for name in used - set(parameters):
            raise _invalid(f"Parameters list does not contain values for all parameters: {name}")


def _session(request: Request, identifier: str, owner: str) -> Kept:
    for name in ("WorkgroupName", "ClusterIdentifier", "Database", "DbUser", "SecretArn"):
        if request.params.get(name):
            raise _invalid(f"{name} can't be given with SessionId.")
    return _statements(request).session(identifier, owner, request.cloud.now())


def _submitted(statement: Statement) -> dict[str, Any]:
    result: dict[str, Any] = {
        "CreatedAt": statement.created,
        "Database": statement.database,
        "DbUser": statement.user,
        "Id": statement.id,
        "Status": statement.status,
        **statement.target,
    }
    if statement.session_id:
        result["SessionId"] = statement.session_id
    if statement.pid:
        result["RedshiftPid"] = statement.pid
    if statement.has_ended:
        result["HasResultSet"] = any(one.spool is not None for one in statement.parts)
    return result


# ---- asking for statements


def _find(request: Request) -> tuple[Statement, Part | None]:
    """Return a statement of the caller's, and the part that its identifier names."""
    identifier = str(request.need("Id"))
    whole = identifier.partition(":")[0]
    found = _statements(request).found.get(whole)
    if found is None or found.owner != users.owner_of(request.principal):
        text = f"Query does not exist. (id {identifier})"
        raise AwsError("ResourceNotFoundException", text, fields={"ResourceId": identifier})
    if ":" not in identifier:
        return found, None
    part = next((one for one in found.parts if one.id == identifier), None)
    if part is None:
        text = f"Query does not exist. (id {identifier})"
        raise AwsError("ResourceNotFoundException", text, fields={"ResourceId": identifier})
    return found, part


def _describe(request: Request) -> Mapping[str, Any]:
    found, part = _find(request)
    if request.params.get("WaitTimeSeconds"):
        found.done.wait(int(request.params["WaitTimeSeconds"]))
    first = part or found.parts[0]
    result = described(first) | {"Id": str(request.params["Id"]), "RedshiftPid": found.pid}
    result |= {"ResultFormat": found.format, "Database": found.database, **found.target}
    result["DbUser"] = found.user
    if found.session_id:
        result["SessionId"] = found.session_id
    if part is None:
        result["Status"] = found.status
        result["UpdatedAt"] = found.updated or found.created
        if not found.has_ended:
            result.pop("Error", None)
            result["HasResultSet"] = False
    if found.is_batch and part is None:
        result.pop("QueryString")
        result["SubStatements"] = [described(one) for one in found.parts]
        result["HasResultSet"] = any(one.spool is not None for one in found.parts)
        result["Duration"] = sum(max(0, one.duration) for one in found.parts)
        result["ExecutionMode"] = found.mode
        errors = [one.error for one in found.parts if one.error]
        if errors and found.has_ended:
            number = next(i for i, one in enumerate(found.parts, 1) if one.error)
            result["Error"] = f"Query #{number} failed with {errors[0]}"
    if first.parameters and not found.is_batch:
        result["QueryParameters"] = [{"name": k, "value": v} for k, v in first.parameters.items()]
    return result


def _cancel(request: Request) -> Mapping[str, Any]:
    found, part = _find(request)
    if part is not None:
        raise _invalid("A part of a batch can't be cancelled.")
    if found.has_ended:
        text = (
            f"Could not cancel a query that is already in {found.status} state with ID: {found.id}"
        )
        raise _invalid(text)
    _statements(request).cancel(found)
    return {"Status": True}


def _result_of(request: Request) -> tuple[Statement, Spool, int]:
    found, part = _find(request)
    if request.params.get("WaitTimeSeconds"):
        found.done.wait(int(request.params["WaitTimeSeconds"]))
    if part is None:
        part = found.parts[-1]
        if found.is_batch:
            with_rows = [one for one in found.parts if one.spool is not None]
            part = with_rows[0] if len(with_rows) == 1 else part
    if part.status != "FINISHED" or found.status not in ENDED or part.spool is None:
        text = "Query does not have result. Please check query status with DescribeStatement."
        fields = {"ResourceId": str(request.params["Id"])}
        raise AwsError("ResourceNotFoundException", text, fields=fields)
    token = str(request.params.get("NextToken") or "0")
    if not token.isdecimal() or int(token) > max(0, len(part.spool.pages) - 1):
        raise _invalid("The NextToken is not valid.")
    return found, part.spool, int(token)


def _next(spool: Spool, page: int) -> dict[str, str]:
    return {"NextToken": str(page + 1)} if page + 1 < len(spool.pages) else {}


def _get_result(request: Request) -> Response:
    found, spool, page = _result_of(request)
    if found.format != "JSON":
        raise _invalid("The result format is CSV: use GetStatementResultV2.")
    result = {
        "ColumnMetadata": [metadata(one) for one in spool.columns],
        "Records": list(spool.page(page)),
        "TotalNumRows": spool.rows,
        **_next(spool, page),
    }
    # Already as it is on the wire: to write each field by its model takes 30 times as long.
    return Response(
        200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(result).encode()
    )


def _get_result_v2(request: Request) -> Mapping[str, Any]:
    found, spool, page = _result_of(request)
    if found.format != "CSV":
        raise _invalid("The result format is JSON: use GetStatementResult.")
    return {
        "ColumnMetadata": [metadata(one) for one in spool.columns],
        "Records": [{"CSVRecords": spool.csv(page)}],
        "ResultFormat": "CSV",
        "TotalNumRows": spool.rows,
        **_next(spool, page),
    }


def _list_statements(request: Request) -> Mapping[str, Any]:
    params, owner = request.params, users.owner_of(request.principal)
    status, name = params.get("Status"), params.get("StatementName")
    found = [
        one for one in _statements(request).found.values()
        if one.owner == owner
        and (status in (None, "ALL") or one.status == status)
        and (not name or one.name.startswith(str(name)))
        and all(
            not params.get(k) or one.target.get(k) == params[k]
            for k in ("WorkgroupName", "ClusterIdentifier")
        )
        and (not params.get("Database") or one.database == params["Database"])
    ]  # fmt: skip
    found.reverse()
    page, token = _page(request, found, 100)
    return {"Statements": [_listed(one) for one in page], **token}


def _listed(one: Statement) -> dict[str, Any]:
    result: dict[str, Any] = {
        "CreatedAt": one.created,
        "Id": one.id,
        "IsBatchStatement": one.is_batch,
        "ResultFormat": one.format,
        "StatementName": one.name,
        "Status": one.status,
        "UpdatedAt": one.updated or one.created,
    }
    if one.is_batch:
        result["QueryStrings"] = [part.text for part in one.parts]
    else:
        result["QueryString"] = one.parts[0].text
    if one.session_id:
        result["SessionId"] = one.session_id
    return result


def _list_sessions(request: Request) -> Mapping[str, Any]:
    owner = users.owner_of(request.principal)
    found = _statements(request)
    with found.lock:
        sessions = [one for one in found.sessions.values() if one.owner == owner]
    wanted = request.params.get("Status")
    listed = [_shown(one) for one in sessions]
    page, token = _page(request, [one for one in listed if wanted in (None, one["Status"])], 100)
    return {"Sessions": list(page), **token}


def _shown(one: Kept) -> dict[str, Any]:
    found: dict[str, Any] = {
        "SessionId": one.id,
        "Status": "BUSY" if one.busy else "AVAILABLE",
        "CreatedAt": one.created,
        "UpdatedAt": one.updated or one.created,
        "SessionAliveSeconds": one.seconds,
        "SessionTtl": one.until,
        **one.target,
    }
    return found | ({"CurrentStatementId": one.busy} if one.busy else {})


def _page(
    request: Request, found: Sequence[Any], most: int
) -> tuple[Sequence[Any], dict[str, str]]:
    size = int(request.params.get("MaxResults") or most)
    token = str(request.params.get("NextToken") or "0")
    if not token.isdecimal():
        raise _invalid("The NextToken is not valid.")
    start = int(token)
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return found[start : start + size], more


# ---- what a warehouse has


def _catalog(request: Request, ask: Any) -> Any:
    """Ask the catalog in a session of the caller's; raises AwsError."""
    target = _target(request)
    params = request.params
    database = params.get("ConnectedDatabase") or params.get("Database") or target.house.database
    try:
        session = target.house.session(str(database), target.user)
    except SqlError as error:
        raise _invalid(f"FATAL: {error.message}") from None
    try:
        return ask(session, request.params)
    except SqlError as error:
        raise _invalid(f"ERROR: {error.message}") from None
    finally:
        session.close()


def _list_databases(request: Request) -> Mapping[str, Any]:
    page, token = _page(request, _catalog(request, list_databases), 1000)
    return {"Databases": list(page), **token}


def _list_schemas(request: Request) -> Mapping[str, Any]:
    page, token = _page(request, _catalog(request, list_schemas), 1000)
    return {"Schemas": list(page), **token}


def _list_tables(request: Request) -> Mapping[str, Any]:
    page, token = _page(request, _catalog(request, list_tables), 1000)
    return {"Tables": list(page), **token}


def _describe_table(request: Request) -> Mapping[str, Any]:
    columns: Iterable[Any] = _catalog(request, describe_table)
    page, token = _page(request, list(columns), 1000)
    return {"TableName": request.params.get("Table"), "ColumnList": list(page), **token}


def _is_empty(cloud: Any) -> bool:
    return bool(cloud.state(Estate).is_empty)


SERVICE = Service(
    name="redshift-data",
    authorize=_authorize,
    handlers={
        "BatchExecuteStatement": _batch,
        "CancelStatement": _cancel,
        "DescribeStatement": _describe,
        "DescribeTable": _describe_table,
        "ExecuteStatement": _execute,
        "GetStatementResult": _get_result,
        "GetStatementResultV2": _get_result_v2,
        "ListDatabases": _list_databases,
        "ListSchemas": _list_schemas,
        "ListSessions": _list_sessions,
        "ListStatements": _list_statements,
        "ListTables": _list_tables,
    },
    is_empty=_is_empty,
)
