"""Bookings as files: what another program reads back from them, and what no file may do."""

import codecs
import csv
import datetime as dt
import io
import json
import zipfile
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from invoices.book import Booking
from invoices.export import FORMATS, ExportFormat, export
from invoices.invoice import FIELDS, Invoice, InvoiceWarning, Line, Party, TaxPart, to_protocol
from invoices.limits import Limits
from invoices.reading import read_document
from invoices.xml_tree import parse_xml
from invoices.xml_ubl import read_ubl
from invoices.xml_values import Unreadable

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

spaced = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zs", "Zl", "Zp")), max_size=20)
texts = st.none() | spaced.filter(lambda text: text == " ".join(text.split()) and text)
amounts = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9)
numbers = st.none() | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6)
lines = st.builds(Line, texts, numbers, numbers, amounts, numbers)
invoices = st.builds(
    Invoice,
    number=texts,
    issue_date=st.none() | st.dates(),
    due_date=st.none() | st.dates(),
    currency=st.sampled_from([None, "EUR", "USD", "JPY"]),
    type_code=st.sampled_from([None, "380", "381", "384", "326", "261"]),
    seller=st.builds(Party, texts, texts),
    buyer=st.builds(Party, texts, texts),
    iban=st.sampled_from([None, "DE89370400440532013000"]),
    net=amounts,
    tax=amounts,
    gross=amounts,
    payable=amounts,
    prepaid=amounts,
    rounding=amounts,
    lines=st.lists(lines, max_size=3).map(tuple),
    taxes=st.lists(st.builds(TaxPart, numbers, amounts, amounts), max_size=2).map(tuple),
)
anything = st.text(max_size=30)


def booking(invoice: Invoice, invoice_id: str = "i-1", **facts: Any) -> Booking:
    """One booking of that invoice."""
    return Booking(invoice_id, "c-1", "u-1", 1, invoice, recorded_at="2026-03-01T10:00:00Z", **facts)


ACME = Invoice(
    number="2026-031",
    issue_date=dt.date(2026, 3, 1),
    due_date=dt.date(2026, 3, 31),
    currency="EUR",
    type_code="380",
    seller=Party("ACME GmbH", "DE136695976"),
    buyer=Party("Beispiel AG", None),
    iban="DE89370400440532013000",
    net=Decimal("1000.00"),
    tax=Decimal("190.00"),
    gross=Decimal("1190.00"),
    payable=Decimal("1190.00"),
    lines=(Line("Screws", Decimal(10), Decimal("100.00"), Decimal("1000.00"), Decimal(19)),),
    taxes=(TaxPart(Decimal(19), Decimal("1000.00"), Decimal("190.00")),),
)


def rows_of(content: bytes) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@given(invoices)
def test_given_any_invoice_when_exported_as_ubl_then_our_own_reader_finds_the_same(invoice: Invoice) -> None:
    """What the agent writes, it reads."""
    content = export([booking(invoice)], "ubl").content

    unreadable = Unreadable()
    again = read_ubl(parse_xml(content, Limits()), Limits(), unreadable)

    assert again == invoice
    assert unreadable.values == []


@given(st.builds(Invoice, number=anything, seller=st.builds(Party, anything, anything), iban=anything), st.data())
def test_given_any_texts_when_exported_then_every_file_is_well_formed(invoice: Invoice, data: st.DataObject) -> None:
    """Control characters and halves of surrogate pairs come out of documents; no file breaks on them."""
    wild = data.draw(st.text(st.characters(), max_size=10))
    one = booking(invoice, file_name=wild)

    files = {kind: export([one, one], kind).content for kind in FORMATS}

    assert len(rows_of(files["csv"])) == 2
    assert len(json.loads(files["json"])["invoices"]) == 2
    assert zipfile.ZipFile(io.BytesIO(files["xlsx"])).testzip() is None
    archive = zipfile.ZipFile(io.BytesIO(files["ubl"]))
    assert len({name.casefold() for name in archive.namelist()}) == 2
    for name in archive.namelist():
        etree.fromstring(archive.read(name))


@given(st.lists(invoices, max_size=3), st.sampled_from(FORMATS))
def test_given_the_same_bookings_when_exported_twice_then_the_bytes_are_the_same(
    found: list[Invoice], kind: ExportFormat
) -> None:
    """A turn that is run again hands out the very same file."""
    booked = [booking(invoice, f"i-{number}") for number, invoice in enumerate(found)]

    once, again = export(booked, kind), export(booked, kind)

    assert once == again


def test_given_an_invoice_when_exported_as_ubl_then_a_reader_of_documents_has_all_of_it() -> None:
    """The way every attachment goes, checks included."""
    content = export([booking(ACME)], "ubl").content

    reading = read_document("2026-031.xml", "application/xml", content, Limits())

    (invoice,) = reading.invoices
    assert [invoice.value(name) for name in FIELDS] == [ACME.value(name) for name in FIELDS]
    assert invoice.lines == ACME.lines


