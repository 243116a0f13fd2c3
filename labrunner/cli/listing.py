"""`labrunner list` and `labrunner show`."""

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

import typer

from labrunner.cli import compose, options

if TYPE_CHECKING:
    from labrunner.loader import LabHead


def labs(more: options.Labs = None) -> None:
    """List the labs by area: what each replaces, how long it takes, and its state."""
    from labrunner.loader import find_labs
    from labrunner.loader.head import load_head

    states = compose.lab_states()
    heads = [load_head(path) for path in find_labs(compose.folders(more or [])).values()]
    heads.sort(key=lambda head: (head.area, head.lab))
    for area, group in groupby(heads, key=lambda head: head.area or "Broken"):
        typer.echo(area)
        for head in group:
            state = "cannot be read" if head.error else states.get(head.lab, "not started")
            typer.echo(f"  {head.lab:<18} {head.title:<40} {state}")
            typer.echo(f"  {'':<18} {head.error or _facts(head)}")


def _facts(head: "LabHead") -> str:
    return f"{head.replaces_minutes:g} min by hand; on AWS {head.minutes:g} min, ≤ {head.usd} USD"


def show(lab: options.Lab, more: options.Labs = None) -> None:
    """Show a lab: its objectives, its steps, and what each check proves."""
    found = compose.load(lab, more or []).lab
    typer.echo(f"{found.title}\n")
    if found.summary:
        typer.echo(textwrap.fill(found.summary, 78) + "\n")
    typer.echo("You will")
    for objective in found.objectives:
        typer.echo(textwrap.fill(objective, 78, initial_indent="  - ", subsequent_indent="    "))
    typer.echo("\nSteps")
    for number, step in enumerate(found.steps, 1):
        typer.echo(f"{number:3}. {step.title}  ({step.action})")
        for check in step.checks:
            text = f"{check.name} — proves: {check.proves}"
            typer.echo(
                textwrap.fill(text, 78, initial_indent="       • ", subsequent_indent="         ")
            )
