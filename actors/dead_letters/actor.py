"""The actor of this node's dead letters: takes them from the streams, tries again what may be, and keeps the rest.

What it decides is the library's queue (supervision/dead_letters): schedules, gates that open one, two, four at a time
when a breaker closes, leases. This is the shell that reads the streams, does the work in tasks and tells the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.dead_letters import redoing
from actors.dead_letters.desk import Letters, open_letters
from actors.dead_letters.intake import Intake
from actors.dead_letters.letters import EFFECT, INPUT, MESSAGE, SNAPSHOT, UNREADABLE
from actors.dead_letters.redis_store import NotHere
from actors.effects.performing import UnknownOutcome
from actors.logs import actor_logger
from actors.store_errors import StoreError
from supervision.actor import GeventActor
from supervision.circuit_breaker import CircuitOpenError
from supervision.retrying.policies import RetryPolicies
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node
    from supervision.dead_letter_queue import DeadItem, Leased
    from supervision.world import Task

LOOK_S: Final = 0.5
SWEEP_S: Final = 3600.0
CONCURRENCY: Final = 64
# Letters are leased so many at a time while others run: one by one, the asking would cost more than the work.
REFILL_FROM: Final = 16
# Longer than an effect's own time and its look before it (actors/effects/performing.py).
HANDLER_S: Final = 45.0
SNOOZE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """See what there is to do."""


@dataclass(frozen=True, slots=True)
class Rung:
    """There may be something to do at once."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Clear out what is old."""


class DeadLetters(GeventActor):
    """One for each node, for the partitions that it holds."""

    def __init__(self, node: Node) -> None:
        """Whose letters they are."""
        super().__init__()
        self._node = node
        self._letters: Letters
        self._intake: Intake
        self._running: set[Task] = set()
        self._is_rung = False
        self._is_away = False

    def on_start(self) -> None:
        """Open the desk; what an earlier life had in hand is given back at the first look."""
        self._log = actor_logger(self)
        self._letters = open_letters(self._node)
        self._letters.desk.ring = self._ring
        self._intake = Intake(self._node, self._letters)
        self._register_kinds()
        self._node.letters = self._letters
        self.actor_ref.tell(Look())
        self.send_every(LOOK_S, Look())
        self.send_every(SWEEP_S, Sweep())

    def on_stop(self) -> None:
        """Leave what runs: its leases end, or are found by the next life."""
        self._letters.desk.ring = lambda: None
        for task in list(self._running):
            task.kill()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """Look, or clear out."""
        if isinstance(message, Rung):
            self._is_rung = False
        if not isinstance(message, Look | Rung | Sweep):
            return super().on_receive(message)
        if self._node.access is None or not (self._node.leases and self._node.is_open):
            return None
        try:
            if isinstance(message, Sweep):
                self._letters.office.sweep()
            else:
                self._look(takes_in=isinstance(message, Look))
            self._is_away = False
        except (StoreError, NotHere) as error:
            if not self._is_away:
                self._log.warning(
                    "dead letters cannot be worked on", reason=str(error), next="looked at again; nothing is lost"
                )
            self._is_away = True
        return None

    def _ring(self) -> None:
        if not self._is_rung and self.actor_ref.is_alive():
            self._is_rung = True
            self.actor_ref.tell(Rung())

    def _look(self, *, takes_in: bool) -> None:
        self._register_targets()
        if takes_in:
            self._intake.take_in()
        self._running = {task for task in self._running if not task.done}
        desk = self._letters.desk
        while (free := CONCURRENCY - len(self._running)) >= REFILL_FROM and (wants := desk.wants(free)):
            taken = desk.take(wants, self._letters.token)
            desk.taken(wants, taken)
            for leased in taken.leased:
                name = f"dead letter {leased.item.item_id}"
                self._running.add(self._node.world.spawn(self._run, leased, name=name))
            if not taken.leased:
                return

    def _register_kinds(self) -> None:
        for kind, redo in ((MESSAGE, redoing.redo_message), (INPUT, redoing.redo_input)):
            self._register(kind, redo, policy=RetryPolicies.database_policy(), service=kind)
        for kind in (SNAPSHOT, UNREADABLE):
            self._register(kind, redoing.redo_nothing, policy=RetryPolicies.database_policy(), service=kind)

    def _register_targets(self) -> None:
        for name, target in self._node.targets.items():
            kind = f"{EFFECT}{name}"
            if kind not in self._letters.rules:
                policy = getattr(RetryPolicies, f"{target.policy}_policy")()
                breaker = self._node.effect_breakers.get(target.service)
                self._register(
                    kind, redoing.redo_effect, policy=policy, service=target.service, breaker=breaker,
                    delivery=target.delivery,
                )  # fmt: skip

    def _register(self, kind: str, redo: Callable[[Node, DeadItem], None], **options: Any) -> None:
        given: dict[str, Any] = {"breaker": None, "check": None, "delivery": None, **options}
        self._letters.desk.register(kind, partial(redo, self._node), timeout_s=HANDLER_S, **given)
        self._letters.rules[kind] = self._letters.desk.registration(kind).rules

    def _run(self, leased: Leased) -> None:
        """One attempt, in a task of its own: it may wait for long."""
        desk = self._letters.desk
        try:
            outcome = desk.barred(leased) or self._tried(leased)
            desk.finish(outcome, partial(self._finished, outcome))
        except Exception as error:  # noqa: BLE001 - its lease ends, and it is tried again
            desk.processor_failed(error)
        finally:
            self._ring()

    def _finished(self, outcome: Leased, ok: bool, held: Any) -> None:  # noqa: FBT001 - a lane's answer
        if not ok:
            self._letters.desk.processor_failed(held)
            return
        self._letters.desk.finished(outcome, held=bool(held))

    def _tried(self, leased: Leased) -> Leased:
        desk, item, begun_s = self._letters.desk, leased.item, self._node.world.now()
        failure: Exception | None = None
        try:
            desk.registration(item.operation_type).handler(item)
            if item.operation_type.startswith(EFFECT):
                redoing.say_settled(self._node, item)
        except CircuitOpenError as error:
            return desk.snoozed(leased, max(error.retry_after, SNOOZE_S))
        except UnknownOutcome:
            return desk.unknown(leased)
        except StoreError:
            # Our own store is away, which says nothing of the letter's service.
            return desk.snoozed(leased, SNOOZE_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept with the letter
            cause = error.__cause__ if getattr(error, "outcome", None) == "not_done" else None
            failure = cause if isinstance(cause, Exception) else error
        return desk.settled(leased, failure, self._node.world.now() - begun_s)


def supervised(node: Node) -> ChildSpec:
    """The node's dead letters."""
    return ChildSpec(id="dead_letters", start=partial(DeadLetters.start, node), shutdown_s=2.0)
