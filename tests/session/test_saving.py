"""Documents are saved at once where they are sure, and asked about where they are not."""

from decimal import Decimal

from chatting import Chat, invoice

from invoices.invoice import InvoiceWarning


def test_given_a_sure_reading_when_it_comes_then_it_is_saved_and_can_be_acted_on() -> None:
    """The words and buttons of the contract."""
    chat = Chat()

    turn = chat.send(invoice("2026-031", "ACME GmbH", "1190.00"))

    assert turn.text.startswith("Saved invoice 2026-031 from ACME GmbH: 1,190.00 EUR, due 2026-12-04.")
    assert [button.label for button in turn.buttons] == ["Correct it", "Show", "Mark as paid", "Undo"]
    assert chat.booked()["2026-031"].revision == 1
    assert turn.data["invoice"]["gross"] == "1190.00"


def test_given_a_doubtful_total_when_it_is_asked_about_then_yes_saves_it() -> None:
    """Doubt is asked, not hidden."""
    chat = Chat()

    asked = chat.send(invoice("7", "Shell", "1190.00", doubt="gross"))
    before = chat.kinds()
    saved = chat.press_label(asked, "Yes")

    assert asked.text.endswith("Is the total 1,190.00 EUR?")
    assert not before
    assert chat.kinds() == ["invoice.recorded"]
    assert "Please check" not in saved.text
    assert chat.booked()["7"].invoice.fields["gross"].source == "person"


def test_given_a_doubtful_total_when_it_is_wrong_then_the_right_one_is_asked_for_and_saved() -> None:
    """No, then the bare value."""
    chat = Chat()
    chat.send(invoice("7", "Shell", "1190.00", doubt="gross"))

    asked = chat.say("no")
    chat.say("89.90")

    assert "total" in asked.text
    assert chat.booked()["7"].invoice.gross == Decimal("89.90")


def test_given_a_missing_total_when_it_comes_then_it_is_asked_for() -> None:
    """Nothing is saved without an amount."""
    chat = Chat()

    asked = chat.send(invoice("7", "Shell", "1").with_value("gross", None, None))
    chat.say("45.50 EUR")

    assert asked.text.endswith("What is the total?")
    assert chat.booked()["7"].invoice.gross == Decimal("45.50")


def test_given_a_serious_warning_when_it_comes_then_it_is_told_and_the_person_decides() -> None:
    """A sum that does not add up, in plain words."""
    chat = Chat()
    odd = invoice("7", "Shell", "120.00", net=Decimal(100), tax=Decimal(19)).with_warnings(
        InvoiceWarning("sum_mismatch", "-", {"net": "100", "tax": "19", "sum": "119", "gross": "120.00"})
    )

    asked = chat.send(odd)
    chat.press_label(asked, "Save it")

    assert "Net 100.00 EUR and tax 19.00 EUR make 119.00 EUR, but the total is 120.00 EUR." in asked.text
    assert asked.text.endswith("Shall I save it?")
    assert chat.kinds() == ["invoice.recorded"]


def test_given_the_same_invoice_again_when_it_comes_then_the_earlier_one_is_shown_and_nothing_is_booked_twice() -> None:
    """Same supplier and number, another file."""
    chat = Chat()
    chat.send(invoice("7", "Shell", "45.00"))

    again = chat.send(invoice("7", "Shell", "45.00"))

    assert "I have one like it already: invoice 7 from Shell" in again.text
    assert chat.kinds() == ["invoice.recorded"]


def test_given_the_same_file_again_when_the_person_insists_then_it_is_saved() -> None:
    """Warned of, not blocked."""
    chat = Chat()
    chat.send(invoice("7", "Shell", "45.00"), content="abc")

    again = chat.send(invoice("7", "Shell", "45.00"), content="abc")
    chat.press_label(again, "Save it")

    assert chat.kinds() == ["invoice.recorded", "invoice.recorded"]


def test_given_the_same_invoice_twice_in_one_file_when_it_comes_then_one_is_saved() -> None:
    """The second waits for a word."""
    chat = Chat()

    chat.send(invoice("7", "Shell", "45.00"), invoice("7", "Shell", "45.00"))

    assert chat.kinds() == ["invoice.recorded"]
    assert len(chat.state.waiting) == 1


