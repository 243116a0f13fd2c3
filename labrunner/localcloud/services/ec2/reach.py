"""Who may reach an instance: what its security groups and its subnet's routes say of TCP."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from labrunner.localcloud.machines.network import Rule

ANYWHERE = "0.0.0.0/0"
MOST_PORT = 65535
TCP = frozenset({"tcp", "6"})
ALL = "-1"


def rules_of(backend: Any, instance: Any) -> tuple[Rule, ...]:
    """Return what lets connections from outside in, now."""
    interface = instance.nics.get(0)
    if interface is None or not has_route(backend, interface.subnet):
        return ()
    return tuple(_rules(groups_of(interface)))


def groups_of(interface: Any) -> list[Any]:
    """Return the groups of a network interface, each once."""
    return list({group.id: group for group in interface.group_set}.values())


def _rules(groups: list[Any]) -> Iterator[Rule]:
    for group in groups:
        for rule in group.ingress_rules:
            source = rule.ip_range.get("CidrIp") if rule.ip_range else None
            if source is None:  # another group or a prefix list: nobody outside is in one
                continue
            network = ipaddress.IPv4Network(source, strict=False)
            if rule.ip_protocol == ALL:
                yield Rule(0, MOST_PORT, network)
            elif rule.ip_protocol in TCP:
                yield Rule(int(rule.from_port), int(rule.to_port), network)


def has_route(backend: Any, subnet: Any) -> bool:
    """Whether a subnet leads to an internet gateway; the default one does, on AWS as here."""
    vpc = backend.vpcs.get(subnet.vpc_id)
    if vpc is None or vpc.is_default:
        return True
    tables = [one for one in tuple(backend.route_tables.values()) if one.vpc_id == vpc.id]
    own = [one for one in tables if subnet.id in one._associations.values()]  # noqa: SLF001
    main = [one for one in tables if one.main_association_id is not None]
    for table in own or main:
        for route in table.routes:
            gateway = route.gateway
            if (
                route.destination_cidr_block == ANYWHERE
                and getattr(gateway, "id", "").startswith("igw-")
                and getattr(gateway, "vpc", None) is not None
                and gateway.vpc.id == vpc.id
            ):
                return True
    return False
