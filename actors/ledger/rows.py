"""A booking as a row of the ledger and back: what is kept to be searched beside the booking's own bytes. Pure.

The bytes are what stands; the other columns are made of them, so that a column may be added or changed by making all
rows anew.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from actors.effects.target import NotDone
from invoices.book import Booking, folded
from invoices.changes import booking_from_plain
from messages.codec import decode, encode
from messages.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from actors.effects.records import Effect

KEY_CHARS_MAX: Final = 200
_DIGEST_BYTES: Final = 16
# Decimal's own bounds of an adjusted exponent are wider than any amount; five digits hold what a document can write.
_EXPONENT_OFFSET: Final = 50_000


class FileMalformed(Exception):  # noqa: N818 - what is the case
    """What stands in the ledger is not what was written there."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the ledger's database image is malformed: {why}")


class RowDamaged(FileMalformed):
    """A row of the ledger is not what was written there."""

    def __init__(self, chat_id: str, invoice_id: str, why: str) -> None:
        super().__init__(f"row {invoice_id!r} of chat {chat_id!r}: {why}")


def row_of(booking: Booking) -> dict[str, Any]:
    """Every column of a booking's row."""
    invoice = booking.invoice
    body = encode(booking)
    return {
        "chat_id": clean(booking.chat_id),
        "invoice_id": clean(booking.invoice_id),
        "revision": booking.revision,
        "number": key_of((invoice.number or "").casefold()),
        "supplier": clean(folded(invoice.seller.name or "")),
        "seller_vat_id": None if invoice.seller.vat_id is None else clean(invoice.seller.vat_id),
        "content_digest": clean(booking.content_digest),
        "issue_date": invoice.issue_date,
        "due_date": invoice.due_date,
        "currency": None if invoice.currency is None else clean(invoice.currency),
        "type": invoice.type,
        "net": invoice.net,
        "tax": invoice.tax,
        "gross": invoice.gross,
        "size": None if invoice.gross is None else size_key(invoice.gross),
        "is_paid": booking.is_paid,
        "is_deleted": booking.is_deleted,
        "recorded_at": clean(booking.recorded_at),
        "updated_at": clean(booking.updated_at),
        "body": body,
        "body_digest": digest_of(body),
    }


def booking_of(row: Mapping[str, Any]) -> Booking:
    """The booking of a row with `chat_id`, `invoice_id`, `body` and `body_digest`. Raises RowDamaged."""
    body = bytes(row["body"])
    if digest_of(body) != bytes(row["body_digest"]):
        raise RowDamaged(row["chat_id"], row["invoice_id"], "its checksum does not fit")
    try:
        booking = decode(body)
    except CodecError as error:
        raise RowDamaged(row["chat_id"], row["invoice_id"], error.detail) from error
    if not isinstance(booking, Booking):
        raise RowDamaged(row["chat_id"], row["invoice_id"], f"it is a {type(booking).__name__}")
    return booking


def booking_of_effect(effect: Effect) -> Booking:
    """The booking that an effect carries. Raises NotDone for a payload that is none."""
    try:
        return booking_from_plain(effect.payload["booking"])
    except (KeyError, ValueError) as error:
        raise NotDone("the effect carries no booking") from error


def digest_of(body: bytes) -> bytes:
    """What shows that the bytes are those that were written: neither database notices every flipped bit."""
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()


def clean(text: str) -> str:
    """Text as PostgreSQL takes it: with the picture of a NUL in place of one. What is found is matched again."""
    return text.replace("\0", "␀")


def key_of(text: str) -> str:
    """Text to be compared as a whole; of a long one a digest, since an index takes no more than 2,700 bytes."""
    if len(text) <= KEY_CHARS_MAX:
        return clean(text)
    return f"blake2b:{hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()}"


def size_key(amount: Decimal) -> str:
    """A text for each amount without its sign, whose order is the order of the amounts; equal amounts have one text.

    The adjusted exponent in five digits, then the digits without the zeros at their end. Exact for every finite
    Decimal, where a column of floats would not be and SQLite has none for decimals.
    """
    _, digits, exponent = abs(amount).as_tuple()
    written = "".join(map(str, digits)).lstrip("0")
    if not written or not isinstance(exponent, int):
        return ""
    adjusted = len(written) - 1 + exponent
    return f"{adjusted + _EXPONENT_OFFSET:05d}{written.rstrip('0')}"
