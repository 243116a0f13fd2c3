"""The command line of a machine's first process, in its sandbox or without one."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labrunner.localcloud.machines import rootfs
from labrunner.localcloud.machines.isolation import Isolation
from labrunner.localcloud.machines.spec import MachineSpec
from labrunner.localcloud.names import names

SHM = "/dev/shm"  # noqa: S108 - the machine's own
GUEST = Path(__file__).parent / "guest"
# What the machine's root may do, all of it only to the machine: its network, its ports below 1024,
# its users' namespaces, and whatever the permissions of its files are. The first process uses the
# last two to close what is still open to the host (`guest.seal`), and gives them up.
CAPABILITIES = names(
    """
    CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW
    CAP_SETFCAP CAP_SETPCAP CAP_SYS_ADMIN
    """
)


@dataclass(frozen=True)
class Command:
    """What to start; `env` is the whole environment of it, of which no command sees anything."""

    argv: list[str]
    env: dict[str, str]


def command(
    isolation: Isolation, spec: MachineSpec, directory: Path, python: rootfs.Python, control: int
) -> Command:
    """Return how to start the machine of a directory, with its end of the socket."""
    if isolation.bwrap is None:
        return Command(_init(sys.executable, str(GUEST.parent), control, "unisolated"), {})
    argv = [isolation.bwrap, *_sandbox(spec, directory, python), "--"]
    return Command([*argv, *_init(python.executable, rootfs.OWN, control, "isolated")], {})


def _init(python: str, directory: str, control: int, mode: str) -> list[str]:
    # At the end of the path, so that no module there hides one of Python's own.
    code = f"import sys; sys.path.append({directory!r}); from guest.init import main; main()"
    return [python, "-I", "-S", "-B", "-c", code, str(control), mode]


def _sandbox(spec: MachineSpec, directory: Path, python: rootfs.Python) -> Iterator[str]:
    yield from ("--unshare-user", "--unshare-all", "--as-pid-1", "--die-with-parent", "--clearenv")
    yield from ("--uid", "0", "--gid", "0", "--hostname", spec.hostname)
    yield from ("--cap-drop", "ALL")
    for one in sorted(CAPABILITIES):
        yield from ("--cap-add", one)
    yield from ("--bind", str(directory / rootfs.ROOT), "/", "--ro-bind", "/usr", "/usr")
    for name in rootfs.TOP:
        host = Path("/") / name
        if host.is_dir() and not host.is_symlink():
            yield from ("--ro-bind", str(host), str(host))
    for shared in rootfs.SHARED:
        if Path(shared).exists():
            yield from ("--ro-bind", shared, shared)
    if python.prefix is not None:
        yield from ("--ro-bind", python.prefix, python.prefix)
    for bind in spec.binds:
        yield from ("--ro-bind", str(bind.source), bind.target)
    yield from ("--ro-bind", str(GUEST), f"{rootfs.OWN}/guest")
    yield from (
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--dir",
        "/dev/empty",
        "--bind",
        str(directory / rootfs.SHARED_MEMORY),
        SHM,
    )
    yield from ("--remount-ro", "/dev", "--chdir", "/")
