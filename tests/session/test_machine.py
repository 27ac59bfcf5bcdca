"""One turn of a conversation, as a pure function."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from actors.session.machine import DocumentOutcome, new_session, take_turn
from invoices.book import MemoryBook
from invoices.invoice import Invoice, Party
from messages.records import Attachment, InboundMessage
from messages.user_messages import UserMessageManager

AT = "2026-11-23T10:00:00.000Z"
PDF = Attachment("march.pdf", "application/pdf", "a" * 64, 100)
INVOICE = Invoice(
    number="2026-031",
    currency="EUR",
    seller=Party("ACME GmbH"),
    net=Decimal(1000),
    tax=Decimal(190),
    gross=Decimal(1190),
)


def message(text: str | None = None, **fields: object) -> InboundMessage:
    """A message of chat 789."""
    return InboundMessage("m-1", "789", "456", text, **fields)  # type: ignore[arg-type]


def turn_of(said: InboundMessage, *outcomes: DocumentOutcome, before: object = None) -> object:
    """The turn of a message in a new session, or after another turn."""
    state = new_session(said, AT) if before is None else before.state  # type: ignore[attr-defined]
    return take_turn(state, said, "m-1", outcomes, AT, MemoryBook())


def test_given_a_readable_document_when_the_turn_is_taken_then_the_reply_has_its_figures_and_its_data() -> None:
    """The text names invoice, seller and amounts; the data is the protocol's."""
    turn = turn_of(message(attachments=(PDF,)), DocumentOutcome(PDF, (INVOICE,)))

    assert "2026-031" in turn.text
    assert "ACME GmbH" in turn.text
    assert "1,190.00 EUR" in turn.text
    assert turn.data["invoice"]["gross"] == "1190.00"
    assert turn.state.unsettled[-1].file_name == "march.pdf"
    assert [change.kind for change in turn.changes] == ["invoice.recorded"]


def test_given_two_invoices_when_the_turn_is_taken_then_both_are_listed() -> None:
    """Several invoices are `data.invoices`."""
    turn = turn_of(message(attachments=(PDF,)), DocumentOutcome(PDF, (INVOICE, INVOICE)))

    assert len(turn.data["invoices"]) == 2
    assert "invoice" not in turn.data


def test_given_an_unreadable_document_when_the_turn_is_taken_then_the_reply_says_what_to_do() -> None:
    """The words of the problem stand in the reply, and nothing is remembered as an invoice."""
    words = UserMessageManager()

    turn = turn_of(message(attachments=(PDF,)), DocumentOutcome(PDF, problem="encrypted"))

    assert turn.text == words.get_message("document_encrypted", file_name="march.pdf").text
    assert not turn.state.waiting
    assert not turn.changes


def test_given_an_earlier_invoice_when_it_is_asked_for_then_the_reply_is_about_it() -> None:
    """Status of the last invoice, by words and by button."""
    first = turn_of(message(attachments=(PDF,)), DocumentOutcome(PDF, (INVOICE,)))

    by_words = turn_of(message("What about my last invoice?"), before=first)
    by_button = turn_of(message(action="show_last"), before=first)

    assert "2026-031" in by_words.text
    assert by_words.data == by_button.data


def test_given_no_invoice_when_the_last_one_is_asked_for_then_the_reply_asks_for_one() -> None:
    """There is nothing to show, and no made-up figure."""
    turn = turn_of(message("status"))

    assert turn.text == UserMessageManager().get_message("no_invoice_yet").text
    assert not turn.data


@given(st.text(max_size=2000), st.sampled_from([None, "help", "retry", "unheard-of"]))
def test_given_any_words_when_the_turn_is_taken_then_there_is_a_text(text: str, action: str | None) -> None:
    """Whatever is said, something is answered and remembered."""
    said = message(text or None, action=action or (None if text else "help"))

    turn = turn_of(said)

    assert turn.text
    assert turn.state.messages[-1].by == "agent"
