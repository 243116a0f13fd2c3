"""Puts the programs of a cluster onto a machine that is about to boot."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from labrunner.localcloud.hadoop.calls import Perform, server
from labrunner.localcloud.hadoop.nodes import USER
from labrunner.localcloud.hadoop.programs import PROGRAMS
from labrunner.localcloud.machines import rootfs
from labrunner.localcloud.machines.spec import GIB, Bind, MachineSpec, User

if TYPE_CHECKING:
    from labrunner.localcloud.spark import SparkUnavailableError
    from labrunner.localcloud.spark.installation import Installation

SOCKET = "hadoop"
SPARK_MEMORY = 3 * GIB
HOME = "/opt/hadoop"
AWS = "/opt/aws"
CLIENT = Path(__file__).parent / "guest" / "client.py"
# Where the programs are named where they are not found on the PATH.
AWS_CODE = (
    "import sys; sys.path.insert(0, {path!r}); sys.argv[0] = 'aws'; "
    "from awscli.clidriver import main; sys.exit(main())"
)
NO_AWS = "aws: The AWS CLI is not installed beside the local cloud: pip install awscli"


def equip(spec: MachineSpec, directory: Path, perform: Perform, *, isolated: bool) -> MachineSpec:
    """Return a machine with the user hadoop, and programs that `perform` does.

    `directory` is where the programs are written, beside the machine's own files.
    """
    python = rootfs.find_python().executable
    login = User(USER, authorized_keys=spec.login.authorized_keys, comment="EMR user")
    bin_directory = directory / "bin"
    bin_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    machine = directory.parent.parent / "machines" / spec.id / rootfs.ROOT
    socket = f"/run/{SOCKET}.sock" if isolated else str(machine / f"run/{SOCKET}.sock")
    client = f"{HOME}/client/client.py" if isolated else str(CLIENT)
    for name in PROGRAMS:
        words = [python, "-I", "-S", "-B", client, socket, name]
        _write(bin_directory / name, f'exec {" ".join(map(quote, words))} "$@"\n')
    _write(bin_directory / "python", f'exec {quote(python)} "$@"\n')
    binds = [Bind(bin_directory, f"{HOME}/bin"), Bind(CLIENT.parent, f"{HOME}/client")]
    packages = _aws_cli()
    if packages is None:
        _write(bin_directory / "aws", f"echo {quote(NO_AWS)} >&2\nexit 127\n")
    else:
        code = AWS_CODE.format(path=AWS if isolated else str(packages))
        words = [python, "-I", "-S", "-B", "-c", code]
        _write(bin_directory / "aws", f'exec {" ".join(map(quote, words))} "$@"\n')
        binds.append(Bind(packages, AWS))
    return replace(
        spec,
        users=(login, *spec.users[1:]),
        binds=(*spec.binds, *binds),
        path=(f"{HOME}/bin" if isolated else str(bin_directory), *spec.path),
        servers={**spec.servers, SOCKET: server(perform)},
    )


def add_spark(spec: MachineSpec, installation: "Installation") -> MachineSpec:
    """Return a machine that has Spark as well, and the memory that Java wants."""
    from labrunner.localcloud.spark.inside import binds

    return replace(
        spec,
        binds=(*spec.binds, *binds(installation)),
        limits=replace(spec.limits, memory=SPARK_MEMORY),
    )


def find_spark() -> "Installation | SparkUnavailableError":
    """Return the Spark that machines can have, or why there is none."""
    from labrunner.localcloud.spark import SparkUnavailableError, detect

    try:
        return detect(os.environ)
    except SparkUnavailableError as error:
        return error


def _aws_cli() -> Path | None:
    """Return the directory of packages that has the AWS CLI."""
    found = importlib.util.find_spec("awscli")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent.parent


def _write(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    path.chmod(0o755)
