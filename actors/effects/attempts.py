"""What is known of the attempts at an effect: the record kept beside the outbox, and the decisions over it. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from messages.light import light_record
from supervision.classification.verdicts import HANDLING, Cause, ClassifiedError
from supervision.retry_mechanism import RetryPolicy, RetryState, Wait, next_step
from supervision.retrying.schedule import after_hint_s

if TYPE_CHECKING:
    from actors.effects.target import Delivery

# What waited for longer than this when it fails once more is a person's business.
AGE_MAX_S: Final = 86_400.0
# So many attempts in a row ended with the end of their process: it may be they that end it.
SILENT_MAX: Final = 5


class State(StrEnum):
    """Of the last attempt."""

    BEGUN = "b"
    NOT_DONE = "f"
    UNKNOWN = "u"


@light_record
class Attempts:
    """The record. begun: attempts in all; counted: those that count against the policy; silent: see SILENT_MAX."""

    state: State
    target: str
    begun: int = 1
    counted: int = 0
    silent: int = 0
    at_ms: int = 0

    def pack(self) -> str:
        """As `effect_begin.lua` has it."""
        return f"{self.state.value}|{self.target}|{self.begun}|{self.counted}|{self.silent}|{self.at_ms}"

    @staticmethod
    def unpack(text: str) -> Attempts | None:
        """The record; None when there is none, or none that can be read."""
        parts = text.split("|")
        try:
            return Attempts(State(parts[0]), parts[1], *(int(part) for part in parts[2:6]))
        except (ValueError, IndexError):
            return None


class First(StrEnum):
    """What comes first in an attempt."""

    PERFORM = "perform"
    LOOK = "look"
    GIVE_UP = "give_up"


def first_step(before: Attempts | None, delivery: Delivery) -> First:
    """How an attempt begins, by what is known of the one before."""
    if before is None or before.state is State.NOT_DONE:
        return First.PERFORM
    if before.state is State.BEGUN and before.silent + 1 >= SILENT_MAX:
        return First.GIVE_UP
    match delivery:
        case "keyed":
            return First.PERFORM
        case "checkable":
            return First.LOOK
        case "neither":
            return First.GIVE_UP


@light_record
class TryAgain:
    """After a failure: again after delay_s, with the record as it is now. all_wait: the service asked everybody to."""

    delay_s: float
    record: Attempts
    retry: RetryState
    all_wait: bool = False


@light_record
class GiveUp:
    """After a failure: a dead letter. reason: its first word."""

    reason: str
    record: Attempts


# The service has read the request and has said no, or was not reached: it has not happened.
_REFUSED: Final = frozenset({
    Cause.RATE_LIMIT, Cause.QUOTA_EXCEEDED, Cause.BUDGET_EXCEEDED, Cause.REQUEST_TOO_LARGE, Cause.AUTH,
    Cause.PERMISSION, Cause.NOT_FOUND, Cause.DNS, Cause.DNS_UNKNOWN_NAME, Cause.TLS, Cause.INVALID_REQUEST,
    Cause.BANNED_FOR_NOW, Cause.CONSTRAINT, Cause.DB_CONNECTION_LIMIT, Cause.DB_DEADLOCK, Cause.DB_SERIALIZATION,
    Cause.DB_LOCKED, Cause.DB_READONLY, Cause.DB_STATEMENT, Cause.CONFIG_ERROR, Cause.DISK_FULL,
})  # fmt: skip


# The service itself is out of order, and an operator mends it: whatever is tried meanwhile is told the same, so all of
# it waits, and none of its attempts are used up.
OUT_OF_ORDER: Final = frozenset({
    Cause.DISK_FULL, Cause.DISK_IO, Cause.DB_CORRUPT, Cause.OUT_OF_MEMORY, Cause.STORE_OUT_OF_MEMORY, Cause.FD_LIMIT,
})  # fmt: skip
OUT_OF_ORDER_S: Final = 5.0


def is_known_not_done(error: BaseException, verdict: ClassifiedError) -> bool:
    """Whether a failed attempt has certainly changed nothing."""
    if getattr(error, "outcome", None) == "not_done" or verdict.cause in _REFUSED:
        return True
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@light_record
class Failure:
    """A failed attempt. record: with this attempt as begun. was_probe: it was made to see whether the service is back.

    age_s: of the effect, since its turn was committed.
    """

    record: Attempts
    verdict: ClassifiedError
    not_done: bool
    was_probe: bool
    age_s: float


def after_failure(
    failure: Failure, retry: RetryState, policy: RetryPolicy, delivery: Delivery, chance: float
) -> TryAgain | GiveUp:
    """What follows a failed attempt. Neither a probe burns anything, nor a service's own word to come back later."""
    record, verdict = failure.record, failure.verdict
    state = State.NOT_DONE if failure.not_done else State.UNKNOWN
    told_to_wait = verdict.retry_after is not None and HANDLING[verdict.cause].retryable
    out_of_order = verdict.cause in OUT_OF_ORDER
    counted = record.counted if failure.was_probe or told_to_wait or out_of_order else record.counted + 1
    now = Attempts(state, record.target, record.begun, counted, 0, record.at_ms)
    if state is State.UNKNOWN and delivery == "neither":
        return GiveUp("unknown_outcome", now)
    if failure.age_s > AGE_MAX_S:
        return GiveUp("effect", now)
    if out_of_order:
        return TryAgain(OUT_OF_ORDER_S, now, retry, all_wait=True)
    if told_to_wait and verdict.retry_after is not None:
        delay_s = min(after_hint_s(verdict.retry_after, chance), AGE_MAX_S)
        return TryAgain(delay_s, now, retry, all_wait=True)
    if counted == record.counted:
        # Nothing was burnt, so the schedule stands where it stood; the breaker says when the next one may pass.
        return TryAgain(policy.min_delay_s, now, retry) if HANDLING[verdict.cause].retryable else GiveUp("effect", now)
    step = next_step(
        policy, RetryState(counted - 1, retry.last_wait_s, retry.waited_s), verdict, now_s=0.0, chance=chance
    )
    return TryAgain(step.delay_s, now, step.state) if isinstance(step, Wait) else GiveUp("effect", now)
