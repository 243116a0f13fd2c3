"""What a service of the local cloud is made of; each module of `services` defines one."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.request import Request
from labrunner.localcloud.wire import Response

# Returns the result by boto3's names, or a whole response; raises AwsError to refuse.
Handler = Callable[[Request], Mapping[str, Any] | Response | None]


@dataclass(frozen=True)
class Everything:
    """Every operation that moto implements, but for those named."""

    but: AbstractSet[str] = frozenset()

    def __contains__(self, operation: str) -> bool:
        return operation not in self.but


@dataclass(frozen=True)
class Service:
    """An AWS service that the local cloud has.

    An operation is answered by its handler, or else by moto if `moto` has it, or else with 501:
    `moto` must not have operations of which moto only pretends the effect.
    """

    name: str
    authorize: Callable[[Request], None]
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    moto: AbstractSet[str] | Everything = frozenset()
    is_empty: Callable[[Cloud], bool] = lambda _: True
    # Operations that need no signature.
    anonymous: AbstractSet[str] | Everything = frozenset()
