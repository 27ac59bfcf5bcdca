"""Bookings as CSV by RFC 4180: a header, CRLF, quotes where they are needed, UTF-8 with a byte order mark.

The mark is what makes spreadsheet programs read the names right; a reader that minds it asks for "utf-8-sig". A text
that such a program would take for a formula begins with an apostrophe: a supplier's name must not compute anything.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from invoices.export.export_file import COLUMNS, Cell, ExportFile, cells_of, plain_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoices.book import Booking

# Source: OWASP, "CSV Injection"; the full-width forms are formulas to programs set to Japanese or Chinese.
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")  # noqa: RUF001
_PLACES_MIN: Final = 2


def csv_of(bookings: Sequence[Booking]) -> ExportFile:
    """One row a booking."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(name for name, _ in COLUMNS)
    writer.writerows([text_of(cell) for cell in cells_of(booking)] for booking in bookings)
    return ExportFile("invoices.csv", "text/csv", codecs.BOM_UTF8 + lines.getvalue().encode())


def text_of(cell: Cell) -> str:
    """The cell of a text file, harmless to every program that opens it."""
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case Decimal():
            return plain_number(cell, _PLACES_MIN)
        case dt.date():
            return cell.isoformat()
        case str():
            return harmless(cell)


def harmless(text: str) -> str:
    """The text so that no spreadsheet program computes it."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_BEGINS_A_FORMULA) else text
