"""Answers to what the agent has asked: yes, no, one of several, a day; nothing else makes a question's deed happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from actors.session.handlers import changes, waiting
from actors.session.handlers.actions import act_of
from actors.session.work import Said
from invoices.intents import LANGUAGES, Intent, Kind
from invoices.intents.days import days_of
from invoices.intents.periods import periods_of
from invoices.intents.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.session.state import Asked
    from actors.session.work import Work
    from messages.records import InboundMessage

FOLLOW_UP_CHARS_MAX: Final = 40
_CHOOSING: Final = frozenset({Kind.SHOW, Kind.CONFIRM, Kind.UNCLEAR, Kind.LIST})


def answered(work: Work, intent: Intent, asked: Asked | None, message: InboundMessage) -> Intent | None:
    """The intent that an answer completes: one of several that were listed, or the day that was asked for."""
    if asked is None:
        return None
    if asked.about == "which" and intent.kind in _CHOOSING:
        return _chosen(intent, asked)
    if asked.about == "when" and intent.kind in (*_CHOOSING, Kind.REMIND, Kind.DUE) and intent.when is None:
        language = work.language if work.language in LANGUAGES else "en"
        days = list(days_of(language).find(plain((message.text or "")[:200]), work.today, "future"))
        if days:
            one = asked.invoice_ids[0] if asked.invoice_ids else None
            return Intent(Kind.REMIND, invoice_id=one, when=days[0].day)
    return None


def _chosen(intent: Intent, asked: Asked) -> Intent | None:
    pending = plain_intent(asked)
    if pending is None:
        return None
    if intent.ordinal is not None and intent.ordinal <= len(asked.invoice_ids):
        return replace(pending, invoice_id=asked.invoice_ids[intent.ordinal - 1])
    if intent.number is not None:
        return replace(pending, number=intent.number, supplier=None)
    if intent.reference == "last" and asked.invoice_ids:
        return replace(pending, invoice_id=asked.invoice_ids[-1])
    return None


def same_again(work: Work, message: InboundMessage) -> Intent | None:
    """As in "and in November?": the last question about several, for the time that is named now."""
    if work.state.last_query is None or not message.text or len(message.text) > FOLLOW_UP_CHARS_MAX:
        return None
    language = work.language if work.language in LANGUAGES else "en"
    found = periods_of(language).find(plain(message.text), work.today)
    if not found:
        return None
    try:
        return replace(msgspec.convert(work.state.last_query, Intent), period=found[0].period)
    except msgspec.ValidationError:
        return None


def plain_intent(asked: Asked) -> Intent | None:
    """The intent that a question remembers."""
    if asked.intent is None:
        return None
    try:
        return msgspec.convert(asked.intent, Intent)
    except msgspec.ValidationError:
        return None


def confirm(
    work: Work, intent: Intent, asked: Asked | None, action: str | None, do: Callable[[Work, Intent], Said]
) -> Said:
    """As in "Yes". do: carries an intent out."""
    act = act_of(action)
    is_meant = asked is not None and (intent.invoice_id is None or intent.invoice_id in asked.invoice_ids)
    if asked is not None and asked.about == "delete" and is_meant and act in ("", "yes", "delete_yes"):
        return changes.delete(work, asked.invoice_ids)
    if act == "delete_yes":
        return changes.ask_to_delete(work, Intent(Kind.DELETE, invoice_id=intent.invoice_id))
    if asked is not None and asked.about == "do" and act in ("", "yes"):
        pending = plain_intent(asked)
        if pending is not None:
            return do(work, pending)
    draft = waiting.named(work, intent.invoice_id, intent.number)
    if draft is not None:
        return waiting.confirm(work, draft)
    return Said(work.say.say("nothing_waiting"), (work.button("What can you do?", "help"),))


def cancel(work: Work, intent: Intent, asked: Asked | None, action: str | None) -> Said:
    """As in "No"."""
    act = act_of(action)
    if asked is not None and asked.about in ("delete", "do", "which", "when") and act in ("", "no", "keep"):
        return Said(work.say.say("left_alone"))
    draft = waiting.named(work, intent.invoice_id, intent.number)
    if draft is None or act == "keep":
        return Said(work.say.say("left_alone"))
    if act == "discard":
        return waiting.discard(work, draft)
    work.set(asked=asked)
    return waiting.deny(work, draft)
