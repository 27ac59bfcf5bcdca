"""What this node knows of the ledger by heart: the last bookings of each chat that it wrote or read. Bounded."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from messages.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from invoices.book import Booking

BOOKINGS_A_CHAT_MAX: Final = 50
SIZE_BYTES_MAX: Final = 32 * 1024 * 1024
# What an entry costs beside its bytes.
_ENTRY_BYTES: Final = 300

_Kept = tuple[int, bytes]


class RecentBookings:
    """The newest of each chat, as bytes; the chats not met for longest go first."""

    def __init__(self, size_bytes_max: int = SIZE_BYTES_MAX, a_chat_max: int = BOOKINGS_A_CHAT_MAX) -> None:
        self._size_bytes_max = size_bytes_max
        self._a_chat_max = a_chat_max
        self._chats: OrderedDict[str, OrderedDict[str, _Kept]] = OrderedDict()
        self.size_bytes = 0

    def put(self, bookings: Iterable[Booking]) -> None:
        """Keep them; of one invoice, the greatest revision."""
        for booking in bookings:
            chat = self._chats.setdefault(booking.chat_id, OrderedDict())
            self._chats.move_to_end(booking.chat_id)
            there = chat.get(booking.invoice_id)
            if there is None or there[0] < booking.revision:
                self._drop(chat, booking.invoice_id)
                body = encode(booking)
                chat[booking.invoice_id] = (booking.revision, body)
                self.size_bytes += len(body) + _ENTRY_BYTES
            chat.move_to_end(booking.invoice_id)
            while len(chat) > self._a_chat_max:
                self._drop(chat, next(iter(chat)))
        while self.size_bytes > self._size_bytes_max:
            self.forget(next(iter(self._chats)))

    def of(self, chat_id: str) -> tuple[Booking, ...]:
        """What is known of a chat, the least recent first."""
        return tuple(decode(body) for _, body in self._chats.get(chat_id, {}).values())

    def all(self) -> Iterator[Booking]:
        """Everything."""
        for chat_id in list(self._chats):
            yield from self.of(chat_id)

    def forget(self, chat_id: str) -> None:
        """Nothing of this chat any more."""
        chat = self._chats.pop(chat_id, None)
        if chat is not None:
            for invoice_id in list(chat):
                self._drop(chat, invoice_id)

    def _drop(self, chat: OrderedDict[str, _Kept], invoice_id: str) -> None:
        kept = chat.pop(invoice_id, None)
        if kept is not None:
            self.size_bytes -= len(kept[1]) + _ENTRY_BYTES
