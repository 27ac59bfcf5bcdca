"""Invoices of many kinds, as their trades write them: made up, each with the habits of its country."""

from pathlib import Path
from typing import Any

import pytest

from invoices.invoice import to_protocol
from invoices.reading import read_document

FOLDER = Path(__file__).parent / "kinds"

EXPECTED: dict[str, dict[str, Any]] = {
    "subscription-en-us": {
        "number": "8F3A2C1B-0007", "issue_date": "2026-03-03", "due_date": "2026-03-17", "currency": "USD",
        "seller": "Acme Cloud, Inc.", "net": "49.00", "gross": "49.00", "payable": "49.00",
    },
    "craftsman-en-gb": {
        "number": "2291", "issue_date": "2026-03-04", "currency": "GBP", "seller": "J. Barker Plumbing & Heating Ltd",
        "buyer": "Mrs A. Patel", "net": "445.00", "tax": "89.00", "gross": "534.00", "payable": "534.00",
    },
    "freelancer-fr": {
        "number": "2026-018", "issue_date": "2026-02-05", "due_date": "2026-03-07", "currency": "EUR",
        "buyer": "Société Dubois SAS", "net": "1500.00", "tax": "0.00", "gross": "1500.00", "iban": "FR1420041010050500013M02606",
    },
    "professional-es": {
        "number": "F2026/045", "issue_date": "2026-03-12", "currency": "EUR", "seller": "Ana Torres Vidal",
        "buyer": "Construcciones Levante S.L.", "net": "2300.00", "tax": "483.00", "gross": "2783.00", "payable": "2438.00",
    },
    "studio-it": {
        "number": "15/2026", "issue_date": "2026-02-20", "due_date": "2026-03-22", "currency": "EUR",
        "seller": "Studio Bianchi S.r.l.", "buyer": "Officine Verdi S.p.A.", "net": "850.00", "tax": "187.00",
        "gross": "1037.00", "iban": "IT60X0542811101000000123456",
    },
    "gardener-nl": {
        "number": "2026-101", "issue_date": "2026-03-01", "due_date": "2026-03-31", "currency": "EUR",
        "seller": "De Groene Tuin B.V.", "buyer": "Fam. de Vries", "net": "480.00", "tax": "100.80", "gross": "580.80",
    },
    "hotel-de-ch": {
        "number": "45871", "issue_date": "2026-02-12", "currency": "CHF", "seller": "Alpenblick Hotel AG",
        "buyer": "Herr Peter Keller", "net": "354.55", "tax": "13.45", "gross": "368.00", "payable": "368.00",
    },
    "photographer-de": {
        "number": "12-2026", "issue_date": "2026-03-03", "currency": "EUR", "seller": "Max Huber",
        "buyer": "Frau Sabine Lang", "net": "450.00", "tax": "0.00", "gross": "450.00", "iban": "DE89370400440532013000",
    },
    "hosting-de": {
        "number": "R0012345678", "issue_date": "2026-03-04", "currency": "EUR", "seller": "WebHost24 GmbH",
        "buyer": "Bäckerei Sommer GmbH & Co. KG", "net": "51.50", "tax": "9.79", "gross": "61.29", "payable": "61.29",
    },
    "receipt-de": {"issue_date": "2026-03-12", "currency": "EUR", "net": "5.48", "tax": "0.59", "gross": "6.07"},
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_given_an_invoice_of_a_trade_when_read_then_its_fields_are_found(kind: str) -> None:
    """Withholding tax, small businesses without VAT, several rates, forms, letters and a till receipt."""
    content = (FOLDER / f"{kind}.txt").read_bytes()

    (invoice,) = read_document(kind, None, content).invoices

    shown = to_protocol(invoice)
    found = {**shown, "seller": shown["seller"]["name"], "buyer": shown["buyer"]["name"]}
    assert {name: found[name] for name in EXPECTED[kind]} == EXPECTED[kind]
