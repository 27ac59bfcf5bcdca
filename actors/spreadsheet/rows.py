"""A booking as a row of the spreadsheet. Pure.

The first two columns are the row's own: its key, under which it is found again, and the revision it shows. A deleted
booking keeps its row, whose revision holds back what came before and arrives later.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from invoices.export.csv_file import text_of
from invoices.export.export_file import COLUMNS, Cell, cells_of, clean, plain_number

if TYPE_CHECKING:
    from invoices.book import Booking

KEY, REVISION, STATE = "key", "revision", "state"
HEADER: Final = (KEY, REVISION, STATE, "chat_id", *(name for name, _ in COLUMNS))
# Beyond so many digits a spreadsheet's numbers are not exact, so the amount is written as text.
_DIGITS_MAX: Final = 15
# Google's limit for one cell.
TEXT_CHARS_MAX: Final = 50_000


def key_of(booking: Booking) -> str:
    """The row's key: invoice ids are unique within a chat."""
    return key_named(booking.chat_id, booking.invoice_id)


def key_named(chat_id: str, invoice_id: str) -> str:
    """The key of a booking that is named so."""
    return clean(f"{chat_id}/{invoice_id}").replace("\r", " ").replace("\n", " ")


def cells(booking: Booking) -> tuple[Cell, ...]:
    """The values under HEADER."""
    state = "deleted" if booking.is_deleted else "booked"
    return (key_of(booking), Decimal(booking.revision), state, clean(booking.chat_id), *cells_of(booking))


def as_text(booking: Booking) -> list[str]:
    """The row of a text file, in which no cell of a document is a formula."""
    key, _, *rest = cells(booking)
    return [text_of(key), str(booking.revision), *map(text_of, rest)]


def as_json(booking: Booking) -> list[str | float | bool]:
    """The row as Google takes it with RAW, which computes nothing: texts are texts, whatever they begin with."""
    return [_raw(cell) for cell in cells(booking)]


def _raw(cell: Cell) -> str | float | bool:
    match cell:
        case None:
            return ""
        case Decimal():
            return float(cell) if len(cell.as_tuple().digits) <= _DIGITS_MAX else plain_number(cell)
        case dt.date():
            return cell.isoformat()
        case str():
            return cell[:TEXT_CHARS_MAX]
        case bool():
            return cell
