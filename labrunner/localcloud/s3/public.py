"""What AWS calls a public bucket policy.

From "The meaning of public" in the S3 user guide: a policy is public unless every Allow statement
names fixed principals, or narrows everyone by a fixed value of one of a few condition keys.
"""

import ipaddress

from labrunner.localcloud.conditions import Condition
from labrunner.localcloud.policy import Policy, Statement

# Condition keys whose fixed values make a statement for everyone not public.
NARROWING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceowner",
        "aws:sourceorgid",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
POSITIVE = frozenset(
    {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"}
)
WIDEST_V4 = 8
WIDEST_V6 = 32


def is_public(policy: Policy | None) -> bool:
    """Whether a bucket policy counts as public."""
    return policy is not None and any(_is_public(one) for one in policy.statements)


def _is_public(statement: Statement) -> bool:
    if statement.effect != "Allow" or statement.principals is None:
        return False
    if not (statement.principals.has_everyone or statement.principals.negated):
        return False
    return not any(_narrows(condition) for condition in statement.conditions)


def _narrows(condition: Condition) -> bool:
    how = condition.operator
    if how.negated or how.if_exists or how.quantifier == "ForAllValues":
        return False
    if condition.key == "aws:sourceip" and how.test == "IpAddress":
        return all(map(_is_small, condition.values))
    if condition.key not in NARROWING or how.test not in POSITIVE:
        return False
    return all(_is_fixed(condition.key, value) for value in condition.values)


def _is_fixed(key: str, value: str) -> bool:
    if key == "aws:userid":  # every session of one role: AROAEXAMPLE:*
        value = value.removesuffix(":*")
    return not any(sign in value for sign in ("*", "?", "${"))


def _is_small(network: str) -> bool:
    try:
        found = ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
    widest = WIDEST_V4 if isinstance(found, ipaddress.IPv4Network) else WIDEST_V6
    return found.prefixlen >= widest
