"""Policies and conditions as data, without a server."""

import json
from typing import Any

import pytest

from labrunner.localcloud.conditions import matches, operator
from labrunner.localcloud.policy import Access, PolicyError, judge, judge_resource, parse
from labrunner.localcloud.principals import ANONYMOUS, Principal

ACCOUNT = "123456789012"
BOB = Principal("user", f"arn:aws:iam::{ACCOUNT}:user/bob", "AIDABOB", "bob")


def holds(condition: dict[str, Any], **context: Any) -> bool:
    """Whether a call with these condition keys (`a__b` means `a:b`) meets a condition."""
    text = json.dumps(
        {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}}
    )
    values = {
        name.replace("__", ":"): tuple(found) if isinstance(found, list) else (found,)
        for name, found in context.items()
    }
    access = Access(BOB, "s3:GetObject", "arn:aws:s3:::b/k", values)
    return judge([parse(text, "identity")], access).allowed


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"A:b": "x"}}, {"a__b": "x"}, True),
        ({"StringEquals": {"a:b": ["y", "x"]}}, {"a__b": "x"}, True),
        ({"StringEquals": {"a:b": "X"}}, {"a__b": "x"}, False),
        ({"StringEquals": {"a:b": "*"}}, {"a__b": "x"}, False),
        ({"StringEqualsIgnoreCase": {"a:b": "X"}}, {"a__b": "x"}, True),
        ({"StringNotEquals": {"a:b": ["x", "y"]}}, {"a__b": "y"}, False),
        ({"StringNotEquals": {"a:b": ["x", "y"]}}, {"a__b": "z"}, True),
        ({"StringNotEqualsIgnoreCase": {"a:b": "X"}}, {"a__b": "x"}, False),
        ({"StringLike": {"a:b": "x?z*"}}, {"a__b": "xyz"}, True),
        ({"StringLike": {"a:b": "x.z"}}, {"a__b": "xyz"}, False),
        ({"StringNotLike": {"a:b": "x*"}}, {"a__b": "xyz"}, False),
        ({"StringEquals": {"a:b": "x"}, "StringLike": {"a:c": "y*"}}, {"a__b": "x"}, False),
        ({"StringEquals": {"a:b": "x", "a:c": "y"}}, {"a__b": "x", "a__c": "y"}, True),
        ({"NumericLessThan": {"a:b": "10"}}, {"a__b": "9"}, True),
        ({"NumericLessThanEquals": {"a:b": "10"}}, {"a__b": "10"}, True),
        ({"NumericGreaterThanEquals": {"a:b": 10}}, {"a__b": "9.5"}, False),
        ({"NumericNotEquals": {"a:b": 10}}, {"a__b": "10"}, False),
        ({"NumericEquals": {"a:b": 10}}, {"a__b": "ten"}, False),
        ({"DateLessThan": {"a:b": "2030-01-01T00:00:00Z"}}, {"a__b": "2029-12-31"}, True),
        ({"DateGreaterThan": {"a:b": "1000"}}, {"a__b": "1970-01-01T00:20:00Z"}, True),
        ({"DateEquals": {"a:b": "yesterday"}}, {"a__b": "2020-01-01"}, False),
        ({"Bool": {"a:b": "TRUE"}}, {"a__b": "true"}, True),
        ({"IpAddress": {"a:b": "2001:db8::/32"}}, {"a__b": "2001:db8::1"}, True),
        ({"IpAddress": {"a:b": "not-a-network"}}, {"a__b": "127.0.0.1"}, False),
        ({"NotIpAddress": {"a:b": "10.0.0.0/8"}}, {"a__b": "10.1.2.3"}, False),
        ({"ArnLike": {"a:b": "arn:aws:*:*:*:x/*"}}, {"a__b": "arn:aws:s3:::x/y"}, True),
        ({"ArnEquals": {"a:b": "arn:aws:iam::1:*"}}, {"a__b": "arn:aws:iam::1:role/r"}, True),
        ({"ArnNotLike": {"a:b": "arn:aws:iam::1:*"}}, {"a__b": "arn:aws:iam::1:role/r"}, False),
        ({"ArnLike": {"a:b": "*"}}, {"a__b": "no-arn"}, False),
        ({"BinaryEquals": {"a:b": "eA=="}}, {"a__b": "eA=="}, True),
        ({"StringEquals": {"a:b": "x"}}, {}, False),
        ({"StringEqualsIfExists": {"a:b": "x"}}, {}, True),
        ({"StringEqualsIfExists": {"a:b": "x"}}, {"a__b": "y"}, False),
        ({"StringNotEquals": {"a:b": "x"}}, {}, True),
        ({"Null": {"a:b": "true"}}, {}, True),
        ({"Null": {"a:b": False}}, {"a__b": "x"}, True),
        ({"ForAnyValue:StringEquals": {"a:b": ["x"]}}, {"a__b": ["x", "y"]}, True),
        ({"ForAnyValue:StringEquals": {"a:b": ["z"]}}, {"a__b": ["x", "y"]}, False),
        ({"ForAnyValue:StringEquals": {"a:b": ["z"]}}, {}, False),
        ({"ForAllValues:StringEquals": {"a:b": ["x"]}}, {"a__b": ["x", "y"]}, False),
        ({"ForAllValues:StringLike": {"a:b": ["x", "y*"]}}, {"a__b": ["x", "yy"]}, True),
        ({"ForAllValues:StringEquals": {"a:b": ["x"]}}, {}, True),
        ({"ForAnyValue:StringNotEquals": {"a:b": ["x"]}}, {"a__b": ["x", "y"]}, True),
        ({"ForAllValues:StringNotEquals": {"a:b": ["x"]}}, {"a__b": ["x", "y"]}, False),
        ({"StringEquals": {"a:b": "${a:c}"}}, {"a__b": "x", "a__c": "x"}, True),
        ({"StringEquals": {"a:b": "${a:c}"}}, {"a__b": "x"}, False),
        ({"StringEquals": {"a:b": "${a:c, 'x'}"}}, {"a__b": "x"}, True),
        ({"StringLike": {"a:b": "${a:c}"}}, {"a__b": "anything", "a__c": "*"}, False),
        ({"StringLike": {"a:b": "x${*}"}}, {"a__b": "x*"}, True),
        ({"StringLike": {"a:b": "x${*}"}}, {"a__b": "xy"}, False),
    ],
)
def test_operators(condition: dict[str, Any], context: dict[str, Any], *, expected: bool) -> None:
    assert holds(condition, **context) is expected


