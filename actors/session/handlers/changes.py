"""What is done to invoices that are booked: paid, not paid, deleted. Nothing goes without the person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from actors.session.handlers import queries, waiting
from actors.session.handlers.which import CHOICES_MAX, bookings_meant
from actors.session.work import Said, data_about

if TYPE_CHECKING:
    from actors.session.work import Work
    from invoices.book import Booking
    from invoices.intents import Intent


def mark_paid(work: Work, intent: Intent) -> Said:
    """As in "I paid the ACME invoice yesterday"."""
    draft = waiting.named(work, intent.invoice_id, intent.number) if intent.number or intent.invoice_id else None
    if draft is not None and not waiting.is_sure(draft.invoice):
        return waiting.asked_about(work, draft)
    if draft is not None:
        waiting.save(work, draft)
        intent = replace(intent, invoice_id=draft.invoice_id)
    booking = _one_meant(work, intent, is_paid=False)
    if isinstance(booking, Said):
        return booking
    if booking.is_paid:
        text = work.say.say("paid_already", invoice=work.answers.booked(booking))
        return Said(text, queries.one_buttons(work, booking), data_about([booking.invoice]))
    day = intent.when or work.today
    now = work.put("invoice.updated", replace(booking, is_paid=True, paid_on=day))
    text = work.say.say("marked_paid", date=work.say.day(day), invoice=work.answers.summary(now.invoice))
    return Said(text, (work.button("Undo", f"unpaid:{now.invoice_id}"),), data_about([now.invoice]))


def mark_unpaid(work: Work, intent: Intent) -> Said:
    """As in "That one isn't paid after all"."""
    booking = _one_meant(work, intent, is_paid=True)
    if isinstance(booking, Said):
        return booking
    if not booking.is_paid:
        text = work.say.say("unpaid_already", invoice=work.answers.summary(booking.invoice))
        return Said(text, queries.one_buttons(work, booking), data_about([booking.invoice]))
    now = work.put("invoice.updated", replace(booking, is_paid=False, paid_on=None))
    text = work.say.say("marked_unpaid", invoice=work.answers.summary(now.invoice))
    return Said(text, (work.button("Mark as paid", f"paid:{now.invoice_id}"),), data_about([now.invoice]))


def _one_meant(work: Work, intent: Intent, *, is_paid: bool) -> Booking | Said:
    """The one booking, whole; or what is said instead: that there is none, or the question which."""
    found = tuple(it for it in bookings_meant(work, intent, is_paid=is_paid) if not it.is_deleted)
    if not found:
        return Said(work.say.say("no_such_invoice"))
    if len(found) > 1:
        return which_one(work, intent, found)
    whole = work.whole(found[0].invoice_id)
    return whole if whole is not None else Said(work.say.say("ledger_away"))


def which_one(work: Work, intent: Intent, found: tuple[Booking, ...]) -> Said:
    """Ask which of several; the answer, a place or a number, does what was asked for."""
    choices = found[:CHOICES_MAX]
    said = queries.listed(work, choices, head=work.say.say("which_one"))
    work.ask("which", *(it.invoice_id for it in choices), intent=msgspec.to_builtins(intent))
    return Said(said.text, (), said.data)


def cannot_pay(work: Work, intent: Intent) -> Said:
    """As in "please pay invoice 7": it moves no money, and can only note that somebody has paid."""
    text = work.say.say("cannot_pay")
    is_named = intent.number is not None or intent.ordinal is not None or intent.supplier is not None
    found = tuple(it for it in bookings_meant(work, intent, is_paid=False) if not it.is_deleted) if is_named else ()
    if len(found) != 1 or found[0].is_paid:
        return Said(text, (work.button("Show what is due", "due"),))
    work.set(focus=found[0].invoice_id)
    told = "\n".join([text, f"{work.answers.booked(found[0])}."])
    return Said(told, queries.one_buttons(work, found[0]), data_about([found[0].invoice]))


def keep(work: Work, _: Intent) -> Said:
    """As in "don't delete it"."""
    return Said(work.say.say("left_alone"))


def ask_to_delete(work: Work, intent: Intent) -> Said:
    """Never at once: first the question, which names what would be gone."""
    draft = waiting.named(work, intent.invoice_id, intent.number) if intent.number or intent.invoice_id else None
    if draft is None and work.state.waiting and intent.reference == "it" and intent.ordinal is None:
        draft = work.state.waiting[0]
    if draft is not None:
        return waiting.discard(work, draft)
    found = tuple(it for it in bookings_meant(work, intent) if not it.is_deleted)
    if not found:
        return Said(work.say.say("no_such_invoice"))
    if len(found) > 1 and intent.reference != "all":
        return which_one(work, intent, found)
    ids = tuple(it.invoice_id for it in found[:CHOICES_MAX])
    work.ask("delete", *ids)
    buttons = (work.button("Yes, delete", f"delete_yes:{ids[0]}"), work.button("Keep it", f"keep:{ids[0]}"))
    if len(ids) > 1:
        said = queries.listed(work, found[:CHOICES_MAX], head=work.say.say("ask_delete_many", len(ids)))
        work.ask("delete", *ids)
        return Said(said.text, buttons, said.data)
    text = work.say.say("ask_delete", invoice=work.answers.summary(found[0].invoice))
    return Said(text, buttons, data_about([found[0].invoice]))


def delete(work: Work, invoice_ids: tuple[str, ...]) -> Said:
    """After the person's yes."""
    gone = [whole for key in invoice_ids if (whole := work.whole(key)) is not None]
    if not gone:
        return Said(work.say.say("ledger_away" if work.is_away else "no_such_invoice"))
    for booking in gone:
        work.put("invoice.deleted", replace(booking, is_deleted=True))
    work.set(focus=None, listed=tuple(key for key in work.state.listed if key not in invoice_ids))
    if len(gone) > 1:
        return Said(work.say.say("deleted_many", len(gone)))
    return Said(work.say.say("deleted", invoice=work.answers.summary(gone[0].invoice)))
