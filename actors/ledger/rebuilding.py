"""What else this node knows of the ledger: the bookings among the effects that its own files keep of recent turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.effects.records import Effect
from actors.effects.target import NotDone
from actors.ledger.rows import booking_of_effect
from messages.codec import decode
from messages.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from actors.node import Node
    from invoices.book import Booking

TARGET: Final = "ledger"
_PAGE_CHATS: Final = 100
_READ_S: Final = 10.0


def bookings_in_files(node: Node) -> Iterator[list[Booking]]:
    """Every booking that the recent turns of this node's chats have made, a page of chats at a time.

    To be put into the ledger in any order and again. Waits for the file's thread. Raises what the file raises.
    """
    layer, after = node.files, ""
    while chats := layer.call(layer.files.keys, after, _PAGE_CHATS, timeout_s=_READ_S):
        found = layer.call(layer.files.find_all, chats, timeout_s=_READ_S)
        yield list(_bookings(raw for one in found for turn in one.turns for raw in turn.effects))
        after = chats[-1]


def _bookings(effects: Iterable[bytes]) -> Iterator[Booking]:
    for raw in effects:
        try:
            effect = decode(raw)
            if isinstance(effect, Effect) and effect.target == TARGET:
                yield booking_of_effect(effect)
        except (CodecError, NotDone):
            # What is no effect, or carries no booking, was a dead letter when it was performed.
            continue
