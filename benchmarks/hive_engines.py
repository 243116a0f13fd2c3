"""What the Hive script of the lab emr-hive costs over millions of rows, by engine.

    python benchmarks/hive_engines.py

Compares the engine of the local cloud (DuckDB) with real Spark, where `labrunner[spark]` and Java
are, and with plain Python. Needs Linux, and some 1.5 GB of disk for five million rows.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from measure import load, machine
from tree import Usage, measure

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "labs" / "emr-hive" / "os_requests.q"
FIRST_DAY, LAST_DAY = "2014-07-05", "2014-08-05"
BETWEEN = {"spaces": " ", "tabs": "\t"}
PATIENT = "duckdb"


# ---- the engines, each in a process of its own


def duckdb(work: Path) -> None:
    """Run the script as the local cloud does."""
    from labrunner.localcloud.sql.hive.metastore import Metastore
    from labrunner.localcloud.sql.hive.script import Variables
    from labrunner.localcloud.sql.hive.session import HiveSession
    from labrunner.localcloud.sql.storage import DirectoryStorage, Storages

    storages = Storages({"hdfs": DirectoryStorage(work / "hdfs")}, "hdfs")
    metastore = Metastore(storages.address("/user/hive/warehouse"))
    with HiveSession(metastore, storages, work / "session", Variables(dict(places()))) as session:
        session.run_script(SCRIPT.read_text(), lambda _: None)


def spark(work: Path) -> None:
    """Run the script with spark-sql."""
    from labrunner.localcloud.spark import Spark, ThisHost, detect
    from labrunner.localcloud.sql.storage import DirectoryStorage

    host = ThisHost(work / "spark", detect(os.environ))
    storages = {"hdfs": DirectoryStorage(work / "hdfs")}
    application = Spark(work / "files", storages, host).script(SCRIPT.read_text(), places())

    def say(data: bytes) -> None:
        sys.stderr.buffer.write(data)

    code = application.run(say, say)
    if code:
        sys.exit(code)


def python(work: Path) -> None:
    """Count with the script's own regular expression and a dict."""
    (written,) = re.findall(r'"input\.regex" = "(.*)"', SCRIPT.read_text())
    fits = re.compile(written.replace("\\\\", "\\")).match
    counts: dict[str, int] = {}
    for path in sorted((work / "hdfs" / "in").iterdir()):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                found = fits(line)
                if found is not None and FIRST_DAY <= found[1] <= LAST_DAY:
                    counts[found[11]] = counts.get(found[11], 0) + 1
    target = work / "hdfs" / "out" / "os_requests"
    target.mkdir(parents=True)
    text = "".join(f"{name}\x01{count}\n" for name, count in counts.items())
    (target / "000000_0").write_text(text)


def places() -> Mapping[str, str]:
    return {"INPUT": "hdfs:///in", "OUTPUT": "hdfs:///out"}


ENGINES: Mapping[str, Callable[[Path], None]] = {
    "duckdb": duckdb,
    "spark": spark,
    "python": python,
}
TITLES = {
    "duckdb": "the local cloud's Hive, on DuckDB",
    "spark": "Spark, local mode",
    "python": "plain Python, `re` and a dict",
}


# ---- the measurement


@dataclass(frozen=True)
class Data:
    """Logs of so many rows, with the counts that are right."""

    rows: int
    between: str
    directory: Path
    counts: Mapping[str, int]

    @property
    def title(self) -> str:
        return f"{self.rows:,} rows, fields between {self.between}"


