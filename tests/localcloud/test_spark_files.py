"""What Spark sees of storages: directories, and what is not committed; and how it is served."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.spark.endpoint import HDFS_PORT, Endpoint, listen
from labrunner.localcloud.spark.files import Files
from labrunner.localcloud.sql.errors import SqlError
from labrunner.localcloud.sql.storage import Address, DirectoryStorage, Storage

from .sparks import Buckets


class Guarded(Buckets):
    """Buckets of which one can only be read."""

    def put(self, address: Address, source: Path) -> None:
        if address.place == "locked":
            raise SqlError("execution", "AccessDenied: Access Denied (bucket locked)")
        super().put(address, source)


class Tree:
    """A file system, used by addresses as Spark writes them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        storages: dict[str, Storage] = {
            "hdfs": DirectoryStorage(root / "hdfs"),
            "s3": Guarded(root / "s3"),
        }
        self.files = Files(storages, root / "work")

    def at(self, text: str) -> Address:
        scheme, _, rest = text.partition("://")
        place, _, path = rest.partition("/")
        return self.files.address(scheme, place, path)

    def write(self, text: str, data: str = "x", *, overwrite: bool = False) -> None:
        with self.files.create(self.at(text), overwrite=overwrite) as out:
            out.write(data.encode())

    def read(self, text: str, offset: int = 0) -> str:
        with self.files.open(self.files.get(self.at(text)), offset) as stream:
            return stream.read().decode()

    def kind(self, text: str) -> str:
        found = self.files.status(self.at(text))
        return "nothing" if found is None else "directory" if found.is_directory else "file"

    def names(self, text: str) -> list[str]:
        return [one.name for one in self.files.list(self.at(text))]

    def stored(self) -> list[str]:
        """Return what is in the storages, and nowhere else."""
        tops = [self.root / "s3", self.root / "hdfs"]
        found = [one for top in tops for one in top.rglob("*") if one.is_file()]
        return sorted(one.relative_to(self.root).as_posix() for one in found)

    def rename(self, one: str, other: str) -> bool:
        return self.files.rename(self.at(one), self.at(other))

    def delete(self, text: str, *, recursive: bool = True) -> bool:
        return self.files.delete(self.at(text), recursive=recursive)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_files_and_directories(tree: Tree) -> None:
    tree.write("s3://b/data/log1", "hello")
    tree.write("s3://b/data/log10")
    tree.write("s3://b/data/deep/er/x")
    tree.write("s3://c/data/log1", "other")
    assert tree.kind("s3://b/") == "directory"
    assert tree.kind("s3://b/data") == "directory"
    assert tree.kind("s3://b/dat") == "nothing"
    assert tree.kind("s3://b/data/log1") == "file"
    assert tree.kind("s3://b/data/log") == "nothing"
    assert tree.names("s3://b/data") == ["deep", "log1", "log10"]
    assert tree.names("s3://b/data/log1") == ["log1"]
    assert tree.read("s3://b//data/./log1") == "hello"
    assert tree.read("s3://b/data/log1", 3) == "lo"
    assert tree.read("s3://c/data/log1") == "other"
    below = tree.files.walk(tree.at("s3://b/data"))
    assert sorted(one.address.path for one in below) == [
        "data/deep/er/x",
        "data/log1",
        "data/log10",
    ]


def test_directories_that_are_made(tree: Tree) -> None:
    tree.files.mkdirs(tree.at("hdfs://h/user/a b/c"))
    assert tree.kind("hdfs://h/user/a b") == "directory"
    assert tree.names("hdfs://h/user") == ["a b"]
    assert tree.stored() == []
    with pytest.raises(HadoopError, match="not empty"):
        tree.delete("hdfs://h/user/a b", recursive=False)
    assert tree.delete("hdfs://h/user/a b/c", recursive=False)
    assert not tree.delete("hdfs://h/user/a b/c")
    tree.write("hdfs://h/f")
    with pytest.raises(HadoopError) as caught:
        tree.files.mkdirs(tree.at("hdfs://h/f/g"))
    assert caught.value.kind == "org.apache.hadoop.fs.ParentNotDirectoryException"
    with pytest.raises(HadoopError, match="is a file"):
        tree.files.mkdirs(tree.at("hdfs://h/f"))


def test_a_marker_of_a_folder_is_a_directory(tree: Tree) -> None:
    bucket = tree.root / "s3/b"
    bucket.mkdir(parents=True)
    (bucket / "folder").mkdir()
    (bucket / "folder" / "x").write_text("1")
    assert tree.kind("s3://b/folder/") == "directory"
    assert tree.names("s3://b/folder/") == ["x"]


