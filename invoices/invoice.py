"""The invoice as the rest of the house knows it: frozen records under the names of EN 16931.

Amounts are Decimal in the invoice's own currency, dates are `datetime.date`, an absent value is None. The same record
goes through `to_protocol` to the outside and through `to_plain`/`from_plain` into snapshots and between processes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import msgspec

from messages.codec import record

# UNTDID 1001 codes of a credit note as the CEN code list gives them for CreditNoteTypeCode, and FatturaPA's.
CREDIT_NOTE_CODES: Final = frozenset(
    {"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532", "TD04", "TD08"}
)

TEXT_FIELDS: Final = ("number", "currency", "iban", "seller.name", "seller.vat_id", "buyer.name", "buyer.vat_id")
DATE_FIELDS: Final = ("issue_date", "due_date")
AMOUNT_FIELDS: Final = ("net", "tax", "gross", "payable")
_DECIMALS_MIN: Final = 2
FIELDS: Final = (*TEXT_FIELDS, *DATE_FIELDS, *AMOUNT_FIELDS)

Value = str | Decimal | dt.date


@record(tag=40, version=1)
@dataclass(frozen=True, slots=True)
class FieldSource:
    """Where a value comes from.

    source: xml, text, ocr, rules, model or person. confidence: 0 to 1. page: from 1; None where there are no pages.
    """

    source: str
    confidence: float
    page: int | None = None


@record(tag=41, version=1)
@dataclass(frozen=True, slots=True)
class InvoiceWarning:
    """Something a person should know. `code` is stable, `text` English, `details` fill a translated template."""

    code: str
    text: str
    details: Mapping[str, str] = field(default_factory=dict)


@record(tag=42, version=1)
@dataclass(frozen=True, slots=True)
class Party:
    """Seller (BT-27, BT-31) or buyer (BT-44, BT-48)."""

    name: str | None = None
    vat_id: str | None = None


@record(tag=43, version=1)
@dataclass(frozen=True, slots=True)
class Line:
    """One line: BT-153 or BT-154, BT-129, BT-146, BT-131, BT-152 (percent). unit_price is for one unit."""

    description: str | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    net: Decimal | None = None
    tax_rate: Decimal | None = None


@record(tag=44, version=1)
@dataclass(frozen=True, slots=True)
class TaxPart:
    """One rate of the VAT breakdown: BT-119 (percent), BT-116, BT-117."""

    rate: Decimal | None = None
    net: Decimal | None = None
    tax: Decimal | None = None


@record(tag=45, version=1)
@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice or credit note. Every value that is present has its entry in `fields`, under its protocol name."""

    number: str | None = None
    issue_date: dt.date | None = None
    due_date: dt.date | None = None
    currency: str | None = None
    type_code: str | None = None
    seller: Party = Party()
    buyer: Party = Party()
    iban: str | None = None
    net: Decimal | None = None
    tax: Decimal | None = None
    gross: Decimal | None = None
    payable: Decimal | None = None
    prepaid: Decimal | None = None
    rounding: Decimal | None = None
    lines: tuple[Line, ...] = ()
    taxes: tuple[TaxPart, ...] = ()
    fields: Mapping[str, FieldSource] = field(default_factory=dict)
    warnings: tuple[InvoiceWarning, ...] = ()

    @property
    def type(self) -> str:
        """`credit_note` or `invoice`, from the type code (BT-3)."""
        return "credit_note" if self.type_code in CREDIT_NOTE_CODES else "invoice"

    def value(self, name: str) -> Value | None:
        """The value of one of `FIELDS`. Raises KeyError for another name."""
        if name not in FIELDS:
            raise KeyError(name)
        owner, _, attribute = name.rpartition(".")
        value: Value | None = getattr(getattr(self, owner) if owner else self, attribute)
        return value

    def with_value(self, name: str, value: Value | None, source: FieldSource | None) -> Invoice:
        """A copy with one of `FIELDS` set; a value of None takes its source away. Raises KeyError for another name."""
        if name not in FIELDS:
            raise KeyError(name)
        sources = {key: kept for key, kept in self.fields.items() if key != name}
        if value is not None and source is not None:
            sources[name] = source
        owner, _, attribute = name.rpartition(".")
        changed = self._with_attribute(owner, attribute, value)
        return replace(changed, fields=sources)

    def _with_attribute(self, owner: str, attribute: str, value: Value | None) -> Invoice:
        changes: dict[str, Any] = {attribute: value}
        if not owner:
            return replace(self, **changes)
        party: Party = replace(getattr(self, owner), **changes)
        return replace(self, seller=party) if owner == "seller" else replace(self, buyer=party)

    def with_warnings(self, *warnings: InvoiceWarning) -> Invoice:
        """A copy with further warnings; one that is there already is not repeated."""
        added = tuple(warning for warning in warnings if warning not in self.warnings)
        return replace(self, warnings=self.warnings + added)


def to_protocol(invoice: Invoice) -> dict[str, Any]:
    """The invoice as PROTOCOL's "An invoice" has it: plain dicts, lists, strings and null, ready for JSON."""
    return {
        "number": invoice.number,
        "issue_date": _iso(invoice.issue_date),
        "due_date": _iso(invoice.due_date),
        "currency": invoice.currency,
        "type": invoice.type,
        "seller": {"name": invoice.seller.name, "vat_id": invoice.seller.vat_id},
        "buyer": {"name": invoice.buyer.name, "vat_id": invoice.buyer.vat_id},
        "iban": invoice.iban,
        "net": _amount(invoice.net),
        "tax": _amount(invoice.tax),
        "gross": _amount(invoice.gross),
        "payable": _amount(invoice.payable),
        "lines": [_line(line) for line in invoice.lines],
        "fields": {
            name: {"source": at.source, "confidence": at.confidence, "page": at.page}
            for name, at in invoice.fields.items()
        },
        "warnings": [{"code": warning.code, "text": warning.text} for warning in invoice.warnings],
    }


def to_plain(invoice: Invoice) -> dict[str, Any]:
    """The invoice as a dict of str, int, float, None, lists and dicts, for the codec; nothing is lost."""
    plain: dict[str, Any] = msgspec.to_builtins(invoice)
    return plain


def from_plain(plain: object) -> Invoice:
    """The invoice back from `to_plain`. Unknown keys are ignored and missing ones take their defaults.

    Raises ValueError (msgspec.ValidationError) when a value has the wrong type.
    """
    return msgspec.convert(plain, type=Invoice)


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _amount(amount: Decimal | None) -> str | None:
    """At least two decimals, as amounts are written; more where the document gives more."""
    if amount is None:
        return None
    exponent = amount.as_tuple().exponent
    return format(amount, "f" if isinstance(exponent, int) and exponent <= -_DECIMALS_MIN else f".{_DECIMALS_MIN}f")


def _number(number: Decimal | None) -> str | None:
    return None if number is None else format(number, "f")


def _line(line: Line) -> dict[str, str | None]:
    return {
        "description": line.description,
        "quantity": _number(line.quantity),
        "unit_price": _number(line.unit_price),
        "net": _amount(line.net),
        "tax_rate": _number(line.tax_rate),
    }
