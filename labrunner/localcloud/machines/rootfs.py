"""The file system of a machine: its own directory, with programs of the host mounted into it."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from labrunner.localcloud.machines.spec import SHELL, MachineSpec, User

# Of a machine's directory on the host: what it sees as `/`, and as `/dev/shm`.
ROOT = "fs"
SHARED_MEMORY = "shm"
# The machine's own programs, and the one that runs as its first process.
OWN = "/opt/labrunner"
PROGRAMS = ("sudo", "shutdown", "poweroff", "halt", "reboot")
PATH = f"{OWN}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What programs need to find each other and their libraries; none holds a secret.
SHARED = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
DIRECTORIES = {
    "etc": 0o755,
    "home": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "root": 0o750,
    "run": 0o755,
    "srv": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "var": 0o755,
    "var/lib": 0o755,
    "var/log": 0o755,
    "var/tmp": 0o1777,
    "dev": 0o755,
    "proc": 0o755,
    "opt/labrunner": 0o755,
    "opt/labrunner/bin": 0o755,
}
PROFILE = r"""export PATH
if [ -n "$BASH_VERSION" ] && [ -n "$PS1" ]; then PS1='[\u@\h \W]\$ '; fi
"""
BASHRC = "if [ -n \"$PS1\" ]; then PS1='[\\u@\\h \\W]\\$ '; fi\n"
BASH_PROFILE = "if [ -f ~/.bashrc ]; then . ~/.bashrc; fi\n"


@dataclass(frozen=True)
class Python:
    """The Python of the machine: this program's own, seen at the same place there."""

    executable: str
    # Where it lives, when that is not in /usr, which every machine sees.
    prefix: str | None


def find_python() -> Python:
    """Return the Python that runs this, without any virtual environment around it."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    executable = os.path.realpath(base)
    prefix = os.path.realpath(sys.base_prefix)
    in_usr = Path(prefix).is_relative_to("/usr") and Path(executable).is_relative_to("/usr")
    return Python(executable, None if in_usr else prefix)


def shell() -> str:
    """Return the login shell that this host offers."""
    return SHELL if Path(SHELL).exists() else "/bin/sh"


def build(directory: Path, spec: MachineSpec, python: Python) -> None:
    """Write the files of a machine that boots for the first time."""
    root = directory / ROOT
    root.mkdir(mode=0o755)
    (directory / SHARED_MEMORY).mkdir(mode=0o700)
    for name, mode in DIRECTORIES.items():
        (root / name).mkdir(mode=mode, parents=True, exist_ok=True)
        (root / name).chmod(mode)  # whatever the umask of the cloud is
    for name in TOP:
        host = Path("/") / name
        if host.is_symlink():
            (root / name).symlink_to(host.readlink())
    for name, text in _etc(spec).items():
        _write(root / "etc" / name, text)
    _write(root / "root" / ".bashrc", BASHRC)
    _write(root / "root" / ".bash_profile", BASH_PROFILE)
    for user in spec.users:
        build_home(root / user.home[1:], user)
    for name in PROGRAMS:
        _write(root / OWN[1:] / "bin" / name, _program(name, python.executable), 0o755)
    (root / OWN[1:] / "bin" / "python3").symlink_to(python.executable)


def build_unisolated(directory: Path, spec: MachineSpec) -> None:
    """Write the files of a machine without isolation, which sees those of the host."""
    root = directory / ROOT
    for name in ("tmp", "run", "var/log", "var/lib"):
        (root / name).mkdir(mode=0o700, parents=True)
    for user in spec.users:
        build_home(root / user.home[1:], user)


def build_home(home: Path, user: User) -> None:
    """Write the home directory of a user, with the keys that may log in."""
    home.mkdir(mode=0o700, parents=True)
    (home / ".ssh").mkdir(mode=0o700)
    _write(home / ".bashrc", BASHRC)
    _write(home / ".bash_profile", BASH_PROFILE)
    keys = "".join(f"{key}\n" for key in user.authorized_keys)
    _write(home / ".ssh" / "authorized_keys", keys, 0o600)


def _etc(spec: MachineSpec) -> dict[str, str]:
    users = [
        ("root", 0, "root", "/root"),
        *((u.name, u.uid, u.comment, u.home) for u in spec.users),
    ]
    users.append(("nobody", 65534, "", "/"))
    names = f"{spec.hostname} {spec.hostname.partition('.')[0]}"
    host = _host_release()
    return {
        "passwd": "".join(f"{n}:x:{i}:{i}:{c}:{h}:{shell()}\n" for n, i, c, h in users),
        "group": "".join(f"{name}:x:{number}:\n" for name, number, _, _ in users),
        "hostname": f"{spec.hostname}\n",
        "hosts": f"127.0.0.1 localhost\n::1 localhost\n{spec.private_ip} {names}\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "resolv.conf": "# This machine has no network but its own.\n",
        "os-release": (
            'NAME="labrunner machine"\nID=labrunner\n'
            f'PRETTY_NAME="labrunner machine with the programs of {host}"\n'
        ),
        "profile": PROFILE,
        "bash.bashrc": BASHRC,
        "shells": f"/bin/sh\n{shell()}\n",
        "motd": "",
    }


def _host_release() -> str:
    try:
        import platform

        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux").replace('"', "")
    except OSError:
        return "Linux"


def _program(name: str, python: str) -> str:
    module = "sudo" if name == "sudo" else "power"
    code = f"import sys; sys.path.append({OWN!r}); from guest.{module} import main; main()"
    first = "" if name == "sudo" else f" {name}"
    return f'#!/bin/sh\nexec {quote(python)} -I -S -c {quote(code)}{first} "$@"\n'


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def clean_run(directory: Path) -> None:
    """Empty /run, as at every boot."""
    for one in (directory / ROOT / "run").iterdir():
        if one.is_dir() and not one.is_symlink():
            remove(one)
        else:
            one.unlink()


def remove(directory: Path) -> None:
    """Delete a directory whose processes have ended, whatever they did to its permissions."""
    for one in _directories(directory):
        with_access = stat.S_IMODE(one.lstat().st_mode) | stat.S_IRWXU
        one.chmod(with_access)
    shutil.rmtree(directory, ignore_errors=True)


def _directories(directory: Path) -> Iterator[Path]:
    """Yield a directory and those in it, each before it is read; follows no link."""
    yield directory
    with os.scandir(directory) as entries:
        inner = [Path(one.path) for one in entries if one.is_dir(follow_symlinks=False)]
    for one in inner:
        yield from _directories(one)
