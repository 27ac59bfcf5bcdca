"""What is odd about an invoice: pure checks, each a warning that a person can understand and act on.

Codes: sum_mismatch, low_confidence, invalid_iban, invalid_vat_id, dates_out_of_order, future_date,
xml_text_mismatch, and, against what the ledger knows, duplicate, iban_changed, currency_changed, unusual_amount.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from invoices.book import Booking
from invoices.fields.amounts import find_amounts
from invoices.fields.identifiers import compact, is_valid_iban, is_valid_vat_id
from invoices.fields.labels import plain
from invoices.invoice import AMOUNT_FIELDS, FIELDS, Invoice, InvoiceWarning
from invoices.layout import Layout
from invoices.text import read_layout

SURE: Final = 0.7
_CENT: Final = Decimal("0.01")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_FUTURE_DAYS_MAX: Final = 1  # a day ahead is a time zone, not an error
_UNUSUAL_FACTOR: Final = 5
_USUAL_COUNT_MIN: Final = 4
_SURE_TEXT: Final = 0.9


def check_invoice(invoice: Invoice) -> Invoice:
    """The invoice with the warnings that it alone gives rise to."""
    return invoice.with_warnings(*_sums(invoice), *_identifiers(invoice), *_dates(invoice), *_doubts(invoice))


def _sums(invoice: Invoice) -> Iterator[InvoiceWarning]:
    net, tax, gross = invoice.net, invoice.tax, invoice.gross
    if net is not None and tax is not None and gross is not None and abs(net + tax - gross) > _CENT:
        yield InvoiceWarning(
            "sum_mismatch",
            f"Net {net} and tax {tax} make {net + tax}, but the total is {gross}.",
            {"net": str(net), "tax": str(tax), "sum": str(net + tax), "gross": str(gross)},
        )
    parts = [part.tax for part in invoice.taxes]
    known = [part for part in parts if part is not None]
    if (
        tax is not None
        and known
        and len(known) == len(parts)
        and abs(sum(known, Decimal(0)) - tax) > _CENT * len(known)
    ):
        total = sum(known, Decimal(0))
        yield InvoiceWarning(
            "sum_mismatch",
            f"The tax of the single rates makes {total}, but the total tax is {tax}.",
            {"sum": str(total), "tax": str(tax)},
        )
    yield from _payable(invoice)


def _payable(invoice: Invoice) -> Iterator[InvoiceWarning]:
    """BR-CO-16 of EN 16931: payable = gross - prepaid + rounding; only where the document states what was prepaid."""
    if invoice.gross is None or invoice.payable is None or invoice.prepaid is None:
        return
    expected = invoice.gross - invoice.prepaid + (invoice.rounding or Decimal(0))
    if abs(expected - invoice.payable) > _CENT:
        yield InvoiceWarning(
            "sum_mismatch",
            f"After what was prepaid {expected} should be left to pay, but the invoice says {invoice.payable}.",
            {"expected": str(expected), "payable": str(invoice.payable)},
        )


def _identifiers(invoice: Invoice) -> Iterator[InvoiceWarning]:
    if invoice.iban and _COUNTRY.match(compact(invoice.iban)) and not is_valid_iban(invoice.iban):
        yield InvoiceWarning(
            "invalid_iban", f"The check digits of the IBAN {invoice.iban} are wrong.", {"iban": invoice.iban}
        )
    for owner, vat_id in (("seller", invoice.seller.vat_id), ("buyer", invoice.buyer.vat_id)):
        if vat_id and _is_checkable(vat_id) and not is_valid_vat_id(vat_id):
            yield InvoiceWarning(
                "invalid_vat_id",
                f"The {owner}'s VAT id {vat_id} is not a valid one.",
                {"owner": owner, "vat_id": vat_id},
            )


def _is_checkable(vat_id: str) -> bool:
    """Whether a value claims to be a European VAT id; tax numbers and those of other countries have other rules."""
    return compact(vat_id)[:2] in _VAT_COUNTRIES


_VAT_COUNTRIES: Final = frozenset(
    {
        "GB",
        "CH",
        "NO",
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "EL",
        "ES",
        "FI",
        "FR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
    }
    | {"MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI"}
)


def _dates(invoice: Invoice) -> Iterator[InvoiceWarning]:
    issued, due = invoice.issue_date, invoice.due_date
    if issued is not None and due is not None and due < issued:
        yield InvoiceWarning(
            "dates_out_of_order",
            f"It is due on {due.isoformat()}, before it was issued on {issued.isoformat()}.",
            {"issue_date": issued.isoformat(), "due_date": due.isoformat()},
        )


def _doubts(invoice: Invoice) -> Iterator[InvoiceWarning]:
    for name in FIELDS:
        source = invoice.fields.get(name)
        value = invoice.value(name)
        if source is not None and value is not None and source.confidence < SURE:
            yield InvoiceWarning(
                "low_confidence", f"Is the {name.replace('.', ' ')} {value}?", {"field": name, "value": str(value)}
            )


def check_today(invoice: Invoice, today: dt.date) -> Invoice:
    """The invoice with a warning when it was issued in the future, seen from today."""
    if invoice.issue_date is None or (invoice.issue_date - today).days <= _FUTURE_DAYS_MAX:
        return invoice
    issued = invoice.issue_date.isoformat()
    return invoice.with_warnings(
        InvoiceWarning("future_date", f"Its date, {issued}, is in the future.", {"issue_date": issued})
    )


def compare_with_text(invoice: Invoice, layout: Layout) -> Invoice:
    """The invoice of a hybrid document with a warning for each total or account that its page shows differently.

    Only where the page says something else for sure and the XML's value stands nowhere on it.
    """
    shown = read_layout(layout)
    if shown is None:
        return invoice
    text = plain(layout.text())
    warnings = [
        InvoiceWarning(
            "xml_text_mismatch",
            f"The data in the file say {name} {invoice.value(name)}, but the page shows {shown.value(name)}.",
            {"field": name, "xml": str(invoice.value(name)), "text": str(shown.value(name))},
        )
        for name in (*AMOUNT_FIELDS, "number", "iban", "issue_date")
        if _disagree(invoice, shown, name, text)
    ]
    return invoice.with_warnings(*warnings)


def _disagree(invoice: Invoice, shown: Invoice, name: str, text: str) -> bool:
    ours, theirs = invoice.value(name), shown.value(name)
    source = shown.fields.get(name)
    if ours is None or theirs is None or source is None or source.confidence < _SURE_TEXT:
        return False
    if isinstance(ours, Decimal) and isinstance(theirs, Decimal):
        return abs(ours) != abs(theirs) and not any(abs(amount.value) == abs(ours) for amount in find_amounts(text))
    if isinstance(ours, dt.date):
        return ours != theirs
    return compact(str(ours)) != compact(str(theirs)) and compact(str(ours)) not in compact(text)


def check_against_known(invoice: Invoice, earlier: Sequence[Booking], *, content_digest: str = "") -> Invoice:
    """The invoice with what differs from the supplier's earlier ones in the ledger.

    earlier: bookings of the chat, in any order; those of other suppliers count for nothing but the same file.
    content_digest: sha256 of the file that it came from; empty when there is none.
    """
    standing = sorted((one for one in earlier if not one.is_deleted), key=lambda one: (one.recorded_at, one.invoice_id))
    same = [one for one in standing if is_same_supplier(invoice, one.invoice)]
    return invoice.with_warnings(
        *_duplicates(invoice, standing, same, content_digest), *_changed(invoice, same), *_unusual(invoice, same)
    )


def is_same_supplier(one: Invoice, other: Invoice) -> bool:
    """Whether two invoices come from one supplier: by VAT id, or by name, however it is spelt.

    The name alone is enough, though the VAT ids differ: who writes in another's name changes more than the account.
    """
    ids = [compact(party.vat_id) for party in (one.seller, other.seller) if party.vat_id]
    if len(ids) > 1 and ids[0] == ids[1]:
        return True
    names = [_letters(party.name) for party in (one.seller, other.seller) if party.name]
    return len(names) > 1 and names[0] == names[1] and names[0] != ""


def _letters(text: str) -> str:
    """Letters and digits alone, without case: how numbers and names are compared."""
    return re.sub(r"[\W_]", "", text).casefold()


def _duplicates(
    invoice: Invoice, standing: Sequence[Booking], same: Sequence[Booking], content_digest: str
) -> Iterator[InvoiceWarning]:
    """The first earlier booking of the same invoice, or of the same file."""
    suppliers = {known.invoice_id for known in same}
    for known in standing:
        if content_digest and known.content_digest == content_digest:
            is_second = not _differ_by_number(invoice, known.invoice)
        elif known.invoice_id in suppliers:
            is_second = _is_second(invoice, known.invoice)
        else:
            is_second = _is_nameless_second(invoice, known.invoice)
        if is_second:
            number = invoice.number or known.invoice.number or "-"
            yield InvoiceWarning(
                "duplicate",
                f"Invoice {number} of this supplier is here already.",
                {"number": number, "reference": known.invoice_id},
            )
            return


def _differ_by_number(one: Invoice, other: Invoice) -> bool:
    """Whether both have a number and not the same: a file may hold several invoices."""
    return bool(one.number and other.number) and _letters(one.number or "") != _letters(other.number or "")


def _is_second(invoice: Invoice, known: Invoice) -> bool:
    """Whether two invoices of one supplier are the same: by number, or by day and amount where one has no number."""
    if invoice.type != known.type:
        return False
    if invoice.number and known.number:
        return not _differ_by_number(invoice, known)
    return _same_facts(invoice, known)


def _is_nameless_second(invoice: Invoice, known: Invoice) -> bool:
    """The same number, day and amount where the supplier of one of them is not known."""
    named = all(one.seller.name or one.seller.vat_id for one in (invoice, known))
    numbered = bool(invoice.number and known.number)
    return not named and numbered and not _differ_by_number(invoice, known) and _same_facts(invoice, known)


def _same_facts(invoice: Invoice, known: Invoice) -> bool:
    facts = (invoice.issue_date, invoice.gross, invoice.currency)
    return None not in facts[:2] and facts == (known.issue_date, known.gross, known.currency)


def _changed(invoice: Invoice, same: Sequence[Booking]) -> Iterator[InvoiceWarning]:
    """An account or a currency that none of the supplier's earlier invoices had."""
    accounts = [compact(known.invoice.iban) for known in same if known.invoice.iban]
    if invoice.iban and accounts and compact(invoice.iban) not in accounts:
        yield InvoiceWarning(
            "iban_changed",
            f"This supplier was paid to {accounts[-1]} before; now it is {compact(invoice.iban)}.",
            {"before": accounts[-1], "now": compact(invoice.iban)},
        )
    currencies = [known.invoice.currency for known in same if known.invoice.currency]
    if invoice.currency and currencies and invoice.currency not in currencies:
        yield InvoiceWarning(
            "currency_changed",
            f"This supplier has always invoiced in {currencies[-1]}; this one is in {invoice.currency}.",
            {"before": currencies[-1], "now": invoice.currency},
        )


def _unusual(invoice: Invoice, same: Sequence[Booking]) -> Iterator[InvoiceWarning]:
    """Far from the median of at least four earlier amounts in the same currency: five times more or less."""
    amounts = sorted(
        abs(known.invoice.gross)
        for known in same
        if known.invoice.gross and (known.invoice.currency, known.invoice.type) == (invoice.currency, invoice.type)
    )
    if invoice.gross is None or len(amounts) < _USUAL_COUNT_MIN:
        return
    usual = amounts[len(amounts) // 2]
    if abs(invoice.gross) > usual * _UNUSUAL_FACTOR or abs(invoice.gross) * _UNUSUAL_FACTOR < usual:
        yield InvoiceWarning(
            "unusual_amount",
            f"{invoice.gross} is far from the usual {usual} of this supplier.",
            {"amount": str(invoice.gross), "usual": str(usual)},
        )
