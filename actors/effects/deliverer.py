"""The actor of one target: does its effects, in order for each chat, behind its breaker, by its retry policy.

Each attempt is a task of its own. What is decided after it is decided by `attempts.py`, and what comes next by
`lines.py`; here it is done. Nothing that waits is lost with this actor: it stands in the outbox.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.effects import outbox
from actors.effects.attempts import (
    Attempts,
    Failure,
    First,
    State,
    TryAgain,
    after_failure,
    first_step,
    is_known_not_done,
)
from actors.effects.lines import Lines, Waiting
from actors.effects.notes import Ended, Follow, Found, Left, Lost
from actors.effects.performing import UnknownOutcome, perform_unguarded, verdict_of
from actors.effects.records import Effect
from actors.effects.target import ServiceEnded
from actors.logs import actor_logger
from actors.partition.dead_letter import DeadLetter
from actors.store_errors import StoreError
from messages.codec import decode
from messages.errors import CodecError
from supervision.actor import GeventActor
from supervision.circuit_breaker import CircuitBreaker, CircuitState
from supervision.retry_mechanism import RetryPolicies, RetryPolicy
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.effects.target import Target
    from actors.node import Node
    from supervision.circuit_breaker import BreakerEvent, Permit
    from supervision.world import Task

STORE_RETRY_S: Final = 0.5
# A breaker whose probes are all out says nothing about when the next may pass.
SHUT_LOOK_S: Final = 0.25
LEAVING_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Pump:
    """It may be time to begin something."""


@dataclass(slots=True)
class Attempted:
    """One attempt, filled in as it goes on. effect: None until its bytes were read; error: None when it is done."""

    waiting: Waiting
    fence: str
    permit: Permit
    was_probe: bool
    body: bytes = b""
    effect: Effect | None = None
    record: Attempts | None = None
    error: BaseException | None = None
    task: Task | None = None


class Deliverer(GeventActor):
    """One target's actor."""

    def __init__(self, node: Node, name: str) -> None:
        """name: of the target."""
        super().__init__()
        self._node = node
        self._target: Target = node.targets[name]
        self._breaker: CircuitBreaker = node.effect_breakers[self._target.service]
        self._policy = policy_named(self._target.policy)
        self._lines = Lines(self._target.at_once_max)
        self._tasks: set[Task] = set()
        self._tick: Any = None

    def on_start(self) -> None:
        """Be found, and hear of everything that waits."""
        self._log = actor_logger(self)
        self._node.names[f"effects/{self._target.name}"] = self.actor_ref
        self._node.effect_lines[self._target.name] = self._lines
        ref = self.actor_ref

        def changed(event: BreakerEvent) -> None:
            if event.after is not CircuitState.OPEN and ref.is_alive():
                ref.tell(Pump())

        self._remove = self._breaker.add_listener(changed)
        relay = self._node.whereis("relay")
        if relay is not None:
            relay.tell(Follow())

    def on_stop(self) -> None:
        """Let what is under way end, for a moment; what does not is repeated by the rules of an unknown outcome."""
        until_s = self.world.now() + LEAVING_S
        for task in list(self._tasks):
            task.join(max(0.0, until_s - self.world.now()))
        self.on_failure()

    def on_failure(self, *_: Any) -> None:
        """Own nothing that goes on."""
        self._remove()
        for task in list(self._tasks):
            task.kill()

    def on_receive(self, message: Any) -> Any:
        """Something to do, or the end of something."""
        match message:
            case Found():
                for waiting in message.waiting:
                    self._lines.seen(waiting)
            case Ended():
                self._ended(message.attempted)
            case Left():
                self._left(message)
            case Lost():
                self._lines.drop(message.partition)
            case Pump():
                self._lines.open()
            case _:
                return super().on_receive(message)
        self._pump()
        return None

    def _pump(self) -> None:
        if self._node.draining:
            return
        while (waiting := self._lines.take(self.world.now())) is not None:
            held = self._node.leases.get(waiting.partition)
            if held is None:
                self._lines.drop(waiting.partition)
                continue
            permit = self._breaker.acquire()
            if permit is None:
                self._lines.put_back(waiting)
                self._lines.shut(self.world.now() + max(self._breaker.open_for_s(), SHUT_LOOK_S))
                break
            was_probe = self._breaker.state is CircuitState.HALF_OPEN
            attempted = Attempted(waiting, held.fence, permit, was_probe)
            attempted.task = self.world.spawn(self._attempt, attempted, name=f"effect {waiting.entry_id}")
            self._tasks.add(attempted.task)
        self._look_again()

    def _look_again(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        at_s = self._lines.next_look_s()
        if at_s is not None:
            self._tick = self.send_after(max(0.0, at_s - self.world.now()), Pump())

    def _attempt(self, attempted: Attempted) -> None:
        """One attempt; a task of its own."""
        try:
            self._do(attempted)
        except Exception as error:  # noqa: BLE001 - it is classified
            attempted.error = error
        finally:
            if self.actor_ref.is_alive():
                self.actor_ref.tell(Ended(attempted))

    def _do(self, attempted: Attempted) -> None:
        begun = outbox.begin(self._node, attempted.waiting, attempted.fence, self._target.name)
        if begun is None:
            return
        attempted.body, attempted.record = begun.body, begun.record
        effect = decode(begun.body)
        if not isinstance(effect, Effect):
            raise CodecError(f"a {type(effect).__qualname__} is no effect", begun.body)
        attempted.effect = effect
        first = first_step(begun.before, self._target.delivery)
        if first is First.GIVE_UP:
            raise UnknownOutcome("an earlier attempt ended without a word, and may have happened")
        perform_unguarded(self._node, self._target, effect, repeated=first is First.LOOK)

    def _ended(self, attempted: Attempted) -> None:
        if attempted.task is not None:
            self._tasks.discard(attempted.task)
        error = attempted.error
        if attempted.record is None:
            # The store did not answer, or the effect is another's by now: the service was not asked.
            self._breaker.release(attempted.permit)
            if isinstance(error, StoreError):
                self._lines.put_back(attempted.waiting)
                self._lines.hold(self.world.now() + STORE_RETRY_S)
            else:
                self._lines.settled(attempted.waiting)
        elif error is None:
            self._breaker.succeeded(attempted.permit)
            self._lines.open()
            self._end(attempted, None)
        elif isinstance(error, UnknownOutcome | CodecError):
            self._breaker.release(attempted.permit)
            self._give_up(attempted, "unknown_outcome" if isinstance(error, UnknownOutcome) else "effect", str(error))
        elif isinstance(error, ServiceEnded):
            self._breaker.release(attempted.permit)
            self._service_ended(attempted, attempted.record, error)
        else:
            self._failed(attempted, attempted.record, error)

    def _service_ended(self, attempted: Attempted, record: Attempts, error: ServiceEnded) -> None:
        self._lines.put_back(attempted.waiting)
        not_done = replace(record, state=State.NOT_DONE, silent=0)
        outbox.submit_note(self._node, attempted.waiting, attempted.fence, not_done, lambda _: None)
        self._breaker.force_open()
        self._log.error(
            "a service wants no more", target=self._target.name, reason=str(error), waiting=len(self._lines),
            next=f"effects wait in the outbox; `breaker reset {self._breaker.name}` lets them go on",
        )  # fmt: skip

    def _failed(self, attempted: Attempted, record: Attempts, error: BaseException) -> None:
        verdict = verdict_of(error, self._target)
        self._breaker.failed(attempted.permit, verdict)
        self._lines.open()
        waiting = attempted.waiting
        age_s = self._node.world.wall() - waiting.place[0] / 1000
        failure = Failure(record, verdict, is_known_not_done(error, verdict), attempted.was_probe, age_s)
        decided = after_failure(
            failure, self._lines.retry_of(waiting), self._policy, self._target.delivery, self.world.random.random()
        )
        attempted.record = decided.record
        if not isinstance(decided, TryAgain):
            self._give_up(attempted, decided.reason, f"{verdict.cause.value}: {error}")
            return
        until_s = self.world.now() + decided.delay_s
        self._lines.wait(waiting, until_s, decided.retry)
        if decided.all_wait:
            self._lines.hold(until_s)
        outbox.submit_note(self._node, waiting, attempted.fence, decided.record, lambda _: None)
        self._log.warning(
            "an effect failed", target=self._target.name, chat_id=waiting.chat_id, attempt=decided.record.begun,
            cause=verdict.cause.value, reason=str(error).partition("\n")[0][:300],
            next=f"again in {decided.delay_s:.1f} s; what follows it in its chat waits",
        )  # fmt: skip

    def _give_up(self, attempted: Attempted, reason: str, detail: str) -> None:
        effect, record, waiting = attempted.effect, attempted.record, attempted.waiting
        begun = record.begun if record is not None else 0
        at = self._node.at()
        if effect is None:
            letter = DeadLetter(reason, detail, at, waiting.chat_id, None, attempted.body, begun)
        else:
            letter = outbox.letter_of(effect, reason, detail, at, begun)
        self._log.error(
            "an effect is given up", target=self._target.name, chat_id=waiting.chat_id, message_id=letter.message_id,
            effect_id=effect.effect_id if effect is not None else "", attempts=begun, reason=detail[:300],
            next="it is a dead letter; what follows it goes on",
        )  # fmt: skip
        self._end(attempted, letter)

    def _end(self, attempted: Attempted, letter: DeadLetter | None) -> None:
        """Have it leave the outbox, however often the store has to be asked: it is not done again meanwhile."""
        ref, waiting, fence = self.actor_ref, attempted.waiting, attempted.fence

        def ask() -> None:
            if ref.is_alive():
                outbox.submit_end(self._node, waiting, fence, letter, answered)

        def answered(answer: Any) -> None:
            if answer == b"done" and letter is None and attempted.effect is not None:
                self._node.files.effect_ended(attempted.effect.effect_id)
            if ref.is_alive():
                ref.tell(Left(waiting, answer, ask))

        ask()

    def _left(self, left: Left) -> None:
        if isinstance(left.answer, StoreError):
            self._node.world.call_later(STORE_RETRY_S, left.again)
            return
        self._lines.settled(left.waiting)


def policy_named(name: str) -> RetryPolicy:
    """One of `RetryPolicies`, as the decisions have it. Raises AttributeError for a name that is none."""
    settings = getattr(RetryPolicies, f"{name}_policy")()
    return RetryPolicy(settings["policy"], settings["max_retries"], settings["min_delay_s"], settings["max_delay_s"])


def supervised(node: Node, name: str) -> ChildSpec:
    """One target's actor."""
    return ChildSpec(id=f"to-{name}", start=partial(Deliverer.start, node, name), shutdown_s=LEAVING_S + 1.0)
