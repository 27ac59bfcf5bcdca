"""What every kind of exported file has, and the columns that the tables share."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from msgspec import Struct

from invoices.book import Booking

Cell = str | Decimal | dt.date | bool | None

# Half of a surrogate pair cannot be written in UTF-8, and files of tables and XML take no control characters.
_NOT_WRITTEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class ExportFile(Struct, frozen=True):
    """A file to be handed out: its name, its media type and its bytes."""

    name: str
    media_type: str
    content: bytes


def clean(text: str) -> str:
    """The text without what no file can carry: control characters and halves of surrogate pairs."""
    return _NOT_WRITTEN.sub("\ufffd", text)


Column = tuple[str, Callable[[Booking], Cell]]

COLUMNS: Final[tuple[Column, ...]] = (
    ("number", lambda booking: booking.invoice.number),
    ("type", lambda booking: booking.invoice.type),
    ("issue_date", lambda booking: booking.invoice.issue_date),
    ("due_date", lambda booking: booking.invoice.due_date),
    ("seller_name", lambda booking: booking.invoice.seller.name),
    ("seller_vat_id", lambda booking: booking.invoice.seller.vat_id),
    ("buyer_name", lambda booking: booking.invoice.buyer.name),
    ("buyer_vat_id", lambda booking: booking.invoice.buyer.vat_id),
    ("currency", lambda booking: booking.invoice.currency),
    ("net", lambda booking: booking.invoice.net),
    ("tax", lambda booking: booking.invoice.tax),
    ("gross", lambda booking: booking.invoice.gross),
    ("payable", lambda booking: booking.invoice.payable),
    ("iban", lambda booking: booking.invoice.iban),
    ("is_paid", lambda booking: booking.is_paid),
    ("paid_on", lambda booking: booking.paid_on),
    ("warnings", lambda booking: ", ".join(dict.fromkeys(warning.code for warning in booking.invoice.warnings))),
    ("file_name", lambda booking: booking.file_name),
    ("recorded_at", lambda booking: booking.recorded_at),
    ("invoice_id", lambda booking: booking.invoice_id),
)


def cells_of(booking: Booking) -> tuple[Cell, ...]:
    """The values of COLUMNS, texts cleaned."""
    cells = (value(booking) for _, value in COLUMNS)
    return tuple(clean(cell) if isinstance(cell, str) else cell for cell in cells)


def plain_number(value: Decimal, places_min: int = 0) -> str:
    """A number without exponent and grouping, with at least so many decimals: "1190.00"."""
    exponent = value.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return format(value, f".{max(places, places_min, 0)}f")
