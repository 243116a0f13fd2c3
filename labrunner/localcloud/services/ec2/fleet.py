"""The machines of a cloud's instances: an instance is in the state in which its machine is.

The states change in the machines' event loop, one change of an instance after the other. moto's
lock is never waited for there, but in a thread.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from labrunner.localcloud.cloud import Cloud
from labrunner.localcloud.machines import Machines
from labrunner.localcloud.machines.box import BootError
from labrunner.localcloud.machines.machine import Machine
from labrunner.localcloud.machines.network import SSH, Address, take_address
from labrunner.localcloud.moto_bridge import backends, lock
from labrunner.localcloud.services.ec2.instance import (
    BY_HOST,
    BY_ITSELF,
    BY_USER,
    ISOLATION_TAG,
    PENDING,
    RUNNING,
    SHUTTING_DOWN,
    SSH_PORT_TAG,
    STOPPED,
    STOPPING,
    TERMINATED,
    set_state,
)
from labrunner.localcloud.services.ec2.reach import rules_of

STOP_GRACE = 1.0
TERMINATE_GRACE = 0.3
UTC_STAMP = "%Y-%m-%d %H:%M:%S UTC"


@dataclass(eq=False)
class Hosted:
    """An instance and its machine."""

    instance: Any
    region: str
    machine: Machine
    user_data: bytes
    has_public_address: bool
    credits: str | None = None
    # An elastic address keeps its place when the machine goes.
    elastic: Address | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    was_booted: bool = False
    is_expected_down: bool = True
    watch: asyncio.Task[None] | None = None
    ended: datetime | None = None


class Fleet:
    """The instances of one cloud that have a machine, by id."""

    def __init__(self) -> None:
        self.hosted: dict[str, Hosted] = {}
        # Of RunInstances: (region, client token) → what was asked for, and the reservation.
        self.tokens: dict[tuple[str, str], tuple[str, Any]] = {}
        # Of elastic addresses, by their text.
        self.addresses: dict[str, Address] = {}
        self._cloud: Cloud | None = None
        self._is_closing = False
        self._changes: set[asyncio.Task[None]] = set()

    def of(self, cloud: Cloud) -> "Fleet":
        """Return the fleet, told of its cloud."""
        self._cloud = cloud
        return self

    @property
    def cloud(self) -> Cloud:
        """The cloud that it belongs to."""
        assert self._cloud is not None
        return self._cloud

    @property
    def machines(self) -> Machines:
        """All machines of the cloud."""
        return self.cloud.state(Machines)

    def backend(self, region: str) -> Any:
        """Return moto's EC2 of a region."""
        return backends("ec2")[self.cloud.account][region]

    def living(self) -> int:
        """Return how many machines there are that have not been terminated."""
        return sum(one.instance.state != TERMINATED for one in tuple(self.hosted.values()))

    def close(self) -> None:
        """Take no more notice of machines that go down, and give up the addresses."""
        self._is_closing = True
        for address in self.addresses.values():
            address.release()

    # ---- what handlers ask for, in their own threads

    def begin(self, change: Callable[[Hosted], Coroutine[Any, Any, None]], hosted: Hosted) -> None:
        """Let a change of an instance happen, after those that are under way."""
        self.machines.start(self._in_turn(change, hosted))

    def reconcile(self, region: str | None = None) -> None:
        """Open and close the ports of all machines by the rules of now; when it returns, it is so.

        Never with moto's lock held: the machines may be waiting for it.
        """
        with lock("ec2"):
            found = [
                (one, rules_of(self.backend(one.region), one.instance))
                for one in tuple(self.hosted.values())
                if one.instance.state == RUNNING and region in (None, one.region)
            ]
        if found:
            self.machines.wait(self._set_all_rules(found))

    async def _set_all_rules(self, found: list[tuple[Hosted, Any]]) -> None:
        for one, rules in found:
            await one.machine.set_rules(rules)

    def close_doors(self, hosted: list[Hosted]) -> None:
        """Close the addresses of machines at once, before they go down."""
        if hosted:
            self.machines.wait(self._set_all_rules([(one, ()) for one in hosted]))

    # ---- changes, in the loop

    async def _in_turn(
        self, change: Callable[[Hosted], Coroutine[Any, Any, None]], hosted: Hosted
    ) -> None:
        async with hosted.lock:
            await change(hosted)

    async def boot(self, hosted: Hosted) -> None:
        """From pending to running; to terminated where it does not boot."""
        if hosted.instance.state != PENDING:
            return
        try:
            await hosted.machine.boot()
            address = await self._find_address(hosted)
            await hosted.machine.set_address(address)
        except (BootError, OSError) as error:
            hosted.machine.console.say(f"the machine did not boot: {error}")
            await self._bury(hosted, (BY_HOST[0], f"{BY_HOST[1]}: {error}"))
            return
        await self._run(hosted, address)

    async def _run(self, hosted: Hosted, address: Address | None) -> None:
        rules = await asyncio.to_thread(self._note_running, hosted, address)
        await hosted.machine.set_rules(rules)
        hosted.is_expected_down = False
        if not hosted.was_booted:
            hosted.was_booted = True
            if hosted.user_data:
                hosted.machine.in_background(hosted.machine.run_user_data(hosted.user_data))
        hosted.watch = asyncio.get_running_loop().create_task(self._watch(hosted))

    async def _find_address(self, hosted: Hosted) -> Address | None:
        if hosted.elastic is not None:
            return hosted.elastic
        if not hosted.has_public_address:
            return None
        return await asyncio.to_thread(take_address)

    def _note_running(self, hosted: Hosted, address: Address | None) -> Any:
        with lock("ec2"):
            instance = hosted.instance
            note_address(instance, address)
            if self.cloud.state(Machines).isolation().bwrap is None:
                instance.add_tags({ISOLATION_TAG: "none"})
            if instance.state not in (PENDING, RUNNING):  # it is to go down again already
                return ()
            set_state(instance, RUNNING)
            return rules_of(self.backend(hosted.region), instance)

    async def _watch(self, hosted: Hosted) -> None:
        """Take note when a machine goes down that nobody sent down."""
        await hosted.machine.wait_down()
        if not hosted.is_expected_down and not self._is_closing:
            await self._in_turn(self._went_down, hosted)

    async def _went_down(self, hosted: Hosted) -> None:
        if not hosted.is_expected_down and hosted.instance.state == RUNNING:
            hosted.machine.console.say("the first process of the machine ended")
            await self._shut_down(hosted, BY_ITSELF)

    def on_power(self, hosted: Hosted, action: str) -> None:
        """A program of the machine switched it off, or wants a reboot."""
        change = self.reboot if action == "reboot" else self.power_off
        task = asyncio.get_running_loop().create_task(self._in_turn(change, hosted))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)

    async def power_off(self, hosted: Hosted) -> None:
        """Stop or terminate, as the instance says of its own shutdown."""
        if hosted.instance.state == RUNNING:
            await self._shut_down(hosted, BY_ITSELF)

    async def _shut_down(self, hosted: Hosted, reason: tuple[str, str]) -> None:
        if hosted.instance.instance_initiated_shutdown_behavior == "terminate":
            await asyncio.to_thread(self._set, hosted, SHUTTING_DOWN, reason)
            await self._bury(hosted, reason)
        else:
            await asyncio.to_thread(self._set, hosted, STOPPING, reason)
            await self._stop(hosted, reason)

    async def stop(self, hosted: Hosted) -> None:
        """From stopping to stopped."""
        if hosted.instance.state == STOPPING:
            await self._stop(hosted, BY_USER)

    async def _stop(self, hosted: Hosted, reason: tuple[str, str]) -> None:
        hosted.is_expected_down = True
        await hosted.machine.stop(STOP_GRACE)
        self._release(hosted)
        await asyncio.to_thread(self._note_stopped, hosted, reason)

    def _release(self, hosted: Hosted) -> None:
        address = hosted.machine.address
        hosted.machine.address = None
        if address is not None and address is not hosted.elastic:
            address.release()

    def _note_stopped(self, hosted: Hosted, reason: tuple[str, str]) -> None:
        with lock("ec2"):
            note_address(hosted.instance, hosted.elastic)
            self._set(hosted, STOPPED, reason)

    async def reboot(self, hosted: Hosted) -> None:
        """Go down and up again; the instance is running all the time, its address stays."""
        if hosted.instance.state != RUNNING:
            return
        hosted.is_expected_down = True
        address = hosted.machine.address
        await hosted.machine.stop(STOP_GRACE)
        try:
            await hosted.machine.boot()
            await hosted.machine.set_address(address)
        except (BootError, OSError) as error:
            hosted.machine.console.say(f"the machine did not boot: {error}")
            await self._stop(hosted, (BY_HOST[0], f"{BY_HOST[1]}: {error}"))
            return
        await self._run(hosted, address)

    async def terminate(self, hosted: Hosted) -> None:
        """From shutting down to terminated."""
        if hosted.instance.state == SHUTTING_DOWN:
            await self._bury(hosted, BY_USER)

    async def _bury(self, hosted: Hosted, reason: tuple[str, str]) -> None:
        hosted.is_expected_down = True
        self._release(hosted)
        await hosted.machine.remove(TERMINATE_GRACE)
        self.machines.forget(hosted.machine)
        await asyncio.to_thread(self._note_terminated, hosted, reason)

    def _note_terminated(self, hosted: Hosted, reason: tuple[str, str]) -> None:
        with lock("ec2"):
            instance = hosted.instance
            for elastic in tuple(self.backend(hosted.region).addresses):
                if elastic.instance is instance or elastic.eni in instance.nics.values():
                    elastic.instance = elastic.eni = elastic.association_id = None
            note_address(instance, None)
            instance.terminate()  # volumes and interfaces go with it
            for number, interface in tuple(instance.nics.items()):
                if interface.delete_on_termination:
                    del instance.nics[number]
                else:
                    instance.detach_eni(interface)
            self._set(hosted, TERMINATED, reason)
            hosted.ended = self.cloud.now()

    def _set(self, hosted: Hosted, state: str, reason: tuple[str, str]) -> None:
        with lock("ec2"):
            set_state(hosted.instance, state, reason, f"{self.cloud.now():{UTC_STAMP}}")


def note_address(instance: Any, address: Address | None) -> None:
    """Let an instance show an address as its public one; the caller holds moto's lock."""
    interface = instance.nics.get(0)
    if interface is not None:
        interface.public_ip = None if address is None else address.ip
    tags = instance.ec2_backend.tags[instance.id]
    tags.pop(SSH_PORT_TAG, None)
    if address is not None and address.ssh_port != SSH:
        instance.add_tags({SSH_PORT_TAG: str(address.ssh_port)})
