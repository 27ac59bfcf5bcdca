"""How a conversation asks the ledger.

    book = book_of(node, chat_id)
    try:
        found = book.find(query)
    except BookAway:
        found = book.from_memory().find(query)     # to be said as such: it is what this node knows by heart

Of what a chat's own turns have changed and the ledger does not have yet, the ledger knows nothing: lay it over with
`invoices.book.overlay`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.ledger.ledger import FIND_S, Ledger
from actors.ledger.writer import SERVICE, ledger_of
from actors.spreadsheet.writer import sheet_of
from invoices.book import MemoryBook

if TYPE_CHECKING:
    from actors.ledger.statements import Total
    from actors.node import Node
    from invoices.book import Booking, BookQuery


class LedgerBook:
    """The `Book` of one chat."""

    def __init__(self, ledger: Ledger, chat_id: str, timeout_s: float = FIND_S) -> None:
        self._ledger = ledger
        self._chat_id = chat_id
        self._timeout_s = timeout_s

    def find(self, query: BookQuery) -> tuple[Booking, ...]:
        """The bookings that match, in the query's order. Waits up to timeout_s. Raises BookAway."""
        return self._ledger.find(self._chat_id, query, self._timeout_s)

    def totals(self, query: BookQuery) -> tuple[Total, ...]:
        """Exact sums over all that match, by currency and type, however many they are. Raises BookAway."""
        return self._ledger.totals(self._chat_id, query, self._timeout_s)

    def recent(self) -> tuple[Booking, ...]:
        """What this node knows by heart, the least recent first: its last writes and reads. Never raises."""
        return self._ledger.recent.of(self._chat_id)

    def from_memory(self) -> MemoryBook:
        """A book over `recent`, which may be behind and incomplete: what comes of it is to be said as such."""
        return MemoryBook(self.recent())


def book_of(node: Node, chat_id: str, timeout_s: float = FIND_S) -> LedgerBook:
    """A chat's book in the node's ledger; asking it waits up to timeout_s."""
    ledger = ledger_of(node)
    # The relay's, which fails fast for readers as well.
    ledger.breaker = node.effect_breakers.get(SERVICE)
    return LedgerBook(ledger, chat_id, timeout_s)


def recent(node: Node, chat_id: str) -> tuple[Booking, ...]:
    """What this node knows of a chat's bookings by heart. Never raises."""
    return ledger_of(node).recent.of(chat_id)


def forget_chat(node: Node, chat_id: str) -> int:
    """Delete every booking of a chat, in the file's copies and the local spreadsheet too; how many there were.

    Raises what the database and the disk raise; it may be repeated. Effects of the chat that are still in the outbox
    have to be gone before. Rows at Google are the operator's own.
    """
    count = ledger_of(node).forget(chat_id)
    sheet_of(node).forget(chat_id)
    return count
