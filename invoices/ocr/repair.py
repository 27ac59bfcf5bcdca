"""Letters that engines take for each other, put right where check digits or the arithmetic bear it out, nowhere else.

Nothing here decides: an account number is mended only into one whose check digits are right, and a layout with mended
figures is a second version of the page, believed when its totals add up and the first version's do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final, TypeAlias

from invoices.fields.identifiers import is_valid_iban, is_valid_vat_id
from invoices.layout import Layout, Segment

_Change: TypeAlias = Callable[[str], str]
_TO_DIGITS: Final = str.maketrans("OoQDIl|iSsBZzG", "00001111558226")
_FIGURE: Final = re.compile(r"(?<![\w.,])[-\u2212(]?[\dOIl|SBZ][\dOIl|SBZ.,' ]*[.,] ?[\dOIl|SBZ]{2}(?![\w])")
_FIGURE_DIGITS_MIN: Final = 2
_ACCOUNT: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2} ?[\dOoQDIlSBZG]{2}(?: ?[A-Za-z0-9|]){11,32}(?![A-Za-z0-9])")
_TAX_ID: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2} ?[\dOoQDIlSBZG]{8,12}(?![A-Za-z0-9])")
_SEPARATORS: Final = re.compile(r"[.,]")
_CENTS: Final = 2


def with_identifiers_mended(layout: Layout) -> Layout:
    """The layout with account numbers and VAT ids whose check digits are right once letters are read as digits."""
    return _changed(layout, _identifiers)


def with_figures_mended(layout: Layout) -> Layout:
    """A second version of the layout: letters within amounts read as digits, and one decimal mark."""
    return _changed(layout, lambda text: _FIGURE.sub(lambda match: _figure(match[0]), text))


def _changed(layout: Layout, change: _Change) -> Layout:
    pages = tuple(
        replace(page, segments=tuple(_segment(segment, change) for segment in page.segments)) for page in layout.pages
    )
    return replace(layout, pages=pages)


def _segment(segment: Segment, change: _Change) -> Segment:
    text = change(segment.text)
    return segment if text == segment.text else replace(segment, text=text)


def _identifiers(text: str) -> str:
    text = _ACCOUNT.sub(lambda match: _mended(match[0], is_iban=True), text)
    return _TAX_ID.sub(lambda match: _mended(match[0], is_iban=False), text)


def _mended(printed: str, *, is_iban: bool) -> str:
    """The identifier with digits for letters, when only then its check digits are right."""
    is_valid = is_valid_iban if is_iban else is_valid_vat_id
    bare = "".join(printed.split())
    if is_valid(bare):
        return printed
    candidate = bare[:2] + bare[2:].translate(_TO_DIGITS)
    return candidate if candidate != bare and is_valid(candidate) else printed


def _figure(printed: str) -> str:
    if sum(char.isdigit() for char in printed) < _FIGURE_DIGITS_MIN:
        return printed
    figure = printed.translate(_TO_DIGITS)
    marks = [match.start() for match in _SEPARATORS.finditer(figure)]
    figure = figure[: marks[-1]] + figure[marks[-1] :].replace(" ", "")
    # Two marks of one kind around fewer than three digits: the engine took one for the other.
    if len(marks) > 1 and any(later - earlier - 1 != 3 for earlier, later in pairwise(marks)):  # noqa: PLR2004
        return printed
    if len(marks) > 1 and figure[marks[-1]] == figure[marks[0]] and len(figure) - marks[-1] - 1 == _CENTS:
        other = "," if figure[marks[0]] == "." else "."
        figure = figure[: marks[-1]] + other + figure[marks[-1] + 1 :]
    return figure
