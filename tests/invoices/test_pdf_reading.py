"""PDFs: attachments wherever they hang, damage, passwords, invisible text, and pages that inflate without end."""

import io

import pikepdf
import pytest
from examples_here import content, expected
from hostile import flate_bomb_in_page, pdf_with, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.invoice import to_protocol
from invoices.limits import Limits
from invoices.pdf import attached_xml, page_text
from invoices.problems import DocumentRefused
from invoices.reading import read_document

LIMITS = Limits()
CII = content("invoice-en.cii.xml")
TEXT_PDF = content("invoice-en.text.pdf")
HYBRID = content("invoice-en.factur-x.pdf")


def with_file(pdf: pikepdf.Pdf, name: str, data: bytes) -> pikepdf.Dictionary:
    """A file specification of this PDF."""
    stream = pikepdf.Stream(pdf, data)
    stream.Type = pikepdf.Name.EmbeddedFile
    specification = pikepdf.Dictionary(Type=pikepdf.Name.Filespec, F=name, UF=name, EF=pikepdf.Dictionary(F=stream))
    return pdf.make_indirect(specification)


def in_name_tree(pdf: pikepdf.Pdf, name: str, data: bytes) -> None:
    """Attach where most writers do."""
    pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, data, filename=name)


def in_associated_files(pdf: pikepdf.Pdf, name: str, data: bytes) -> None:
    """Attach in the catalogue's AF array alone."""
    pdf.Root.AF = pikepdf.Array([with_file(pdf, name, data)])


def in_annotation(pdf: pikepdf.Pdf, name: str, data: bytes) -> None:
    """Attach as a paper clip on the page."""
    annotation = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.FileAttachment,
        Rect=pikepdf.Array([0, 0, 9, 9]),
        FS=with_file(pdf, name, data),
    )
    pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(annotation)])


def nowhere(pdf: pikepdf.Pdf, name: str, data: bytes) -> None:
    """Leave a specification that no tree knows, but an odd entry of the page."""
    pdf.pages[0].obj.Odd = with_file(pdf, name, data)


@pytest.mark.parametrize("attach", [in_name_tree, in_associated_files, in_annotation, nowhere])
@pytest.mark.parametrize("name", ["factur-x.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml", "any.xml"])
def test_given_an_attachment_anywhere_when_read_then_it_is_found(attach, name: str) -> None:  # noqa: ANN001
    """Name tree, AF array, annotation, or only somewhere in the file; under any name."""
    pdf = pikepdf.open(io.BytesIO(TEXT_PDF))
    attach(pdf, name, CII)

    reading = read_document("x.pdf", None, saved(pdf))

    assert reading.invoices[0].fields["gross"].source == "xml"
    assert reading.invoices[0].number == "HF-20931"


def test_given_several_attachments_when_read_then_the_standards_name_wins_and_orders_are_passed_over() -> None:
    """An order beside the invoice, another XML before it: neither is taken for the invoice."""
    pdf = pikepdf.open(io.BytesIO(TEXT_PDF))
    in_name_tree(pdf, "a-note.xml", b"<note/>")
    in_name_tree(pdf, "order-x.xml", b"<SCRDMCCBDACIOMessageStructure xmlns='urn:un:unece:uncefact:x'/>")
    in_name_tree(pdf, "factur-x.xml", CII)

    reading = read_document("x.pdf", None, saved(pdf))

    assert reading.trail[0].detail == "factur-x.xml: cii"
    assert len(reading.invoices) == 1


def test_given_a_broken_attachment_when_read_then_the_page_is_the_next_source() -> None:
    """Each fall keeps its reason."""
    pdf = pikepdf.open(io.BytesIO(TEXT_PDF))
    in_name_tree(pdf, "factur-x.xml", CII[:200])

    reading = read_document("x.pdf", None, saved(pdf))

    assert reading.trail[0].outcome == "damaged"
    assert reading.invoices[0].fields["gross"].source == "text"


def test_given_an_attachment_bomb_when_read_then_it_is_left_out() -> None:
    """A kilobyte of XML that inflates beyond the limit is no XML."""
    pdf = pikepdf.open(io.BytesIO(TEXT_PDF))
    in_name_tree(pdf, "factur-x.xml", b"<a>" + b" " * 2_000_000 + b"</a>")
    target = io.BytesIO()
    pdf.save(target, compress_streams=True)

    found = attached_xml(target.getvalue(), Limits(xml_bytes_max=1_000_000))

    assert found == ()


def encrypted(owner: str, user: str, **options: object) -> bytes:
    """The example behind passwords."""
    target = io.BytesIO()
    pdf = pikepdf.open(io.BytesIO(HYBRID))
    pdf.save(target, encryption=pikepdf.Encryption(owner=owner, user=user, **options))
    return target.getvalue()


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_given_a_user_password_when_read_then_it_is_refused_as_encrypted(revision: int) -> None:
    """Nobody's password is guessed."""
    locked = encrypted("o", "u", R=revision, aes=revision > 3, metadata=revision > 3)

    reading = read_document("x.pdf", None, locked)

    assert reading.problem is not None
    assert reading.problem.code == "encrypted"


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_given_an_owners_password_alone_when_read_then_the_invoice_is_there(revision: int) -> None:
    """Anybody may open and read such a file; it only asks not to be changed."""
    locked = encrypted("o", "", R=revision, aes=revision > 3, metadata=revision > 3)

    reading = read_document("x.pdf", None, locked)

    assert reading.invoices[0].number == "HF-20931"


