"""The whole tree, in one place: who stands under whom, and who restarts with whom.

root                     rest_for_one: what stands below needs what stands above
├── storage              one_for_one: each copes with the others' absence
│   ├── server           the embedded Valkey, when no URL is given
│   ├── connection       pipeline to the store
│   ├── files            what was committed, on this node's disk
│   ├── rebuilder        whether the store is what it was, and what is done if not
│   ├── leases           which partitions are ours
│   ├── sweeper          strikes attachments that nobody refers to
│   └── ledger           what is booked: opens, writes, mends and backs it up
├── intake               rest_for_one: owners need their reader
│   ├── reader           reads the partitions' streams
│   ├── partitions       dynamic: one owner for each partition held
│   ├── gateway          the channel's door
│   └── front            the front stream's door
├── services             one_for_one
│   ├── breakers         one for each model and service: keeps and tells its breaker's state
│   ├── models           one caller a tier
│   ├── effects          one_for_one: an actor for each target, the reminders' clock, the outbox's relay
│   ├── documents        reader subprocesses
│   ├── downloads        fetches attachments that came as an address
│   ├── converter        has documents of other kinds turned into PDF
│   └── dead_letters     what failed, kept until it succeeds or a person decides
├── sessions             dynamic: one actor for each chat, intensity per child
└── operations           one_for_one
    └── control          the control socket and other nodes' questions
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors import (
    blob_sweeper,
    breakers,
    control,
    converter,
    document_readers,
    download,
    embedded_server,
    store_connection,
)
from actors.dead_letters import actor as dead_letters
from actors.doors import front, gateway
from actors.effects import services as effects
from actors.leases import keeper
from actors.ledger import writer as ledger_writer
from actors.models import caller
from actors.models.chain import build_chain
from actors.partition import owner, reader
from actors.persistence import keeper as file_keeper
from actors.persistence import rebuilder
from actors.session.documents import DocumentDesk
from actors.session.roster import Roster
from supervision.supervisor import Backoff, ChildSpec, DynamicSupervisor, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node
    from supervision.actor import GeventActorRef

# A dependency that is away must not use up a supervisor's patience in a moment: restarts back off, within the period.
_BACKOFF: Final = Backoff(first_s=0.05, factor=2.0, max_s=2.0, jitter=0.5, settled_s=10.0)
_ROOT_INTENSITY, _ROOT_PERIOD_S = 5, 60.0
_GROUP_INTENSITY, _GROUP_PERIOD_S = 10, 30.0
_SESSION_INTENSITY, _SESSION_PERIOD_S = 6, 30.0


def start_tree(node: Node) -> GeventActorRef[Any]:
    """Start everything, and return the root once it stands. Raises StartFailed."""
    desk = DocumentDesk(node)
    roster = Roster(node, desk)
    return _root(
        [
            _group("storage", "one_for_one", partial(_storage, node, roster)),
            _group("intake", "rest_for_one", partial(_intake, node)),
            _group("services", "one_for_one", partial(_services, node)),
            _sessions(node),
            _group("operations", "one_for_one", partial(_operations, node)),
        ]
    )


def _root(children: list[ChildSpec]) -> GeventActorRef[Any]:
    return Supervisor.start(
        children, strategy="rest_for_one", intensity=_ROOT_INTENSITY, period_s=_ROOT_PERIOD_S, backoff=_BACKOFF
    )


def _storage(node: Node, roster: Roster) -> list[ChildSpec]:
    owner_spec = partial(owner.supervised, node, roster)
    embedded = [] if node.settings.daemon.redis_url else [_server(node)]
    return [
        *embedded,
        store_connection.supervised(node),
        file_keeper.supervised(node),
        rebuilder.supervised(node),
        keeper.supervised(node, owner_spec),
        blob_sweeper.supervised(node),
        ledger_writer.supervised(node),
    ]


def _server(node: Node) -> ChildSpec:
    settings = embedded_server.ServerSettings(node.paths, appendfsync=node.settings.daemon.appendfsync)

    def ready(ready: embedded_server.Ready) -> None:
        node.store_repaired = ready.repaired

    return replace(embedded_server.supervised(settings, ready, is_draining=lambda: node.draining), id="server")


def _intake(node: Node) -> list[ChildSpec]:
    return [
        reader.supervised(node),
        _dynamic(node, "partitions", intensity=_GROUP_INTENSITY, period_s=_GROUP_PERIOD_S, per_child=False),
        gateway.supervised(node),
        front.supervised(node),
    ]


def _services(node: Node) -> list[ChildSpec]:
    """The chain is made first: the breakers are its own, and the callers are asked by it."""
    if node.chain is None:
        node.chain = build_chain(node)
    converter.prepare(node)
    effects.prepare(node)
    return [
        _group("breakers", "one_for_one", partial(_breakers, node)),
        _group("models", "one_for_one", partial(_models, node)),
        _group("effects", "one_for_one", partial(effects.children, node)),
        document_readers.supervised(node.settings),
        download.supervised(node),
        converter.supervised(node),
        dead_letters.supervised(node),
    ]


def _breakers(node: Node) -> list[ChildSpec]:
    return [breakers.supervised(node, breaker) for breaker in breakers.breakers_of(node)]


def _models(node: Node) -> list[ChildSpec]:
    """One caller a tier that has models."""
    tiers = {model.tier for model in node.settings.models}
    return [
        caller.supervised(node, tier, tuple(model for model in node.settings.models if model.tier == tier))
        for tier in ("primary", "secondary", "tertiary")
        if tier in tiers
    ]


def _operations(node: Node) -> list[ChildSpec]:
    return [control.supervised(node)]


def _sessions(node: Node) -> ChildSpec:
    return _dynamic(node, "sessions", intensity=_SESSION_INTENSITY, period_s=_SESSION_PERIOD_S, per_child=True)


def _group(name: str, strategy: str, children: Callable[[], list[ChildSpec]]) -> ChildSpec:
    """A supervisor below the root; its children are made anew at each start."""

    def start() -> GeventActorRef[Any]:
        return Supervisor.start(
            children(), strategy=strategy, intensity=_GROUP_INTENSITY, period_s=_GROUP_PERIOD_S, backoff=_BACKOFF
        )

    return ChildSpec(id=name, start=start, type="supervisor", start_timeout_s=60.0, shutdown_s=None)


def _dynamic(node: Node, name: str, *, intensity: int, period_s: float, per_child: bool) -> ChildSpec:
    """A supervisor of children that come and go, found under its name."""

    def start() -> GeventActorRef[Any]:
        ref = DynamicSupervisor.start(intensity=intensity, period_s=period_s, per_child=per_child, backoff=_BACKOFF)
        node.names[name] = ref
        return ref

    return ChildSpec(id=name, start=start, type="supervisor", shutdown_s=None)
