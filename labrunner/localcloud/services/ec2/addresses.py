"""Elastic addresses: loopback addresses of this host, to which machines move."""

from typing import Any

from labrunner.localcloud.errors import AwsError, not_implemented
from labrunner.localcloud.machines.network import Address, take_address
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import moto
from labrunner.localcloud.services.ec2.fleet import Fleet, Hosted, note_address
from labrunner.localcloud.services.ec2.instance import RUNNING
from labrunner.localcloud.wire import Response

FIRST_ERROR = 300


def _fleet(request: Request) -> Fleet:
    return request.cloud.state(Fleet).of(request.cloud)


def allocate_address(request: Request) -> dict[str, Any]:
    """AllocateAddress."""
    for name in ("Address", "PublicIpv4Pool", "CustomerOwnedIpv4Pool", "IpamPoolId"):
        if request.params.get(name):
            raise not_implemented(f"ec2.AllocateAddress with {name}")
    tags: dict[str, str] = {}
    for one in request.params.get("TagSpecifications") or ():
        if one.get("ResourceType") != "elastic-ip":
            kind = one.get("ResourceType")
            text = f"'{kind}' is not a valid taggable resource type for this operation."
            raise AwsError("InvalidParameterValue", text)
        tags |= {tag["Key"]: tag.get("Value", "") for tag in one.get("Tags") or ()}
    address = take_address()
    fleet = _fleet(request)
    with moto(request) as backend:
        made = backend.allocate_address("vpc", address=address.ip, tags=tags)
        fleet.addresses[made.allocation_id] = address
        return {
            "PublicIp": made.public_ip,
            "AllocationId": made.allocation_id,
            "Domain": "vpc",
            "PublicIpv4Pool": "amazon",
            "NetworkBorderGroup": request.region,
        }


def associate_address(request: Request) -> Response:
    """AssociateAddress: the machine is reached there from now on, and nowhere else."""
    with moto(request) as backend:
        elastic = _named(request, backend)
        before = elastic.instance
    response = request.moto()
    if response.status < FIRST_ERROR:
        fleet = _fleet(request)
        with moto(request) as backend:
            after = elastic.instance or (elastic.eni.instance if elastic.eni else None)
            elastic.instance = after
        if before is not None and before is not after:
            _move(fleet, before, None)
        if after is not None:
            _move(fleet, after, fleet.addresses[elastic.allocation_id])
        fleet.reconcile(request.region)
    return response


def disassociate_address(request: Request) -> Response:
    """DisassociateAddress: the machine gets an address of its own again, if it had one."""
    with moto(request) as backend:
        elastic = _named(request, backend)
        before = elastic.instance
    response = request.moto()
    if response.status < FIRST_ERROR and before is not None:
        fleet = _fleet(request)
        _move(fleet, before, None)
        fleet.reconcile(request.region)
    return response


def release_address(request: Request) -> Response:
    """ReleaseAddress: not while it is in use."""
    with moto(request) as backend:
        elastic = _named(request, backend)
        allocation = elastic.allocation_id
        if elastic.association_id:
            text = f"Address with allocation id {allocation} is in use and cannot be released."
            raise AwsError("InvalidIPAddress.InUse", text)
    response = request.moto()
    if response.status < FIRST_ERROR:
        _fleet(request).addresses.pop(allocation).release()
    return response


def _named(request: Request, backend: Any) -> Any:
    params = request.params
    if params.get("AllocationId"):
        return backend.address_by_allocation([params["AllocationId"]])[0]
    if params.get("AssociationId"):
        return backend.address_by_association([params["AssociationId"]])[0]
    if params.get("PublicIp"):
        return backend.address_by_ip([params["PublicIp"]])[0]
    raise AwsError("MissingParameter", "Either an allocation ID or a public IP is needed.")


def _move(fleet: Fleet, instance: Any, elastic: Address | None) -> None:
    hosted = fleet.hosted.get(instance.id)
    if hosted is not None:
        fleet.machines.wait(_in_turn(fleet, hosted, elastic))


async def _in_turn(fleet: Fleet, hosted: Hosted, elastic: Address | None) -> None:
    import asyncio

    async with hosted.lock:
        old, hosted.elastic = hosted.machine.address, elastic
        address = elastic
        if hosted.instance.state == RUNNING:
            if elastic is None and hosted.has_public_address:
                address = await asyncio.to_thread(take_address)
            await hosted.machine.set_address(address)
            if old is not None and old not in fleet.addresses.values():
                old.release()
        await asyncio.to_thread(_note, hosted, address)


def _note(hosted: Hosted, address: Address | None) -> None:
    from labrunner.localcloud.moto_bridge import lock

    with lock("ec2"):
        note_address(hosted.instance, address)
