"""Documents that came with a message: read, checked against the ledger, saved or asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.session.booking_ids import invoice_id_of
from actors.session.handlers import waiting
from actors.session.state import Waiting
from actors.session.work import Said, data_about, day_of
from invoices.book import Booking, BookQuery, folded
from invoices.checks import check_against_known, check_today
from invoices.invoice import FieldSource, InvoiceWarning
from messages.user_messages import UserMessageManager

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from actors.session.machine import DocumentOutcome
    from actors.session.work import Work
    from invoices.invoice import Invoice
    from messages.records import Button

EARLIER_MAX: Final = 50
_WORDS: Final = UserMessageManager()


def with_documents(work: Work, outcomes: Sequence[DocumentOutcome]) -> Said:
    """Tell what each file holds; save what is sure, and ask about the rest."""
    texts: list[str] = []
    found: list[Invoice] = []
    buttons: tuple[Button, ...] = ()
    for outcome in outcomes:
        if not outcome.invoices:
            texts.append(_problem_text(work, outcome))
            continue
        said, invoices = _file(work, outcome, len(found))
        found += invoices
        texts.append(said.text)
        buttons = said.buttons or buttons
    if work.state.waiting:
        buttons = waiting.question_buttons(work, work.state.waiting[0])
    return Said("\n\n".join(texts), buttons or (work.button("What can you do?", "help"),), data_about(found))


def _problem_text(work: Work, outcome: DocumentOutcome) -> str:
    words = _WORDS.for_language(work.language)
    key = f"document_{outcome.problem}"
    if key not in words.keys():  # noqa: SIM118 - the manager's method, not a mapping's
        key = "document_unreadable"
    return words.get_message(key, file_name=outcome.attachment.name, what=outcome.what or "").text


def _file(work: Work, outcome: DocumentOutcome, place: int) -> tuple[Said, list[Invoice]]:
    """One file's invoices; place: of the first of them in the message."""
    if len(outcome.invoices) == 1:
        draft = _draft(work, outcome, outcome.invoices[0], place)
        return _single(work, draft), [draft.invoice]
    drafts: list[Waiting] = []
    saved = 0
    for at, invoice in enumerate(outcome.invoices):
        # One after the other: the second of two equal ones is then a duplicate of the first.
        draft = _draft(work, outcome, invoice, place + at)
        drafts.append(draft)
        if waiting.is_sure(draft.invoice):
            waiting.save(work, draft)
            saved += 1
        else:
            work.state = work.state.with_waiting(draft)
    work.set(listed=tuple(draft.invoice_id for draft in drafts))
    name = outcome.attachment.name or "-"
    lines = [work.say.sentence("file_holds", len(drafts), file=name)]
    lines += [f"{at}. {work.answers.summary(draft.invoice)}" for at, draft in enumerate(drafts, 1)]
    if saved:
        lines.append(work.say.say("saved_of_them", saved))
    following = waiting.next_question(work) if saved < len(drafts) else None
    return Said("\n".join([*lines, *([following] if following else [])])), [draft.invoice for draft in drafts]


def _single(work: Work, draft: Waiting) -> Said:
    earlier = _earlier_one(work, draft)
    if earlier is None and waiting.is_sure(draft.invoice):
        return waiting.saved_reply(work, waiting.save(work, draft))
    is_first = not work.state.waiting
    work.state = work.state.with_waiting(draft)
    said = waiting.asked_about(work, draft)
    lines = [said.text]
    if earlier is not None:
        day = work.say.day(_day(earlier))
        told = work.say.sentence("earlier_one", invoice=work.answers.booked(earlier), date=day)
        head = work.say.sentence("read_one", invoice=work.answers.summary(draft.invoice))
        doubts = work.answers.warnings(draft.invoice, without="duplicate")
        lines = [head, told, *doubts, waiting.question(work, draft)]
        work.set(focus=earlier.invoice_id)
    if not is_first and (following := waiting.next_question(work)):
        lines += ["", following]
    return Said("\n".join(lines), said.buttons, said.data)


def _day(booking: Booking) -> dt.date:
    return day_of(booking.recorded_at)


def _draft(work: Work, outcome: DocumentOutcome, invoice: Invoice, place: int) -> Waiting:
    """The invoice as it is to be booked: with the person's currency where it has none, and all warnings."""
    if invoice.currency is None and work.state.currency is not None:
        invoice = invoice.with_value("currency", work.state.currency, FieldSource("person", 1.0))
    digest = outcome.attachment.digest
    checked = check_today(invoice, work.today)
    checked = check_against_known(checked, of_seller(work, invoice), content_digest=digest)
    earlier = _booked_already(work, digest, invoice)
    if earlier is not None and all(it.code != "duplicate" for it in checked.warnings):
        number = invoice.number or earlier.invoice.number or "-"
        text = f"Invoice {number} of this supplier is here already."
        checked = checked.with_warnings(
            InvoiceWarning("duplicate", text, {"number": number, "reference": earlier.invoice_id})
        )
    _replace_the_same(work, invoice, digest)
    invoice_id = invoice_id_of(work.state.chat_id, work.message_id, place)
    return Waiting(invoice_id, checked, work.message_id, outcome.attachment.name, digest, work.at)


def of_seller(work: Work, invoice: Invoice) -> list[Booking]:
    """Earlier invoices of the same supplier, the newest last."""
    seller = invoice.seller
    found: dict[str, Booking] = {}
    if seller.vat_id:
        found |= {it.invoice_id: it for it in work.find(BookQuery(seller_vat_id=seller.vat_id, at_most=EARLIER_MAX))}
    if seller.name:
        by_name = work.find(BookQuery(supplier=seller.name, at_most=EARLIER_MAX))
        found |= {it.invoice_id: it for it in by_name if folded(it.invoice.seller.name or "") == folded(seller.name)}
    return sorted(found.values(), key=lambda it: it.recorded_at)


def _booked_already(work: Work, digest: str, invoice: Invoice) -> Booking | None:
    """The same content with the same number, or with none: a file may hold several invoices."""
    if not digest:
        return None
    same = work.find(BookQuery(content_digest=digest))
    return next((it for it in same if it.invoice.number == invoice.number), None)


def _earlier_one(work: Work, draft: Waiting) -> Booking | None:
    reference = next((it.details.get("reference") for it in draft.invoice.warnings if it.code == "duplicate"), None)
    if not reference:
        return None
    found = work.find(BookQuery(invoice_ids=(reference,)))
    return found[0] if found else None


def _replace_the_same(work: Work, invoice: Invoice, digest: str) -> None:
    """An invoice that waits and is sent again waits once."""
    left = tuple(
        it
        for it in work.state.waiting
        if it.message_id == work.message_id
        or not (it.invoice.number == invoice.number and it.invoice.seller.name == invoice.seller.name and (
            invoice.number is not None or it.content_digest == digest))
    )  # fmt: skip
    if len(left) < len(work.state.waiting):
        work.set(waiting=left)
