"""Which invoice and which supplier a message names."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from invoices.intents.days import days_of
from invoices.intents.plain import plain
from invoices.intents.vocabulary import VOCABULARIES, Vocabulary, whole_words

_SOME_DAY: Final = dt.date(2026, 1, 1)

_NUMBER: Final = re.compile(
    r"(?<![\w.,/-])(?=[\w./-]*\d)(?:[A-Za-z]{1,10}[-_/.]?\d[\w./-]*|\d+[-/_][\w./-]*\d[\w./-]*|[A-Za-z]+-[\w./-]+|\d{4,})(?![\w%])"
)
_ORDINAL_MAX: Final = 50
# "show 3"
_VERB_AND_PLACE: Final = re.compile(r"[^\W\d]{3,12} #?([1-4]?\d)[.!]?")
_NAME_WORDS_MAX: Final = 5
# What stands before a name, as in "new invoice: Shell".
_NAME_AFTER_COLON: Final = re.compile(r"[^:\d]{3,40}:")
_HINT_LETTERS_MIN: Final = 3
_NAME_WORD: Final = re.compile(r"[^\W_][\w&.'’+-]*|&")  # noqa: RUF001 - as typed
# What companies are called by besides their name.
_FORMS: Final = frozenset(
    [
        "gmbh",
        "ag",
        "kg",
        "ohg",
        "ug",
        "se",
        "mbh",
        "co",
        "inc",
        "ltd",
        "llc",
        "plc",
        "corp",
        "limited",
        "company",
        "sarl",
        "sas",
        "sa",
        "eurl",
        "sasu",
        "sl",
        "slu",
        "srl",
        "spa",
        "bv",
        "nv",
        "the",
        "and",
        "und",
        "et",
        "y",
        "de",
    ]
)


class Names:
    """Reads which invoice and supplier are meant, in one language."""

    def __init__(self, words: Vocabulary) -> None:
        """words: of the language."""
        self._words = words
        invoice = f"{words.concepts['invoice']}|{words.fields['number']}"
        self._labelled = re.compile(
            rf"(?<!\w)(?:{plain(invoice)})(?: ?(?:{plain(words.fields['number'])}))? ?(?:[:#=]|is|ist|est|es)? ?(?P<n>#?[a-z0-9][\w./-]*)"
        )
        self._ordinals = [whole_words(names) for names in words.ordinals]
        self._counted = re.compile(
            rf"(?<!\w)(?:#|(?:{plain(words.fields['number'])}) ?#?|(?:{plain(words.concepts['invoice'])}) #?)(\d{{1,2}})(?![\w./-])|^#?(\d{{1,2}})\.?$"
        )
        self._from = re.compile(rf"(?<!\w)(?:{plain(words.from_names)})(?: |(?<=') ?)")
        bills = f"{words.concepts['invoice']}|{words.concepts['invoices']}"
        self._before_bill = re.compile(
            rf"(?<!\w)(?P<name>[^\W_][\w&.+-]*(?: (?:&|[^\W_][\w&.+-]*)){{0,2}})[ -](?:{plain(bills)})(?!\w)"
        )
        self._after_bill = re.compile(rf"(?<!\w)(?:{plain(bills)}) (?=\w)")

    def number(self, text: str, seen: str) -> str | None:
        """An invoice's number as it was typed; text: the message, seen: the same, plain."""
        dates = [(found.start, found.end) for found in days_of(self._words.language).find(seen, _SOME_DAY)]
        for match in self._labelled.finditer(seen):
            typed = text[match.start("n") : match.end("n")].lstrip("#").rstrip(".,;:!?")
            if (
                any(letter.isdigit() for letter in typed)
                and not _within(match.start("n"), dates)
                and not _is_year(typed)
            ):
                return typed
        for match in _NUMBER.finditer(text):
            typed = match[0].rstrip(".,;:!?")
            if (
                not _within(match.start(), dates)
                and not _is_year(typed)
                and not re.fullmatch(r"\d+[k%]?|[qtQT][1-4]|\d+(?:er|st|nd|rd|th|e|[aoªº])|\d{4}-\d\d-\d\d", typed)
            ):
                return typed
        return None

    def ordinal(self, seen: str) -> int | None:
        """Which of the last list is meant, from 1: "the second one", "number 2", "#2"."""
        if match := self._counted.search(seen):
            counted = int(match[1] or match[2])
            return counted if 1 <= counted <= _ORDINAL_MAX else None
        if match := _VERB_AND_PLACE.fullmatch(seen):
            return int(match[1]) or None
        return next((at for at, pattern in enumerate(self._ordinals, 1) if self._is_one_of_list(pattern, seen)), None)

    def _is_one_of_list(self, pattern: re.Pattern[str], seen: str) -> bool:
        match = pattern.search(seen)
        if match is None:
            return False
        after = seen[match.end() :].lstrip(" .")
        # "the second quarter" and "1er mai" are times.
        return not re.match(
            rf"(?:{'|'.join(plain(name) for name in (*self._words.months, *self._words.units.values()))})(?!\w)", after
        )

    def supplier(self, text: str, seen: str, known: Iterable[str] = ()) -> str | None:
        """The supplier a message names: one that is known, else what stands where a name would."""
        return self._known(seen, known) or self._after_preposition(text, seen) or self._beside_bill(text, seen)

    def seller(self, text: str, seen: str, known: Iterable[str] = ()) -> str | None:
        """Who has billed, in a message that tells an invoice."""
        if known_name := self._known(seen, known):
            return known_name
        for match in self._words.pattern("sold_by").finditer(seen):
            if name := self.name_at(text, match.end()):
                return name
        for match in self._words.pattern("billed_me").finditer(seen):
            if name := self._name_before(text, match.start()):
                return name
        colon = _NAME_AFTER_COLON.match(seen)
        return self.name_at(text, colon.end()) if colon else None

    def _name_before(self, text: str, end: int) -> str | None:
        words: list[str] = []
        for word in reversed(text[:end].split()):
            if not self._is_name(word) or len(words) >= _NAME_WORDS_MAX:
                break
            words.insert(0, word)
        return " ".join(words) or None

    def suppliers(self, text: str, seen: str, known: Iterable[str] = ()) -> tuple[str, ...]:
        """All that are named, for comparing two."""
        listed = [name for name in dict.fromkeys(known) if self._known(seen, [name])]
        one = self.supplier(text, seen)
        return tuple(listed) if len(listed) > 1 else (one,) if one else tuple(listed)

    def _known(self, seen: str, known: Iterable[str]) -> str | None:
        for name in known:
            folded = plain(name)
            if re.search(rf"(?<!\w){re.escape(folded)}(?!\w)", seen):
                return name
        for name in known:
            first = next((word for word in re.findall(r"[\w&+-]+", plain(name)) if word not in _FORMS), "")
            if (
                len(first) >= _HINT_LETTERS_MIN
                and first not in self._words.words
                and re.search(rf"(?<!\w){re.escape(first)}(?!\w)", seen)
            ):
                return name
        return None

    def _after_preposition(self, text: str, seen: str) -> str | None:
        for match in self._from.finditer(seen):
            if name := self.name_at(text, match.end()):
                return name
        return None

    def _beside_bill(self, text: str, seen: str) -> str | None:
        match = self._before_bill.search(seen)
        if match and self._words.language in ("en", "de"):
            words = text[match.start("name") : match.end("name")].split()
            named = []
            for word in reversed(words):
                if not self._is_name(word):
                    break
                named.append(word)
            if named:
                return " ".join(reversed(named))
        for after in self._after_bill.finditer(seen):
            if name := self.name_at(text, after.end()):
                return name
        return None

    def name_at(self, text: str, at: int) -> str | None:
        """The words of a name that begins here; None when it is none."""
        named: list[str] = []
        end = at
        for match in _NAME_WORD.finditer(text, at):
            word = match[0]
            gap = text[end : match.start()]
            if len(named) >= _NAME_WORDS_MAX or (named and gap.strip()) or (not named and gap.strip(" \"'«„“")):
                break
            if not self._is_name(word) and not (named and (word == "&" or plain(word).strip(".") in _FORMS)):
                break
            named.append(word)
            end = match.end()
        while named and plain(named[-1]) in ("&", "and", "und", "et", "y", "de", "the"):
            named.pop()
        return " ".join(named).rstrip(".,'’") or None if named and not _NUMBER.fullmatch(named[0]) else None  # noqa: RUF001

    def _is_name(self, word: str) -> bool:
        """Whether a word can stand in a name: one that has no meaning here, nor is a mistyped one of these."""
        folded = plain(word).strip(".'’")  # noqa: RUF001 - as typed
        if not folded or folded[0].isdigit():
            return False
        # "l'année": what is elided before it makes a word no name.
        parts = {folded, folded.rpartition("'")[2]}
        if parts & (self._words.words | self._words.common_words):
            return False
        # "ai-je": so does what is joined of such words.
        if "-" in folded and all(part in self._words.words | self._words.common_words for part in folded.split("-")):
            return False
        return self._words.typos.mended(folded) not in self._words.words or word[:1].isupper()


def _within(at: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in spans)


def _is_year(typed: str) -> bool:
    return bool(re.fullmatch(r"(?:19|20)\d\d", typed))


@lru_cache(maxsize=8)
def names_of(language: str) -> Names:
    """The reader of a language's names."""
    return Names(VOCABULARIES[language])
