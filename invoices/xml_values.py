"""Typed values from XML text: lenient on spelling, never guessing. What cannot be read becomes None and is noted."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Final

from invoices.xml_tree import Element, children, text

_DECIMAL: Final = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")
_ISO_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ].*|Z|[+-]\d{2}:\d{2})?")
_COMPACT_DATE: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2}){0,3}([+-]\d{4}|Z)?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class Unreadable:
    """Collects the names of values that were there and could not be read."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str]] = []

    def note(self, name: str, value: str) -> None:
        """Remember one value, at most 20 of them and 80 characters each."""
        if len(self.values) < 20:  # noqa: PLR2004 - enough for a person
            self.values.append((name, value[:80]))


def decimal(value: str | None, name: str, unreadable: Unreadable) -> Decimal | None:
    """An xs:decimal. A comma is no decimal point here: XML has only one notation, and a guess could be wrong."""
    if value is None:
        return None
    if not _DECIMAL.fullmatch(value):
        unreadable.note(name, value)
        return None
    return Decimal(value)


def date(value: str | None, name: str, unreadable: Unreadable) -> dt.date | None:
    """An xs:date or dateTime, or a date in the formats 102, 203 and 204 of UNTDID 2379."""
    if value is None:
        return None
    match = _ISO_DATE.fullmatch(value) or _COMPACT_DATE.fullmatch(value)
    if match:
        try:
            return dt.date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            pass
    unreadable.note(name, value)
    return None


def currency(value: str | None) -> str | None:
    """An ISO 4217 code in capitals, or None when the text cannot be one."""
    if value is None:
        return None
    code = value.strip().upper()
    return code if _CURRENCY.fullmatch(code) else None


def amount_in(parent: Element | None, path: str, wanted: str | None) -> str | None:
    """Text of the amount at a path in the wanted currency; the first one when none names that currency.

    A total may be given twice, in the currency of the invoice and in that of the tax authorities (BT-110, BT-111).
    """
    found = [element for element in children(parent, path) if (element.text or "").strip()]
    for element in found:
        if wanted is not None and (element.get("currencyID") or "").strip().upper() == wanted:
            return (element.text or "").strip()
    return text(parent, path) if found else None
