"""Documents in archives, e-mails, signed envelopes and web pages."""

import gzip
import io
import zipfile
from email.message import EmailMessage

import pytest
from examples_here import content
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.limits import Limits
from invoices.reading import read_document

UBL = content("invoice-de.ubl.xml")
PDF = content("invoice-en.text.pdf")


def zipped(files: dict[str, bytes], **options: object) -> bytes:
    """A ZIP archive of these files."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def mail(text: str, html: str | None = None, **files: bytes) -> bytes:
    """An e-mail with a text, perhaps its HTML form, and attachments."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Your invoice"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, data in files.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def test_given_an_archive_when_read_then_every_invoice_in_it_is_found_once() -> None:
    """Copies of one invoice are one; what is none is passed over with its reason."""
    raw = zipped({"a.xml": UBL, "copy.xml": UBL, "b.pdf": PDF, "note.txt": b"Hello"})

    reading = read_document("x.zip", None, raw)

    assert sorted(invoice.number or "" for invoice in reading.invoices) == ["HF-20931", "RE-2026-0417"]
    assert [step.detail for step in reading.trail if step.source == "container"] == [
        "a.xml",
        "copy.xml",
        "b.pdf",
        "note.txt",
    ]


def test_given_an_email_when_read_then_its_attachment_counts_before_its_text() -> None:
    """The text often repeats a total in other words."""
    raw = mail("Invoice number Z-9\nTotal 1.00 EUR", invoice=UBL)

    reading = read_document("x.eml", None, raw)

    assert [invoice.number for invoice in reading.invoices] == ["RE-2026-0417"]


def test_given_an_email_without_attachments_when_read_then_its_text_is_the_invoice() -> None:
    """Many shops write the invoice into the mail."""
    rows = "<tr><td>Invoice number</td><td>Z-9</td></tr><tr><td>Total</td><td>12.00 EUR</td></tr>"
    hidden = "<p style='display: none'>Total 99.00 EUR</p><script>var total = '77.00 EUR'</script>"
    raw = mail("See the HTML part", html=f"<html><body>{hidden}<table>{rows}</table></body></html>")

    (invoice,) = read_document("x.eml", None, raw).invoices

    assert (invoice.number, str(invoice.gross)) == ("Z-9", "12.00")


def test_given_a_mail_in_a_mail_or_an_archive_in_a_mail_when_read_then_it_is_opened() -> None:
    """Forwarded mail; deeper nesting is refused."""
    once = mail("see attached", archive=zipped({"a.xml": UBL}))
    deep = mail("see attached", archive=zipped({"b.zip": zipped({"a.xml": UBL})}))

    assert read_document("x", None, once).invoices[0].number == "RE-2026-0417"
    refused = read_document("x", None, deep)
    assert refused.problem is not None
    assert refused.problem.code == "dangerous"


def ber(tag: int, body: bytes) -> bytes:
    """One element of BER with a definite length."""
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([0x82, size >> 8, size & 255])
    return bytes([tag]) + length + body


@pytest.mark.parametrize("chunk", [60_000, 1_000])
def test_given_a_signed_envelope_when_read_then_the_document_in_it_is_found(chunk: int) -> None:
    """The content of a CMS envelope may be one octet string or many."""
    pieces = b"".join(ber(0x04, UBL[at : at + chunk]) for at in range(0, len(UBL), chunk))
    raw = ber(0x30, ber(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02") + ber(0xA0, pieces) + ber(0x04, b"signature"))

    reading = read_document("x.xml.p7m", None, raw)

    assert reading.kind == "signed"
    assert reading.invoices[0].number == "RE-2026-0417"


def test_given_a_gzip_file_when_read_then_its_content_counts() -> None:
    """One file, compressed."""
    reading = read_document("x.gz", None, gzip.compress(UBL, mtime=0))

    assert reading.invoices[0].number == "RE-2026-0417"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "unsupported"),
        (zipped({"mimetype": b"", "META-INF/manifest.xml": b""}), "unsupported"),
        (zipped({str(number): b"" for number in range(60)}), "too_large"),
        (zipped({"bomb": bytes(70_000_000)}), "dangerous"),
        (zipped({}), "empty"),
        (zipped({"a.xml": UBL})[:-40], "damaged"),
        (gzip.compress(bytes(30_000_000), mtime=0), "dangerous"),
        (zipped({"a.zip": zipped({"b.zip": zipped({"c.zip": zipped({"d": b"x"})})})}), "dangerous"),
        (b"\x30\x80\x06\x09 no xml in here", "unsupported"),
    ],
    ids=["word", "odt", "many", "bomb", "empty", "cut", "gzip bomb", "zip in zip", "no xml"],
)
def test_given_a_container_that_cannot_be_read_when_read_then_it_says_why(raw: bytes, code: str) -> None:
    """Typed, within limits, and quick."""
    reading = read_document("x", None, raw)

    assert reading.problem is not None
    assert reading.problem.code == code


def test_given_an_encrypted_archive_when_read_then_it_is_refused() -> None:
    """The flag is in the directory; no password is tried."""
    raw = bytearray(zipped({"a.xml": UBL}))
    at = raw.find(b"PK\x01\x02")
    raw[at + 8] |= 1
    raw[6] |= 1

    reading = read_document("x", None, bytes(raw))

    assert reading.problem is not None
    assert reading.problem.code == "encrypted"


@settings(deadline=None)
@given(st.integers(0, 600), st.integers(0, 255))
def test_given_a_damaged_container_when_read_then_it_is_read_or_refused(at: int, byte: int) -> None:
    """Archives and mails with a wrong byte: never an error of another type."""
    for raw in (bytearray(zipped({"a.xml": UBL})), bytearray(mail("Hello", invoice=UBL))):
        raw[at] = byte

        reading = read_document("x", None, bytes(raw), Limits(stream_bytes_max=1_000_000))

        assert (reading.problem is None) == bool(reading.invoices)
