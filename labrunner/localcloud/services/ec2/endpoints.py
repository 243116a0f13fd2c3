"""VPC endpoints: moto's, which knows neither client tokens nor what it is when no type is given."""

import contextlib
from typing import Any

from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import moto, respond
from labrunner.localcloud.wire import Response

GATEWAY = "Gateway"


def create_vpc_endpoint(request: Request) -> Response:
    """CreateVpcEndpoint; the same client token gives the same endpoint."""
    token = request.params.get("ClientToken")
    with moto(request) as backend:
        before = dict(backend.vpc_end_points)
        same = [one for one in before.values() if token and one.client_token == token]
        if not same:
            response = request.moto()
            same = [one for key, one in backend.vpc_end_points.items() if key not in before]
            if not same:
                return response
        same[0].client_token = token
        same[0].vpc_endpoint_type = same[0].vpc_endpoint_type or GATEWAY
        return respond(request, {"VpcEndpoint": same[0], "ClientToken": token})


def delete_vpc_endpoints(request: Request) -> dict[str, Any]:
    """DeleteVpcEndpoints; what is not there is listed."""
    from moto.core.exceptions import ServiceException

    unknown = []
    with moto(request) as backend:
        for name in request.params.get("VpcEndpointIds", []):
            endpoint = backend.vpc_end_points.pop(name, None)
            if endpoint is None:
                unknown.append(name)
                continue
            for table in endpoint.route_table_ids or []:
                # Its route goes with it, unless it has gone before.
                with contextlib.suppress(ServiceException):
                    backend.delete_route(table, endpoint.destination_prefix_list_id)
            for interface in endpoint.network_interface_ids:
                backend.enis.pop(interface, None)
    return {"Unsuccessful": [_not_found(name) for name in unknown]}


def _not_found(name: str) -> dict[str, Any]:
    text = f"The Vpc Endpoint Id '{name}' does not exist"
    return {
        "ResourceId": name,
        "Error": {"Code": "InvalidVpcEndpointId.NotFound", "Message": text},
    }
