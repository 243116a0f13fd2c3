"""`labrunner run`."""

from pathlib import Path
from typing import Annotated

import typer

from labrunner.cli import options


def run(  # noqa: PLR0913 - one parameter an option
    lab: options.Lab,
    param: options.Params = None,
    more: options.Labs = None,
    target: options.TargetName = "local",
    profile: options.Profile = None,
    region: options.Region = None,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit report here.")] = None,
    *,
    teardown: Annotated[bool, typer.Option(help="Tear down at the end, whatever comes.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on with the last unfinished run.")] = False,
    as_json: options.Json = False,
    yes: options.Yes = False,
) -> None:
    """Run a lab: explain each step, show what happens, prove every claim."""
    from labrunner.cli import perform

    where = perform.Where(target, profile, region)
    show = perform.Show(as_json=as_json, junit=junit)
    wish = perform.Wish(teardown=teardown, resume=resume, yes=yes)
    raise typer.Exit(perform.run(lab, param or [], more or [], where, show, wish))
