"""Hive on the local cloud's S3: a role's permissions decide, as for any call."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("duckdb", reason="the SQL engine needs duckdb, of the extra [local]")
pytest.importorskip("sqlglot", reason="the SQL engine needs sqlglot, of the extra [local]")

from labrunner.localcloud.principals import iam_backend, role_session, root
from labrunner.localcloud.sql.cloud_storage import S3Storage
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.hive.metastore import Metastore
from labrunner.localcloud.sql.hive.session import HiveSession
from labrunner.localcloud.sql.storage import DirectoryStorage, Storage, Storages
from tests.localcloud.conftest import LocalCloud, policy, put_policy, statement

TRUST = policy(
    statement("Allow", "sts:AssumeRole", None, Principal={"Service": "ec2.amazonaws.com"})
)


def allow(*actions: str, on: str) -> dict[str, Any]:
    return statement("Allow", list(actions), on)


class Session:
    """A Hive session of a role of its own."""

    def __init__(self, cloud: LocalCloud, directory: Path) -> None:
        self.name = f"role-{uuid.uuid4().hex[:8]}"
        self._iam = cloud.client("iam")
        trust = json.loads(json.dumps(TRUST))
        del trust["Statement"][0]["Resource"]
        self._iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))
        inner = cloud.server._load().cloud
        role = next(one for one in iam_backend(inner).roles.values() if one.name == self.name)
        principal = role_session(inner, role, "i-1", None)
        s3 = S3Storage(inner, principal, "us-east-1")
        stores: dict[str, Storage] = {
            "hdfs": DirectoryStorage(directory / "hdfs"),
            "s3": s3,
            "s3n": s3,
            "s3a": s3,
        }
        storages = Storages(stores, "hdfs")
        metastore = Metastore(storages.address("/user/hive/warehouse"))
        self.hive = HiveSession(metastore, storages, directory / "work")
        self.arn = role.arn

    def may(self, *statements: dict[str, Any]) -> None:
        document = json.dumps(policy(*statements))
        self._iam.put_role_policy(RoleName=self.name, PolicyName="p", PolicyDocument=document)

    def run(self, script: str) -> list[str]:
        lines: list[str] = []
        self.hive.run_script(script, lambda result: lines.__setitem__(slice(None), result.lines))
        return lines


@pytest.fixture
def session(cloud: LocalCloud, tmp_path: Path) -> Iterator[Session]:
    found = Session(cloud, tmp_path)
    yield found
    found.hive.close()


def table(bucket: str, scheme: str = "s3") -> str:
    return f"create external table t (n int) location '{scheme}://{bucket}/data'"


def test_what_a_role_may_read(session: Session, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="data/a", Body=b"1\n2\n")
    session.run(table(bucket))
    with pytest.raises(SqlError) as caught:
        session.run("select sum(n) from t")
    assert caught.value.kind == "execution"
    assert "AccessDenied" in caught.value.message
    assert "s3:ListBucket" in caught.value.message
    assert bucket in caught.value.message
    assert session.arn in caught.value.message
    session.may(allow("s3:ListBucket", on=f"arn:aws:s3:::{bucket}"))
    with pytest.raises(SqlError, match="s3:GetObject"):
        session.run("select sum(n) from t")
    session.may(allow("s3:ListBucket", "s3:GetObject", on=f"arn:aws:s3:::{bucket}*"))
    assert session.run("select sum(n) from t") == ["3"]


def test_what_a_bucket_denies(session: Session, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="data/a", Body=b"1\n")
    session.may(allow("s3:*", on="*"))
    session.run(table(bucket))
    assert session.run("select n from t") == ["1"]
    put_policy(
        s3,
        bucket,
        statement(
            "Deny", "s3:GetObject", f"arn:aws:s3:::{bucket}/data/*", Principal={"AWS": session.arn}
        ),
    )
    with pytest.raises(SqlError, match="explicit deny in a resource-based policy"):
        session.run("select n from t")


def test_what_a_role_may_write(session: Session, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="out/old", Body=b"x")
    session.may(allow("s3:ListBucket", "s3:GetObject", on=f"arn:aws:s3:::{bucket}*"))
    insert = f"insert overwrite directory 's3://{bucket}/out' select 1, 'a'"
    with pytest.raises(SqlError, match="s3:DeleteObject"):
        session.run(insert)
    session.may(allow("s3:ListBucket", "s3:DeleteObject", on=f"arn:aws:s3:::{bucket}*"))
    with pytest.raises(SqlError, match="s3:PutObject"):
        session.run(insert)
    session.may(allow("s3:*", on=f"arn:aws:s3:::{bucket}*"))
    session.run(insert)
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == ["out/000000_0"]
    assert s3.get_object(Bucket=bucket, Key="out/000000_0")["Body"].read() == b"1\x01a\n"


def test_a_bucket_that_is_not_there(session: Session) -> None:
    session.may(allow("s3:*", on="*"))
    session.run(table("no-such-bucket-of-anybody"))
    with pytest.raises(SqlError, match=r"NoSuchBucket.*no-such-bucket-of-anybody"):
        session.run("select * from t")


@pytest.mark.parametrize("scheme", ["s3", "s3n", "s3a"])
def test_many_objects_and_odd_keys(session: Session, s3: Any, bucket: str, scheme: str) -> None:
    for number in range(1005):
        s3.put_object(
            Bucket=bucket, Key=f"data/f {number:04}+\u00e9?%", Body=f"{number}\n".encode()
        )
    s3.put_object(Bucket=bucket, Key="data/", Body=b"")
    s3.put_object(Bucket=bucket, Key="data-other/x", Body=b"9\n")
    session.may(allow("s3:*", on="*"))
    session.run(table(bucket, scheme))
    assert session.run("select count(*), sum(n) from t") == [f"1005\t{sum(range(1005))}"]


def test_deleted_and_archived_objects(session: Session, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="data/a", Body=b"1\n")
    s3.put_object(Bucket=bucket, Key="data/b", Body=b"2\n")
    s3.delete_object(Bucket=bucket, Key="data/a")
    session.may(allow("s3:*", on="*"))
    session.run(table(bucket))
    assert session.run("select n from t") == ["2"]
    s3.put_object(Bucket=bucket, Key="data/c", Body=b"3\n", StorageClass="GLACIER")
    with pytest.raises(SqlError, match="InvalidObjectState"):
        session.run("select n from t")


def test_the_account_itself(cloud: LocalCloud, s3: Any, bucket: str, tmp_path: Path) -> None:
    inner = cloud.server._load().cloud
    store = S3Storage(inner, root(inner), "us-east-1")
    storages = Storages({"s3": store}, "s3")
    source = tmp_path / "x"
    source.write_bytes(b"z" * 3_000_000)
    address = storages.address(f"s3://{bucket}/k")
    storages.put(address, source)
    with storages.open(address) as stream:
        assert stream.read(3) == b"zzz"
        assert len(stream.read()) == 2_999_997
    assert [(one.address.path, one.size) for one in storages.files(address)] == [("k", 3_000_000)]
    storages.delete(address)
    assert storages.files(address) == []
    with pytest.raises(SqlError, match="NoSuchKey"):
        storages.open(address)
