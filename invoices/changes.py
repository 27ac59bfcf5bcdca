"""What a turn changes in the books, and what is to be said again later: from understanding to effects."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from invoices.book import Booking

ChangeKind: TypeAlias = Literal["invoice.recorded", "invoice.updated", "invoice.deleted"]


class Change(Struct, frozen=True):
    """One booking as it stands after the turn, whole: whoever has it needs none that came before."""

    kind: ChangeKind
    booking: Booking


class Reminding(Struct, frozen=True):
    """Something to say again at a time, or, with `at` None, not to say after all.

    key: what it is about; a later revision of the same key of a chat takes the place of an earlier one. at: ISO 8601
    with its offset.
    """

    key: str
    revision: int
    at: str | None
    text: str = ""


def booking_to_plain(booking: Booking) -> dict[str, Any]:
    """The booking as a map of str, int, None, lists and maps; nothing is lost."""
    plain: dict[str, Any] = msgspec.to_builtins(booking)
    return plain


def booking_from_plain(plain: object) -> Booking:
    """The booking back. Raises ValueError (msgspec.ValidationError) when it is none."""
    return msgspec.convert(plain, type=Booking)
