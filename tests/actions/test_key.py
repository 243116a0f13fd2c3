"""Key pairs on disk: made whole, for the owner alone, never outside their folder."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from labrunner.actions.key import Keys
from labrunner.actions.keyfile import private_key
from labrunner.outcome import Answer, Call, Outcome, Refusal


def act(folder: Path, action: str, name: Any) -> Outcome:
    return Keys(folder).perform(Call("key", action, {"Name": name}))


def done(outcome: Outcome) -> dict[str, str]:
    assert isinstance(outcome, Answer), outcome
    found: dict[str, str] = outcome.result
    return found


def refused(outcome: Outcome) -> str:
    assert isinstance(outcome, Refusal), outcome
    assert outcome.certain
    return outcome.code


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_life(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "keys"
    made = done(act(folder, "create", "lab-1"))
    path = folder / "lab-1.pem"
    assert set(made) == {"Name", "PublicKey", "PrivateKeyFile", "Fingerprint"}
    assert made["Name"] == "lab-1"
    assert made["PrivateKeyFile"] == str(path)
    assert made["PublicKey"].startswith("ssh-ed25519 AAAA")
    assert made["PublicKey"].endswith(" lab-1")
    assert (mode(path), mode(folder), mode(folder.parent)) == (0o600, 0o700, 0o700)
    assert private_key(path).get_base64() == made["PublicKey"].split()[1]
    assert [entry.name for entry in folder.iterdir()] == ["lab-1.pem"]
    assert path.stat().st_nlink == 1
    assert done(act(folder, "describe", "lab-1")) == made
    assert done(act(folder, "delete", "lab-1")) == {"Name": "lab-1"}
    assert list(folder.iterdir()) == []
    assert refused(act(folder, "describe", "lab-1")) == "KeyNotFound"
    assert refused(act(folder, "delete", "lab-1")) == "KeyNotFound"


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="OpenSSH is not installed")
def test_openssh_reads_the_key(tmp_path: Path) -> None:
    made = done(act(tmp_path, "create", "k"))
    path = made["PrivateKeyFile"]
    public = subprocess.check_output(["ssh-keygen", "-y", "-f", path], text=True)
    assert public.split()[:2] == made["PublicKey"].split()[:2]
    shown = subprocess.check_output(["ssh-keygen", "-l", "-f", path], text=True)
    assert made["Fingerprint"] == shown.split()[1]


def test_every_key_is_another(tmp_path: Path) -> None:
    first, second = (done(act(tmp_path, "create", name)) for name in "ab")
    assert first["Fingerprint"] != second["Fingerprint"]


def test_a_key_that_is_there_is_kept(tmp_path: Path) -> None:
    made = done(act(tmp_path, "create", "k"))
    assert refused(act(tmp_path, "create", "k")) == "KeyAlreadyExists"
    assert done(act(tmp_path, "describe", "k")) == made
    assert [entry.name for entry in tmp_path.iterdir()] == ["k.pem"]


def test_only_one_of_many_at_once_makes_it(tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(act(tmp_path, "create", "k")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = [outcome.result for outcome in outcomes if isinstance(outcome, Answer)]
    assert made == [done(act(tmp_path, "describe", "k"))]
    assert len(outcomes) == 8
    assert [entry.name for entry in tmp_path.iterdir()] == ["k.pem"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../k", "/k", "a/b", ".k", "-k", "k\n", "k\0", "ä", "k" * 102, None]
)
@pytest.mark.parametrize("action", ["create", "describe", "delete"])
def test_names_that_are_refused(tmp_path: Path, action: str, name: Any) -> None:
    folder = tmp_path / "keys"
    assert refused(act(folder, action, name)) == "InvalidArgument"
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_a_key_is_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "keys", tmp_path / "outside.pem"
    done(act(tmp_path, "create", "outside"))
    before = outside.read_bytes()
    folder.mkdir()
    (folder / "k.pem").symlink_to(outside)
    (folder / "dangling.pem").symlink_to(tmp_path / "nothing")
    assert refused(act(folder, "create", "k")) == "KeyAlreadyExists"
    assert refused(act(folder, "create", "dangling")) == "KeyAlreadyExists"
    assert refused(act(folder, "describe", "k")) == "KeyUnreadable"
    assert done(act(folder, "delete", "k")) == {"Name": "k"}
    assert not (folder / "k.pem").is_symlink()
    assert outside.read_bytes() == before
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("action", ["create", "describe", "delete"])
def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path, action: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    done(act(elsewhere, "create", "k"))
    elsewhere.chmod(0o755)
    (tmp_path / "keys").symlink_to(elsewhere)
    assert refused_uncertainly(act(tmp_path / "keys", action, "k")) in (
        "DiskError",
        "KeyUnreadable",
    )
    assert [entry.name for entry in elsewhere.iterdir()] == ["k.pem"]
    assert mode(elsewhere) == 0o755


def refused_uncertainly(outcome: Outcome) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    outcome = act(tmp_path / "keys", "create", "k")
    assert refused(outcome) == "DiskError"
    assert "Not a directory" in str(outcome)


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o755)
    done(act(folder, "create", "k"))
    assert mode(folder) == 0o700


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    outcome = act(tmp_path / "keys", "create", "k")
    assert refused(outcome) == "DiskError"
    assert "Permission denied" in str(outcome)


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    program = (
        "import resource, sys, pathlib\n"
        "from tests.actions.test_key import act\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "outcome = act(pathlib.Path(sys.argv[1]), 'create', 'k')\n"
        "print(outcome.code, outcome.certain, outcome.message)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.check_output(words, text=True, cwd=Path(__file__).parents[2])
    assert said.startswith("DiskError True the key pair k was not created in")
    assert said.endswith("File too large\n")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_create_left_is_deleted_too(tmp_path: Path) -> None:
    done(act(tmp_path, "create", "k"))
    (tmp_path / ".k.pem.0123456789abcdef").write_text("half")
    done(act(tmp_path, "create", "k.pem.x"))
    (tmp_path / ".k.pem.x.pem.0123456789abcdef").write_text("another's")
    done(act(tmp_path, "delete", "k"))
    left = sorted(entry.name for entry in tmp_path.iterdir())
    assert left == [".k.pem.x.pem.0123456789abcdef", "k.pem.x.pem"]


def test_files_that_are_no_key(tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("secret words")
    (tmp_path / "folder.pem").mkdir()
    os.mkfifo(tmp_path / "pipe.pem")
    for name in ("text", "folder", "pipe"):
        outcome = act(tmp_path, "describe", name)
        assert refused(outcome) == "KeyUnreadable"
        assert "secret" not in str(outcome)
    outcome = act(tmp_path, "delete", "folder")
    assert refused(outcome) == "DiskError"
    assert (tmp_path / "folder.pem").is_dir()
