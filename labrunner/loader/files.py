"""The files of a lab: the lab itself, and the composites that it uses."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labrunner.awsmodel import Models, UnknownName
from labrunner.errors import Location, did_you_mean
from labrunner.loader.build import build
from labrunner.loader.folder import Folder, NotAnAsset
from labrunner.loader.params import problems_of
from labrunner.loader.reader import decode, read
from labrunner.loader.tree import Diagnostics, ListNode, MapNode, Node
from labrunner.model import Composite, Lab, Param, Step

_USES = re.compile(r"\./[\w-][\w.-]*(/[\w-][\w.-]*)*\.ya?ml")
# What several labs use is beside their folders.
_SHARED = re.compile(r"\.\./composites/[\w-][\w.-]*\.ya?ml")
_DEEPEST = 8


@dataclass(frozen=True)
class StepIn:
    """A step of a file: its place, and the step itself when it is valid."""

    id: str
    node: Node
    step: Step | None


@dataclass(frozen=True, eq=False)
class LabFile:
    """A file that was read: what of it is valid, whole or in parts."""

    root: MapNode
    whole: Lab | Composite | None
    params: dict[str, Param]
    steps: Sequence[StepIn]

    @property
    def valid(self) -> Lab | Composite:
        """The lab or composite, once nothing is wrong with it."""
        assert self.whole is not None
        return self.whole.model_copy(update={"steps": [step.step for step in self.steps]})


@dataclass
class Files:
    """Reads a lab's files, each once, and knows which is being read inside which."""

    folder: Folder
    found: Diagnostics
    models: Models
    composites: dict[str, LabFile | None] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _contents: dict[str, bytes] = field(default_factory=dict)

    def lab(self, path: Path) -> LabFile | None:
        """Return the lab of a lab.yaml, None when it cannot be read."""
        return self._file(path.name, str(path), Lab)

    def composite(self, uses: str, where: Location) -> LabFile | None:
        """Return the composite that `uses` names, None when it cannot be read."""
        if uses in self.composites:
            return self.composites[uses]
        self.composites[uses] = None
        if _SHARED.fullmatch(uses):
            folder = Folder(self.folder.path.parent / "composites")
        elif _USES.fullmatch(uses):
            folder = self.folder
        else:
            hint = "write ./name.yaml, or ../composites/name.yaml"
            self.found.add(where, f"`uses: {uses}` is not a composite", hint)
            return None
        name = uses.removeprefix("./").removeprefix("../composites/")
        shown = str(folder.path / name)
        self.composites[uses] = self._file(name, shown, Composite, where, folder)
        return self.composites[uses]

    def enter(self, uses: str, where: Location) -> bool:
        """Note that a composite is being looked into; False when it is inside itself."""
        if uses in self._open:
            chain = " → ".join([*self._open[self._open.index(uses) :], uses])
            self.found.add(where, "a composite uses itself", chain)
            return False
        if len(self._open) == _DEEPEST:
            self.found.add(where, f"composites inside composites, more than {_DEEPEST} deep")
            return False
        self._open.append(uses)
        return True

    def leave(self) -> None:
        """Note that the composite entered last has been looked into."""
        self._open.pop()

    def digest(self) -> str:
        """Return the SHA-256 of all files read, hexadecimal."""
        digest = hashlib.sha256()
        for name, data in sorted(self._contents.items()):
            digest.update(f"{name}\0{len(data)}\0".encode())
            digest.update(data)
        return digest.hexdigest()

    def _file(
        self,
        name: str,
        shown: str,
        kind: type[Lab] | type[Composite],
        where: Location | None = None,
        folder: Folder | None = None,
    ) -> LabFile | None:
        folder = folder or self.folder
        try:
            data = folder.read(name)
        except NotAnAsset as problem:
            hint = did_you_mean(name, folder.names()) if where else ""
            self.found.add(where or Location(shown, 1, 1), str(problem), hint)
            return None
        # Not the whole path: a lab is the same lab in any checkout.
        self._contents[name if folder is self.folder else f"../composites/{name}"] = data
        text = decode(data, shown, self.found)
        root = read(text, shown, self.found) if text is not None else None
        if root is None:
            return None
        whole = build(kind, root, self.found)
        return self._parts(root, whole) if isinstance(root, MapNode) else None

    def _parts(self, root: MapNode, whole: Lab | Composite | None) -> LabFile:
        params = self._params(root.child("params"), whole)
        nodes = root.at(("steps",))
        steps = [self._step(node) for node in nodes.items] if isinstance(nodes, ListNode) else []
        return LabFile(root, whole, params, steps)

    def _step(self, node: Node) -> StepIn:
        # In a file with mistakes, each step that is valid by itself is still looked at.
        identifier = node.plain.get("id") if isinstance(node, MapNode) else None
        step = build(Step, node, Diagnostics())
        name = identifier if isinstance(identifier, str) else ""
        return StepIn(name, node, self._renamed(step) if step else None)

    def _renamed(self, step: Step) -> Step:
        """Return the step with boto3's name of its operation, which all else goes by."""
        service, _, name = (step.aws or "").partition(".")
        try:
            operation = self.models.operation(service, name)
        except UnknownName:
            return step  # no AWS step, or a mistake that is reported where the step is checked
        return step.model_copy(update={"aws": f"{service}.{operation.name}"})

    def _params(self, node: Node | None, whole: Lab | Composite | None) -> dict[str, Param]:
        if whole is not None:
            params = whole.params
        elif isinstance(node, MapNode):
            built = {n: build(Param, inner, Diagnostics()) for n, inner in node.members.items()}
            params = {name: param for name, param in built.items() if param}
        else:
            params = {}
        for name, param in params.items():
            for key, message in problems_of(param):
                where = node.at((name, key)).where if node else Location("", 1, 1)
                self.found.add(where, message)
        return params
