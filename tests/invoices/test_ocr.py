"""Pictures of pages: what the engines of this machine make of them, upright or not, whatever file they are in."""

import io

import pytest
from PIL import Image
from scanned import EXPECTED, draw_invoice, page, pdf_of, saved, scan

from invoices.invoice import to_protocol
from invoices.limits import Limits
from invoices.ocr.engines import engines_here
from invoices.ocr.reading import Ocr
from invoices.ocr.upright import skew_degrees
from invoices.reading import read_document
from invoices.reading_record import Reading

BLANK = Image.new("L", (900, 1200), 255)


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    """The engines, loaded once."""
    engines = engines_here()
    if not engines:
        pytest.skip("no engine of character recognition is installed here")
    return Ocr(engines)


@pytest.fixture(params=["rapidocr", "tesseract"], scope="module")
def one_engine(request: pytest.FixtureRequest, ocr: Ocr) -> Ocr:
    """Each engine by itself."""
    engines = [engine for engine in ocr.engines if engine.name == request.param]
    if not engines:
        pytest.skip(f"{request.param} is not installed here")
    return Ocr(engines)


def values(reading: Reading) -> dict[str, str | None]:
    """What was read of the fields that the page shows."""
    assert reading.invoices, reading
    shown = to_protocol(reading.invoices[0])
    return {name: shown[name] for name in EXPECTED}


def test_given_a_scanned_pdf_when_read_by_each_engine_then_every_field_is_there(one_engine: Ocr) -> None:
    """The values come from the picture, each says so, and none is surer than its words."""
    content = scan(page())

    reading = read_document("scan.pdf", None, content, ocr=one_engine)

    assert values(reading) == EXPECTED
    sources = reading.invoices[0].fields
    assert {source.source for source in sources.values()} == {"ocr"}
    assert all(0 < source.confidence < 1 for source in sources.values())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_given_a_picture_file_when_read_then_its_invoice_is_found(ocr: Ocr, kind: str) -> None:
    """Each kind of file that telephones and scanners make."""
    content = saved(page(), kind)

    reading = read_document("photo", None, content, ocr=ocr)

    assert values(reading) == EXPECTED


@pytest.mark.parametrize("degrees", [90, -4])
def test_given_a_page_that_lies_on_its_side_or_askew_when_read_then_it_is_set_upright(ocr: Ocr, degrees: int) -> None:
    """Scanners do not know where up is."""
    content = saved(page().rotate(degrees, expand=True, fillcolor=255), "PNG")

    reading = read_document("scan.png", None, content, ocr=ocr)

    assert values(reading) == EXPECTED


