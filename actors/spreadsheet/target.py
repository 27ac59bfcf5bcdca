"""The spreadsheet as the relay sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pykka

from actors.drill import Drilled
from actors.effects.target import NotDone
from actors.ledger.rows import booking_of_effect
from actors.native_lane import LaneHangs, LaneLate
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
        writer = self._node.whereis(NAME)
        if writer is None:
            raise NotDone("the spreadsheet's writer is being restarted") from ConnectionError("no writer")
        try:
            writer.ask(WriteRow(booking, self._node.world.now() + deadline_s), timeout=deadline_s)
        except pykka.Timeout:
            raise LaneLate(f"the row was not written within {deadline_s:g} s") from None
        except (pykka.ActorDeadError, Drilled) as error:
            raise ConnectionError("the spreadsheet's writer has ended meanwhile; the row may be written") from error
        except LaneHangs as error:
            raise NotDone(str(error)) from error

    def happened(self, effect: Effect) -> bool:
        """Whether its row shows this revision, or a later one. Raises what the client or the disk raises."""
        return self._sheet.revision_of(effect.chat_id, effect.key) >= effect.revision
