"""Steps as calls give them, checked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from labrunner.localcloud.services.emr.errors import invalid
from labrunner.localcloud.services.emr.model import PENDING, Cluster, Status, Step, new_id

MOST_STEPS = 256
MOST_ARGUMENTS = 10280
ACTIONS = ("TERMINATE_JOB_FLOW", "TERMINATE_CLUSTER", "CANCEL_AND_WAIT", "CONTINUE")


def read_steps(given: list[Mapping[str, Any]], now: datetime, concurrency: int = 1) -> list[Step]:
    """Return the steps of a call; raises AwsError."""
    if len(given) > MOST_STEPS:
        raise invalid("Maximum number of steps for job flow exceeded")
    return [_step(one, now, concurrency) for one in given]


def _step(given: Mapping[str, Any], now: datetime, concurrency: int) -> Step:
    run = given.get("HadoopJarStep") or {}
    for name, value in (("Name", given.get("Name")), ("HadoopJarStep.Jar", run.get("Jar"))):
        if not value:
            text = f"The parameter Steps.member.{name} is required."
            raise invalid(text)
    action = str(given.get("ActionOnFailure") or "CONTINUE")
    if action not in ACTIONS:
        text = (
            f"1 validation error detected: Value '{action}' at 'steps.1.member.actionOnFailure' "
            "failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(ACTIONS)}]"
        )
        raise invalid(text)
    if concurrency > 1 and action != "CONTINUE":
        text = (
            f"Invalid ActionOnFailure {action} for a cluster whose StepConcurrencyLevel is greater "
            "than 1: it must be CONTINUE."
        )
        raise invalid(text)
    arguments = [str(one) for one in run.get("Args") or ()]
    if sum(map(len, arguments)) > MOST_ARGUMENTS:
        raise invalid(f"The arguments of a step may have {MOST_ARGUMENTS} characters in all.")
    return Step(
        id=new_id("s"),
        name=str(given["Name"]),
        jar=str(run["Jar"]),
        main_class=str(run.get("MainClass") or ""),
        arguments=arguments,
        properties={one["Key"]: one.get("Value", "") for one in run.get("Properties") or ()},
        action=action,
        status=Status(PENDING, now),
    )


def add(cluster: Cluster, steps: list[Step]) -> None:
    """Add steps to a cluster that runs; raises AwsError."""
    with cluster.changed:
        if cluster.is_over or not (cluster.keep_alive or _has_open(cluster)):
            raise invalid(
                "A job flow that is shutting down, terminating, or finished may not be modified."
            )
        if (
            len([one for one in cluster.steps if one.status.ended is None]) + len(steps)
            > MOST_STEPS
        ):
            raise invalid(
                "Maximum number of active steps(State = 'Running', 'Pending' or "
                "'Cancel_Pending') for cluster exceeded."
            )
        cluster.steps += steps
        cluster.changed.notify_all()


def _has_open(cluster: Cluster) -> bool:
    return any(one.status.ended is None for one in cluster.steps)