@pytest.mark.parametrize(
    "name",
    ["StringMatches", "stringequals", "ForSomeValues:StringEquals", "NullIfExists", "", "If:Null"],
)
def test_operators_that_are_not(name: str) -> None:
    assert operator(name) is None


def test_actions_have_no_case_and_resources_have() -> None:
    assert matches("S3:get*", "s3:GetObject", ignore_case=True)
    assert not matches("arn:aws:s3:::B/*", "arn:aws:s3:::b/k")
    assert matches("arn:aws:s3:::b/*", "arn:aws:s3:::b/line\nbreak")


def of_resource(principal: Any, effect: str = "Allow", **more: Any) -> str:
    found = {"Effect": effect, "Action": "s3:*", "Resource": "*", "Principal": principal, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [found]})


@pytest.mark.parametrize(
    ("principal", "who", "allowed", "account"),
    [
        ("*", ANONYMOUS, True, False),
        ({"AWS": "*"}, ANONYMOUS, True, False),
        ({"AWS": ["*"]}, BOB, True, False),
        ({"AWS": ACCOUNT}, ANONYMOUS, False, False),
        ({"AWS": ACCOUNT}, BOB, False, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, BOB, False, True),
        ({"AWS": BOB.arn}, BOB, True, False),
        ({"AWS": f"{BOB.arn}by"}, BOB, False, False),
        ({"Service": "*"}, BOB, False, False),
        ({"Service": "x.amazonaws.com"}, ANONYMOUS, False, False),
    ],
)
def test_principals(principal: Any, who: Principal, *, allowed: bool, account: bool) -> None:
    access = Access(who, "s3:GetObject", "arn:aws:s3:::b/k", {})
    found = judge_resource(parse(of_resource(principal), "resource"), access, ACCOUNT)
    assert (found.allowed, found.account) == (allowed, account)


def test_a_denial_of_the_account_is_one_of_its_users() -> None:
    access = Access(BOB, "s3:GetObject", "arn:aws:s3:::b/k", {})
    text = of_resource({"AWS": ACCOUNT}, effect="Deny")
    assert judge_resource(parse(text, "resource"), access, ACCOUNT).denied
    assert not judge_resource(None, access, ACCOUNT).denied


def test_documents_are_parsed_once() -> None:
    assert parse(of_resource("*"), "resource") is parse(of_resource("*"), "resource")


def test_kinds_of_documents() -> None:
    with pytest.raises(PolicyError, match="should not specify a principal"):
        parse(of_resource("*"), "identity")
    trust = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*"}})
    assert parse(trust, "trust").statements[0].resources == ()
    with pytest.raises(PolicyError, match="Missing required field Resource"):
        parse(trust, "resource")
