"""redshift-intro on the local cloud, as a user runs it: published figures, ad-hoc questions."""

import csv
import io
from collections.abc import Iterator

import pytest

from tests.end_to_end.user import User

LAB = "redshift-intro"


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    user = User(tmp_path_factory.mktemp("home"))
    yield user
    user.run("teardown")
    user.run("cloud", "stop")


@pytest.fixture(scope="module")
def ran(user: User) -> None:
    ended = user.events("run", LAB)[-1]
    assert ended["outcome"] == "passed", ended
    assert ended["checks"] == {"passed": 18, "failed": 0, "skipped": 0}


@pytest.mark.usefixtures("ran")
def test_anything_can_be_asked_afterwards(user: User) -> None:
    asked = user.run("sql", LAB, "--csv", "-c", "select userid, city from users order by 1 limit 2")
    assert list(csv.reader(io.StringIO(asked.stdout))) == [
        ["userid", "city"],
        ["1", "Kent"],
        ["2", asked.stdout.splitlines()[2].partition(",")[2]],
    ]
    shown = user.run("sql", LAB, "-c", "select count(*) as users from users").stdout
    assert "49990" in shown
    assert "1 row " in shown


@pytest.mark.usefixtures("ran")
def test_a_wrong_question_is_told_in_words(user: User) -> None:
    done = user.run("sql", LAB, "-c", "select nope from users")
    assert done.returncode == 1
    assert 'column "nope" does not exist' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("ran")
def test_teardown_leaves_nothing(user: User) -> None:
    ended = user.events("teardown", LAB)[-1]
    assert (ended["outcome"], ended["left"]) == ("clean", [])
    assert user.buckets() == []
    done = user.run("sql", LAB, "-c", "select 1")
    assert done.returncode == 1
    assert "no run of redshift-intro has a warehouse to ask" in done.stderr


def test_a_cluster_does_the_same(user: User) -> None:
    ended = user.events("run", LAB, "-p", "provisioned=true", "--teardown")[-1]
    assert (ended["outcome"], ended["live"]) == ("passed", [])
    assert ended["checks"] == {"passed": 18, "failed": 0, "skipped": 0}
