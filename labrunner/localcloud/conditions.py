"""The condition operators of policies: what each compares, and whether a call meets it."""

import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# Condition keys in lower case, each with the values that the call has for it.
Context = Mapping[str, tuple[str, ...]]

VARIABLE = re.compile(r"\$\{([^}]*)\}")
LITERALS = frozenset({"*", "?", "$"})
ARN_PARTS = 6


class MissingVariableError(Exception):
    """A policy variable for which the call has no value: the statement does not match."""


@functools.lru_cache(maxsize=4096)
def glob(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Return a policy pattern (`*`, `?`, and `${*}` for the character itself) as a regex."""
    parts = re.split(r"(\$\{[*?$]\}|\*|\?)", pattern)
    wild = {"*": ".*", "?": "."}
    text = "".join(
        wild[part] if part in wild else re.escape(part[2] if part.startswith("${") else part)
        for part in parts
    )
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether a value fits a policy pattern as a whole."""
    return glob(pattern, ignore_case=ignore_case).fullmatch(value) is not None


def expand(pattern: str, context: Context) -> str:
    """Replace the variables of a pattern by the call's values; raises MissingVariableError."""
    return (
        VARIABLE.sub(functools.partial(_value_of, context), pattern) if "$" in pattern else pattern
    )


def _value_of(context: Context, found: re.Match[str]) -> str:
    name, _, default = found[1].partition(",")
    if name in LITERALS:
        return found[0]
    values = context.get(name.strip().lower())
    if values:
        return re.sub(r"[*?$]", r"${\g<0>}", values[0])  # a value has no wildcards
    if default:
        return default.strip().strip("'")
    raise MissingVariableError(name)


def _like(pattern: str, value: str) -> bool:
    return matches(pattern, value)


def _equal(wanted: str, value: str) -> bool:
    return re.sub(r"\$\{([*?$])\}", r"\1", wanted) == value


def _equal_ignoring_case(wanted: str, value: str) -> bool:
    return _equal(wanted.lower(), value.lower())


def _arn_like(pattern: str, value: str) -> bool:
    wanted, found = (text.split(":", ARN_PARTS - 1) for text in (pattern, value))
    return len(wanted) == len(found) == ARN_PARTS and all(map(matches, wanted, found))


def _in_network(network: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _same_bool(wanted: str, value: str) -> bool:
    return wanted.lower() == value.lower()


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(wanted: str, value: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


def _moment(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def test(wanted: str, value: str) -> bool:
        try:
            return compare(_seconds(value), _seconds(wanted))
        except ValueError:
            return False

    return test


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


Compare = Callable[[float, float], bool]
COMPARISONS: dict[str, Compare] = {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}
# Each tests one value of the policy against one value of the call.
TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": _equal_ignoring_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "IpAddress": _in_network,
    "Bool": _same_bool,
    "BinaryEquals": _equal,
    **{f"Numeric{name}": _number(compare) for name, compare in COMPARISONS.items()},
    **{f"Date{name}": _moment(compare) for name, compare in COMPARISONS.items()},
}
NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


@dataclass(frozen=True)
class Operator:
    """A condition operator with its prefix and suffix."""

    test: str  # a key of TESTS, or "Null"
    negated: bool = False
    if_exists: bool = False
    quantifier: str = ""  # or "ForAllValues" or "ForAnyValue"


@dataclass(frozen=True)
class Condition:
    """One line of a Condition block: the operator, the key in lower case, the policy's values."""

    operator: Operator
    key: str
    values: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        """Whether a call meets it."""
        found = context.get(self.key)
        if self.operator.test == "Null":
            return any((value.lower() == "true") == (found is None) for value in self.values)
        if not found:
            return self._holds_without_value()
        try:
            wanted = [expand(value, context) for value in self.values]
        except MissingVariableError:
            return False
        test = TESTS[self.operator.test]
        hits = [
            any(test(one, value) for one in wanted) is not self.operator.negated for value in found
        ]
        # Without a quantifier a key has one value; several of them must all pass a negation.
        every = self.operator.quantifier == "ForAllValues" or (
            self.operator.negated and not self.operator.quantifier
        )
        return all(hits) if every else any(hits)

    def _holds_without_value(self) -> bool:
        if self.operator.quantifier:
            return self.operator.quantifier == "ForAllValues"
        return self.operator.if_exists or self.operator.negated


@functools.cache
def operator(name: str) -> Operator | None:
    """Return the operator of a name, None if there is no such operator."""
    prefix, colon, rest = name.partition(":")
    quantifier, base = (prefix, rest) if colon else ("", name)
    if quantifier not in ("", "ForAllValues", "ForAnyValue"):
        return None
    if_exists = base.endswith("IfExists")
    base = base.removesuffix("IfExists")
    if base == "Null":
        return None if if_exists or quantifier else Operator("Null")
    test = NEGATIONS.get(base, base)
    return Operator(test, base in NEGATIONS, if_exists, quantifier) if test in TESTS else None
