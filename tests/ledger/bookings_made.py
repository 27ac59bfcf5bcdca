"""Bookings for the ledger's tests: by hand, and any that Hypothesis can think of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from actors.effects.records import Effect
from invoices.book import Booking, BookQuery
from invoices.changes import booking_to_plain
from invoices.invoice import Invoice, Party

CHAT = "chat-1"


def made(number: int = 1, revision: int = 1, *, chat: str = CHAT, gross: str = "119.00", **more: Any) -> Booking:
    """One booking; more: fields of the booking."""
    amount = Decimal(gross)
    invoice = Invoice(
        number=f"R-{number}", issue_date=dt.date(2026, 1, 1) + dt.timedelta(days=number % 300), currency="EUR",
        seller=Party("ACME GmbH", "DE136695976"), gross=amount, net=amount, tax=Decimal("0.00"),
    )  # fmt: skip
    return Booking(f"i-{number}", chat, "user-1", revision, invoice, recorded_at="2026-11-24T02:00:00.000Z", **more)


def effect_of(booking: Booking, target: str = "ledger", kind: str = "invoice.recorded") -> Effect:
    """The effect that books it."""
    return Effect(
        f"evt_{booking.invoice_id}_{booking.revision}_{target}", target, kind, booking.invoice_id, booking.chat_id,
        booking.user_id, "m-1", "2026-11-24T02:00:00.000Z", booking.revision, {"booking": booking_to_plain(booking)},
    )  # fmt: skip


# Few values of each kind, so that queries meet bookings; among them what databases and programs see differently.
_NAMES = st.sampled_from([None, "", "ACME GmbH", "acme  gmbh", "Straße & Söhne", "STRASSE", "100%_\\", "a\0b", "☃ Ltd"])
_NUMBERS = st.sampled_from([None, "", "R-1", "r-1", "R-2", "Ä-1", "ä-1", "9" * 3000, "\0"])
_DAYS = st.sampled_from(
    [None, dt.date.min, dt.date(2026, 1, 31), dt.date(2026, 2, 1), dt.date(2026, 12, 31), dt.date.max]
)
_AMOUNTS = st.one_of(
    st.sampled_from([None, Decimal(0), Decimal("-0.00"), Decimal("119.00"), Decimal(119), Decimal("-119.000")]),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12),
)
_CODES = st.sampled_from([None, "EUR", "USD"])
_VAT_IDS = st.sampled_from([None, "", "DE136695976", "de136695976"])
_DIGESTS = st.sampled_from(["", "aa", "bb"])
_IDS = st.sampled_from(["a", "A", "b", "ä", "ab"])

invoices = st.builds(
    Invoice, number=_NUMBERS, issue_date=_DAYS, due_date=_DAYS, currency=_CODES,
    type_code=st.sampled_from([None, "380", "381"]), seller=st.builds(Party, _NAMES, _VAT_IDS),
    net=_AMOUNTS, tax=_AMOUNTS, gross=_AMOUNTS,
)  # fmt: skip
bookings = st.builds(
    Booking, _IDS, st.sampled_from([CHAT, "chat-2"]), st.just("user-1"), st.integers(1, 4), invoices,
    content_digest=_DIGESTS, recorded_at=st.sampled_from(["", "2026-01-01", "2026-01-02"]), is_paid=st.booleans(),
    is_deleted=st.booleans(),
)  # fmt: skip
queries = st.builds(
    BookQuery, invoice_ids=st.lists(_IDS, max_size=3).map(tuple), number=_NUMBERS,
    supplier=st.one_of(_NAMES, st.sampled_from(["gm", "G", "%", "_", "sse"])), seller_vat_id=_VAT_IDS,
    content_digest=st.one_of(st.none(), _DIGESTS), issued_from=_DAYS, issued_to=_DAYS, due_from=_DAYS, due_to=_DAYS,
    is_paid=st.one_of(st.none(), st.booleans()), currency=_CODES,
    type=st.sampled_from([None, "invoice", "credit_note"]), amount_min=_AMOUNTS, amount_max=_AMOUNTS,
    order=st.sampled_from(["newest", "due"]), at_most=st.integers(1, 5),
)  # fmt: skip
# Most queries of all conditions find nothing: these have one or two.
loose_queries = st.tuples(queries, st.sets(st.sampled_from(BookQuery.__struct_fields__), max_size=4)).map(
    lambda drawn: BookQuery(**{name: getattr(drawn[0], name) for name in drawn[1]})
)
