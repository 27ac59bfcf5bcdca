"""The text layer of a PDF through pdfium: every character with its place, and whether a person could see it.

pdfium, like every other reader, also returns invisible text, and with it hidden amounts and instructions. Text in
render mode 3, off the page, tiny, or without contrast on the rendered page is set aside as hidden.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]

from invoices.layout import Layout, Page, Word, page_of_words
from invoices.limits import Limits
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


@dataclass(slots=True)
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
        return Layout(tuple(pages), count)
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
    width, height = page.get_size()
    text_page = page.get_textpage()
    try:
        count = min(text_page.count_chars(), chars_max)
        view = _View(page, width, height)
        words = list(_words(_chars(text_page, count, view)))
    finally:
        text_page.close()
    shown = _Picture.of(page, width, height) if words else None
    visible: list[Word] = []
    hidden: list[str] = []
    for word, drawn in words:
        if drawn and _on_page(word, width, height) and (shown is None or shown.shows(word)):
            visible.append(word)
        else:
            hidden.append(word.text)
    return page_of_words(number, width, height, visible, " ".join(hidden)[:_HIDDEN_CHARS_MAX]), count


class _View:
    """From pdfium's page space to points from the upper left corner as the page is shown (rotation, crop box)."""

    def __init__(self, page: Any, width: float, height: float) -> None:
        self._left, self._bottom, self._right, self._top = page.get_cropbox()
        self._turns = page.get_rotation() // 90 % 4
        self._size = (width, height)

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of a box given in page space."""
        if self._turns == 0:
            return left - self._left, self._top - top, right - self._left, self._top - bottom
        if self._turns == 1:
            return bottom - self._bottom, left - self._left, top - self._bottom, right - self._left
        if self._turns == 2:  # noqa: PLR2004 - upside down
            return self._right - right, bottom - self._bottom, self._right - left, top - self._bottom
        return self._top - top, self._right - right, self._top - bottom, self._right - left


def _chars(text_page: Any, count: int, view: _View) -> Iterator[_Char | None]:
    """Characters in the file's order; None where pdfium or the file has a space."""
    raw, rectangle = text_page.raw, pdfium_c.FS_RECTF()
    styles: dict[int, tuple[bool, bool]] = {}
    for index in range(count):
        code = pdfium_c.FPDFText_GetUnicode(raw, index)
        text = chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""  # noqa: PLR2004 - Unicode's bounds
        if text in {"\ufffe", "\xad", "\x02"}:  # how pdfium marks a hyphen at a line's end
            text = "-"
        if not text.strip() or not text.isprintable():
            yield None
            continue
        if not pdfium_c.FPDFText_GetLooseCharBox(raw, index, ctypes.byref(rectangle)):
            continue
        bold, drawn = _style(text_page, index, styles)
        x0, y0, x1, y1 = view.box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)
        yield _Char(text, x0, y0, x1, y1, bold, drawn)


def _style(text_page: Any, index: int, styles: dict[int, tuple[bool, bool]]) -> tuple[bool, bool]:
    """Whether the character is bold, and whether its text object draws anything; asked once an object."""
    handle = pdfium_c.FPDFText_GetTextObject(text_page.raw, index)
    key = ctypes.cast(handle, ctypes.c_void_p).value or 0
    known = styles.get(key)
    if known is None:
        mode = pdfium_c.FPDFTextObj_GetTextRenderMode(handle) if key else 0
        bold = pdfium_c.FPDFText_GetFontWeight(text_page.raw, index) >= _BOLD_WEIGHT_MIN
        known = styles[key] = (bold, mode not in _INVISIBLE_MODES)
    return known


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


def _on_page(word: Word, width: float, height: float) -> bool:
    return word.x1 > 0 and word.y1 > 0 and word.x0 < width and word.y0 < height


class _Picture:
    """The page as rendered in grey, to see whether a word stands out from what is around it."""

    def __init__(self, pixels: bytes, stride: int, size: tuple[int, int], scale: float) -> None:
        self._pixels, self._stride, self._size, self._scale = pixels, stride, size, scale

    @classmethod
    def of(cls, page: Any, width: float, height: float) -> _Picture | None:
        """Render one page, at most two million pixels; None when pdfium cannot."""
        if width <= 0 or height <= 0:
            return None
        scale = min(1.0, (_RENDER_PIXELS_MAX / (width * height)) ** 0.5)
        try:
            bitmap = page.render(scale=scale, grayscale=True, may_draw_forms=False)
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