def test_given_a_credit_note_when_exported_as_ubl_then_it_is_a_credit_note_with_its_due_date() -> None:
    """A CreditNote has no DueDate in UBL 2.1, and lines of its own name."""
    note = Invoice(number="G-1", type_code="381", due_date=dt.date(2026, 4, 1), currency="EUR", lines=ACME.lines)

    content = export([booking(note)], "ubl").content

    root = etree.fromstring(content)
    assert root.tag == "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote"
    assert b"CreditNoteLine" in content
    assert b"<cbc:PaymentDueDate>2026-04-01</cbc:PaymentDueDate>" in content
    assert b"<cbc:DueDate>" not in content


def test_given_one_and_several_when_exported_as_ubl_then_the_one_is_xml_and_the_several_a_zip() -> None:
    """A UBL document is one invoice; two of one number get names of their own."""
    one = export([booking(ACME)], "ubl")
    two = export([booking(ACME, "i-1"), booking(ACME, "i-2")], "ubl")

    assert (one.name, one.media_type) == ("2026-031.xml", "application/xml")
    assert two.media_type == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(two.content)).namelist() == ["2026-031.xml", "2026-031-2.xml"]


def test_given_an_invoice_when_exported_as_csv_then_a_spreadsheet_program_reads_it_right() -> None:
    """A byte order mark for the names, CRLF between rows, amounts with a dot and two decimals."""
    named = Invoice(
        number="7", seller=Party('Müller, "Söhne"\nKG'), gross=Decimal(1190), issue_date=dt.date(2026, 1, 2)
    )

    content = export([booking(named, is_paid=True, paid_on=dt.date(2026, 1, 9))], "csv").content

    (row,) = rows_of(content)
    assert content.startswith(codecs.BOM_UTF8)
    assert content.endswith(b"\r\n")
    assert row["seller_name"] == 'Müller, "Söhne"\nKG'
    assert (row["gross"], row["issue_date"], row["is_paid"], row["paid_on"]) == (
        "1190.00", "2026-01-02", "yes", "2026-01-09",
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+49 123", "-2", "@SUM(A1)", "\t=1", " =1", "=HYPERLINK(1)", "|calc", "%0A=1", "＝1"],  # noqa: RUF001
)
def test_given_a_name_that_is_a_formula_when_exported_then_no_program_computes_it(name: str) -> None:
    """A supplier chooses its own name; whoever opens the table must not run it."""
    evil = Invoice(number="1", seller=Party(name))

    (row,) = rows_of(export([booking(evil)], "csv").content)
    sheet = zipfile.ZipFile(io.BytesIO(export([booking(evil)], "xlsx").content)).read("xl/worksheets/sheet1.xml")

    assert row["seller_name"].startswith("'")
    assert etree.fromstring(sheet).findall(f".//{_S}f") == []


def test_given_a_negative_amount_when_exported_as_csv_then_it_stays_a_number() -> None:
    """The apostrophe is for texts alone."""
    refund = Invoice(number="1", gross=Decimal("-5.00"))

    (row,) = rows_of(export([booking(refund)], "csv").content)

    assert row["gross"] == "-5.00"


def test_given_an_invoice_when_exported_as_xlsx_then_its_cells_have_types() -> None:
    """Amounts are numbers and dates are dates, so that they add up and sort; an amount too long for one is text."""
    long = Invoice(number="2", gross=Decimal("1234567890123456.78"))

    content = export([booking(ACME), booking(long, "i-2")], "xlsx").content

    root = etree.fromstring(zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml"))
    cells = {cell.get("r"): cell for cell in root.iter(f"{_S}c")}
    assert cells["L2"].findtext(f"{_S}v") == "1190"
    assert cells["L2"].get("t") in (None, "n")
    assert float(cells["C2"].findtext(f"{_S}v")) == (dt.date(2026, 3, 1) - dt.date(1899, 12, 30)).days
    assert cells["L3"].get("t") == "s"
    assert cells["O2"].get("t") == "b"


def test_given_an_invoice_when_exported_as_json_then_it_is_the_protocols_and_what_the_ledger_knows() -> None:
    """The same form in which replies carry it."""
    warned = ACME.with_warnings(InvoiceWarning("duplicate", "You have sent this one before."))

    (found,) = json.loads(export([booking(warned, is_paid=True)], "json").content)["invoices"]

    assert found["invoice"] == to_protocol(warned)
    assert (found["invoice_id"], found["is_paid"], found["paid_on"]) == ("i-1", True, None)


@pytest.mark.parametrize("kind", FORMATS)
def test_given_nothing_when_exported_then_the_file_is_empty_and_whole(kind: ExportFormat) -> None:
    """A table with its header alone, a list of none, an archive of none."""
    content = export([], kind).content

    assert content
    if kind in ("xlsx", "ubl"):
        assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
