"""Any document: what it is by its bytes, which source answers, and why another did not."""

import io
import zipfile

import pytest
from examples_here import content, expected
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.invoice import to_protocol
from invoices.limits import Limits
from invoices.reading import read_document
from invoices.reading_record import Reading
from messages.codec import decode, encode


def zipped(name: str = "a.txt") -> bytes:
    """A ZIP archive with one file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, "x")
    return target.getvalue()


@pytest.mark.parametrize("name", [name for name, truth in expected().items() if truth])
def test_given_an_example_when_read_then_what_is_printed_is_found(name: str) -> None:
    """XML gives every field; pages and plain text give all but what they do not show."""
    truth = expected()[name] or {}
    source = "text" if "text" in name or name.endswith(".txt") else "xml"
    printed = {**truth, "buyer": {**truth["buyer"], "vat_id": None}} if source == "text" else truth

    (invoice,) = read_document(name, None, content(name)).invoices

    shown = to_protocol(invoice)
    compared = set(shown) - {"fields", "warnings"} - ({"lines"} if source == "text" else set())
    assert {key: shown[key] for key in compared} == {key: printed[key] for key in compared}
    assert {field.source for field in invoice.fields.values()} == {source}
    assert invoice.warnings == ()


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        (b"", "empty", "empty"),
        (b" \n\x00", "empty", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "image", "no_text"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "image", "no_text"),
        (b"\xd0\xcf\x11\xe0" + bytes(50), "office", "unsupported"),
        (b"\x7fELF" + bytes(50), "program", "unsupported"),
        (b"\x00\x01\x02\x03" * 40, "unknown", "unsupported"),
        (b"%PDF-1.7 and nothing else", "pdf", "damaged"),
        (b"Dear Sir or Madam, how are you?", "text", "not_an_invoice"),
        (b"Angebot Nr. 17\nSumme 10,00 EUR", "text", "not_an_invoice"),
        (b"Delivery note 17\n3 chairs", "text", "not_an_invoice"),
    ],
)
def test_given_a_document_that_is_no_invoice_when_read_then_it_says_what_it_is(
    raw: bytes, kind: str, code: str
) -> None:
    """A typed problem with a plain word for the document."""
    reading = read_document("invoice.pdf", "application/pdf", raw)

    assert reading.kind == kind
    assert reading.problem is not None
    assert reading.problem.code == code
    assert reading.problem.what


@pytest.mark.parametrize("name", ["a.png", "a.xml", "", "../../etc/passwd", "x.exe"])
@pytest.mark.parametrize("media_type", [None, "text/html", "application/x-msdownload"])
def test_given_any_name_and_media_type_when_read_then_the_bytes_decide(name: str, media_type: str | None) -> None:
    """What someone says about a file decides nothing."""
    raw = content("invoice-de.factur-x.pdf")

    reading = read_document(name, media_type, raw)

    assert reading == read_document("invoice.pdf", "application/pdf", raw)


def test_given_the_same_bytes_when_read_twice_then_the_readings_are_equal() -> None:
    """A reading is a function of bytes and configuration, also of damaged bytes."""
    raw = content("invoice-de.text.pdf")[:-300]

    once, twice = read_document("a", None, raw), read_document("b", None, raw)

    assert once == twice


def test_given_a_document_beyond_the_limit_when_read_then_nothing_is_opened() -> None:
    """Size comes before every parser."""
    entered: list[str] = []

    reading = read_document("x", None, content("scan.pdf"), Limits(document_bytes_max=100), enter=entered.append)

    assert reading.problem is not None
    assert reading.problem.code == "too_large"
    assert entered == []


def test_given_a_scan_when_read_then_each_source_says_why_it_gave_nothing() -> None:
    """The trail is what an operator follows."""
    reading = read_document("x", None, content("scan.pdf"))

    assert [(step.source, step.outcome) for step in reading.trail] == [
        ("xml", "none"),
        ("text", "none"),
        ("ocr", "wanted"),
    ]
    assert reading.problem is not None
    assert reading.problem.code == "no_text"


def test_given_a_source_to_skip_when_read_then_the_next_one_answers() -> None:
    """How a document is read again that cost its reader."""
    raw = content("invoice-de.factur-x.pdf")

    by_text = read_document("x", None, raw, skip_sources=frozenset({"xml"}))
    by_xml = read_document("x", None, raw, skip_sources=frozenset({"text"}))

    assert by_text.invoices[0].fields["gross"].source == "text"
    assert by_xml.invoices[0].fields["gross"].source == "xml"
    assert by_text.invoices[0].gross == by_xml.invoices[0].gross


def test_given_sources_when_entered_then_they_are_told_before_they_are_tried() -> None:
    """The supervisor of a reader learns where it was when it died."""
    entered: list[str] = []

    read_document("x", None, content("invoice-de.factur-x.pdf"), enter=entered.append)

    assert entered == ["xml", "text"]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_given_any_bytes_when_read_then_there_is_a_reading_that_the_codec_knows(raw: bytes) -> None:
    """Either invoices or a problem, and always a record that can be sent."""
    reading = read_document("x", None, raw)

    assert isinstance(reading, Reading)
    assert (reading.problem is None) == bool(reading.invoices)
    assert decode(encode(reading)) == reading


@settings(deadline=None)
@given(st.text(max_size=600))
def test_given_any_text_when_read_then_no_amount_comes_from_nowhere(text: str) -> None:
    """A value of a text reading stands in the text, or follows from values that do."""
    reading = read_document("x", None, text.encode("utf-8", "replace"))

    for invoice in reading.invoices:
        assert invoice.number is None or invoice.number.split(" ")[0] in text
