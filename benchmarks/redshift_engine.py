"""What COPY and the queries of the lab redshift-intro cost, by engine.

    python benchmarks/redshift_engine.py

Compares the local cloud's Redshift, asked through boto3, with PostgreSQL, where Debian's package
`postgresql` is, and with DuckDB alone. Needs Linux, and some 4 GB of disk for five million rows.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import yaml
from measure import load, machine
from tree import PROC, _memory, _tree, _watch
from warehouses import (
    PROGRAMS,
    Rows,
    Warehouse,
    duckdb,
    postgresql,
    postgresql_programs,
    redshift,
)

ROOT = Path(__file__).parents[1]
LAB = ROOT / "labs" / "redshift-intro" / "lab.yaml"
COPY = "COPY"
# The lab's steps that ask these.
QUERIES = {"count": "empty", "Ohio": "ohio", "jazz": "jazz", "Smiths": "smiths"}
# Of /proc's stat behind the name: the times of the process and of the children it waited for, and
# the states of one that has ended.
CPU = slice(11, 15)
ENDED = ("Z", "X")
# What is shorter cannot be told in ticks of the clock.
LEAST_CPU = 0.2


@dataclass(frozen=True)
class Data:
    """A file of so many users."""

    rows: int
    file: Path


@dataclass(frozen=True)
class Round:
    """Seconds of what was done once, by its name, and what was answered.

    `cpu` is of the warehouse's processes, `engine` is wall time without the Data API.
    """

    wall: Mapping[str, float]
    cpu: Mapping[str, float]
    engine: Mapping[str, float]
    answers: Mapping[str, Rows]


def lab_sql() -> Mapping[str, str]:
    """Return the SQL of the lab by step."""
    lab = yaml.safe_load(LAB.read_text())
    return {one["id"]: one["with"]["Sql"] for one in lab["steps"] if "sql" in one}


def once(warehouse: Warehouse, data: Data, sql: Mapping[str, str]) -> Round:
    """Load the file into a new table and ask."""
    wall: dict[str, float] = {}
    cpu: dict[str, float] = {}
    engine: dict[str, float] = {}
    answers: dict[str, Rows] = {}

    def timed(name: str, work: Callable[[], Rows | None]) -> None:
        before, started = _cpu(warehouse.pid), perf_counter()
        answers[name] = work() or []
        wall[name] = perf_counter() - started
        cpu[name] = _cpu(warehouse.pid) - before
        engine[name] = warehouse.engine_seconds

    warehouse.empty()
    timed(COPY, lambda: warehouse.copy(data.file))
    for name, step in QUERIES.items():
        timed(name, partial(warehouse.ask, sql[step]))
    return Round(wall, cpu, engine, answers)


def _cpu(root: int) -> float:
    """Return the CPU seconds of a process and of all below it, ended ones included."""
    ticks = 0
    for process in _tree(root):
        with contextlib.suppress(OSError):
            stat = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, stat[CPU]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(warehouse: Warehouse, data: Data) -> tuple[float, float]:
    """Return MiB of the warehouse's processes before, and at most while it loads the file."""
    warehouse.empty()
    before = sum(map(_memory, _tree(warehouse.pid)))
    ended, most = threading.Event(), [before]
    watching = threading.Thread(target=_watch, args=(warehouse.pid, ended, most))
    watching.start()
    try:
        warehouse.copy(data.file)
    finally:
        ended.set()
        watching.join()
    return before, most[0]


def must_agree(data: Data, found: Mapping[str, Round], right: Mapping[str, Rows]) -> None:
    """End the process if an answer differs from the others or from what is known."""
    first = next(iter(found.values())).answers
    for title, one in found.items():
        for name, rows in one.answers.items():
            for expected in (first[name], right.get(name, rows)):
                if rows != expected:
                    sys.exit(
                        f"{title} answers {name} of {data.rows:,} rows with {len(rows)} rows, "
                        f"{rows[:3]} ...; {expected[:3]} ... is right"
                    )


def known(rows: int) -> Mapping[str, Rows]:
    """Return the answers that the file is made to give."""
    from labrunner import datasets

    facts = datasets.facts("redshift-users", {"rows": rows})
    found: dict[str, Rows] = {COPY: [], "count": [(str(facts["rows"].value),)]}
    if "smiths" in facts:
        found["Smiths"] = [(name,) for name in facts["smiths"].value]
        found["jazz"] = [(city, str(fans)) for city, fans in facts["jazz_cities"].value]
    return found


# ---- the report


