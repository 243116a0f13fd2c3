"""From a lab file to a lab, or to every mistake in it: file, line, column, and what to do.

Names are imported when first used: `labrunner list` needs only the heads, and starts fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labrunner.loader.head import LabHead, find_labs, load_head
    from labrunner.loader.load import load_lab
    from labrunner.loader.loaded import LoadedLab
    from labrunner.loader.params import check_params
    from labrunner.loader.schema import json_schema

__all__ = [
    "LabHead",
    "LoadedLab",
    "check_params",
    "find_labs",
    "json_schema",
    "load_head",
    "load_lab",
]

_HOMES = {
    "LabHead": "head",
    "LoadedLab": "loaded",
    "check_params": "params",
    "find_labs": "head",
    "json_schema": "schema",
    "load_head": "head",
    "load_lab": "load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
