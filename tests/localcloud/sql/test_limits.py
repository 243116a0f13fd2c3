"""Many rows in bounded memory, and statements that are interrupted."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labrunner.localcloud.sql.errors import SqlError

from .conftest import Hive

ROWS = 1_000_000
PROGRAM = """
import json, resource, sys
from pathlib import Path
from labrunner.localcloud.sql.hive.metastore import Metastore
from labrunner.localcloud.sql.hive.session import HiveSession
from labrunner.localcloud.sql.storage import DirectoryStorage, Storages

root, rows = Path(sys.argv[1]), int(sys.argv[2])
s3 = DirectoryStorage(root / "s3")
(root / "s3" / "d").mkdir()
with (root / "s3" / "d" / "x").open("w") as out:
    for i in range(rows):
        out.write(f"{i}\\tname{i:07}\\t{i % 1000}\\t{i * 0.25}\\t{'x' * 60}\\n")
storages = Storages({"hdfs": DirectoryStorage(root / "hdfs"), "s3": s3}, "hdfs")
seen = []

def keep(result):
    count = sum(1 for _ in result.lines)
    seen.append([count, dict(result.rows_read), result.rows_written])

with HiveSession(Metastore(storages.address("/w")), storages, root / "work", memory_mib=256) as s:
    s.run_script(sys.stdin.read(), keep)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seen, peak // (1024 * 1024 if sys.platform == "darwin" else 1024)]))
"""
SCRIPT = """
create external table t (id bigint, name string, g int, x double, pad string)
  row format delimited fields terminated by '\\t' location 's3://b/d';
select g, count(*), sum(x), max(name) from t group by g;
select * from t;
select name, id from t order by name desc;
insert overwrite directory 's3://b/out' select * from t where id % 2 = 0;
create external table r (id string, name string, g int)
  row format serde 'org.apache.hadoop.hive.serde2.RegexSerDe'
  with serdeproperties ('input.regex'='(\\\\S+)\\\\s+(?=n)(\\\\S+)\\\\s+(\\\\d+).*') location 's3://b/d';
select count(*), sum(g) from r;
"""


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), str(ROWS)],
        input=SCRIPT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    seen, peak = json.loads(done.stdout)
    assert [one[0] for one in seen] == [0, 1000, ROWS, ROWS, 0, 0, 1]
    assert seen[1][1] == {"default.t": ROWS}
    assert seen[4][2] == ROWS // 2
    # The data is 90 MB as text, and some 500 MB as Python's objects.
    assert peak < 450, f"{peak} MiB"
    assert list((tmp_path / "work").iterdir()) == []


ENDLESS = """
select count(*) from t a cross join t b cross join t c cross join t d where a.n + b.n = c.n - d.n
"""


def test_a_statement_is_cancelled(hive: Hive) -> None:
    hive.write("d/x", "".join(f"{i}\n" for i in range(3000)))
    hive.run("create external table t (n int) location 's3://b/d'; create table later (a int)")
    failed: list[SqlError] = []
    seen: list[str] = []

    def run() -> None:
        try:
            hive.session.run_script(f"{ENDLESS}; drop table later;", lambda r: seen.extend(r.lines))
        except SqlError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    hive.session.cancel()
    thread.join(20)
    assert not thread.is_alive()
    assert [one.kind for one in failed] == ["cancelled"]
    assert hive.metastore.table("default", "later") is not None
    with pytest.raises(SqlError, match="cancelled"):
        hive.run("select 1")


def test_a_session_that_is_cancelled_first(hive: Hive) -> None:
    hive.session.cancel()
    with pytest.raises(SqlError) as caught:
        hive.run("create table t (a int)")
    assert caught.value.kind == "cancelled"
    assert hive.metastore.table("default", "t") is None
