"""An instance as moto keeps it, made to say only what is so here."""

import functools
from typing import Any

PENDING, RUNNING, SHUTTING_DOWN, TERMINATED, STOPPING, STOPPED = (
    "pending",
    "running",
    "shutting-down",
    "terminated",
    "stopping",
    "stopped",
)
CODES = {PENDING: 0, RUNNING: 16, SHUTTING_DOWN: 32, TERMINATED: 48, STOPPING: 64, STOPPED: 80}
BY_USER = ("Client.UserInitiatedShutdown", "User initiated shutdown")
BY_ITSELF = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
BY_HOST = ("Server.InternalError", "Internal error on launch")
SSH_PORT_TAG = "labrunner:ssh-port"
# Says that a machine runs as whoever started the cloud, on the host itself.
ISOLATION_TAG = "labrunner:isolation"


@functools.cache
def _local_class() -> type[Any]:
    from moto.ec2.models import instances

    class Instance(instances.Instance):  # moto's writer goes by the name
        @property
        def public_dns_name(self) -> str:
            return ""  # no name server knows it

        @property
        def private_ip(self) -> str | None:
            interface = self.nics.get(0)  # a terminated one has none
            return interface.private_ip_address if interface else None

        @property
        def private_ip_address(self) -> str | None:
            return self.private_ip

        @property
        def private_dns_name(self) -> str:
            return super().private_dns_name if self.private_ip else ""

        @property
        def public_ip(self) -> str | None:
            interface = self.nics.get(0)
            return interface.public_ip if interface else None

        @property
        def public_ip_address(self) -> str | None:
            return self.public_ip

        @property
        def subnet_id(self) -> str | None:
            return super().subnet_id if self.private_ip else None

        @property
        def vpc_id(self) -> str | None:
            return super().vpc_id if self.private_ip else None

        # moto would free its addresses when it is collected, in whichever thread that is.
        def __del__(self) -> None:
            pass

    return Instance


@functools.cache
def _local_interface_class() -> type[Any]:
    from moto.ec2.models import elastic_network_interfaces as interfaces

    class NetworkInterface(interfaces.NetworkInterface):  # moto's writer goes by the name
        @property
        def association(self) -> dict[str, Any]:
            found: dict[str, Any] = super().association
            found.pop("publicDnsName", None)
            return found

    return NetworkInterface


def adopt(instance: Any) -> None:
    """Make a new instance of moto's, and its interface, ours."""
    instance.__class__ = _local_class()
    for interface in instance.nics.values():
        interface.__class__ = _local_interface_class()


def state_of(instance: Any) -> dict[str, Any]:
    """Return the state as calls show it."""
    return {"Code": instance.state_code, "Name": instance.state}


def set_state(
    instance: Any, name: str, reason: tuple[str, str] | None = None, when: str = ""
) -> None:
    """Change the state; a reason is AWS's code and words for it."""
    from moto.ec2.models.instances import InstanceState, StateReason

    instance._state = InstanceState(name, CODES[name])  # noqa: SLF001 - moto has no setter
    if reason is None:
        instance._reason = ""  # noqa: SLF001
        instance.state_reason = None
        return
    code, words = reason
    instance.state_reason = StateReason(f"{code}: {words}", code)
    instance._reason = f"{words.replace(' shutdown', '')} ({when})" if when else words  # noqa: SLF001


def is_gone(instance: Any) -> bool:
    """Whether it holds nothing any more."""
    return bool(instance.state == TERMINATED)


def login_name(image_name: str) -> str:
    """Return the user that an image is made for."""
    name = image_name.lower()
    if name.startswith("ubuntu/"):
        return "ubuntu"
    return "admin" if name.startswith("debian-") else "ec2-user"


def root_device(image: Any) -> str:
    """Return the name of the root device of an image."""
    return str(image.root_device_name or "/dev/xvda")
