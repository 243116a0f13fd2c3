"""Every type of the catalog, made on the local cloud by a run and removed by its teardown.

What is there is seen through botocore, or in a folder, and never through the journal. How to make
a type is told by data: catalog/<service>.yaml, whose format stands on top of catalog/s3.yaml.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.events import (
    ResourceCreated,
    ResourceGone,
    ResourceHeld,
    ResourceIntended,
    RunFinished,
    RunStarted,
    StepFinished,
)
from labrunner.journal import Journal
from labrunner.localcloud import daemon
from tests.end_to_end.catalog.examples import CATALOG, EXAMPLES, types_of
from tests.end_to_end.catalog.trial import (
    LOST,
    LocalCloud,
    Trial,
    never_sent,
    sent_twice,
    unanswered,
)

TRIED = sorted(EXAMPLES.keys() & types_of(CATALOG))
every_type = pytest.mark.parametrize("kind", TRIED)
Trials = Callable[[str], Trial]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    folder = tmp_path_factory.mktemp("cloud") / "cloud"
    with closing(LocalCloud(daemon.start(folder), tmp_path_factory.mktemp("here"))) as cloud:
        yield cloud
    daemon.stop(folder)


@pytest.fixture
def trial(cloud: LocalCloud, tmp_path: Path) -> Iterator[Trials]:
    with closing(Journal.open(tmp_path, durable=False)) as journal:
        yield lambda kind: Trial(kind, cloud, journal, tmp_path)


def check_passed(trial: Trial, finished: RunFinished) -> None:
    steps = [event for event in trial.events if isinstance(event, StepFinished)]
    assert [step for step in steps if step.outcome != "passed"] == []
    assert finished.outcome == "passed"


def check_lost(trial: Trial, finished: RunFinished) -> None:
    """The call stands in the journal, and no answer to it does."""
    last = [event for event in trial.events if isinstance(event, StepFinished)][-1]
    assert (last.step, finished.outcome) == (trial.step, "failed")
    assert last.problem
    assert last.problem.code == LOST.code
    assert len(trial.of_step(ResourceIntended)) == 1
    assert trial.of_step(ResourceCreated) == []


def check_clean(trial: Trial, *how: str) -> None:
    """Tear down; the type goes in one of these ways, and nothing is left of anything."""
    count = len(trial.state.live)
    finished = trial.tear_down()
    assert (finished.outcome, finished.left, finished.gone) == ("clean", [], count)
    (gone,) = trial.of_step(ResourceGone)
    assert gone.how in how
    assert trial.there() == trial.before
    assert trial.state.live == []


def test_every_type_has_an_example() -> None:
    missing = sorted(types_of(CATALOG) - EXAMPLES.keys())
    assert not missing, f"tests/end_to_end/catalog/<service>.yaml says nothing of {missing}"
    unknown = sorted(EXAMPLES.keys() - types_of(CATALOG))
    assert not unknown, f"the catalog has no {unknown}"


@every_type
def test_what_was_made_and_filled_is_removed(kind: str, trial: Trials) -> None:
    one = trial(kind)
    check_passed(one, one.make())
    assert len(one.of_step(ResourceIntended, ResourceCreated)) == 2
    assert one.more() >= 1
    check_clean(one, "deleted")
    assert {event.code for event in one.of_step(ResourceHeld)} <= set(EXAMPLES[kind].held)


@every_type
def test_what_an_unanswered_call_made_is_found(kind: str, trial: Trials) -> None:
    one = trial(kind)
    check_lost(one, one.make(unanswered))
    assert one.more() >= 1
    check_clean(one, "deleted")


@every_type
def test_a_call_that_never_arrived_made_nothing(kind: str, trial: Trials) -> None:
    one = trial(kind)
    check_lost(one, one.make(never_sent))
    check_clean(one, "never created")


@every_type
def test_a_call_that_arrived_twice_leaves_no_twin(kind: str, trial: Trials) -> None:
    one = trial(kind)
    check_lost(one, one.make(sent_twice))
    assert one.more() >= 1
    check_clean(one, "deleted")


@every_type
def test_what_somebody_else_deleted_is_gone(kind: str, trial: Trials) -> None:
    one = trial(kind)
    check_passed(one, one.make())
    started = [event for event in one.events if isinstance(event, RunStarted)]
    made = [*started, *one.of_step(ResourceIntended, ResourceCreated)]
    # What others hold nobody can delete alone: it goes with them, as if nobody had tried.
    assert one.somebody_deletes(made).outcome == "clean" or EXAMPLES[kind].held
    # Some services answer the deletion of what is not there as one that succeeded.
    check_clean(one, "already gone", "deleted")


@pytest.mark.parametrize("kind", [kind for kind in TRIED if not CATALOG.type(kind).named_by_caller])
def test_a_run_that_goes_on_keeps_what_was_answered(kind: str, trial: Trials) -> None:
    one = trial(kind)
    check_passed(one, one.make())
    made = one.there()
    one.intend("never_sent")
    assert one.remove_unanswered() == []
    assert one.there() == made
    assert [resource.id for resource in one.state.live][-1] == one.step
    check_clean(one, "deleted")
