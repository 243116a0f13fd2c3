"""`labrunner teardown` and `labrunner status`."""

from typing import Annotated

import typer

from labrunner.cli import compose, options
from labrunner.values import named

What = Annotated[
    str | None,
    typer.Argument(help="A lab or a run; all when left out.", autocompletion=options.complete_lab),
]


def teardown(what: What = None, *, as_json: options.Json = False, yes: options.Yes = False) -> None:
    """Remove everything that runs have left, and wait until it is really gone."""
    from labrunner.cli import perform

    raise typer.Exit(perform.teardown(what, perform.Show(as_json=as_json), yes=yes))


def status(what: What = None) -> None:
    """Show the runs and what is live."""
    runs = compose.run_states(what)
    for one in runs:
        started = one.state.started
        typer.echo(f"{started.run}  {started.lab:<18} {started.target.name:<9} {one.words}")
        for resource in one.live:
            typer.echo(f"          {resource.type}  {named(resource.identity) or 'unanswered'}")
    if any(one.live and not one.running for one in runs):
        typer.echo("\nTear down: labrunner teardown")
    if not runs:
        typer.echo("No runs yet. Next: labrunner list")
