"""Plans and policies of a lab, before anything is called."""

from pathlib import Path

from labrunner.awsmodel import Models
from labrunner.catalog import load
from labrunner.events import TargetFacts
from labrunner.identity import RunName
from labrunner.loader import load_lab
from labrunner.plan import Plan, make, policy

MODELS = Models()
DEMO = Path(__file__).parent.parent / "engine/labs/demo/lab.yaml"
AWS = TargetFacts(name="aws", region="eu-central-1", account="111122223333")


def plan() -> Plan:
    return make(
        load_lab(DEMO, models=MODELS, catalog=load()),
        {},
        run=RunName("0123abcd", "demo"),
        target=AWS,
        models=MODELS,
        catalog=load(),
    )


def test_what_will_exist_and_what_it_costs() -> None:
    made = plan()
    assert [step.arguments["Bucket"] for step, _ in made.created] == [
        "demo-0123abcd-first",
        "demo-0123abcd-second",
    ]
    usd = made.usd_per_day()
    assert usd
    assert round(usd, 6) == round(2 * 24 * 0.00032, 6)


def test_conditions_are_decided_where_they_can_be() -> None:
    assert {step.path: step.runs for step in plan().steps}["skipped"] is True


def test_a_policy_names_the_labs_own_resources_of_any_run() -> None:
    statements = policy(plan())["Statement"]
    resources = {resource for statement in statements for resource in statement["Resource"]}
    assert resources == {
        "*",
        "arn:aws:s3:::demo-????????-first",
        "arn:aws:s3:::demo-????????-first/*",
        "arn:aws:s3:::demo-????????-second",
        "arn:aws:s3:::demo-????????-second/*",
    }
    everywhere = [s["Action"] for s in statements if "*" in s["Resource"]]
    assert everywhere == [["sts:GetCallerIdentity"]]
