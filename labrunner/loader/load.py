"""Load a lab: read, build, check, and report every mistake at once."""

import hashlib
from pathlib import Path

from labrunner.awsmodel import Models
from labrunner.catalog import Catalog
from labrunner.errors import Exit, Failure, InvalidLab, Location
from labrunner.expressions.references import referenced_steps
from labrunner.loader.build import build
from labrunner.loader.folder import Folder
from labrunner.loader.loaded import LoadedLab
from labrunner.loader.reader import decode, read
from labrunner.loader.tree import Diagnostics
from labrunner.model import Lab


def load_lab(path: Path, *, models: Models, catalog: Catalog) -> LoadedLab:
    """Return the lab of a lab.yaml; raises InvalidLab with every diagnostic at once."""
    found = Diagnostics()
    data = path.read_bytes()
    text = decode(data, str(path), found)
    root = read(text, str(path), found) if text is not None else None
    lab = build(Lab, root, found) if root else None
    if found or lab is None:
        raise InvalidLab(f"{path} is not a valid lab", list(found))
    places = {s.id: root.at(("steps", i)).where for i, s in enumerate(lab.steps)}
    refs = {s.id: referenced_steps(s) for s in lab.steps}
    return LoadedLab(lab, path, hashlib.sha256(data).hexdigest(), {}, refs, places, Folder(path.parent))
