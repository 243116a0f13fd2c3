import subprocess
import sys
from pathlib import Path

from labrunner.loader import find_labs, load_head
from tests.loader.conftest import ASK, HEAD


def test_labs_are_found_and_later_folders_override(tmp_path: Path) -> None:
    for name in ("one/a", "one/b", "two/b", "two/not-a-lab"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("one/a", "one/b", "two/b"):
        (tmp_path / name / "lab.yaml").touch()
    folders = [tmp_path / "one", tmp_path / "two", tmp_path / "missing"]
    assert find_labs(folders) == {
        "a": tmp_path / "one/a/lab.yaml",
        "b": tmp_path / "two/b/lab.yaml",
    }


def test_a_head_has_what_a_list_shows(folder: Path) -> None:
    head = load_head(folder / "lab.yaml")
    assert (head.lab, head.title, head.area) == ("sample", "A sample", "Storage")
    assert (head.replaces, head.replaces_minutes) == ("A lab by hand", 5)
    assert (head.minutes, head.usd, head.error) == (1, 0.01, "")


def test_a_head_is_found_below_the_steps_too(folder: Path) -> None:
    (folder / "lab.yaml").write_text(ASK + HEAD)
    assert load_head(folder / "lab.yaml").title == "A sample"


def test_a_broken_lab_has_a_head_that_says_so(folder: Path) -> None:
    path = folder / "lab.yaml"
    path.write_text("title: [\n")
    assert load_head(path).error.startswith(f"{path}:")
    path.write_text("[]\n")
    assert load_head(path).error
    path.write_text(ASK)
    assert load_head(path).error == f"{path}:1:1: missing key `lab`"
    path.unlink()
    assert load_head(path).error.endswith("there is no file 'lab.yaml' in the lab's folder")


def test_heads_need_no_heavy_imports() -> None:
    code = (
        "import sys; from labrunner.loader import find_labs, load_head;"
        "sys.exit(bool({'pydantic', 'botocore', 'jmespath'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
