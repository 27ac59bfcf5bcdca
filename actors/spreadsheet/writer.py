"""The actor of the spreadsheet: writes the rows that wait together, at Google or in the local file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.drill import Drilled
from actors.logs import actor_logger
from actors.native_lane import Lane, LaneLate
from actors.spreadsheet.local_file import FILE_NAME, LocalSheet
from actors.spreadsheet.rows import key_named
from supervision.actor import GeventActor
from supervision.circuit_breaker import CircuitState
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node
    from actors.settings import SheetsSettings
    from actors.spreadsheet.google import GoogleSheet
    from invoices.book import Booking
    from supervision.actor import Reply
    from supervision.world import World

NAME: Final = "spreadsheet"
# Of its breaker.
SERVICE: Final = "spreadsheet"
# Google allows sixty writes a minute, and a batch is one or two of them.
BATCH_MAX: Final = 200
GOOGLE_S: Final = 15.0
FILE_S: Final = 15.0
# Where nothing waits for Google, rows come together for so long before they are written.
GATHER_S: Final = 0.05
GATHER_GOOGLE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class WriteRow:
    """Have this booking's row. Asked: the reply comes when it is written. by_s: monotonic."""

    booking: Booking
    by_s: float


@dataclass(frozen=True, slots=True)
class NoteRow:
    """Google is away: have the row of this booking in the file meanwhile. Nobody waits for it."""

    booking: Booking


@dataclass(frozen=True, slots=True)
class Flush:
    """Write what waits."""


class Spreadsheet:
    """The node's spreadsheet, kept through restarts of its actor."""

    def __init__(self, world: World, settings: SheetsSettings, path: Any) -> None:
        """path: of the local file."""
        self.settings = settings
        self.is_at_google = bool(settings.spreadsheet)
        self.path = path
        # Google did not take the last rows.
        self.is_away = False
        self._file: Lane[LocalSheet] = Lane(world, "sheet-file", lambda: LocalSheet(path))
        self._google: Lane[GoogleSheet] = Lane(world, "sheet-google", self._connect)

    def _connect(self) -> GoogleSheet:
        try:
            from actors.spreadsheet.google import GoogleSheet
        except ImportError as error:
            from actors.effects.target import Misconfigured

            raise Misconfigured(
                "[sheets] names a spreadsheet at Google, whose client is not installed: pip install unfailing[sheets]"
            ) from error
        return GoogleSheet(self.settings)

    @property
    def goes_to(self) -> str:
        """Where rows go now, for operators."""
        if not self.is_at_google:
            return "file"
        return "file, waiting for Google" if self.is_away else "Google"

    def put(self, bookings: list[Booking]) -> int:
        """Write rows at Google; how many were not there yet. Raises what gspread and `requests` raise, LaneLate."""
        return self._google.run(lambda sheet: sheet.put(bookings, GOOGLE_S), GOOGLE_S + 1.0)

    def put_in_file(self, bookings: list[Booking]) -> tuple[str, ...]:
        """Write rows in the file; what had to be mended. Raises OSError, LaneLate."""
        return self._file.run(lambda sheet: sheet.put(bookings), FILE_S)

    def revision_of(self, chat_id: str, invoice_id: str) -> int:
        """The revision that is shown where rows go; 0: none. Raises as `put`."""
        key = key_named(chat_id, invoice_id)
        if self.is_at_google:
            return self._google.run(lambda sheet: sheet.revision_of(key, GOOGLE_S), GOOGLE_S + 1.0)
        return self._file.run(lambda sheet: sheet.revision_of(key), FILE_S)

    def forget(self, chat_id: str) -> None:
        """Take a chat's rows out of the local file. Google's are the operator's own. Raises OSError, LaneLate."""
        self._file.run(lambda sheet: sheet.forget(key_named(chat_id, "")), FILE_S)

    def close(self) -> None:
        """Let the connections go. Raises LaneLate."""
        self._google.close()
        self._file.close()


