"""`labrunner validate` and `labrunner schema`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from labrunner.cli import compose
from labrunner.errors import Diagnostic, InvalidLab


def validate(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Lab files, or folders of labs; all labs if none.")
    ] = None,
) -> None:
    """Check labs against AWS's own service models; every mistake is shown at once."""
    from labrunner.catalog import load as load_catalog
    from labrunner.loader import load_lab

    found: list[Diagnostic] = []
    files = compose.lab_files(paths or [])
    for file in files:
        try:
            load_lab(file, models=compose.models(), catalog=load_catalog())
        except InvalidLab as invalid:
            found += invalid.diagnostics
    if found:
        raise InvalidLab("1 mistake" if len(found) == 1 else f"{len(found)} mistakes", found)
    typer.echo("1 lab is valid" if len(files) == 1 else f"{len(files)} labs are valid")


def schema() -> None:
    """Print the JSON Schema of lab files, for editors."""
    from labrunner.loader import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
