"""Amazon S3 Control: the account's own Block Public Access."""

from typing import Any

from labrunner.localcloud.authorize import request_context, require
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.request import Request
from labrunner.localcloud.s3.blocks import AccountBlock, from_params
from labrunner.localcloud.service import Service

ACTIONS = {
    "DeletePublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "PutPublicAccessBlock": "s3:PutAccountPublicAccessBlock",
}


def _authorize(request: Request) -> None:
    if request.operation in ACTIONS:
        require(request, ACTIONS[request.operation], "*", request_context(request))


def _block(request: Request) -> AccountBlock:
    account = request.headers.get("x-amz-account-id")
    if account != request.cloud.account:
        raise AwsError("AccessDenied", "Access Denied", 403)
    return request.cloud.state(AccountBlock)


def _get(request: Request) -> dict[str, Any]:
    flags = _block(request).flags
    if flags is None:
        text = "The public access block configuration was not found"
        fields = {"AccountId": request.cloud.account}
        raise AwsError("NoSuchPublicAccessBlockConfiguration", text, 404, fields=fields)
    return {"PublicAccessBlockConfiguration": flags.as_result()}


def _put(request: Request) -> None:
    given = request.params.get("PublicAccessBlockConfiguration")
    if given is None:
        text = "The XML you provided was not well-formed or did not validate against our schema"
        raise AwsError("MalformedXML", text)
    _block(request).flags = from_params(given)


def _delete(request: Request) -> None:
    _block(request).flags = None


SERVICE = Service(
    name="s3control",
    authorize=_authorize,
    handlers={
        "DeletePublicAccessBlock": _delete,
        "GetPublicAccessBlock": _get,
        "PutPublicAccessBlock": _put,
    },
)
