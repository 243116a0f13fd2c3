"""Where calls go: the local cloud, real AWS, or any endpoint that speaks its protocols."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labrunner.errors import Exit, Failure
from labrunner.events import TargetFacts
from labrunner.targets.sessions import Access, Clients

if TYPE_CHECKING:
    from botocore.loaders import Loader

__all__ = ["Access", "Clients", "Target", "aws", "endpoint", "local"]

# A local cloud changes state in moments: its waits look this much more often.
_LOCAL_PACE = 0.02


@dataclass(frozen=True)
class Target:
    """A place for calls: its facts, its clients, how patiently to wait, how durably to record."""

    facts: TargetFacts
    clients: Clients
    pace: float = 1.0

    @property
    def is_local(self) -> bool:
        """True for the embedded local cloud."""
        return self.facts.name == "local"


def local(facts: TargetFacts, access: Access, loader: "Loader | None" = None) -> Target:
    """Return the target of a running local cloud."""
    return Target(facts, Clients(access, loader), _LOCAL_PACE)


def aws(profile: str | None, region: str | None, loader: "Loader | None" = None) -> Target:
    """Return real AWS as the user's configuration reaches it; raises Failure when it does not."""
    return _remote("aws", Access(region=region, profile=profile), loader)


def endpoint(
    url: str, profile: str | None, region: str | None, loader: "Loader | None" = None
) -> Target:
    """Return another cloud that speaks AWS's protocols; raises Failure when it does not answer."""
    if not url.startswith(("http://", "https://")):
        raise Failure(
            f"{url} is not a target",
            why="a target is local, aws, or an address that starts with http:// or https://",
            exit_code=Exit.INVALID,
        )
    return _remote("endpoint", Access(region=region, endpoint=url, profile=profile), loader)


def _remote(name: str, access: Access, loader: "Loader | None") -> Target:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    clients = Clients(access, loader)
    try:
        region = access.region or clients.session.get_config_variable("region")
        if not region:
            raise Failure(
                "no AWS region is set",
                next_command="aws configure set region us-east-1, or --region us-east-1",
                exit_code=Exit.INVALID,
            )
        clients = Clients(
            Access(region=region, endpoint=access.endpoint, profile=access.profile), loader
        )
        account = clients.get("sts").get_caller_identity()["Account"]
    except ClientError as error:
        details = error.response.get("Error", {})
        raise Failure(
            "AWS refused your credentials",
            why=details.get("Message", ""),
            code=details.get("Code", ""),
            request_id=error.response.get("ResponseMetadata", {}).get("RequestId", ""),
            next_command=_LOGIN,
        ) from None
    except ResponseParserError:
        raise Failure(
            f"{access.endpoint or 'AWS'} cannot be used",
            why="what it answers is not AWS's protocol",
            next_command=f"curl -i {access.endpoint}" if access.endpoint else _LOGIN,
        ) from None
    except BotoCoreError as error:
        raise Failure(
            f"{access.endpoint or 'AWS'} cannot be used", why=str(error), next_command=_next(error)
        ) from None
    facts = TargetFacts(
        name="aws" if name == "aws" else "endpoint",
        endpoint=access.endpoint,
        region=region,
        account=account,
        profile=access.profile,
    )
    return Target(facts, clients)


def _next(error: Exception) -> str:
    from botocore.exceptions import ConnectionError as Unreachable
    from botocore.exceptions import HTTPClientError

    reach = "look whether it is running, and whether you are online; then the same again"
    return reach if isinstance(error, Unreachable | HTTPClientError) else _LOGIN


_LOGIN = "aws configure, or aws sso login; then: aws sts get-caller-identity"
