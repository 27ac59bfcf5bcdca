"""What a session remembers, and how it fits into its snapshot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.state import (
    MESSAGES_MAX,
    SNAPSHOT_BYTES_MAX,
    KnownInvoice,
    SessionState,
    snapshot_of,
    state_from,
)
from messages.codec import encode
from messages.errors import CodecError
from messages.records import Button

AT = "2026-11-23T10:00:00.000Z"
NEW = SessionState("789", "456", AT, AT)


def known(lines: int, text: str) -> KnownInvoice:
    """An invoice with so many lines."""
    return KnownInvoice("m-1", "march.pdf", AT, {"number": "1", "lines": [{"description": text}] * lines})


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
    """The snapshot has its bound, whatever the session holds; the newest invoice goes last."""
    state = NEW.with_invoices(*(known(lines, "x" * width) for _ in range(invoices))).with_exchange("a", "b", AT)

    raw = snapshot_of(state)

    assert len(raw) <= SNAPSHOT_BYTES_MAX
    assert bool(state_from(raw).invoices) == bool(invoices)


def test_given_bytes_of_something_else_when_they_are_rehydrated_then_that_is_said() -> None:
    """A record of another kind is no session."""
    with pytest.raises(CodecError):
        state_from(encode(Button("Help", "help")))