def measure(warehouses: Sequence[Warehouse], data: Data, rounds: int) -> None:
    """Measure in turn, each round in another order, and print a row for each work."""
    sql, right = lab_sql(), known(data.rows)
    for one in warehouses:
        one.bring(data.file)
    most = {one.title: memory(one, data) for one in warehouses}
    found: list[dict[str, Round]] = []
    for number in range(rounds):
        at = number % len(warehouses)
        order = [*warehouses[at:], *warehouses[:at]]
        found.append({one.title: once(one, data, sql) for one in order})
        must_agree(data, found[-1], right)
    for name in (COPY, *QUERIES):
        say(warehouses, data, name, found)
    say_rest(warehouses, data, found)
    text = ", ".join(f"{by} {to:,.0f} (before {at:,.0f})" for by, (at, to) in most.items())
    print(f"Memory at most during COPY of {data.rows:,} rows, MiB: {text}\n", flush=True)


def head(warehouses: Sequence[Warehouse]) -> None:
    ours = warehouses[0].title
    names = ["rows", "work", "by", "wall, ms", "its range", "CPU, s"]
    names += [f"{ours}'s wall to it", "its range", f"{ours}'s CPU to it"]
    print(f"| {' | '.join(names)} |")
    print(f"|--:|---|---|{'--:|' * (len(names) - 3)}")


def say(
    warehouses: Sequence[Warehouse], data: Data, name: str, found: Sequence[Mapping[str, Round]]
) -> None:
    ours = warehouses[0].title
    for one in warehouses:
        walls = [each[one.title].wall[name] * 1000 for each in found]
        cpus = [each[one.title].cpu[name] for each in found]
        ratios = [each[ours].wall[name] / each[one.title].wall[name] for each in found]
        cells = [
            f"{data.rows:,}",
            name,
            one.title,
            f"{median(walls):,.0f}",
            f"{min(walls):,.0f} to {max(walls):,.0f}",
            "-" if median(cpus) < LEAST_CPU else f"{median(cpus):.2f}",
        ]
        if one.title == ours:
            cells += ["-"] * 3
        else:
            cells += [
                f"{median(ratios):.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
                _cpu_ratio([each[ours].cpu[name] for each in found], cpus),
            ]
        print(f"| {' | '.join(cells)} |", flush=True)


def _cpu_ratio(ours: Sequence[float], others: Sequence[float]) -> str:
    if min(*ours, *others) < LEAST_CPU:
        return "-"
    return f"{median(a / b for a, b in zip(ours, others, strict=True)):.2f}"


def say_rest(
    warehouses: Sequence[Warehouse], data: Data, found: Sequence[Mapping[str, Round]]
) -> None:
    """Print what the Data API adds to our own statements."""
    mine = [one[warehouses[0].title] for one in found]
    added = [
        f"{name} {median(one.wall[name] - one.engine[name] for one in mine) * 1000:,.0f}"
        for name in (COPY, *QUERIES)
    ]
    print(f"\nThe Data API's part with {data.rows:,} rows, ms: {', '.join(added)}")


# ---- the run


@contextlib.contextmanager
def started(folder: Path, table: str) -> Iterator[list[Warehouse]]:
    """Start all that are here, say what is not, and end all; none of them may live on."""
    plain = table.replace(" distkey sortkey", "")
    with contextlib.ExitStack() as stack:
        warehouses = [stack.enter_context(redshift(folder, table))]
        if postgresql_programs() is None:
            print(f"- PostgreSQL is not measured: it is not in {PROGRAMS}")
        else:
            warehouses.append(stack.enter_context(postgresql(folder, plain)))
        warehouses.append(stack.enter_context(duckdb(folder, plain)))
        yield warehouses
        processes = [process for one in warehouses for process in _tree(one.pid)]
    if left := [process for process in processes if _lives(process)]:
        sys.exit(f"these processes are left: {left}")


def _lives(process: int) -> bool:
    try:
        state = (PROC / str(process) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ENDED


def make_data(folder: Path, rows: int) -> Data:
    """Write the dataset of the lab, readable by PostgreSQL's user."""
    from labrunner import datasets

    (made,) = datasets.make("redshift-users", {"rows": rows})
    file = folder / f"users-{rows}.txt"
    with file.open("wb") as out:
        for chunk in made.chunks():
            out.write(chunk)
    file.chmod(0o644)
    return Data(rows, file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[49_990, 5_000_000], help="of the files"
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--folder", type=Path, help="where everything is kept for a while")
    given = parser.parse_args()
    if not (PROC / "self" / "smaps_rollup").exists():
        sys.exit("the memory of processes is read as Linux tells it")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print(machine())
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        # PostgreSQL's user must find its own folder in it.
        folder.chmod(0o711)
        with started(folder, lab_sql()["table"]) as warehouses:
            print(f"- {', '.join(one.version for one in warehouses)}")
            print(f"- load before: {load()}; {given.rounds} rounds\n", flush=True)
            for rows in given.rows:
                data = make_data(folder, rows)
                head(warehouses)
                measure(warehouses, data, given.rounds)
                data.file.unlink()
    if folder.exists():
        sys.exit(f"{folder} is left")
    print("- all answers were the same, and nothing is left")
    print(f"- load after: {load()}")


if __name__ == "__main__":
    main()