class SheetWriter(GeventActor):
    """One for each node."""

    on_failure_timeout_s: ClassVar[float | None] = 2.0

    def __init__(self, node: Node, sheet: Spreadsheet) -> None:
        """sheet: the node's, which outlives this actor."""
        super().__init__()
        self._node = node
        self._sheet = sheet
        self._waiting: list[tuple[WriteRow, Reply]] = []
        self._noted: list[Booking] = []
        self._flushes = False

    def on_start(self) -> None:
        """Be found."""
        self._log = actor_logger(self)
        self._node.names[NAME] = self.actor_ref

    def on_receive(self, message: Any) -> Any:
        """Gather rows, or write them."""
        match message:
            case WriteRow():
                self._waiting.append((message, self.defer_reply()))
            case NoteRow():
                self._noted.append(message.booking)
            case Flush():
                self._flushes = False
                self._flush()
            case _:
                return super().on_receive(message)
        if not self._flushes and (self._waiting or self._noted):
            self._flushes = True
            self.send_after(GATHER_GOOGLE_S if self._sheet.is_at_google else GATHER_S, Flush())
        return None

    def _flush(self) -> None:
        now_s = self.world.now()
        batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
        noted, self._noted = self._noted, []
        for row, reply in batch:
            if row.by_s <= now_s:
                reply.fail(LaneLate("the row waited too long to be begun"))
        in_time = [(row, reply) for row, reply in batch if row.by_s > now_s]
        bookings = [row.booking for row, _ in in_time]
        error: Exception | None = None
        if not self._sheet.is_at_google:
            error = self._in_file([*bookings, *noted])
        elif bookings:
            error = self._at_google(bookings)
            noted += bookings if error is not None else []
        if self._sheet.is_at_google and noted:
            self._in_file(noted)
        for _, reply in in_time:
            reply.set(None) if error is None else reply.fail(error)

    def _at_google(self, bookings: list[Booking]) -> Exception | None:
        try:
            self._sheet.put(bookings)
        except Drilled:
            raise
        except Exception as error:  # noqa: BLE001 - it goes to those who asked, who classify it
            if not self._sheet.is_away:
                self._sheet.is_away = True
                self._log.warning(
                    "Google Sheets is away", reason=f"{type(error).__name__}: {error}"[:300],
                    next=f"rows are written to {self._sheet.path.name} meanwhile, and wait for Google as well",
                )  # fmt: skip
            return error
        if self._sheet.is_away:
            self._sheet.is_away = False
            self._log.info("Google Sheets is back", next="what waits is written there")
        return None

    def _in_file(self, bookings: list[Booking]) -> Exception | None:
        try:
            for said in self._sheet.put_in_file(bookings):
                self._log.error("the spreadsheet's file was replaced", detail=said, next="look at the one that is kept")
        except Drilled:
            raise
        except Exception as error:  # noqa: BLE001 - the same
            self._log.warning("the spreadsheet's file cannot be written", file=str(self._sheet.path), reason=str(error))
            return error
        return None


def sheet_of(node: Node) -> Spreadsheet:
    """The node's spreadsheet, made on first use."""
    if node.sheet is None:
        node.sheet = Spreadsheet(node.world, node.settings.sheets, node.paths.root / FILE_NAME)
    return node.sheet


def note_while_away(node: Node, booking: Booking) -> None:
    """Have the row in the local file when Google's breaker lets nothing pass; it waits in the outbox all the same."""
    breaker = node.effect_breakers.get(SERVICE)
    if breaker is None or breaker.state is CircuitState.CLOSED or not sheet_of(node).is_at_google:
        return
    writer = node.whereis(NAME)
    if writer is not None:
        writer.tell(NoteRow(booking))


def supervised(node: Node) -> ChildSpec:
    """The node's writer."""
    return ChildSpec(id=NAME, start=partial(SheetWriter.start, node, sheet_of(node)), shutdown_s=3.0)
