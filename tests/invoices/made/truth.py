"""A made-up invoice: what it says in truth, and what it is written with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from made.words import COUNTRIES, MONTHS, Country

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Row:
    """One line of the table; the amount is without tax."""

    text: str
    quantity: int
    price: Decimal
    rate: Decimal
    net: Decimal


@dataclass(frozen=True)
class Part:
    """One rate of the tax, or one allowance or charge."""

    rate: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Made:
    """Truth under the protocol's names, and all that stands around it on the page."""

    country: Country
    truth: dict[str, object]
    rows: tuple[Row, ...]
    parts: tuple[Part, ...]
    subtotal: Decimal
    discount: Decimal
    freight: Decimal
    prepaid: Decimal
    is_credit: bool
    is_reverse: bool
    delivered: dt.date
    early: dt.date
    seller_lines: tuple[str, str]
    buyer_lines: tuple[str, str]
    ship_lines: tuple[str, str, str]
    others: dict[str, str] = field(default_factory=dict)
    money_form: str = "{}"
    separators: str = ".,"
    date_form: str = "%d.%m.%Y"
    prints_minus: bool = False
    debited: str | None = None

    def day(self, day: dt.date) -> str:
        """A date in this invoice's form."""
        names = MONTHS[self.country.language].split()
        return day.strftime(self.date_form.replace("%B", names[day.month - 1]).replace("%b", names[day.month - 1][:3]))

    def money(self, amount: Decimal, *, bare: bool = False) -> str:
        """An amount in this invoice's form; bare: as in a table that names its currency in the head."""
        thousands, point = self.separators
        digits = f"{abs(amount):,.2f}".replace(",", "\0").replace(".", point).replace("\0", thousands)
        minus = "-" if (amount < 0) != (self.prints_minus and amount != 0) else ""
        return f"{minus}{digits}" if bare else f"{minus}{self.money_form.format(digits)}"


def number_of(draw: Random, day: dt.date) -> str:
    """An invoice number as businesses count them."""
    count = draw.randint(1, 99_999)
    forms = (
        f"{day.year}-{count:04d}",
        f"RE-{day.year}-{count}",
        f"{count + 100_000}",
        f"INV-{count:05d}",
        f"F{day.year}/{count:03d}",
        f"{count}/{day.year}",
        f"{day:%y%m}-{count:03d}",
        f"FA{count:06d}",
        f"{day.year}{count:05d}",
        f"A{count:04d}-{draw.randint(1, 9)}",
    )
    return draw.choice(forms)


def make(draw: Random, name: str) -> Made:
    """One invoice of a country, drawn from chance alone."""
    country = COUNTRIES[name]
    issued = dt.date(draw.randint(2015, 2027), draw.randint(1, 12), draw.randint(1, 28))
    code, forms = draw.choice(country.currencies)
    is_credit, is_reverse = draw.random() < 0.1, draw.random() < 0.1
    rows, subtotal, discount, freight, parts = _sums(draw, country, is_reverse=is_reverse)
    net, tax = sum((part.net for part in parts), Decimal(0)), sum((part.tax for part in parts), Decimal(0))
    gross = net + tax
    prepaid = (
        (gross * draw.choice((20, 30, 50)) / 100).quantize(CENT)
        if draw.random() < 0.2 and not is_credit
        else Decimal(0)
    )
    seller, buyer = draw.choice(country.sellers), draw.choice(country.buyers)
    streets, towns = draw.sample(country.streets, 2), draw.sample(country.towns, 2)
    debited = draw.choice(country.ibans) if country.ibans and draw.random() < 0.12 else None
    form = draw.choice(forms)
    truth: dict[str, object] = {
        "number": number_of(draw, issued), "issue_date": issued,
        "due_date": issued + dt.timedelta(days=draw.choice((7, 14, 30, 45))) if draw.random() < 0.6 else None,
        "currency": code if form != "{}" else None, "seller.name": seller, "buyer.name": buyer,
        "seller.vat_id": draw.choice(country.vat_ids) if country.vat_ids and draw.random() < 0.7 else None,
        "iban": draw.choice(country.ibans) if country.ibans and draw.random() < 0.7 and debited is None else None,
        "net": net, "tax": tax, "gross": gross, "payable": gross - prepaid,
    }  # fmt: skip
    return Made(
        country, truth, rows, parts, subtotal, discount, freight, prepaid, is_credit, is_reverse,
        delivered=issued - dt.timedelta(days=draw.randint(1, 12)), early=issued + dt.timedelta(days=5),
        seller_lines=(streets[0], towns[0]), buyer_lines=(streets[1], towns[1]),
        ship_lines=(draw.choice(("Depot 4", "Werk II", "c/o Nova")), streets[0], towns[1]),
        others=_others(draw), money_form=form, separators=draw.choice(country.separators),
        date_form=draw.choice(country.dates), prints_minus=is_credit and draw.random() < 0.5, debited=debited,
    )  # fmt: skip


def _others(draw: Random) -> dict[str, str]:
    """Numbers that are not the invoice's."""
    return {
        name: draw.choice(("{:05d}", "B-{:04d}", "2026/{:03d}", "4500{:06d}")).format(draw.randint(1, 99_999))
        for name in ("customer", "order", "note")
        if draw.random() < 0.4
    }


def _sums(
    draw: Random, country: Country, *, is_reverse: bool
) -> tuple[tuple[Row, ...], Decimal, Decimal, Decimal, tuple[Part, ...]]:
    rates = [Decimal(0)] if is_reverse else [Decimal(rate) for rate in country.rates]
    main = rates[0]
    rows = []
    for _ in range(draw.choice((1, 1, 2, 3, 4, 6, 12, 45))):
        quantity = draw.choice((1, 1, 2, 3, 5, 10, 24))
        price = Decimal(draw.randint(199, draw.choice((5_000, 40_000, 900_000)))) / 100
        rate = draw.choice(rates) if country.rates != COUNTRIES["us"].rates else main
        rows.append(Row(draw.choice(country.items), quantity, price, rate, (price * quantity).quantize(CENT)))
    subtotal = sum((row.net for row in rows), Decimal(0))
    nets: dict[Decimal, Decimal] = {}
    for row in rows:
        nets[row.rate] = nets.get(row.rate, Decimal(0)) + row.net
    first = max(nets, key=lambda rate: nets[rate])
    discount = (nets[first] / 20).quantize(CENT) if draw.random() < 0.15 else Decimal(0)
    freight = Decimal(draw.choice(("4.90", "12.50", "39.00"))) if draw.random() < 0.2 else Decimal(0)
    nets[first] += freight - discount
    parts = tuple(
        Part(rate, net, (net * rate / 100).quantize(CENT, ROUND_HALF_UP))
        for rate, net in sorted(nets.items(), reverse=True)
    )
    return tuple(rows), subtotal, discount, freight, parts
