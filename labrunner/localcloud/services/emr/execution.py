"""Runs a step on the primary node, as EMR's step runner does, and says why it failed."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from labrunner.localcloud.hadoop.cluster import Cluster as HadoopCluster
from labrunner.localcloud.hadoop.errors import HadoopError
from labrunner.localcloud.hadoop.filestatus import copy
from labrunner.localcloud.hadoop.guest.client import LOG
from labrunner.localcloud.hadoop.nodes import USER, WRITE, Node
from labrunner.localcloud.services.emr.logs import STEPS, tail
from labrunner.localcloud.services.emr.model import Failure, Step

RUNNERS = ("command-runner.jar", "script-runner.jar")
STREAMING = "hadoop-streaming"
WORK = "/mnt/var/lib/hadoop/steps"
LOGS = ("controller", "syslog", "stderr", "stdout")
# Where it is looked up why a step failed.
TELLERS = ("stderr", "syslog", "stdout")
APPENDING = os.O_WRONLY | os.O_CREAT | os.O_APPEND
UNKNOWN = "Unknown Error."
# What a log says → the reason that EMR gives.
REASONS = (
    ("FileAlreadyExistsException", "Output directory already exists."),
    ("Input path does not exist", "Input path does not exist."),
    ("No such file or directory", "No such file or directory."),
    ("AccessDenied", "Access denied."),
)
TELLING = re.compile(
    r"(?:^|\s)(?:FAILED:|ERROR\b|Error\b|Caused by|Exception in thread)|Exception\b|AccessDenied|"
    r"\w*Error: |Could not open input file|not found|Cannot run program|: fatal error|"
    r"No such file or directory"
)
NOISE = re.compile(r"Streaming Command Failed|Job not successful|Try -help for more information")
MOST_MESSAGE = 1000


class StepFailedError(Exception):
    """A step ended with a failure before its command could say anything of its own."""


class Execution:
    """One run of a step; `cancel` may be called from another thread."""

    def __init__(
        self, hadoop: HadoopCluster, step: Step, log_address: Callable[[str, str], str]
    ) -> None:
        self._hadoop = hadoop
        self._node: Node = hadoop.primary
        self._step = step
        self._log_address = log_address
        self._directory = f"{STEPS}/{step.id}"
        self._kill: Callable[[], None] | None = None

    @property
    def log_files(self) -> list[str]:
        """The paths of its logs on the primary node."""
        return [f"{self._directory}/{name}" for name in LOGS]

    def cancel(self) -> None:
        """Kill what it runs."""
        self._step.cancelled.set()
        if self._kill is not None:
            with contextlib.suppress(Exception):  # the machine is gone, and with it the process
                self._kill()

    def run(self) -> Failure | None:
        """Run to the end, and return why it failed, None where it did not."""
        began = self._hadoop.now()
        node = self._node
        for name in LOGS:
            node.create(node.place(f"{self._directory}/{name}")).close()
        node.mkdirs(node.place(f"{WORK}/{self._step.id}"))
        self._say(f"INFO Ensure step jar file {self._step.jar}")
        try:
            argv = self._command()
            self._say(f"INFO startExec '{' '.join(argv)}'")
            code = self._execute(argv)
        except (StepFailedError, HadoopError) as error:
            self._say(f"ERROR {error}")
            self._append("stderr", f"{error}\n")
            code = 1
        seconds = int((self._hadoop.now() - began).total_seconds())
        if code == 0:
            self._say(f"INFO Step succeeded with exitCode 0 and took {seconds} seconds")
            return None
        self._say(f"WARN Step failed with exitCode {code} and took {seconds} seconds")
        return self._failure(code)

    def _say(self, text: str) -> None:
        now = self._hadoop.now()
        stamp = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
        self._append("controller", f"{stamp} {text}\n")

    def _append(self, name: str, text: str) -> None:
        path = self._node.place(f"{self._directory}/{name}")
        with self._node.create(path, flags=APPENDING) as stream:
            stream.write(text.encode())

    # ---- what to run

    def _command(self) -> list[str]:
        """Return the command of the step; raises StepFailedError or HadoopError."""
        step = self._step
        name = PurePosixPath(step.jar).name
        if name == "command-runner.jar":
            if not step.arguments:
                raise StepFailedError("command-runner.jar needs a command in Args")
            return list(step.arguments)
        if name == "script-runner.jar":
            if not step.arguments:
                raise StepFailedError("script-runner.jar needs the path of a script in Args")
            script, *rest = step.arguments
            return [self._fetch(script), *rest]
        options = [f"-D{key}={value}" for key, value in step.properties.items()]
        if name.startswith(STREAMING):
            return ["hadoop", "jar", step.jar, *options, *step.arguments]
        files = self._hadoop.file_systems(self._node)
        address = files.address(step.jar, "file")
        if files.of(address).status(address) is None:
            if "://" in step.jar:
                text = f"Error fetching jar file: Error whilst fetching '{step.jar}': No such file"
                raise StepFailedError(text)
            raise StepFailedError(f"JAR does not exist or is not a normal file: {step.jar}")
        text = (
            f"The local cloud runs no Java: the jar of a step is {', '.join(RUNNERS)} or "
            f"hadoop-streaming.jar, not {step.jar}"
        )
        raise StepFailedError(text)

    def _fetch(self, script: str) -> str:
        files = self._hadoop.file_systems(self._node)
        address = files.address(script, "file")
        if address.scheme == "file":
            return self._node.place(f"/{address.path}")
        target = self._node.place(f"{WORK}/{self._step.id}/{PurePosixPath(address.path).name}")
        if files.of(address).status(address) is None:
            raise StepFailedError(f"Error whilst fetching '{script}': No such file or directory")
        with (
            files.of(address).open(address) as source,
            self._node.create(target, 0o755) as out,
        ):
            copy(source, out)
        return target

    # ---- running it

    def _execute(self, argv: list[str]) -> int:
        node = self._node
        box = node.machine.box
        env = {
            **box.environment(box.find_user(USER)),
            "EMR_STEP_ID": self._step.id,
            LOG: node.place(f"{self._directory}/syslog"),
        }
        with self._open_files() as files:
            try:
                running = node.wait(
                    box.start(
                        argv,
                        user=USER,
                        env=env,
                        cwd=node.place(f"{WORK}/{self._step.id}"),
                        files=files,
                    )
                )
            except OSError as error:
                text = f'Cannot run program "{argv[0]}": error={error.errno}, {error.strerror}'
                raise StepFailedError(text) from None
        self._say(f"INFO ProcessRunner started child process {running.pid}")
        self._kill = lambda: node.wait(running.kill(9))
        if self._step.cancelled.is_set():
            self._kill()
        return node.wait(running.wait(), None)

    @contextlib.contextmanager
    def _open_files(self) -> Iterator[list[int]]:
        node = self._node
        null = os.open(os.devnull, os.O_RDONLY)
        files = [null]
        try:
            for name in ("stdout", "stderr"):
                path = node.place(f"{self._directory}/{name}")
                files.append(node.wait(node.files.open(path, WRITE, 0o644)))
            yield files
        finally:
            for one in files:
                os.close(one)

    # ---- why it failed

    def _failure(self, code: int) -> Failure:
        """Return what the logs say went wrong; a program's driver may write it to its output."""
        message, log = f"Command exited with status {code}", "stderr"
        texts = [(name, tail(self._node, f"{self._directory}/{name}")) for name in TELLERS]
        found = [(telling(text), name) for name, text in texts] + [(last(texts[0][1]), "stderr")]
        message, log = next((one for one in found if one[0]), (message, log))
        reason = next((said for words, said in REASONS if words in message), UNKNOWN)
        return Failure(reason, message, self._log_address(self._step.id, log))


def telling(text: str) -> str:
    """Return the last line of a log that looks like what went wrong, nothing if none does."""
    lines = [line for line in text.splitlines() if not NOISE.search(line)]
    return last("\n".join(line for line in lines if TELLING.search(line)))


def last(text: str) -> str:
    """Return the last line of a text that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:MOST_MESSAGE] if lines else ""
