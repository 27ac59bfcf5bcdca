"""What a dead letter of a partition's stream becomes: an item to be kept, with its type, its key and its cause. Pure.

effect.TARGET   something outside that was not done: tried again by itself, by the target's own policy
message         a message of a person that crashed its session, or whose chat could not be written: a person decides
input           what was refused at a door: a person looks at it
snapshot        a conversation's memory that could not be read: kept for whoever mends it, never put back by itself
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.effects.records import Effect
from actors.partition.dead_letter import RAW_BYTES_MAX, DeadLetter
from actors.partition.replay_ids import original_id
from messages.codec import decode
from messages.errors import CodecError
from messages.records import InboundMessage
from messages.redaction import redact_text
from supervision.breaking.settings import DECISIVE
from supervision.classification.verdicts import Cause, ClassifiedError, ErrorCategory
from supervision.dead_letter_queue import Attempt, DeadItem, DeathReason, ItemState, Priority
from supervision.dead_letters import machine
from supervision.error_classification import error_classifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervision.dead_letters.machine import Rules

EFFECT: Final = "effect."
MESSAGE: Final = "message"
INPUT: Final = "input"
SNAPSHOT: Final = "snapshot"
UNREADABLE: Final = "unreadable"
RAW: Final = "raw_base64"

_CAUSES: Final = {cause.value: cause for cause in Cause}
# A ledger row comes before the rest: totals are asked for at once.
_PRIORITIES: Final = {"ledger": Priority.HIGH, "webhook": Priority.NORMAL, "sheet": Priority.LOW}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a letter stood: its partition, its entry in the dead stream."""

    partition: int
    entry_id: str

    @property
    def at_s(self) -> float:
        """When it was written, by the server's clock."""
        return int(self.entry_id.partition("-")[0]) / 1000

    @property
    def item_id(self) -> str:
        """The same at every reading; in the order of age within its partition."""
        milliseconds, _, number = self.entry_id.partition("-")
        return f"{self.partition:02d}-{int(milliseconds):013d}-{int(number or 0):04d}"


def item_of(origin: Origin, raw: bytes, chat_id: str, rules: Mapping[str, Rules], chance: float) -> DeadItem:
    """The item of one entry. rules: by type, those of effects; chance: from 0 to 1, for the backoff. Never raises."""
    try:
        letter = decode(raw)
    except CodecError as error:
        letter = DeadLetter(
            UNREADABLE, f"the dead letter itself cannot be read: {error}", "", chat_id or None, None, raw
        )
    if not isinstance(letter, DeadLetter):
        letter = DeadLetter(UNREADABLE, f"a {type(letter).__name__}, no dead letter", "", chat_id or None, None, raw)
    return _effect_item(origin, letter, rules, chance) or _other_item(origin, letter)


def bare_item(origin: Origin, raw: bytes, chat_id: str, why: str) -> DeadItem:
    """The item of an entry whose own could not be kept as it is: its bytes, and nothing made of them."""
    letter = DeadLetter(UNREADABLE, why, "", chat_id or None, None, raw[:RAW_BYTES_MAX])
    return _other_item(origin, letter)


def _effect_item(origin: Origin, letter: DeadLetter, rules: Mapping[str, Rules], chance: float) -> DeadItem | None:
    effect = _record_in(letter.raw)
    if not isinstance(effect, Effect):
        return None
    kind = f"{EFFECT}{effect.target}"
    known = rules.get(kind) or machine.default_rules(effect.target)
    item = DeadItem(
        item_id=origin.item_id, operation_type=kind, payload=msgspec.to_builtins(effect),
        priority=int(_PRIORITIES.get(effect.target, Priority.NORMAL)), state=ItemState.QUEUED,
        enqueued_at_s=origin.at_s, due_at_s=origin.at_s, service=known.service or effect.target,
        idempotency_key=effect.effect_id,
        context={"chat_id": effect.chat_id, "message_id": effect.message_id, "user_id": effect.user_id},
    )  # fmt: skip
    if letter.reason == "unknown_outcome":
        return _dead(item, letter, origin, Cause.UNKNOWN, DeathReason.UNKNOWN_OUTCOME)
    verdict = _verdict_in(letter)
    noted = machine.failed(item, verdict, known, origin.at_s, chance, is_first=True)
    return replace(noted, attempts_made=max(letter.attempts, 1))


