"""A message as the rules look at it: without case and accents, letter for letter, so that every place stays."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

# What is looked at of a message: a request is short, and a long text is somebody's mail.
CHARS_MAX: Final = 500
TYPO_LETTERS_MIN: Final = 5

_WORD: Final = re.compile(r"[^\W\d_]+")
_LIKE: Final = {"\u2019": "'", "\u2018": "'", "`": "'", "\u00b4": "'", "\u00a0": " ", "\u202f": " ", "ß": "s", "ø": "o"}
# How a keyboard without umlauts writes them.
_DIGRAPH: Final = re.compile("[aou]e")


def plain(text: str) -> str:
    """Lower case without accents; as many characters as the text has, each in its place."""
    return "".join(_plain_character(character) for character in text)


@lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    if character.isascii():
        return " " if character.isspace() else character.lower()
    if character in _LIKE:
        return _LIKE[character]
    if character.isspace():
        return " "
    lowered = unicodedata.normalize("NFD", character.lower())[:1]
    return lowered or character


class Typos:
    """Finds the known word that a mistyped one stands for: one letter too many, too few, wrong, or two swapped."""

    def __init__(self, words: Iterable[str], others: frozenset[str] = frozenset()) -> None:
        """words, others: plain ones; the others stay as they are."""
        self._words = frozenset(words)
        self._others = others
        self._near: Mapping[str, str] = _deletions(self._words)

    def knows(self, word: str) -> bool:
        """Whether it is one of the words."""
        return word in self._words

    def mended(self, text: str) -> str:
        """A plain text with its mistyped words put right; places change."""
        return self.mended_with_places(text)[0]

    def mended_with_places(self, text: str) -> tuple[str, list[int]]:
        """The same, and for each place in it, and its end, the place where that came from."""
        parts: list[str] = []
        places: list[int] = []
        at = 0
        for match in _WORD.finditer(text):
            word = self._mended_word(match[0])
            parts += (text[at : match.start()], word)
            places += range(at, match.start())
            places += [min(match.start() + step, match.end() - 1) for step in range(len(word))]
            at = match.end()
        return "".join((*parts, text[at:])), [*places, *range(at, len(text) + 1)]

    def _mended_word(self, word: str) -> str:
        if word in self._words or word in self._others or len(word) < TYPO_LETTERS_MIN:
            return word
        respelled = _DIGRAPH.sub(lambda match: match[0][0], word)
        for spelling in (respelled, word):
            if spelling in self._words:
                return spelling
        for spelling in (word, respelled):
            for part in (spelling, *_shortened(spelling)):
                meant = self._near.get(part)
                if meant is not None and _is_one_slip(spelling, meant):
                    return meant
        return word


def _is_one_slip(typed: str, meant: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two neighbours are swapped."""
    if len(typed) != len(meant):
        return abs(len(typed) - len(meant)) == 1
    wrong = [place for place, (one, other) in enumerate(zip(typed, meant, strict=True)) if one != other]
    if len(wrong) <= 1:
        return True
    first, last = wrong[0], wrong[-1]
    return len(wrong) == last - first + 1 == 2 and typed[first] == meant[last] and typed[last] == meant[first]


def _deletions(words: frozenset[str]) -> dict[str, str]:
    """Every word with one letter missing, and the word itself, each with the word it comes from."""
    near: dict[str, str] = {}
    for word in sorted(words):
        if len(word) >= TYPO_LETTERS_MIN:
            for part in _shortened(word):
                near.setdefault(part, word)
    return near | {word: word for word in words if len(word) >= TYPO_LETTERS_MIN}


def _shortened(word: str) -> Iterable[str]:
    # The first letter is hardly ever the wrong one.
    return (word[:place] + word[place + 1 :] for place in range(1, len(word)))
