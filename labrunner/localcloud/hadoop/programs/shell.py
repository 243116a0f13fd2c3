"""`hdfs dfs` and `hadoop fs`: the commands of Hadoop's file system shell."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import HadoopError, UsageError
from labrunner.localcloud.hadoop.filestatus import CHUNK, Status
from labrunner.localcloud.hadoop.filesystems import USER_HOME, FileSystems
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.hadoop.programs import copying, listing
from labrunner.localcloud.hadoop.programs.arguments import (
    EXACTLY_ONE,
    ONE_OR_MORE,
    TWO_OR_MORE,
    read,
)
from labrunner.localcloud.sql.storage import Address

NO_SUCH = "No such file or directory"
TAIL = 1024
NUMBERS = ("dfs.blocksize", "dfs.replication")


class Shell:
    """One command of the shell; what fails of its paths is told, and the others go on."""

    def __init__(
        self, cluster: Cluster, node: Node, call: Call, name: str, settings: Mapping[str, str]
    ) -> None:
        self.cluster = cluster
        self.call = call
        self.name = name
        self.files: FileSystems = cluster.file_systems(node, settings)
        self.failed = False

    def fail(self, why: str) -> None:
        """Tell of a failure."""
        self.call.err(f"{self.name}: {why}\n")
        self.failed = True

    def address(self, text: str) -> Address:
        """Read an address; `file:` ones are of the machine."""
        return self.files.address(text, cwd=self.call.cwd)

    def text(self, address: Address, given: str) -> str:
        """Return an address as the user wrote it: with a scheme only if it was given one."""
        if address.scheme != "hdfs":
            return f"{address.scheme}://{address.place}/{address.path}"
        if given.startswith("hdfs:"):
            return f"hdfs://{address.place}/{address.path}"
        if given.startswith("/"):
            return f"/{address.path}"
        if address.path == USER_HOME:
            return ""
        return address.path.removeprefix(f"{USER_HOME}/")

    def found(self, paths: list[str]) -> Iterator[tuple[Status, str]]:
        """Yield what each path means, with the text that shows it; tell of those that are none."""
        for given in paths:
            self.call.check()
            found = self.files.glob(self.address(given))
            if not found:
                self.fail(f"`{given}': {NO_SUCH}")
            for status in found:
                yield status, self.text(status.address, given)

    def each(self, paths: list[str], act: Callable[[Status, str], None]) -> None:
        """Do something with all that paths mean."""
        for status, text in self.found(paths):
            try:
                act(status, text)
            except HadoopError as error:
                self.fail(error.message)


def run(cluster: Cluster, node: Node, call: Call, arguments: list[str]) -> int:
    """Run a command of the shell."""
    if not arguments:
        call.err(f"Usage: hadoop fs [generic options]\n\t{' '.join(sorted(COMMANDS))}\n")
        return 255
    try:
        settings, arguments = generic(arguments)
    except UsageError as error:
        call.err(f"{error}\n")
        return 255
    if not arguments:
        return run(cluster, node, call, [])
    name, *rest = arguments
    command = COMMANDS.get(name)
    if command is None:
        call.err(f"{name.lstrip('-')}: Unknown command\n")
        return 255
    shell = Shell(cluster, node, call, name[1:], settings)
    try:
        command(shell, rest)
    except UsageError as error:
        call.err(f"{name}: {error}\n")
        return 255
    except HadoopError as error:
        shell.fail(error.message)
    return 1 if shell.failed else 0


def generic(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the settings of `-D name=value` before a command, and the rest; raises UsageError."""
    settings, left = dict[str, str](), list(arguments)
    while left and left[0].startswith("-D"):
        word, *left = left
        text = word.removeprefix("-D") or (left.pop(0) if left else "")
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"-D {text} is not name=value")
        if name in NUMBERS and not (value.isascii() and value.isdecimal() and int(value)):
            raise UsageError(f"{name}={value} is not a positive whole number")
        settings[name] = value
    return settings, left


