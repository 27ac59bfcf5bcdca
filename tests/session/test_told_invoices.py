"""Invoices that are told in words, and questions over all that is booked."""

from decimal import Decimal

import pytest
from chatting import Chat, invoice

from invoices.book import BookQuery


def test_given_one_that_waits_when_another_is_told_then_the_first_is_left_as_it_is() -> None:
    """A day in the words about one supplier's invoice is not another's."""
    chat = Chat()
    chat.send(invoice("7", "Shell", "1190.00", doubt="gross"))

    chat.say("I received an invoice from ACME for 250 EUR due 2026-12-01")
    chat.say("yes")

    [acme] = chat.book.find(BookQuery())
    assert (acme.invoice.seller.name, acme.invoice.gross) == ("ACME", Decimal(250))
    [shell] = chat.state.waiting
    assert shell.invoice.due_date is not None
    assert shell.invoice.due_date.isoformat() == "2026-12-04"


@pytest.mark.parametrize(
    ("language", "told", "yes"),
    [
        ("en", "record an invoice from Telekom over 59.90 EUR, number 8872, due 1 December", "yes"),
        ("de", "Neue Rechnung von Telekom über 59,90 Euro, Nummer 8872, fällig am 1.12.", "ja"),
        ("fr", "nouvelle facture de Telekom de 59,90 euros, numéro 8872, échéance le 1er décembre", "oui"),
        ("es", "nueva factura de Telekom por 59,90 euros, número 8872, vence el 1 de diciembre", "sí"),
    ],
)
def test_given_an_invoice_in_words_when_it_is_confirmed_then_it_is_booked_as_told(
    language: str, told: str, yes: str
) -> None:
    """It is asked about first: the words may have been heard wrongly."""
    chat = Chat(language)

    chat.say(told)
    before = chat.kinds()
    chat.say(yes)

    assert before == []
    booked = chat.booked()["8872"].invoice
    assert booked.gross == Decimal("59.90")
    assert booked.currency == "EUR"
    assert booked.seller.name == "Telekom"
    assert booked.due_date is not None
    assert booked.due_date.isoformat() == "2026-12-01"
    assert booked.fields["gross"].source == "person"


def test_given_invoices_when_the_largest_and_the_average_are_asked_for_then_code_has_computed_them() -> None:
    """By their amounts, exactly."""
    chat = Chat()
    for number, gross in (("1", "10.01"), ("2", "30.02"), ("3", "20.00")):
        chat.send(invoice(number, "ACME GmbH", gross))

    largest = chat.say("what's my biggest invoice?")
    average = chat.say("average invoice amount")

    assert "invoice 2 from ACME GmbH: 30.02 EUR" in largest.text
    assert "20.01 EUR" in average.text


def test_given_an_invoice_when_it_is_to_be_paid_by_the_agent_then_it_says_that_it_cannot() -> None:
    """Nothing changes; what the person can do is offered."""
    chat = Chat()
    chat.send(invoice("123", "ACME GmbH", "10.00"))
    before = len(chat.kinds())

    turn = chat.say("Please pay invoice 123")

    assert len(chat.kinds()) == before
    assert any(button.action.startswith("paid:") for button in turn.buttons)


@pytest.mark.parametrize("words", ["ping", "the paper says goes", "don't delete it", "I will pay tomorrow", "keep it"])
def test_given_words_that_only_sound_like_a_request_when_said_then_nothing_changes(words: str) -> None:
    """Wrong is worse than unclear."""
    chat = Chat()
    chat.send(invoice("123", "ACME GmbH", "10.00"))
    before = len(chat.kinds())

    chat.say(words)

    assert len(chat.kinds()) == before
