from collections.abc import Callable
from pathlib import Path

import pytest

from labrunner.awsmodel import Models
from labrunner.catalog import Catalog, load
from labrunner.errors import InvalidLab
from labrunner.loader import LoadedLab, load_lab

HEAD = """\
lab: sample
title: A sample
area: Storage
replaces: {what: A lab by hand, minutes: 5}
estimate: {minutes: 1, usd: 0.01}
objectives: [see what is wrong]
"""
ASK = """\
steps:
  - {id: ask, title: Ask, http: get, with: {url: "http://localhost/"}}
"""

Load = Callable[[Path], LoadedLab]
Mistakes = Callable[[Path], list[str]]


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a small valid lab."""
    path = tmp_path / "sample"
    path.mkdir()
    (path / "lab.yaml").write_text(HEAD + ASK)
    return path


@pytest.fixture
def load_from(models: Models, catalog: Catalog) -> Load:
    return lambda folder: load_lab(folder / "lab.yaml", models=models, catalog=catalog)


@pytest.fixture
def mistakes(load_from: Load) -> Mistakes:
    """Return what is wrong with the lab in a folder, without the folder's name."""

    def load_wrong(folder: Path) -> list[str]:
        with pytest.raises(InvalidLab) as caught:
            load_from(folder)
        return [str(d).replace(f"{folder}/", "") for d in caught.value.diagnostics]

    return load_wrong
