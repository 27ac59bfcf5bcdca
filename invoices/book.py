"""The ledger as a conversation sees it: what is booked for a chat, how it is asked, and what is not yet written there.

Pure: who asks a database is another; `MemoryBook` is the same over records in memory.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal, Protocol

from msgspec import Meta, Struct

from invoices.invoice import Invoice
from messages.codec import record

FOUND_MAX: Final = 1000


@record(tag=54, version=1)
class Booking(Struct, frozen=True):
    """One invoice as it is booked.

    invoice_id: short and stable. revision: grows with each change; the greatest one stands. content_digest: sha256 of
    the file it came from, empty when it was told in words. recorded_at, updated_at: ISO 8601, UTC.
    """

    invoice_id: str
    chat_id: str
    user_id: str
    revision: Annotated[int, Meta(ge=1)]
    invoice: Invoice
    message_id: str = ""
    file_name: str = ""
    content_digest: str = ""
    recorded_at: str = ""
    updated_at: str = ""
    is_paid: bool = False
    paid_on: dt.date | None = None
    is_deleted: bool = False


class BookQuery(Struct, frozen=True):
    """Which bookings of one chat: all of the conditions that are given. Deleted ones are found by their id alone.

    supplier: folded words that the seller's name contains. amount_min, amount_max: of the gross, without its sign.
    order: newest issue date first, or the earliest due date first. at_most: how many are given back.
    """

    invoice_ids: tuple[str, ...] = ()
    number: str | None = None
    supplier: str | None = None
    seller_vat_id: str | None = None
    content_digest: str | None = None
    issued_from: dt.date | None = None
    issued_to: dt.date | None = None
    due_from: dt.date | None = None
    due_to: dt.date | None = None
    is_paid: bool | None = None
    currency: str | None = None
    type: str | None = None
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    order: Literal["newest", "due"] = "newest"
    at_most: Annotated[int, Meta(ge=1, le=FOUND_MAX)] = FOUND_MAX


class BookAway(Exception):  # noqa: N818 - what is the case
    """The ledger cannot be asked now."""


class SumOf(Protocol):
    """A sum over the bookings of one currency and type ("invoice", "credit_note"); absent amounts add nothing."""

    @property
    def currency(self) -> str | None:
        """Its ISO 4217 code."""

    @property
    def type(self) -> str:
        """What they are."""

    @property
    def count(self) -> int:
        """How many."""

    @property
    def gross(self) -> Decimal:
        """What they come to."""


class Book(Protocol):
    """What one chat has booked."""

    def find(self, query: BookQuery) -> tuple[Booking, ...]:
        """The bookings that match, in the query's order. Raises BookAway."""

    def totals(self, query: BookQuery) -> tuple[SumOf, ...]:
        """Exact sums over all that match, however many they are. Raises BookAway."""


class SumInMemory(Struct, frozen=True):
    """A `SumOf`."""

    currency: str | None
    type: str
    count: int
    gross: Decimal


class MemoryBook:
    """A book over records in memory."""

    def __init__(self, bookings: Iterable[Booking] = ()) -> None:
        """Of one chat; the greatest revision of each invoice stands."""
        self._bookings: dict[str, Booking] = {}
        for booking in bookings:
            self.put(booking)

    def put(self, booking: Booking) -> None:
        """Book it, unless a later revision is there."""
        there = self._bookings.get(booking.invoice_id)
        if there is None or there.revision < booking.revision:
            self._bookings[booking.invoice_id] = booking

    def find(self, query: BookQuery) -> tuple[Booking, ...]:
        """The bookings that match."""
        return in_order((booking for booking in self._bookings.values() if matches(booking, query)), query)

    def totals(self, query: BookQuery) -> tuple[SumInMemory, ...]:
        """Exact sums over all that match."""
        return sums_of(booking for booking in self._bookings.values() if matches(booking, query))


def sums_of(bookings: Iterable[Booking]) -> tuple[SumInMemory, ...]:
    """Sums of each currency and type."""
    sums: dict[tuple[str | None, str], tuple[int, Decimal]] = {}
    for booking in bookings:
        key = booking.invoice.currency, booking.invoice.type
        count, gross = sums.get(key, (0, Decimal(0)))
        sums[key] = count + 1, gross + (booking.invoice.gross or 0)
    return tuple(SumInMemory(*key, *of) for key, of in sums.items())


def folded(text: str) -> str:
    """How names are compared: without case, and with single spaces."""
    return " ".join(text.casefold().split())


def matches(booking: Booking, query: BookQuery) -> bool:
    """Whether a booking is one of those asked for."""
    invoice = booking.invoice
    if booking.is_deleted and booking.invoice_id not in query.invoice_ids:
        return False
    return all(
        (
            not query.invoice_ids or booking.invoice_id in query.invoice_ids,
            query.number is None or (invoice.number or "").casefold() == query.number.casefold(),
            query.supplier is None or folded(query.supplier) in folded(invoice.seller.name or ""),
            query.seller_vat_id is None or invoice.seller.vat_id == query.seller_vat_id,
            query.content_digest is None or booking.content_digest == query.content_digest,
            _within(invoice.issue_date, query.issued_from, query.issued_to),
            _within(invoice.due_date, query.due_from, query.due_to),
            query.is_paid is None or booking.is_paid is query.is_paid,
            query.currency is None or invoice.currency == query.currency,
            query.type is None or invoice.type == query.type,
            _between(invoice.gross, query.amount_min, query.amount_max),
        )
    )


def _within(day: dt.date | None, first: dt.date | None, last: dt.date | None) -> bool:
    if first is None and last is None:
        return True
    return day is not None and (first is None or first <= day) and (last is None or day <= last)


def _between(amount: Decimal | None, least: Decimal | None, most: Decimal | None) -> bool:
    if least is None and most is None:
        return True
    return amount is not None and (least is None or least <= abs(amount)) and (most is None or abs(amount) <= most)


def in_order(bookings: Iterable[Booking], query: BookQuery) -> tuple[Booking, ...]:
    """Bookings in the query's order, no more than it wants; those without a date come last."""
    if query.order == "due":
        ordered = sorted(bookings, key=lambda it: (it.invoice.due_date or dt.date.max, it.recorded_at, it.invoice_id))
    else:
        ordered = sorted(
            bookings, key=lambda it: (it.invoice.issue_date or dt.date.min, it.recorded_at, it.invoice_id), reverse=True
        )
    return tuple(ordered[: query.at_most])


def overlay(found: Sequence[Booking], unsettled: Mapping[str, Booking], query: BookQuery) -> tuple[Booking, ...]:
    """What the ledger found, with the chat's own changes that are still on their way there.

    found: the ledger's answer to the same query. unsettled: by invoice id. A later revision wins, on either side.
    """
    standing = {booking.invoice_id: booking for booking in found}
    for invoice_id, booking in unsettled.items():
        there = standing.get(invoice_id)
        if there is None or there.revision < booking.revision:
            standing[invoice_id] = booking
    return in_order((booking for booking in standing.values() if matches(booking, query)), query)
