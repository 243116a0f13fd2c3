# ruff: noqa: E501 - a refused call a line
"""The Data API: states, parameters, sessions, batches, cancelling, permissions."""

import json
from typing import Any

import pytest

from .conftest import LocalCloud, policy, refused, statement
from .redshift_calls import DataApi, eventually, make_workgroup

pytest.importorskip("duckdb", reason="the warehouses need duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the warehouses need sqlglot, of the extra [local]")

SLOW = "select count(*) from {} where n0.k + n1.k > n2.k".format(
    ", ".join(f"n n{i}" for i in range(12))
)


@pytest.fixture(scope="module")
def api(cloud: LocalCloud) -> DataApi:
    found = make_workgroup(cloud, "data-api")
    found.run("create table n(k int)")
    found.run("insert into n values (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)")
    return found


def test_what_is_told_of_a_statement(api: DataApi) -> None:
    found = api.run(
        "select 1 as one, 'x' as text, null as none, 1.5 as exact, true as yes, 2.5::float as real"
    )
    assert found.records == [[1, "x", None, "1.5", True, 2.5]]
    told = found.description
    assert told["Status"] == "FINISHED"
    assert told["HasResultSet"] is True
    assert told["ResultRows"] == 1
    assert told["ResultSize"] > 0
    assert told["Duration"] > 0
    assert told["RedshiftPid"] > 0
    assert told["Database"] == "labdb"
    assert told["WorkgroupName"] == "data-api"
    page = api.client.get_statement_result(Id=told["Id"])
    kinds = [(one["name"], one["typeName"]) for one in page["ColumnMetadata"]]
    assert kinds == [
        ("one", "int4"), ("text", "varchar"), ("none", "unknown"), ("exact", "numeric"),
        ("yes", "bool"), ("real", "float8"),
    ]  # fmt: skip


def test_a_statement_without_rows_has_no_result(api: DataApi) -> None:
    found = api.run("create table quiet(k int)")
    assert found.description["HasResultSet"] is False
    what = refused(api.client.get_statement_result, Id=found.description["Id"])
    assert what[1] == "ResourceNotFoundException"
    assert "Query does not have result" in what[2]


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("select * from nope", 'ERROR: relation "nope" does not exist'),
        ("select nope from n", 'ERROR: column "nope" does not exist in n'),
        ("selec 1", 'ERROR: syntax error at or near "selec"'),
        ("select 1; select 2", "ERROR: cannot insert multiple commands into a prepared statement"),
        ("select 1/0", "ERROR: division by zero"),
    ],
)
def test_failures_in_redshifts_words(api: DataApi, sql: str, error: str) -> None:
    found = api.run(sql)
    assert (found.status, found.error) == ("FAILED", error)


def test_an_unknown_database_fails(cloud: LocalCloud, api: DataApi) -> None:
    other = DataApi(api.client, {**api.target, "Database": "nope"})
    found = other.run("select 1")
    assert found.status == "FAILED"
    assert found.error == 'ERROR: FATAL: database "nope" does not exist'


def test_parameters_are_values(api: DataApi) -> None:
    parameters = [{"name": "k", "value": "3"}, {"name": "text", "value": "it's; drop table n --"}]
    found = api.run("select :text, k from n where k = :k", Parameters=parameters)
    assert found.records == [["it's; drop table n --", 3]]
    assert found.description["QueryString"] == "select :text, k from n where k = :k"
    assert found.description["QueryParameters"] == parameters
    what = refused(
        api.client.execute_statement, Sql="select 1", Parameters=parameters[:1], **api.target
    )
    assert what[1] == "ValidationException"
    missing = refused(
        api.client.execute_statement,
        Sql="select :k, :other",
        Parameters=parameters[:1],
        **api.target,
    )
    assert missing[1] == "ValidationException"


def test_a_batch_is_one_transaction(api: DataApi) -> None:
    started = api.client.batch_execute_statement(
        Sqls=[
            "create table batched(k int)",
            "insert into batched values (1),(2)",
            "select count(*) from batched",
        ],
        **api.target,
    )
    found = api.wait(started["Id"])
    assert found.status == "FINISHED"
    parts = found.description["SubStatements"]
    assert [one["Id"] for one in parts] == [f"{started['Id']}:{i}" for i in (1, 2, 3)]
    assert [one["Status"] for one in parts] == ["FINISHED"] * 3
    assert [one["HasResultSet"] for one in parts] == [False, False, True]
    assert api.records(f"{started['Id']}:3") == [[2]]
    failing = api.client.batch_execute_statement(
        Sqls=["insert into batched values (3)", "select nope", "select 1"], **api.target
    )
    found = api.wait(failing["Id"])
    assert found.status == "FAILED"
    statuses = [one["Status"] for one in found.description["SubStatements"]]
    assert statuses == ["FINISHED", "FAILED", "ABORTED"]
    assert "Query #2 failed" in found.error
    assert api.rows("select count(*) from batched") == [[2]]


