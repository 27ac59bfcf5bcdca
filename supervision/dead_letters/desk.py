"""The queue itself, as both shells and an actor use it: items in and out, what may run now, what came of it.

`wants`, `taken` and `settled` are what a processor asks between handlers; they wait for nothing. The other methods ask
the store and block the calling thread or greenlet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from supervision.circuit_breaker import BreakerEvent, CircuitBreaker, CircuitState
from supervision.classification.verdicts import ClassifiedError
from supervision.dead_letters import machine
from supervision.dead_letters.desk_terms import DeskLimits, DeskWorld, Registration
from supervision.dead_letters.gates import Gate
from supervision.dead_letters.inline import LaneLike
from supervision.dead_letters.machine import Rules
from supervision.dead_letters.records import (
    PAYLOAD_BYTES_MAX,
    DeadItem,
    Delivery,
    ItemFilter,
    ItemState,
    Priority,
    QueueStatistics,
)
from supervision.dead_letters.sqlite_rows import sealed
from supervision.dead_letters.store import Leased, LetterStore, QueueFull, Taken, Want
from supervision.error_classification import error_classifier
from supervision.keeping.events import OnEvent, OperatorEvent
from supervision.keeping.sqlite_file import FileDamaged
from supervision.world_lane import Done, Lane

T = TypeVar("T")

CALL_S: Final = 60.0
PAGE: Final = 500
ALARM_SHARE: Final = 0.8
CALM_SHARE: Final = 0.7
LEASE_MARGIN_S: Final = 30.0
RECLAIM_EVERY_S: Final = 5.0


class Desk:
    """One queue over one store."""

    def __init__(
        self,
        store: LetterStore,
        limits: DeskLimits,
        world: DeskWorld,
        on_event: OnEvent,
        lane: LaneLike | None = None,
    ) -> None:
        """lane: from where the store is asked; a thread of its own for None."""
        self.limits = limits
        self.world = world
        self.ring: Callable[[], object] = lambda: None  # a processor's bell, while there is one
        self.store = store
        self._on_event = on_event
        self._lane: LaneLike = lane or Lane("dead letters")
        self._registered: dict[str, Registration] = {}
        self._gates: dict[str, Gate] = {}
        self._breakers: dict[str, CircuitBreaker] = {}
        self._lock = world.lock()
        self._is_alarmed = False
        self._reclaim_at_s = 0.0

    def open(self) -> None:
        """Open the store and check every item."""
        words = self.ask(self.store.open)
        if words:
            self.tell("dead_letters_mended", "error", "what is whole goes on", problems=words)
        self._report_damage()

    def register(
        self,
        operation_type: str,
        handler: Callable[[Any], Any],
        *,
        policy: Mapping[str, Any] | None,
        service: str | None,
        breaker: CircuitBreaker | None,
        check: Callable[[Any], Any] | None,
        delivery: Delivery | None,
        timeout_s: float,
    ) -> None:
        """See DeadLetterQueue.register_handler."""
        default = machine.default_rules(operation_type)
        chosen = delivery or (Delivery.KEYED if check is None else Delivery.CHECKABLE)
        rules = Rules(
            default.policy if policy is None else machine.policy_of(policy), chosen, service or operation_type
        )
        self._registered[operation_type] = Registration(handler, rules, timeout_s, breaker, check)
        gate = self._gates.setdefault(rules.service, Gate())
        if breaker is not None and self._breakers.get(rules.service) is not breaker:
            gate.has_breaker = True
            self._breakers[rules.service] = breaker
            breaker.add_listener(lambda event: self._breaker_changed(rules.service, event))
        self.ring()

    def registration(self, operation_type: str) -> Registration:
        """How items of a type are worked on. Raises KeyError."""
        return self._registered[operation_type]

    def service_returned(self, service: str) -> None:
        """A service is back: its dead items are replayed, one, two, four at a time."""
        with self._lock:
            gate = self._gates.setdefault(service, Gate())
            gate.has_breaker = True
            gate.returned()
        self.ring()

    def new_item(
        self,
        operation_type: str,
        payload: Any,
        error: object,
        *,
        priority: Priority | int | str,
        idempotency_key: str | None,
        context: Mapping[str, str],
    ) -> DeadItem:
        """An item to be inserted. Raises ValueError and CodecError for a payload that cannot be kept."""
        now_s = self.world.wall()
        known = self._registered.get(operation_type)
        rules = machine.default_rules(operation_type) if known is None else known.rules
        item = DeadItem(
            item_id=f"{int(now_s * 1000):012x}-{self.world.random.getrandbits(48):012x}",
            operation_type=operation_type, payload=payload, priority=int(_priority(priority)), state=ItemState.QUEUED,
            enqueued_at_s=now_s, due_at_s=now_s, service=rules.service, idempotency_key=idempotency_key,
            context=dict(context),
        )  # fmt: skip
        if error is not None:
            item = machine.failed(item, verdict_of(error), rules, now_s, self.world.random.random(), is_first=True)
            item = replace(item, revision=1)
        if len(sealed(item)) > PAYLOAD_BYTES_MAX:
            raise ValueError(f"a dead letter of more than {PAYLOAD_BYTES_MAX} bytes")
        return item

    def insert(self, item: DeadItem, done: Done) -> None:
        """Keep an item together with others that wait; done(True, its id) or done(False, QueueFull)."""

        def inserted(ok: bool, value: Any) -> None:  # noqa: FBT001 - a lane's answer
            done(ok, value)
            if isinstance(value, QueueFull):
                self.tell("dead_letters_full", "error", "whoever has the work keeps it; a person decides",
                           detail=str(value))  # fmt: skip
            self.ring()

        self._lane.submit_one_of(self.insert_many, item, inserted)

    def insert_many(self, items: Sequence[DeadItem]) -> list[Any]:
        """In the store's thread: keep items, letting go of what is done where there is no room."""
        said = list(self.store.insert_many(items))
        self._alarm(*self.store.size())
        refused = [index for index, answer in enumerate(said) if isinstance(answer, QueueFull)]
        if refused and self.store.remove_finished(self.world.wall(), PAGE):
            for index, answer in zip(refused, self.store.insert_many([items[i] for i in refused]), strict=True):
                said[index] = answer
        return said

    def ask(self, function: Callable[[], T]) -> T:
        """Have something done in the store's thread, and wait for it here."""
        try:
            return self._lane.call(function, CALL_S)
        except FileDamaged as damage:
            self.tell("dead_letters_mended", "error", "goes on with a new file", problems=[str(damage)])
            return self._lane.call(function, CALL_S)

    @property
    def lane(self) -> LaneLike:
        """The store's thread, where it has one."""
        return self._lane

    def take(self, wants: list[Want], token: str) -> Taken:
        """Lease what is wanted; to be called in the store's thread."""
        now_s = self.world.wall()
        if self.world.now() >= self._reclaim_at_s:
            self._reclaim_at_s = self.world.now() + RECLAIM_EVERY_S
            self.store.reclaim(now_s, self._given_back)
        longest_s = max((one.timeout_s for one in self._registered.values()), default=0.0)
        return self.store.take(wants, token, now_s, now_s + longest_s + LEASE_MARGIN_S)

    def wants(self, free: int) -> list[Want]:
        """What may be taken now, with room for so many items."""
        unbound: list[str] = []
        wants: list[Want] = []
        with self._lock:
            for service, gate in self._gates.items():
                kinds = tuple(kind for kind, one in self._registered.items() if one.rules.service == service)
                if not kinds:
                    continue
                room = gate.room(self.world.now(), self._open_for_s(service))
                if room < 0:
                    unbound.extend(kinds)
                elif room > 0:
                    wants.append(Want(kinds, min(room, free), with_sleeping=True))
        if unbound:
            wants.append(Want(tuple(unbound), free))
        return wants

    def taken(self, wants: list[Want], taken: Taken) -> None:
        """Count what has passed the gates, and report what was damaged."""
        with self._lock:
            for leased in taken.leased:
                self._gate_of(leased.item).passed(1)
            services = {self._registered[one.item.operation_type].rules.service for one in taken.leased}
            for want in wants:
                service = self._registered[want.types[0]].rules.service
                if want.with_sleeping and service not in services:
                    self._gates[service].exhausted()
        self._report_damage()

    def settled(self, leased: Leased, error: BaseException | None, duration_s: float) -> Leased:
        """The item after an attempt; error: what the handler raised, None for done."""
        item, known = leased.item, self._registered[leased.item.operation_type]
        now_s = self.world.wall()
        if error is None:
            self._count(item, is_fault=False)
            return Leased(machine.resolved(item, now_s), leased.token)
        if not isinstance(error, Exception):
            with self._lock:
                self._gate_of(item).given_back()
            return Leased(machine.abandoned(item, known.rules, now_s, self.world.random.random()), leased.token)
        verdict = verdict_of(error)
        self._count(item, is_fault=machine.is_service_fault(verdict))
        after = machine.failed(item, verdict, known.rules, now_s, self.world.random.random(), duration_s=duration_s)
        if after.state is ItemState.DEAD:
            self.tell("dead_letter_dead", "warning",
                       "its service's return replays it" if after.heals else "a person decides",
                       item=item.item_id, type=item.operation_type, reason=after.reason, cause=verdict.cause.value,
                       detail=verdict.technical_detail)  # fmt: skip
        return Leased(after, leased.token)

    def snoozed(self, leased: Leased, wait_s: float) -> Leased:
        """The item, not tried: its breaker is open."""
        with self._lock:
            self._gate_of(leased.item).held_up(self.world.now())
        return Leased(machine.snoozed(leased.item, wait_s, self.world.wall()), leased.token)

    def must_check(self, item: DeadItem) -> bool:
        """Whether it has to be asked first if an earlier attempt happened after all."""
        known = self._registered[item.operation_type]
        if known.check is None or known.rules.delivery is not Delivery.CHECKABLE:
            return False
        return machine.last_is_unknown(item)

    def barred(self, leased: Leased) -> Leased | None:
        """The item as dead, if only a person may repeat it; else None."""
        if not machine.is_barred(leased.item, self._registered[leased.item.operation_type].rules):
            return None
        return self.unknown(leased)

    def unknown(self, leased: Leased) -> Leased:
        """The item as dead and not tried, since nobody can tell whether an earlier attempt happened."""
        with self._lock:
            self._gate_of(leased.item).given_back()
        return Leased(machine.barred(leased.item, self.world.wall()), leased.token)

    def finish(self, leased: Leased, done: Done) -> None:
        """Keep an item after its attempt, together with others; done(True, whether the lease still held)."""
        self._lane.submit_one_of(self.store.finish_many, leased, done)

    def finished(self, leased: Leased, *, held: bool) -> None:
        """Report an attempt whose lease was over when it ended: somebody else has the item."""
        if not held:
            self.tell("dead_letter_lease_lost", "warning", "the other attempt counts", item=leased.item.item_id)

    def processor_failed(self, error: Exception) -> None:
        """Report what a processor stumbled over; it goes on."""
        self.tell("dead_letter_processor_failed", "error", "it goes on; leases that end give items back",
                  detail=repr(error))  # fmt: skip

    def get(self, item_id: str) -> DeadItem | None:
        """One item as it is, its payload whole."""
        return self.ask(lambda: self.store.get(item_id))

    def page(self, chosen: ItemFilter, after: str, limit: int) -> list[DeadItem]:
        """Items as they may be listed."""
        now_s = self.world.wall()
        items = self.ask(lambda: self.store.page(chosen, after, limit, now_s))
        self._report_damage()
        return [machine.redacted(item) for item in items]

    def statistics(self) -> QueueStatistics:
        """Counts, and alarms where they are due."""
        facts = self.ask(self.store.facts)
        self._alarm(facts.items, facts.size_bytes)
        oldest_s = 0.0 if facts.oldest_at_s is None else max(self.world.wall() - facts.oldest_at_s, 0.0)
        return QueueStatistics(
            facts.items, facts.size_bytes, self.limits.items_max, self.limits.size_bytes_max, facts.by_state,
            facts.by_type, facts.leased, oldest_s, facts.aside, facts.groups,
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the store."""
        self._lane.close(CALL_S, self.store.close)

    def _given_back(self, item: DeadItem) -> DeadItem:
        known = self._registered.get(item.operation_type)
        rules = machine.default_rules(item.operation_type) if known is None else known.rules
        self.tell("dead_letter_given_back", "warning", "it is tried again", item=item.item_id)
        return machine.abandoned(item, rules, self.world.wall(), self.world.random.random())

    def _gate_of(self, item: DeadItem) -> Gate:
        return self._gates[self._registered[item.operation_type].rules.service]

    def _count(self, item: DeadItem, *, is_fault: bool) -> None:
        with self._lock:
            gate = self._gate_of(item)
            gate.failed(self.world.now()) if is_fault else gate.succeeded()

    def _open_for_s(self, service: str) -> float | None:
        breaker = self._breakers.get(service)
        return None if breaker is None or breaker.state is CircuitState.CLOSED else breaker.open_for_s()

    def _breaker_changed(self, service: str, event: BreakerEvent) -> None:
        if event.after is CircuitState.CLOSED:
            self.service_returned(service)
        else:
            self.ring()

    def _alarm(self, items: int, size_bytes: int) -> None:
        share = max(items / self.limits.items_max, size_bytes / self.limits.size_bytes_max)
        if share >= ALARM_SHARE and not self._is_alarmed:
            self.tell("dead_letters_filling", "error", "at its bounds the queue refuses", items=items,
                       size_bytes=size_bytes, share=round(share, 2))  # fmt: skip
        self._is_alarmed = share >= (CALM_SHARE if self._is_alarmed else ALARM_SHARE)

    def _report_damage(self) -> None:
        damaged = self.store.damaged
        while damaged:
            self.tell("dead_letter_set_aside", "error", "its bytes are kept; the others go on", detail=damaged.pop())

    def tell(self, name: str, level: Any, next_step: str, **facts: Any) -> None:
        """Tell the operators."""
        self._on_event(OperatorEvent(name, level, next_step, facts))


def verdict_of(error: object) -> ClassifiedError:
    """The verdict on an error, unless it is one."""
    return error if isinstance(error, ClassifiedError) else error_classifier.classify(error)


def _priority(given: Priority | int | str) -> Priority:
    """By its name in either case, or its number. Raises ValueError."""
    if not isinstance(given, str):
        return Priority(given)
    try:
        return Priority[given.upper()]
    except KeyError:
        raise ValueError(f"{given!r} is no priority: {', '.join(one.name for one in Priority)}") from None
