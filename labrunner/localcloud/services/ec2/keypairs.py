"""Key pairs: what moto leaves out of them."""

from typing import Any

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import invalid, moto
from labrunner.localcloud.wire import Response

MOST_NAME = 255


def create_key_pair(request: Request) -> Response:
    """CreateKeyPair."""
    _check_name(request)
    kind = request.params.get("KeyType") or "rsa"
    if kind not in ("rsa", "ed25519"):
        raise invalid("keyType", kind)
    if (request.params.get("KeyFormat") or "pem") != "pem":
        raise not_implemented("ec2.CreateKeyPair in PuTTY's format; take KeyFormat=pem")
    return request.moto()


def import_key_pair(request: Request) -> Response:
    """ImportKeyPair."""
    from moto.ec2.utils import public_key_parse

    _check_name(request)
    try:
        public_key_parse(request.need("PublicKeyMaterial"))
    except Exception:  # noqa: BLE001 - moto's parser raises whatever its parts do
        text = "Key is not in valid OpenSSH public key format"
        raise AwsError("InvalidKey.Format", text) from None
    return request.moto()


def _check_name(request: Request) -> None:
    name = request.params.get("KeyName")
    if not name:
        raise AwsError("MissingParameter", "The request must contain the parameter KeyName")
    if len(name) > MOST_NAME or not name.isascii():
        raise invalid("keyName", name)


def delete_key_pair(request: Request) -> dict[str, Any]:
    """DeleteKeyPair by name or id; one that is not there is no error."""
    name, key_id = request.params.get("KeyName"), request.params.get("KeyPairId")
    if not name and not key_id:
        raise AwsError("MissingParameter", "The request must contain the parameter KeyName")
    with moto(request) as backend:
        found = next(
            (one for one in backend.key_pairs.values() if name == one.key_name or key_id == one.id),
            None,
        )
        if found is None:
            return {"Return": True}
        backend.delete_key_pair(found.key_name)
        return {"Return": True, "KeyPairId": found.id}


def describe_key_pairs(request: Request) -> Response:
    """DescribeKeyPairs, which may be asked for by id as well."""
    wanted = [str(one) for one in request.params.get("KeyPairIds") or ()]
    with moto(request) as backend:
        known = {one.id for one in backend.key_pairs.values()}
        for one in wanted:
            if one not in known:
                text = f"The key pair ID '{one}' does not exist"
                raise AwsError("InvalidKeyPair.NotFound", text)
    if not wanted:
        return request.moto()
    return _describe(request, set(wanted))


def _describe(request: Request, wanted: set[str]) -> Response:
    from labrunner.localcloud.services.ec2.backend import respond

    with moto(request) as backend:
        pairs = [one for one in backend.key_pairs.values() if one.id in wanted]
        found = [
            {
                "KeyPairId": one.id,
                "KeyName": one.key_name,
                "KeyType": one.key_type,
                "KeyFingerprint": one.key_fingerprint,
                "CreateTime": one.create_time,
                "Tags": one.get_tags(),
                **({"PublicKey": one.public_key} if request.params.get("IncludePublicKey") else {}),
            }
            for one in pairs
        ]
        return respond(request, {"KeyPairs": found})
