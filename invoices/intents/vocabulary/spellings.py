"""Every word that a vocabulary's alternatives stand for, so that a mistyped one can be told from one that is known."""

from __future__ import annotations

import re
from typing import Final

# One entry's spellings; those of a longer one are cut, and its words are then not mended.
SPELLINGS_MAX: Final = 4000

_PART: Final = re.compile(r"\(\?:|\(\?[=!]|\\.|\[[^\]]*\]|\{[^}]*\}|.")
_GAP: Final = " "


def words_of(alternatives: str) -> frozenset[str]:
    """The single words in all spellings of a plain pattern: literals, classes, groups, `?`, `+` and `|` are read."""
    parts = _PART.findall(alternatives)
    spellings, _ = _alternatives(parts, 0)
    return frozenset(word for spelling in spellings for word in re.findall(r"[a-z]+", spelling))


def _alternatives(parts: list[str], at: int) -> tuple[set[str], int]:
    every: set[str] = set()
    while True:
        spellings, at = _sequence(parts, at)
        every |= spellings
        if at >= len(parts) or parts[at] == ")":
            return every, at + 1
        at += 1


def _sequence(parts: list[str], at: int) -> tuple[set[str], int]:
    spellings = {""}
    while at < len(parts) and parts[at] not in ("|", ")"):
        piece, at = _piece(parts, at)
        if at < len(parts) and (parts[at] in ("?", "*", "+") or parts[at].startswith("{")):
            if parts[at] in ("?", "*"):
                piece = piece | {""}
            at += 1
        if len(spellings) * len(piece) <= SPELLINGS_MAX:
            spellings = {before + after for before in spellings for after in piece}
    return spellings, at


def _piece(parts: list[str], at: int) -> tuple[set[str], int]:
    piece = parts[at]
    if piece == "(?:":
        return _alternatives(parts, at + 1)
    if piece.startswith("(?"):
        _, after = _alternatives(parts, at + 1)
        return {""}, after
    if piece.startswith("["):
        return set(piece[1:-1]), at + 1
    if piece == "." or piece.startswith("\\"):
        return {_GAP}, at + 1
    return {piece}, at + 1
