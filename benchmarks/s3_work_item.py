"""What the same S3 calls cost by labrunner, by a boto3 script and by the AWS CLI.

    python benchmarks/s3_work_item.py

Needs Linux or macOS, `pip install -e ".[test]"`, bash and curl. Starts a local cloud of its own
and ends it. Every command is a fresh process, measured as a whole: start-up, calls and clean-up.
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from cloud import Cloud, environment, labrunner, program
from measure import Case, Cost, in_turn, load, machine, ratios, table
from recorder import Call, recording

HERE = Path(__file__).parent
HISTORY = 50

WHO_AM_I = Call("POST", "", (), "", 0, signed=True, status=200)

PLAIN = "boto3 script"
RUN = "labrunner run --teardown"
AWSCLI = "bash and AWS CLI"
FULL = "labrunner run s3-intro --teardown"
FIRST = f"{RUN}, no cloud running yet"
PASS = "python -c pass"
LIST = "labrunner list, no runs"

MOST_OF_PLAIN = 1.3
LEAST_OF_CLI = 5
MOST_OF_LIST = 0.2


def ways(env: Mapping[str, str], target: Sequence[str] = ()) -> list[Case]:
    """Return the ways to do the work item; ends the process when a program is missing."""
    program("aws")
    for name in ("bash", "curl"):
        if shutil.which(name) is None:
            sys.exit(f"{name} is missing")
    run = [program("labrunner"), "run", "s3-work-item", "--labs", str(HERE / "labs"), *target]
    teardown = [program("labrunner"), "teardown", "--yes"]
    return [
        Case(PLAIN, [[sys.executable, str(HERE / "s3_plain.py")]], env),
        Case(RUN, [[*run, "--teardown"]], env),
        Case(f"{RUN}, on a terminal", [[*run, "--teardown"]], env, terminal=True),
        Case("labrunner run, then labrunner teardown", [run, teardown], env),
        Case(AWSCLI, [["bash", str(HERE / "s3_cli.sh")]], env),
    ]


def full_lab(env: Mapping[str, str], target: Sequence[str] = ()) -> Case:
    """Return the run of a whole lab, with its checks."""
    return Case(FULL, [[program("labrunner"), "run", "s3-intro", "--teardown", *target]], env)


def same_calls(cloud: Cloud) -> None:
    """Record what every way asks of the cloud; ends the process when they differ."""
    with recording(cloud.port) as (port, calls):
        url = f"http://127.0.0.1:{port}"
        target = ["--target", url, "--yes"]
        env = cloud.env | {"AWS_ENDPOINT_URL": url}
        cases = ways(env, target)
        made = [recorded(cloud, case, calls) for case in cases]
        lab = recorded(cloud, full_lab(env, target), calls)
    for case, found in zip(cases, made, strict=True):
        if found != made[0]:
            missing = "".join(f"\n  not made: {call}" for call in (made[0] - found).elements())
            more = "".join(f"\n  besides: {call}" for call in (found - made[0]).elements())
            sys.exit(f"{case.name} does not do what {PLAIN} does{missing}{more}")
    print(f"S3 work item: {in_words(made[0])}, the same by all {len(cases)} ways.")
    print(f"s3-intro: {in_words(lab)}.\n", flush=True)


def recorded(cloud: Cloud, case: Case, calls: list[Call]) -> Counter[Call]:
    """Return the calls that a case makes; ends the process when it leaves anything."""
    calls.clear()
    case.run()
    cloud.must_be_empty(case.name)
    made = Counter(calls)
    # labrunner asks an address who it is there; the local cloud, which is timed, it does not ask.
    del made[WHO_AM_I]
    return made


def in_words(calls: Counter[Call]) -> str:
    signed = sum(count for call, count in calls.items() if call.signed)
    return f"{signed} AWS calls and {calls.total() - signed} anonymous requests"


def start_up(cloud: Cloud, rounds: int) -> dict[str, list[Cost]]:
    """Measure what calls nothing: with no journal, and with a long one."""
    listing = [program("labrunner"), "list"]
    fresh = environment(Path(cloud.env["HOME"]) / "never-used")
    for _ in range(HISTORY):
        labrunner(cloud.env, "run", "s3-intro", "--teardown")
    cases = [
        Case(PASS, [[sys.executable, "-c", "pass"]], fresh),
        Case(LIST, [listing], fresh),
        Case(f"labrunner list, {HISTORY} runs of s3-intro", [listing], cloud.env),
    ]
    for case in cases:
        case.run()
    return in_turn(cases, rounds)


def say_first_run(cloud: Cloud, rounds: int) -> None:
    """Measure the run that has to start the cloud: its wall time, as the CPU is the cloud's."""
    case = replace(ways(cloud.env)[1], name=FIRST)
    walls = [cost.wall for cost in in_turn([case], rounds, cloud.stop)[FIRST]]
    print(f"{FIRST}: {median(walls) * 1000:.0f} ms, least {min(walls) * 1000:.0f}\n", flush=True)


def say_aims(work: Mapping[str, Sequence[Cost]], listing: Sequence[Cost]) -> None:
    ours = median(ratios(work, RUN, PLAIN))
    cli = median(ratios(work, AWSCLI, RUN))
    cpu = median(cost.cpu for cost in listing)
    for met, text in (
        (
            ours <= MOST_OF_PLAIN,
            f"labrunner takes {ours:.2f} x the boto3 script; aim: {MOST_OF_PLAIN}",
        ),
        (cli >= LEAST_OF_CLI, f"the AWS CLI takes {cli:.1f} x labrunner; aim: {LEAST_OF_CLI}"),
        (cpu < MOST_OF_LIST, f"{LIST}: {cpu:.3f} s of CPU; aim: {MOST_OF_LIST}"),
    ):
        print(f"- {'met' if met else 'MISSED'}: {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each is measured")
    rounds = parser.parse_args().rounds
    print(f"{machine()}\n- load before: {load()}; {rounds} rounds\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder) / "home")
        try:
            measure(cloud, rounds)
        finally:
            cloud.stop()


def measure(cloud: Cloud, rounds: int) -> None:
    same_calls(cloud)
    cases = [*ways(cloud.env), full_lab(cloud.env)]
    work = in_turn(cases, rounds, cloud.forget_runs)
    cloud.must_be_empty("all rounds")
    print(f"{table(work, PLAIN)}\n\nNo bucket is left.\n", flush=True)
    starting = start_up(cloud, rounds)
    print(f"{table(starting, PASS)}\n", flush=True)
    say_first_run(cloud, rounds)
    say_aims(work, starting[LIST])
    print(f"- load after: {load()}")


if __name__ == "__main__":
    main()
