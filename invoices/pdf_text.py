"""The text layer of a PDF through pdfium: every character with its place, and whether a person could see it.

pdfium, like every other reader, also returns invisible text, and with it hidden amounts and instructions. Text in
render mode 3, off the page, tiny, beneath a picture, or without contrast on the rendered page is set aside as hidden.
"""

from __future__ import annotations

import ctypes
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]

from invoices.layout import Layout, Page, Word, page_of_words
from invoices.limits import Limits
from invoices.pdf_covers import Covers, covers_of
from invoices.problems import DocumentRefused

_INVISIBLE_MODES: Final = frozenset({3, 7})  # PDF 32000-1, 9.3.6: neither fill nor stroke; clip only
_SIZE_POINTS_MIN: Final = 1.5
_BOLD_WEIGHT_MIN: Final = 600
# Brightest minus darkest pixel of a word's box on the rendered page, 0 to 255.
_CONTRAST_MIN: Final = 12
_RENDER_PIXELS_MAX: Final = 2_000_000
_PASSWORD_ERROR: Final = 4  # FPDF_ERR_PASSWORD
_WORD_GAP: Final = 0.35  # of the letters' height; a space that the file leaves out is at least this wide
_HIDDEN_CHARS_MAX: Final = 2_000
_INFORMATION_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class _Style:
    bold: bool
    drawn: bool
    turns: int  # quarter turns counterclockwise


@dataclass(frozen=True, slots=True)
class _Glyph:
    text: str
    box: tuple[float, float, float, float]
    style: _Style

    @property
    def turns(self) -> int:
        return self.style.turns


@dataclass(frozen=True, slots=True)
class _Char:
    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    bold: bool
    drawn: bool


def read_text_layer(content: bytes, limits: Limits) -> Layout:
    """The pages' visible words in reading order, at most `limits.pages_max` pages.

    Raises DocumentRefused: encrypted, damaged, too_large.
    """
    document = _open(content)
    try:
        count = len(document)
        pages: list[Page] = []
        chars_left = limits.text_chars_max
        for index in range(min(count, limits.pages_max)):
            page, chars = _read_page(document, index, min(limits.page_chars_max, chars_left))
            pages.append(page)
            chars_left -= chars
            if chars_left <= 0:
                break
        about = " ".join(_information(document, name) for name in ("Title", "Subject"))
        return Layout(tuple(pages), count, author=_information(document, "Author"), about=about)
    finally:
        document.close()


def _open(content: bytes) -> Any:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR:
            raise DocumentRefused("encrypted", "the PDF needs a password", "PDF") from error
        raise DocumentRefused("damaged", f"pdfium: {error}", "PDF") from error
    if len(document) == 0:
        document.close()
        raise DocumentRefused("damaged", "the PDF has no pages", "PDF")
    return document


def _information(document: Any, name: str) -> str:
    """One entry of the document's information, on one line."""
    value: str = document.get_metadata_value(name)
    return " ".join(value[:_INFORMATION_CHARS_MAX].split())


def _read_page(document: Any, index: int, chars_max: int) -> tuple[Page, int]:
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return Page(index + 1, 0.0, 0.0), 0
    try:
        return _page_words(page, index + 1, chars_max)
    finally:
        page.close()


def _page_words(page: Any, number: int, chars_max: int) -> tuple[Page, int]:
    text_page = page.get_textpage()
    try:
        count = min(text_page.count_chars(), chars_max)
        glyphs = list(_glyphs(text_page, count, covers_of(page)))
    finally:
        text_page.close()
    standing = Counter(glyph.turns for glyph in glyphs if glyph is not None)
    view = _View(page, standing.most_common(1)[0][0] if standing else 0)
    words = list(_words(_chars(glyphs, view)))
    shown = _Picture.of(page, view) if words else None
    visible: list[Word] = []
    hidden: list[str] = []
    for word, drawn in words:
        if drawn and _on_page(word, view) and (shown is None or shown.shows(word)):
            visible.append(word)
        else:
            hidden.append(word.text)
    return page_of_words(number, view.width, view.height, visible, " ".join(hidden)[:_HIDDEN_CHARS_MAX]), count


