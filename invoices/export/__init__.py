"""Bookings as a file that a person takes elsewhere: CSV, XLSX, JSON, or UBL 2.1 as EN 16931 binds it.

Pure: the same bookings give the same bytes, in the order in which they are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, assert_never

from invoices.export.csv_file import csv_of
from invoices.export.export_file import ExportFile
from invoices.export.json_file import json_of
from invoices.export.ubl_file import ubl_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from invoices.book import Booking

__all__ = ["FORMATS", "ExportFile", "ExportFormat", "export"]

ExportFormat = Literal["csv", "xlsx", "json", "ubl"]
FORMATS: Final[tuple[ExportFormat, ...]] = ("csv", "xlsx", "json", "ubl")


def export(bookings: Sequence[Booking], format: ExportFormat) -> ExportFile:  # noqa: A002 - what a person calls it
    """One file with all of the bookings. UBL has one document a file, so several of them come in a zip archive."""
    match format:
        case "csv":
            return csv_of(bookings)
        case "xlsx":
            # The writer is loaded by the first who wants such a file.
            from invoices.export.xlsx_file import xlsx_of

            return xlsx_of(bookings)
        case "json":
            return json_of(bookings)
        case "ubl":
            return ubl_of(bookings)
        case _:
            assert_never(format)
