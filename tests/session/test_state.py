"""What a session remembers, and how it fits into its snapshot."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.state import (
    MESSAGES_MAX,
    RECENT_MAX,
    SNAPSHOT_BYTES_MAX,
    UNSETTLED_MAX,
    SessionState,
    Waiting,
    snapshot_of,
    state_from,
)
from invoices.book import Booking
from invoices.invoice import Invoice, Line, Party
from messages.codec import encode
from messages.errors import CodecError
from messages.records import Button

AT = "2026-11-23T10:00:00.000Z"
NEW = SessionState("789", "456", AT, AT)
OF_VERSION_1 = Path(__file__).with_name("session_of_version_1.msgpack")


def waiting(lines: int, text: str) -> Waiting:
    """An invoice with so many lines."""
    invoice = Invoice(number="1", lines=(Line(description=text),) * lines)
    return Waiting("i-1", invoice, "m-1", "march.pdf", "", AT)


def booking(number: int, revision: int = 1, lines: int = 0) -> Booking:
    """A booking of its own."""
    invoice = Invoice(number=str(number), gross=Decimal(number), seller=Party("ACME"), lines=(Line("x" * 50),) * lines)
    return Booking(f"i-{number}", "789", "456", revision, invoice)


@given(st.lists(st.tuples(st.text(max_size=3000), st.text(max_size=3000)), max_size=30))
def test_given_any_conversation_when_it_is_snapshot_then_it_is_rehydrated_as_it_was(
    said: list[tuple[str, str]],
) -> None:
    """Rehydration gives back what was kept, and no more than that is kept."""
    state = NEW
    for person, agent in said:
        state = state.with_exchange(person, agent, AT)

    again = state_from(snapshot_of(state))

    assert again == state
    assert len(again.messages) <= MESSAGES_MAX


@given(st.integers(0, 25), st.integers(0, 400), st.integers(0, 400))
def test_given_a_session_that_has_grown_when_it_is_snapshot_then_it_fits(invoices: int, lines: int, width: int) -> None:
    """The snapshot has its bound, whatever the session holds; the newest invoice that waits goes last."""
    state = NEW.with_waiting(*(waiting(lines, "x" * width) for _ in range(invoices))).with_exchange("a", "b", AT)

    raw = snapshot_of(state)

    assert len(raw) <= SNAPSHOT_BYTES_MAX
    assert bool(state_from(raw).waiting) == bool(invoices)


def test_given_many_bookings_when_they_are_kept_then_each_list_has_its_bound() -> None:
    """Bookings on their way, with all their lines, and those that the ledger has, without."""
    state = NEW
    for number in range(1, UNSETTLED_MAX + 20):
        state = state.with_booking(booking(number, lines=10))

    settled = state.settled({f"i-{number}": 1 for number in range(1, UNSETTLED_MAX + 20)})

    assert len(state.unsettled) == UNSETTLED_MAX
    assert not settled.unsettled
    assert len(settled.recent) == RECENT_MAX
    assert all(not each.invoice.lines for each in settled.recent)
    assert len(snapshot_of(state)) <= SNAPSHOT_BYTES_MAX


def test_given_a_later_revision_when_the_ledger_shows_an_earlier_one_then_it_stays_unsettled() -> None:
    """Only what the ledger has is let go of."""
    state = NEW.with_booking(booking(1)).with_booking(booking(1, revision=2))

    shown = state.settled({"i-1": 1})

    assert [each.revision for each in shown.unsettled] == [2]
    assert not state.settled({"i-1": 2}).unsettled


def test_given_a_snapshot_of_version_1_when_it_is_rehydrated_then_its_invoices_wait_to_be_saved() -> None:
    """Bytes that an earlier version has written: nothing of them is lost."""
    state = state_from(OF_VERSION_1.read_bytes())

    (draft,) = state.waiting
    assert (state.chat_id, state.user_id, state.language) == ("789", "456", "en")
    assert (draft.file_name, draft.message_id) == ("march.pdf", "m-1")
    assert draft.invoice.due_date == dt.date(2026, 4, 14)
    assert draft.invoice.lines[0].net == Decimal(1000)
    assert draft.invoice_id
    assert state_from(snapshot_of(state)) == state


def test_given_bytes_of_something_else_when_they_are_rehydrated_then_that_is_said() -> None:
    """A record of another kind is no session."""
    with pytest.raises(CodecError):
        state_from(encode(Button("Help", "help")))
