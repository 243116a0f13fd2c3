"""The permissions that a run and its teardown need, as an IAM policy."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from labrunner.catalog import Catalog, ResourceType
from labrunner.expressions import Scope
from labrunner.plan.make import LATER, Plan, PlannedStep, known

_ANY_RUN = "????????"  # in a policy, as many characters as a run id has


def policy(plan: Plan) -> dict[str, Any]:
    """Return the least policy that lets someone run this lab, and tear it down, at any time."""
    actions: dict[str, set[str]] = defaultdict(set)
    for service, operation, arn in _calls(plan):
        for action, resource in _permissions(plan, service, operation, arn):
            actions[_any_run(resource, plan)].add(action)
    actions["*"].add("sts:GetCallerIdentity")
    by_actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for resource, names in sorted(actions.items()):
        by_actions[tuple(sorted(names))].append(resource)
    statements = [
        {"Effect": "Allow", "Action": list(names), "Resource": resources}
        for names, resources in by_actions.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _calls(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield service, operation and the ARN it is about, for the steps and for teardown."""
    for planned in plan.steps:
        if planned.step.kind not in ("aws", "dataset", "sql") or planned.runs is False:
            continue
        service, operation = planned.step.operation
        yield service, operation, _arn(plan, planned, service)
        if planned.creates:
            entry = plan.catalog.type(planned.creates)
            for name in _teardown(entry):
                yield service, name, _arn(plan, planned, service)


def _teardown(entry: ResourceType) -> Iterator[str]:
    yield entry.exists.operation
    if entry.find:
        yield entry.find.operation
    for call in entry.delete:
        yield call.operation
        if call.for_each:
            yield call.for_each.operation


def _arn(plan: Plan, planned: PlannedStep, service: str) -> str:
    """Return the ARN of the resource that a step is about, "*" where it has none."""
    name = planned.creates or planned.changes
    named = {one.type: one.named_in for one in plan.catalog.changes(*planned.step.operation)}
    candidates = [plan.catalog.type(name)] if name else _types(plan.catalog, service)
    for entry in candidates:
        named_in = named.get(name or "", {})
        identity = {
            member: planned.arguments.get(
                path.removeprefix("with.") if planned.creates else named_in.get(member, member)
            )
            for member, path in entry.identity.items()
        }
        if entry.arn and None not in identity.values():
            return str(known(entry.arn, Scope({"identity": identity})))
    return "*"


def _types(catalog: Catalog, service: str) -> list[ResourceType]:
    known_service = catalog.services.get(service)
    return list(known_service.resources.values()) if known_service else []


def _permissions(plan: Plan, service: str, operation: str, arn: str) -> Iterator[tuple[str, str]]:
    known_service = plan.catalog.services.get(service)
    listed: Mapping[str, str] | None = (
        known_service.permissions.get(operation) if known_service else None
    )
    if listed is None:
        model = plan.models.operation(service, operation)
        yield f"{model.iam_prefix}:{model.api_name}", arn
        return
    for action, resource in listed.items():
        yield action, str(known(resource, Scope({"arn": arn, "run": plan.run.root})))


def _any_run(resource: str, plan: Plan) -> str:
    """Widen a resource of this run to the same resource of any run of the lab."""
    wide = resource.replace(plan.run.id, _ANY_RUN).replace(LATER, "*")
    return "*" if wide == "*/*" else wide