def _mkdir(shell: Shell, given: list[str]) -> None:
    arguments = read(given, "-p", rest=ONE_OR_MORE)
    for text in arguments.rest:
        address = shell.address(text)
        files = shell.files.of(address)
        status = files.status(address)
        parent = Address(
            address.scheme, address.place, str(PurePosixPath("/", address.path).parent)[1:]
        )
        if status is not None and not ("-p" in arguments.flags and status.is_directory):
            is_file = "-p" in arguments.flags
            shell.fail(f"`{text}': {'Is not a directory' if is_file else 'File exists'}")
        elif status is None and "-p" not in arguments.flags and files.status(parent) is None:
            shell.fail(f"`{shell.text(parent, text)}': {NO_SUCH}")
        elif status is None:
            files.mkdirs(address)


def _cat(shell: Shell, given: list[str]) -> None:
    arguments = read(given, "-ignoreCrc", rest=ONE_OR_MORE)

    def show(status: Status, text: str) -> None:
        if status.is_directory:
            shell.fail(f"`{text}': Is a directory")
            return
        data = b"-"
        with shell.files.of(status.address).open(status.address) as stream:
            while data := stream.read(CHUNK):
                shell.call.out(data)

    shell.each(arguments.rest, show)


def _text(shell: Shell, given: list[str]) -> None:
    import gzip

    arguments = read(given, rest=ONE_OR_MORE)

    def show(status: Status, text: str) -> None:
        if not text.endswith(".gz"):
            _cat(shell, [text])
            return
        with (
            shell.files.of(status.address).open(status.address) as stream,
            gzip.open(stream) as plain,
        ):
            while data := plain.read(CHUNK):
                shell.call.out(data)

    shell.each(arguments.rest, show)


def _tail(shell: Shell, given: list[str]) -> None:
    (path,) = read(given, rest=EXACTLY_ONE).rest

    def show(status: Status, text: str) -> None:
        if status.is_directory:
            shell.fail(f"`{text}': Is a directory")
            return
        start = max(status.size - TAIL, 0)
        with shell.files.of(status.address).open(status.address, start) as stream:
            while data := stream.read(CHUNK):
                shell.call.out(data)

    shell.each([path], show)


def _head(shell: Shell, given: list[str]) -> None:
    (path,) = read(given, rest=EXACTLY_ONE).rest
    for status, text in shell.found([path]):
        if status.is_directory:
            shell.fail(f"`{text}': Is a directory")
            continue
        with shell.files.of(status.address).open(status.address) as stream:
            shell.call.out(stream.read(TAIL))


def _rm(shell: Shell, given: list[str]) -> None:
    arguments = read(given, "-r -R -f -skipTrash", rest=ONE_OR_MORE)
    options = arguments.flags

    def remove(status: Status, text: str) -> None:
        if status.is_directory and not options & {"-r", "-R"}:
            shell.fail(f"`{text}': Is a directory")
            return
        if not status.address.path:
            shell.fail(f"`{text}': Cannot remove the root directory")
            return
        shell.files.of(status.address).delete(status.address)
        shell.call.out(f"Deleted {text}\n")

    for given_path in arguments.rest:
        if "-f" in options and not shell.files.glob(shell.address(given_path)):
            continue
        shell.each([given_path], remove)


def _rmdir(shell: Shell, given: list[str]) -> None:
    arguments = read(given, "--ignore-fail-on-non-empty", rest=ONE_OR_MORE)

    def remove(status: Status, text: str) -> None:
        files = shell.files.of(status.address)
        if not status.is_directory:
            shell.fail(f"`{text}': Is not a directory")
        elif files.children(status.address):
            shell.fail(f"`{text}': Directory is not empty")
        else:
            files.delete(status.address)

    shell.each(arguments.rest, remove)


