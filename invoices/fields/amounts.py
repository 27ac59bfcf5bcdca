"""Amounts of money as six languages print them.

A printed amount can be read in more than one way ("1.234", "2 200,00"); every reading is returned, and the arithmetic
of the whole invoice decides between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

SYMBOLS: Final = {
    "€": "EUR",
    "£": "GBP",
    "$": "USD",
    "US$": "USD",
    "zł": "PLN",
    "Kč": "CZK",
    "¥": "JPY",
    "Fr.": "CHF",
    "SFr.": "CHF",
}
# What invoices of the six languages are written in, and their neighbours; any three capitals would be too many.
CODES: Final = [
    "EUR",
    "USD",
    "GBP",
    "CHF",
    "PLN",
    "CZK",
    "SEK",
    "NOK",
    "DKK",
    "HUF",
    "RON",
    "BGN",
    "HRK",
    "ISK",
    "CAD",
    "AUD",
    "NZD",
    "JPY",
    "CNY",
    "HKD",
    "SGD",
    "INR",
    "MXN",
    "BRL",
    "ARS",
    "CLP",
    "COP",
    "PEN",
    "ZAR",
    "TRY",
    "ILS",
    "AED",
    "SAR",
    "KRW",
    "THB",
    "MAD",
    "TND",
    "DZD",
    "XOF",
    "XAF",
    "DEM",
    "ATS",
    "FRF",
    "ITL",
    "NLG",
    "BEF",
    "ESP",
]
_CODE: Final = "|".join(CODES)
_MARK: Final = rf"(?:US\$|€|£|\$|¥|zł|Kč|S?Fr\.|(?:{_CODE}|EURO|Euro)(?![A-Za-z]))"
_DIGITS: Final = r"\d{1,3}(?:[.,'’ \u00a0\u202f]\d{3})+(?:[.,]\d{1,4})?|\d{1,12}(?:[.,]\d{1,4})?"  # noqa: RUF001
_AMOUNT: Final = re.compile(
    rf"(?<![\w.,/\-:#])(?P<open>\()?\s?(?P<sign>[-\u2212\u2013+]\s?)?(?P<before>{_MARK})?\s?(?P<inner>[-\u2212]\s?)?"
    rf"(?P<digits>{_DIGITS})(?P<zeros>,-{{1,2}}|,\u2013)?(?P<trailing>-)?\s?(?P<after>{_MARK}|EURO?\b|[Ee]uros?\b)?"
    r"(?P<close>\))?(?![\w%]|\s?%|[.,/:\-]\d)"
)
_DECIMALS: Final = re.compile(r"[.,](\d{1,4})$")
_SPACES: Final = re.compile(r"[ \u00a0\u202f'’]")  # noqa: RUF001
_MONEY_DECIMALS: Final = 2
_GROUP: Final = 3
_KEPT_CHARS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Amount:
    """One reading of a printed amount. start, end: where it stands in its text. likely: the plain reading."""

    value: Decimal
    currency: str | None
    start: int
    end: int
    decimals: int
    likely: bool = True


def find_amounts(text: str) -> tuple[Amount, ...]:
    """Every amount in a text with all its readings; percentages, dates and parts of longer numbers are left out."""
    return _amounts_kept(text) if len(text) <= _KEPT_CHARS_MAX else tuple(_amounts(text))


@lru_cache(maxsize=4096)
def _amounts_kept(text: str) -> tuple[Amount, ...]:
    """The same, kept: every field looks at the same short texts."""
    return tuple(_amounts(text))


def _amounts(text: str) -> Iterator[Amount]:
    for match in _AMOUNT.finditer(text):
        digits = match["digits"]
        currency = currency_of(match["before"] or match["after"])
        negative = bool(match["sign"] and match["sign"][0] != "+") or bool(match["inner"]) or bool(match["trailing"])
        for value, decimals, likely in _readings(digits, zeros=bool(match["zeros"])):
            signed = -value if negative else value
            yield Amount(signed, currency, match.start("digits"), match.end(), decimals, likely)


def currency_of(mark: str | None) -> str | None:
    """ISO 4217 code of a symbol or code beside an amount."""
    if not mark:
        return None
    if mark.lower().startswith("euro"):
        return "EUR"
    return SYMBOLS.get(mark, mark.upper() if mark.upper() in CODES else None)


def _readings(digits: str, *, zeros: bool) -> Iterator[tuple[Decimal, int, bool]]:
    """Value, decimals and likelihood of each way to read a run of digits and separators."""
    if zeros:
        yield Decimal(re.sub(r"\D", "", digits)), _MONEY_DECIMALS, True
        return
    spaced = _SPACES.split(digits)
    whole = "".join(spaced)
    yield from _separated(whole)
    if len(spaced) > 1:
        # "2 200,00" may be two hundred after a quantity of two.
        for value, decimals, _ in _separated(spaced[-1]):
            yield value, decimals, False


def _separated(digits: str) -> Iterator[tuple[Decimal, int, bool]]:
    tail = _DECIMALS.search(digits)
    if tail is None:
        yield Decimal(digits), 0, True
        return
    decimals = len(tail[1])
    head = digits[: tail.start()]
    separators = set(re.sub(r"\d", "", head))
    grouped = re.sub(r"\D", "", digits)
    if decimals == _GROUP and (not separators or separators == {digits[tail.start()]}):
        # "1.234": a thousand and more, or a price with three decimals.
        yield Decimal(grouped), 0, True
        if not separators:
            yield Decimal(f"{re.sub(r'[^0-9]', '', head)}.{tail[1]}"), decimals, False
        return
    if digits[tail.start()] in separators:
        return  # "1.234.56" is no amount
    yield Decimal(f"{re.sub(r'[^0-9]', '', head)}.{tail[1]}"), decimals, True
