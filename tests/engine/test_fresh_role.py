"""A role takes a while to be known: only what says so is tried again, and only for own roles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from labrunner import engine
from labrunner.awsmodel import Models
from labrunner.catalog import load
from labrunner.events import Event, RunFinished, StepFinished, StepRetrying
from labrunner.identity import RunName
from labrunner.loader import load_lab
from labrunner.outcome import Answer, Call, Outcome, Refusal
from labrunner.plan import make
from tests.fakes import TARGET, FakeClock

MODELS = Models()
LAB = load_lab(Path(__file__).parent / "labs/fresh/lab.yaml", models=MODELS, catalog=load())
UNKNOWN = Refusal("ValidationException", "Invalid InstanceProfile: fresh-0123abcd.", 400)


class World:
    """Answers both calls; that for a cluster only after so many refusals."""

    def __init__(self, refusal: Refusal, times: int) -> None:
        self.refusal, self.times = refusal, times

    def __call__(self, call: Call) -> Outcome:
        if call.name == "emr.run_job_flow":
            self.times -= 1
            return self.refusal if self.times >= 0 else Answer({"JobFlowId": "j-1"})
        return Answer({"Role": {"RoleName": call.arguments["RoleName"]}})


def run(world: World, params: Mapping[str, Any]) -> list[Event]:
    said: list[Event] = []
    name = RunName("0123abcd", "fresh")
    plan = make(LAB, params, run=name, target=TARGET, models=MODELS, catalog=load())
    engine.perform(plan, world, said.append, FakeClock())
    return said


def outcome(said: list[Event]) -> str:
    assert isinstance(said[-1], RunFinished)
    return said[-1].outcome


def test_it_is_tried_until_the_role_is_known() -> None:
    said = run(World(UNKNOWN, 4), {"own_role": True})
    assert outcome(said) == "passed"
    assert sum(isinstance(one, StepRetrying) for one in said) == 4


def test_not_for_ever() -> None:
    said = run(World(UNKNOWN, 1000), {"own_role": True})
    assert outcome(said) == "failed"
    problem = [one.problem for one in said if isinstance(one, StepFinished)][-1]
    assert problem
    assert problem.code == "ValidationException"
    assert said[-1].at - said[0].at < 120


@pytest.mark.parametrize(
    ("refusal", "own_role"),
    [
        (UNKNOWN, False),
        (Refusal("ValidationException", "Unknown release label.", 400), True),
        (Refusal("AccessDeniedException", "Invalid InstanceProfile: x", 400), True),
    ],
)
def test_nothing_else_is_tried_again(refusal: Refusal, own_role: bool) -> None:  # noqa: FBT001
    said = run(World(refusal, 1), {"own_role": own_role})
    assert outcome(said) == "failed"
    assert not any(isinstance(one, StepRetrying) for one in said)
