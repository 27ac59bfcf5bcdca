"""Labels and the values that stand by them: after, to the right, or beneath, as on forms and in tables."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from invoices.fields.vocabulary import PATTERNS
from invoices.layout import Layout, Segment

# Letters set apart for emphasis, as in "R E C H N U N G"; at least four of them, or an initial would count.
_SPACED_LETTERS: Final = re.compile(r"(?<!\S)\w(?: \w){3,}(?!\S)")
_LOOKALIKES: Final = str.maketrans({"\u2019": "'", "\u00a0": " ", "\u202f": " ", "\u2011": "-", "\u00b4": "'"})
_LABEL_CHARS_MAX: Final = 400  # a longer segment is running text; labels are looked for at its start only
_COLUMN_LINES_MAX: Final = 14
_COLUMN_GAP_MAX: Final = 3.5  # lines of white that end a column
_RIGHT_MAX: Final = 12
_COLUMN_HEAD: Final = re.compile(
    r"^\W*(?:qty|quantity|hours|menge|anzahl|stk|qt[ée]|quantit[ée]|cantidad|uds|cant|quantit[àa]|q\.?t[àa]|aantal|unit\s+price|price(?:\s+each)?|"
    r"e(?:inzel)?-?preis|st(?:ü|ue)ckpreis|p\.?u\.?|prix(?:\s+unitaire)?|precio(?:\s+unitario)?|prezzo(?:\s+unitario)?|stuksprijs|prijs|"
    r"description|item|details|bezeichnung|beschreibung|artikel|leistung|d[ée]signation|libell[ée]|concepto|descripci[óo]n|descrizione|"
    r"articolo|omschrijving)(?:\s|$)",
    re.IGNORECASE,
)
_VALUES_MIN: Final = 2


class _Placed(Protocol):
    """Anything that was found in a text, with where it stands there."""

    @property
    def start(self) -> int:
        """Of its first character."""

    @property
    def end(self) -> int:
        """Behind its last character."""


_Spanned = TypeVar("_Spanned", bound=_Placed)


@dataclass(frozen=True, slots=True)
class Label:
    """One label found: its kind, how sure, and its place in its segment's plain text."""

    kind: str
    weight: float
    segment: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Near:
    """A text near a label.

    factor: how close the two belong together. offset: where the text begins in its segment. above: left and right edge
    of the label, when the text stands beneath it.
    """

    text: str
    segment: int
    factor: float
    offset: int = 0
    above: tuple[float, float] | None = None


def plain(text: str) -> str:
    """The text with one kind of space, apostrophe and hyphen, and spaced-out words closed up."""
    return _SPACED_LETTERS.sub(lambda match: match[0].replace(" ", ""), text.translate(_LOOKALIKES))


