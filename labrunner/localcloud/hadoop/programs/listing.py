"""`-ls`, `-du`, `-count`, `-stat` and `-df` of the file system shell."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from labrunner.localcloud.hadoop.filestatus import Status
from labrunner.localcloud.hadoop.filesystems import FileSystems
from labrunner.localcloud.hadoop.programs.arguments import ANY, ONE_OR_MORE, read

if TYPE_CHECKING:
    from labrunner.localcloud.hadoop.programs.shell import Shell


def ls(shell: "Shell", given: list[str]) -> None:
    """`-ls`."""
    arguments = read(given, "-R -h -d", rest=ANY)
    options = arguments.flags

    def line(status: Status, text: str, width: int = 0) -> None:
        size = human(status.size) if "-h" in options else str(status.size)
        copies = str(status.replication) if status.replication else "-"
        shell.call.out(
            f"{mode(status)} {copies:>3} {status.owner} {status.group} {size:>{max(width, 10)}} "
            f"{status.modified:%Y-%m-%d %H:%M} {text}\n"
        )

    def show(status: Status, text: str) -> None:
        if not status.is_directory or "-d" in options:
            line(status, text)
            return
        children = shell.files.of(status.address).children(status.address)
        if "-R" not in options:
            shell.call.out(f"Found {len(children)} items\n" if children else "")
        for child in children:
            path = f"{text.rstrip('/')}/{PurePosixPath(child.address.path).name}"
            line(child, path if text else path.lstrip("/"))
            if "-R" in options and child.is_directory:
                show(child, path if text else path.lstrip("/"))

    paths = arguments.rest or ["."]
    shell.each(paths, show)


def mode(status: Status) -> str:
    """Return type and permissions as `ls` shows them."""
    bits = "".join(
        letter if status.permission >> place & 1 else "-"
        for place, letter in zip(range(8, -1, -1), "rwxrwxrwx", strict=True)
    )
    if status.permission & 0o1000:
        bits = bits[:-1] + ("t" if bits.endswith("x") else "T")
    return ("d" if status.is_directory else "-") + bits


def human(size: int) -> str:
    """Return bytes as `-h` shows them: `1.2 K`."""
    value, units = float(size), iter(("", " K", " M", " G", " T"))
    unit = next(units)
    while value >= 1024:  # noqa: PLR2004 - bytes of a KiB
        value, unit = value / 1024, next(units)
    return f"{value:.1f}{unit}" if unit else str(size)


def du(shell: "Shell", given: list[str]) -> None:
    """`-du`."""
    arguments = read(given, "-s -h -v", rest=ANY)

    def line(status: Status, text: str) -> None:
        files = list(shell.files.of(status.address).walk(status.address))
        sizes = [sum(one.size for one in files), sum(one.size * one.replication for one in files)]
        shown = [human(one) if "-h" in arguments.flags else str(one) for one in sizes]
        shell.call.out(f"{shown[0]}  {shown[1]}  {text}\n")

    def usage(status: Status, text: str) -> None:
        if "-s" in arguments.flags or not status.is_directory:
            line(status, text)
            return
        for child in shell.files.of(status.address).children(status.address):
            name = PurePosixPath(child.address.path).name
            line(child, f"{text.rstrip('/')}/{name}" if text else name)

    shell.each(arguments.rest or ["."], usage)


def count(shell: "Shell", given: list[str]) -> None:
    """`-count`."""
    arguments = read(given, "-h", rest=ONE_OR_MORE)

    def line(status: Status, text: str) -> None:
        directories, files, size = totals(shell.files, status)
        shown = human(size) if "-h" in arguments.flags else str(size)
        shell.call.out(f"{directories:>12} {files:>12} {shown:>18} {text}\n")

    shell.each(arguments.rest, line)


def totals(files: FileSystems, status: Status) -> tuple[int, int, int]:
    """Return how many directories and files something has, and their bytes."""
    if not status.is_directory:
        return 0, 1, status.size
    found = [totals(files, child) for child in files.of(status.address).children(status.address)]
    return 1 + sum(d for d, _, _ in found), sum(f for _, f, _ in found), sum(s for _, _, s in found)


def stat(shell: "Shell", given: list[str]) -> None:
    """`-stat`."""
    form = "%y"
    if given and "%" in given[0]:
        form, *given = given
    arguments = read(given, rest=ONE_OR_MORE)

    def line(status: Status, _: str) -> None:
        values = {
            "b": status.size,
            "F": "directory" if status.is_directory else "regular file",
            "g": status.group,
            "u": status.owner,
            "n": PurePosixPath(status.address.path).name,
            "o": status.block_size,
            "r": status.replication,
            "y": f"{status.modified:%Y-%m-%d %H:%M:%S}",
            "Y": int(status.modified.timestamp() * 1000),
            "a": f"{status.permission:o}",
            "A": mode(status)[1:],
            "%": "%",
        }
        text, place = "", 0
        while place < len(form):
            sign = form[place]
            following = form[place + 1 : place + 2]
            known = sign == "%" and following in values and following
            text += str(values[following]) if known else sign
            place += 2 if known else 1
        shell.call.out(f"{text}\n")

    shell.each(arguments.rest, line)


def df(shell: "Shell", given: list[str]) -> None:
    """`-df`."""
    from labrunner.localcloud.hadoop.programs.report import capacity

    read(given, "-h", rest=ANY)
    size, used, free = (
        sum(one) for one in zip(*map(capacity, shell.cluster.data_nodes()), strict=True)
    )
    head = ("Filesystem", "Size", "Used", "Available", "Use%")
    name = f"hdfs://{shell.cluster.primary.hostname}:8020"
    share = f"{100 * used // max(size, 1)}%"
    values = (name, *((human(n) if "-h" in given else str(n)) for n in (size, used, free)), share)
    widths = [max(len(a), len(b)) for a, b in zip(head, values, strict=True)]
    for row in (head, values):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        shell.call.out("  ".join(cells) + "\n")
