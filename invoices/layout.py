"""What a page shows, as words with positions: the common ground of PDF text, plain text and OCR.

Positions are in points, x to the right and y downwards from the page's upper left corner. A line is what the eye reads
as one: words on one baseline, from left to right, whatever order the file drew them in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# Two words belong to one line when their middles are closer than this part of the smaller one's height.
_SAME_LINE: Final = 0.5
# A gap wider than this many letter heights separates columns; a space is about a quarter of one.
_COLUMN_GAP: Final = 1.1
# A text file has no points: a character counts as this wide and high, a line as this far from the next.
_CELL_WIDTH: Final = 5.0
_LINE_PITCH: Final = 10.0
_LETTER_HEIGHT: Final = 7.0
_TAB_COLUMNS: Final = 8


@dataclass(frozen=True, slots=True)
class Word:
    """One run of characters without a space, with its box and the size of its letters in points."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    bold: bool = False

    @property
    def height(self) -> float:
        """Height of the box, never zero."""
        return max(self.y1 - self.y0, 0.1)

    @property
    def middle(self) -> float:
        """Vertical middle."""
        return (self.y0 + self.y1) / 2


@dataclass(frozen=True, slots=True)
class Segment:
    """Words of one line that stand close together: a cell of a table, a label, a value, a line of an address."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    page: int
    line: int
    bold: bool = False

    @property
    def height(self) -> float:
        """Height of the box, never zero."""
        return max(self.y1 - self.y0, 0.1)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its segments in reading order, lines counted from 0, and what it hides from the eye."""

    number: int
    width: float
    height: float
    segments: tuple[Segment, ...] = ()
    hidden: str = ""

    def text(self) -> str:
        """The visible text, one line a line, columns kept apart by two spaces."""
        lines: dict[int, list[str]] = {}
        for segment in self.segments:
            lines.setdefault(segment.line, []).append(segment.text)
        return "\n".join("  ".join(parts) for parts in lines.values())


@dataclass(frozen=True, slots=True)
class Layout:
    """All pages that were read. page_count: how many the document has.

    author, about: who wrote the file and what it is about (title and subject), as its own information says.
    """

    pages: tuple[Page, ...]
    page_count: int
    source: str = "text"
    author: str = ""
    about: str = ""

    def text(self) -> str:
        """The visible text of all pages."""
        return "\n".join(page.text() for page in self.pages)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments of all pages in reading order."""
        return tuple(segment for page in self.pages for segment in page.segments)


def page_of_words(number: int, width: float, height: float, words: Iterable[Word], hidden: str = "") -> Page:
    """Words in any order to lines and segments."""
    segments: list[Segment] = []
    for index, line in enumerate(_lines(list(words))):
        segments.extend(_segments(line, number, index))
    return Page(number, width, height, tuple(segments), hidden)


def _lines(words: list[Word]) -> list[list[Word]]:
    """Group by baseline, top down. Words of a line are compared with its last word, so a slight slope is followed."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda each: (each.middle, each.x0)):
        for line in reversed(lines[-6:]):
            if _on_one_line(line, word):
                line.append(word)
                break
        else:
            lines.append([word])
    lines.sort(key=lambda line: sum(word.middle for word in line) / len(line))
    return [_without_shadows(sorted(line, key=lambda word: word.x0)) for line in lines]


def _on_one_line(line: list[Word], word: Word) -> bool:
    nearest = min(line, key=lambda other: abs(other.x0 - word.x0))
    return abs(nearest.middle - word.middle) < _SAME_LINE * min(nearest.height, word.height)


def _without_shadows(line: list[Word]) -> list[Word]:
    """Drop a word drawn twice at almost the same place, which is how some writers print bold."""
    kept: list[Word] = []
    for word in line:
        if not any(other.text == word.text and abs(other.x0 - word.x0) < 0.2 * word.height for other in kept[-3:]):
            kept.append(word)
    return kept


def _segments(line: list[Word], page: int, index: int) -> list[Segment]:
    groups: list[list[Word]] = []
    for word in line:
        if groups and word.x0 - groups[-1][-1].x1 < _COLUMN_GAP * min(word.height, groups[-1][-1].height):
            groups[-1].append(word)
        else:
            groups.append([word])
    return [_segment(group, page, index) for group in groups]


def _segment(words: list[Word], page: int, index: int) -> Segment:
    return Segment(
        text=" ".join(word.text for word in words),
        x0=words[0].x0,
        y0=min(word.y0 for word in words),
        x1=max(word.x1 for word in words),
        y1=max(word.y1 for word in words),
        page=page,
        line=index,
        bold=all(word.bold for word in words),
    )


def layout_of_text(text: str, chars_max: int) -> Layout:
    """Plain text as if printed with a typewriter; form feeds end pages, two spaces or a tab separate columns."""
    pages = text[:chars_max].split("\f")
    return Layout(tuple(_typed_page(number, page) for number, page in enumerate(pages, 1)), len(pages))


def _typed_page(number: int, text: str) -> Page:
    segments: list[Segment] = []
    lines = text.expandtabs(_TAB_COLUMNS).splitlines()
    for index, line in enumerate(lines):
        column = 0
        for part in line.split("  "):
            stripped = part.strip()
            if stripped:
                start = column + len(part) - len(part.lstrip())
                top = index * _LINE_PITCH
                right = (start + len(stripped)) * _CELL_WIDTH
                segments.append(Segment(stripped, start * _CELL_WIDTH, top, right, top + _LETTER_HEIGHT, number, index))
            column += len(part) + 2
    width = max((len(line) for line in lines), default=0) * _CELL_WIDTH
    return Page(number, width, len(lines) * _LINE_PITCH, tuple(segments))
