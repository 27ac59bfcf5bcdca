"""The last source: a model's structured answer about a document, of which only what the document bears out is used.

Rules read first; a model is asked for what they left open. Each of its values must stand in the text that the document
shows, sums must be right, and check digits too. What is left has the source `model`, and a confidence that is asked
about rather than trusted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from stdnum import iban as iban_number
from stdnum.eu import vat as vat_number

from invoices.checks import check_invoice
from invoices.fields.dates import find_dates
from invoices.intents.borne_out import figures_in, folded, has_currency, stands_in
from invoices.invoice import AMOUNT_FIELDS, DATE_FIELDS, FIELDS, FieldSource, Invoice, Value

CONFIDENCE: Final = 0.6
_INVOICE, _CREDIT_NOTE, _NEITHER = "invoice", "credit_note", "neither"
_CODES: Final = {_INVOICE: "380", _CREDIT_NOTE: "381"}
_NAME_CHARS_MIN: Final = 2
_VALUE_CHARS_MAX: Final = 200
# Names of tools and schemas have no dots.
_KEY_OF: Final = {name: name.replace(".", "_") for name in FIELDS}

SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": [_INVOICE, _CREDIT_NOTE, _NEITHER]},
        **{key: {"type": ["string", "null"]} for key in _KEY_OF.values()},
    },
    "required": ["type", *_KEY_OF.values()],
    "additionalProperties": False,
}
"""What a model answers: amounts like "1190.00", dates like "2026-03-31", null for what the document does not say."""


def completed(invoice: Invoice | None, said: Mapping[str, Any], text: str) -> Invoice | None:
    """The invoice with what a model found in the text, where rules found nothing; None where there is still none.

    invoice: what the rules read, whose values stand. said: a model's answer of SCHEMA's form. text: what the document
    shows.
    """
    if said.get("type") == _NEITHER and invoice is None:
        return None
    read = invoice if invoice is not None else Invoice(type_code=_CODES.get(str(said.get("type"))))
    found = {name: _value(name, said.get(key), text) for name, key in _KEY_OF.items() if read.value(name) is None}
    known = {name: value for name, value in found.items() if value is not None}
    source = FieldSource("model", CONFIDENCE)
    for name, value in _consistent(read, known).items():
        read = read.with_value(name, value, source)
    if invoice is None and not _is_invoice(read):
        return None
    return check_invoice(replace(read, warnings=tuple(each for each in read.warnings if each.code != "low_confidence")))


def _is_invoice(read: Invoice) -> bool:
    return read.gross is not None and (read.number is not None or read.seller.name is not None)


def _value(name: str, said: object, text: str) -> Value | None:
    """The value, where the text has it."""
    if not isinstance(said, str) or not said.strip() or len(said) > _VALUE_CHARS_MAX:
        return None
    written = " ".join(said.split())
    if name in AMOUNT_FIELDS:
        return _amount(written, text)
    if name in DATE_FIELDS:
        return _date(written, text)
    if name == "currency":
        code = written.upper()
        return code if len(code) == 3 and code.isalpha() and has_currency(code, text) else None  # noqa: PLR2004 - ISO 4217
    if len(folded(written)) < _NAME_CHARS_MIN or not stands_in(written, text):
        return None
    if name == "iban":
        compact = iban_number.compact(written)
        return str(compact) if iban_number.is_valid(compact) else None
    if name.endswith("vat_id"):
        return written if vat_number.is_valid(written) else None
    return written


def _amount(written: str, text: str) -> Decimal | None:
    try:
        amount = Decimal(written)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and abs(amount) in set(figures_in(text)) else None


def _date(written: str, text: str) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(written)
    except ValueError:
        return None
    return day if any(day in (found.value, found.other) for found in find_dates(text)) else None


def _consistent(read: Invoice, found: Mapping[str, Value]) -> dict[str, Value]:
    """What of the found values agrees with the rest: net and tax make the total, days come in order."""
    kept = dict(found)
    amounts = {name: kept.get(name, read.value(name)) for name in ("net", "tax", "gross")}
    net, tax, gross = (amounts[name] for name in ("net", "tax", "gross"))
    if isinstance(net, Decimal) and isinstance(tax, Decimal) and isinstance(gross, Decimal):
        if net + tax != gross:
            kept = {name: value for name, value in kept.items() if name not in AMOUNT_FIELDS}
    elif isinstance(net, Decimal) and isinstance(gross, Decimal) and abs(net) > abs(gross):
        kept = {name: value for name, value in kept.items() if name not in AMOUNT_FIELDS}
    issued, due = (kept.get(name, read.value(name)) for name in DATE_FIELDS)
    if isinstance(issued, dt.date) and isinstance(due, dt.date) and due < issued:
        kept.pop("due_date", None)
    return kept
