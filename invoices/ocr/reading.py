"""From pictures to an invoice: the surest engine first, a second one where the first leaves a doubt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL.Image import Image
from PIL.Image import new as new_image
from PIL.ImageDraw import Draw

from invoices.invoice import Invoice
from invoices.layout import Layout
from invoices.limits import Limits
from invoices.ocr.judging import agreed, invoice_of, is_borne_out, layout_of
from invoices.ocr.pictures import pictures_of_image, pictures_of_pdf
from invoices.ocr.seen import Engine, EngineFailed, SeenPage
from invoices.ocr.upright import see_upright
from invoices.problems import DocumentRefused


@dataclass(frozen=True, slots=True)
class SeenDocument:
    """What the engines made of a document's pictures: an invoice, if it is one, and the words of the surest engine."""

    invoice: Invoice | None
    layout: Layout


def first_page() -> Image:
    """A small page with a line of text, for engines to warm up on."""
    page = new_image("L", (600, 200), 255)
    Draw(page).text((20, 60), "Invoice 2020-17  Total 1,190.00 EUR", fill=0, font_size=28)
    return page


class Ocr:
    """The engines of one process, and the pictures of a document given to them."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        """engines: loaded, the surest first."""
        self.engines = tuple(engines)

    def read_image(self, content: bytes, limits: Limits, may_try: Callable[[str], bool]) -> SeenDocument | None:
        """Read an image file; None when no engine could. Raises DocumentRefused.

        may_try: asked with an engine's name before each is used.
        """
        return read_pictures(list(enumerate(pictures_of_image(content, limits), 1)), self.engines, may_try)

    def read_pages(
        self, content: bytes, numbers: Sequence[int], limits: Limits, may_try: Callable[[str], bool]
    ) -> SeenDocument | None:
        """Read pages of a PDF, counted from 1, as they look; None when no engine could. Raises DocumentRefused."""
        pictures = list(pictures_of_pdf(content, numbers, limits))
        if not pictures:
            raise DocumentRefused("damaged", "no page could be drawn", "PDF")
        return read_pictures(pictures, self.engines, may_try)


def read_pictures(
    pictures: Sequence[tuple[int, Image]], engines: Sequence[Engine], may_try: Callable[[str], bool]
) -> SeenDocument | None:
    """Read the numbered pictures of one document; None when no engine could."""
    first: SeenDocument | None = None
    for engine in engines:
        if not may_try(engine.name):
            continue
        try:
            pages = _see(engine, pictures)
        except EngineFailed:
            continue
        invoice = invoice_of(pages)
        if first is None:
            first = SeenDocument(invoice, layout_of(pages))
        else:
            return SeenDocument(agreed(first.invoice, invoice), first.layout)
        if is_borne_out(invoice) or not first.layout.segments:
            break
    return first


def _see(engine: Engine, pictures: Sequence[tuple[int, Image]]) -> list[SeenPage]:
    return [see_upright(engine, picture).numbered(number) for number, picture in pictures]
