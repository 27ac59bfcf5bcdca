"""A whole conversation in each language by rules alone: every figure said is the ledger's, and the ledger is right."""

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any

import pytest
from forty_turns import LANGUAGES, Bill, Truth, documents, truth_in, turns

from actors.session.machine import DocumentOutcome, new_session, take_turn
from actors.session.state import snapshot_of, state_from
from invoices.book import Booking, BookQuery, MemoryBook
from invoices.changes import Change
from invoices.limits import Limits
from invoices.reading import read_document
from messages.records import Attachment, InboundMessage

TODAY = dt.date(2026, 11, 24)
SNAPSHOT_BYTES_MAX = 24 * 1024


@dataclass
class Chat:
    """A conversation with the machine alone, over a book in memory that has everything at once or (late) nothing."""

    book: MemoryBook = field(default_factory=MemoryBook)
    is_late: bool = False
    state: Any = None
    count: int = 0
    size_bytes: int = 0

    def send(self, text: str | None, file: tuple[str, bytes] | None = None) -> Any:
        """One turn, rehydrated from its snapshot as after a crash."""
        self.count += 1
        at = f"{TODAY.isoformat()}T10:{self.count:02}:00.000Z"
        outcomes, attachments = (), ()
        if file is not None:
            name, content = file
            attachment = Attachment(name, "application/xml", hashlib.sha256(content).hexdigest(), len(content))
            reading = read_document(name, "application/xml", content, Limits())
            attachments = (attachment,)
            outcomes = (DocumentOutcome(attachment, reading.invoices),)
        message = InboundMessage(f"m-{self.count}", "789", "456", text, attachments)
        state = self.state or new_session(message, at)
        turn = take_turn(state, message, f"m-{self.count}", outcomes, at, self.book)
        raw = snapshot_of(turn.state)
        self.size_bytes = max(self.size_bytes, len(raw))
        self.state = state_from(raw)
        for change in turn.changes:
            if isinstance(change, Change) and not self.is_late:
                self.book.put(change.booking)
        return turn

    def booked(self) -> dict[str, Booking]:
        """What stands in the books, by number."""
        own = MemoryBook([*self.book.find(BookQuery()), *self.state.unsettled])
        return {booking.invoice.number or "-": booking for booking in own.find(BookQuery())}


def disagreement(booked: dict[str, Booking], truth: Truth) -> list[str]:
    """Where the ledger and the truth differ."""
    standing = {bill.number: bill for bill in truth.standing()}
    wrong = [f"{number} is missing" for number in standing.keys() - booked.keys()]
    wrong += [f"{number} should not be there" for number in booked.keys() - standing.keys()]
    for number in standing.keys() & booked.keys():
        wrong += _differences(standing[number], booked[number])
    return wrong


def _differences(bill: Bill, booking: Booking) -> list[str]:
    invoice = booking.invoice
    pairs = {
        "gross": (invoice.gross, bill.gross),
        "currency": (invoice.currency, bill.currency),
        "seller": (invoice.seller.name, bill.seller),
        "due": (invoice.due_date, bill.due),
        "paid_on": (booking.paid_on, bill.paid_on),
        "is_paid": (booking.is_paid, bill.paid_on is not None),
    }
    return [
        f"{bill.number}.{name}: {ours} instead of {theirs}" for name, (ours, theirs) in pairs.items() if ours != theirs
    ]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_given_a_conversation_of_forty_turns_when_held_by_rules_then_the_ledger_is_right_after_each(
    language: str,
    is_late: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Also while the ledger has nothing of it yet: what the session has done is laid over."""
    chat, truth = Chat(is_late=is_late), truth_in(language, TODAY)
    place = LANGUAGES.index(language)
    script = turns(TODAY)
    assert len(script) == 40

    for number, turn in enumerate(script, 1):
        text = turn.words[place] if turn.words else None
        bill = documents(TODAY)[turn.document] if turn.document else None
        said = chat.send(text, (f"{bill.number}.xml", bill.ubl()) if bill else None)
        turn.then(truth)

        story = f"turn {number}, {text or turn.document}: {said.text}"
        assert not disagreement(chat.booked(), truth), story
        assert all(part in said.text for part in turn.says(truth)), f"{turn.says(truth)} in {story}"
        assert not any(part in said.text for part in turn.hides(truth)), f"{turn.hides(truth)} not in {story}"
        assert int(said.file is not None) == turn.files, story

    assert chat.size_bytes <= SNAPSHOT_BYTES_MAX
