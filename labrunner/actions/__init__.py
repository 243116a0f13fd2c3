"""How each kind of action is performed: one module a kind, listed here."""

from collections.abc import Callable, Mapping
from typing import Any

from labrunner.actions import aws, http
from labrunner.awsmodel import Models
from labrunner.outcome import Call, Outcome, Perform


def performer(client: Callable[[str], Any], models: Models) -> Perform:
    """Return the function that performs calls of every kind; `client` gives a service's client."""
    kinds: Mapping[str, Perform] = {"aws": aws.Aws(client, models), "http": http.perform}

    def perform(call: Call) -> Outcome:
        return kinds[call.kind](call)

    return perform
