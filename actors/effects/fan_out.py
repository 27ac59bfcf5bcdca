"""From what a turn changes to what is to be done outside. Pure: the same turn gives the same effects, ids and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.effects.records import Effect, effect_id_of
from invoices.changes import Change, Reminding, booking_to_plain
from invoices.invoice import to_protocol
from messages.light import light_record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from messages.codec import Json

REMINDER: Final = "reminder"
WEBHOOK: Final = "webhook"
# In the order in which they are written to the outbox.
TARGETS: Final = ("ledger", "sheet", WEBHOOK)


@light_record
class Origin:
    """The message that a turn is about. at: its acceptance, ISO 8601."""

    chat_id: str
    user_id: str
    message_id: str
    entry_id: str
    at: str


def effects_of(changes: Sequence[Change | Reminding], targets: Collection[str], origin: Origin) -> tuple[Effect, ...]:
    """The effects of a turn's changes on those targets, in order."""
    effects: list[Effect] = []
    for place, change in enumerate(changes):
        if isinstance(change, Reminding):
            if REMINDER in targets:
                effects.append(_reminder(change, place, origin))
            continue
        effects += (_booking(change, place, target, origin) for target in TARGETS if target in targets)
    return tuple(effects)


def _booking(change: Change, place: int, target: str, origin: Origin) -> Effect:
    booking = change.booking
    payload: Mapping[str, Json] = (
        {"invoice_id": booking.invoice_id, "invoice": to_protocol(booking.invoice), "is_paid": booking.is_paid}
        if target == WEBHOOK
        else {"booking": booking_to_plain(booking)}
    )
    return _effect(change.kind, booking.invoice_id, booking.revision, payload, place, target, origin)


def _reminder(reminding: Reminding, place: int, origin: Origin) -> Effect:
    kind = "reminder.set" if reminding.at is not None else "reminder.cancelled"
    payload = {"at": reminding.at, "text": reminding.text}
    return _effect(kind, reminding.key, reminding.revision, payload, place, REMINDER, origin)


def _effect(
    kind: str, key: str, revision: int, payload: Mapping[str, Json], place: int, target: str, origin: Origin
) -> Effect:
    return Effect(
        effect_id_of(origin.chat_id, origin.message_id, origin.entry_id, place, target), target, kind, key,
        origin.chat_id, origin.user_id, origin.message_id, origin.at, revision, payload,
    )  # fmt: skip
