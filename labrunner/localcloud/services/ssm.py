"""AWS Systems Manager: the parameter store, which is real in moto; nothing that runs commands."""

from collections.abc import Iterator

from labrunner.localcloud.authorize import authorize
from labrunner.localcloud.cloud import PARTITION, Cloud
from labrunner.localcloud.moto_bridge import backends
from labrunner.localcloud.names import names
from labrunner.localcloud.request import Request
from labrunner.localcloud.service import Service

MOTO = names(
    """
    AddTagsToResource DeleteParameter DeleteParameters DescribeParameters GetParameter
    GetParameterHistory GetParameters GetParametersByPath LabelParameterVersion
    ListTagsForResource PutParameter RemoveTagsFromResource
    """
)


def _authorize(request: Request) -> None:
    if not request.principal.is_root:
        authorize(request, tuple(_resources(request)))


def _resources(request: Request) -> Iterator[str]:
    params = request.params
    names = params.get("Names") or [params.get("Name") or params.get("Path")]
    for name in names:
        prefix = f"arn:{PARTITION}:ssm:{request.region}:{request.cloud.account}:parameter"
        yield f"{prefix}/{str(name).removeprefix('/')}" if name else "*"


def _is_empty(cloud: Cloud) -> bool:
    regions = tuple(backends("ssm")[cloud.account].values())
    return not any(
        name
        for region in regions
        for name in region._parameters  # noqa: SLF001 - moto has no list of just these
        if not name.startswith("/aws/")  # AWS's own public parameters
    )


SERVICE = Service(name="ssm", authorize=_authorize, moto=MOTO, is_empty=_is_empty)
