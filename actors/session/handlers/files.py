"""Invoices as a file: spreadsheet, CSV, JSON or UBL, in the reply itself, bounded.

Which ones is decided in the turn; the file is made after it and beside everybody else, since a spreadsheet of hundreds
takes a fifth of a second. `produced` is pure: run again, it makes the same bytes.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from actors.session.handlers import queries
from actors.session.handlers.which import bookings_meant
from actors.session.work import Said
from invoices.export import ExportFormat, export
from invoices.intents import Intent
from messages.light import light_record
from messages.saying import phrases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.session.work import Work
    from invoices.book import Booking
    from messages.codec import Json

FILE_BYTES_MAX: Final = 1024 * 1024
EXPORTED_MAX: Final = 1000
DEFAULT_FORMAT: Final = "csv"
_NAMES: Final = {"csv": "CSV", "xlsx": "Excel", "json": "JSON", "ubl": "UBL"}


def export_file(work: Work, intent: Intent) -> Said:
    """The invoices that are named, or those of the last question, as one file."""
    found = _wanted(work, intent)
    if found is None or len(found) > EXPORTED_MAX:
        return Said(work.say.say("export_too_large"))
    if not found:
        return Said(work.say.say("found_none"))
    kind = intent.format or DEFAULT_FORMAT
    work.file = FileWanted(found, kind)
    return Said(work.say.say("exported", len(found), format=_NAMES[kind]))


@light_record
class FileWanted:
    """A file that goes with a reply and is still to be made."""

    bookings: tuple[Booking, ...]
    format: ExportFormat


def produced(wanted: FileWanted) -> Mapping[str, Json] | None:
    """The file as a reply's data carries it, to be called beside the hub; None when it is too large for one."""
    file = export(wanted.bookings, wanted.format)
    if len(file.content) > FILE_BYTES_MAX:
        return None
    content = base64.b64encode(file.content).decode("ascii")
    return {"files": [{"name": file.name, "media_type": file.media_type, "content_base64": content}]}


def without_file(language: str | None, *, is_possible: bool) -> str:
    """What is said in place of a file that is too large, or cannot be made."""
    return phrases(language).say("export_too_large" if is_possible else "export_not_possible")


def _wanted(work: Work, intent: Intent) -> tuple[Booking, ...] | None:
    if intent.number is not None or intent.ordinal is not None or intent.invoice_id is not None:
        return tuple(it for it in bookings_meant(work, intent) if not it.is_deleted)
    has_filter = intent.supplier is not None or intent.period is not None or intent.amount_min is not None
    if has_filter or intent.amount_max is not None or intent.is_paid is not None or intent.reference == "all":
        return queries.matching(work, intent)
    if intent.reference == "last" or (intent.reference == "it" and not work.state.listed):
        return bookings_meant(work, intent)
    if work.state.last_query is not None and (intent.reference == "it" or intent.format is not None):
        try:
            before = msgspec.convert(work.state.last_query, Intent)
        except msgspec.ValidationError:
            before = intent
        return queries.matching(work, replace(before, format=intent.format))
    return queries.matching(work, intent)
