"""`labrunner teardown` and `labrunner status`."""

from typing import Annotated

import typer

from labrunner.cli import compose, options, perform

What = Annotated[
    str | None,
    typer.Argument(help="A lab or a run; all when left out.", autocompletion=options.complete_lab),
]


def teardown(what: What = None, *, as_json: options.Json = False, yes: options.Yes = False) -> None:
    """Remove everything that runs have left, and wait until it is really gone."""
    raise typer.Exit(perform.teardown(what, perform.Show(as_json=as_json), yes=yes))


def status(what: What = None) -> None:
    """Show the runs and what is live."""
    states = compose.run_states(what)
    for state, live in states:
        assert state.started
        outcome = state.finished.outcome if state.finished else "unfinished"
        typer.echo(
            f"{state.started.run}  {state.started.lab:<18} {outcome:<12} "
            f"{state.started.target.name}  {len(live)} live"
        )
        for resource in live:
            names = ", ".join(str(value) for value in resource.identity.values())
            typer.echo(f"          {resource.type}  {names or 'unanswered'}")
    if not states:
        typer.echo("No runs yet. Next: labrunner list")