def _setrep(shell: Shell, given: list[str]) -> None:
    from labrunner.localcloud.hadoop.hdfs.namenode import File

    arguments = read(given, "-w -R", rest=TWO_OR_MORE)
    number, *paths = arguments.rest
    if not number.isascii() or not number.isdecimal() or int(number) < 1:
        raise UsageError(
            "replication must be >= 1" if number == "0" else "replication is no number"
        )
    namenode = shell.cluster.namenode
    for status, text in shell.found(paths):
        if status.address.scheme != "hdfs":
            shell.fail(f"`{text}': only files of HDFS have replicas")
            continue
        for path, entry in namenode.walk(status.address.path):
            if isinstance(entry, File):
                namenode.replicate(entry, int(number))
                shell.call.out(f"Replication {number} set: {path}\n")


def _touchz(shell: Shell, given: list[str]) -> None:
    for text in read(given, rest=ONE_OR_MORE).rest:
        address = shell.address(text)
        status = shell.files.of(address).status(address)
        if status is not None and (status.size or status.is_directory):
            why = "Is a directory" if status.is_directory else "Not a zero-length file"
            shell.fail(f"`{text}': {why}")
            continue
        with shell.files.of(address).write(address, overwrite=True):
            pass


def _test(shell: Shell, given: list[str]) -> None:
    arguments = read(given, "-e -d -f -z -s", rest=EXACTLY_ONE)
    address = shell.address(arguments.rest[0])
    status = shell.files.of(address).status(address)
    checks = {
        "-e": status is not None,
        "-d": status is not None and status.is_directory,
        "-f": status is not None and not status.is_directory,
        "-z": status is not None and not status.size,
        "-s": status is not None and bool(status.size),
    }
    shell.failed = not all(checks[flag] for flag in arguments.flags)


def _chmod(shell: Shell, given: list[str]) -> None:
    arguments = read(given, "-R", rest=TWO_OR_MORE)
    number, *paths = arguments.rest
    if set(number) - set("01234567"):
        raise UsageError(f"the mode {number}: only octal modes are supported by the local cloud")
    namenode = shell.cluster.namenode
    for status, text in shell.found(paths):
        if status.address.scheme != "hdfs":
            shell.fail(f"`{text}': only HDFS keeps permissions")
            continue
        for _, entry in namenode.walk(status.address.path):
            entry.permission = int(number, 8)
            if "-R" not in arguments.flags:
                break


def _getmerge(shell: Shell, given: list[str]) -> None:
    arguments = read(given, "-nl", rest=TWO_OR_MORE)
    *sources, target = arguments.rest
    goal = shell.files.address(target, "file", shell.call.cwd)
    with shell.files.of(goal).write(goal, overwrite=True) as out:
        for status, _ in shell.found(sources):
            files = shell.files.of(status.address)
            inner = files.children(status.address) if status.is_directory else [status]
            for one in inner:
                if one.is_directory:
                    continue
                with files.open(one.address) as stream:
                    while data := stream.read(CHUNK):
                        out.write(data)
                out.write(b"\n" if "-nl" in arguments.flags else b"")


COMMANDS: dict[str, Callable[[Shell, list[str]], None]] = {
    "-appendToFile": copying.append,
    "-cat": _cat,
    "-chmod": _chmod,
    "-copyFromLocal": copying.put,
    "-copyToLocal": copying.get,
    "-count": listing.count,
    "-cp": copying.copy_between,
    "-df": listing.df,
    "-du": listing.du,
    "-get": copying.get,
    "-getmerge": _getmerge,
    "-head": _head,
    "-ls": listing.ls,
    "-mkdir": _mkdir,
    "-moveFromLocal": copying.move_from_local,
    "-mv": copying.move,
    "-put": copying.put,
    "-rm": _rm,
    "-rmdir": _rmdir,
    "-setrep": _setrep,
    "-stat": listing.stat,
    "-tail": _tail,
    "-test": _test,
    "-text": _text,
    "-touchz": _touchz,
}
