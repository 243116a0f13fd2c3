"""The composition root: the one place that knows every room and puts them together."""

import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.errors import Exit, Failure, did_you_mean

if TYPE_CHECKING:
    from labrunner.events import Event, TargetFacts

LABS_HERE = Path("labs")
# The live area hides the cursor.
_SHOW_CURSOR = b"\x1b[?25h\n"


def home() -> Path:
    """Return the folder of journal and local cloud: LABRUNNER_HOME, or the user's state folder."""
    from platformdirs import user_state_path

    given = os.environ.get("LABRUNNER_HOME")
    folder = Path(given) if given else user_state_path("labrunner")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(
            f"the folder {folder} cannot be made",
            why=error.strerror or str(error),
            next_command="LABRUNNER_HOME=… labrunner …, with a folder that can be written",
        ) from None
    return folder


def folders(more: Sequence[Path] = ()) -> list[Path]:
    """Return the folders that hold labs; later ones override."""
    package = Path(__file__).parent.parent
    shipped = package / "_labs"
    return [
        shipped if shipped.is_dir() else package.parent / "labs",
        *([LABS_HERE] if LABS_HERE.is_dir() else []),
        *more,
    ]


def lab_path(name: str, more: Sequence[Path] = ()) -> Path:
    """Return the file of a lab; raises Failure with the nearest names."""
    from labrunner.loader import find_labs

    labs = find_labs(folders(more))
    if name not in labs:
        raise Failure(
            f"there is no lab {name!r}",
            why=did_you_mean(name, list(labs)) or f"there are: {', '.join(sorted(labs))}",
            next_command="labrunner list",
            exit_code=Exit.INVALID,
        )
    return labs[name]


@cache
def aws_loader() -> Any:
    """Return the reader of botocore's data, shared so that each file is read once."""
    from labrunner.awsmodel.data import DataReader

    return DataReader()


@cache
def models() -> Any:
    """Return botocore's service models, for validation and for results."""
    from labrunner.awsmodel import Models

    return Models(aws_loader())


def load(name: str, more: Sequence[Path] = ()) -> Any:
    """Return the lab, loaded and checked; raises InvalidLab with every diagnostic."""
    from labrunner.catalog import load as load_catalog
    from labrunner.loader import load_lab

    return load_lab(lab_path(name, more), models=models(), catalog=load_catalog())


def open_journal(*, durable: bool = True) -> Any:
    """Return the journal; raises Failure."""
    from labrunner.journal import Journal

    return Journal.open(home(), durable=durable)


def cloud_folder() -> Path:
    """Return the local cloud's folder."""
    return home() / "cloud"


def local_target(cloud: Any) -> Any:
    """Return the target of a running local cloud."""
    from labrunner import targets
    from labrunner.events import TargetFacts

    facts = TargetFacts(
        name="local",
        endpoint=cloud.endpoint,
        region=cloud.region,
        account=cloud.account,
        cloud=cloud.id,
    )
    access = targets.Access(
        region=cloud.region,
        endpoint=cloud.endpoint,
        access_key=cloud.access_key,
        secret_key=cloud.secret_key,
    )
    return targets.local(facts, access, aws_loader())


def target(name: str, profile: str | None = None, region: str | None = None) -> Any:
    """Return the target of a new run; the local cloud is started when it is not there."""
    from labrunner import targets

    if name == "aws":
        return targets.aws(profile, region, aws_loader())
    if name != "local":
        return targets.endpoint(name, profile, region, aws_loader())
    from labrunner.localcloud import daemon

    with cloud_errors():
        return local_target(daemon.start(cloud_folder()))


def target_of(facts: "TargetFacts") -> Any | None:
    """Return the target of an earlier run; None when its local cloud has ended."""
    from labrunner import targets

    if facts.name == "local":
        cloud = cloud_of(facts)
        return local_target(cloud) if cloud else None
    if facts.name == "aws":
        found = targets.aws(facts.profile, facts.region, aws_loader())
    else:
        found = targets.endpoint(facts.endpoint or "", facts.profile, facts.region, aws_loader())
    if found.facts.account != facts.account:
        raise Failure(
            f"the run was made in account {facts.account}, and you are in {found.facts.account}",
            next_command="AWS_PROFILE=… labrunner teardown",
        )
    return found


@contextmanager
def cloud_errors() -> Iterator[None]:
    """Turn the local cloud's errors into this program's."""
    from labrunner.localcloud.daemon import CloudError

    try:
        yield
    except CloudError as error:
        raise Failure(error.what, why=error.why, next_command=error.next) from None


def performer(found: Any | None) -> Any:
    """Return what performs calls on a target, or only on this machine when there is none."""
    from labrunner.actions import performer as make

    return make(found.clients.get if found else _no_client, models(), home() / "keys")


def _no_client(_service: str) -> Any:
    raise Failure("the run's local cloud has ended")


def new_run_id() -> str:
    """Return a new run id: 8 lower-case hexadecimal digits."""
    return secrets.token_hex(4)


def stoppable() -> Any:
    """Return a clock that Ctrl-C stops: once after the current call, twice at once."""
    from labrunner.clock import SystemClock

    stop = threading.Event()

    def interrupt(_signal: int, _frame: object) -> None:
        if stop.is_set():
            if sys.stdout.isatty():
                os.write(1, _SHOW_CURSOR)
            os._exit(Exit.INTERRUPTED)
        stop.set()
        os.write(2, b"\nStopping after the current call. Press Ctrl-C again to stop at once.\n")

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    return SystemClock(stop)


