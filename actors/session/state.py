"""What a session remembers: whom it talks to, the last messages, the invoices in progress, and what is asked."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from actors.session.booking_ids import invoice_id_of
from actors.session.stamped import stamped, unstamped
from invoices.book import Booking
from invoices.intents import FieldName
from invoices.invoice import Invoice
from messages.codec import Fields, Json, decode, encode, record
from messages.errors import CodecError

MESSAGES_MAX: Final = 20
SAID_CHARS_MAX: Final = 1000
WAITING_MAX: Final = 20
RECENT_MAX: Final = 10
UNSETTLED_MAX: Final = 200
LISTED_MAX: Final = 50
SUPPLIERS_MAX: Final = 40
SNAPSHOT_BYTES_MAX: Final = 256 * 1024


@record(tag=20, version=1)
class Said(Struct, frozen=True, gc=False):
    """One line of the conversation, clipped."""

    by: Literal["person", "agent"]
    text: Annotated[str, Meta(max_length=SAID_CHARS_MAX)]


@record(tag=23, version=1)
class Waiting(Struct, frozen=True):
    """An invoice that was read or told and is not booked: something about it is to be said first."""

    invoice_id: str
    invoice: Invoice
    message_id: str
    file_name: str
    content_digest: str
    at: str


@record(tag=24, version=1)
class Asked(Struct, frozen=True):
    """The question the agent has asked last, and what its answer is about.

    about: field: which value is right; delete: whether to; do: whether to do what a model understood; which: which of
    several; when: on which day to remind. intent: what is done with the answer, as plain data.
    """

    about: Literal["field", "delete", "do", "which", "when"]
    invoice_ids: tuple[str, ...] = ()
    field: FieldName | None = None
    intent: Mapping[str, Json] | None = None


def _with_books(fields: Fields) -> Fields:
    """Version 1 knew invoices that were read and booked nowhere: they wait to be saved."""
    waiting = [
        {
            "invoice_id": invoice_id_of(fields.get("chat_id", ""), known.get("message_id", ""), place),
            "invoice": known.get("invoice") or {},
            "message_id": known.get("message_id", ""),
            "file_name": known.get("file_name", ""),
            "content_digest": "",
            "at": known.get("at", ""),
        }
        for place, known in enumerate(fields.get("invoices", ()))
    ]
    kept = {name: value for name, value in fields.items() if name != "invoices"}
    return {**kept, "waiting": waiting[-WAITING_MAX:]}


@record(tag=22, version=2, upcasters={1: _with_books})
class SessionState(Struct, frozen=True):
    """A session, without its turn and version: those are the store's, which gives numbers out while turns run.

    waiting: invoices that are not booked, the one asked about first. unsettled: bookings of this session that the
    ledger has not shown yet. recent: the last ones that it has. focus: the invoice being talked about ("it"). listed:
    the last list, in its order. last_query: the last question about several, as a plain Intent. revisions: how often
    reminders were set.
    """

    chat_id: str
    user_id: str
    created_at: str
    updated_at: str
    language: str | None = None
    messages: tuple[Said, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    asked: Asked | None = None
    unsettled: tuple[Booking, ...] = ()
    recent: tuple[Booking, ...] = ()
    focus: str | None = None
    listed: tuple[str, ...] = ()
    last_query: Mapping[str, Json] | None = None
    suppliers: tuple[str, ...] = ()
    is_language_set: bool = False
    currency: str | None = None
    reminder_days: int | None = None
    revisions: int = 0

    def with_exchange(
        self, person: str, agent: str, at: str, *, user_id: str | None = None, language: str | None = None
    ) -> "SessionState":
        """Remember one exchange, and who spoke in which language if that is given; the oldest are forgotten."""
        said = (*self.messages, Said("person", person[:SAID_CHARS_MAX]), Said("agent", agent[:SAID_CHARS_MAX]))
        return replace(
            self, user_id=user_id or self.user_id, updated_at=at, language=language or self.language,
            messages=said[-MESSAGES_MAX:],
        )  # fmt: skip

    def with_waiting(self, *waiting: Waiting) -> "SessionState":
        """Remember invoices that are to be saved; the oldest are forgotten."""
        return replace(self, waiting=(*self.waiting, *waiting)[-WAITING_MAX:])

    def without_waiting(self, invoice_id: str) -> "SessionState":
        """One of them is settled."""
        left = tuple(each for each in self.waiting if each.invoice_id != invoice_id)
        asked = None if self.asked is not None and self.asked.invoice_ids == (invoice_id,) else self.asked
        return replace(self, waiting=left, asked=asked)

    def with_booking(self, booking: Booking) -> "SessionState":
        """Remember what the ledger is to have, the newest last."""
        others = tuple(each for each in self.unsettled if each.invoice_id != booking.invoice_id)
        name = booking.invoice.seller.name
        suppliers = (*(each for each in self.suppliers if each != name), name) if name else self.suppliers
        return replace(self, unsettled=(*others, booking)[-UNSETTLED_MAX:], suppliers=suppliers[-SUPPLIERS_MAX:])

    def settled(self, found: Mapping[str, int]) -> "SessionState":
        """Let go of what the ledger has. found: revisions it shows, by invoice id."""
        done = {it.invoice_id for it in self.unsettled if found.get(it.invoice_id, 0) >= it.revision}
        if not done:
            return self
        settled = tuple(_figures_of(each) for each in self.unsettled if each.invoice_id in done)
        kept = tuple(each for each in self.recent if each.invoice_id not in done)
        return replace(
            self,
            unsettled=tuple(each for each in self.unsettled if each.invoice_id not in done),
            recent=(*kept, *(each for each in settled if not each.is_deleted))[-RECENT_MAX:],
        )

    def remembered(self) -> dict[str, Booking]:
        """Every booking this session knows by itself, by id; those that are not settled stand."""
        return {each.invoice_id: each for each in (*self.recent, *self.unsettled)}


def _figures_of(booking: Booking) -> Booking:
    """What answers need while the ledger is away; the ledger has the rest."""
    bare = dataclasses.replace(booking.invoice, lines=(), taxes=(), fields={}, warnings=())
    return replace(booking, invoice=bare)


def snapshot_of(state: SessionState) -> bytes:
    """The bytes kept in the store, at most SNAPSHOT_BYTES_MAX.

    A session that has grown beyond is compacted: what can be asked of the ledger goes first, then the conversation,
    then the bookings on their way to it, and of invoices that wait the lines, and the oldest.
    """
    raw = stamped(encode(state))
    while len(raw) > SNAPSHOT_BYTES_MAX:
        state = _smaller(state)
        raw = stamped(encode(state))
    return raw


def _smaller(state: SessionState) -> SessionState:
    if state.recent:
        return replace(state, recent=())
    if state.messages:
        return replace(state, messages=())
    if state.unsettled:
        # Their effects are in the outbox, whole.
        return replace(state, unsettled=state.unsettled[(len(state.unsettled) + 1) // 2 :])
    if any(each.invoice.lines for each in state.waiting):
        return replace(state, waiting=tuple(_draft_without_lines(each) for each in state.waiting))
    if len(state.waiting) > 1:
        return replace(state, waiting=state.waiting[len(state.waiting) // 2 :])
    return SessionState(state.chat_id, state.user_id, state.created_at, state.updated_at, state.language)


def _draft_without_lines(draft: Waiting) -> Waiting:
    return replace(draft, invoice=dataclasses.replace(draft.invoice, lines=()))


def state_from(raw: bytes) -> SessionState:
    """Rehydrate a session. Raises CodecError, carrying the bytes, when they are no snapshot of a session."""
    state: Any = decode(unstamped(raw))
    if not isinstance(state, SessionState):
        raise CodecError(f"a {type(state).__qualname__} is no session", raw)
    return state
