"""StartInstances, StopInstances, RebootInstances, TerminateInstances, GetConsoleOutput."""

from typing import Any

from labrunner.localcloud.errors import AwsError
from labrunner.localcloud.request import Request
from labrunner.localcloud.services.ec2.backend import find_instances, moto, stop_if_dry
from labrunner.localcloud.services.ec2.fleet import UTC_STAMP, Fleet, Hosted
from labrunner.localcloud.services.ec2.instance import (
    BY_USER,
    PENDING,
    RUNNING,
    SHUTTING_DOWN,
    STOPPED,
    STOPPING,
    TERMINATED,
    set_state,
    state_of,
)
from labrunner.localcloud.services.ec2.run import require_machines


def _named(request: Request, backend: Any) -> list[Any]:
    ids = [str(one) for one in request.params.get("InstanceIds") or ()]
    if not ids:
        raise AwsError("MissingParameter", "The request must contain the parameter InstanceId")
    return find_instances(backend, ids)


def _fleet(request: Request) -> Fleet:
    return request.cloud.state(Fleet).of(request.cloud)


def _refuse(instance: Any, what: str) -> AwsError:
    text = f"The instance '{instance.id}' is not in a state from which it can be {what}."
    return AwsError("IncorrectInstanceState", text)


def _changed(instance: Any, before: dict[str, Any]) -> dict[str, Any]:
    return {
        "InstanceId": instance.id,
        "PreviousState": before,
        "CurrentState": state_of(instance),
    }


def start_instances(request: Request) -> dict[str, Any]:
    """StartInstances: those that run already stay as they are."""
    fleet = _fleet(request)
    require_machines(request.cloud)
    changes = []
    with moto(request) as backend:
        found = _named(request, backend)
        for one in found:
            if one.state not in (STOPPED, PENDING, RUNNING):
                raise _refuse(one, "started")
        stop_if_dry(request)
        for one in found:
            before = state_of(one)
            if one.state == STOPPED:
                set_state(one, PENDING)
                one.launch_time = request.cloud.now().replace(tzinfo=None)
                fleet.begin(fleet.boot, fleet.hosted[one.id])
            changes.append(_changed(one, before))
    return {"StartingInstances": changes}


def stop_instances(request: Request) -> dict[str, Any]:
    """StopInstances: their files stay, their addresses go."""
    if request.params.get("Hibernate"):
        text = "The instance is not configured for hibernation."
        raise AwsError("UnsupportedHibernationConfiguration", text)
    fleet = _fleet(request)
    changes, going = [], []
    with moto(request) as backend:
        found = _named(request, backend)
        for one in found:
            if one.state not in (RUNNING, STOPPING, STOPPED):
                raise _refuse(one, "stopped")
            if one.disable_api_stop:
                raise _kept(one, "Stop", "disableApiStop")
        stop_if_dry(request)
        for one in found:
            before = state_of(one)
            if one.state == RUNNING:
                set_state(one, STOPPING, BY_USER, _now(request))
                going.append(fleet.hosted[one.id])
            changes.append(_changed(one, before))
    _send_down(fleet, going, fleet.stop)
    return {"StoppingInstances": changes}


def terminate_instances(request: Request) -> dict[str, Any]:
    """TerminateInstances."""
    fleet = _fleet(request)
    changes, going = [], []
    with moto(request) as backend:
        found = _named(request, backend)
        for one in found:
            if one.disable_api_termination and one.state != TERMINATED:
                raise _kept(one, "Terminat", "disableApiTermination")
        stop_if_dry(request)
        for one in found:
            before = state_of(one)
            if one.state not in (SHUTTING_DOWN, TERMINATED):
                set_state(one, SHUTTING_DOWN, BY_USER, _now(request))
                going.append(fleet.hosted[one.id])
            changes.append(_changed(one, before))
    _send_down(fleet, going, fleet.terminate)
    return {"TerminatingInstances": changes}


def reboot_instances(request: Request) -> None:
    """RebootInstances."""
    fleet = _fleet(request)
    with moto(request) as backend:
        found = _named(request, backend)
        for one in found:
            if one.state != RUNNING:
                raise _refuse(one, "rebooted")
        stop_if_dry(request)
    for one in found:
        fleet.begin(fleet.reboot, fleet.hosted[one.id])


def _send_down(fleet: Fleet, going: list[Hosted], change: Any) -> None:
    fleet.close_doors(going)
    for hosted in going:
        hosted.is_expected_down = True
        fleet.begin(change, hosted)


def _kept(instance: Any, what: str, attribute: str) -> AwsError:
    text = (
        f"The instance '{instance.id}' may not be {what.lower()}"
        f"{'ped' if what == 'Stop' else 'ed'}. Modify its '{attribute}' instance attribute and try "
        "again."
    )
    return AwsError("OperationNotPermitted", text)


def _now(request: Request) -> str:
    return f"{request.cloud.now():{UTC_STAMP}}"


def get_console_output(request: Request) -> dict[str, Any]:
    """GetConsoleOutput."""
    import base64

    from moto.ec2.models.instance_types import INSTANCE_TYPES

    instance_id = str(request.need("InstanceId"))
    fleet = _fleet(request)
    with moto(request) as backend:
        (instance,) = find_instances(backend, [instance_id])
        hypervisor = INSTANCE_TYPES[instance.instance_type].get("Hypervisor")
    if request.params.get("Latest") and hypervisor != "nitro":
        text = (
            "This instance type does not support retrieving the latest console logs. Only instance "
            f"types on the Nitro System do, and {instance.instance_type} is not one."
        )
        raise AwsError("UnsupportedOperation", text)
    stop_if_dry(request)
    console = fleet.hosted[instance_id].machine.console
    result: dict[str, Any] = {"InstanceId": instance_id, "Timestamp": console.written}
    if console.text:
        result["Output"] = base64.b64encode(console.text.encode()).decode()
    return result
