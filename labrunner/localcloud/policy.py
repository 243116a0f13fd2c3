"""Policy documents: reads them, and decides what they say about one access."""

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from labrunner.localcloud.conditions import (
    Condition,
    Context,
    MissingVariableError,
    expand,
    matches,
    operator,
)
from labrunner.localcloud.names import names
from labrunner.localcloud.principals import Principal

Effect = Literal["Allow", "Deny"]
Reach = Literal["none", "account", "direct"]
Kind = Literal["identity", "resource", "trust"]
VERSIONS = frozenset({"2012-10-17", "2008-10-17"})
TOP = frozenset({"Version", "Id", "Statement"})
ELEMENTS = names(
    "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition"
)


class PolicyError(Exception):
    """What is wrong with a policy document, in S3's words."""


@dataclass(frozen=True)
class Access:
    """One access to decide on: who does what to what, and in which circumstances."""

    principal: Principal
    action: str
    resource: str
    context: Context


@dataclass(frozen=True)
class Names:
    """The `Principal` or `NotPrincipal` of a statement: pairs of type and name."""

    pairs: tuple[tuple[str, str], ...]
    negated: bool

    @property
    def has_everyone(self) -> bool:
        """Whether `*` is among them."""
        return ("AWS", "*") in self.pairs

    def reach(self, principal: Principal, account: str) -> Reach:
        """Say whether they name a principal itself, or only its whole account."""
        if self.negated:
            return "none" if self._named(principal, account) != "none" else "direct"
        return self._named(principal, account)

    def _named(self, principal: Principal, account: str) -> Reach:
        if self.has_everyone:
            return "direct"
        names = {name for kind, name in self.pairs if kind == "AWS"}
        if principal.arn in names or (principal.role_arn and principal.role_arn in names):
            return "direct"
        whole = {account, f"arn:aws:iam::{account}:root"}
        if not principal.is_anonymous and names & whole:
            return "direct" if principal.is_root else "account"
        return "none"


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    effect: Effect
    principals: Names | None
    actions: tuple[str, ...]
    not_action: bool
    resources: tuple[str, ...]
    not_resource: bool
    conditions: tuple[Condition, ...]

    def covers(self, access: Access) -> bool:
        """Whether its action, resource and conditions fit; the principal is another question."""
        if self._has_action(access.action) is self.not_action:
            return False
        try:
            found = any(matches(expand(r, access.context), access.resource) for r in self.resources)
        except MissingVariableError:
            return False
        if self.resources and found is self.not_resource:
            return False
        return all(condition.holds(access.context) for condition in self.conditions)

    def _has_action(self, action: str) -> bool:
        return any(matches(pattern, action, ignore_case=True) for pattern in self.actions)


@dataclass(frozen=True)
class Verdict:
    """What policies say of an access; `account` means allowed to the account as a whole."""

    denied: bool = False
    allowed: bool = False
    account: bool = False


@dataclass(frozen=True)
class Policy:
    """A policy document."""

    statements: tuple[Statement, ...]


def judge(policies: Iterable[Policy], access: Access) -> Verdict:
    """Return what identity policies say of an access."""
    effects = {s.effect for p in policies for s in p.statements if s.covers(access)}
    return Verdict(denied="Deny" in effects, allowed="Allow" in effects)


def judge_resource(policy: Policy | None, access: Access, account: str) -> Verdict:
    """Return what the policy of a resource says of an access."""
    denied = allowed = whole = False
    for statement in policy.statements if policy else ():
        assert statement.principals is not None
        reach = statement.principals.reach(access.principal, account)
        if reach == "none" or not statement.covers(access):
            continue
        denied |= statement.effect == "Deny"
        allowed |= statement.effect == "Allow" and reach == "direct"
        whole |= statement.effect == "Allow" and reach == "account"
    return Verdict(denied, allowed, whole)


@functools.lru_cache(maxsize=512)
def parse(text: str, kind: Kind) -> Policy:
    """Read a policy document of a kind; raises PolicyError."""
    if not text.lstrip().startswith("{"):
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'")
    try:
        found = json.loads(text, object_pairs_hook=_without_duplicates)
    except ValueError:
        raise PolicyError("This policy contains invalid Json") from None
    for name in found:
        if name not in TOP:
            raise PolicyError(f"Unknown field {name}")
    if found.get("Version", "2008-10-17") not in VERSIONS:
        raise PolicyError("The policy must contain a valid version string")
    statements = _several(found.get("Statement"))
    if not statements:
        raise PolicyError("Missing required field Statement")
    return Policy(tuple(_statement(one, kind) for one in statements))


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate key")
    return found


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _statement(found: Any, kind: Kind) -> Statement:
    if not isinstance(found, dict):
        raise PolicyError("Invalid policy syntax.")
    for name in found:
        if name not in ELEMENTS:
            raise PolicyError(f"Unknown field {name}")
    effect = found.get("Effect")
    if effect is None:
        raise PolicyError("Missing required field Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"Invalid effect: {effect}")
    actions, not_action = _either(found, "Action", required=True)
    resources, not_resource = _either(found, "Resource", required=kind == "resource")
    return Statement(
        effect,
        _names(found, kind),
        actions,
        not_action,
        resources,
        not_resource,
        tuple(_conditions(found.get("Condition", {}))),
    )


def _either(found: Mapping[str, Any], name: str, *, required: bool) -> tuple[tuple[str, ...], bool]:
    """Return the values of `Name` or `NotName`, and whether it was the latter."""
    if name in found and f"Not{name}" in found:
        raise PolicyError("Invalid policy syntax.")
    negated = f"Not{name}" in found
    values = _several(found.get(f"Not{name}" if negated else name))
    if not values and required:
        raise PolicyError(f"Missing required field {name}")
    if not all(isinstance(value, str) for value in values):
        raise PolicyError("Invalid policy syntax.")
    return tuple(values), negated


def _names(found: Mapping[str, Any], kind: Kind) -> Names | None:
    given = [name for name in ("Principal", "NotPrincipal") if name in found]
    if kind == "identity":
        if given:
            raise PolicyError("Policy document should not specify a principal.")
        return None
    if len(given) != 1:
        raise PolicyError("Missing required field Principal")
    value = found[given[0]]
    if value == "*":
        value = {"AWS": "*"}
    if not isinstance(value, dict) or not value:
        raise PolicyError("Invalid principal in policy")
    pairs = tuple((key, name) for key, names in value.items() for name in _several(names))
    if not all(isinstance(name, str) and name for _, name in pairs):
        raise PolicyError("Invalid principal in policy")
    return Names(pairs, given[0] == "NotPrincipal")


def _conditions(found: Any) -> Iterable[Condition]:
    if not isinstance(found, dict):
        raise PolicyError("Invalid policy syntax.")
    for name, tests in found.items():
        known = operator(name)
        if known is None:
            raise PolicyError(f"Invalid Condition type : {name}")
        if not isinstance(tests, dict) or not tests:
            raise PolicyError("Invalid policy syntax.")
        for key, values in tests.items():
            yield Condition(known, key.lower(), tuple(_text(one) for one in _several(values)))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyError("Invalid policy syntax.")
