"""How each kind of action is performed: one module a kind, listed here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labrunner.actions import aws, dataset, http, key, sql, ssh, tcp
from labrunner.awsmodel import Models
from labrunner.outcome import Call, Outcome, Perform


def performer(client: Callable[[str], Any], models: Models, keys: Path) -> Perform:
    """Return the function that performs calls of every kind.

    `client` gives a service's client; `keys` is the folder of the private keys that runs make.
    """
    kinds: Mapping[str, Perform] = {
        "aws": aws.Aws(client, models),
        "http": http.perform,
        "ssh": ssh.perform,
        "tcp": tcp.perform,
        "key": key.Keys(keys).perform,
        "sql": sql.Sql(client).perform,
        "dataset": dataset.Datasets(client).perform,
    }

    def perform(call: Call) -> Outcome:
        return kinds[call.kind](call)

    return perform
