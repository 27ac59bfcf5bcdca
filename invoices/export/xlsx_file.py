"""Bookings as a spreadsheet of Excel's: typed cells, a sheet of the invoices and one of their lines."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import xlsxwriter  # type: ignore[import-untyped]

from invoices.export.export_file import COLUMNS, Cell, ExportFile, cells_of, clean, plain_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoices.book import Booking

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LINE_COLUMNS: Final = (
    "invoice_id", "number", "line", "description", "quantity", "unit_price", "net", "tax_rate", "currency",
)  # fmt: skip
# A cell's number is a double: beyond these digits it would be another, so such a number is written as text.
_DIGITS_MAX: Final = 15
_CELL_CHARS_MAX: Final = 32_767
_FIRST_YEAR: Final = 1901
_PLACES_MIN: Final = 2
# The file says when it was made, which would make every export another file.
_MADE_AT: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None)


def xlsx_of(bookings: Sequence[Booking]) -> ExportFile:
    """A workbook; no text in it is ever a formula or a link."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(buffer, options)
    book.set_properties({"created": _MADE_AT})
    invoices = _Sheet(book, "Invoices", [name for name, _ in COLUMNS])
    lines = _Sheet(book, "Lines", LINE_COLUMNS)
    for booking in bookings:
        invoices.add(cells_of(booking))
        for cells in _lines_of(booking):
            lines.add(cells)
    book.close()
    return ExportFile("invoices.xlsx", MEDIA_TYPE, buffer.getvalue())


def _lines_of(booking: Booking) -> list[tuple[Cell, ...]]:
    invoice = booking.invoice
    return [
        (
            booking.invoice_id, invoice.number, Decimal(number), line.description, line.quantity, line.unit_price,
            line.net, line.tax_rate, invoice.currency,
        )
        for number, line in enumerate(invoice.lines, 1)
    ]  # fmt: skip


class _Sheet:
    """One table that grows downwards."""

    def __init__(self, book: Any, name: str, columns: Sequence[str]) -> None:
        self._sheet = book.add_worksheet(name)
        self._date = book.add_format({"num_format": "yyyy-mm-dd"})
        self._amount = book.add_format({"num_format": "#,##0.00######"})
        self._number = book.add_format({"num_format": "0.########"})
        self._amounts = {index for index, column in enumerate(columns) if column in _AMOUNTS}
        self._rows = 1
        self._sheet.write_row(0, 0, columns, book.add_format({"bold": True}))
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(columns) - 1, 16)

    def add(self, cells: Sequence[Cell]) -> None:
        """One row more."""
        for column, cell in enumerate(cells):
            self._write(column, cell)
        self._rows += 1

    def _write(self, column: int, cell: Cell) -> None:
        match cell:
            case None:
                return
            case bool():
                self._sheet.write_boolean(self._rows, column, cell)
            case Decimal() if _is_exact(cell):
                shown = self._amount if column in self._amounts else self._number
                self._sheet.write_number(self._rows, column, float(cell), shown)
            case Decimal():
                self._sheet.write_string(self._rows, column, plain_number(cell, _PLACES_MIN)[:_CELL_CHARS_MAX])
            case dt.date() if cell.year >= _FIRST_YEAR:
                moment = dt.datetime.combine(cell, dt.time())
                self._sheet.write_datetime(self._rows, column, moment, self._date)
            case dt.date():
                self._sheet.write_string(self._rows, column, cell.isoformat())
            case str():
                self._sheet.write_string(self._rows, column, clean(cell)[:_CELL_CHARS_MAX])


_AMOUNTS: Final = frozenset({"net", "tax", "gross", "payable", "unit_price"})


def _is_exact(number: Decimal) -> bool:
    return number.is_finite() and len(number.as_tuple().digits) <= _DIGITS_MAX and abs(number.adjusted()) <= _DIGITS_MAX
