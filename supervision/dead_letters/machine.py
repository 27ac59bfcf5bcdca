"""The life of a dead letter: every decision about one item, as pure functions of item, error, time and chance."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

from messages.redaction import redact, redact_text
from supervision.breaking.settings import DECISIVE, NOT_ITS_FAULT
from supervision.classification.verdicts import Cause, ClassifiedError
from supervision.dead_letters.records import (
    ATTEMPTS_KEPT_MAX,
    FINISHED,
    NOTES_KEPT_MAX,
    Attempt,
    DeadItem,
    DeathReason,
    Delivery,
    ItemState,
    Note,
)
from supervision.retrying.loop import RetryState, Wait, next_step
from supervision.retrying.policies import RetryPolicies
from supervision.retrying.schedule import RetryPolicy, backoff_s

AGEING_S: Final = 60.0
"""Items of the next higher priority that become due within this time overtake a due one; later ones never do."""

ABANDONED_MAX: Final = 3
"""An item whose processor vanished so often is poison: it may be the cause."""

PATIENT_RETRIES: Final = 2
TRACEBACK_CHARS_MAX: Final = 4000
DETAIL_CHARS_MAX: Final = 500

# Causes of which nobody knows whether a second try helps; whoever waits minutes between tries can afford two.
_PATIENT: Final = frozenset({Cause.UNKNOWN, Cause.BUG})

# After these the service may have done what it was asked.
_OUTCOME_UNKNOWN: Final = frozenset({
    Cause.TIMEOUT, Cause.CONNECTION, Cause.GATEWAY_TIMEOUT, Cause.BAD_GATEWAY, Cause.SERVER_ERROR, Cause.OVERLOADED,
    Cause.STREAM_INTERRUPTED, Cause.INVALID_RESPONSE, Cause.EMPTY_RESPONSE, Cause.UNKNOWN, Cause.DB_UNAVAILABLE,
    Cause.DB_SHUTDOWN, Cause.DB_QUERY_TIMEOUT, Cause.CANCELLED,
})  # fmt: skip

_OUTCOME_UNKNOWN_VALUES: Final = frozenset(cause.value for cause in _OUTCOME_UNKNOWN)

_POLICY_BY_WORD: Final = (
    (("webhook", "callback"), RetryPolicies.webhook_policy),
    (("database", "ledger", "db", "sql", "redis"), RetryPolicies.database_policy),
    (("model", "ai", "llm", "completion"), RetryPolicies.ai_model_policy),
    (("download", "file", "attachment"), RetryPolicies.file_download_policy),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """How items of one type are treated."""

    policy: RetryPolicy
    delivery: Delivery = Delivery.KEYED
    service: str = ""


def policy_of(settings: Mapping[str, Any] | RetryPolicy) -> RetryPolicy:
    """A policy from the settings that the decorators take."""
    if isinstance(settings, RetryPolicy):
        return settings
    given = {name: settings[name] for name in ("max_retries", "min_delay_s", "max_delay_s", "multiplier")
             if name in settings}  # fmt: skip
    return RetryPolicy(str(settings.get("policy", "custom")), **given)


def default_rules(operation_type: str) -> Rules:
    """By the words in the type's name; a network call's, where none is known."""
    words = set(re.split(r"[^a-z0-9]+", operation_type.lower()))
    for known, make in _POLICY_BY_WORD:
        if words & set(known):
            return Rules(policy_of(make()), service=operation_type)
    return Rules(policy_of(RetryPolicies.network_policy()), service=operation_type)


def turn_at_s(item: DeadItem, ageing_s: float = AGEING_S) -> float:
    """Where an item stands among those that are due: the lowest goes first.

    Waiting counts for all alike, so it never changes the order, and an index can keep it: a lower priority is as if it
    had become due so much later.
    """
    return item.due_at_s + item.priority * ageing_s


def outcome_is_unknown(verdict: ClassifiedError) -> bool:
    """Whether the service may have done it in spite of the error."""
    return verdict.cause in _OUTCOME_UNKNOWN


def cause_is_unknown(cause: str) -> bool:
    """As outcome_is_unknown, of an attempt that was kept."""
    return cause in _OUTCOME_UNKNOWN_VALUES


def is_service_fault(verdict: ClassifiedError) -> bool:
    """Whether another item would have been told the same now."""
    return verdict.cause not in NOT_ITS_FAULT and (verdict.is_retryable or verdict.cause in DECISIVE)


def failed(
    item: DeadItem,
    verdict: ClassifiedError,
    rules: Rules,
    now_s: float,
    chance: float,
    *,
    duration_s: float = 0.0,
    is_first: bool = False,
) -> DeadItem:
    """The item after a failure: retrying with a time, or dead with a reason.

    is_first: the failure that brought it here, which asks for a first try and not for another.
    """
    noted = _with_attempt(item, verdict, now_s, "failed", duration_s)
    noted = replace(noted, fingerprint=fingerprint(item.service, verdict))
    if outcome_is_unknown(verdict) and rules.delivery is Delivery.NEITHER:
        return _dead(noted, DeathReason.UNKNOWN_OUTCOME, now_s, heals=False)
    patient = verdict
    if verdict.cause in _PATIENT and not verdict.is_retryable:
        patient = replace(verdict, is_retryable=True, max_retries=PATIENT_RETRIES)
    elif verdict.is_retryable:
        # The verdict's own bound is for a loop whose caller waits; here the policy's counts.
        patient = replace(verdict, max_retries=max(verdict.max_retries, rules.policy.max_retries))
    step = next_step(rules.policy, RetryState(item.retries, item.last_wait_s), patient, now_s=now_s, chance=chance)
    if isinstance(step, Wait):
        state = ItemState.QUEUED if is_first else ItemState.RETRYING
        return _changed(noted, state=state, reason="", heals=False, due_at_s=now_s + step.delay_s,
                        retries=item.retries + (not is_first), last_wait_s=step.delay_s)  # fmt: skip
    reason = DeathReason.EXHAUSTED if patient.is_retryable else DeathReason.NOT_RETRYABLE
    return _dead(noted, reason, now_s, heals=is_service_fault(verdict))


def is_barred(item: DeadItem, rules: Rules) -> bool:
    """Whether nobody but a person may repeat it: its last attempt may have happened, and nothing can tell.

    A replay is a person's word: the attempts before it do not count.
    """
    if rules.delivery is not Delivery.NEITHER or not item.attempts or item.attempts[-1].round != item.round:
        return False
    return last_is_unknown(item)


def last_is_unknown(item: DeadItem) -> bool:
    """Whether the service may have done what the item's last attempt asked of it."""
    last = item.attempts[-1] if item.attempts else None
    return last is not None and (last.outcome == "abandoned" or cause_is_unknown(last.cause))