class _View:
    """From pdfium's page space to points from the upper left corner, turned so that most of the text reads upright.

    What counts is how the letters stand, not the page's own rotation: a page may be turned to show turned text upright,
    or lie on its side by mistake.
    """

    def __init__(self, page: Any, quarter_turns: int) -> None:
        """quarter_turns: of the text against the page's own axes, counterclockwise."""
        self._left, self._bottom, self._right, self._top = page.get_cropbox()
        self.quarter_turns = quarter_turns
        across, down = self._right - self._left, self._top - self._bottom
        self.width, self.height = (down, across) if quarter_turns % 2 else (across, down)
        # Clockwise degrees by which to render so that the picture has this view's axes.
        self.rotation = (90 * quarter_turns - page.get_rotation()) % 360

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of a box given in page space."""
        if self.quarter_turns == 0:
            return left - self._left, self._top - top, right - self._left, self._top - bottom
        if self.quarter_turns == 1:
            return bottom - self._bottom, left - self._left, top - self._bottom, right - self._left
        if self.quarter_turns == 2:  # noqa: PLR2004 - upside down
            return self._right - right, bottom - self._bottom, self._right - left, top - self._bottom
        return self._top - top, self._right - right, self._top - bottom, self._right - left


def _glyphs(text_page: Any, count: int, covers: Covers) -> Iterator[_Glyph | None]:
    """Characters in the file's order; None where pdfium or the file has a space."""
    raw, rectangle = text_page.raw, pdfium_c.FS_RECTF()
    styles: dict[int, _Style] = {}
    for index in range(count):
        code = pdfium_c.FPDFText_GetUnicode(raw, index)
        text = chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""  # noqa: PLR2004 - Unicode's bounds
        if text in {"\ufffe", "\xad", "\x02"}:  # how pdfium marks a hyphen at a line's end
            text = "-"
        if not text.strip() or not text.isprintable():
            yield None
        elif pdfium_c.FPDFText_GetLooseCharBox(raw, index, ctypes.byref(rectangle)):
            box = (rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
            yield _Glyph(text, box, _style(raw, index, styles, covers))


def _style(raw: Any, index: int, styles: dict[int, _Style], covers: Covers) -> _Style:
    """How a character's text object is drawn; asked once an object."""
    handle = pdfium_c.FPDFText_GetTextObject(raw, index)
    key = ctypes.cast(handle, ctypes.c_void_p).value or 0
    known = styles.get(key)
    if known is None:
        mode = pdfium_c.FPDFTextObj_GetTextRenderMode(handle) if key else 0
        turns = round(-pdfium_c.FPDFText_GetCharAngle(raw, index) / (math.pi / 2)) % 4  # pdfium counts clockwise
        bold = pdfium_c.FPDFText_GetFontWeight(raw, index) >= _BOLD_WEIGHT_MIN
        drawn = mode not in _INVISIBLE_MODES and not covers.hide(handle, key)
        known = styles[key] = _Style(bold, drawn, turns)
    return known


def _chars(glyphs: Iterable[_Glyph | None], view: _View) -> Iterator[_Char | None]:
    """Characters in the view; those that stand another way than most, such as a note in the margin, are left out."""
    for glyph in glyphs:
        if glyph is None:
            yield None
        elif glyph.turns == view.quarter_turns:
            yield _Char(glyph.text, *view.box(*glyph.box), glyph.style.bold, glyph.style.drawn)


def _words(chars: Iterator[_Char | None]) -> Iterator[tuple[Word, bool]]:
    run: list[_Char] = []
    for char in chars:
        if run and (char is None or not _continues(run[-1], char)):
            yield _word(run)
            run = []
        if char is not None:
            run.append(char)
    if run:
        yield _word(run)


def _continues(last: _Char, char: _Char) -> bool:
    height = max(last.y1 - last.y0, 0.1)
    gap = char.x0 - last.x1
    return (
        abs((char.y0 + char.y1) - (last.y0 + last.y1)) < height
        and -height < gap < _WORD_GAP * height
        and last.drawn == char.drawn
    )


def _word(run: list[_Char]) -> tuple[Word, bool]:
    word = Word(
        text="".join(char.text for char in run),
        x0=min(char.x0 for char in run),
        y0=min(char.y0 for char in run),
        x1=max(char.x1 for char in run),
        y1=max(char.y1 for char in run),
        bold=all(char.bold for char in run),
    )
    return word, run[0].drawn and word.height >= _SIZE_POINTS_MIN


def _on_page(word: Word, view: _View) -> bool:
    return word.x1 > 0 and word.y1 > 0 and word.x0 < view.width and word.y0 < view.height


class _Picture:
    """The page as rendered in grey, to see whether a word stands out from what is around it."""

    def __init__(self, pixels: bytes, stride: int, size: tuple[int, int], scale: float) -> None:
        self._pixels, self._stride, self._size, self._scale = pixels, stride, size, scale

    @classmethod
    def of(cls, page: Any, view: _View) -> _Picture | None:
        """Render one page, at most two million pixels; None when pdfium cannot."""
        if view.width <= 0 or view.height <= 0:
            return None
        scale = min(1.0, (_RENDER_PIXELS_MAX / (view.width * view.height)) ** 0.5)
        try:
            bitmap = page.render(scale=scale, rotation=view.rotation, grayscale=True, may_draw_forms=False)
        except (pypdfium2.PdfiumError, ValueError, MemoryError):
            return None
        try:
            return cls(bytes(bitmap.buffer), bitmap.stride, (bitmap.width, bitmap.height), scale)
        finally:
            bitmap.close()

    def shows(self, word: Word) -> bool:
        """Whether the word's box has any contrast on the page."""
        left = max(0, int(word.x0 * self._scale) - 1)
        right = min(self._size[0], int(word.x1 * self._scale) + 2)
        top = max(0, int(word.y0 * self._scale) - 1)
        bottom = min(self._size[1], int(word.y1 * self._scale) + 2)
        if right <= left or bottom <= top:
            return False
        darkest, brightest = 255, 0
        for row in range(top, bottom):
            pixels = self._pixels[row * self._stride + left : row * self._stride + right]
            darkest, brightest = min(darkest, *pixels), max(brightest, *pixels)
            if brightest - darkest >= _CONTRAST_MIN:
                return True
        return False
