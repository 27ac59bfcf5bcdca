"""Which language a message is written in, told by the words that everybody uses all the time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from invoices.intents.intent import LANGUAGES
from invoices.intents.plain import CHARS_MAX, plain
from invoices.intents.vocabulary import VOCABULARIES

_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
# Addresses, paths, names of files and numbers of invoices hold letters that are no words: ES-2031, /home/y, le.pdf.
_NO_WORD: Final = re.compile(
    r"""[@_\\] | :// | (?<![^\W\d_])/ | [^\W\d_]/[^\W\d_]*/ | [^\W\d_][-./]?\d | \d[-/]?[^\W\d_]
    | \.(?:pdf|xml|html?|docx?|xlsx?|csv|zip|eml|msg|png|jpe?g|heic|tiff?|txt|json)\b""",
    re.VERBOSE,
)
_COMMON: Final = 2
_KNOWN: Final = 1
_MARK: Final = 2


def scores(text: str) -> dict[str, int]:
    """How much speaks for each language; a common word counts double."""
    said = " ".join(token for token in plain(text[:CHARS_MAX]).split() if not _NO_WORD.search(token))
    found = _WORD.findall(said)
    words = {*found, *(part for word in found for part in word.split("'"))}
    marks = {
        "de": len(re.findall("[äöüßÄÖÜ]", text)),
        "es": len(re.findall("[ñ¿¡]", text)),
        "fr": len(re.findall("[çœêàèù]", text)) // 2,
    }
    return {
        language: _MARK * marks.get(language, 0)
        + sum(_COMMON if word in _common(language) else _KNOWN if word in _words(language) else 0 for word in words)
        for language in LANGUAGES
    }


@lru_cache(maxsize=8)
def _common(language: str) -> frozenset[str]:
    return VOCABULARIES[language].common_words


@lru_cache(maxsize=8)
def _words(language: str) -> frozenset[str]:
    return frozenset(word for word in VOCABULARIES[language].words if len(word) > 2)


def language_of(text: str, before: str | None = None) -> str | None:
    """The language of a text where it can be told; `before`, the language so far, where as much speaks for it."""
    return told_by(scores(text), before)


def told_by(told: Mapping[str, int], before: str | None) -> str | None:
    """The same, of `scores`."""
    best = max(told.values())
    if best < _COMMON:
        return None
    first = [language for language in LANGUAGES if told[language] == best]
    if before in first:
        return before
    return first[0] if len(first) == 1 else None


def order_of(told: Mapping[str, int], before: str | None) -> tuple[str, ...]:
    """All languages, the likeliest by these `scores` first; the language so far decides between equals."""
    return tuple(sorted(LANGUAGES, key=lambda it: (-told[it], it != before, LANGUAGES.index(it))))