def test_given_a_file_cut_at_nine_tenths_when_read_then_the_repair_finds_the_invoice() -> None:
    """Pdfium rejects it, qpdf finds its objects again."""
    cut = TEXT_PDF[: len(TEXT_PDF) * 9 // 10]

    reading = read_document("x.pdf", None, cut)

    assert reading.invoices[0].number == "HF-20931"


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=0, max_value=len(HYBRID) - 1))
def test_given_any_truncation_when_read_then_it_is_read_rightly_or_refused(length: int) -> None:
    """What is still there is right, or the file is refused; nothing is invented."""
    reading = read_document("x.pdf", None, HYBRID[:length])

    assert (reading.problem is None) == bool(reading.invoices)
    for invoice in reading.invoices:
        assert invoice.gross in {None, 2820}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TEXT_PDF) - 1), st.integers(0, 7)), min_size=1, max_size=8))
def test_given_flipped_bits_when_read_then_it_is_read_or_refused(flips: list[tuple[int, int]]) -> None:
    """Never an error of another type, and always one of the two."""
    damaged = bytearray(TEXT_PDF)
    for at, bit in flips:
        damaged[at] ^= 1 << bit

    reading = read_document("x.pdf", None, bytes(damaged))

    assert (reading.problem is None) == bool(reading.invoices)


HIDDEN = {
    "render mode 3": b"BT 3 Tr /F1 12 Tf 50 300 Td (Total 9999.00 EUR) Tj ET",
    "white on white": b"BT 1 1 1 rg /F1 12 Tf 50 300 Td (Total 9999.00 EUR) Tj ET",
    "off the page": b"BT /F1 12 Tf 5000 300 Td (Total 9999.00 EUR) Tj ET",
    "tiny": b"BT /F1 0.5 Tf 50 300 Td (Total 9999.00 EUR) Tj ET",
    "covered": b"BT /F1 12 Tf 50 300 Td (Total 9999.00 EUR) Tj ET 1 1 1 rg 40 290 300 40 re f",
}
SHOWN = b"BT /F1 12 Tf 50 700 Td (Invoice number A-17) Tj 0 -20 Td (Total 10.00 EUR) Tj ET "


def page_with(drawing: bytes) -> bytes:
    """A page with a font and these instructions."""
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    return saved(pdf_with(drawing, resources=pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))))


@pytest.mark.parametrize("way", HIDDEN)
def test_given_text_that_nobody_sees_when_read_then_it_is_no_source_and_is_warned_of(way: str) -> None:
    """A hidden total never becomes the invoice's."""
    reading = read_document("x.pdf", None, page_with(SHOWN + HIDDEN[way]))

    (invoice,) = reading.invoices
    assert str(invoice.gross) == "10.00"
    assert [warning.code for warning in reading.warnings] == ["invisible_text"]


def test_given_text_outside_the_crop_box_when_read_then_it_is_no_source_and_is_warned_of() -> None:
    """The page is larger than what is shown of it."""
    pdf = pikepdf.open(io.BytesIO(page_with(SHOWN + b"BT /F1 12 Tf 50 100 Td (Total 9999.00 EUR) Tj ET")))
    pdf.pages[0].CropBox = pikepdf.Array([0, 400, 595, 842])

    reading = read_document("x.pdf", None, saved(pdf))

    assert str(reading.invoices[0].gross) == "10.00"
    assert [warning.code for warning in reading.warnings] == ["invisible_text"]


def test_given_text_in_a_layer_that_is_switched_off_when_read_then_it_is_no_source_and_is_warned_of() -> None:
    """An optional content group that no viewer shows."""
    pdf = pikepdf.open(
        io.BytesIO(page_with(SHOWN + b"/OC /Layer BDC BT /F1 12 Tf 50 300 Td (Total 9999.00 EUR) Tj ET EMC"))
    )
    layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String("secret")))
    pdf.pages[0].Resources.Properties = pikepdf.Dictionary(Layer=layer)
    off = pikepdf.Dictionary(OFF=pikepdf.Array([layer]), Order=pikepdf.Array([layer]))
    pdf.Root.OCProperties = pikepdf.Dictionary(OCGs=pikepdf.Array([layer]), D=off)

    reading = read_document("x.pdf", None, saved(pdf))

    assert str(reading.invoices[0].gross) == "10.00"
    assert [warning.code for warning in reading.warnings] == ["invisible_text"]