def test_nothing_is_stored_before_it_is_renamed(tree: Tree) -> None:
    tree.write("s3://b/out/old")
    tree.write("s3://b/out/_temporary/0/task/part-0", "new")
    tree.write("s3://b/.hive-staging_x/-ext-1/part-0", "hive")
    assert tree.stored() == ["s3/b/out/old"]
    assert tree.read("s3://b/out/_temporary/0/task/part-0") == "new"
    assert tree.rename("s3://b/out/_temporary/0/task", "s3://b/out/_temporary/0/done")
    assert tree.stored() == ["s3/b/out/old"]
    assert tree.rename("s3://b/out/_temporary/0/done/part-0", "s3://b/out/part-0")
    assert tree.rename("s3://b/.hive-staging_x/-ext-1", "s3://b/hive")
    assert tree.stored() == ["s3/b/hive/part-0", "s3/b/out/old", "s3/b/out/part-0"]
    assert tree.read("s3://b/out/part-0") == "new"
    assert tree.delete("s3://b/out/_temporary")
    assert tree.names("s3://b/out") == ["old", "part-0"]


def test_what_is_never_committed_is_forgotten(tree: Tree) -> None:
    tree.write("s3://b/out/_temporary/0/part-0")
    tree.write("hdfs://h/out/.spark-staging-1/part-0")
    tree.files.mkdirs(tree.at("hdfs://h/kept"))
    tree.files.mkdirs(tree.at("s3://b/empty"))
    tree.files.forget_uncommitted()
    assert tree.stored() == []
    assert tree.kind("s3://b/out") == "nothing"
    assert tree.kind("s3://b/empty") == "nothing"
    assert tree.kind("hdfs://h/kept") == "directory"
    assert tree.names("hdfs://h/out") == []


def test_renaming(tree: Tree) -> None:
    tree.write("s3://b/a/one", "1")
    tree.write("s3://b/a/sub/two", "2")
    tree.write("s3://b/there/x")
    assert not tree.rename("s3://b/nothing", "s3://b/c")
    assert not tree.rename("s3://b/a", "s3://b/a/inside")
    assert not tree.rename("s3://b/a/one", "s3://b/a/sub/two")
    assert tree.rename("s3://b/a", "s3://b/there")
    assert tree.stored() == ["s3/b/there/a/one", "s3/b/there/a/sub/two", "s3/b/there/x"]
    tree.write("s3://b/one")
    assert not tree.rename("s3://b/one", "s3://b/there/a")
    assert tree.rename("s3://b/one", "s3://b/new/name")
    assert tree.kind("s3://b/one") == "nothing"
    assert tree.kind("s3://b/new/name") == "file"


def test_overwriting(tree: Tree) -> None:
    tree.write("s3://b/x", "1")
    with pytest.raises(HadoopError, match="already exists"):
        tree.write("s3://b/x", "2")
    tree.write("s3://b/x", "3", overwrite=True)
    assert tree.read("s3://b/x") == "3"
    tree.write("s3://b/d/y")
    with pytest.raises(HadoopError, match="already exists"):
        tree.write("s3://b/d", overwrite=True)


def test_what_breaks_off_is_not_stored(tree: Tree) -> None:
    def write() -> None:
        with tree.files.create(tree.at("s3://b/x")) as out:
            out.write(b"half")
            raise ConnectionResetError

    with pytest.raises(HadoopError):
        write()
    assert tree.stored() == []
    assert list((tree.root / "work/passing").iterdir()) == []


def test_what_a_storage_refuses(tree: Tree) -> None:
    with pytest.raises(HadoopError, match="bucket locked") as caught:
        tree.write("s3://locked/x")
    assert caught.value.kind == "org.apache.hadoop.security.AccessControlException"
    tree.write("s3://locked/_temporary/x")
    with pytest.raises(HadoopError, match="bucket locked"):
        tree.rename("s3://locked/_temporary/x", "s3://locked/x")


@pytest.mark.parametrize("text", ["s3://b/../c/x", "s3://b/a/..", "gs://b/x", "s3://b/a\0b"])
def test_addresses_that_are_none(tree: Tree, text: str) -> None:
    with pytest.raises(HadoopError):
        tree.at(text)


# ---- the server


