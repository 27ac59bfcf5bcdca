"""Bookings for the tests of effects."""

import datetime as dt
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from invoices.book import Booking
from invoices.invoice import Invoice, Party

INVOICE = Invoice(
    number="2026-031",
    issue_date=dt.date(2026, 3, 31),
    currency="EUR",
    seller=Party("ACME GmbH"),
    net=Decimal("1000.00"),
    tax=Decimal("190.00"),
    gross=Decimal("1190.00"),
)
BOOKING = Booking("inv-1", "789", "456", 1, INVOICE, "m-1", "march.xml", "ab" * 32)


def booking(**changes: Any) -> Booking:
    """One booking, as most tests need it, with these fields."""
    return replace(BOOKING, **changes)
