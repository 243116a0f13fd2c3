"""Block Public Access: the four flags of a bucket and of the account."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

NAMES = {
    "BlockPublicAcls": "block_public_acls",
    "IgnorePublicAcls": "ignore_public_acls",
    "BlockPublicPolicy": "block_public_policy",
    "RestrictPublicBuckets": "restrict_public_buckets",
}


@dataclass(frozen=True)
class Flags:
    """The four flags; one that is not given is off."""

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False

    def __or__(self, other: "Flags") -> "Flags":
        """Return the most restrictive combination, which is what AWS enforces."""
        return replace(self, **{name: True for name, on in asdict(other).items() if on})

    def as_result(self) -> dict[str, bool]:
        """Return them by the API's names."""
        return {api: getattr(self, own) for api, own in NAMES.items()}


ALL_ON = Flags(
    block_public_acls=True,
    ignore_public_acls=True,
    block_public_policy=True,
    restrict_public_buckets=True,
)


@dataclass
class AccountBlock:
    """The account's flags, None while they are not set."""

    flags: Flags | None = None


def from_params(given: Mapping[str, Any]) -> Flags:
    """Return the flags of a `PublicAccessBlockConfiguration`."""
    return Flags(**{own: bool(given.get(api)) for api, own in NAMES.items()})
