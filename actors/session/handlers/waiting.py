"""Invoices that wait to be saved: what is doubtful about them is asked, one question at a time."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from actors.session.work import Said, data_about
from invoices.book import Booking
from invoices.changes import Change
from invoices.checks import SURE
from invoices.intents import FieldName
from invoices.invoice import FieldSource

if TYPE_CHECKING:
    from actors.session.state import Waiting
    from actors.session.work import Work
    from invoices.invoice import Invoice
    from messages.records import Button

# Fields whose doubt is asked about before anything is booked, in this order; others are said.
KEY_FIELDS: Final[tuple[FieldName, ...]] = (
    "gross",
    "currency",
    "seller.name",
    "number",
    "due_date",
    "issue_date",
    "payable",
)
WANTED_FIELDS: Final[tuple[FieldName, ...]] = ("gross", "currency", "seller.name")
# What no invoice is booked with unasked.
SERIOUS: Final = frozenset(
    {"duplicate", "iban_changed", "sum_mismatch", "invalid_iban", "xml_text_mismatch", "invisible_text", "hidden_text"}
)
# Lines of the conversation, two a turn.
_LATELY: Final = 6
PERSON: Final = FieldSource("person", 1.0)


def question_field(invoice: Invoice) -> FieldName | None:
    """The field to ask about next: one that is missing, or one whose value is in doubt."""
    for name in WANTED_FIELDS:
        if invoice.value(name) is None and not (name == "gross" and invoice.payable is not None):
            return name
    for name in KEY_FIELDS:
        source = invoice.fields.get(name)
        if invoice.value(name) is not None and source is not None and source.confidence < SURE:
            return name
    return None


def is_sure(invoice: Invoice) -> bool:
    """Whether it may be booked without a word."""
    return question_field(invoice) is None and not any(warning.code in SERIOUS for warning in invoice.warnings)


def question(work: Work, draft: Waiting) -> str:
    """What is asked about it now."""
    field = question_field(draft.invoice)
    if field is not None:
        value = draft.invoice.value(field)
        if value is None:
            return work.say.say(f"want_{field}")
        return work.say.say(f"ask_{field}", value=work.answers.value(value, draft.invoice))
    is_second = any(warning.code == "duplicate" for warning in draft.invoice.warnings)
    return work.say.say("ask_save_twice" if is_second else "ask_save")


def question_buttons(work: Work, draft: Waiting) -> tuple[Button, ...]:
    """Answers to that question, each naming its invoice."""
    invoice_id, button = draft.invoice_id, work.button
    field = question_field(draft.invoice)
    if field is not None:
        if draft.invoice.value(field) is None:
            return (button("Don't save it", f"discard:{invoice_id}"),)
        return (button("Yes", f"yes:{invoice_id}"), button("Correct it", f"no:{invoice_id}"))
    return (
        button("Save it", f"yes:{invoice_id}"),
        button("Correct it", f"correct:{invoice_id}"),
        button("Don't save it", f"discard:{invoice_id}"),
    )


def named(work: Work, invoice_id: str | None, number: str | None = None) -> Waiting | None:
    """The invoice that waits under an id or a number; the first one where none is named."""
    for draft in work.state.waiting:
        if invoice_id is not None and draft.invoice_id == invoice_id:
            return draft
        if invoice_id is None and number is not None and (draft.invoice.number or "").casefold() == number.casefold():
            return draft
    return work.state.waiting[0] if invoice_id is None and number is None and work.state.waiting else None


def save(work: Work, draft: Waiting) -> Booking:
    """Book it; it waits no longer."""
    booking = Booking(
        draft.invoice_id, work.state.chat_id, work.user_id, 1, draft.invoice,
        message_id=draft.message_id, file_name=draft.file_name, content_digest=draft.content_digest,
        recorded_at=work.at, updated_at=work.at,
    )  # fmt: skip
    work.changes.append(Change("invoice.recorded", booking))
    work.state = work.state.without_waiting(draft.invoice_id).with_booking(booking)
    work.set(focus=booking.invoice_id)
    return booking


def saved_reply(work: Work, booking: Booking) -> Said:
    """What is said of an invoice that has just been booked, and what is still waiting."""
    summary = work.answers.summary(booking.invoice)
    lines = [work.say.sentence("saved", invoice=summary), *work.answers.details(booking.invoice)]
    following = next_question(work)
    if following is not None:
        lines += ["", following]
    return Said("\n".join(lines), saved_buttons(work, booking.invoice_id), data_about([booking.invoice]))


def saved_buttons(work: Work, invoice_id: str) -> tuple[Button, ...]:
    """What can be done with it."""
    if work.state.waiting:
        return question_buttons(work, work.state.waiting[0])
    return (
        work.button("Correct it", f"correct:{invoice_id}"),
        work.button("Show", f"show:{invoice_id}"),
        work.button("Mark as paid", f"paid:{invoice_id}"),
        work.button("Undo", f"delete:{invoice_id}"),
    )


def next_question(work: Work) -> str | None:
    """The reminder that goes under an answer about something else."""
    if not work.state.waiting:
        return None
    text = _recalled(work, work.state.waiting[0])
    left = len(work.state.waiting) - 1
    return f"{text} {work.say.say('more_waiting', left)}" if left else text


def _recalled(work: Work, draft: Waiting) -> str:
    name = work.answers.name(draft.invoice)
    return work.say.sentence("still_waiting", invoice=name, question=question(work, draft))


def was_recalled_lately(work: Work) -> bool:
    """Whether one of the last replies has called it to mind: who talks of something else is not nagged."""
    recalled = _recalled(work, work.state.waiting[0])
    return any(recalled in said.text for said in work.state.messages[-_LATELY:] if said.by == "agent")


def asked_about(work: Work, draft: Waiting, *, first: str | None = None) -> Said:
    """The question about one that waits, with what is known of it."""
    lines = [first] if first else [work.say.sentence("read_one", invoice=work.answers.summary(draft.invoice))]
    told = work.answers.details(without_doubt(draft.invoice, question_field(draft.invoice)))
    return Said(
        "\n".join([*lines, *told, question(work, draft)]), question_buttons(work, draft), data_about([draft.invoice])
    )


def confirm(work: Work, draft: Waiting) -> Said:
    """As in "Yes": the value asked about is right, or the invoice is to be saved."""
    field = question_field(draft.invoice)
    if field is None:
        return saved_reply(work, save(work, draft))
    value = draft.invoice.value(field)
    if value is None:
        return Said(question(work, draft), question_buttons(work, draft), data_about([draft.invoice]))
    return go_on(work, with_invoice(work, draft, sure_of(draft.invoice, field)))


def go_on(work: Work, draft: Waiting) -> Said:
    """Save it if nothing is left to ask, else ask that."""
    if is_sure(draft.invoice):
        return saved_reply(work, save(work, draft))
    return Said(
        "\n".join([*work.answers.warnings(draft.invoice, without="low_confidence"), question(work, draft)]),
        question_buttons(work, draft),
        data_about([draft.invoice]),
    )


def deny(work: Work, draft: Waiting) -> Said:
    """As in "No": the value is wrong, so what is it; or the invoice is not to be saved."""
    field = question_field(draft.invoice)
    asked = work.state.asked
    is_wanted = asked is not None and asked.about == "field" and asked.invoice_ids == (draft.invoice_id,)
    if field is None or draft.invoice.value(field) is None or is_wanted:
        return discard(work, draft)
    work.ask("field", draft.invoice_id, field=field)
    return Said(work.say.say("want_value", field=work.answers.label(field)), (
        work.button("Don't save it", f"discard:{draft.invoice_id}"),
    ))  # fmt: skip


def discard(work: Work, draft: Waiting) -> Said:
    """It is not saved, and forgotten."""
    work.state = work.state.without_waiting(draft.invoice_id)
    text = work.say.sentence("discarded", invoice=work.answers.name(draft.invoice))
    following = next_question(work)
    buttons = question_buttons(work, work.state.waiting[0]) if work.state.waiting else ()
    return Said(f"{text}\n\n{following}" if following else text, buttons)


def with_invoice(work: Work, draft: Waiting, invoice: Invoice) -> Waiting:
    """The one that waits with another reading of it."""
    changed = replace(draft, invoice=invoice)
    work.set(waiting=tuple(changed if it.invoice_id == draft.invoice_id else it for it in work.state.waiting))
    return changed


def sure_of(invoice: Invoice, field: str) -> Invoice:
    """The invoice with one field that the person has confirmed."""
    return without_doubt(invoice.with_value(field, invoice.value(field), PERSON), field)


def without_doubt(invoice: Invoice, field: str | None) -> Invoice:
    """Without the warning about one field's value, which is asked about or settled."""
    kept = tuple(
        it for it in invoice.warnings if not (it.code == "low_confidence" and it.details.get("field") == field)
    )
    return dataclasses.replace(invoice, warnings=kept)
