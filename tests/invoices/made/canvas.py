"""A sheet to write on: text at places in points, as a PDF has it, turned into the layout that a reader sees."""

from __future__ import annotations

from dataclasses import dataclass, field

from invoices.layout import Layout, Page, Word, page_of_words

WIDTH, HEIGHT = 595.0, 842.0
_NARROW, _WIDE = frozenset("iljtf.,:;'|!I()[]/ -\u2019"), frozenset("mwMW@%")


def width_of(text: str, size: float) -> float:
    """About the width of a text in Helvetica."""
    return size * sum(
        0.3 if char in _NARROW else 0.85 if char in _WIDE else 0.64 if char.isupper() else 0.55 for char in text
    )


@dataclass
class Canvas:
    """Pages under way."""

    size: float = 9.0
    width: float = WIDTH
    pages: list[list[Word]] = field(default_factory=lambda: [[]])

    def put(self, x: float, y: float, text: str, *, right: bool = False, size: float | None = None) -> None:
        """Write one line at a place; right: so that it ends there."""
        size = size or self.size
        at = x - width_of(text, size) if right else x
        for word in text.split(" "):
            wide = width_of(word, size)
            if word:
                self.pages[-1].append(Word(word, at, y, at + wide, y + size * 1.15))
            at += wide + 0.28 * size

    def turn(self) -> None:
        """Begin a new page."""
        self.pages.append([])

    def layout(self) -> Layout:
        """What a reader sees."""
        pages: list[Page] = [
            page_of_words(number, self.width, HEIGHT, words) for number, words in enumerate(self.pages, 1)
        ]
        return Layout(tuple(pages), len(pages))

    def text(self) -> str:
        """For a person to look at."""
        return self.layout().text()
