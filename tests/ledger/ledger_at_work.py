"""A node's ledger with its writer, and bookings performed as the relay does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from bookings_made import CHAT, effect_of

from actors.ledger import asking, writer
from actors.ledger.target import LedgerTarget
from actors.node import Node
from actors.node_directory import node_paths
from actors.settings import LedgerSettings, Settings
from invoices.book import BookAway, BookQuery
from supervision import world as world_module
from supervision.error_classification import error_classifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from invoices.book import Booking

DEADLINE_S = 10.0
RECENT = BookQuery()


@contextlib.contextmanager
def running(folder: Path, url: str = "") -> Iterator[tuple[Node, LedgerTarget]]:
    """A node's ledger with its writer, as the tree has it, and the relay's view of it."""
    settings = Settings(ledger=LedgerSettings(url))
    node = Node(settings, node_paths(folder), "node-1", "1-a", world_module.current())
    node.is_listening = True
    ref = writer.supervised(node).start()
    try:
        yield node, LedgerTarget(node)
    finally:
        ref.stop(timeout=20.0)
        writer.ledger_of(node).close()


def book(target: LedgerTarget, *bookings: Booking, within_s: float = 60.0) -> int:
    """Perform the effects of these bookings as the relay does, again after each failure; how many failures."""
    failures = 0
    with gevent.Timeout(within_s):
        for booking in bookings:
            while True:
                try:
                    target.perform(effect_of(booking), DEADLINE_S)
                    break
                except Exception as error:  # noqa: BLE001 - judged as the relay judges it
                    assert error_classifier.classify(error.__cause__ or error).is_retryable, error
                    failures += 1
                    gevent.sleep(0.1)
    return failures


def ids_in(node: Node) -> set[str]:
    """What the ledger has of the chat."""
    return {booking.invoice_id for booking in asking.book_of(node, CHAT).find(RECENT)}


def found_at_last(node: Node) -> set[str]:
    """The same, asked until the ledger answers."""
    with gevent.Timeout(30.0):
        while True:
            with contextlib.suppress(BookAway):
                return ids_in(node)
            gevent.sleep(0.05)
