"""One file a mistake, or a folder where it takes several; what is expected stands beside it."""

import shutil
from pathlib import Path

import pytest

from tests.loader.conftest import Mistakes

CASES = sorted(
    path for path in (Path(__file__).parent / "cases").iterdir() if path.suffix != ".txt"
)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_every_mistake_is_told_at_its_place(case: Path, tmp_path: Path, mistakes: Mistakes) -> None:
    folder = tmp_path / "sample"
    if case.is_dir():
        shutil.copytree(case, folder, ignore=shutil.ignore_patterns("*.txt"))
        expected = case / "expected.txt"
    else:
        folder.mkdir()
        shutil.copy(case, folder / "lab.yaml")
        expected = case.with_suffix(".txt")
    assert mistakes(folder) == expected.read_text().splitlines()
