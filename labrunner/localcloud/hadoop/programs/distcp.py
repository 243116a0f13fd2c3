"""`s3-dist-cp` and `hadoop distcp`: copies files between S3 and HDFS."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from labrunner.localcloud.hadoop import filestatus
from labrunner.localcloud.hadoop.calls import Call
from labrunner.localcloud.hadoop.cluster import Cluster
from labrunner.localcloud.hadoop.errors import INVALID_INPUT, HadoopError, UsageError, not_here
from labrunner.localcloud.hadoop.filestatus import Status
from labrunner.localcloud.hadoop.filesystems import FileSystems
from labrunner.localcloud.hadoop.nodes import Node
from labrunner.localcloud.sql.storage import Address

KNOWN = ("--src", "--dest", "--srcPattern", "--groupBy")
FLAGS = ("--deleteOnSuccess",)


@dataclass(frozen=True)
class Copy:
    """Files that become one: of several only where they are grouped."""

    sources: tuple[Status, ...]
    target: Address


def run(cluster: Cluster, node: Node, call: Call) -> int:
    """`s3-dist-cp`."""
    return copy(cluster, node, call, list(call.argv[1:]))


def copy(cluster: Cluster, node: Node, call: Call, arguments: list[str]) -> int:
    """Copy what `--src` has and `--srcPattern` fits; raises UsageError or HadoopError."""
    values, flags = _read(arguments)
    if "--src" not in values or "--dest" not in values:
        raise UsageError("--src and --dest are required")
    files = cluster.file_systems(node)
    source, target = files.address(values["--src"]), files.address(values["--dest"])
    group = _pattern(values.get("--groupBy"), "--groupBy")
    fits = _pattern(values.get("--srcPattern"), "--srcPattern")
    found = list(files.of(source).walk(source))
    if not found:
        raise HadoopError(INVALID_INPUT, f"Input path does not exist: {values['--src']}")
    if fits is not None:
        found = [one for one in found if fits.fullmatch(filestatus.shown(one.address))]
    if group is not None and group.groups == 0:
        raise UsageError("--groupBy needs a group in parentheses")
    copies = list(_copies(source, target, found, group))
    return _perform(cluster, files, call, copies, move="--deleteOnSuccess" in flags)


def plain(cluster: Cluster, node: Node, call: Call, arguments: list[str]) -> int:
    """`hadoop distcp SOURCE TARGET`."""
    if len(arguments) != 2 or any(one.startswith("-") for one in arguments):  # noqa: PLR2004
        raise not_here(f"hadoop distcp {' '.join(arguments)}".rstrip())
    return copy(cluster, node, call, ["--src", arguments[0], "--dest", arguments[1]])


def _read(arguments: list[str]) -> tuple[dict[str, str], set[str]]:
    values, flags, left = dict[str, str](), set[str](), list(arguments)
    while left:
        word, *left = left
        name, equals, value = word.partition("=")
        if name in FLAGS:
            flags.add(name)
        elif name not in KNOWN:
            raise not_here(f"s3-dist-cp {name}")
        elif equals:
            values[name] = value
        elif left:
            values[name], *left = left
        else:
            raise UsageError(f"{name} needs a value")
    return values, flags


def _pattern(text: str | None, name: str) -> "re.Pattern[str] | None":
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise UsageError(f"{name} {text}: {error}") from None


def _copies(
    source: Address, target: Address, found: list[Status], group: "re.Pattern[str] | None"
) -> Iterator[Copy]:
    if group is None:
        for one in found:
            rest = one.address.path.removeprefix(source.path).lstrip("/")
            name = rest or one.address.path.rpartition("/")[2]
            yield Copy((one,), target.child(name))
        return
    groups: dict[str, list[Status]] = {}
    for one in found:
        match = group.fullmatch(filestatus.shown(one.address))
        if match is not None:  # what does not fit is not copied
            groups.setdefault("".join(filter(None, match.groups())), []).append(one)
    for name, members in groups.items():
        yield Copy(tuple(members), target.child(name or "group"))


def _perform(
    cluster: Cluster, files: FileSystems, call: Call, copies: list[Copy], *, move: bool
) -> int:
    log = logger(cluster, call)
    count = size = 0
    for one in copies:
        call.check()
        with files.of(one.target).write(one.target, overwrite=True) as out:
            for status in one.sources:
                with files.of(status.address).open(status.address) as stream:
                    size += filestatus.copy(stream, out)
                count += 1
        log(f"INFO s3distcp.CopyFilesReducer: {filestatus.shown(one.target)}")
    if move:
        for one in copies:
            for status in one.sources:
                files.of(status.address).delete(status.address)
    log(f"INFO s3distcp.S3DistCp: copied {count} files, {size} bytes, into {len(copies)} files")
    return 0


def logger(cluster: Cluster, call: Call) -> Callable[[str], None]:
    """Return what writes lines to the log as Hadoop does, with the time before each."""

    def log(text: str) -> None:
        now = cluster.now()
        call.log(f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d} {text}\n")

    return log
