"""Pages as scanners and telephones make them: an invoice drawn by reportlab, rendered, turned, blurred, saved."""

from __future__ import annotations

import io
from functools import lru_cache

import pypdfium2
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

EXPECTED = {
    "number": "RE-2026-0417",
    "issue_date": "2026-03-14",
    "due_date": "2026-04-13",
    "currency": "EUR",
    "net": "1234.50",
    "tax": "234.56",
    "gross": "1469.06",
    "iban": "DE89370400440532013000",
}
_HEAD = (
    (72, 780, 16, "Brennerei Waldhaus GmbH"),
    (72, 762, 9, "Lange Gasse 12, 89073 Ulm"),
    (72, 720, 11, "Buchhandlung Seitenweise GmbH"),
    (72, 706, 11, "Am Markt 3"),
    (72, 692, 11, "20095 Hamburg"),
    (72, 630, 18, "Rechnung"),
    (72, 600, 11, "Rechnungsnummer: RE-2026-0417"),
    (72, 584, 11, "Rechnungsdatum: 14.03.2026"),
    (72, 568, 11, "Zahlbar bis: 13.04.2026"),
)
_TOTALS = (("Nettobetrag", "1.234,50 EUR"), ("USt. 19 %", "234,56 EUR"), ("Gesamtbetrag", "1.469,06 EUR"))


def draw_invoice(canvas: Canvas) -> None:
    """One A4 page with the invoice that `EXPECTED` describes."""
    for x, y, size, text in _HEAD:
        canvas.setFont("Helvetica", size)
        canvas.drawString(x, y, text)
    canvas.setFont("Helvetica", 11)
    canvas.drawString(72, 520, "Bezeichnung")
    canvas.drawRightString(520, 520, "Betrag")
    canvas.drawString(72, 500, "Obstbrand, zwölf Flaschen")
    canvas.drawRightString(520, 500, "1.234,50 EUR")
    for row, (label, value) in enumerate(_TOTALS):
        canvas.drawString(300, 440 - 18 * row, label)
        canvas.drawRightString(520, 440 - 18 * row, value)
    canvas.drawString(72, 340, "IBAN: DE89 3704 0044 0532 0130 00")


def pdf_of(*drawings: object) -> bytes:
    """A PDF with a page for each drawing, which is called with the canvas."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(595, 842), invariant=True)
    for drawing in drawings:
        drawing(canvas)  # type: ignore[operator]
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def page(dpi: int = 150) -> Image.Image:
    """The invoice as a grey picture, a new one each time: saving a picture leaves traces of the format in it."""
    return _page(dpi).copy()


@lru_cache(maxsize=4)
def _page(dpi: int) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf_of(draw_invoice))
    picture = document[0].render(scale=dpi / 72, grayscale=True).to_pil().convert("L")
    document.close()
    return picture


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file of this kind."""
    target = io.BytesIO()
    picture.save(target, kind, **options)  # type: ignore[arg-type]
    return target.getvalue()


def scan(*pictures: Image.Image) -> bytes:
    """A PDF whose pages are nothing but pictures."""
    return saved(pictures[0], "PDF", save_all=True, append_images=list(pictures[1:]), resolution=150)
