"""What an engine sees in one picture: words with boxes in pixels, and how sure it is of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from invoices.layout import Page, Word, page_of_words

if TYPE_CHECKING:
    from PIL.Image import Image

# Boxes of a page are scaled to this height, A4 in points, so that the rules over layouts meet the sizes they know.
PAGE_HEIGHT_POINTS = 842.0


@dataclass(frozen=True, slots=True)
class SeenWord:
    """One word: its box in pixels from the upper left corner, confidence from 0 to 1."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float


@dataclass(frozen=True, slots=True)
class SeenPage:
    """What one engine saw on one page. width, height: of the picture, in pixels."""

    number: int
    width: int
    height: int
    words: tuple[SeenWord, ...]

    @property
    def confidence(self) -> float:
        """Mean over the letters; 0 where nothing was seen."""
        letters = sum(len(word.text) for word in self.words)
        return sum(word.confidence * len(word.text) for word in self.words) / letters if letters else 0.0

    def page(self) -> Page:
        """The words as a page in points, for the rules over layouts."""
        scale = PAGE_HEIGHT_POINTS / max(self.width, self.height)
        words = [
            Word(word.text, word.x0 * scale, word.y0 * scale, word.x1 * scale, word.y1 * scale) for word in self.words
        ]
        return page_of_words(self.number, self.width * scale, self.height * scale, words)

    def numbered(self, number: int) -> SeenPage:
        """The same as another page of its document."""
        return replace(self, number=number)


class Engine(Protocol):
    """A program that sees words. Not safe for use by two threads at a time."""

    name: str

    def see(self, picture: Image) -> SeenPage:
        """The words of one upright grey picture, as page 1. Raises EngineFailed, MemoryError."""

    def turns_to_try(self, picture: Image) -> tuple[int, ...]:
        """How to turn a picture that was not understood, in quarter turns counterclockwise, the likeliest first."""


class EngineFailed(Exception):  # noqa: N818 - named after what is the case
    """An engine could not work on a picture."""


def letters_of(words: Sequence[SeenWord]) -> int:
    """How many characters were seen."""
    return sum(len(word.text) for word in words)