@dataclass(frozen=True)
class Table:
    """Rows of Markdown, each the median of rounds; of memory the most of all rounds."""

    rounds: int
    env: Mapping[str, str]

    def head(self) -> None:
        print("| data | engine | wall, s | its range | rows a second | CPU, s | memory, MiB |")
        print("|---|---|--:|--:|--:|--:|--:|")

    def measure(self, data: Data, engines: Sequence[str]) -> None:
        """Measure engines in turn and print a row for each."""
        found: dict[str, list[Usage]] = {name: [] for name in engines}
        for _ in range(self.rounds):
            for name in engines:
                found[name].append(_once(name, data, self.env))
        for name, used in found.items():
            walls = [one.wall for one in used]
            wall = median(walls)
            cells = (
                data.title,
                TITLES[name],
                f"{wall:.1f}",
                f"{min(walls):.1f} to {max(walls):.1f}",
                f"{data.rows / wall:,.0f}",
                f"{median(one.cpu for one in used):.1f}",
                f"{max(one.memory for one in used):.0f}",
            )
            print(f"| {' | '.join(cells)} |", flush=True)


def _once(engine: str, data: Data, env: Mapping[str, str]) -> Usage:
    """Run an engine on fresh storages that hold the data, and check its result."""
    with tempfile.TemporaryDirectory(dir=data.directory.parent) as folder:
        work = Path(folder)
        (work / "hdfs" / "in").mkdir(parents=True)
        for path in data.directory.iterdir():
            os.link(path, work / "hdfs" / "in" / path.name)
        used = measure([sys.executable, __file__, "--engine", engine, "--work", folder], env)
        counts = dict(_result(work / "hdfs" / "out" / "os_requests"))
        if counts != data.counts:
            sys.exit(f"{engine} counted {counts}; {data.counts} is right")
    return used


def _result(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.iterdir():
        for line in path.read_text().splitlines():
            name, _, count = line.partition("\x01")
            yield name, int(count)


def make_data(parent: Path, rows: int, between: str) -> Data:
    """Write the access logs of the lab, with other characters between their fields."""
    from labrunner import datasets

    directory = parent / f"{rows}-{between}"
    directory.mkdir()
    sign = BETWEEN[between].encode()
    for file in datasets.make("cloudfront-logs", {"rows": rows}):
        with (directory / file.name).open("wb") as out:
            for chunk in file.chunks():
                out.write(chunk.replace(b"\t", sign))
    counts = datasets.facts("cloudfront-logs", {"rows": rows})["os_counts"].value
    return Data(rows, between, directory, Counter(counts))


def engines_here() -> list[str]:
    """Return the engines that this host has, and say why where one is not."""
    from labrunner.localcloud.spark import SparkUnavailableError, detect

    try:
        detect(os.environ)
    except SparkUnavailableError as error:
        print(f"- Spark is not measured: {error}")
        return ["duckdb", "python"]
    return list(ENGINES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=5_000_000, help="of the larger logs")
    parser.add_argument("--fewer", type=int, default=1_000_000, help="rows of the smaller logs")
    parser.add_argument("--tabs", type=int, default=10_000, help="rows of the logs with tabs")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--folder", type=Path, help="where the logs are written for a while")
    parser.add_argument("--engine", choices=sorted(ENGINES), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.engine:
        ENGINES[given.engine](given.work)
        return
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("the memory of processes is read as Linux tells it")
    print(machine())
    print(f"- duckdb {version('duckdb')}, sqlglot {version('sqlglot')}")
    engines = engines_here()
    if "spark" in engines:
        print(f"- pyspark {version('pyspark')}, {_java()}")
    print(f"- load before: {load()}; {given.rounds} rounds\n", flush=True)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        table = Table(given.rounds, env)
        table.head()
        for rows in (given.fewer, given.rows):
            data = make_data(Path(folder), rows, "spaces")
            table.measure(data, engines)
            shutil.rmtree(data.directory)
        table.measure(make_data(Path(folder), given.tabs, "tabs"), engines)
        one_round = Table(1, env)
        one_round.measure(make_data(Path(folder), given.rows, "tabs"), [PATIENT])
    print("\n- all counts were right")
    print(f"- load after: {load()}")


def _java() -> str:
    from labrunner.localcloud.spark import detect
    from labrunner.localcloud.spark.installation import ask_version

    said = ask_version(str(detect(os.environ).java_home / "bin" / "java")) or ""
    return said.partition("\n")[0]


if __name__ == "__main__":
    main()