def _verdict_in(letter: DeadLetter) -> ClassifiedError:
    """The relay writes the cause before the words of the error; where it does not, the words decide."""
    verdict = error_classifier.classify(letter.detail or letter.reason)
    cause = _CAUSES.get(letter.detail.partition(":")[0])
    if cause is None or cause is verdict.cause:
        return verdict
    return replace(verdict, cause=cause, is_retryable=verdict.is_retryable or cause in DECISIVE)


def _other_item(origin: Origin, letter: DeadLetter) -> DeadItem:
    message = _record_in(letter.raw)
    reason, cause = DeathReason.NOT_RETRYABLE, Cause.INVALID_REQUEST
    payload: dict[str, Any] = {RAW: base64.b64encode(letter.raw).decode()}
    key: str | None = None
    if letter.reason == "snapshot":
        kind = SNAPSHOT
    elif isinstance(message, InboundMessage) and letter.reason in ("poison", "broken"):
        kind, reason, cause = MESSAGE, DeathReason.POISON, Cause.BUG
        key = f"{message.chat_id}\n{original_id(letter.message_id or '')}"
        payload = {"message": msgspec.to_builtins(message), "message_id": letter.message_id}
    else:
        kind = INPUT
    context = {"chat_id": letter.chat_id, "message_id": letter.message_id}
    item = DeadItem(
        item_id=origin.item_id, operation_type=kind, payload=payload, priority=int(Priority.NORMAL),
        state=ItemState.DEAD, enqueued_at_s=origin.at_s, due_at_s=origin.at_s, service=kind, idempotency_key=key,
        context={name: value for name, value in context.items() if value},
    )  # fmt: skip
    return _dead(item, letter, origin, cause, reason)


def _dead(item: DeadItem, letter: DeadLetter, origin: Origin, cause: Cause, reason: DeathReason) -> DeadItem:
    attempt = attempt_of(letter, origin, cause, item.round)
    mark = machine.fingerprint(item.service, replace(error_classifier.classify(letter.detail), cause=cause))
    dead = replace(item, attempts=(attempt,), attempts_made=max(letter.attempts, 1), fingerprint=mark)
    return replace(dead, state=ItemState.DEAD, reason=reason.value, heals=False)


def attempt_of(letter: DeadLetter, origin: Origin, cause: Cause, number_of_round: int) -> Attempt:
    """What is known of the failure that brought it here."""
    detail = redact_text(f"{letter.reason}: {letter.detail}", machine.DETAIL_CHARS_MAX)
    return Attempt(
        number_of_round, max(letter.attempts - 1, 0), origin.at_s, "failed", cause.value, ErrorCategory.UNKNOWN.value,
        detail,
    )  # fmt: skip


def died_again(item: DeadItem, letter_item: DeadItem) -> DeadItem | None:
    """The letter that is here already, after another one came under its key; None where that changes nothing."""
    if item.operation_type != MESSAGE:
        return None
    attempt = replace(letter_item.attempts[-1], round=item.round)
    return machine.died_again(item, attempt, DeathReason.POISON, letter_item.enqueued_at_s)


def held_files(item: DeadItem) -> tuple[str, ...]:
    """The references by which a message's letter keeps its files, as the partition's blobs have them."""
    if item.operation_type != MESSAGE:
        return ()
    try:
        message, message_id = message_in(item.payload)
    except (KeyError, TypeError, msgspec.ValidationError):
        return ()
    digests = [attachment.digest for attachment in message.attachments if attachment.digest]
    return tuple(f"{digest}\n{message.chat_id}\n{original_id(message_id)}#dead" for digest in digests)


def effect_in(payload: object) -> Effect:
    """The effect of an item's payload, which a person may have changed. Raises msgspec.ValidationError."""
    return msgspec.convert(payload, Effect)


def raw_in(payload: Mapping[str, Any]) -> bytes:
    """The bytes of an item's payload. Raises KeyError and ValueError."""
    return base64.b64decode(payload[RAW], validate=True)


def message_in(payload: Mapping[str, Any]) -> tuple[InboundMessage, str]:
    """The message of an item's payload, and the id it had. Raises msgspec.ValidationError and KeyError."""
    message = msgspec.convert(payload["message"], InboundMessage)
    return message, str(payload.get("message_id") or message.message_id or "")


def _record_in(raw: bytes) -> object:
    try:
        return decode(raw)
    except CodecError:
        return None