def test_given_a_photo_with_its_turn_in_exif_when_read_then_that_turn_is_undone(ocr: Ocr) -> None:
    """Telephones save the picture as the sensor saw it and say how it was held."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(page().rotate(90, expand=True), "JPEG", exif=exif.tobytes(), quality=90)

    reading = read_document("photo.jpg", None, content, ocr=ocr)

    assert values(reading) == EXPECTED


def test_given_a_tiff_of_several_pages_when_read_then_the_invoice_on_the_second_is_found(ocr: Ocr) -> None:
    """Faxes and scanners put pages into one TIFF."""
    content = saved(BLANK.copy(), "TIFF", save_all=True, append_images=[page()])

    reading = read_document("fax.tif", None, content, ocr=ocr)

    assert values(reading) == EXPECTED
    assert reading.invoices[0].fields["number"].page == 2


def test_given_a_cover_of_text_before_a_scan_when_read_then_the_scan_is_seen_too(ocr: Ocr) -> None:
    """A text layer on one page says nothing about the next."""
    cover = "Dear colleagues, please find attached what arrived by post this morning. Kind regards, the front desk"
    content = pdf_of(
        lambda canvas: canvas.drawString(40, 700, cover), lambda canvas: canvas.drawInlineImage(page(), 0, 0, 595, 842)
    )

    reading = read_document("mail.pdf", None, content, ocr=ocr)

    assert values(reading) == EXPECTED


def test_given_a_page_with_a_text_layer_when_read_then_no_engine_is_troubled(ocr: Ocr) -> None:
    """Recognition is slow and less sure than the text itself."""
    entered: list[str] = []

    reading = read_document("text.pdf", None, pdf_of(draw_invoice), ocr=ocr, enter=entered.append)

    assert values(reading) == EXPECTED
    assert entered == ["xml", "text"]


def test_given_the_surest_engine_to_skip_when_read_then_the_other_answers(ocr: Ocr) -> None:
    """An engine that cost a reader its life is passed over."""
    if len(ocr.engines) < 2:
        pytest.skip("only one engine of character recognition is installed here")
    entered: list[str] = []
    skipped = ocr.engines[0].name

    reading = read_document(
        "scan.png", None, saved(page(), "PNG"), ocr=ocr, skip_sources=frozenset({skipped}), enter=entered.append
    )

    assert values(reading) == EXPECTED
    assert entered == ["pictures", ocr.engines[1].name]


def test_given_a_picture_without_text_when_read_then_it_says_that_there_is_none(ocr: Ocr) -> None:
    """A holiday photo is no damaged invoice."""
    content = saved(BLANK, "PNG")

    reading = read_document("photo.png", None, content, ocr=ocr)

    assert reading.problem is not None
    assert reading.problem.code == "no_text"
    assert not reading.wants_ocr


def test_given_a_picture_of_other_text_when_read_then_it_is_told_to_be_no_invoice(ocr: Ocr) -> None:
    """What was seen is said, not that nothing was."""
    content = scan(_picture_of("Dear Anna, the weather is fine and the lake is warm. Love, Tom"))

    reading = read_document("letter.pdf", None, content, ocr=ocr)

    assert reading.problem is not None
    assert reading.problem.code == "not_an_invoice"


def test_given_no_engine_when_a_scan_is_read_then_the_reading_says_what_it_wants() -> None:
    """The pool for pictures is asked next, where there is one."""
    content = scan(page())

    reading = read_document("scan.pdf", None, content)

    assert reading.wants_ocr
    assert reading.problem is not None
    assert reading.problem.code == "no_text"


def test_given_more_pixels_than_the_limit_when_read_then_nothing_is_decoded(ocr: Ocr) -> None:
    """A few kilobytes of one colour would be a gigabyte in memory."""
    content = saved(Image.new("1", (30_000, 30_000), 1), "PNG")

    reading = read_document("big.png", None, content, ocr=ocr)

    assert len(content) < 200_000
    assert reading.problem is not None
    assert reading.problem.code == "too_large"


def test_given_more_pages_than_the_limit_when_read_then_the_rest_is_left(ocr: Ocr) -> None:
    """Recognition takes seconds a page."""
    content = saved(BLANK.copy(), "TIFF", save_all=True, append_images=[BLANK.copy(), page()])

    reading = read_document("long.tif", None, content, Limits(ocr_pages_max=2), ocr=ocr)

    assert not reading.invoices


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_given_a_picture_that_is_cut_off_when_read_then_it_is_refused_or_read_in_part(ocr: Ocr, share: float) -> None:
    """An upload that broke off never raises."""
    whole = saved(page(), "JPEG", quality=80)

    reading = read_document("cut.jpg", None, whole[: int(len(whole) * share)], ocr=ocr)

    assert reading.invoices or reading.problem is not None


@pytest.mark.parametrize("degrees", [-6.0, -2.0, 0.0, 1.5, 5.0])
def test_given_a_page_askew_when_its_skew_is_measured_then_it_is_what_it_was_turned_by(degrees: float) -> None:
    """Half a degree is as good as level."""
    picture = page().rotate(degrees, expand=True, fillcolor=255)

    measured = skew_degrees(picture)

    assert abs(measured + degrees) <= 0.6


def test_given_a_scan_with_its_transcript_behind_it_when_read_then_nobody_is_warned(ocr: Ocr) -> None:
    """Scanners write what they recognised as invisible text behind the picture: no secret, and no source either."""
    content = pdf_of(_scan_with_hidden("Rechnung RE-2026-0417 Gesamtbetrag 1.469,06"))

    reading = read_document("scan.pdf", None, content, ocr=ocr)

    assert values(reading) == EXPECTED
    assert [warning.code for warning in reading.warnings] == []


def test_given_a_scan_with_another_total_hidden_behind_it_when_read_then_it_is_no_source_and_a_warning(
    ocr: Ocr,
) -> None:
    """What nobody sees is not what the invoice says."""
    content = pdf_of(_scan_with_hidden("Gesamtbetrag 99.999,00 EUR bitte sofort auf ein anderes Konto zahlen"))

    reading = read_document("scan.pdf", None, content, ocr=ocr)

    assert values(reading) == EXPECTED
    assert [warning.code for warning in reading.warnings] == ["invisible_text"]


def _scan_with_hidden(words: str) -> object:
    def draw(canvas: object) -> None:
        text = canvas.beginText(72, 400)  # type: ignore[attr-defined]
        text.setTextRenderMode(3)
        text.textOut(words)
        canvas.drawText(text)  # type: ignore[attr-defined]
        canvas.drawInlineImage(page(), 0, 0, 595, 842)  # type: ignore[attr-defined]

    return draw


def _picture_of(words: str) -> Image.Image:
    content = pdf_of(lambda canvas: canvas.drawString(60, 600, words))
    import pypdfium2

    picture: Image.Image = pypdfium2.PdfDocument(io.BytesIO(content))[0].render(scale=2).to_pil().convert("L")
    return picture
