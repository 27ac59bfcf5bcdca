"""Invoices as people see them: a German business letter, an English form, and a page that is only a picture."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pypdfium2
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from invoices.invoice import Invoice

_WIDTH, _HEIGHT = A4
_LEFT, _RIGHT = 57.0, _WIDTH - 57.0


def _canvas() -> tuple[Canvas, io.BytesIO]:
    target = io.BytesIO()
    return Canvas(target, pagesize=A4, invariant=1), target


def _finished(canvas: Canvas, target: io.BytesIO) -> bytes:
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _row(canvas: Canvas, y: float, cells: list[tuple[float, str]], right: set[int], font: str = "Helvetica") -> None:
    canvas.setFont(font, 10)
    for place, (x, text) in enumerate(cells):
        (canvas.drawRightString if place in right else canvas.drawString)(x, y, text)


def german(amount: Decimal | None) -> str:
    """Two decimals as Germans print them, such as 1.234,56."""
    return f"{amount:,.2f}".replace(",", "\0").replace(".", ",").replace("\0", ".")


def draw_german(invoice: Invoice) -> bytes:
    """A letter after DIN 5008: sender's line, address, title, table, totals, small print."""
    canvas, target = _canvas()
    canvas.setFont("Helvetica", 7)
    canvas.drawString(_LEFT, 715, f"{invoice.seller.name} · Speicherstraße 8 · 20457 Hamburg")
    for place, text in enumerate([str(invoice.buyer.name), "Am Sandtorkai 30", "20457 Hamburg"]):
        canvas.setFont("Helvetica", 11)
        canvas.drawString(_LEFT, 697 - 14 * place, text)
    _row(canvas, 610, [(_RIGHT, f"Hamburg, den {invoice.issue_date:%d.%m.%Y}")], {0})
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(_LEFT, 570, f"Rechnung Nr. {invoice.number}")
    columns = [_LEFT, 300.0, 385.0, 440.0, _RIGHT]
    heads = ["Bezeichnung", "Menge", "Einzelpreis", "USt.", "Betrag"]
    _row(canvas, 535, list(zip(columns, heads, strict=True)), {1, 2, 3, 4}, "Helvetica-Bold")
    y = 515.0
    for line in invoice.lines:
        cells = [
            str(line.description),
            str(line.quantity),
            german(line.unit_price),
            f"{line.tax_rate} %",
            german(line.net),
        ]
        _row(canvas, y, list(zip(columns, cells, strict=True)), {1, 2, 3, 4})
        y -= 16
    y -= 14
    rows = [("Nettobetrag", invoice.net)]
    rows += [(f"zzgl. {part.rate} % USt. auf {german(part.net)}", part.tax) for part in invoice.taxes]
    rows += [("Umsatzsteuer gesamt", invoice.tax), ("Gesamtbetrag", invoice.gross)]
    for label, amount in rows:
        _row(canvas, y, [(300.0, label), (_RIGHT, f"{german(amount)} €")], {1})
        y -= 16
    _row(canvas, y - 20, [(_LEFT, f"Bitte überweisen Sie den Betrag bis zum {invoice.due_date:%d.%m.%Y}.")], set())
    small = (
        f"{invoice.seller.name} · USt-IdNr. {invoice.seller.vat_id} · HRB 12345 Hamburg · IBAN {_grouped(invoice.iban)}"
    )
    canvas.setFont("Helvetica", 7)
    canvas.drawString(_LEFT, 60, small)
    return _finished(canvas, target)


def draw_english(invoice: Invoice) -> bytes:
    """A form: labels with their values, "Bill to", a table, totals with tax, what was paid and what is due."""
    canvas, target = _canvas()
    credit = invoice.type == "credit_note"
    title = "Credit note" if credit else "Invoice"
    canvas.setFont("Helvetica-Bold", 18)
    canvas.drawString(_LEFT, 770, title.upper())
    for place, text in enumerate(
        [str(invoice.seller.name), "12 Harbour Road", "Bristol BS1 4RW", "accounts@harrowfinch.example"]
    ):
        _row(canvas, 770 - 14 * place, [(380.0, text)], set())
    labels = [(f"{title} number", str(invoice.number)), (f"{title} date", f"{invoice.issue_date:%d %B %Y}")]
    if invoice.due_date:
        labels.append(("Due date", f"{invoice.due_date:%d %B %Y}"))
    labels.append(("VAT number", str(invoice.seller.vat_id)))
    for place, (label, value) in enumerate(labels):
        _row(canvas, 690 - 15 * place, [(380.0, label), (_RIGHT, value)], {1})
    for place, text in enumerate(["Bill to", str(invoice.buyer.name), "Kade 14", "1011 AB Amsterdam"]):
        _row(canvas, 690 - 15 * place, [(_LEFT, text)], set(), "Helvetica-Bold" if place == 0 else "Helvetica")
    columns = [_LEFT, 360.0, 450.0, _RIGHT]
    _row(canvas, 600, list(zip(columns, ["Description", "Quantity", "Unit price", "Amount"], strict=True)), {1, 2, 3})
    y = 580.0
    for line in invoice.lines:
        cells = [str(line.description), str(line.quantity), f"{line.unit_price:,.2f}", f"{line.net:,.2f}"]
        _row(canvas, y, list(zip(columns, cells, strict=True)), {1, 2, 3})
        y -= 16
    y -= 14
    for label, amount in _english_totals(invoice):
        _row(canvas, y, [(360.0, label), (_RIGHT, f"£{amount:,.2f}")], {1})
        y -= 16
    if invoice.iban:
        _row(canvas, 80, [(_LEFT, f"Please pay to IBAN {_grouped(invoice.iban)}")], set())
    return _finished(canvas, target)


def _english_totals(invoice: Invoice) -> list[tuple[str, Any]]:
    rows = [("Subtotal", invoice.net)]
    rows += [(f"VAT {part.rate}%", part.tax) for part in invoice.taxes]
    rows.append(("Total", invoice.gross))
    if invoice.prepaid:
        rows += [("Deposit paid", invoice.prepaid), ("Amount due", invoice.payable)]
    return rows


def _grouped(iban: str | None) -> str:
    return " ".join((iban or "")[place : place + 4] for place in range(0, len(iban or ""), 4))


def picture_of_text(page: bytes) -> bytes:
    """A PDF whose page is a picture of another one, as a scanner makes it: nothing to select, nothing to search."""
    document = pypdfium2.PdfDocument(page)
    picture = document[0].render(scale=1.5, grayscale=True).to_pil()
    canvas, target = _canvas()
    canvas.drawImage(ImageReader(picture), 0, 0, _WIDTH, _HEIGHT)
    return _finished(canvas, target)
