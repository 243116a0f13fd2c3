"""`labrunner plan`."""

import json
import textwrap
from typing import Annotated

import typer

from labrunner.cli import compose, options

_LEAST = 0.001


def plan(
    lab: options.Lab,
    param: options.Params = None,
    more: options.Labs = None,
    region: options.Region = None,
    *,
    policy: Annotated[
        bool, typer.Option("--policy", help="Print the IAM policy that the lab needs.")
    ] = False,
) -> None:
    """Show what a run would do: calls, resources, permissions, cost. Nothing is called."""
    from labrunner.events import TargetFacts
    from labrunner.identity import hourly
    from labrunner.plan import policy as policy_of

    facts = TargetFacts(name="aws", region=region or "us-east-1", account="your account")
    loaded = compose.load(lab, more or [])
    chosen = compose.values(loaded, param or [])
    made = compose.make_plan(loaded, chosen, compose.new_run_id(), facts)
    if policy:
        typer.echo(json.dumps(policy_of(made), indent=2))
        return
    for number, step in enumerate(made.steps, 1):
        note = {None: ", if the run says so", False: ", skipped", True: ""}[step.runs]
        _wrapped(f"{number:3}. ", f"{step.step.title}  ({step.step.action}{note})")
    typer.echo("\nWhat will exist" if made.created else "\nNothing will exist")
    for step, entry in made.created:
        names = ", ".join(
            str(step.arguments.get(path.removeprefix("with.")))
            for path in entry.identity.values()
            if path.startswith("with.")
        )
        hour = hourly(entry, step.arguments)
        price = _price(hour)
        named = names or f"of step {step.path}"
        perhaps = ", if the run says so" if step.conditional else ""
        basis = "" if hour == 0 else f" ({entry.cost.basis})"
        _wrapped("  - ", f"{entry.title} {named}{perhaps}: {price}{basis}")
    day = made.usd_per_day()
    forgotten = f"at most {day:.2g} USD" if day is not None else "unknown"
    typer.echo(
        f"\nCost on AWS: the lab at most {made.loaded.lab.estimate.usd:g} USD; "
        f"forgotten for a day {forgotten}."
    )
    typer.echo("Permissions: labrunner plan --policy " + lab)


def _price(hour: float | None) -> str:
    if not hour:
        return "cost unknown" if hour is None else "free"
    return f"{hour:g} USD an hour" if hour >= _LEAST else f"under {_LEAST:g} USD an hour"


def _wrapped(mark: str, text: str) -> None:
    indent = " " * len(mark)
    typer.echo(textwrap.fill(text, 79, initial_indent=mark, subsequent_indent=indent))
