"""Several invoices in one file are read each for itself; what only looks like several stays one."""

from decimal import Decimal

from invoices.layout import layout_of_text
from invoices.reading import read_document
from invoices.text import read_invoices

PAGE = """Nordwind GmbH - Hafenstr. 1 - 18055 Rostock

Frau Petra Lindemann
Lindenweg 4
50667 Köln

Rechnung
Rechnungsnummer: {number}
Datum: {day}.02.2026

Papier    {net}
Nettobetrag    {net}
19 % MwSt.     {tax}
Gesamtbetrag   {gross} €
"""
FIRST = PAGE.format(number="RE-17", day="03", net="100,00", tax="19,00", gross="119,00")
SECOND = PAGE.format(number="RE-18", day="04", net="200,00", tax="38,00", gross="238,00")


def test_given_two_invoices_on_two_pages_when_read_then_there_are_two() -> None:
    """Each with its own number and total, and the page where it stands in the file."""
    found = read_invoices(layout_of_text(f"{FIRST}\f{SECOND}", 10_000))

    assert [(one.number, one.gross) for one in found] == [("RE-17", Decimal("119.00")), ("RE-18", Decimal("238.00"))]
    assert [one.fields["gross"].page for one in found] == [1, 2]


def test_given_an_invoice_of_two_pages_before_another_when_read_then_its_second_page_is_its_own() -> None:
    """A page without a number goes on with what came before."""
    table, _, sums = FIRST.partition("Nettobetrag")

    found = read_invoices(layout_of_text(f"{table}\fSeite 2\nNettobetrag{sums}\f{SECOND}", 10_000))

    assert [(one.number, one.gross, one.fields["gross"].page) for one in found] == [
        ("RE-17", Decimal("119.00"), 2),
        ("RE-18", Decimal("238.00"), 3),
    ]


def test_given_pages_that_repeat_the_number_when_read_then_it_is_one_invoice() -> None:
    """The head of an invoice stands on each of its pages."""
    table, _, sums = FIRST.partition("Nettobetrag")

    found = read_invoices(layout_of_text(f"{table}\fRechnungsnummer: RE-17  Seite 2\nNettobetrag{sums}", 10_000))

    assert [(one.number, one.gross) for one in found] == [("RE-17", Decimal("119.00"))]


def test_given_a_final_invoice_that_lists_earlier_ones_when_read_then_it_is_one() -> None:
    """A list of instalments has numbers, but no invoice of its own behind each."""
    listed = "Anlage\nRechnung Nr. AR-1 vom 01.01.2026   50,00\nRechnung Nr. AR-2 vom 15.01.2026   50,00\n"

    found = read_invoices(layout_of_text(f"{FIRST}\f{listed}", 10_000))

    assert [one.number for one in found] == ["RE-17"]


def test_given_a_file_with_two_invoices_when_read_then_the_reading_has_both() -> None:
    """The way that every document takes."""
    reading = read_document("both.txt", "text/plain", f"{FIRST}\f{SECOND}".encode())

    assert [one.number for one in reading.invoices] == ["RE-17", "RE-18"]
    assert reading.problem is None
