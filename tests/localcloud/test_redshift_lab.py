# ruff: noqa: E501, ISC004 - a query a line
"""A lab's way through Amazon Redshift: role, data, warehouse, COPY, published figures, the end."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from labrunner import datasets

from .conftest import LocalCloud
from .redshift_calls import DataApi, eventually, make_role, make_workgroup

pytest.importorskip("duckdb", reason="the warehouses need duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the warehouses need sqlglot, of the extra [local]")

BUCKET = "redshift-lab-data"
KEY = "tickit/allusers_pipe.txt"
LIKES = [
    "sports",
    "theatre",
    "concerts",
    "jazz",
    "classical",
    "opera",
    "rock",
    "vegas",
    "broadway",
    "musicals",
]
CREATE = f"""
create table users(
  userid integer not null distkey sortkey, username char(8), firstname varchar(30),
  lastname varchar(30), city varchar(30), state char(2), email varchar(100), phone char(14),
  {", ".join(f"like{one} boolean" for one in LIKES)})
"""
COPY = f"copy users from 's3://{BUCKET}/{KEY}' iam_role default delimiter '|' region 'us-east-1'"
FACTS = datasets.facts("redshift-users")


@pytest.fixture(scope="module")
def data(cloud: LocalCloud) -> bytes:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    (file,) = datasets.make("redshift-users")
    body = b"".join(file.chunks())
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)
    return body


@pytest.fixture(scope="module")
def lab(cloud: LocalCloud, data: bytes) -> DataApi:
    role = make_role(cloud, "lab-reader", BUCKET)
    api = make_workgroup(cloud, "lab", role)
    assert api.run(CREATE).status == "FINISHED"
    assert api.rows("select count(*) from users") == [[0]]
    loaded = api.run(COPY)
    assert loaded.status == "FINISHED", loaded.error
    assert loaded.description["ResultRows"] == 49_990
    return api


def test_what_was_loaded(lab: DataApi) -> None:
    assert lab.rows("select count(*) from users") == [[49_990]]
    assert lab.rows("select loaded_rows, status, error_count from sys_load_history") == [
        [49_990, "completed", 0]
    ]
    assert lab.rows("select count(*) from sys_load_error_detail") == [[0]]
    assert lab.column("select trim(filename) from stl_load_commits") == [f"s3://{BUCKET}/{KEY}"]
    assert lab.rows("select tbl_rows, diststyle, sortkey1 from svv_table_info") == [
        [49_990, "KEY(userid)", "userid"]
    ]


@pytest.mark.parametrize(
    ("fact", "sql"),
    [
        ("rows", "select count(*) from users"),
        ("in_florida", "select count(*) from users where state = 'FL'"),
        ("vegas_and_sports", "select count(*) from users where likevegas = 't' and likesports"),
        ("vegas_or_sports", "select count(*) from users where likevegas or likesports = true"),
        ("longest_email", "select max(octet_length(email)) from users"),
        (
            "ohio_sports_not_opera",
            "select count(*) from users where likesports and not likeopera and state = 'OH'",
        ),
    ],
)
def test_a_published_number(lab: DataApi, fact: str, sql: str) -> None:
    assert lab.rows(sql) == [[FACTS[fact].value]]


@pytest.mark.parametrize(
    ("fact", "sql"),
    [
        (
            "first_vegas_and_sports",
            "select userid from users where likevegas and likesports order by userid limit 13",
        ),
        (
            "first_vegas_or_sports",
            "select top 13 userid from users where likevegas or likesports order by userid",
        ),
        ("first_rock", "select userid from users where likerock = 't' order by userid limit 5"),
        (
            "first_rock_unknown",
            "select firstname || ' ' || lastname from users where likerock is unknown order by userid limit 10",
        ),
        (
            "first_sports_not_theatre",
            "select concat(firstname, concat(' ', lastname)) from users where likesports is true and "
            "liketheatre is false order by userid limit 10",
        ),
        ("first_names", "select firstname || ' ' || lastname from users order by userid limit 10"),
        ("same_names", "select userid from users where bpcharcmp(firstname, lastname) = 0 order by userid"),
        ("cities_with_ea", "select distinct city from users where city like '__ea%' order by city"),
        ("lowest_states", "select distinct state from users order by state limit 5"),
        (
            "smiths",
            "select firstname from users where lastname = 'Smith' and liketheatre and likeclassical "
            "order by userid",
        ),
    ],
)  # fmt: skip
def test_a_published_column(lab: DataApi, fact: str, sql: str) -> None:
    assert lab.column(sql) == FACTS[fact].value


def test_published_rows(lab: DataApi) -> None:
    first = lab.rows(
        "select username, city, state, likesports, liketheatre from users where userid = 1"
    )
    assert first == [list(FACTS["first_user"].value.values())]
    jazz = lab.rows(
        "select city, count(*) from users where likejazz group by city order by 2 desc limit 10"
    )
    assert jazz == FACTS["jazz_cities"].value
    states = lab.rows(
        "select state, bool_and(likesports), bool_or(likesports) from users group by state order by "
        "state limit 5"
    )
    assert states == [[one, False, True] for one in FACTS["lowest_states"].value]


def test_the_labs_queries(lab: DataApi) -> None:
    """Their results are pictures only: every row must obey its query."""
    ohio = lab.rows(
        "select userid, firstname, lastname, city, state, likesports, likeopera from users where "
        "state = 'OH' and likesports = true and likeopera = false order by firstname"
    )
    assert len(ohio) == FACTS["ohio_sports_not_opera"].value
    assert {tuple(row[4:]) for row in ohio} == {("OH", True, False)}
    assert [row[1] for row in ohio] == sorted(row[1] for row in ohio)


def test_pages_of_a_result(lab: DataApi) -> None:
    found = lab.run("select userid from users where likevegas and likesports order by 1")
    assert found.description["ResultRows"] == 2_128
    assert len(found.records) == 2_128
    page = lab.client.get_statement_result(Id=found.description["Id"])
    assert page["TotalNumRows"] == 2_128
    assert len(page["Records"]) < 2_128
    (column,) = page["ColumnMetadata"]
    assert (column["name"], column["typeName"], column["nullable"]) == ("userid", "int4", 1)


def test_a_malformed_row_loads_nothing(cloud: LocalCloud, lab: DataApi, data: bytes) -> None:
    lines = data.splitlines(keepends=True)[:5]
    lines[2] = b"three" + lines[2][1:]
    cloud.client("s3").put_object(Bucket=BUCKET, Key="bad.txt", Body=b"".join(lines))
    lab.run("create table bad (like users)")
    found = lab.run(f"copy bad from 's3://{BUCKET}/bad.txt' iam_role default delimiter '|'")
    assert found.status == "FAILED"
    assert found.error == (
        "ERROR: Load into table 'bad' failed.  Check 'sys_load_error_detail' system table for details."
    )
    errors = lab.rows(
        "select trim(file_name), line_number, trim(column_name), column_type, error_code, "
        "trim(error_message) from sys_load_error_detail"
    )
    why = "Invalid digit, Value 't', Pos 0, Type: Integer"
    assert errors == [[f"s3://{BUCKET}/bad.txt", 3, "userid", "int4", 1207, why]]
    assert lab.rows("select count(*) from bad") == [[0]]
    found = lab.run(f"copy bad from 's3://{BUCKET}/bad.txt' iam_role default maxerror 1")
    assert found.description["ResultRows"] == 4


def test_roles_that_may_not(cloud: LocalCloud, lab: DataApi) -> None:
    command = f"copy users from 's3://{BUCKET}/{KEY}' iam_role '{{}}' delimiter '|'"
    not_attached = make_role(cloud, "lab-not-attached", BUCKET)
    wrong_trust = make_role(cloud, "lab-wrong-trust", BUCKET, services=("ec2.amazonaws.com",))
    may_not_read = make_role(cloud, "lab-may-not-read", BUCKET, actions=("s3:ListBucket",))
    may_not_list = make_role(cloud, "lab-may-not-list", BUCKET, actions=("s3:GetObject",))
    serverless = cloud.client("redshift-serverless")
    default = serverless.get_namespace(namespaceName="lab")["namespace"]["defaultIamRoleArn"]
    roles = [default, wrong_trust, may_not_read, may_not_list]
    serverless.update_namespace(namespaceName="lab", iamRoles=roles)
    for role in (not_attached, wrong_trust):
        found = lab.run(command.format(role))
        assert found.status == "FAILED"
        assert f"is not authorized to assume IAM Role {role}" in found.error
    for role in (may_not_read, may_not_list):
        found = lab.run(command.format(role))
        assert found.status == "FAILED"
        assert found.error.startswith(
            "ERROR: S3ServiceException:Access Denied,Status 403,Error AccessDenied"
        )
        assert role.rpartition("/")[2] in found.error
    assert lab.rows("select count(*) from users") == [[49_990]]


def test_unload_to_the_bucket(cloud: LocalCloud, lab: DataApi) -> None:
    writer = make_role(
        cloud, "lab-writer", BUCKET, ("s3:PutObject", "s3:ListBucket", "s3:GetObject")
    )
    serverless = cloud.client("redshift-serverless")
    roles = serverless.get_namespace(namespaceName="lab")["namespace"]["iamRoles"]
    attached = [re.search(r"iamRoleArn=([^)]+)", one)[1] for one in roles]  # type: ignore[index]
    serverless.update_namespace(namespaceName="lab", iamRoles=[*attached, writer])
    text = "select userid, trim(city) from users where userid < 3 order by 1"
    refused = lab.run(f"unload ('{text}') to 's3://{BUCKET}/out/x_' iam_role default")
    assert "s3:PutObject" in refused.error
    done = lab.run(f"unload ('{text}') to 's3://{BUCKET}/out/x_' iam_role '{writer}'")
    assert done.status == "FINISHED", done.error
    body = cloud.client("s3").get_object(Bucket=BUCKET, Key="out/x_0000_part_00")["Body"].read()
    assert body.decode().startswith("1|Kent\n2|")


def test_the_end(cloud: LocalCloud, data: bytes) -> None:
    role = make_role(cloud, "lab-end", BUCKET)
    api = make_workgroup(cloud, "the-end", role)
    assert api.run("create table t(k int)").status == "FINISHED"
    serverless = cloud.client("redshift-serverless")
    kept = cloud.server.settings.directory / "redshift"
    before = len(list(kept.iterdir()))
    with pytest.raises(ClientError) as caught:
        serverless.delete_namespace(namespaceName="the-end")
    assert code(caught) == "ConflictException"
    assert serverless.delete_workgroup(workgroupName="the-end")["workgroup"]["status"] == "DELETING"
    eventually(lambda: missing(serverless.get_workgroup, workgroupName="the-end"))
    assert serverless.delete_namespace(namespaceName="the-end")["namespace"]["status"] == "DELETING"
    eventually(lambda: missing(serverless.get_namespace, namespaceName="the-end"))
    assert len(list(kept.iterdir())) == before - 1
    with pytest.raises(ClientError) as caught:
        api.client.execute_statement(Sql="select 1", **api.target)
    assert code(caught) == "ValidationException"


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def missing(call: Any, **parameters: Any) -> bool:
    """Whether a thing is not there any more."""
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"].get("Code") == "ResourceNotFoundException"
    return False
