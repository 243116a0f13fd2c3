"""Whether this host can keep machines apart from itself, and what to do where it cannot."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

SETTING = "LABRUNNER_MACHINES"
ISOLATED = "isolated"
UNISOLATED = "unisolated"
UNISOLATED_ROOT = "unisolated-root"
PROBE_SECONDS = 10.0
INSTALL = (
    "Install bubblewrap (`apt-get install bubblewrap`, `dnf install bubblewrap`, "
    "`pacman -S bubblewrap`, `apk add bubblewrap`), then: labrunner cloud reset."
)
# Each of these is what a machine needs; a container or a hardened kernel may forbid any.
PROBE = (
    "--unshare-user --unshare-all --uid 0 --gid 0 --hostname probe --as-pid-1 --die-with-parent "
    "--cap-drop ALL --cap-add CAP_NET_ADMIN --cap-add CAP_SETFCAP --ro-bind / / --dev /dev "
    "--proc /proc -- true"
)


@dataclass(frozen=True)
class Isolation:
    """How machines run: in the sandbox of this `bwrap`, or without any, as it was allowed."""

    bwrap: str | None


@dataclass(frozen=True)
class Unavailable:
    """Machines cannot run here: why, and what to do."""

    why: str
    next: str


Verdict = Isolation | Unavailable
Which = Callable[[str], str | None]
# Returns what the program said when it failed, or None.
Probe = Callable[[str], str | None]


def probe(program: str) -> str | None:
    """Try to run something in a sandbox like a machine's; return why that failed, or None."""
    try:
        done = subprocess.run(  # noqa: S603 - the words above
            [program, *PROBE.split()],
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
            env={},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.returncode}"


def detect(
    environ: Mapping[str, str],
    *,
    which: Which = shutil.which,
    probe: Probe = probe,
    uid: int | None = None,
    platform: str = sys.platform,
) -> Verdict:
    """Return how machines run on this host; never without isolation unless that was asked for."""
    setting = environ.get(SETTING, ISOLATED)
    uid = os.geteuid() if uid is None else uid
    if setting == UNISOLATED and uid == 0:
        why = "Commands of machines without isolation would run as root of this host."
        step = (
            "Start the local cloud as another user, install bubblewrap, or, where this whole host "
            f"may be lost, set {SETTING}={UNISOLATED_ROOT}."
        )
        return Unavailable(why, step)
    if setting in (UNISOLATED, UNISOLATED_ROOT):
        return Isolation(None)
    if setting != ISOLATED:
        words = f"{ISOLATED}, {UNISOLATED} or {UNISOLATED_ROOT}"
        return Unavailable(f"{SETTING} is {setting!r}.", f"Set {SETTING} to {words}.")
    return _sandbox(which, probe, platform)


def _sandbox(which: Which, probe: Probe, platform: str) -> Verdict:
    anyway = (
        f"Or set {SETTING}={UNISOLATED} where the local cloud is started: commands of machines "
        "then run as you, on this host, with no protection at all."
    )
    if platform != "linux":
        why = f"Machines are isolated by bubblewrap, which needs Linux; this is {platform}."
        return Unavailable(why, anyway)
    program = which("bwrap")
    if program is None:
        why = "Machines are isolated by bubblewrap, and there is no program `bwrap` on this host."
        return Unavailable(why, f"{INSTALL} {anyway}")
    failure = probe(program)
    if failure is None:
        return Isolation(program)
    why = f"Machines are isolated by bubblewrap, which does not work on this host: {failure}"
    return Unavailable(f"{why.rstrip('.')}.", f"{_cure()} {anyway}")


def _cure() -> str:
    """Say what usually forbids it, by what this host says of itself."""
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "In a container, user namespaces must be allowed: for instance "
            "`docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined`."
        )
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text().strip() == "1":
        return (
            "AppArmor forbids it here: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
            " allows it until the next boot."
        )
    return "The kernel must allow unprivileged user namespaces (`sysctl user.max_user_namespaces`)."
