"""Names, tags and tokens of a run: all derived from its id, before any call is made."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labrunner.catalog import ResourceType
from labrunner.catalog.types import Tags
from labrunner.events import TargetFacts
from labrunner.expressions import ExpressionError, Scope, evaluate, parse

RUN_TAG = "labrunner:run"
LAB_TAG = "labrunner:lab"
STEP_TAG = "labrunner:step"


@dataclass(frozen=True)
class RunName:
    """A run's id, 8 lower-case hexadecimal digits, and the lab it runs."""

    id: str
    lab: str

    @property
    def root(self) -> dict[str, str]:
        """The root `run` of expressions; `name` starts the name of everything the run makes."""
        return {"id": self.id, "lab": self.lab, "name": f"{self.lab}-{self.id}"}


def target_root(target: TargetFacts) -> dict[str, Any]:
    """Return the root `target` of expressions; `{bucket}` in s3_url stands for a bucket."""
    if target.endpoint:
        s3_url = f"{target.endpoint}/{{bucket}}"
        # Only our own local cloud has this; others are called from where they are.
        checkip_url = f"{target.endpoint}/_labrunner/checkip"
    else:
        checkip_url = "https://checkip.amazonaws.com"
        s3_url = f"https://{{bucket}}.s3.{target.region}.amazonaws.com"
    return {
        "name": target.name,
        "region": target.region,
        "account": target.account,
        "s3_url": s3_url,
        "checkip_url": checkip_url,
    }


def token(run: RunName, step: str) -> str:
    """Return the client token of a step's creating call: the same each time it is tried."""
    return hashlib.sha256(f"{run.id}/{step}".encode()).hexdigest()[:32]


def tagged(
    arguments: Mapping[str, Any], entry: ResourceType, run: RunName, step: str
) -> dict[str, Any]:
    """Return a creating call's arguments with the run's tags and client token in their places."""
    result = dict(arguments)
    if entry.tags:
        _put(result, entry.tags.member.split("."), _tags(entry.tags, run, step))
    if entry.token:
        result.setdefault(entry.token, token(run, step))
    return result


def identity_of(
    entry: ResourceType, arguments: Mapping[str, Any], result: Any = None
) -> dict[str, Any]:
    """Return what identifies the resource that a creating call makes; raises ExpressionError."""
    scope = Scope({"with": arguments, "result": result})
    return {member: evaluate(parse(path), scope) for member, path in entry.identity.items()}


def hourly(entry: ResourceType, arguments: Mapping[str, Any]) -> float | None:
    """Return US dollars an hour of what a call with these arguments makes; None if unknown."""
    cost, scope = entry.cost, Scope({"with": arguments})
    if not isinstance(cost.usd_per_hour, dict):
        return cost.usd_per_hour
    try:
        value = evaluate(parse(cost.by), scope) if cost.by else None
        many = evaluate(parse(cost.times), scope) if cost.times else 1
    except ExpressionError:
        return None
    price = cost.usd_per_hour.get(str(value))
    return None if price is None or not isinstance(many, int) else many * (price + cost.plus)


def step_tag(path: str) -> str:
    """Return a step's path as a tag may hold it: with no brackets."""
    return path.replace("[", ":").replace("]", "")


def _tags(form: Tags, run: RunName, step: str) -> Any:
    tags = {RUN_TAG: run.id, LAB_TAG: run.lab, STEP_TAG: step_tag(step)}
    if form.form == "map":
        return tags
    if form.form == "lower":
        return [{"key": key, "value": value} for key, value in tags.items()]
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    if form.form == "list":
        return pairs
    return [{"ResourceType": kind, "Tags": pairs} for kind in form.types]


def _put(arguments: dict[str, Any], path: list[str], tags: Any) -> None:
    """Set the member, keeping what the lab already gives there."""
    head, *rest = path
    if rest:
        inner = arguments[head] = dict(arguments.get(head) or {})
        _put(inner, rest, tags)
    elif isinstance(tags, dict):
        arguments[head] = {**(arguments.get(head) or {}), **tags}
    else:
        arguments[head] = [*(arguments.get(head) or []), *tags]
