"""RunInstances: instances of moto's, and a machine for each."""

import base64
import hashlib
import json
from typing import Any

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.machines import Machines, MachinesUnavailableError
from labrunner.localcloud.machines.spec import MachineSpec, User
from labrunner.localcloud.moto_bridge import lock
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import moto, respond, stop_if_dry
from labrunner.localcloud.services.ec2.devices import attach_root_volume
from labrunner.localcloud.services.ec2.fleet import Fleet, Hosted
from labrunner.localcloud.services.ec2.imds import Imds
from labrunner.localcloud.services.ec2.instance import PENDING, adopt, login_name, set_state
from labrunner.localcloud.services.ec2.launch import Launch, read_launch
from labrunner.localcloud.wire import Response


def run_instances(request: Request) -> Response:
    """RunInstances."""
    cloud = request.cloud
    fleet = cloud.state(Fleet).of(cloud)
    asked = _fingerprint(request)
    require_machines(cloud)
    with moto(request) as backend:
        found = _repeated(fleet, request, asked)
        if found is not None:
            return respond(request, found)
        launch = read_launch(request, backend, fleet.living())
        stop_if_dry(request)
        reservation = launch_instances(cloud, request.region, launch)
        if launch.client_token:
            fleet.tokens[request.region, launch.client_token] = (asked, reservation)
        return respond(request, reservation)


def require_machines(cloud: Cloud) -> None:
    """Go on only where this host can run machines; raises AwsError."""
    try:
        cloud.state(Machines).isolation()
    except MachinesUnavailableError as error:
        text = f"No instance can be run here. {error.why} {error.next}"
        raise AwsError("UnsupportedOperation", text) from None


def _fingerprint(request: Request) -> str:
    kept = {name: value for name, value in request.params.items() if name != "DryRun"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


def _repeated(fleet: Fleet, request: Request, asked: str) -> Any:
    token = request.params.get("ClientToken")
    known = fleet.tokens.get((request.region, str(token))) if token else None
    if known is None:
        return None
    before, reservation = known
    if before != asked:
        text = (
            "The request uses the same client token as a previous, but non-identical request. Do "
            "not reuse a client token with different requests, unless the requests are identical"
        )
        raise AwsError("IdempotentParameterMismatch", text)
    return reservation


def launch_instances(cloud: Cloud, region: str, launch: Launch) -> Any:
    """Create instances that boot from now on, and return moto's reservation of them.

    For any service that boots machines; the caller has called `require_machines`.
    """
    fleet = cloud.state(Fleet).of(cloud)
    with lock("ec2"):
        backend = fleet.backend(region)
        reservation = _create(backend, launch)
        for instance in reservation.instances:
            hosted = _host(cloud, fleet, instance, launch)
            fleet.hosted[instance.id] = hosted
            fleet.begin(fleet.boot, hosted)
    return reservation


def _create(backend: Any, launch: Launch) -> Any:
    place = launch.place
    interface = {
        "DeviceIndex": 0,
        "SubnetId": place.subnet.id,
        "Groups": [group.id for group in place.groups],
        "DeleteOnTermination": place.delete_interface,
        "Description": place.description,
        "AssociatePublicIpAddress": False,  # the fleet hands out real ones
        "PrivateIpAddress": place.private_ip,
    }
    reservation = backend.run_instances(
        launch.image.id,
        launch.count,
        base64.b64encode(launch.user_data).decode() if launch.user_data else None,
        [],
        instance_type=launch.instance_type,
        is_instance_type_default=False,
        region_name=backend.region_name,
        nics=[{k: v for k, v in interface.items() if v is not None}],
        key_name=launch.key_pair.key_name if launch.key_pair else None,
        tags={"instance": dict(launch.tags.get("instance", {}))},
        ebs_optimized=launch.ebs_optimized,
        disable_api_stop=launch.keep_from_stop,
        disable_api_termination=launch.keep_from_termination,
        instance_initiated_shutdown_behavior=launch.shutdown_behavior,
        metadata_options=dict(launch.metadata),
        client_token=launch.client_token,
        block_device_mappings=[],
        placement=None,
    )
    for instance in reservation.instances:
        adopt(instance)
        set_state(instance, PENDING)
        instance.security_groups = list(place.groups)
        for nic in instance.nics.values():
            nic.description = place.description
            nic.add_tags(dict(launch.tags.get("network-interface", {})))
        attach_root_volume(backend, instance, launch.root, launch.tags.get("volume", {}))
        if launch.profile is not None:
            arn = launch.profile.arn
            backend.associate_iam_instance_profile(instance.id, iam_instance_profile_arn=arn)
            instance.iam_instance_profile = {"Arn": arn, "Id": launch.profile.id}
    return reservation


def _host(cloud: Cloud, fleet: Fleet, instance: Any, launch: Launch) -> Hosted:
    imds = Imds(cloud)
    machines = cloud.state(Machines)
    hosted: Hosted
    machine = machines.make(
        launch.adapt(_spec(cloud, instance, launch)),
        cloud,
        metadata=imds.respond,
        on_power=lambda action: fleet.on_power(hosted, action),
    )
    hosted = Hosted(
        instance=instance,
        region=instance.region_name,
        machine=machine,
        user_data=launch.user_data,
        has_public_address=launch.place.has_public_address,
        credits=launch.credits,
    )
    imds.hosted = hosted
    return hosted


def _spec(cloud: Cloud, instance: Any, launch: Launch) -> MachineSpec:
    keys = (public_line(launch.key_pair),) if launch.key_pair else ()
    user = User(login_name(launch.image.name), authorized_keys=keys, comment="EC2 Default User")
    environment = {
        "AWS_DEFAULT_REGION": instance.region_name,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{cloud.port}",
    }
    return MachineSpec(
        id=instance.id,
        hostname=instance.private_dns_name,
        private_ip=instance.private_ip,
        users=(user,),
        environment=environment,
    )


def public_line(key_pair: Any) -> str:
    """Return the public half of a key pair as a line of `authorized_keys`, with its name."""
    kind, key = key_pair.public_key.split()[:2]
    return f"{kind} {key} {key_pair.key_name}"
