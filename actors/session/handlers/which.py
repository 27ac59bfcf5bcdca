"""Which invoice is meant: by id, number, place in the last list, "it", "the last one" or its supplier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from invoices.book import Booking, BookQuery

if TYPE_CHECKING:
    from actors.session.work import Work
    from invoices.intents import Intent

CHOICES_MAX: Final = 10
FOUND_AT_ONCE_MAX: Final = 50
_NAME_LETTERS_MIN: Final = 3


def bookings_meant(work: Work, intent: Intent, *, is_paid: bool | None = None) -> tuple[Booking, ...]:
    """Every booking that may be meant, the likeliest first; none when there is none.

    is_paid: of several of one supplier only these, if there are any.
    """
    if intent.invoice_id is not None:
        return work.find(BookQuery(invoice_ids=(intent.invoice_id,)))
    if intent.number is not None and (found := _by_number(work, intent.number)):
        return found
    if intent.ordinal is not None and intent.ordinal <= len(work.state.listed):
        return work.find(BookQuery(invoice_ids=(work.state.listed[intent.ordinal - 1],)))
    if intent.number is not None or intent.ordinal is not None:
        return ()
    if intent.reference == "all":
        return work.find(BookQuery(invoice_ids=work.state.listed[:FOUND_AT_ONCE_MAX], at_most=FOUND_AT_ONCE_MAX))
    if intent.supplier is not None:
        found = of_supplier(work, intent.supplier)
        wanted = tuple(it for it in found if is_paid is None or it.is_paid is is_paid)
        return wanted or found
    return _at_hand(work, last=intent.reference == "last")


def of_supplier(work: Work, supplier: str) -> tuple[Booking, ...]:
    """By the name as it was said, else by its first word."""
    name = supplier_name(work, supplier)
    return work.find(BookQuery(supplier=name, at_most=100)) if name else ()


def supplier_name(work: Work, supplier: str) -> str | None:
    """The part of a name that the ledger knows; None when it knows none of it."""
    first = supplier.split(maxsplit=1)[0] if supplier.split() else ""
    for name in (supplier, first):
        if len(name) >= _NAME_LETTERS_MIN and work.find(BookQuery(supplier=name, at_most=1)):
            return name
    return None


def _by_number(work: Work, number: str) -> tuple[Booking, ...]:
    return work.find(BookQuery(number=number, at_most=CHOICES_MAX))


def _at_hand(work: Work, *, last: bool) -> tuple[Booking, ...]:
    if not last and work.state.focus is not None:
        found = work.find(BookQuery(invoice_ids=(work.state.focus,)))
        if found and not found[0].is_deleted:
            return found
    known = [it for it in work.state.remembered().values() if not it.is_deleted]
    if known:
        newest = max(reversed(known), key=lambda it: it.recorded_at)
        return work.find(BookQuery(invoice_ids=(newest.invoice_id,))) or (newest,)
    return work.find(BookQuery(at_most=1))
