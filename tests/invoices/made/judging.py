"""What was read against what was made: right, doubted, missing or silently wrong, by field."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Final

from invoices.checks import SURE, check_invoice
from invoices.invoice import Invoice
from invoices.text import read_layout
from made.sheets import sheet
from made.truth import Made, make

FIELDS: Final = (
    "number", "issue_date", "due_date", "currency", "seller.name", "buyer.name", "seller.vat_id", "iban", "net", "tax",
    "gross", "payable",
)  # fmt: skip
VERDICTS: Final = ("right", "right, doubted", "missing", "wrong, doubted", "silently wrong")


def judge(invoice: Invoice | None, made: Made) -> Counter[tuple[str, str]]:
    """The verdict of each field; a document that is not taken for an invoice misses all that it says."""
    found = check_invoice(invoice) if invoice else Invoice()
    return Counter((name, _verdict(found, made, name)) for name in FIELDS)


def _verdict(found: Invoice, made: Made, name: str) -> str:
    value, truth = found.value(name), made.truth[name]
    if value is None:
        return "right" if truth is None else "missing"
    if name == "currency" and truth is None:
        return "right"  # the page names it in passing, or not at all
    asked = any(one.code == "low_confidence" and one.details["field"] == name for one in found.warnings)
    doubted = found.fields[name].confidence < SURE and asked
    if value == truth:
        return "right, doubted" if doubted else "right"
    return "wrong, doubted" if doubted else "silently wrong"


def read_one(draw: Random, country: str) -> tuple[Made, str, Counter[tuple[str, str]]]:
    """Make, set and read one invoice: what it says, its text, and the verdicts."""
    made = make(draw, country)
    canvas = sheet(made, draw)
    layout = canvas.layout()
    return made, layout.text(), judge(read_layout(layout), made)
