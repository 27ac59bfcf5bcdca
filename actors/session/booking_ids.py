"""The id of an invoice in the books: short, and the same however often its turn is run."""

import hashlib
from typing import Final

ID_BYTES: Final = 8


def invoice_id_of(chat_id: str, message_id: str, place: int) -> str:
    """place: of the invoice in its message, from zero."""
    named = f"{chat_id}\n{message_id}\n{place}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(named, digest_size=ID_BYTES, person=b"invoice").hexdigest()