def barred(item: DeadItem, now_s: float) -> DeadItem:
    """The item, not tried: a person decides."""
    return _dead(item, DeathReason.UNKNOWN_OUTCOME, now_s, heals=False)


def abandoned(item: DeadItem, rules: Rules, now_s: float, chance: float) -> DeadItem:
    """The item after its processor vanished with it: given back, unless it may be the cause or may not be repeated."""
    attempt = Attempt(item.round, item.retries, now_s, "abandoned", Cause.CANCELLED.value, "UNKNOWN",
                      "its processor vanished")  # fmt: skip
    noted = replace(_kept(item, attempt), abandoned=item.abandoned + 1)
    if rules.delivery is Delivery.NEITHER:
        return _dead(noted, DeathReason.UNKNOWN_OUTCOME, now_s, heals=False)
    if noted.abandoned >= ABANDONED_MAX:
        return _dead(noted, DeathReason.POISON, now_s, heals=False)
    wait_s = 0.0 if noted.abandoned == 1 else backoff_s(rules.policy, noted.abandoned, 0.0, chance)
    return _changed(noted, state=ItemState.RETRYING, due_at_s=now_s + wait_s)


def snoozed(item: DeadItem, wait_s: float, now_s: float) -> DeadItem:
    """The item was not tried, since its service is away: that is no attempt."""
    return _changed(item, due_at_s=now_s + wait_s)


def resolved(item: DeadItem, now_s: float) -> DeadItem:
    """The item is done."""
    return _changed(item, state=ItemState.RESOLVED, reason="", heals=False, finished_at_s=now_s)


