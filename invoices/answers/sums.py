"""Sums over bookings: for each currency by itself, never across two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from invoices.book import Booking
from invoices.invoice import Invoice


@dataclass(frozen=True, slots=True)
class Totals:
    """count: of invoices with a total. by_currency: the largest first; None is a currency that nobody named."""

    count: int
    without_total: int
    by_currency: tuple[tuple[str | None, Decimal], ...]


def amount_of(invoice: Invoice) -> Decimal | None:
    """What an invoice comes to: its gross amount, else what is to pay; a credit note takes away."""
    amount = invoice.gross if invoice.gross is not None else invoice.payable
    if amount is None:
        return None
    return -abs(amount) if invoice.type == "credit_note" else amount


def to_pay_of(invoice: Invoice) -> Decimal | None:
    """What is left to pay of an unpaid one."""
    if invoice.type == "credit_note" or invoice.payable is None:
        return amount_of(invoice)
    return invoice.payable


def totals_of(bookings: Iterable[Booking], *, to_pay: bool = False) -> Totals:
    """Add up. to_pay: what is left to pay instead of what they come to."""
    sums: dict[str | None, Decimal] = {}
    count = without = 0
    for booking in bookings:
        amount = to_pay_of(booking.invoice) if to_pay else amount_of(booking.invoice)
        if amount is None:
            without += 1
            continue
        count += 1
        sums[booking.invoice.currency] = sums.get(booking.invoice.currency, Decimal(0)) + amount
    ordered = sorted(sums.items(), key=lambda it: (-abs(it[1]), it[0] or ""))
    return Totals(count, without, tuple(ordered))
