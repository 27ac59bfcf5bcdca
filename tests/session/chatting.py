"""A conversation with the machine alone, for tests: messages and readings in, replies and changes out."""

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.session.machine import DocumentOutcome, Turn, new_session, take_turn
from actors.session.state import snapshot_of, state_from
from invoices.book import BookAway, Booking, BookQuery, MemoryBook
from invoices.changes import Change
from invoices.intents import Intent
from invoices.invoice import FieldSource, Invoice, InvoiceWarning
from messages.records import Attachment, InboundMessage

TODAY = dt.date(2026, 11, 24)
SURE = FieldSource("xml", 1.0)


def invoice(number: str, seller: str, gross: str, **fields: Any) -> Invoice:
    """A reading that is sure; fields: by their plain names, `doubt` names one that is not sure."""
    values: dict[str, Any] = {
        "number": number, "seller.name": seller, "gross": Decimal(gross), "currency": "EUR",
        "issue_date": TODAY - dt.timedelta(days=20), "due_date": TODAY + dt.timedelta(days=10),
    }  # fmt: skip
    doubt = fields.pop("doubt", None)
    made = Invoice()
    for name, value in {**values, **fields}.items():
        if value is not None:
            made = made.with_value(name, value, FieldSource("ocr", 0.4) if name == doubt else SURE)
    if doubt is not None:
        details = {"field": doubt, "value": str(made.value(doubt))}
        made = made.with_warnings(InvoiceWarning("low_confidence", f"Is the {doubt} right?", details))
    return made


class AwayBook:
    """A ledger that nobody reaches."""

    def find(self, query: BookQuery) -> tuple[Booking, ...]:
        """Nothing."""
        raise BookAway(str(query))


@dataclass
class Chat:
    """One chat; each turn begins from the snapshot of the one before."""

    language: str | None = "en"
    book: Any = field(default_factory=MemoryBook)
    state: Any = None
    count: int = 0
    changes: list[Any] = field(default_factory=list)

    def send(self, *invoices: Invoice, content: str | None = None, text: str | None = None) -> Turn:
        """A document with these readings. content: what tells it from others; its own number otherwise."""
        digest = f"{content or self.count:0>64}"
        attachment = Attachment(f"file-{self.count}.pdf", "application/pdf", digest, 100)
        return self._turn(text, None, (DocumentOutcome(attachment, invoices),), None)

    def say(self, text: str, intent: Intent | None = None) -> Turn:
        """Words, and what a model made of them."""
        return self._turn(text, None, (), intent)

    def press(self, action: str) -> Turn:
        """A button."""
        return self._turn(None, action, (), None)

    def press_label(self, turn: Turn, label: str) -> Turn:
        """One of a reply's buttons, by what stands on it."""
        return self.press(next(button.action for button in turn.buttons if button.label == label))

    def _turn(self, text: str | None, action: str | None, outcomes: Any, intent: Intent | None) -> Turn:
        self.count += 1
        at = f"{TODAY.isoformat()}T{self.count // 60 % 24:02}:{self.count % 60:02}:00.000Z"
        attachments = tuple(outcome.attachment for outcome in outcomes)
        said = InboundMessage(f"m-{self.count}", "789", "456", text, attachments, action, language=self.language)
        state = self.state or new_session(said, at)
        turn = take_turn(state, said, f"m-{self.count}", outcomes, at, self.book, intent)
        self.state = state_from(snapshot_of(turn.state))
        self.changes += turn.changes
        for change in turn.changes:
            if isinstance(change, Change) and isinstance(self.book, MemoryBook):
                self.book.put(change.booking)
        return turn

    def kinds(self) -> list[str]:
        """What has been changed in the books so far."""
        return [change.kind for change in self.changes if isinstance(change, Change)]

    def booked(self) -> dict[str, Booking]:
        """What stands in the ledger, by number."""
        return {booking.invoice.number or "-": booking for booking in self.book.find(BookQuery())}
