"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer


def complete_lab(incomplete: str) -> list[str]:
    """Return the labs whose names start so, for shell completion."""
    from labrunner.cli.compose import folders
    from labrunner.loader import find_labs

    return [name for name in find_labs(folders()) if name.startswith(incomplete)]


Lab = Annotated[str, typer.Argument(help="A lab's name.", autocompletion=complete_lab)]
Labs = Annotated[
    list[Path] | None, typer.Option("--labs", help="A folder with more labs; may be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON lines.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, on aws.")]
Params = Annotated[
    list[str] | None, typer.Option("--param", "-p", help="name=value; may be repeated.")
]
TargetName = Annotated[str, typer.Option("--target", help="local, aws, or an address.")]
Profile = Annotated[str | None, typer.Option("--profile", help="An AWS profile.")]
Region = Annotated[str | None, typer.Option("--region", help="An AWS region.")]