class Client:
    """A client of WebHDFS, which sends what Hadoop's sends."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.port = endpoint.port
        self.token: str = json.loads(self.post_secret(endpoint.secret)[1])["access_token"]

    def send(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            chunked = not isinstance(body, bytes | None)
            connection.request(method, url, body, headers or {}, encode_chunked=chunked)
            found = connection.getresponse()
            return found.status, found.read(), found.getheader("Location", "")
        finally:
            connection.close()

    def post_secret(self, secret: str) -> tuple[int, bytes, str]:
        form = urlencode({"client_id": "spark", "client_secret": secret}).encode()
        return self.send("POST", "/token", form)

    def call(
        self, method: str, address: str, operation: str, body: Any = None, **parameters: str
    ) -> tuple[int, Any]:
        """Call an operation, follow where it leads with the body, return status and answer."""
        host, _, path = address.partition("/")
        query = urlencode({"op": operation, "user.name": "hadoop", **parameters})
        headers = {"Authorization": f"Bearer {self.token}"}
        status, data, place = self.send(
            method, f"http://{host}/webhdfs/v1/{path}?{query}", None, headers
        )
        if status == http.HTTPStatus.TEMPORARY_REDIRECT:
            status, data, _ = self.send(method, place, body, headers)
            return status, data
        return status, json.loads(data) if data else None


@pytest.fixture
def endpoint(tree: Tree) -> Iterator[Endpoint]:
    with Endpoint(tree.files, listen()) as found:
        yield found


@pytest.fixture
def client(endpoint: Endpoint) -> Client:
    return Client(endpoint)


def test_reading_and_writing_over_http(tree: Tree, client: Client) -> None:
    status, _ = client.call("PUT", "b:9870/in/x%20y%2Bz", "CREATE", iter([b"hello ", b"you"]))
    assert status == 201
    assert tree.stored() == ["s3/b/in/x y+z"]
    assert client.call("GET", "b:9870/in/x%20y%2Bz", "OPEN") == (200, b"hello you")
    part = client.call("GET", "b:9870/in/x%20y%2Bz", "OPEN", offset="6", length="2")
    assert part == (200, b"yo")
    status, answer = client.call("GET", "b:9870/in", "LISTSTATUS")
    (entry,) = answer["FileStatuses"]["FileStatus"]
    assert (status, entry["pathSuffix"], entry["length"]) == (200, "x y+z", 9)
    status, answer = client.call("GET", "b:9870/", "GETCONTENTSUMMARY")
    assert answer["ContentSummary"]["length"] == 9
    cluster = f"cluster:{HDFS_PORT}/in"
    assert client.call("PUT", cluster, "MKDIRS") == (200, {"boolean": True})
    assert client.call("PUT", cluster, "RENAME", destination="/out")[1] == {"boolean": True}
    assert tree.kind("hdfs:///out") == "directory"
    assert client.call("DELETE", f"cluster:{HDFS_PORT}/out", "DELETE")[1] == {"boolean": True}


@pytest.mark.parametrize(
    ("method", "address", "operation", "status", "kind"),
    [
        ("GET", "b:9870/no", "GETFILESTATUS", 404, "java.io.FileNotFoundException"),
        ("GET", "b:9870/no", "OPEN", 404, "java.io.FileNotFoundException"),
        ("GET", "b:9870/", "OPEN", 404, "java.io.FileNotFoundException"),
        ("GET", "b:9870/%2e%2e/c/x", "LISTSTATUS", 400, "java.lang.IllegalArgumentException"),
        ("PUT", "b:9870/x", "CREATESYMLINK", 400, "java.lang.UnsupportedOperationException"),
        ("POST", "b:9870/x", "APPEND", 400, "java.lang.UnsupportedOperationException"),
        ("GET", "b:9870/x", "", 400, "java.lang.UnsupportedOperationException"),
    ],
)
def test_failures_are_those_of_hadoop(  # noqa: PLR0913 - a row of the table
    client: Client, method: str, address: str, operation: str, status: int, kind: str
) -> None:
    found, answer = client.call(method, address, operation)
    assert (found, answer["RemoteException"]["javaClassName"]) == (status, kind)


def test_a_refused_upload_is_an_error(tree: Tree, client: Client) -> None:
    status, answer = client.call("PUT", "locked:9870/x", "CREATE", iter([b"data"]))
    assert status == 403
    assert b"AccessControlException" in answer
    assert tree.stored() == []


def test_who_has_not_the_secret_gets_nothing(tree: Tree, client: Client) -> None:
    tree.write("s3://b/x", "secret")
    assert client.post_secret("wrong")[0] == 401
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}):
        url = "http://b:9870/webhdfs/v1/x?op=OPEN&data=true"
        status, data, _ = client.send("GET", url, None, headers)
        assert (status, data) == (401, b"")
