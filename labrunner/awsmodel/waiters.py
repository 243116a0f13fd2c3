"""botocore's waiters as data: when a wait is over, and the words for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError

from labrunner.outcome import Answer, Outcome, Refusal

State = Literal["done", "failed", "again"]

_STATES: Mapping[str, State] = {"success": "done", "failure": "failed", "retry": "again"}


@dataclass(frozen=True)
class Verdict:
    """What one look means for a wait, and why."""

    state: State
    reason: str


@dataclass(frozen=True)
class Acceptor:
    """One rule of a waiter: what it looks at, what it expects, and what that means."""

    state: State
    matcher: str
    expected: Any
    argument: str

    def matches(self, outcome: Outcome) -> bool:
        """Return whether the outcome is what this acceptor expects."""
        if self.matcher == "error":
            return self._error(outcome)
        if self.matcher == "status":
            return bool(_status(outcome) == self.expected)
        if isinstance(outcome, Refusal):
            return False
        return self._path(_search(self.argument, outcome.result))

    def _error(self, outcome: Outcome) -> bool:
        refused = isinstance(outcome, Refusal)
        if isinstance(self.expected, bool):
            return self.expected is refused
        return isinstance(outcome, Refusal) and outcome.code == str(self.expected)

    def _path(self, value: Any) -> bool:
        if self.matcher == "path":
            return bool(value == self.expected)
        if not isinstance(value, list) or not value:
            return False
        some = any if self.matcher == "pathAny" else all
        return some(item == self.expected for item in value)

    @property
    def words(self) -> str:
        """The condition in words: "Cluster.Status.State is WAITING"."""
        if self.matcher == "status":
            return f"the answer has HTTP status {self.expected}"
        if self.matcher == "error":
            return self._error_words
        if self.expected is True and self.matcher == "path":
            return self.argument
        quantity = {"pathAll": "each of ", "pathAny": "one of "}.get(self.matcher, "")
        expected = str(self.expected).lower() if self.expected in (True, False) else self.expected
        return f"{quantity}{self.argument} is {expected}"

    @property
    def _error_words(self) -> str:
        if isinstance(self.expected, bool):
            return "the call is refused" if self.expected else "the call succeeds"
        return f"the call is refused with {self.expected}"


@dataclass(frozen=True, eq=False)
class Waiter:
    """One waiter: the operation it repeats, how often, and what ends it."""

    service: str
    name: str
    operation: str
    data: Mapping[str, Any]

    @property
    def delay(self) -> float:
        """Seconds between two looks."""
        return float(self.data["delay"])

    @property
    def max_attempts(self) -> int:
        """How often botocore would look."""
        return int(self.data["maxAttempts"])

    @cached_property
    def acceptors(self) -> tuple[Acceptor, ...]:
        """The rules, in the order in which they are asked."""
        return tuple(
            Acceptor(
                _STATES[rule["state"]], rule["matcher"], rule["expected"], rule.get("argument", "")
            )
            for rule in self.data["acceptors"]
        )

    @property
    def words(self) -> str:
        """What is waited for: "Cluster.Status.State is RUNNING or WAITING"."""
        wanted = [acceptor.words for acceptor in self.acceptors if acceptor.state == "done"]
        return _joined(wanted)

    def judge(self, outcome: Outcome) -> Verdict:
        """Return what this outcome means; a refusal that no acceptor expects fails the wait."""
        for acceptor in self.acceptors:
            if acceptor.matches(outcome):
                reason = acceptor.words if acceptor.state != "again" else self._seen(outcome)
                return Verdict(acceptor.state, reason)
        if isinstance(outcome, Refusal):
            return Verdict("failed", str(outcome))
        return Verdict("again", self._seen(outcome))

    def _seen(self, outcome: Outcome) -> str:
        """Say what the paths that are waited for are now."""
        if isinstance(outcome, Refusal):
            return str(outcome)
        paths = {
            acceptor.argument: _short(_search(acceptor.argument, outcome.result))
            for acceptor in self.acceptors
            if acceptor.state == "done" and acceptor.argument
        }
        return ", ".join(f"{path} is {value}" for path, value in paths.items())


def _search(path: str, value: Any) -> Any:
    try:
        return jmespath.search(path, value)
    except JMESPathError:
        # botocore's own answer to a path that does not fit: not matched.
        return None


def _status(outcome: Outcome) -> int | None:
    if isinstance(outcome, Refusal):
        return outcome.status
    assert isinstance(outcome, Answer)
    metadata = outcome.result.get("ResponseMetadata", {})
    status: int | None = metadata.get("HTTPStatusCode")
    return status


def _joined(conditions: list[str]) -> str:
    """Join "a is X" and "a is Y" to "a is X or Y"."""
    joined: list[str] = []
    for condition in dict.fromkeys(conditions):
        start, verb, value = _split(condition)
        if verb and joined and joined[-1].startswith(start + verb):
            joined[-1] += f" or {value}"
        else:
            joined.append(condition)
    return " or ".join(joined)


def _split(condition: str) -> tuple[str, str, str]:
    status = condition.rpartition(" HTTP status ")
    return status if status[1] else condition.rpartition(" is ")


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value) or "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return "not there" if value is None else str(value)
