"""The ledger as the relay sees it: an effect's booking is booked under its key and revision, once and in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.effects.asking_writers import ask_writer
from actors.effects.target import Misconfigured
from actors.ledger.ledger import Ledger
from actors.ledger.problems import DriverMissing, LedgerNotOpen, LedgerTooNew
from actors.ledger.rows import booking_of_effect
from actors.ledger.writer import BATCH_MAX, NAME, SERVICE, Record, ledger_of
from actors.spreadsheet.writer import note_while_away

if TYPE_CHECKING:
    from actors.effects.records import Effect
    from actors.effects.target import BreakerKind, Delivery
    from actors.node import Node


class LedgerTarget:
    """Performs effects of target "ledger"."""

    name: Final = "ledger"
    delivery: Final[Delivery] = "keyed"
    service: Final = SERVICE
    breaker_kind: Final[BreakerKind] = "database"
    policy: Final = "database"
    # What waits is booked in one transaction: the more at once, the fewer syncs.
    at_once_max: Final = BATCH_MAX

    def __init__(self, node: Node) -> None:
        """node: whose writer is asked, and whose ledger is read."""
        self._node = node
        self._ledger: Ledger = ledger_of(node)

    def perform(self, effect: Effect, deadline_s: float) -> None:
        """Book it. Raises NotDone, LaneLate, and what the database raises."""
        booking = booking_of_effect(effect)
        wanted = Record(booking, self._node.world.now() + deadline_s)
        try:
            ask_writer(self._node, NAME, wanted, deadline_s, LedgerNotOpen)
        except (LedgerTooNew, DriverMissing) as error:
            raise Misconfigured(str(error)) from error
        note_while_away(self._node, booking)

    def happened(self, effect: Effect) -> bool:
        """Whether this revision of it, or a later one, is booked. Raises what the database raises."""
        return self._ledger.revision_of(effect.chat_id, effect.key) >= effect.revision
