"""Amounts and currencies as people type them: "1.190,00", "1,190.00", "1k", "tausend", "20 francs"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from invoices.intents.plain import plain
from invoices.intents.vocabulary import VOCABULARIES, Vocabulary, whole_words

_GROUP: Final = 3
_DIGITS: Final = r"\d{1,3}(?:[ .,'’\u202f]\d{3})+(?:[.,]\d{1,2})?|\d{1,12}(?:[.,]\d{1,4})?"  # noqa: RUF001 - as typed
_SYMBOLS: Final = {"€": "EUR", "$": "USD", "£": "GBP", "zl": "PLN", "¥": "JPY"}
_CODE: Final = re.compile(r"(?<!\w)(eur|usd|gbp|chf|pln|czk|sek|nok|dkk|huf|cad|aud|jpy|mxn|brl|inr|cny)(?!\w)")


@dataclass(frozen=True, slots=True)
class FoundAmount:
    """An amount, the currency beside it, and where it stands. is_marked: by a currency or by cents."""

    value: Decimal
    currency: str | None
    start: int
    end: int
    is_marked: bool


class Figures:
    """Reads the amounts of one language."""

    def __init__(self, words: Vocabulary) -> None:
        """words: of the language."""
        self._decimal_comma = words.decimal_comma
        self._currencies = [(code, whole_words(names)) for code, names in words.currencies.items()]
        named = "|".join(plain(names) for names in words.currencies.values())
        self._amount = re.compile(
            rf"(?<![\w.,/-])(?P<before>[€$£¥]|(?:{_CODE.pattern}) )? ?(?P<sign>-)?(?P<digits>{_DIGITS})"
            rf"(?: ?(?P<thousand>{plain(words.thousand)})(?!\w))?"
            rf"(?: ?(?P<after>[€$£¥]|{named}|{_CODE.pattern}))?(?![\w%]|[./-]\d|,\d)"
        )

    def find(self, text: str) -> Iterator[FoundAmount]:
        """Each amount of a plain text, in its order; dates and parts of longer numbers are left out."""
        for match in self._amount.finditer(text):
            digits = match["digits"]
            value = self._value(digits) * (1000 if match["thousand"] else 1)
            currency = self.currency_in(match["before"] or match["after"] or "")
            is_marked = currency is not None or bool(re.search(r"[.,]\d\d$", digits)) or bool(match["thousand"])
            yield FoundAmount(-value if match["sign"] else value, currency, match.start(), match.end(), is_marked)

    def currency_in(self, text: str) -> str | None:
        """The ISO 4217 code of the first currency that a plain text names; the more exact name goes first."""
        for symbol, code in _SYMBOLS.items():
            if symbol in text and not symbol.isalpha():
                return code
        code_there = _CODE.search(text)
        if code_there:
            return code_there[1].upper()
        found = [
            (match.end() - match.start(), code) for code, names in self._currencies if (match := names.search(text))
        ]
        return max(found)[1] if found else None

    def _value(self, digits: str) -> Decimal:
        """Which of point and comma parts the cents: of two kinds the last; of one, by what follows and the language."""
        bare = re.sub(r"[ '’\u202f]", "", digits)  # noqa: RUF001 - as typed
        marks = [mark for mark in bare if mark in ".,"]
        if not marks:
            return Decimal(bare)
        last = marks[-1]
        tail = len(bare) - bare.rindex(last) - 1
        groups = len(marks) > 1 and len(set(marks)) == 1
        thousands_mark = "." if self._decimal_comma else ","
        if groups or (len(marks) == 1 and tail == _GROUP and last == thousands_mark):
            return Decimal(re.sub(r"[.,]", "", bare))
        whole, _, cents = bare.rpartition(last)
        return Decimal(f"{re.sub('[.,]', '', whole)}.{cents}")


@lru_cache(maxsize=8)
def figures_of(language: str) -> Figures:
    """The reader of a language's amounts."""
    return Figures(VOCABULARIES[language])
