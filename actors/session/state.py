"""What a session remembers: whom it talks to, the last messages, and the invoices in progress."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from messages.codec import Json, decode, encode, record
from messages.errors import CodecError

MESSAGES_MAX: Final = 20
SAID_CHARS_MAX: Final = 1000
INVOICES_MAX: Final = 20
SNAPSHOT_BYTES_MAX: Final = 256 * 1024


@record(tag=20, version=1)
class Said(Struct, frozen=True, gc=False):
    """One line of the conversation, clipped."""

    by: Literal["person", "agent"]
    text: Annotated[str, Meta(max_length=SAID_CHARS_MAX)]


@record(tag=21, version=1)
class KnownInvoice(Struct, frozen=True):
    """An invoice in progress: when and from which message and file it came, and its plain fields (`to_plain`)."""

    message_id: str
    file_name: str
    at: str
    invoice: Mapping[str, Json]


@record(tag=22, version=1)
class SessionState(Struct, frozen=True):
    """A session, without its turn and version: those are the store's, which gives numbers out while turns run."""

    chat_id: str
    user_id: str
    created_at: str
    updated_at: str
    language: str | None = None
    messages: tuple[Said, ...] = ()
    invoices: tuple[KnownInvoice, ...] = ()

    def with_exchange(
        self, person: str, agent: str, at: str, *, user_id: str | None = None, language: str | None = None
    ) -> "SessionState":
        """Remember one exchange, and who spoke in which language if that is given; the oldest are forgotten."""
        said = (*self.messages, Said("person", person[:SAID_CHARS_MAX]), Said("agent", agent[:SAID_CHARS_MAX]))
        return SessionState(
            self.chat_id, user_id or self.user_id, self.created_at, at, language or self.language,
            said[-MESSAGES_MAX:], self.invoices,
        )  # fmt: skip

    def with_invoices(self, *invoices: KnownInvoice) -> "SessionState":
        """Remember invoices, the newest last; the oldest are forgotten."""
        return replace(self, invoices=(*self.invoices, *invoices)[-INVOICES_MAX:])


def snapshot_of(state: SessionState) -> bytes:
    """The bytes kept in the store, at most SNAPSHOT_BYTES_MAX.

    A session that has grown beyond is compacted: its oldest invoices go first, then the conversation, and of one
    invoice that is too large by itself the lines.
    """
    raw = encode(state)
    while len(raw) > SNAPSHOT_BYTES_MAX:
        state = _smaller(state)
        raw = encode(state)
    return raw


def _smaller(state: SessionState) -> SessionState:
    if len(state.invoices) > 1:
        return replace(state, invoices=state.invoices[len(state.invoices) // 2 :])
    if state.messages:
        return replace(state, messages=())
    last = state.invoices[-1]
    if last.invoice.get("lines"):
        without_lines = {**last.invoice, "lines": []}
        return replace(state, invoices=(replace(last, invoice=without_lines),))
    return replace(state, invoices=())


def state_from(raw: bytes) -> SessionState:
    """Rehydrate a session. Raises CodecError, carrying the bytes, when they are no snapshot of a session."""
    state = decode(raw)
    if not isinstance(state, SessionState):
        raise CodecError(f"a {type(state).__qualname__} is no session", raw)
    return state
