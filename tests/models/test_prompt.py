"""What a model is told, and which figures it may say."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.prompt import request_messages, unsupported_figure
from actors.session.state import SessionState, Waiting
from invoices.invoice import Invoice, Party
from messages.records import InboundMessage

AT = "2026-11-23T10:00:00.000Z"
INVOICE = Invoice(number="2026-031", currency="EUR", seller=Party("ACME GmbH"), gross=Decimal("1190.00"))
STATE = SessionState("789", "456", AT, AT).with_waiting(Waiting("i-1", INVOICE, "m-0", "march.pdf", "", AT))


def message(text: str) -> InboundMessage:
    """A message of chat 789."""
    return InboundMessage("m-1", "789", "456", text)


@pytest.mark.parametrize(
    "answer",
    ["It is 1,190.00 EUR.", "1.190,00 EUR, Rechnung 2026-031", "You said 42.5.", "Send it in 2 steps.", "No figures."],
)
def test_given_figures_that_are_borne_out_when_judged_then_there_is_no_complaint(answer: str) -> None:
    """Documents, the person's words and small counts bear a figure out, in any national form."""
    assert unsupported_figure(answer, STATE, message("is it 42.5?"), AT) is None


@pytest.mark.parametrize("answer", ["It is 1,191.00 EUR.", "Pay to DE89370400440532013000.", "That is 20 percent."])
def test_given_a_figure_from_nowhere_when_judged_then_it_is_named(answer: str) -> None:
    """No figure in a reply comes from a model."""
    complaint = unsupported_figure(answer, STATE, message("how much?"), AT)

    assert complaint is not None
    assert "leave it out" in complaint


@given(st.text(max_size=300), st.text(max_size=300))
def test_given_any_texts_when_judged_then_it_is_decided(answer: str, said: str) -> None:
    """Neither the model's nor the person's text can make the judgement fail."""
    complaint = unsupported_figure(answer, STATE, message(said), AT)

    assert complaint is None or isinstance(complaint, str)


def test_given_a_conversation_when_the_request_is_made_then_facts_are_data_and_the_time_is_that_of_acceptance() -> None:
    """The same turn is the same request, so that its answer is found in the journal."""
    first = request_messages(STATE, message("how much?"), AT)

    assert first == request_messages(STATE, message("how much?"), AT)
    assert "ACME GmbH" in first[0]["content"]
    assert AT in first[0]["content"]
    assert first[-1] == {"role": "user", "content": "how much?"}
