"""`labrunner cloud`: the local cloud."""

import os
import shlex
from typing import Annotated

import typer

from labrunner.cli import compose

app = typer.Typer(help="The embedded local cloud.", no_args_is_help=True, rich_markup_mode=None)
Port = Annotated[int, typer.Option(help="A port of 127.0.0.1; any free one when 0.")]


@app.command()
def start(port: Port = 0) -> None:
    """Start the local cloud; runs do so by themselves."""
    from labrunner.localcloud import daemon

    with compose.cloud_errors():
        cloud = daemon.start(compose.cloud_folder(), port=port)
    typer.echo(f"The local cloud {cloud.id} answers at {cloud.endpoint}")


@app.command()
def stop() -> None:
    """Stop the local cloud, and everything in it."""
    from labrunner.localcloud import daemon

    with compose.cloud_errors():
        stopped = daemon.stop(compose.cloud_folder())
    typer.echo("The local cloud has ended" if stopped else "No local cloud is running")


@app.command()
def status() -> None:
    """Say whether the local cloud is running."""
    from labrunner.localcloud import daemon

    with compose.cloud_errors():
        cloud = daemon.find(compose.cloud_folder())
    typer.echo(f"{cloud.id} at {cloud.endpoint}, process {cloud.pid}" if cloud else "not running")


@app.command()
def reset() -> None:
    """Stop the local cloud and start an empty one."""
    from labrunner.localcloud import daemon

    with compose.cloud_errors():
        cloud = daemon.reset(compose.cloud_folder())
    typer.echo(f"The local cloud {cloud.id} answers at {cloud.endpoint}")


@app.command()
def env() -> None:
    """Print the variables with which the AWS CLI and any SDK reach the local cloud.

    To be read by a shell: eval "$(labrunner cloud env)"
    """
    from labrunner.localcloud import daemon

    with compose.cloud_errors():
        cloud = daemon.start(compose.cloud_folder())
    typer.echo(f"export AWS_ENDPOINT_URL={cloud.endpoint}")
    typer.echo(f"export AWS_ACCESS_KEY_ID={cloud.access_key}")
    typer.echo(f"export AWS_SECRET_ACCESS_KEY={cloud.secret_key}")
    typer.echo(f"export AWS_DEFAULT_REGION={cloud.region}")
    typer.echo(f"export AWS_REGION={cloud.region}")
    # What a shell may hold of another account would win over these, or lead elsewhere.
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        typer.echo(f"unset {name}")
    others = [one for one in os.environ.get("NO_PROXY", "").split(",") if one != "127.0.0.1"]
    typer.echo(f"export NO_PROXY={shlex.quote(','.join(filter(None, ['127.0.0.1', *others])))}")