class Index:
    """A layout's segments with their labels, and who stands right of whom and beneath whom."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.segments: tuple[Segment, ...] = layout.segments
        self.texts: tuple[str, ...] = tuple(plain(segment.text) for segment in self.segments)
        self.labels: tuple[tuple[Label, ...], ...] = tuple(
            tuple(_labels_in(text, position)) for position, text in enumerate(self.texts)
        )
        self._lines: dict[tuple[int, int], list[int]] = {}
        for position, segment in enumerate(self.segments):
            self._lines.setdefault((segment.page, segment.line), []).append(position)

    def of_kind(self, *kinds: str) -> Iterator[Label]:
        """All labels of some kinds in reading order."""
        for labels in self.labels:
            for label in labels:
                if label.kind in kinds:
                    yield label

    def line(self, position: int) -> list[int]:
        """Positions of the segments on the same line, from left to right."""
        segment = self.segments[position]
        return self._lines[(segment.page, segment.line)]

    def after(self, label: Label) -> Near:
        """The rest of the label's own segment, up to the next label in it."""
        following = [other.start for other in self.labels[label.segment] if other.start >= label.end]
        end = min(following, default=len(self.texts[label.segment]))
        return Near(self.texts[label.segment][label.end : end], label.segment, 1.0, label.end)

    def right(self, label: Label) -> Iterator[Near]:
        """Segments to the right on the label's line, up to the next one that begins with a label."""
        line = self.line(label.segment)
        for steps, position in enumerate(line[bisect_left(line, label.segment) + 1 :][:_RIGHT_MAX]):
            if self.begins_with_label(position):
                return
            yield Near(self.texts[position], position, 0.97 - 0.02 * steps)

    def beside(self, label: Label) -> Iterator[Near]:
        """Segments to the right that stand half a line higher or lower, as in cells of several lines."""
        own = self.segments[label.segment]
        for offset in (-1, 1):
            for position in self._lines.get((own.page, own.line + offset), ()):
                other = self.segments[position]
                close = abs((other.y0 + other.y1) - (own.y0 + own.y1)) / 2 < 1.1 * own.height
                if close and other.x0 > own.x1 and not self.begins_with_label(position):
                    yield Near(self.texts[position], position, 0.8)

    def below(self, label: Label, lines_max: int = _COLUMN_LINES_MAX) -> Iterator[Near]:
        """Segments in the column under the label, nearest first, until white space or the page ends it."""
        own = self.segments[label.segment]
        left, right = self._extent(label)
        bottom = own.y1
        for offset in range(1, lines_max + 1):
            line = self._lines.get((own.page, own.line + offset))
            if line is None:
                return
            top = min(self.segments[position].y0 for position in line)
            if top - bottom > _COLUMN_GAP_MAX * own.height:
                return
            for position in line:
                if _in_column(self.segments[position], left, right, own.height):
                    yield Near(self.texts[position], position, 0.9 - 0.01 * offset, above=(left, right))
            bottom = max(self.segments[position].y1 for position in line)

    def _extent(self, label: Label) -> tuple[float, float]:
        """Left and right edge of the label itself within its segment."""
        return self._edges(label.segment, label.start, label.end)

    def _edges(self, position: int, start: int, end: int) -> tuple[float, float]:
        """Left and right edge of a part of a segment, letters taken as equally wide."""
        segment, text = self.segments[position], self.texts[position]
        per_char = (segment.x1 - segment.x0) / max(len(text), 1)
        return segment.x0 + start * per_char, segment.x0 + end * per_char

    def under(self, near: Near, values: list[_Spanned]) -> list[_Spanned]:
        """Of several values in one text beneath a label, those that stand under it: narrow columns run together."""
        if near.above is None or len({value.start for value in values}) < _VALUES_MIN:
            return values
        left, right = near.above
        apart: dict[int, float] = {}
        for value in values:
            x0, x1 = self._edges(near.segment, near.offset + value.start, near.offset + value.end)
            apart[value.start] = min(abs(x0 - left), abs(x1 - right), abs(x0 + x1 - left - right) / 2)
        nearest = min(apart.values())
        return [value for value in values if apart[value.start] == nearest]

    def heads_a_table(self, label: Label) -> bool:
        """Whether a label is a column's head in the table of what was sold."""
        return any(_COLUMN_HEAD.search(self.texts[position]) for position in self.line(label.segment))

    def begins_with_label(self, position: int) -> bool:
        """Whether a segment starts with any label."""
        return any(label.start <= 1 for label in self.labels[position])


def _labels_in(text: str, position: int) -> list[Label]:
    """Labels of one segment that do not overlap: the longest at each place, then the surest."""
    sample = text[:_LABEL_CHARS_MAX]
    if not any(map(str.isalpha, sample)):
        return []  # a number alone, as most cells of a table are
    found = [
        Label(pattern.kind, pattern.weight, position, match.start(), match.end())
        for pattern in PATTERNS
        for match in pattern.regex.finditer(sample)
        if match.end() > match.start()
    ]
    found.sort(key=lambda label: (label.start - label.end, -label.weight, label.start))
    kept: list[Label] = []
    for label in found:
        if all(label.end <= other.start or label.start >= other.end for other in kept):
            kept.append(label)
    return sorted(kept, key=lambda label: label.start)


def _in_column(segment: Segment, left: float, right: float, height: float) -> bool:
    """Whether a segment overlaps a label's width by a good part, or shares its left or right edge."""
    overlap = min(segment.x1, right) - max(segment.x0, left)
    shorter = min(segment.x1 - segment.x0, right - left)
    return overlap > 0.3 * shorter or abs(segment.x0 - left) < 0.5 * height or abs(segment.x1 - right) < 0.5 * height
