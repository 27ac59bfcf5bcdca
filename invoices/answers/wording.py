"""An invoice in words: its summary, its details and its warnings, in the person's language."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Final

from invoices.answers.sums import Totals
from invoices.book import Booking
from invoices.invoice import AMOUNT_FIELDS, DATE_FIELDS, Invoice, InvoiceWarning, Value
from messages.phrases import PHRASES
from messages.saying import Phrases

WARNINGS_SHOWN_MAX: Final = 4
LINES_SHOWN_MAX: Final = 15
_CENT: Final = Decimal("0.01")
_WARNINGS: Final = {
    "invalid_iban": "warn_invalid_iban",
    "invalid_vat_id": "warn_invalid_vat_id",
    "dates_out_of_order": "warn_dates_out_of_order",
    "future_date": "warn_future_date",
    "low_confidence": "warn_low_confidence",
    "xml_text_mismatch": "warn_xml_text_mismatch",
    "duplicate": "warn_duplicate",
    "iban_changed": "warn_iban_changed",
    "currency_changed": "warn_currency_changed",
    "unusual_amount": "warn_unusual_amount",
}


class Answers:
    """Words about invoices, in one language."""

    def __init__(self, phrases: Phrases) -> None:
        """phrases: of the language."""
        self._say = phrases

    def name(self, invoice: Invoice) -> str:
        """What it is and from whom."""
        kind = "credit" if invoice.type == "credit_note" else "invoice"
        what = (
            self._say.say(f"{kind}_named", number=invoice.number)
            if invoice.number
            else self._say.say(f"{kind}_unnamed")
        )
        return self._say.say("from_seller", what=what, seller=invoice.seller.name) if invoice.seller.name else what

    def summary(self, invoice: Invoice) -> str:
        """One line: what it is, from whom, how much, until when."""
        line = self.name(invoice)
        total = invoice.gross if invoice.gross is not None else invoice.payable
        if total is not None:
            line = self._say.say("with_total", what=line, total=self._say.money(total, invoice.currency))
        if invoice.due_date is not None:
            line = self._say.say("with_due", what=line, date=self._say.day(invoice.due_date))
        return line

    def booked(self, booking: Booking) -> str:
        """The same of a booking, and whether it is paid."""
        line = self.summary(booking.invoice)
        if booking.is_paid and booking.paid_on is not None:
            return self._say.say("with_paid_on", what=line, date=self._say.day(booking.paid_on))
        return self._say.say("with_paid", what=line) if booking.is_paid else line

    def details(self, invoice: Invoice) -> list[str]:
        """The lines under a summary: dates, amounts, parties and what a person should look at."""
        say = self._say
        lines: list[str] = []
        if invoice.issue_date is not None:
            lines.append(say.say("issued", date=say.day(invoice.issue_date)))
        if invoice.net is not None and invoice.tax is not None:
            net, tax = say.money(invoice.net, invoice.currency), say.money(invoice.tax, invoice.currency)
            lines.append(say.say("net_and_tax", net=net, tax=tax))
        total = invoice.gross if invoice.gross is not None else invoice.payable
        if invoice.payable is not None and total is not None and invoice.payable != total:
            lines.append(say.say("to_pay", amount=say.money(invoice.payable, invoice.currency)))
        if invoice.buyer.name:
            lines.append(say.say("billed_to", name=invoice.buyer.name))
        if invoice.iban:
            lines.append(say.say("account", iban=invoice.iban))
        return lines + self.warnings(invoice)

    def warnings(self, invoice: Invoice, *, without: str | None = None) -> list[str]:
        """What a person should look at. without: a code that is told elsewhere."""
        shown = [warning for warning in invoice.warnings if warning.code != without]
        return [self._say.say("please_check", warning=self.warning(it, invoice)) for it in shown[:WARNINGS_SHOWN_MAX]]

    def warning(self, warning: InvoiceWarning, invoice: Invoice) -> str:
        """A warning in plain words; one that is not known keeps its English ones."""
        key = _WARNINGS.get(warning.code) or _sums_key(warning)
        if key is None or key not in PHRASES:
            return warning.text
        values = {name: self._shown(name, value, warning, invoice) for name, value in warning.details.items()}
        text = self._say.say(key, None, **values)
        return text if text.strip() else warning.text

    def _shown(self, name: str, value: str, warning: InvoiceWarning, invoice: Invoice) -> str:
        if name == "field":
            return self.label(value)
        about = warning.details.get("field", name)
        plain = from_text(about if name in ("value", "xml", "text") else name, value)
        is_amount = isinstance(plain, Decimal) or name in ("sum", "expected", "amount", "usual")
        if is_amount and (amount := _decimal(value)) is not None:
            return self._say.money(amount, invoice.currency)
        return self._say.day(plain) if isinstance(plain, dt.date) else value

    def label(self, field: str) -> str:
        """What a field is called."""
        key = f"label_{field}"
        return self._say.say(key) if key in PHRASES else field.replace(".", " ").replace("_", " ")

    def value(self, value: Value | None, invoice: Invoice) -> str:
        """The value of a field as people read it."""
        if isinstance(value, Decimal):
            return self._say.money(value, invoice.currency)
        return self._say.day(value) if isinstance(value, dt.date) else str(value or "")

    def listed(self, bookings: tuple[Booking, ...]) -> list[str]:
        """Numbered lines; what is too much is counted."""
        lines = [f"{at}. {self.booked(booking)}" for at, booking in enumerate(bookings[:LINES_SHOWN_MAX], 1)]
        if len(bookings) > LINES_SHOWN_MAX:
            lines.append(self._say.say("and_more", len(bookings) - LINES_SHOWN_MAX))
        return lines

    def totals(self, totals: Totals) -> str:
        """Each currency's sum."""
        return " + ".join(self._say.money(amount, currency) for currency, amount in totals.by_currency)

    def averages(self, totals: Totals) -> str:
        """What one comes to in the middle, in each currency, to the cent."""
        counts = dict(totals.counts)
        return " + ".join(
            self._say.money((amount / counts[currency]).quantize(_CENT, ROUND_HALF_EVEN), currency)
            for currency, amount in totals.by_currency
            if counts.get(currency)
        )


def _sums_key(warning: InvoiceWarning) -> str | None:
    if warning.code != "sum_mismatch":
        return None
    if "expected" in warning.details:
        return "warn_payable"
    return "warn_sums" if "gross" in warning.details else "warn_rates"


def _decimal(value: str) -> Decimal | None:
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def from_text(field: str, value: str) -> Value | None:
    """The value of one of `FIELDS` from its plain form; None where it is none."""
    if field in AMOUNT_FIELDS:
        amount = _decimal(value)
        return amount if amount is not None and amount.is_finite() and abs(amount) < Decimal(10) ** 12 else None
    if field in DATE_FIELDS:
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return None
    return value.strip() or None