def test_given_a_new_account_of_a_known_supplier_when_it_comes_then_it_is_asked_about() -> None:
    """The oldest trick: an invoice with another IBAN."""
    chat = Chat()
    chat.send(invoice("1", "Shell", "45.00", iban="DE89370400440532013000"))

    asked = chat.send(invoice("2", "Shell", "45.00", iban="GB82WEST12345698765432"))

    assert "DE89370400440532013000" in asked.text
    assert chat.kinds() == ["invoice.recorded"]


def test_given_several_doubtful_ones_when_answered_one_by_one_then_each_is_saved() -> None:
    """The next question follows the answer."""
    chat = Chat()
    chat.send(invoice("1", "Shell", "1.00", doubt="gross"), invoice("2", "Shell", "2.00", doubt="gross"))

    first = chat.say("yes")
    chat.say("yes")

    assert "Is the total 2.00 EUR?" in first.text
    assert set(chat.booked()) == {"1", "2"}


def test_given_an_invoice_that_waits_when_something_else_is_asked_then_it_is_answered_and_called_to_mind() -> None:
    """Neither is lost."""
    chat = Chat()
    chat.send(invoice("1", "ACME", "10.00"))
    chat.send(invoice("2", "Shell", "2.00", doubt="gross"))

    answer = chat.say("list my invoices")

    assert "invoice 1 from ACME" in answer.text
    assert "Is the total 2.00 EUR?" in answer.text
    assert any(button.action.startswith("yes:") for button in answer.buttons)


def test_given_an_old_button_when_it_is_pressed_later_then_it_is_about_its_own_invoice() -> None:
    """It names its invoice."""
    chat = Chat()
    first = chat.send(invoice("1", "ACME", "10.00"))
    chat.send(invoice("2", "Shell", "20.00"))
    chat.say("hello")

    chat.press_label(first, "Mark as paid")

    assert {number: it.is_paid for number, it in chat.booked().items()} == {"1": True, "2": False}


def test_given_an_invoice_without_currency_when_a_default_was_set_then_it_is_taken() -> None:
    """And without one it is asked for."""
    chat = Chat()
    asked = chat.send(invoice("1", "ACME", "10.00", currency=None))
    chat.say("CHF")
    chat.say("my currency is EUR")
    chat.send(invoice("2", "ACME", "10.00", currency=None, iban=None))

    currencies = {number: it.invoice.currency for number, it in chat.booked().items()}

    assert "currency" in asked.text
    assert currencies["1"] == "CHF"
    assert "2" not in currencies or currencies["2"] == "EUR"


def test_given_an_invoice_told_in_words_when_confirmed_then_it_is_saved() -> None:
    """Always asked first: words are no document."""
    chat = Chat()

    asked = chat.say("record an invoice from Foo Ltd over 120.50 euros")
    before = chat.kinds()
    chat.say("yes")

    assert "120.50 EUR" in asked.text
    assert not before
    (booking,) = chat.booked().values()
    assert (booking.invoice.seller.name, booking.invoice.gross, booking.file_name) == ("Foo Ltd", Decimal("120.50"), "")


def test_given_words_beside_a_document_when_they_are_about_it_then_they_are_done() -> None:
    """Paid already, put right, to be reminded of; a mere word of what it is does nothing."""
    chat = Chat()
    chat.send(invoice("0", "ACME", "5.00"))

    chat.send(invoice("1", "ACME", "10.00"), text="I paid this one yesterday")
    chat.send(invoice("2", "ACME", "20.00", doubt="gross"), text="the total is 22.00")
    chat.send(invoice("3", "ACME", "30.00"), text="Here is the March invoice")

    booked = chat.booked()
    assert {number: it.is_paid for number, it in booked.items()} == {"0": False, "1": True, "2": False, "3": False}
    assert booked["2"].invoice.gross == Decimal("22.00")
    assert booked["3"].invoice.gross == Decimal("30.00")
