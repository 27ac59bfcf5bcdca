"""Keeps this node's leases: looks every second, takes, lets go, and sees that each partition held has its owner."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.leases.beat import Beat
from actors.leases.machine import LeaseView, LeaseWatch, Take
from actors.logs import actor_logger
from actors.node import Held
from actors.partition.owner_notes import LetGo
from actors.partition.store import SCRIPTS
from actors.redis_connection.facts import ServerIdentity, server_facts
from actors.store_errors import StoreError
from supervision.actor import GeventActor
from supervision.supervisor import (
    AlreadyPresent,
    AlreadyStarted,
    ChildSpec,
    NotFound,
    delete_child,
    start_child,
    terminate_child,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node

LOOK_S: Final = 1.0
LETTING_GO_LOOK_S: Final = 0.1
# A busy partition is let go of after this long; what runs is left to redelivery.
LET_GO_S: Final = 5.0
CALL_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Look:
    """Look at the leases."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Beat to keeper: these leases (partition -> fence) are another's."""

    leases: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Renounce:
    """The store's generation was raised: every lease is void. The reply to this ask comes when no owner is left."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Let go of everything; the reply to this ask is True when nothing is held any more."""


class LeaseKeeper(GeventActor):
    """Holds no lease itself (they are the node's), so that its restart changes nothing."""

    def __init__(self, node: Node, owner_spec: Callable[[int], ChildSpec]) -> None:
        """owner_spec: how to start the owner of a partition, under the supervisor named `partitions`."""
        super().__init__()
        self._node = node
        self._owner_spec = owner_spec
        self._watch = LeaseWatch(node.node_id)
        self._beat = Beat(node, self._lost_from_thread)
        self._servers: dict[int, ServerIdentity] = {}
        self._letting_go: dict[int, float] = {}
        self._draining = False
        self._away = False

    def on_start(self) -> None:
        """Begin to beat and to look."""
        self._log = actor_logger(self)
        self._node.names["leases"] = self.actor_ref
        self._beat.start()
        self.actor_ref.tell(Look())

    def on_stop(self) -> None:
        """Stop beating; the leases stand until somebody has waited for them, or this node takes them back."""
        self._beat.stop()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self._beat.stop()

    def on_receive(self, message: Any) -> Any:
        """One look, whoever asks for it."""
        match message:
            case Look():
                self._look()
                is_soon = self._letting_go or not self._node.is_open
                self.send_after(LETTING_GO_LOOK_S if is_soon else LOOK_S, Look())
            case Renounce():
                self._watch.forget()
                for number in list(self._node.leases):
                    self._drop(number)
            case Lost():
                for number, fence in message.leases.items():
                    if number in self._node.leases and self._node.leases[number].fence == fence:
                        self._log.warning(
                            "a lease was taken by another node", partition=number, next="its owner stops here"
                        )
                        self._drop(number)
            case Drain():
                self._draining = True
                self._begin_to_let_go(list(self._node.leases))
                self._let_go()
                return not self._node.leases
            case _:
                return super().on_receive(message)
        return None

    def _lost_from_thread(self, lost: dict[int, str]) -> None:
        if self.actor_ref.is_alive():
            self.actor_ref.tell(Lost(lost))

    def _look(self) -> None:
        if not self._node.is_open and not (self._draining or self._node.draining):
            # Nothing is taken, and nothing dropped, before it is known whether the store is what it was.
            return
        try:
            self._check_servers()
            self._let_go()
            if not (self._draining or self._node.draining):
                self._take_and_balance()
                self._node.knows_leases = True
            self._away = False
        except StoreError as error:
            if not self._away:
                self._log.warning(
                    "the store is away", reason=str(error), next="tried again every second; nothing is lost"
                )
            self._away = True
        self._see_to_owners()

    def _check_servers(self) -> None:
        """Another server under the same address knows nothing of our leases, or knows an older history of them."""
        keys = self._node.store.keys
        numbers = range(keys.partitions) if self._node.endpoint.cluster else range(1)
        for number in numbers:
            intake = keys.partition(number).intake
            facts = server_facts(self._node.store.call(intake, "INFO", "everything", timeout_s=CALL_S))
            self._node.memory_share = facts.memory.share
            known = self._servers.get(number)
            self._servers[number] = facts.identity
            if known is not None and known != facts.identity:
                dropped = [number] if len(numbers) > 1 else list(self._node.leases)
                self._log.warning(
                    "the store's server was restarted or replaced", leases=len(dropped),
                    next="its leases are dropped and taken anew",
                )  # fmt: skip
                self._watch.forget()
                for held in dropped:
                    self._drop(held)

    def _take_and_balance(self) -> None:
        keys, store = self._node.store.keys, self._node.store
        leases = [
            _lease_view(store.call(name, "HMGET", name, "f", "b", "n", "i", "r", timeout_s=CALL_S))
            for name in (keys.partition(number).lease for number in range(keys.partitions))
        ]
        nodes = _text_map(store.call(keys.nodes, "HGETALL", keys.nodes, timeout_s=CALL_S))
        plan = self._watch.observe(leases, nodes, frozenset(self._node.leases), self.world.now())
        taken = [how for take in plan.take if (how := self._take(take))]
        if taken:
            dead = taken.count("dead")
            (self._log.warning if dead else self._log.info)(
                "partitions were taken", count=len(taken), from_the_dead=dead, held=len(self._node.leases),
                next="what was in hand is handed out again" if dead else "their owners start",
            )  # fmt: skip
        if plan.surplus > len(self._letting_go):
            idle_first = sorted(self._node.leases, key=lambda number: number in self._letting_go)
            self._begin_to_let_go(idle_first[: plan.surplus])
        for node in plan.forget_nodes:
            store.call(keys.nodes, "HDEL", keys.nodes, node, timeout_s=CALL_S)

    def _take(self, take: Take) -> str:
        """Take one lease; how it was taken, empty when it was not."""
        node = self._node
        key = node.store.keys.partition(take.partition).lease
        answer = node.store.call_script(
            SCRIPTS["lease_take"], (key,),
            (node.node_id, node.incarnation, node.generation, self._node.world.nonce(), take.fence, take.beat),
            timeout_s=CALL_S,
        )  # fmt: skip
        if answer[0] != b"taken":
            return ""
        fence, how = str(answer[1], "ascii"), str(answer[2], "ascii")
        node.leases[take.partition] = Held(fence, suspects=how == "dead")
        self._log.debug("a partition was taken", partition=take.partition, fence=fence, how=how)
        return how

    def _see_to_owners(self) -> None:
        """Every partition held has its owner; after a restart of the intake it has to be started again."""
        supervisor = self._node.whereis("partitions")
        if supervisor is None:
            return
        for number in list(self._node.leases):
            if number in self._letting_go or self._node.whereis(f"owner/{number}") is not None:
                continue
            spec = self._owner_spec(number)
            try:
                start_child(supervisor, spec)
            except AlreadyStarted:
                continue
            except AlreadyPresent:
                delete_child(supervisor, spec.id)
            except Exception as error:  # noqa: BLE001 - looked at again in a second
                self._log.warning(
                    "an owner could not be started", partition=number, reason=repr(error), next="tried again"
                )
                return

    def _begin_to_let_go(self, numbers: list[int]) -> None:
        for number in numbers:
            self._letting_go.setdefault(number, self.world.now() + LET_GO_S)

    def _let_go(self) -> None:
        for number, until_s in list(self._letting_go.items()):
            if number not in self._node.leases:
                del self._letting_go[number]
            elif not self._in_hand(number) or self.world.now() >= until_s:
                self._release(number)

    def _in_hand(self, number: int) -> int:
        owner = self._node.whereis(f"owner/{number}")
        outside = sum(lines.at_work_in(number) for lines in self._node.effect_lines.values())
        try:
            return outside + (int(owner.ask(LetGo(), timeout=1.0)) if owner is not None else 0)
        except Exception:  # noqa: BLE001 - an owner that cannot say is asked again, until it is late
            return 1

    def _release(self, number: int) -> None:
        held = self._node.leases.get(number)
        if held is None:
            return
        self._drop(number)
        key = self._node.store.keys.partition(number).lease
        self._node.store.call_script(SCRIPTS["lease_release"], (key,), (held.fence,), timeout_s=CALL_S)

    def _drop(self, number: int) -> None:
        """Own it no more: the owner stops first, so that it does not hear "stale" from everybody."""
        self._node.leases.pop(number, None)
        self._letting_go.pop(number, None)
        supervisor = self._node.whereis("partitions")
        self._node.names.pop(f"owner/{number}", None)
        if supervisor is None:
            return
        try:
            terminate_child(supervisor, f"{number:02d}")
            delete_child(supervisor, f"{number:02d}")
        except NotFound:
            return
        except Exception as error:  # noqa: BLE001 - its commits are stale from now on, whatever it does
            self._log.warning(
                "an owner could not be stopped", partition=number, reason=repr(error), next="its fence is void"
            )


def _lease_view(answer: list[bytes | None]) -> LeaseView:
    fence, beat, node, incarnation, released = ((value or b"").decode(errors="replace") for value in answer)
    return LeaseView(fence, beat, node, incarnation, released == "1")


def _text_map(answer: Any) -> dict[str, str]:
    pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in pairs}


def supervised(node: Node, owner_spec: Callable[[int], ChildSpec]) -> ChildSpec:
    """The node's keeper of leases."""
    return ChildSpec(id="leases", start=partial(LeaseKeeper.start, node, owner_spec), shutdown_s=10.0)
