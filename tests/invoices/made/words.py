"""What made-up invoices say, and how each country writes it: from the trades, not from the reader's own words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}


@dataclass(frozen=True)
class Country:
    """How one country's invoices are written. Each tuple holds words that mean the same; one of them is drawn."""

    language: str
    currencies: tuple[tuple[str, tuple[str, ...]], ...]  # code, and how amounts carry it; {} is the amount
    separators: tuple[str, ...]  # thousands and decimals
    dates: tuple[str, ...]  # of strftime, with %B as the language's own name of the month
    rates: tuple[str, ...]
    title: tuple[str, ...]
    credit_title: tuple[str, ...]
    number: tuple[str, ...]
    date: tuple[str, ...]
    due: tuple[str, ...]
    delivered: tuple[str, ...]
    customer: tuple[str, ...]
    order: tuple[str, ...]
    note: tuple[str, ...]
    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    ship: tuple[str, ...]
    heads: tuple[tuple[str, ...], ...]  # description, quantity, price, rate, amount
    subtotal: tuple[str, ...]
    discount: tuple[str, ...]
    freight: tuple[str, ...]
    net: tuple[str, ...]
    tax: tuple[str, ...]  # {} is the rate
    tax_total: tuple[str, ...]
    tax_heads: tuple[tuple[str, ...], ...]  # rate, net, tax, gross of the table of rates
    gross: tuple[str, ...]
    prepaid: tuple[str, ...]
    payable: tuple[str, ...]
    vat_id: tuple[str, ...]
    iban: tuple[str, ...]
    debited: tuple[str, ...]  # the account is the buyer's own; {} is its IBAN
    reverse: tuple[str, ...]
    dated: str  # between number and date in a title
    page: str
    carried: str
    early: tuple[str, ...]  # a discount for paying early: {0} date, {1} amount
    thanks: tuple[str, ...]
    items: tuple[str, ...]
    sellers: tuple[str, ...]
    buyers: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[str, ...]
    imprint: tuple[str, ...]
    vat_ids: tuple[str, ...]
    ibans: tuple[str, ...]


def _country(words: dict[str, Any]) -> Country:
    return Country(**{name: _frozen(value) for name, value in words.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


COUNTRIES: dict[str, Country] = {
    name: _country(words)
    for name, words in json.loads((Path(__file__).parent / "words.json").read_text(encoding="utf-8")).items()
}
