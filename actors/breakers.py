"""The breakers of this node as actors: each keeps the state of its breaker in the store, and learns there of others'.

The breaker itself decides in the caller's own step; what takes time, keeping and telling, is done here. A breaker that
opened on one node is open on the others at their next look, and is open again, for the time that remains, after its
actor, its node or all nodes were restarted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.logs import actor_logger
from actors.store_errors import StoreError
from messages.codec import decode, encode
from messages.errors import CodecError
from supervision.actor import GeventActor
from supervision.circuit_breaker import BreakerEvent, BreakerRecord, CircuitBreaker, CircuitState
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node

LOOK_S: Final = 0.5


def breakers_key(prefix: str) -> str:
    """Hash breaker name -> its newest record."""
    return f"{prefix}:breakers"


@dataclass(frozen=True, slots=True)
class Changed:
    """The breaker has changed its state."""

    event: BreakerEvent


@dataclass(frozen=True, slots=True)
class Look:
    """See what other nodes have kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands in the store: the bytes of a record, None, or a StoreError."""

    answer: Any


@dataclass(frozen=True, slots=True)
class Order:
    """An operator's word: open, close or reset. The reply is the breaker's state after it."""

    what: str


class BreakerKeeper(GeventActor):
    """One breaker's actor."""

    def __init__(self, node: Node, breaker: CircuitBreaker) -> None:
        """breaker: the chain's own."""
        super().__init__()
        self._node = node
        self._breaker = breaker
        self._remove: Callable[[], None] | None = None
        self._known: bytes | None = None
        self._restoring = False

    def on_start(self) -> None:
        """Hear of changes, and look what was kept before."""
        self._log = actor_logger(self)
        self._node.names[f"breaker/{self._breaker.name}"] = self.actor_ref
        ref = self.actor_ref

        def changed(event: BreakerEvent) -> None:
            if ref.is_alive() and not self._restoring:
                ref.tell(Changed(event))

        self._remove = self._breaker.add_listener(changed)
        self.actor_ref.tell(Look())
        self.send_every(LOOK_S, Look())

    def on_stop(self) -> None:
        """Hear no more."""
        if self._remove is not None:
            self._remove()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """Keep, look, or obey."""
        match message:
            case Changed():
                self._report(message.event)
                if message.event.after is not CircuitState.HALF_OPEN:
                    self._keep()
            case Look():
                self._look()
            case Kept():
                self._learn(message.answer)
            case Order():
                return self._obey(message.what)
            case _:
                return super().on_receive(message)
        return None

    def _report(self, event: BreakerEvent) -> None:
        opened = event.after is CircuitState.OPEN
        (self._log.warning if opened else self._log.info)(
            "a breaker changed", breaker=event.breaker, before=event.before.value, after=event.after.value,
            cause=event.cause.value if event.cause is not None else None,
            next=f"calls fail fast for {event.open_for_s:.0f} s, then one tries" if opened else "calls pass",
        )  # fmt: skip

    def _keep(self) -> None:
        raw = encode(self._breaker.snapshot())
        self._known = raw
        if self._node.access is not None:
            key = breakers_key(self._node.settings.daemon.prefix)
            self._node.store.submit(key, ("HSET", key, self._breaker.name, raw), lambda _: None)

    def _look(self) -> None:
        if self._node.access is None:
            return
        key, ref = breakers_key(self._node.settings.daemon.prefix), self.actor_ref

        def found(answer: Any) -> None:
            if ref.is_alive():
                ref.tell(Kept(answer))

        self._node.store.submit(key, ("HGET", key, self._breaker.name), found)

    def _learn(self, answer: Any) -> None:
        if isinstance(answer, StoreError) or answer == self._known:
            return
        if answer is None:
            # The store came back empty, or never knew it.
            if self._known is not None or self._breaker.state is not CircuitState.CLOSED:
                self._keep()
            return
        self._known = answer
        try:
            kept = decode(answer)
        except CodecError as error:
            self._log.warning(
                "a breaker's record cannot be read", breaker=self._breaker.name, reason=str(error), next="written anew"
            )
            self._keep()
            return
        if isinstance(kept, BreakerRecord):
            before = self._breaker.state
            self._restoring = True
            try:
                self._breaker.restore(kept)
            finally:
                self._restoring = False
            if self._breaker.state is not before:
                self._log.warning(
                    "a breaker follows what was kept", breaker=self._breaker.name, before=before.value,
                    after=self._breaker.state.value, open_for_s=round(self._breaker.open_for_s(), 1),
                    next="another node, or an earlier life of this one, knows the endpoint",
                )  # fmt: skip

    def _obey(self, what: str) -> dict[str, Any]:
        status = set_breaker(self._breaker, what)
        self._keep()
        return status


def set_breaker(breaker: CircuitBreaker, what: str) -> dict[str, Any]:
    """Do an operator's word: open, close or reset. Returns the breaker's state after it; raises ValueError."""
    match what:
        case "open":
            breaker.force_open()
        case "close":
            breaker.force_closed()
        case "reset":
            breaker.reset()
        case _:
            raise ValueError(f"a breaker can be opened, closed or reset, not {what!r}")
    return breaker_status(breaker)


def breaker_status(breaker: CircuitBreaker) -> dict[str, Any]:
    """A breaker at a glance."""
    counts = breaker.statistics()
    record = breaker.snapshot()
    return {
        "name": breaker.name,
        "kind": breaker.settings.kind,
        "state": counts.state.value,
        "forced": record.forced,
        "cause": record.cause,
        "open_for_s": None if record.until_wall_s is None else round(breaker.open_for_s(), 1),
        "successes": counts.successes,
        "failures": counts.failures,
        "refused": counts.refused,
    }


def breakers_of(node: Node) -> list[CircuitBreaker]:
    """Every breaker of this node."""
    models = [] if node.chain is None else [node.chain.breaker(name) for name in node.chain.model_names]
    return [*models, *node.effect_breakers.values(), *_of_converter(node)]


def _of_converter(node: Node) -> list[CircuitBreaker]:
    return [] if node.converter_breaker is None else [node.converter_breaker]


def supervised(node: Node, breaker: CircuitBreaker) -> ChildSpec:
    """One breaker's actor."""
    return ChildSpec(id=breaker.name, start=partial(BreakerKeeper.start, node, breaker), shutdown_s=1.0)
