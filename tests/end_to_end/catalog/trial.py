"""Run an example on a local cloud, lose what is to be lost, and tear down."""

import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from labrunner import engine, identity, teardown
from labrunner.actions import performer
from labrunner.clock import SystemClock
from labrunner.events import Event, ResourceIntended, RunFinished, TargetFacts, TeardownFinished
from labrunner.expressions import Scope, evaluate, parse, render
from labrunner.identity import RunName, target_root
from labrunner.journal import Journal
from labrunner.localcloud.process import Cloud
from labrunner.outcome import Answer, Call, Outcome, Perform, Refusal
from labrunner.plan import make
from labrunner.state import RunState, fold
from labrunner.targets import Access, local
from tests.end_to_end.catalog.examples import (
    CATALOG,
    EXAMPLES,
    MODELS,
    Files,
    load_example,
    needed,
    service_of,
)

LOST = Refusal("ReadTimeoutError", "the answer never came", certain=False)
Sending = Callable[[Perform, Call], Outcome]


def answered(do: Perform, call: Call) -> Outcome:
    return do(call)


def unanswered(do: Perform, call: Call) -> Outcome:
    outcome = do(call)
    return LOST if isinstance(outcome, Answer) else outcome


def never_sent(_do: Perform, _call: Call) -> Outcome:
    return LOST


def sent_twice(do: Perform, call: Call) -> Outcome:
    outcome = unanswered(do, call)
    if outcome is LOST:
        do(call)
    return outcome


class FastClock(SystemClock):
    """A minute passes in two seconds: what stays held is given up before the tests are."""

    def __init__(self) -> None:
        super().__init__()
        self._began = super().now()

    def now(self) -> float:
        return self._began + 30 * (super().now() - self._began)


class LocalCloud:
    """A local cloud and a folder of this machine: labrunner's way to them, and the tests' own."""

    def __init__(self, found: Cloud, here: Path) -> None:
        facts = TargetFacts(
            name="local",
            endpoint=found.endpoint,
            region=found.region,
            account=found.account,
            cloud=found.id,
        )
        access = Access(found.region, found.endpoint, found.access_key, found.secret_key)
        self.target = local(facts, access)
        self.do = performer(self.target.clients.get, MODELS, here / "keys")
        self._found = found
        self._here = here
        self._session = botocore.session.Session()
        self._clients: dict[str, Any] = {}

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.create_client(
                service,
                region_name=self._found.region,
                endpoint_url=self._found.endpoint,
                aws_access_key_id=self._found.access_key,
                aws_secret_access_key=self._found.secret_key,
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )
        return self._clients[service]

    def listed(self, kind: str, run: RunName) -> list[str]:
        """Return what of a type is there."""
        listing = EXAMPLES[kind].listing
        if isinstance(listing, Files):
            return sorted(map(str, self._here.glob(listing.files)))
        client = self._client(service_of(kind))
        roots = {"run": run.root, "target": target_root(self.target.facts)}
        arguments = render(listing.arguments, Scope(roots))
        try:
            if client.can_paginate(listing.operation):
                pages = client.get_paginator(listing.operation).paginate(**arguments)
                answer = pages.build_full_result()
            else:
                answer = getattr(client, listing.operation)(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] not in EXAMPLES[kind].absent:
                raise
            return []
        return sorted(map(repr, evaluate(parse(listing.items), Scope(answer)) or []))

    def close(self) -> None:
        for service, client in self._clients.items():
            client.close()
            self.target.clients.get(service).close()


class Trial:
    """One run that makes one type, with its journal, and its teardown."""

    def __init__(self, kind: str, cloud: LocalCloud, journal: Journal, folder: Path) -> None:
        loaded = load_example(kind, folder)
        self.kind = kind
        self.run = RunName(secrets.token_hex(4), loaded.lab.lab)
        self._cloud = cloud
        self._journal = journal
        self._plan = make(
            loaded, {}, run=self.run, target=cloud.target.facts, models=MODELS, catalog=CATALOG
        )
        self._do = cloud.do
        makers = [step.path for step in self._plan.steps if step.creates == kind]
        assert makers, f"no step of the example makes {kind}"
        self.step = makers[-1]
        self.before = self.there()

    @property
    def events(self) -> list[Event]:
        return self._journal.read(self.run.id)

    @property
    def state(self) -> RunState:
        return fold(self.events)

    def of_step(self, *kinds: type[Event]) -> list[Any]:
        """Return the events of some kinds that the resource had."""
        return [
            event
            for event in self.events
            if isinstance(event, kinds) and getattr(event, "resource", None) == self.step
        ]

    def there(self) -> dict[str, list[str]]:
        """Return all that is there of the services that the run uses, by type."""
        services = {service_of(kind) for kind in needed(self.kind)}
        kinds = [kind for kind in EXAMPLES if service_of(kind) in services]
        return {kind: self._cloud.listed(kind, self.run) for kind in kinds}

    def more(self) -> int:
        """Return by how many of the type there are more than before the run."""
        return len(self.there()[self.kind]) - len(self.before[self.kind])

    def make(self, send: Sending = answered) -> RunFinished:
        """Run the lab; `send` makes the call that makes the type."""

        def do(call: Call) -> Outcome:
            last = self.events[-1]
            tried = isinstance(last, ResourceIntended) and last.resource == self.step
            return send(self._do, call) if tried else self._do(call)

        return engine.perform(
            self._plan,
            self._do if send is answered else do,
            self._journal.append,
            FastClock(),
            pace=self._cloud.target.pace,
        )

    def tear_down(self) -> TeardownFinished:
        """Tear down from the journal."""
        return self._tear_down(self.events, self._journal.append)

    def somebody_deletes(self, events: Iterable[Event]) -> TeardownFinished:
        """Delete what these events made, unknown to the journal."""
        return self._tear_down(events, lambda _: None)

    def remove_unanswered(self) -> list[str]:
        """Do what is done before a run goes on; return what is left."""
        return teardown.remove_unanswered(
            self.state,
            CATALOG,
            self._do,
            self._journal.append,
            FastClock(),
            pace=self._cloud.target.pace,
        )

    def intend(self, step: str) -> None:
        """Write down that another step is about to make the same, as it was made."""
        (made,) = self.of_step(ResourceIntended)
        token = identity.token(self.run, step) if made.token else ""
        again = made.model_copy(update={"resource": step, "step": step, "token": token})
        self._journal.append(again)

    def _tear_down(
        self, events: Iterable[Event], emit: Callable[[Event], None]
    ) -> TeardownFinished:
        return teardown.perform(
            fold(events), CATALOG, self._do, emit, FastClock(), pace=self._cloud.target.pace
        )
