"""Fields put right by the person, of an invoice that waits or of one that is booked; and invoices told in words."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from actors.session.booking_ids import invoice_id_of
from actors.session.handlers import waiting
from actors.session.handlers.changes import which_one
from actors.session.handlers.documents import of_seller
from actors.session.handlers.queries import one_buttons
from actors.session.handlers.which import bookings_meant
from actors.session.state import WAITING_MAX, Waiting
from actors.session.work import Said, data_about
from invoices.answers.wording import from_text
from invoices.book import folded
from invoices.checks import check_against_known, check_invoice, check_today
from invoices.invoice import Invoice, InvoiceWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.session.work import Work
    from invoices.intents import Correction, Intent

# Found again by `check_invoice`; everything else of a document's warnings stays.
_RECHECKED: Final = frozenset(
    {"sum_mismatch", "invalid_iban", "invalid_vat_id", "dates_out_of_order", "low_confidence", "future_date"}
)
_SUM_FIELDS: Final = frozenset({"net", "tax", "gross", "payable"})


def correct(work: Work, intent: Intent) -> Said:
    """Change what was said, or ask what to change."""
    draft = _draft_meant(work, intent)
    booked = () if draft is not None else bookings_meant(work, intent)
    if draft is None and (not booked or booked[0].is_deleted):
        return Said(work.say.say("no_such_invoice"))
    if draft is None and len(booked) > 1 and intent.supplier is not None:
        return which_one(work, intent, booked)
    invoice = draft.invoice if draft is not None else booked[0].invoice
    if not intent.corrections:
        if draft is None:
            work.set(focus=booked[0].invoice_id)
        return Said(work.say.say("what_to_change"), (), data_about([invoice]))
    unfit = next((it for it in intent.corrections if value_of(it) is None), None)
    if unfit is not None:
        label = work.answers.label(unfit.field)
        return Said(work.say.say("value_unfit", value=unfit.value, field=label), (), data_about([invoice]))
    changed = corrected(invoice, intent.corrections)
    told = work.say.sentence("changed", changes=told_changes(work, intent.corrections, changed))
    if draft is not None:
        return _go_on(work, waiting.with_invoice(work, draft, changed), told)
    return _booked(work, booked[0].invoice_id, changed, intent.corrections, told)


def _draft_meant(work: Work, intent: Intent) -> Waiting | None:
    if intent.invoice_id is not None or intent.number is not None:
        return waiting.named(work, intent.invoice_id, intent.number)
    asked = work.state.asked
    if asked is not None and asked.about == "field" and asked.invoice_ids:
        return waiting.named(work, asked.invoice_ids[0])
    if intent.supplier is not None:
        name = folded(intent.supplier)
        return next((it for it in work.state.waiting if name in folded(it.invoice.seller.name or "")), None)
    if intent.reference == "last" or intent.ordinal is not None:
        return None
    return waiting.named(work, None)


def _go_on(work: Work, draft: Waiting, told: str) -> Said:
    work.set(asked=None)
    said = waiting.go_on(work, draft)
    return Said(f"{told}\n{said.text}", said.buttons, said.data)


def _booked(work: Work, invoice_id: str, changed: Invoice, corrections: Sequence[Correction], told: str) -> Said:
    whole = work.whole(invoice_id)
    if whole is None:
        return Said(work.say.say("ledger_away"))
    changed = corrected(whole.invoice, corrections)
    booking = work.put("invoice.updated", replace(whole, invoice=changed))
    lines = [told, work.say.sentence("saved", invoice=work.answers.booked(booking)), *work.answers.warnings(changed)]
    return Said("\n".join(lines), one_buttons(work, booking), data_about([changed]))


def value_of(correction: Correction) -> object:
    """The value as the invoice has it; None when it is none for this field."""
    value = from_text(correction.field, correction.value)
    if correction.field == "currency":
        code = str(value or "").upper()
        return code if len(code) == 3 and code.isalpha() and code.isascii() else None  # noqa: PLR2004 - ISO 4217
    return value


def corrected(invoice: Invoice, corrections: Sequence[Correction]) -> Invoice:
    """The invoice with the person's values, checked anew. What is to pay follows the total where it was the same."""
    before = invoice
    for correction in corrections:
        invoice = invoice.with_value(correction.field, value_of(correction), waiting.PERSON)  # type: ignore[arg-type]
    fields: set[str] = {correction.field for correction in corrections}
    if "gross" in fields and "payable" not in fields and before.payable in (None, before.gross):
        invoice = invoice.with_value("payable", invoice.gross, waiting.PERSON)
    kept = tuple(it for it in invoice.warnings if _stays(it, fields))
    return check_invoice(dataclasses.replace(invoice, warnings=kept))


def _stays(warning: InvoiceWarning, fields: set[str]) -> bool:
    if warning.code in _RECHECKED:
        return False
    if warning.code == "duplicate":
        return "number" not in fields
    if warning.code == "iban_changed":
        return "iban" not in fields
    return warning.details.get("field") not in fields and not (
        warning.code == "unusual_amount" and fields & _SUM_FIELDS
    )


def told_changes(work: Work, corrections: Sequence[Correction], changed: Invoice) -> str:
    """What is changed, in words."""
    return work.say.listed(
        work.say.say(
            "field_is", field=work.answers.label(it.field), value=work.answers.value(changed.value(it.field), changed)
        )
        for it in corrections
    )


def record(work: Work, intent: Intent) -> Said:
    """An invoice told in words: what is missing is asked for, and it is always confirmed."""
    corrections = [it for it in intent.corrections if value_of(it) is not None]
    if not any(it.field in _SUM_FIELDS for it in corrections) and not any(
        it.field in ("number", "seller.name") for it in corrections
    ):
        return Said(work.say.say("send_or_tell"))
    invoice = corrected(Invoice(), corrections)
    if invoice.currency is None and work.state.currency is not None:
        invoice = invoice.with_value("currency", work.state.currency, waiting.PERSON)
    invoice = check_against_known(check_today(invoice, work.today), of_seller(work, invoice))
    draft = Waiting(invoice_id_of(work.state.chat_id, work.message_id, 0), invoice, work.message_id, "", "", work.at)
    work.set(waiting=(draft, *work.state.waiting)[:WAITING_MAX], asked=None)
    head = work.say.sentence("understood", invoice=work.answers.summary(invoice))
    told = work.answers.details(invoice)
    return Said(
        "\n".join([head, *told, waiting.question(work, draft)]),
        waiting.question_buttons(work, draft),
        data_about([invoice]),
    )
