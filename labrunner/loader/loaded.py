"""A lab that loaded: what the rest of labrunner works with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labrunner.errors import Location
from labrunner.loader.folder import Folder
from labrunner.model import Composite, Lab

_ELEMENT = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class LoadedLab:
    """A valid lab.

    `digest` is the SHA-256, hexadecimal, of the lab file and its composites; `composites` are by
    the text of `uses`; `references` says which earlier steps each step looks at, `indispensable`
    those of them for which it has no alternative; `places` are where steps stand; all by the paths
    of steps: "step", or "step.inner" inside a composite.
    """

    lab: Lab
    path: Path
    digest: str
    composites: Mapping[str, Composite]
    references: Mapping[str, frozenset[str]]
    indispensable: Mapping[str, frozenset[str]]
    places: Mapping[str, Location]
    folder: Folder

    def where(self, step_path: str) -> str:
        """Return file:line:column of a step, or of an element of its `for_each`."""
        place = self.places.get(_ELEMENT.sub("", step_path))
        return str(place) if place else str(self.path)

    def needs(self, step_path: str) -> frozenset[str]:
        """Return the ids of the steps beside this one that it looks at or builds on."""
        return self.references[_ELEMENT.sub("", step_path)]

    def requires(self, step_path: str) -> frozenset[str]:
        """Return those of them without which the step is skipped."""
        return self.indispensable[_ELEMENT.sub("", step_path)]

    def read_file(self, name: str) -> bytes:
        """Return a file of the lab's folder, at most 64 MiB; raises FunctionError."""
        return self.folder.read(name)