def may_replay(item: DeadItem) -> bool:
    """Whether a replay means anything: not of what is done or let go."""
    return item.state not in FINISHED


def replayed(item: DeadItem, payload: Any, due_at_s: float, now_s: float, by: str) -> DeadItem:
    """A new round, linked to those before by the attempts that are kept. payload: None for the one it has."""
    detail = "" if payload is None else "with another payload"
    noted = _with_note(item, Note(now_s, "replayed", by, detail))
    return _changed(noted, state=ItemState.QUEUED, reason="", heals=False, round=item.round + 1, retries=0,
                    last_wait_s=0.0, abandoned=0, due_at_s=due_at_s, finished_at_s=None,
                    payload=item.payload if payload is None else payload)  # fmt: skip


def discarded(item: DeadItem, reason: str, now_s: float, by: str) -> DeadItem:
    """A person let it go."""
    noted = _with_note(item, Note(now_s, "discarded", by, reason))
    return _changed(noted, state=ItemState.DISCARDED, reason=reason, heals=False, finished_at_s=now_s)


def reported_again(item: DeadItem, verdict: ClassifiedError | None, now_s: float) -> DeadItem:
    """The same work was enqueued again under its key: it stays one item."""
    detail = "" if verdict is None else redact_text(verdict.technical_detail, DETAIL_CHARS_MAX)
    return _changed(_with_note(item, Note(now_s, "reported_again", "enqueue", detail)))


def died_again(item: DeadItem, attempt: Attempt, reason: DeathReason, now_s: float) -> DeadItem:
    """What was handed over to others, and counted as done, has failed with them: it waits for a person again."""
    noted = replace(_kept(item, attempt), finished_at_s=None)
    return _dead(noted, reason, now_s, heals=False)


def imported(item: DeadItem, now_s: float) -> DeadItem:
    """An item that came from another queue's export."""
    return _changed(_with_note(item, Note(now_s, "imported", "import")))


def redacted(item: DeadItem) -> DeadItem:
    """The item as it may be listed: no secrets, no bulk."""
    notes = tuple(replace(note, detail=redact_text(note.detail)) for note in item.notes)
    return replace(item, payload=redact(item.payload), notes=notes, reason=redact_text(item.reason))


def fingerprint(service: str, verdict: ClassifiedError) -> str:
    """What failures of one cause have in common: service, cause, status and the error's words without its figures."""
    words = re.sub(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d+|'[^']*'|\"[^\"]*\"", "#", verdict.technical_detail.lower())
    parts = (service, verdict.cause.value, str(verdict.status or ""), words[:200])
    return blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def _with_attempt(item: DeadItem, verdict: ClassifiedError, now_s: float, outcome: str, duration_s: float) -> DeadItem:
    return _kept(item, Attempt(
        item.round, item.retries, now_s, outcome, verdict.cause.value, verdict.category.value,
        redact_text(_valid(verdict.technical_detail), DETAIL_CHARS_MAX), _traceback_of(verdict.original), duration_s,
    ))  # fmt: skip


def _kept(item: DeadItem, attempt: Attempt) -> DeadItem:
    attempts = (*item.attempts, attempt)
    if len(attempts) > ATTEMPTS_KEPT_MAX:
        attempts = (attempts[0], *attempts[-ATTEMPTS_KEPT_MAX + 1 :])
    return replace(item, attempts=attempts, attempts_made=item.attempts_made + 1)


def _with_note(item: DeadItem, note: Note) -> DeadItem:
    note = replace(note, detail=_valid(note.detail))
    return replace(item, notes=(*item.notes, note)[-NOTES_KEPT_MAX:])


def _dead(item: DeadItem, reason: DeathReason, now_s: float, *, heals: bool) -> DeadItem:
    return _changed(item, state=ItemState.DEAD, reason=reason.value, heals=heals, due_at_s=now_s)


def _changed(item: DeadItem, **fields: Any) -> DeadItem:
    return replace(item, revision=item.revision + 1, **fields)


def _traceback_of(original: object) -> str:
    if not isinstance(original, BaseException) or original.__traceback__ is None:
        return ""
    return redact_text(_valid("".join(traceback.format_exception(original))), TRACEBACK_CHARS_MAX)


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
