"""`labrunner sql`."""

from typing import Annotated

import typer

from labrunner.cli import options


def sql(
    lab: options.Lab,
    command: Annotated[
        list[str] | None, typer.Option("--command", "-c", help="A statement; may be repeated.")
    ] = None,
    *,
    csv: Annotated[bool, typer.Option("--csv", help="Write rows as CSV.")] = False,
) -> None:
    """Ask the warehouse of a lab's last run; a prompt when there is no -c."""
    from labrunner.cli.prompt import Prompt

    prompt = Prompt(lab, csv=csv)
    raise typer.Exit(prompt.run(command) if command else prompt.ask())
