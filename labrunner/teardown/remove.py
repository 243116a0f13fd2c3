"""Remove one resource: find it, delete it, look whether it is gone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from labrunner.catalog import Delete
from labrunner.catalog.types import Read
from labrunner.expressions import Scope, evaluate, parse, render
from labrunner.outcome import Answer, Outcome, Perform, Refusal
from labrunner.teardown.plan import Removal


@dataclass(frozen=True)
class Verdict:
    """What an attempt came to: gone; held, to be tried again; or refused."""

    state: Literal["gone", "held", "refused"]
    code: str = ""
    message: str = ""


GONE = Verdict("gone")
STILL_THERE = Verdict("held", "StillThere", "it is still there")


def find(removal: Removal, do: Perform) -> list[dict[str, Any]] | Refusal:
    """Return what names the resource: empty when there is no such thing."""
    if removal.identity and removal.entry.named_by_caller:
        verdict = look(removal, do)
        if verdict.state == "refused":
            return Refusal(verdict.code, verdict.message)
        return [] if verdict.state == "gone" else [removal.identity]
    if removal.entry.find is None:
        return Refusal("NotFindable", f"{removal.resource.type} cannot be found without its name")
    outcome = _read(removal, removal.entry.find, do, {})
    if isinstance(outcome, Refusal):
        return [] if outcome.code in removal.entry.absent else outcome
    found = _items(removal.entry.find.items, outcome, removal.scope)
    return [identity for identity in found if identity not in removal.known]


def look(removal: Removal, do: Perform) -> Verdict:
    """Look whether the resource is gone."""
    exists = removal.entry.exists
    outcome = _read(removal, exists, do, {})
    if isinstance(outcome, Refusal):
        return _judge(removal, outcome) or GONE
    if exists.gone and evaluate(parse(exists.gone), Scope(outcome.result)) is True:
        return GONE
    return STILL_THERE


def delete(removal: Removal, do: Perform) -> Verdict | None:
    """Make the calls that delete the resource, in order; None when all were accepted."""
    for call in removal.entry.delete:
        for batch in _batches(removal, call, do):
            verdict = (
                _judge(removal, batch, call.ignore)
                if isinstance(batch, Refusal)
                else _delete(removal, call, do, batch)
            )
            if verdict:
                return verdict
    return None


def _delete(
    removal: Removal, call: Delete, do: Perform, roots: Mapping[str, Any]
) -> Verdict | None:
    outcome = _read(removal, call, do, roots)
    if isinstance(outcome, Refusal):
        return _judge(removal, outcome, call.ignore)
    for error in _items(call.errors, outcome) if call.errors else []:
        return _judge(removal, Refusal(str(error["Code"]), str(error.get("Message", ""))))
    return None


def _batches(removal: Removal, call: Delete, do: Perform) -> Iterator[Mapping[str, Any] | Refusal]:
    """Yield the roots that each call of a deletion sees in addition."""
    each = call.for_each
    if each is None:
        yield {}
        return
    outcome = _read(removal, each, do, {}, paginate=True)
    if isinstance(outcome, Refusal):
        yield outcome
        return
    items = iter(_items(each.items, outcome))
    while batch := list(islice(items, each.batch)):
        yield {"items": batch}


def _items(expression: str, outcome: Answer, scope: Scope | None = None) -> list[Any]:
    """Return a list out of a result, whose members are roots beside those of the scope."""
    seen = scope.having(**outcome.result) if scope else Scope(outcome.result)
    return list(evaluate(parse(expression), seen) or [])


def _read(
    removal: Removal, call: Read, do: Perform, roots: Mapping[str, Any], *, paginate: bool = False
) -> Outcome:
    arguments = render(call.arguments, removal.scope.having(**roots))
    return do(removal.call(call.operation, arguments, paginate=paginate))


def _judge(removal: Removal, refusal: Refusal, ignore: Sequence[str] = ()) -> Verdict | None:
    if refusal.code in ignore:
        return None
    if refusal.code in removal.entry.absent:
        return GONE
    held = refusal.code in removal.entry.hold or not refusal.certain
    return Verdict("held" if held else "refused", refusal.code, refusal.message)
