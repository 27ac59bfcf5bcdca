"""A document that is honest and slow: a PDF with so many pages of text that reading it takes seconds."""

import io

from reportlab.pdfgen.canvas import Canvas

A4_POINTS = (595, 842)
LINES_A_PAGE = 130
FONT_POINTS = 6


def slow_document(pages: int) -> bytes:
    """A PDF of dense pages. A reader takes about 0.05 s of CPU for each it looks at, forty at most."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4_POINTS, pageCompression=1, invariant=1)
    for page in range(pages):
        text = canvas.beginText(20, 830)
        text.setFont("Helvetica", FONT_POINTS, leading=FONT_POINTS)
        for line in range(LINES_A_PAGE):
            text.textLine(f"Position {page}-{line}: 3 pieces at 17.50 EUR make 52.50 EUR")
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def a_copy_of_its_own(document: bytes, name: str) -> bytes:
    """The same document with other bytes, so that no two messages share one: a PDF ends where it ends."""
    return document + f"\n% {name}\n".encode()
