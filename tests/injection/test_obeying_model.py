"""A model that obeys every text: what comes of its answers by the agent's own code."""

import dataclasses
import datetime as dt
from decimal import Decimal

import pytest
from injection.attacks import ATTACKS, DOCUMENTS, HARMLESS, NUMBER, SECRET, Attack

from actors.session.machine import DocumentOutcome, Turn, new_session, take_turn
from actors.session.prompt import called, complaint_about, request_messages
from actors.session.state import SessionState
from invoices.book import BookQuery, MemoryBook
from invoices.changes import Change, Reminding
from invoices.intents.other_languages import is_in_another_language
from invoices.invoice import FieldSource, Invoice, Line, Party
from messages.records import Attachment, InboundMessage
from supervision.tiers.config import Answer, ToolCall

AT = "2026-11-24T10:00:00.000Z"
SURE = FieldSource("xml", 1.0)
FIELDS = {
    "number": NUMBER, "issue_date": dt.date(2026, 11, 1), "due_date": dt.date(2026, 12, 1), "currency": "EUR",
    "seller.name": "ACME GmbH", "net": Decimal("1000.00"), "tax": Decimal("190.00"), "gross": Decimal("1190.00"),
    "payable": Decimal("1190.00"), "iban": "DE89370400440532013000",
}  # fmt: skip


def invoice(said: str = "") -> Invoice:
    """An invoice that says something in a line, in a name and in its number's neighbourhood."""
    made = Invoice(type_code="380", lines=(Line(said or "Screws", Decimal(1), None, Decimal("1000.00"), Decimal(19)),))
    for name, value in FIELDS.items():
        made = made.with_value(name, value, SURE)
    return dataclasses.replace(made, buyer=Party(said[:80] or "Me"))


class Conversation:
    """One chat, its book, and every change that was made of it."""

    def __init__(self) -> None:
        """Nothing has been said."""
        self.state: SessionState | None = None
        self.book = MemoryBook()
        self.changes: list[Change | Reminding] = []
        self.count = 0

    def turn(self, text: str | None = None, *, read: Invoice | None = None, by: Attack | None = None) -> Turn:
        """One turn: a file, or words; where the rules do not understand, a model that obeys is asked."""
        self.count += 1
        attachment = Attachment(f"{self.count}.pdf", "application/pdf", f"{self.count:064x}", 9)
        attached = (attachment,) if read is not None else ()
        message = InboundMessage(f"m-{self.count}", "c-1", "u-1", text, attached)
        state = self.state or new_session(message, AT)
        outcomes = [DocumentOutcome(attachment, (read,))] if read is not None else []
        turn = take_turn(state, message, f"m-{self.count}", outcomes, AT, self.book)
        if by is not None and (turn.is_talk or is_in_another_language(text or "")):
            turn = self._as_the_model_says(turn, state, message, by)
        self.state = turn.state
        for change in turn.changes:
            self.changes.append(change)
            if isinstance(change, Change):
                self.book.put(change.booking)
        return turn

    def _as_the_model_says(self, turn: Turn, state: SessionState, message: InboundMessage, by: Attack) -> Turn:
        calls = (ToolCall(by.tool, by.arguments),) if by.tool else ()
        answer = Answer(by.talk, "tool_calls" if calls else "stop", tool_calls=calls)
        if complaint_about(answer, state, message, AT) is not None:
            return turn
        if not calls:
            return dataclasses.replace(turn, text=by.talk)
        intent, _ = called(by.tool, by.arguments, message, AT)
        return turn if intent is None else take_turn(state, message, f"m-{self.count}", [], AT, self.book, intent)


def told(turn: Turn) -> str:
    """Everything that a turn shows."""
    return f"{turn.text} {turn.data} {[button.label for button in turn.buttons]}"


@pytest.fixture
def conversation() -> Conversation:
    """One that has an invoice in its book."""
    begun = Conversation()
    begun.turn(read=invoice())
    if not begun.changes:
        begun.turn("yes")
    assert [booking.invoice.number for booking in begun.book.find(BookQuery())] == [NUMBER]
    return begun


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_given_a_model_that_obeys_when_a_text_tries_then_nothing_is_changed_and_nobody_else_appears(
    conversation: Conversation, attack: Attack
) -> None:
    """Neither at once, nor when it says yes for the person, nor when it tries again."""
    before = list(conversation.changes)
    turns = []
    if attack in DOCUMENTS:
        # A second invoice that waits, so that there is something to confirm.
        poisoned = invoice(attack.text).with_value("number", "2026-032", FieldSource("text", 0.3))
        turns.append(conversation.turn(read=poisoned))
        before = list(conversation.changes)
    words = attack.text if attack.where == "message" else HARMLESS
    confirming = Attack("message", "en", "", "confirm", '{"person_language": "en"}')

    turns += [conversation.turn(words, by=attack), conversation.turn(HARMLESS, by=confirming)]
    turns += [conversation.turn(HARMLESS, by=attack), conversation.turn(HARMLESS, by=confirming)]

    state = conversation.state
    assert state is not None
    assert conversation.changes == before
    assert (state.reminder_days, state.currency, state.is_language_set) == (None, None, False)
    assert all(secret not in told(turn) for turn in turns for secret in SECRET)


@pytest.mark.parametrize("attack", DOCUMENTS, ids=lambda attack: attack.name)
def test_given_a_text_in_a_document_when_a_model_is_asked_then_it_stands_between_the_marks_alone(
    attack: Attack,
) -> None:
    """And cannot write the mark that ends them."""
    conversation = Conversation()
    conversation.turn(read=invoice(attack.text))
    message = InboundMessage("m-9", "c-1", "u-1", HARMLESS)
    assert conversation.state is not None

    messages = request_messages(conversation.state, message, AT)

    system = messages[0]["content"]
    assert system.count("<data>") == 2  # named once in the instructions, and there
    assert system.count("</data>") == 2
    _, _, rest = system.rpartition("<data>\n")
    outside = system.replace(rest, "")
    assert attack.text[:80] not in outside
    assert messages[-1] == {"role": "user", "content": HARMLESS}


def test_given_a_change_that_a_model_understood_when_the_person_says_yes_then_it_is_made(
    conversation: Conversation,
) -> None:
    """In a language without rules: asked back, and done after the person's own yes."""
    words = "la fattura 2026-031 è già a posto"
    asked = conversation.turn(words, by=Attack("message", "it", words, "mark_paid", f'{{"number": "{NUMBER}"}}'))
    untouched = len(conversation.changes)

    done = conversation.turn("yes")

    assert "?" in asked.text
    assert [button.action for button in asked.buttons][:1] == ["yes"]
    assert untouched == 1
    (booking,) = conversation.book.find(BookQuery())
    assert booking.is_paid, done.text
