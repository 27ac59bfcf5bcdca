"""Bookings as JSON: each invoice as the protocol has it, with what the ledger knows beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from invoices.export.export_file import ExportFile, clean
from invoices.invoice import to_protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoices.book import Booking


def json_of(bookings: Sequence[Booking]) -> ExportFile:
    """`{"invoices": [...]}`, two spaces deep."""
    raw = msgspec.json.encode({"invoices": [_cleaned(_plain(booking)) for booking in bookings]})
    return ExportFile("invoices.json", "application/json", msgspec.json.format(raw, indent=2) + b"\n")


def _plain(booking: Booking) -> dict[str, Any]:
    return {
        "invoice_id": booking.invoice_id,
        "recorded_at": booking.recorded_at or None,
        "updated_at": booking.updated_at or None,
        "file_name": booking.file_name or None,
        "is_paid": booking.is_paid,
        "paid_on": None if booking.paid_on is None else booking.paid_on.isoformat(),
        "invoice": to_protocol(booking.invoice),
    }


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {clean(key): _cleaned(inner) for key, inner in value.items()}
        case list():
            return [_cleaned(inner) for inner in value]
        case _:
            return value
