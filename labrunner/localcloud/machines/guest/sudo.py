"""The program `sudo` of a machine: root's powers for its users, without a password."""

import getopt
import os
import pwd
import signal
import sys
from pathlib import Path

from . import wire
from .powers import call

USAGE = "usage: sudo [-EHnis] [-u user] [--] [VAR=value] command"
KEPT = ("TERM", "LANG", "COLORTERM", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SIGNALLED = 128


def main() -> None:
    """Run a command as root, or another user, and end as it does."""
    try:
        flags, rest = getopt.getopt(sys.argv[1:], "EHnisu:")
    except getopt.GetoptError as error:
        sys.exit(f"sudo: {error}\n{USAGE}")
    options = dict(flags)
    user = pwd.getpwnam(options.get("-u", "root"))
    env = (
        dict(os.environ) if "-E" in options else {k: v for k, v in os.environ.items() if k in KEPT}
    )
    env |= {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
    env |= {"SHELL": user.pw_shell, "PATH": os.environ["PATH"]}
    env |= {"SUDO_USER": pwd.getpwuid(os.getuid()).pw_name}
    while rest and "=" in rest[0]:
        name, _, value = rest.pop(0).partition("=")
        env[name] = value
    argv = rest
    if "-i" in options or "-s" in options:
        login = ["-l"] if "-i" in options else []
        argv = [user.pw_shell, *login, *(["-c", " ".join(rest)] if rest else [])]
    if not argv:
        sys.exit(USAGE)
    cwd = user.pw_dir if "-i" in options else str(Path.cwd())
    order = {"argv": argv, "env": env, "cwd": cwd, "user": user.pw_name}
    sock = call(order, [0, 1, 2])
    for number in FORWARDED:
        signal.signal(number, lambda sent, _frame: wire.send(sock, {"signal": sent}))
    received = wire.receive(sock)
    if received is None:
        sys.exit("sudo: the machine went down")
    message, _ = received
    if "error" in message:
        sys.exit(f"sudo: {argv[0]}: {message['error']}")
    code = int(message["code"])
    sys.exit(code if code >= 0 else SIGNALLED - code)
