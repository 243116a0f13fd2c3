"""Which labs there are, and their first lines: read without checking the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labrunner.loader.folder import Folder, NotAnAsset
from labrunner.loader.reader import decode, read
from labrunner.loader.tree import Diagnostics

LAB_FILE = "lab.yaml"


@dataclass(frozen=True)
class LabHead:
    """What a list says of a lab; `error` says why a lab cannot be read.

    `replaces_minutes` and `minutes` are minutes by hand and by labrunner, `usd` US dollars.
    """

    lab: str
    path: Path
    title: str = ""
    area: str = ""
    replaces: str = ""
    replaces_minutes: float = 0
    minutes: float = 0
    usd: float = 0
    error: str = ""


def find_labs(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the path of each lab's lab.yaml by the lab's name; later folders override."""
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            found |= {
                entry.name: entry / LAB_FILE
                for entry in folder.iterdir()
                if (entry / LAB_FILE).is_file()
            }
    return dict(sorted(found.items()))


def load_head(path: Path) -> LabHead:
    """Return the head of a lab; one that cannot be read has an `error`."""
    name = path.parent.name
    found = Diagnostics()
    try:
        text = decode(Folder(path.parent).read(path.name), str(path), found)
    except NotAnAsset as problem:
        return LabHead(name, path, error=f"{path}:1:1: {problem}")
    # In most labs the steps, which are nearly all of the file, come last.
    root = read(text, str(path), found, until="steps") if text is not None else None
    if root is None or found:
        return LabHead(name, path, error=str(next(iter(found))))
    data = root.plain
    if not (isinstance(data, Mapping) and "estimate" in data):
        whole = read(text or "", str(path), found)
        data = whole.plain if whole else {}
    return _head(name, path, data if isinstance(data, Mapping) else {})


def _head(name: str, path: Path, data: Mapping[str, Any]) -> LabHead:
    replaces, estimate = _mapping(data, "replaces"), _mapping(data, "estimate")
    missing = [key for key in ("lab", "title", "area", "replaces", "estimate") if key not in data]
    return LabHead(
        lab=name,
        path=path,
        title=str(data.get("title", "")),
        area=str(data.get("area", "")),
        replaces=str(replaces.get("what", "")),
        replaces_minutes=_number(replaces, "minutes"),
        minutes=_number(estimate, "minutes"),
        usd=_number(estimate, "usd"),
        error=f"{path}:1:1: missing key `{missing[0]}`" if missing else "",
    )


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(data: Mapping[str, Any], key: str) -> float:
    value = data.get(key, 0)
    return value if isinstance(value, int | float) else 0
