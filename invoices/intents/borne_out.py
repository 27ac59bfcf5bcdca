"""Whether a person's own words bear out what a model says they want changed: by code, in any language.

Figures are compared as numbers, names and ids by their letters and digits, days by their day of the month. A day that
is told in words alone ("next Friday") cannot be checked in every language: it is taken within two years, and the person
sees it before it counts.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

from invoices.intents.intent import Correction, Intent, Kind
from invoices.intents.tools import CHANGING
from invoices.invoice import AMOUNT_FIELDS, DATE_FIELDS

_DAYS_MAX: Final = 800
_NUMBER: Final = re.compile(r"\d[\d.,'’\u00a0\u202f ]*\d|\d")  # noqa: RUF001 - an apostrophe that groups thousands
_CENTS_DIGITS: Final = (1, 2)
_CURRENCY_WORDS: Final = {
    "EUR": ("eur", "€"), "USD": ("usd", "$", "dol", "dól"), "GBP": ("gbp", "£", "pound", "pfund", "libra", "sterl"),
    "CHF": ("chf", "fran", "frk"), "JPY": ("jpy", "¥", "yen"), "PLN": ("pln", "zł", "zlot", "złot"),
    "CZK": ("czk", "kč", "korun"), "SEK": ("sek", "kron"), "NOK": ("nok", "kron"), "DKK": ("dkk", "kron"),
    "INR": ("inr", "₹", "rup"), "BRL": ("brl", "r$", "rea"), "CNY": ("cny", "¥", "yuan"), "TRY": ("try", "₺", "lira"),
}  # fmt: skip
# Yes in many languages, as the first word of a message: nothing else lets a model say yes for a person. A word that is
# a yes in one language and another thing in a second ("tak" is thanks in Danish) is none here; there are buttons.
_YES: Final = frozenset({
    "yes", "yeah", "yep", "ok", "okay", "sure", "confirm", "confirmed", "ja", "jawohl", "genau", "stimmt", "richtig",
    "oui", "ouais", "exact", "si", "sì", "sí", "claro", "certo", "esatto", "confermo", "vale", "correcto", "sim",
    "isso", "jawel", "klopt", "akkoord", "áno", "igen", "kyllä", "joo", "jah", "taip", "jā", "evet", "tentu", "dobře",
    "dobrze", "stämmer", "korrekt", "riktig", "oikein", "\u03bd\u03b1\u03b9", "\u0434\u0430", "\u0442\u0430\u043a",
    "כן", "نعم", "是", "是的", "对", "好", "はい", "네", "예", "vâng",
})  # fmt: skip


def unsupported_slot(intent: Intent, text: str, today: dt.date) -> str | None:
    """A complaint about the first slot that the message does not bear out; None where all are, or nothing changes."""
    if intent.invoice_id is not None:
        return "invoices have no ids here; name one by its number, its supplier or its place in the list"
    if intent.kind not in CHANGING:
        return None
    if intent.kind is Kind.CONFIRM and not says_yes(text):
        return "the person has not said yes in this message"
    said = _Said(text, today)
    complaints = (*(_of_correction(each, said) for each in intent.corrections), *_of_slots(intent, said))
    return next((complaint for complaint in complaints if complaint is not None), None)


def says_yes(text: str) -> bool:
    """Whether a message begins with a yes and is little more than that."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return bool(words) and words[0] in _YES and len(words) <= 6


class _Said:
    """What the person wrote, ready to be compared with."""

    def __init__(self, text: str, today: dt.date) -> None:
        self.text = text.casefold()
        self.today = today
        self.figures = set(figures_in(text))
        self.whole = {int(part) for part in re.findall(r"\d+", text) if len(part) < 10}

    def has_text(self, value: str) -> bool:
        return stands_in(value, self.text)

    def has_amount(self, value: Decimal) -> bool:
        return abs(value) in self.figures

    def has_day(self, day: dt.date) -> bool:
        if not self.whole:
            return abs((day - self.today).days) <= _DAYS_MAX
        return day.day in self.whole or any(len(str(number)) == 8 and str(number) in {
            day.strftime("%Y%m%d"), day.strftime("%d%m%Y")} for number in self.whole)  # fmt: skip


def _of_correction(correction: Correction, said: _Said) -> str | None:
    field, value = correction.field, correction.value
    if field in AMOUNT_FIELDS:
        try:
            borne_out = said.has_amount(Decimal(value))
        except InvalidOperation:
            return f"{field}: {value[:40]!r} is no amount; write it like 1190.00"
    elif field in DATE_FIELDS:
        try:
            borne_out = said.has_day(dt.date.fromisoformat(value))
        except ValueError:
            return f"{field}: {value[:40]!r} is no date; write it like 2026-03-31"
    elif field == "currency":
        borne_out = has_currency(value.upper(), said.text)
    else:
        borne_out = said.has_text(value)
    return None if borne_out else _missing(field, value)


def _of_slots(intent: Intent, said: _Said) -> Iterable[str | None]:
    for name in ("number", "supplier"):
        value = getattr(intent, name)
        if value is not None and not said.has_text(value):
            yield _missing(name, value)
    if intent.when is not None and not said.has_day(intent.when):
        yield _missing("when", intent.when.isoformat())
    if intent.days_before is not None and said.whole and not {intent.days_before, intent.days_before / 7} & said.whole:
        yield _missing("days_before", str(intent.days_before))
    if intent.currency is not None and not has_currency(intent.currency, said.text):
        yield _missing("currency", intent.currency)
    if intent.ordinal is not None and said.whole and intent.ordinal not in said.whole:
        yield _missing("ordinal", str(intent.ordinal))


def _missing(name: str, value: str) -> str:
    return f"{name}: the person did not say {value[:60]!r} in this message; leave it out, or ask them"


def has_currency(code: str, text: str) -> bool:
    """Whether a text names a currency, by its code, its sign or its name."""
    low = text.casefold()
    return any(word in low for word in (code.casefold(), *_CURRENCY_WORDS.get(code, ())))


def stands_in(value: str, text: str) -> bool:
    """Whether a text has the letters and digits of a value, whole words of it, whatever stands between them."""
    letters = folded(value)
    if not letters:
        return False
    pattern = r"(?<![^\W_])" + r"[\W_]*".join(map(re.escape, letters)) + r"(?![^\W_])"
    return re.search(pattern, _plain(text)) is not None


def folded(text: str) -> str:
    """Letters and digits alone, without case and accents."""
    return "".join(character for character in _plain(text) if character.isalnum())


def _plain(text: str) -> str:
    """Without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def figures_in(text: str) -> Iterable[Decimal]:
    """Every number of a text, in each way it can be read: "1.190,50", "1,190.50", "1190.5", "1 190"."""
    for match in _NUMBER.finditer(text):
        for piece in {match[0], *match[0].split(" ")}:
            yield from _readings(piece)


def _readings(piece: str) -> Iterable[Decimal]:
    digits = re.sub(r"\D", "", piece)
    if not digits:
        return
    yield Decimal(digits)
    head, _, cents = piece.replace(",", ".").rpartition(".")
    whole = re.sub(r"\D", "", head)
    if whole and cents.isdigit() and len(cents) in (*_CENTS_DIGITS, 3):
        yield Decimal(f"{whole}.{cents}")
