"""Invoices of many kinds, as their trades write them: made up, each with the habits of its country."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from invoices.checks import SURE
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
        "buyer": "Société Dubois SAS", "net": "1500.00", "tax": "0.00", "gross": "1500.00",
        "iban": "FR1420041010050500013M02606",
    },
    "professional-es": {
        "number": "F2026/045", "issue_date": "2026-03-12", "currency": "EUR", "seller": "Ana Torres Vidal",
        "buyer": "Construcciones Levante S.L.", "net": "2300.00", "tax": "483.00", "gross": "2783.00",
        "payable": "2438.00",
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
        "buyer": "Frau Sabine Lang", "net": "450.00", "tax": "0.00", "gross": "450.00",
        "iban": "DE89370400440532013000",
    },
    "hosting-de": {
        "number": "R0012345678", "issue_date": "2026-03-04", "currency": "EUR", "seller": "WebHost24 GmbH",
        "buyer": "Bäckerei Sommer GmbH & Co. KG", "net": "51.50", "tax": "9.79", "gross": "61.29", "payable": "61.29",
    },
    "builder-final-de": {
        "number": "SR-2026-77", "issue_date": "2026-06-10", "due_date": "2026-06-24", "currency": "EUR",
        "seller": "Bauunternehmen Krüger GmbH", "buyer": "Eheleute Jan und Petra Lorenz", "net": "42500.00",
        "tax": "8075.00", "gross": "50575.00", "payable": "15575.00",
    },
    "telephone-en-gb": {
        "number": "Q012-3344", "issue_date": "2026-04-12", "currency": "GBP", "net": "35.00", "tax": "7.00",
        "gross": "42.00", "payable": "42.00",
    },
    "shop-en-au": {
        "number": "INV-5521", "issue_date": "2026-01-15", "currency": None, "seller": "Green Beans Coffee Pty Ltd",
        "buyer": "Sophie Nguyen", "gross": "100.00", "payable": "0.00",
    },
    "electricity-de": {
        "number": "900123456", "issue_date": "2026-02-02", "due_date": None, "buyer": "Frau Erika Beispiel",
        "net": "1046.25", "tax": "198.79", "gross": "1245.04", "payable": "105.04",
    },
    "credit-note-en-gb": {
        "number": "CN-0042", "issue_date": "2026-05-03", "type": "credit_note", "currency": "GBP",
        "seller": "Bright Ideas Ltd", "net": "120.00", "tax": "24.00", "gross": "144.00",
    },
    "baker-fr": {
        "number": "FA-00987", "issue_date": "2026-01-31", "due_date": "2026-02-28", "currency": "EUR",
        "buyer": "Hôtel des Quais", "net": "1470.00", "tax": "94.35", "gross": "1564.35", "payable": "1364.35",
    },
    "printer-nl-be": {
        "number": "20260033", "issue_date": "2026-02-09", "due_date": "2026-03-11", "seller": "Drukkerij Peeters NV",
        "buyer": "Stad Gent", "net": "395.00", "tax": "82.95", "gross": "477.95", "iban": "BE68539007547034",
    },
    "designer-en-jp": {"number": "77", "issue_date": "2026-02-01", "currency": "JPY", "gross": "120000.00"},
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


def trades() -> Iterator[tuple[str, dict[str, tuple[str, ...]], bytes]]:
    """Name, allowed values of each field, and text of the papers in trades.txt."""
    for paper in (FOLDER / "trades.txt").read_text(encoding="utf-8").split("### ")[1:]:
        head, _, text = paper.partition("\n")
        name, _, said = head.partition(" | ")
        fields = re.findall(r"([a-z_.]+)=(.*?)(?= [a-z_.]+=|$)", said)
        yield name, {field: tuple(value.split("|")) for field, value in fields}, text.encode()


@pytest.mark.parametrize(("name", "said", "content"), [pytest.param(*one, id=one[0]) for one in trades()])
def test_given_a_paper_of_a_trade_when_read_then_nothing_is_silently_wrong(
    name: str, said: dict[str, tuple[str, ...]], content: bytes
) -> None:
    """What is not sure is doubted or left out; what is no invoice is named."""
    reading = read_document(name, None, content)

    if "none" in said:
        assert reading.problem is not None
        assert (reading.problem.code, reading.problem.what) == ("not_an_invoice", said["none"][0])
        return
    (invoice,) = reading.invoices
    wrong = {
        field: str(invoice.value(field))
        for field, allowed in said.items()
        if field != "type"
        and invoice.value(field) is not None
        and field_text(to_protocol(invoice), field) not in allowed
        and invoice.fields[field].confidence >= SURE
    }
    assert wrong == {}


def test_given_the_papers_of_all_trades_when_read_then_nine_of_ten_fields_are_right() -> None:
    """Silence would satisfy the test above."""
    counted: Counter[bool] = Counter()

    for name, said, content in trades():
        for invoice in read_document(name, None, content).invoices:
            counted.update(field_text(to_protocol(invoice), field) in allowed for field, allowed in said.items())

    assert counted[True] / counted.total() >= 0.92


def field_text(shown: Any, name: str) -> str:
    """A field of the protocol's invoice, by its dotted name, as a text."""
    for part in name.split("."):
        shown = shown[part]
    return str(shown)