def renderer(*, as_json: bool, earlier: "Sequence[Event]" = ()) -> Any:
    """Return what shows events on standard output; `earlier` are those of the run so far."""
    if as_json:
        from labrunner.render.jsonl import JsonLines

        return JsonLines(sys.stdout)
    if sys.stdout.isatty():
        from labrunner.render.console import Console

        return Console(earlier=earlier)
    from labrunner.render.plain import Plain

    return Plain(sys.stdout, earlier=earlier)


def params(given: Sequence[str]) -> Mapping[str, str]:
    """Return --param k=v as a mapping; raises Failure."""
    pairs = [text.partition("=") for text in given]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise Failure(f"--param {name}: expected name=value", exit_code=Exit.INVALID)
    return {name: value for name, _, value in pairs}


def values(loaded: Any, given: Sequence[str]) -> dict[str, Any]:
    """Return the values of a lab's params; raises Failure where --param is wrong."""
    from labrunner.loader import check_params

    checked: dict[str, Any] = check_params(loaded.lab, params(given))
    return checked


def make_plan(loaded: Any, chosen: Mapping[str, Any], run: str, facts: "TargetFacts") -> Any:
    """Return the plan of one run of a lab."""
    from labrunner.catalog import load as load_catalog
    from labrunner.identity import RunName
    from labrunner.plan import make

    return make(
        loaded,
        chosen,
        run=RunName(run, loaded.lab.lab),
        target=facts,
        models=models(),
        catalog=load_catalog(),
    )


def lab_files(paths: Sequence[Path]) -> list[Path]:
    """Return the lab files that paths name: files, lab folders, or folders of labs."""
    from labrunner.loader import find_labs

    if not paths:
        return list(find_labs(folders()).values())
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            own = path / "lab.yaml"
            files += [own] if own.is_file() else list(find_labs([path]).values())
        else:
            files.append(path)
    return files


def states(journal: Any, what: str | None = None) -> list[Any]:
    """Return the states of all runs, or of one run or lab, in the order they were last started.

    They know nothing of steps and checks.
    """
    from labrunner.state import fold

    found = [fold(events) for _, events in journal.read_all(brief=True)]
    return [
        one for one in found if one.started and what in (None, one.started.run, one.started.lab)
    ]


def run_states(what: str | None = None) -> list["RunNow"]:
    """Return every run as it is now, or those of one lab, or one run; raises Failure if none is."""
    with closing(open_journal()) as journal:
        found = states(journal, what)
        if what and not found:
            lab_path(what)
        return [
            RunNow(
                state,
                live=_live(state),
                running=not state.finished and journal.is_locked(state.started.run),
            )
            for state in found
        ]


def _live(state: Any) -> list[Any]:
    """Return what is live of a run: of an ended local cloud, only what is on this machine."""
    if not state.live or not has_ended(state.started.target):
        return list(state.live)
    from labrunner.catalog import load as load_catalog

    return [resource for resource in state.live if load_catalog().is_here(resource.type)]


@dataclass(frozen=True)
class RunNow:
    """A run: what its events tell, what is live of it, whether a process is running it."""

    state: Any
    live: Sequence[Any]
    running: bool

    @property
    def outcome(self) -> str:
        """The state of the run in a word."""
        if self.running:
            return "running"
        return str(self.state.finished.outcome) if self.state.finished else "unfinished"

    @property
    def words(self) -> str:
        """The state of the run, and how many resources are live."""
        live = len(self.live)
        return self.outcome + (f", {live} resource{'s' * (live != 1)} live" if live else "")


def has_ended(facts: "TargetFacts") -> bool:
    """Return whether a run's local cloud has ended, and everything in it."""
    return facts.name == "local" and cloud_of(facts) is None


def cloud_of(facts: "TargetFacts") -> Any | None:
    """Return the local cloud that a run was made in, while that one is running."""
    from labrunner.localcloud import daemon

    cloud = daemon.find(cloud_folder())
    return cloud if cloud and cloud.id == facts.cloud else None


def connection(lab: str) -> Any:
    """Return how the last run of a lab logged in to a machine last; raises Failure."""
    from labrunner.actions.connection import Connection

    _, found = _last_given(lab, "a machine to log in to", "host", "user", "key_file", "host_keys")
    return Connection(
        host=found["host"],
        port=found.get("port", 22),
        user=found["user"],
        key_file=Path(found["key_file"]),
        host_keys=found["host_keys"],
    )


def warehouse(lab: str) -> tuple[Any, dict[str, Any]]:
    """Return the target and the arguments of a lab's last statement; raises Failure."""
    facts, found = _last_given(lab, "a warehouse to ask", "Database", "Sql")
    names = ("WorkgroupName", "ClusterIdentifier", "Database", "DbUser", "SecretArn")
    return target_of(facts), {name: found[name] for name in names if name in found}


def _last_given(lab: str, what: str, *names: str) -> tuple[Any, dict[str, Any]]:
    """Return the target of a lab's last run that is live, and what a step of it was given last."""
    from labrunner.state import fold

    for one in reversed(run_states(lab)):
        if not one.live or has_ended(one.state.started.target):
            continue
        with closing(open_journal()) as journal:
            found = fold(journal.read(one.state.started.run)).last_given(*names)
        if found:
            return one.state.started.target, found
    raise Failure(
        f"no run of {lab} has {what}",
        why="there is one after a run that used it, and until teardown",
        next_command=f"labrunner run {lab}",
    )


def lab_states() -> dict[str, str]:
    """Return the state of each lab that was ever run: of its last run, and what is live of any."""
    if not (home() / "journal.db").exists():
        return {}
    found: dict[str, RunNow] = {}
    for one in run_states():
        lab = one.state.started.lab
        earlier = found[lab].live if lab in found else []
        found[lab] = replace(one, live=[*earlier, *one.live])
    return {lab: one.words for lab, one in found.items()}
