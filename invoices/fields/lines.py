"""The lines of an invoice's table: rows in which quantity times price is the amount, when together they make the net.

Rows are only given when all of them add up to the net total: a table read in part would look like the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from invoices.fields.amounts import Amount, find_amounts
from invoices.fields.labels import Index
from invoices.invoice import Line

_CENT: Final = Decimal("0.01")
_ROWS_MAX: Final = 400
_NUMBERS_MAX: Final = 12
_PERCENT: Final = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
_POSITION: Final = re.compile(r"^\s*(?:\d{1,4}[.)]?\s+)?(?P<text>.*[^\W\d_].*)$")
_COUNTED: Final = re.compile(r"^\s*\d{1,3}[.)]?(?:\s|$)")
_SUMS: Final = frozenset({"net", "tax", "gross", "payable", "prepaid"})


@dataclass(frozen=True, slots=True)
class _Row:
    line: Line
    complete: bool  # quantity, price and amount, not the amount alone


def find_lines(index: Index, net: Decimal | None) -> tuple[Line, ...]:
    """The rows of the table, or none at all when they do not make the net total."""
    if net is None:
        return ()
    rows = list(_rows(index))
    for chosen in (_table([row.line for row in rows if row.complete]), _table([row.line for row in rows])):
        if chosen and sum((line.net or Decimal(0) for line in chosen), Decimal(0)) == net:
            return tuple(chosen)
    return ()


def _table(lines: list[Line]) -> list[Line]:
    """The lines without the zeros that follow the last amount: those are sums of something that did not happen."""
    while lines and not lines[-1].net:
        lines = lines[:-1]
    return lines


def _rows(index: Index) -> Iterator[_Row]:
    """Rows above the first total, in reading order."""
    grouped: dict[tuple[int, int], list[int]] = {}
    for position, segment in enumerate(index.segments):
        grouped.setdefault((segment.page, segment.line), []).append(position)
    for count, positions in enumerate(grouped.values()):
        if count > _ROWS_MAX:
            return
        if not any(
            label.kind in _SUMS and label.start == 0 for position in positions for label in index.labels[position]
        ):
            row = _row([index.texts[position] for position in positions])
            if row is not None:
                yield row


def _row(texts: list[str]) -> _Row | None:
    description = next((match["text"].strip() for text in texts if (match := _POSITION.match(text))), None)
    numbers = [amount for text in texts for amount in find_amounts(text) if amount.likely][:_NUMBERS_MAX]
    if _COUNTED.match(texts[0]) and len(numbers) > 3:
        numbers = numbers[1:]  # the row's own number
    place = max((at for at, number in enumerate(numbers) if number.decimals == 2), default=None)
    if description is None or place is None or len(texts) < 2:
        return None
    amount = numbers[place]
    rate = next((Decimal(found[1].replace(",", ".")) for text in texts if (found := _PERCENT.search(text))), None)
    factors = _factors(numbers[:place] + numbers[place + 1 :], amount.value)
    if factors is None:
        return _Row(Line(description, net=amount.value, tax_rate=rate), complete=False)
    return _Row(Line(description, *factors, amount.value, rate), complete=True)


def _factors(numbers: list[Amount], net: Decimal) -> tuple[Decimal, Decimal] | None:
    """Quantity and price: two numbers of the row whose product is its amount to the cent.

    The quantity is the one that is printed without decimals where the other has some, else the first.
    """
    for place, first in enumerate(numbers):
        for second in numbers[place + 1 :]:
            if (first.value * second.value).quantize(_CENT, ROUND_HALF_UP) == net:
                turned = first.decimals > second.decimals == 0
                return (second.value, first.value) if turned else (first.value, second.value)
    return None
