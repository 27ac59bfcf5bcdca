"""What the person wants the agent to be like: language, currency, reminders; and being reminded once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from actors.session.handlers.which import bookings_meant
from actors.session.work import Said
from invoices.answers import Answers
from invoices.book import BookQuery
from invoices.changes import Change, Reminding
from invoices.intents import Kind
from messages.saying import phrases

if TYPE_CHECKING:
    from actors.session.work import Work
    from invoices.book import Booking
    from invoices.intents import Intent

_OWN_NAMES: Final = {"en": "English", "de": "Deutsch", "fr": "français", "es": "español"}
DEFAULT_DAYS: Final = 3
REMINDED_MAX: Final = 100
# When on its day a reminder is sent, in UTC.
_HOUR: Final = "T08:00:00.000Z"


def question(work: Work, intent: Intent) -> str | None:
    """Whether to set what only a model has understood; None where the deed itself asks for more."""
    match intent.kind:
        case Kind.SET_LANGUAGE if intent.new_language is not None:
            return work.say.say("ask_language", language=_OWN_NAMES[intent.new_language])
        case Kind.SET_CURRENCY if intent.currency is not None:
            return work.say.say("ask_default_currency", currency=intent.currency)
        case Kind.SET_REMINDERS:
            return work.say.say("ask_reminders_off" if intent.is_on is False else "ask_reminders_on")
        case Kind.REMIND if intent.when is not None or intent.days_before is not None:
            return work.say.say("ask_remind")
        case _:
            return None


def set_language(work: Work, intent: Intent) -> Said:
    """Speak another language from here on, whatever the person writes in."""
    if intent.new_language is None:
        return Said(work.say.say("language_unknown"))
    work.set(language=intent.new_language, is_language_set=True)
    work.language, work.say = intent.new_language, phrases(intent.new_language)
    work.answers = Answers(work.say)
    return Said(work.say.say("language_set"))


def set_currency(work: Work, intent: Intent) -> Said:
    """What is meant where an invoice names no currency."""
    if intent.currency is None:
        return Said(work.say.say("currency_unknown"))
    work.set(currency=intent.currency)
    return Said(work.say.say("currency_set", currency=intent.currency))


def set_reminders(work: Work, intent: Intent) -> Said:
    """Be reminded before each invoice is due, or no more."""
    if intent.is_on is False:
        was_on = work.state.reminder_days is not None
        work.set(reminder_days=None)
        if was_on:
            _for_each_unpaid(work, None)
        return Said(work.say.say("reminders_off"))
    days = intent.days_before if intent.days_before is not None else DEFAULT_DAYS
    work.set(reminder_days=days)
    _for_each_unpaid(work, days)
    return Said(work.say.say("reminders_on", days))


def _for_each_unpaid(work: Work, days: int | None) -> None:
    query = BookQuery(is_paid=False, due_from=work.today, order="due", at_most=REMINDED_MAX)
    for booking in work.find(query):
        _before_due(work, booking, days)


def with_reminders(work: Work) -> None:
    """Set or take back the reminders of what this turn has booked, paid or deleted."""
    for change in tuple(work.changes):
        if not isinstance(change, Change):
            continue
        booking = change.booking
        if booking.is_paid or booking.is_deleted:
            _before_due(work, booking, None)
        elif work.state.reminder_days is not None and (booking.invoice.due_date or change.kind == "invoice.updated"):
            _before_due(work, booking, work.state.reminder_days)


def _before_due(work: Work, booking: Booking, days: int | None) -> None:
    due = booking.invoice.due_date
    key = f"due:{booking.invoice_id}"
    at = None
    if days is not None and due is not None and due > work.today:
        at = max(due - dt.timedelta(days=days), work.today + dt.timedelta(days=1)).isoformat() + _HOUR
    elif work.state.revisions == 0:
        # Nothing was ever set that would have to be taken back.
        return
    _remind(work, key, at, work.say.sentence("reminder_about", invoice=work.answers.summary(booking.invoice)))


def _remind(work: Work, key: str, at: str | None, text: str) -> None:
    revision = work.state.revisions + 1
    work.set(revisions=revision)
    work.changes.append(Reminding(key, revision, at, text if at is not None else ""))


def remind(work: Work, intent: Intent) -> Said:
    """Once, on a day or so many days before an invoice is due."""
    found = tuple(it for it in bookings_meant(work, intent) if not it.is_deleted)
    booking = found[0] if found and _is_about_one(work, intent) else None
    day = intent.when
    if intent.days_before is not None:
        if booking is None:
            return Said(work.say.say("no_such_invoice"))
        if booking.invoice.due_date is None:
            work.ask("when", booking.invoice_id)
            return Said(work.say.say("remind_without_due", invoice=work.answers.name(booking.invoice)))
        day = dt.date.fromordinal(max(1, booking.invoice.due_date.toordinal() - intent.days_before))
    if day is None:
        work.ask("when", *([booking.invoice_id] if booking is not None else []))
        return Said(work.say.say("remind_when"))
    if day <= work.today:
        work.ask("when", *([booking.invoice_id] if booking is not None else []))
        return Said(work.say.say("remind_past", date=work.say.day(day)))
    at = f"{day.isoformat()}{_HOUR}"
    if booking is None:
        _remind(work, f"once:{work.message_id}"[:100], at, work.say.say("reminder"))
        return Said(work.say.say("remind_set", date=work.say.day(day)))
    summary = work.answers.summary(booking.invoice)
    _remind(work, f"once:{booking.invoice_id}", at, work.say.sentence("reminder_about", invoice=summary))
    work.set(focus=booking.invoice_id)
    return Said(work.say.say("remind_about", date=work.say.day(day), invoice=summary))


def _is_about_one(work: Work, intent: Intent) -> bool:
    names_one = intent.number or intent.ordinal or intent.supplier or intent.reference or intent.invoice_id
    return bool(names_one) or intent.days_before is not None or work.state.focus is not None
