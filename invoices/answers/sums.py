"""Sums over bookings: for each currency by itself, never across two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from invoices.book import Booking, SumOf
from invoices.invoice import Invoice


@dataclass(frozen=True, slots=True)
class Totals:
    """count: of invoices with a total. by_currency: the largest first; None is a currency that nobody named.

    counts: of those with a total, by currency.
    """

    count: int
    without_total: int
    by_currency: tuple[tuple[str | None, Decimal], ...]
    counts: tuple[tuple[str | None, int], ...] = ()


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
    counts: dict[str | None, int] = {}
    count = without = 0
    for booking in bookings:
        amount = to_pay_of(booking.invoice) if to_pay else amount_of(booking.invoice)
        if amount is None:
            without += 1
            continue
        count += 1
        counts[booking.invoice.currency] = counts.get(booking.invoice.currency, 0) + 1
        sums[booking.invoice.currency] = sums.get(booking.invoice.currency, Decimal(0)) + amount
    return totals_from(sums, counts, without)


def totals_from(sums: Mapping[str | None, Decimal], counts: Mapping[str | None, int], without_total: int) -> Totals:
    """Sums and how many they are of, by currency, in their order."""
    ordered = sorted(sums.items(), key=lambda it: (-abs(it[1]), it[0] or ""))
    return Totals(sum(counts.values()), without_total, tuple(ordered), tuple(counts.items()))


def totals_of_sums(sums: Iterable[SumOf], less: Iterable[SumOf] = (), more: Iterable[SumOf] = ()) -> Totals:
    """The same of a ledger's sums, without some of them and with others; those without a total add nothing."""
    amounts: dict[str | None, Decimal] = {}
    counts: dict[str | None, int] = {}
    for sign, part in ((1, sums), (-1, less), (1, more)):
        for each in part:
            amount = -each.gross if each.type == "credit_note" else each.gross
            amounts[each.currency] = amounts.get(each.currency, Decimal(0)) + sign * amount
            counts[each.currency] = counts.get(each.currency, 0) + sign * each.count
    there = {currency: amount for currency, amount in amounts.items() if counts[currency]}
    return totals_from(there, {currency: counts[currency] for currency in there}, 0)