def test_sessions_keep_what_is_the_sessions(api: DataApi) -> None:
    started = api.client.execute_statement(
        Sql="create temp table mine(k int)", SessionKeepAliveSeconds=60, **api.target
    )
    session = started["SessionId"]
    assert api.wait(started["Id"]).status == "FINISHED"
    assert api.run("insert into mine values (1)", SessionId=session).status == "FINISHED"
    assert api.rows("select count(*) from mine", SessionId=session) == [[1]]
    assert api.run("select count(*) from mine").status == "FAILED"
    listed = api.client.list_sessions()["Sessions"]
    assert [one["Status"] for one in listed if one["SessionId"] == session] == ["AVAILABLE"]
    what = refused(
        api.client.execute_statement, Sql="select 1", SessionId=session, Database="labdb"
    )
    assert what[1] == "ValidationException"
    unknown = "00000000-0000-0000-0000-000000000000"
    what = refused(api.client.execute_statement, Sql="select 1", SessionId=unknown)
    assert what[1] == "ResourceNotFoundException"


def test_cancelling_ends_what_runs(api: DataApi) -> None:
    started = api.client.execute_statement(Sql=SLOW, **api.target)
    eventually(lambda: api.client.describe_statement(Id=started["Id"])["Status"] == "STARTED")
    assert api.client.cancel_statement(Id=started["Id"])["Status"] is True
    found = api.wait(started["Id"])
    assert found.status == "ABORTED"
    what = refused(api.client.cancel_statement, Id=started["Id"])
    assert what[1] == "ValidationException"
    assert "already in ABORTED state" in what[2]
    assert api.rows("select count(*) from n") == [[10]]


def test_a_token_runs_once(api: DataApi) -> None:
    first = api.client.execute_statement(
        Sql="insert into n select 99 where false", ClientToken="once", **api.target
    )
    second = api.client.execute_statement(
        Sql="insert into n select 99 where false", ClientToken="once", **api.target
    )
    assert first["Id"] == second["Id"]


def test_waiting_for_the_end(api: DataApi) -> None:
    started = api.client.execute_statement(Sql="select 5", WaitTimeSeconds=30, **api.target)
    assert (started["Status"], started["HasResultSet"]) == ("FINISHED", True)


def test_results_as_csv(api: DataApi) -> None:
    started = api.client.execute_statement(
        Sql="select 'a,b' as x, 1 as y, true as z",
        ResultFormat="CSV",
        WaitTimeSeconds=30,
        **api.target,
    )
    page = api.client.get_statement_result_v2(Id=started["Id"])
    assert page["Records"] == [{"CSVRecords": 'x,y,z\n"a,b",1,true\n'}]
    assert refused(api.client.get_statement_result, Id=started["Id"])[1] == "ValidationException"


def test_the_catalog(api: DataApi) -> None:
    api.run("create schema sales")
    api.run(
        "create table sales.orders(id bigint not null, note varchar(40) default 'x', at timestamp)"
    )
    client, target = api.client, api.target
    assert client.list_databases(**target)["Databases"] == ["labdb"]
    assert "sales" in client.list_schemas(**target)["Schemas"]
    tables = client.list_tables(SchemaPattern="sal%", **target)["Tables"]
    assert tables == [{"name": "orders", "type": "TABLE", "schema": "sales"}]
    columns = client.describe_table(Schema="sales", Table="orders", **target)["ColumnList"]
    told = [(one["name"], one["typeName"], one["nullable"], one["length"]) for one in columns]
    assert told == [("id", "int8", 0, 0), ("note", "varchar", 1, 40), ("at", "timestamp", 1, 0)]


def test_statements_are_listed(api: DataApi) -> None:
    api.run("select 'listed'", StatementName="a-name")
    found = api.client.list_statements(StatementName="a-na")["Statements"]
    assert [(one["QueryString"], one["Status"]) for one in found] == [
        ("select 'listed'", "FINISHED")
    ]


