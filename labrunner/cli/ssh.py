"""`labrunner ssh`."""

from typing import Annotated

import typer

from labrunner.cli import compose, options


def ssh(
    lab: options.Lab,
    command: Annotated[
        list[str] | None, typer.Argument(help="A command for it, after --; a shell if none.")
    ] = None,
) -> None:
    """Log in to the machine of a lab's last run."""
    from labrunner.actions.shell import interactive

    raise typer.Exit(interactive(compose.connection(lab), command or []))
