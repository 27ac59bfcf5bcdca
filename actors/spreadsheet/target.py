"""The spreadsheet as the relay sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.effects.asking_writers import ask_writer
from actors.ledger.rows import booking_of_effect
from actors.spreadsheet.writer import BATCH_MAX, NAME, SERVICE, Spreadsheet, WriteRow, sheet_of

if TYPE_CHECKING:
    from actors.effects.records import Effect
    from actors.effects.target import BreakerKind, Delivery
    from actors.node import Node


class SheetTarget:
    """Performs effects of target "sheet". It looks before it writes; the relay asks before it repeats."""

    name: Final = "sheet"
    service: Final = SERVICE
    policy: Final = "network"
    at_once_max: Final = BATCH_MAX

    def __init__(self, node: Node) -> None:
        """node: whose writer is asked."""
        self._node = node
        self._sheet: Spreadsheet = sheet_of(node)

    @property
    def delivery(self) -> Delivery:
        """A file shows what is in it; of Google nobody knows after an answer that was lost."""
        return "checkable" if self._sheet.is_at_google else "keyed"

    @property
    def breaker_kind(self) -> BreakerKind:
        """As for any service by HTTP, or for files."""
        return "external_api" if self._sheet.is_at_google else "file_service"

    def perform(self, effect: Effect, deadline_s: float) -> None:
        """Have its row. Raises NotDone, LaneLate, and what the client or the disk raises."""
        booking = booking_of_effect(effect)
        wanted = WriteRow(booking, self._node.world.now() + deadline_s)
        ask_writer(self._node, NAME, wanted, deadline_s, ConnectionError)

    def happened(self, effect: Effect) -> bool:
        """Whether its row shows this revision, or a later one. Raises what the client or the disk raises."""
        return self._sheet.revision_of(effect.chat_id, effect.key) >= effect.revision
