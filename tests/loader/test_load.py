import hashlib
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labrunner.errors import Exit, Failure, FunctionError, InvalidLab
from tests.loader.conftest import ASK, HEAD, Load, Mistakes

SAMPLE = Path(__file__).parent / "labs" / "sample"


def test_a_lab_that_uses_everything_loads(load_from: Load) -> None:
    loaded = load_from(SAMPLE)
    assert loaded.lab.lab == "sample"
    assert loaded.composites["./website.yaml"].composite == "website"
    assert loaded.references["listing"] == {"bucket", "named", "upload"}
    assert loaded.references["account"] == frozenset()


def test_operations_have_their_boto3_names(load_from: Load) -> None:
    bucket = next(step for step in load_from(SAMPLE).lab.steps if step.id == "bucket")
    assert bucket.aws == "s3.create_bucket"


def test_steps_know_their_places(load_from: Load) -> None:
    loaded = load_from(SAMPLE)
    lines = (SAMPLE / "lab.yaml").read_text().splitlines()
    line = lines.index("  - id: upload") + 1
    assert loaded.where("upload") == loaded.where("upload[7]") == f"{SAMPLE}/lab.yaml:{line}:5"
    assert loaded.where("site.policy") == f"{SAMPLE}/website.yaml:17:5"
    assert loaded.where("nowhere") == str(SAMPLE / "lab.yaml")


def test_the_digest_changes_with_each_file(folder: Path, load_from: Load) -> None:
    (folder / "part.yaml").write_text("composite: part\ntitle: Part\n" + ASK)
    uses = "  - {id: part, title: Part, uses: ./part.yaml}\n"
    (folder / "lab.yaml").write_text(HEAD + ASK + uses)
    first = load_from(folder).digest
    (folder / "part.yaml").write_text("composite: part\ntitle: Changed\n" + ASK)
    assert load_from(folder).digest != first
    assert len(first) == hashlib.sha256().digest_size * 2


def test_files_of_the_lab_can_be_read_and_no_others(folder: Path, load_from: Load) -> None:
    (folder / "inside").mkdir()
    (folder / "inside" / "a.txt").write_text("a")
    (folder.parent / "outside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(folder / "inside" / "a.txt")
    (folder / "out.txt").symlink_to(folder.parent / "outside.txt")
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    loaded = load_from(folder)
    assert loaded.read_file("inside/a.txt") == loaded.read_file("link.txt") == b"a"
    for name in (
        "out.txt", "../outside.txt", str(folder / "lab.yaml"), "", ".", "inside", "loop", "pipe",
        "no.txt", "a\0b", "inside/../inside/a.txt",
    ):  # fmt: skip
        with pytest.raises(FunctionError):
            loaded.read_file(name)


def test_a_lab_that_is_a_link_to_elsewhere_is_refused(folder: Path, mistakes: Mistakes) -> None:
    elsewhere = folder.parent / "elsewhere.yaml"
    (folder / "lab.yaml").rename(elsewhere)
    (folder / "lab.yaml").symlink_to(elsewhere)
    assert mistakes(folder) == [
        "lab.yaml:1:1: 'lab.yaml' is a link that leads out of the lab's folder"
    ]


def test_a_composite_that_is_a_link_to_elsewhere_is_refused(
    folder: Path, mistakes: Mistakes
) -> None:
    (folder.parent / "part.yaml").write_text("composite: part\ntitle: Part\n" + ASK)
    (folder / "part.yaml").symlink_to(folder.parent / "part.yaml")
    uses = "  - {id: part, title: Part, uses: ./part.yaml}\n"
    (folder / "lab.yaml").write_text(HEAD + ASK + uses)
    (mistake,) = mistakes(folder)
    assert "is a link that leads out of the lab's folder" in mistake


def test_a_lab_that_is_not_there(tmp_path: Path, load_from: Load) -> None:
    with pytest.raises(Failure) as caught:
        load_from(tmp_path)
    assert caught.value.exit_code == Exit.INVALID


def test_an_expression_without_end(folder: Path, mistakes: Mistakes) -> None:
    deep = "!" * 5000 + "run"
    step = f'  - {{id: a, title: A, http: get, with: {{url: "${{{{ {deep} }}}}"}}}}\n'
    (folder / "lab.yaml").write_text(HEAD + "steps:\n" + step)
    assert [mistake.partition(": ")[2] for mistake in mistakes(folder)] == [
        "an expression nested too deeply"
    ]


PIECES = [
    "steps", "result", "item", "run", ".", "[", "]", "[?", "[*]", "(", ")", "{", "}", ":", "length",
    "&", "&&", "||", "|", "==", "<", "'a'", "`1`", "`", '"', "@", ",", " ", "!", "first", "with",
    "status", "headers", "*", "0", "-1", "é", "''",
]  # fmt: skip
TWO_STEPS = """\
steps:
  - {{id: first, title: A, http: get, with: {{url: "http://localhost/"}}}}
  - id: second
    title: B
    http: get
    for_each: [a]
    with: {{url: {text}}}
    checks: [{{name: a, proves: a, that: {text}}}]
"""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_expression_is_fine_or_told_what_is_wrong_with_it(
    folder: Path, load_from: Load, text: str
) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    lab = HEAD + TWO_STEPS.format(text=quoted)
    (folder / "lab.yaml").write_text(lab, encoding="utf-8")
    try:
        load_from(folder)
    except InvalidLab as invalid:
        assert invalid.diagnostics  # noqa: PT017 - that it is this error is what is tested


def test_loading_is_quick(load_from: Load) -> None:
    load_from(SAMPLE)
    started = time.perf_counter()
    load_from(SAMPLE)
    # A tenth of this on an idle machine.
    assert time.perf_counter() - started < 1
