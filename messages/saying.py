"""Sentences about invoices in the person's language, with amounts and days written as that language writes them."""

import datetime as dt
import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from messages.phrases import PHRASES
from messages.records import Button
from messages.user_messages import LOCALE_FOLDER, translation

VALUE_CHARS_MAX: Final = 120

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
# Spaces that keep figures together stay what they are.
_KEPT: Final = "\u00a0\u202f"
_SPACES: Final = re.compile(rf"[^\S{_KEPT}]+")
# Group and decimal marks, and the order of a day; English days stay in ISO 8601, which no reader takes for another.
_FORMS: Final = {
    "en": (",", ".", "%Y-%m-%d"),
    "de": (".", ",", "%d.%m.%Y"),
    "fr": ("\u202f", ",", "%d/%m/%Y"),
    "es": (".", ",", "%d/%m/%Y"),
}
_PLACES_MIN: Final = 2


class Phrases:
    """Says things in one language. Immutable; share it freely."""

    def __init__(self, language: str | None, locale_folder: Path = LOCALE_FOLDER) -> None:
        """language: a BCP 47 tag; one without a translation is English."""
        self._catalogue = translation(language, locale_folder)
        known = (language or "en").replace("_", "-").split("-")[0].lower()
        self.language = known if known in _FORMS else "en"
        self._group, self._point, self._day = _FORMS[self.language]

    def say(self, key: str, n: int | None = None, **values: object) -> str:
        """The sentence of a key, filled. n: how many things it is about. Raises KeyError for a key that is none."""
        phrase = PHRASES[key]
        if isinstance(phrase, tuple):
            text = self._catalogue.npgettext(f"{key} phrase", *phrase, n or 0)
        else:
            text = self._catalogue.pgettext(f"{key} phrase", phrase)
        shown = values if n is None else {**values, "n": n}
        return _PLACEHOLDER.sub(lambda match: one_line(shown.get(match[1], "")), text)

    def sentence(self, key: str, n: int | None = None, **values: object) -> str:
        """The same, beginning with a capital."""
        text = self.say(key, n, **values)
        return text[:1].upper() + text[1:]

    def button(self, label: str, action: str) -> Button:
        """A button with its label translated."""
        return Button(self._catalogue.pgettext("button", label), action)

    def money(self, amount: Decimal, currency: str | None) -> str:
        """An amount as people read it: "1,190.00 EUR", "1.190,00 EUR"; without currency where none is known."""
        exponent = amount.as_tuple().exponent
        places = max(_PLACES_MIN, min(6, -exponent)) if isinstance(exponent, int) else _PLACES_MIN
        text = f"{amount:,.{places}f}".translate({ord(","): self._group, ord("."): self._point})
        return f"{text} {currency}" if currency else text

    def day(self, day: dt.date) -> str:
        """A day in figures."""
        return day.strftime(self._day) if day.year >= 1000 else day.isoformat()  # noqa: PLR2004 - four digits

    def percent(self, part: Decimal) -> str:
        """A share with one decimal, its mark left to the sentence."""
        return f"{part.quantize(Decimal('0.1'), ROUND_HALF_UP):,}".translate(
            {ord(","): self._group, ord("."): self._point}
        )

    def listed(self, things: Iterable[str]) -> str:
        """Things side by side."""
        return ", ".join(things)


def one_line(value: object) -> str:
    """A value as one line of bounded length, without control characters."""
    text = _SPACES.sub(" ", str(value)).strip()
    shown = "".join(character for character in text if character.isprintable() or character in _KEPT)
    return shown if len(shown) <= VALUE_CHARS_MAX else f"{shown[: VALUE_CHARS_MAX - 1]}…"


@lru_cache(maxsize=64)
def phrases(language: str | None) -> Phrases:
    """The phrases of a language."""
    return Phrases(language)
