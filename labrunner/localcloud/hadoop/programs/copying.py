"""`-put`, `-get`, `-cp`, `-mv` of the file system shell."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from labrunner.localcloud.hadoop import filestatus
from labrunner.localcloud.hadoop.errors import PATH_EXISTS, HadoopError, UsageError
from labrunner.localcloud.hadoop.filestatus import Status
from labrunner.localcloud.hadoop.programs.arguments import ONE_OR_MORE, TWO_OR_MORE, read
from labrunner.localcloud.sql.storage import Address

if TYPE_CHECKING:
    from labrunner.localcloud.hadoop.programs.shell import Shell

NO_SUCH = "No such file or directory"
STDIN = "-"


def put(shell: "Shell", given: list[str]) -> None:
    """`-put`, `-copyFromLocal`: files of the machine into HDFS or S3; `-` is the input."""
    _put(shell, given)


def move_from_local(shell: "Shell", given: list[str]) -> None:
    """`-moveFromLocal`: the same, and the files are deleted."""
    for status in _put(shell, given):
        shell.files.of(status.address).delete(status.address)


def _put(shell: "Shell", given: list[str]) -> list[Status]:
    arguments = read(given, "-f -p -l -d", values="-t -q", rest=ONE_OR_MORE)
    *sources, target = arguments.rest if len(arguments.rest) > 1 else [*arguments.rest, "."]
    force = "-f" in arguments.flags
    goal = shell.address(target)
    if sources == [STDIN]:
        _from_input(shell, goal, target, force=force)
        return []
    found = []
    for text in sources:
        matches = shell.files.glob(shell.files.address(text, "file", shell.call.cwd))
        if not matches:
            shell.fail(f"`{text}': {NO_SUCH}")
        found += matches
    return _copy_all(shell, found, goal, target, force=force)


def _from_input(shell: "Shell", goal: Address, target: str, *, force: bool) -> None:
    status = shell.files.of(goal).status(goal)
    if status is not None and not force:
        shell.fail(f"`{target}': File exists")
        return
    with shell.files.of(goal).write(goal, overwrite=True) as out:
        while data := shell.call.read():
            out.write(data)


def get(shell: "Shell", given: list[str]) -> None:
    """`-get`, `-copyToLocal`: into files of the machine; `-` is the output."""
    arguments = read(given, "-f -p -ignoreCrc -crc", rest=ONE_OR_MORE)
    *sources, target = arguments.rest if len(arguments.rest) > 1 else [*arguments.rest, "."]
    goal = shell.files.address(target, "file", shell.call.cwd)
    found = [status for status, _ in shell.found(sources)]
    _copy_all(shell, found, goal, target, force="-f" in arguments.flags)


def copy_between(shell: "Shell", given: list[str]) -> None:
    """`-cp`."""
    arguments = read(given, "-f -p -d", values="-t -q", rest=TWO_OR_MORE)
    *sources, target = arguments.rest
    found = [status for status, _ in shell.found(sources)]
    _copy_all(shell, found, shell.address(target), target, force="-f" in arguments.flags)


def append(shell: "Shell", given: list[str]) -> None:
    """`-appendToFile`: what is there is written anew with more at its end."""
    *sources, target = read(given, rest=TWO_OR_MORE).rest
    goal = shell.address(target)
    files = shell.files.of(goal)
    passing = Address(goal.scheme, goal.place, f"{goal.path}._COPYING_")
    with files.write(passing, overwrite=True) as out:
        if files.status(goal) is not None:
            with files.open(goal) as stream:
                filestatus.copy(stream, out)
        for text in sources:
            if text == STDIN:
                while data := shell.call.read():
                    out.write(data)
                continue
            source = shell.files.address(text, "file", shell.call.cwd)
            with shell.files.of(source).open(source) as stream:
                filestatus.copy(stream, out)
    files.delete(goal)
    files.rename(passing, goal)


def move(shell: "Shell", given: list[str]) -> None:
    """`-mv`, within one file system."""
    *sources, target = read(given, rest=TWO_OR_MORE).rest
    goal = shell.address(target)
    status = shell.files.of(goal).status(goal)
    into = status is not None and status.is_directory
    if len(sources) > 1 and not into:
        raise UsageError(f"`{target}': No such file or directory")
    for source, text in shell.found(sources):
        if (source.address.scheme, source.address.place) != (goal.scheme, goal.place):
            shell.fail(f"`{text}': Does not match target filesystem")
            continue
        final = goal.child(PurePosixPath(source.address.path).name) if into else goal
        if shell.files.of(goal).status(final) is not None:
            shell.fail(f"`{target}': File exists")
            continue
        try:
            shell.files.of(goal).rename(source.address, final)
        except HadoopError as error:
            shell.fail(f"`{text}': {error.message}")


def _copy_all(
    shell: "Shell", sources: list[Status], goal: Address, target: str, *, force: bool
) -> list[Status]:
    """Copy to an address, or into it if it is a directory; return what was copied."""
    files = shell.files.of(goal)
    status = files.status(goal)
    into = status is not None and status.is_directory
    parent = Address(goal.scheme, goal.place, str(PurePosixPath("/", goal.path).parent)[1:])
    if len(sources) > 1 and not into:
        shell.fail(f"`{target}': {NO_SUCH if status is None else 'Is not a directory'}")
        return []
    if status is None and goal.scheme in ("hdfs", "file") and files.status(parent) is None:
        shell.fail(f"`{shell.text(parent, target)}': {NO_SUCH}: `{shell.text(parent, '/')}'")
        return []
    done = []
    for source in sources:
        final = goal.child(PurePosixPath(source.address.path).name) if into else goal
        folder = "" if target == "." else f"{target.rstrip('/')}/"
        shown = f"{folder}{PurePosixPath(final.path).name}" if into else target
        try:
            copy_tree(shell, source, final, force=force)
        except HadoopError as error:
            if error.kind == PATH_EXISTS:
                shell.fail(f"`{shown}': File exists")
            else:
                shell.fail(error.message)
        else:
            done.append(source)
    return done


def copy_tree(shell: "Shell", source: Status, goal: Address, *, force: bool) -> None:
    """Copy a file or a directory with all that it has; raises HadoopError."""
    shell.call.check()
    files = shell.files
    if not source.is_directory:
        status = files.of(goal).status(goal)
        if status is not None and (status.is_directory or not force):
            raise HadoopError(PATH_EXISTS, f"{goal} already exists")
        with (
            files.of(source.address).open(source.address) as stream,
            files.of(goal).write(goal, overwrite=True) as out,
        ):
            filestatus.copy(stream, out)
        return
    files.of(goal).mkdirs(goal)
    for child in files.of(source.address).children(source.address):
        name = PurePosixPath(child.address.path).name
        copy_tree(shell, child, goal.child(name), force=force)