@pytest.mark.parametrize("is_over", [True, False])
def test_given_a_picture_and_text_when_read_then_only_the_text_beneath_it_is_hidden(*, is_over: bool) -> None:
    """A photograph has contrast of its own: what counts is which of the two was drawn later."""
    picture = b"q 200 0 0 60 40 280 cm /Photo Do Q "
    text = b"BT /F1 12 Tf 50 300 Td (Total 9999.00 EUR) Tj ET "
    pdf = pikepdf.open(io.BytesIO(page_with(SHOWN + (text + picture if is_over else picture + text))))
    photo = pikepdf.Stream(pdf, bytes((column * 7 + row * 13) % 256 for row in range(60) for column in range(200)))
    photo.Type, photo.Subtype = pikepdf.Name.XObject, pikepdf.Name.Image
    photo.Width, photo.Height, photo.BitsPerComponent = 200, 60, 8
    photo.ColorSpace = pikepdf.Name.DeviceGray
    pdf.pages[0].Resources.XObject = pikepdf.Dictionary(Photo=pdf.make_indirect(photo))

    layout, _ = page_text(saved(pdf), LIMITS)

    assert ("9999.00" in layout.text()) is not is_over
    assert ("9999.00" in layout.pages[0].hidden) is is_over


def test_given_white_text_on_a_dark_bar_when_read_then_it_is_seen() -> None:
    """A table's head is often white on colour: what counts is contrast, not colour."""
    bar = b"0.1 0.2 0.4 rg 40 290 300 40 re f BT 1 1 1 rg /F1 12 Tf 50 300 Td (Amount due 12.00 EUR) Tj ET "

    layout, _ = page_text(page_with(bar), LIMITS)

    assert layout.text() == "Amount due 12.00 EUR"
    assert layout.pages[0].hidden == ""


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_given_a_turned_page_when_read_then_lines_are_as_shown(turn: int) -> None:
    """Rotation is undone before lines are made."""
    pdf = pikepdf.open(io.BytesIO(TEXT_PDF))
    pdf.pages[0].Rotate = turn
    upright, _ = page_text(TEXT_PDF, LIMITS)

    turned, _ = page_text(saved(pdf), LIMITS)

    assert turned.text() == upright.text()


@pytest.mark.parametrize(("turn", "matrix"), [(90, b"0 1 -1 0 595 0 cm"), (270, b"0 -1 1 0 0 842 cm")])
def test_given_turned_text_on_a_turned_page_when_read_then_it_reads_upright(turn: int, matrix: bytes) -> None:
    """How landscape pages and scanners write: the text lies on its side, and the page is turned to show it."""
    pdf = pikepdf.open(io.BytesIO(page_with(matrix + b" " + SHOWN.replace(b"50 700", b"50 400"))))
    pdf.pages[0].Rotate = turn

    layout, _ = page_text(saved(pdf), LIMITS)

    assert layout.text() == "Invoice number A-17\nTotal 10.00 EUR"
    assert layout.pages[0].hidden == ""


def test_given_a_page_that_inflates_without_end_when_read_then_pdfium_never_sees_it() -> None:
    """Two kilobytes that become a gigabyte."""
    bomb = flate_bomb_in_page(200_000_000)

    with pytest.raises(DocumentRefused) as refused:
        page_text(bomb, LIMITS)

    assert len(bomb) < 4_000
    assert refused.value.problem.code == "dangerous"


def test_given_more_pages_than_allowed_when_read_then_the_first_are_read_and_it_says_so() -> None:
    """The limit costs pages, not the document."""
    pdf = pikepdf.open(io.BytesIO(TEXT_PDF))
    for _ in range(4):
        pdf.add_blank_page()

    reading = read_document("x.pdf", None, saved(pdf), Limits(pages_max=2))

    assert reading.page_count == 5
    assert reading.warnings[0].details == {"read": "2", "total": "5"}
    assert reading.invoices[0].number == "HF-20931"


@pytest.mark.parametrize("name", ["invoice-de.factur-x.pdf", "invoice-en.factur-x.pdf"])
def test_given_a_hybrid_when_xml_and_page_agree_then_there_is_no_warning(name: str) -> None:
    """The ordinary case is quiet."""
    reading = read_document(name, None, content(name))

    truth = expected()[name] or {}
    shown = to_protocol(reading.invoices[0])
    assert {key: shown[key] for key in ("number", "gross", "net", "tax", "seller")} == {
        key: truth[key] for key in ("number", "gross", "net", "tax", "seller")
    }
    assert shown["warnings"] == []


def test_given_a_hybrid_when_its_page_shows_another_total_then_it_is_said() -> None:
    """XML and visible text of one file that disagree."""
    pdf = pikepdf.open(io.BytesIO(TEXT_PDF))
    in_name_tree(pdf, "factur-x.xml", CII.replace(b"2820.00", b"8220.00").replace(b"470.00", b"5870.00"))

    reading = read_document("x.pdf", None, saved(pdf))

    mismatches = [warning for warning in reading.invoices[0].warnings if warning.code == "xml_text_mismatch"]
    assert {warning.details["field"] for warning in mismatches} == {"gross", "tax"}
    assert mismatches[0].details["text"] in {"2820.00", "470.00"}
