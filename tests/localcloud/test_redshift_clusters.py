"""Provisioned clusters: what can be created, their states, credentials, and SQL on them."""

from typing import Any

import pytest

from .conftest import LocalCloud, refused
from .redshift_calls import DataApi, eventually, make_role

pytest.importorskip("duckdb", reason="the warehouses need duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the warehouses need sqlglot, of the extra [local]")

GOOD: dict[str, Any] = {
    "ClusterIdentifier": "lab",
    "NodeType": "ra3.large",
    "ClusterType": "single-node",
    "DBName": "labdb",
    "MasterUsername": "master",
    "ManageMasterPassword": True,
}


def state(client: Any, name: str) -> str:
    return str(client.describe_clusters(ClusterIdentifier=name)["Clusters"][0]["ClusterStatus"])


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"NodeType": "dc2.large"}, "InvalidParameterValue", "Invalid node type: dc2.large"),
        ({"NodeType": "ra3.4xlarge"}, "InvalidParameterValue", "at least 2 nodes"),
        ({"Encrypted": False}, "InvalidParameterValue", "Encrypted"),
        ({"NumberOfNodes": 2}, "InvalidParameterCombination", "must be 1"),
        ({"MasterUserPassword": "Abcdefg1"}, "InvalidParameterCombination", "ManageMasterPassword"),
        ({"ManageMasterPassword": False}, "InvalidParameterCombination", "MasterUserPassword"),
        (
            {"ManageMasterPassword": False, "MasterUserPassword": "short"},
            "InvalidParameterValue",
            "password",
        ),
        ({"MasterUsername": "public"}, "InvalidParameterValue", "MasterUsername"),
        ({"IamRoles": ["arn:aws:iam::1:role/none"]}, "InvalidParameterValue", "no such role"),
        ({"MultiAZ": True}, "NotImplemented", "MultiAZ"),
    ],
)
def test_what_is_refused(cloud: LocalCloud, change: dict[str, Any], code: str, words: str) -> None:
    client = cloud.client("redshift")
    what = refused(client.create_cluster, **{**GOOD, "ClusterIdentifier": "refused", **change})
    assert what[1] == code
    assert words in what[2]
    assert refused(client.describe_clusters, ClusterIdentifier="refused")[1] == "ClusterNotFound"


def test_a_cluster_from_start_to_end(cloud: LocalCloud, bucket: str) -> None:
    client = cloud.client("redshift")
    role = make_role(cloud, "cluster-reader", bucket, services=("redshift.amazonaws.com",))
    cloud.client("s3").put_object(Bucket=bucket, Key="d/1", Body=b"1|a\n2|b\n")
    made = client.create_cluster(**GOOD, IamRoles=[role], Tags=[{"Key": "run", "Value": "1"}])[
        "Cluster"
    ]
    assert made["ClusterStatus"] == "creating"
    assert made["Encrypted"] is True
    assert made["PubliclyAccessible"] is False
    assert refused(client.create_cluster, **GOOD)[1] == "ClusterAlreadyExists"
    client.get_waiter("cluster_available").wait(
        ClusterIdentifier="lab", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    found = client.describe_clusters(ClusterIdentifier="lab")["Clusters"][0]
    assert found["Endpoint"]["Address"] == "127.0.0.1"
    target = {"ClusterIdentifier": "lab", "Database": "labdb"}
    master = DataApi(cloud.client("redshift-data"), {**target, "DbUser": "master"})
    assert master.rows("select current_user") == [["master"]]
    assert master.run("create table t(k int, v varchar(5))").status == "FINISHED"
    loaded = master.run(f"copy t from 's3://{bucket}/d/' iam_role '{role}'")
    assert loaded.status == "FINISHED", loaded.error
    assert master.rows("select * from t order by k") == [[1, "a"], [2, "b"]]
    secret = DataApi(master.client, {**target, "SecretArn": found["MasterPasswordSecretArn"]})
    assert secret.rows("select current_user") == [["master"]]
    iam = DataApi(master.client, target)
    assert iam.rows("select current_user") == [["IAM:RootIdentity"]]
    assert iam.run("select * from t").error == "ERROR: permission denied for relation t"
    given = client.get_cluster_credentials(ClusterIdentifier="lab", DbUser="master", DbName="labdb")
    assert given["DbUser"] == "IAM:master"
    tagged = client.describe_tags(ResourceType="cluster", TagKeys=["run"])["TaggedResources"]
    assert [one["Tag"] for one in tagged] == [{"Key": "run", "Value": "1"}]
    client.pause_cluster(ClusterIdentifier="lab")
    eventually(lambda: state(client, "lab") == "paused")
    assert (
        refused(master.client.execute_statement, Sql="select 1", **master.target)[1]
        == "ValidationException"
    )
    client.resume_cluster(ClusterIdentifier="lab")
    eventually(lambda: state(client, "lab") == "available")
    assert master.rows("select count(*) from t") == [[2]]
    assert (
        refused(client.delete_cluster, ClusterIdentifier="lab")[1] == "InvalidParameterCombination"
    )
    gone = client.delete_cluster(ClusterIdentifier="lab", SkipFinalClusterSnapshot=True)["Cluster"]
    assert gone["ClusterStatus"] == "deleting"
    client.get_waiter("cluster_deleted").wait(
        ClusterIdentifier="lab", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert client.describe_cluster_snapshots()["Snapshots"] == []
