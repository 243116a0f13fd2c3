"""Load a lab: read, build, check, and report every mistake at once."""

from collections.abc import Iterator
from pathlib import Path

from labrunner.awsmodel import Models
from labrunner.catalog import Catalog
from labrunner.errors import Exit, Failure, InvalidLab
from labrunner.expressions.references import indispensable_steps, referenced_steps
from labrunner.loader.files import Files, LabFile, StepIn
from labrunner.loader.folder import Folder
from labrunner.loader.loaded import LoadedLab
from labrunner.loader.naming import check_names
from labrunner.loader.steps import Known, check_file
from labrunner.loader.texts import Texts
from labrunner.loader.tree import Diagnostics
from labrunner.model import Composite, Lab


def load_lab(path: Path, *, models: Models, catalog: Catalog) -> LoadedLab:
    """Return the lab of a lab.yaml; raises InvalidLab with every diagnostic at once."""
    found = Diagnostics()
    files = Files(Folder(path.parent), found, models)
    lab = _checked(path, files, models, catalog)
    if found or lab is None:
        count = len(list(found))
        mistakes = "1 mistake" if count == 1 else f"{count} mistakes"
        raise InvalidLab(f"{path} has {mistakes}", list(found))
    return _loaded(path, lab, files)


def _checked(path: Path, files: Files, models: Models, catalog: Catalog) -> LabFile | None:
    if not path.is_file():
        raise Failure(f"there is no lab at {path}", exit_code=Exit.INVALID)
    file = files.lab(path)
    if file is None:
        return None
    known = Known(models, catalog, files, Texts(files.folder, files.found), files.found)
    _check_name(path, file, files.found)
    check_file(file, known)
    check_names(file, known)
    return file


def _check_name(path: Path, file: LabFile, found: Diagnostics) -> None:
    name, folder = file.root.child("lab"), path.resolve().parent.name
    if name is not None and isinstance(name.plain, str) and name.plain != folder:
        message = f"the lab is named {name.plain}, and its folder {folder}"
        found.add(name.where, message, "give both the same name")


def _loaded(path: Path, file: LabFile, files: Files) -> LoadedLab:
    lab = file.valid
    assert isinstance(lab, Lab)
    everything = dict(_steps(file, files, ""))
    composites = {uses: inner.valid for uses, inner in files.composites.items() if inner}
    return LoadedLab(
        lab=lab,
        path=path,
        digest=files.digest(),
        composites={
            uses: composite
            for uses, composite in composites.items()
            if isinstance(composite, Composite)
        },
        references={
            path: referenced_steps(step.step) for path, step in everything.items() if step.step
        },
        indispensable={
            path: indispensable_steps(step.step) for path, step in everything.items() if step.step
        },
        places={path: step.node.where for path, step in everything.items()},
        folder=files.folder,
    )


def _steps(file: LabFile, files: Files, prefix: str) -> Iterator[tuple[str, StepIn]]:
    """Yield every step by its path, those of composites included."""
    for step in file.steps:
        yield prefix + step.id, step
        uses = step.step.uses if step.step else None
        composite = files.composites.get(uses) if uses else None
        if composite:
            yield from _steps(composite, files, f"{prefix}{step.id}.")