def test_who_may_run_statements(cloud: LocalCloud, api: DataApi) -> None:
    nobody = cloud.as_user("redshift-data", "redshift-nobody")
    what = refused(nobody.execute_statement, Sql="select 1", **api.target)
    assert what[1] == "AccessDeniedException"
    assert "redshift-data:ExecuteStatement" in what[2]
    half = cloud.as_user(
        "redshift-data", "redshift-half", policy(statement("Allow", "redshift-data:*", "*"))
    )
    what = refused(half.execute_statement, Sql="select 1", **api.target)
    assert "redshift-serverless:GetCredentials" in what[2]
    actions = ["redshift-data:*", "redshift-serverless:GetCredentials"]
    alice = DataApi(
        cloud.as_user("redshift-data", "redshift-alice", policy(statement("Allow", actions, "*"))),
        api.target,
    )
    assert alice.rows("select current_user") == [["IAM:redshift-alice"]]
    found = alice.run("select * from n")
    assert found.error == "ERROR: permission denied for relation n"
    api.run('grant select on n to "IAM:redshift-alice"')
    assert alice.rows("select count(*) from n") == [[10]]
    theirs = api.run("select 1").description["Id"]
    assert refused(alice.client.describe_statement, Id=theirs)[1] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "parameters",
    [
        {"WorkgroupName": "no-such-workgroup", "Database": "labdb"},
        {"ClusterIdentifier": "no-such-cluster", "Database": "labdb"},
        {"Database": "labdb"},
        {"WorkgroupName": "data-api", "ClusterIdentifier": "x", "Database": "labdb"},
        {"WorkgroupName": "data-api", "Database": "labdb", "DbUser": "somebody"},
    ],
)
def test_targets_that_are_refused(api: DataApi, parameters: dict[str, Any]) -> None:
    assert (
        refused(api.client.execute_statement, Sql="select 1", **parameters)[1]
        == "ValidationException"
    )


def test_control_plane_conflicts(cloud: LocalCloud, api: DataApi) -> None:
    serverless = cloud.client("redshift-serverless")
    taken: tuple[tuple[Any, dict[str, Any]], ...] = (
        (serverless.create_namespace, {"namespaceName": "data-api"}),
        (serverless.create_workgroup, {"workgroupName": "data-api", "namespaceName": "data-api"}),
    )
    for call, parameters in taken:
        assert refused(call, **parameters)[1] == "ConflictException"
    wrong: tuple[tuple[Any, dict[str, Any], str], ...] = (
        (serverless.get_namespace, {"namespaceName": "nope"}, "ResourceNotFoundException"),
        (serverless.create_workgroup, {"workgroupName": "w-1", "namespaceName": "nope"}, "ResourceNotFoundException"),
        (serverless.create_workgroup, {"workgroupName": "w-1", "namespaceName": "data-api", "baseCapacity": 5}, "ValidationException"),
        (serverless.create_namespace, {"namespaceName": "n-1", "iamRoles": ["arn:aws:iam::1:role/no"]}, "ValidationException"),
        (serverless.create_namespace, {"namespaceName": "n-1", "adminUsername": "a", "adminUserPassword": "weak"}, "ValidationException"),
        (serverless.create_namespace, {"namespaceName": "n-1", "logExports": ["userlog"]}, "NotImplemented"),
        (serverless.create_snapshot, {"namespaceName": "data-api", "snapshotName": "s"}, "NotImplemented"),
    )  # fmt: skip
    for call, parameters, code in wrong:
        assert refused(call, **parameters)[1] == code
    assert serverless.list_snapshots(namespaceName="data-api")["snapshots"] == []
    assert serverless.list_recovery_points(namespaceName="data-api")["recoveryPoints"] == []


def test_limits_and_tags(cloud: LocalCloud, api: DataApi) -> None:
    serverless = cloud.client("redshift-serverless")
    arn = serverless.get_workgroup(workgroupName="data-api")["workgroup"]["workgroupArn"]
    limit = serverless.create_usage_limit(
        resourceArn=arn, usageType="serverless-compute", amount=10, breachAction="deactivate"
    )["usageLimit"]
    assert serverless.list_usage_limits(resourceArn=arn)["usageLimits"] == [limit]
    serverless.delete_usage_limit(usageLimitId=limit["usageLimitId"])
    assert (
        refused(serverless.get_usage_limit, usageLimitId=limit["usageLimitId"])[1]
        == "ResourceNotFoundException"
    )
    serverless.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}])
    assert serverless.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"key": "a", "value": "1"}
    ]
    serverless.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert serverless.list_tags_for_resource(resourceArn=arn)["tags"] == []
    assert json.dumps(limit["usageLimitArn"]).count("usagelimit") == 1
