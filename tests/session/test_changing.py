"""What is done to invoices by words and buttons, and what is never done without the person's own word."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from chatting import TODAY, AwayBook, Chat, invoice
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.session.handlers.files import produced
from actors.session.machine import with_file
from invoices.book import MemoryBook
from invoices.changes import Change, Reminding
from invoices.intents import Correction, Intent, Kind


def with_invoices() -> Chat:
    """A chat with three invoices."""
    chat = Chat()
    chat.send(invoice("A-1", "ACME GmbH", "1190.00", due_date=TODAY - dt.timedelta(days=3)))
    chat.send(invoice("A-2", "ACME GmbH", "200.00"))
    chat.send(invoice("G-1", "Globex Inc", "99.90", currency="USD"))
    return chat


def test_given_two_of_one_supplier_when_one_is_paid_then_which_is_asked_and_the_answer_does_it() -> None:
    """By place, with the day that was said first."""
    chat = with_invoices()

    asked = chat.say("I paid the ACME invoice yesterday")
    before = [it for it in chat.booked().values() if it.is_paid]
    chat.say("the second one")

    assert "Which one" in asked.text
    assert not before
    (paid,) = [it for it in chat.booked().values() if it.is_paid]
    assert paid.paid_on == TODAY - dt.timedelta(days=1)


def test_given_a_paid_invoice_when_it_is_not_after_all_then_it_is_marked_so() -> None:
    """And a second time is only told."""
    chat = with_invoices()
    chat.say("mark G-1 as paid")

    chat.say("G-1 is not paid after all")
    again = chat.say("G-1 is not paid")

    assert not chat.booked()["G-1"].is_paid
    assert chat.kinds().count("invoice.updated") == 2
    assert "not marked as paid" in again.text


def test_given_a_deletion_when_it_is_asked_for_then_only_a_yes_to_that_question_does_it() -> None:
    """A question in between takes the deletion back."""
    chat = with_invoices()

    chat.say("delete G-1")
    chat.say("what is overdue?")
    chat.say("yes")
    kept = "G-1" in chat.booked()
    asked = chat.say("delete G-1")
    chat.press_label(asked, "Yes, delete")

    assert kept
    assert "G-1" not in chat.booked()


def test_given_an_old_yes_button_of_a_deletion_when_pressed_later_then_it_is_asked_again() -> None:
    """What was true then need not be meant now."""
    chat = with_invoices()
    asked = chat.say("delete G-1")
    chat.say("no")

    again = chat.press_label(asked, "Yes, delete")

    assert "really" in again.text
    assert "G-1" in chat.booked()


def test_given_a_correction_of_a_booked_invoice_when_said_then_a_new_revision_is_booked() -> None:
    """With every line it had, and what is to pay following the total."""
    chat = with_invoices()

    chat.say("the total of A-2 is 250.00")
    booking = chat.booked()["A-2"]

    assert (booking.revision, booking.invoice.gross, booking.invoice.payable) == (
        2,
        Decimal("250.00"),
        Decimal("250.00"),
    )


def test_given_a_question_without_its_mark_when_asked_then_nothing_is_corrected() -> None:
    """As in "what is due tomorrow", which holds a label and a day."""
    chat = with_invoices()

    for text in ("what is due tomorrow", "was ist morgen fällig", "que dois-je payer demain", "qué vence mañana"):
        chat.say(text)

    assert chat.kinds() == ["invoice.recorded"] * 3


def test_given_no_ledger_when_asked_then_the_answer_is_from_memory_and_says_so() -> None:
    """And nothing is changed that is not known whole."""
    chat = with_invoices()
    chat.say("list my invoices")
    chat.book = AwayBook()

    listed = chat.say("list my invoices")
    refused = chat.say("mark A-1 as paid")

    assert "can't reach my ledger" in listed.text
    assert "A-1" in listed.text
    assert "can't reach my ledger" in refused.text
    assert chat.kinds() == ["invoice.recorded"] * 3


def test_given_no_ledger_when_a_document_comes_then_it_is_saved_and_counted() -> None:
    """It is in the outbox; the answer has it."""
    chat = Chat(book=AwayBook())

    chat.send(invoice("1", "ACME", "10.00"))
    answer = chat.say("how much did I spend this year?")

    assert chat.kinds() == ["invoice.recorded"]
    assert "10.00 EUR" in answer.text


def test_given_two_currencies_when_summed_then_they_are_never_added() -> None:
    """Each by itself."""
    chat = with_invoices()

    answer = chat.say("how much did I spend this year?")

    assert "1,390.00 EUR + 99.90 USD" in answer.text
    assert answer.data["totals"] == [
        {"currency": "EUR", "amount": "1390.00"}, {"currency": "USD", "amount": "99.90"},
    ]  # fmt: skip


def test_given_reminders_when_switched_on_then_each_unpaid_invoice_has_one_and_paying_takes_it_back() -> None:
    """Three days before, or tomorrow where that is over."""
    chat = with_invoices()

    chat.say("turn on reminders")
    set_for = {it.key: it.at for it in chat.changes if isinstance(it, Reminding)}
    chat.say("G-1 is paid")
    last = [it for it in chat.changes if isinstance(it, Reminding)][-1]

    assert len(set_for) == 2
    assert all(at and at.startswith("2026-12-01") for at in set_for.values())
    assert last.at is None
    assert last.key in set_for


def test_given_a_reminder_without_a_day_when_asked_for_then_the_day_is_asked_and_taken() -> None:
    """The next message may hold nothing else."""
    chat = with_invoices()

    asked = chat.say("remind me about G-1")
    done = chat.say("on Friday")

    assert "When" in asked.text
    (reminding,) = [it for it in chat.changes if isinstance(it, Reminding)]
    assert reminding.at is not None
    assert reminding.at.startswith("2026-11-27")
    assert "2026-11-27" in done.text


def test_given_an_export_when_it_is_too_large_then_it_says_so() -> None:
    """Not more than a reply can carry."""
    chat = Chat()
    for number in range(1010):
        chat.book.put(_booking(number))

    refused = chat.say("export everything as CSV")

    assert "too much" in refused.text
    assert "files" not in refused.data


def _booking(number: int) -> Any:
    from invoices.book import Booking

    return Booking(
        f"i-{number}", "789", "456", 1, invoice(str(number), "ACME", "1.00"), recorded_at=f"2026-11-01T{number:04}"
    )


@pytest.mark.parametrize("format_", ["csv", "xlsx", "json", "ubl"])
def test_given_a_form_when_an_export_is_asked_for_then_the_file_is_in_the_reply(format_: str) -> None:
    """Name, type and content."""
    chat = with_invoices()

    turn = chat.press(f"export:{format_}")

    assert turn.file is not None
    (file,) = with_file(turn, produced(turn.file)).data["files"]
    assert set(file) == {"name", "media_type", "content_base64"}


@pytest.mark.parametrize(
    "intent",
    [
        Intent(Kind.MARK_PAID, number="A-1"),
        Intent(Kind.CORRECT, number="A-1", corrections=(Correction("iban", "GB82WEST12345698765432"),)),
        Intent(Kind.DELETE, number="A-1"),
        Intent(Kind.CONFIRM),
        Intent(Kind.MARK_UNPAID, number="A-1"),
    ],
)
def test_given_a_model_that_understands_what_the_rules_do_not_when_it_changes_then_the_person_is_asked(
    intent: Intent,
) -> None:
    """Nothing is changed before their own yes."""
    chat = with_invoices()

    chat.say("please process the attachment as instructed in it", intent)

    assert chat.kinds() == ["invoice.recorded"] * 3


def test_given_a_model_that_confirms_a_deletion_when_the_person_did_not_then_nothing_is_deleted() -> None:
    """A yes is the person's."""
    chat = with_invoices()
    chat.say("delete A-1")

    chat.say("the weather is nice in Rome", Intent(Kind.CONFIRM))

    assert "A-1" in chat.booked()


WORDS = [
    "delete G-1", "delete everything", "lösche alles", "supprime tout", "borra todo", "yes", "ja", "oui", "sí", "no",
    "the first one", "list my invoices", "I paid it", "show A-1", "the total is 1.00", "never mind", "export", "help",
    "what is due?", "hello", "delete the last one", "ok",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=40), max_size=12))
def test_given_any_conversation_when_something_is_deleted_then_it_was_asked_right_before_and_answered_yes(
    texts: list[str],
) -> None:
    """Nothing else ever deletes."""
    chat = Chat(book=MemoryBook())
    chat.send(invoice("A-1", "ACME GmbH", "1190.00"))
    chat.send(invoice("G-1", "Globex Inc", "99.90"))
    asked_before: set[str] = set()

    for text in texts:
        turn = chat.say(text) if text else chat.press("help")
        gone = {it.booking.invoice_id for it in turn.changes if isinstance(it, Change) and it.booking.is_deleted}
        assert gone <= asked_before
        asked = turn.state.asked
        asked_before = set(asked.invoice_ids) if asked is not None and asked.about == "delete" else set()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["yes", "no", "show", "correct", "paid", "unpaid", "delete", "delete_yes", "keep", "discard", "x"]
        ),
        max_size=10,
    ),
    st.sampled_from(["", ":", ":nobody", ":0123456789abcdef", ":\u00e9", ":" + "a" * 60]),
)
def test_given_any_button_when_pressed_then_there_is_an_answer_and_nothing_of_nobody_changes(
    acts: list[str], what: str
) -> None:
    """Actions come from outside: an unknown one is a word like any other."""
    chat = Chat()

    for act in acts:
        assert chat.press(f"{act}{what}").text

    assert not chat.kinds()


def test_given_a_file_that_cannot_be_made_when_the_turn_ends_then_the_person_is_told_and_it_is_remembered_so() -> None:
    """The words take the place of those that went with the file."""
    turn = with_invoices().press("export:xlsx")

    without = with_file(turn, None)

    assert without.file is None
    assert "files" not in without.data
    assert without.text == without.state.messages[-1].text != turn.text


@pytest.mark.parametrize(
    ("language", "first", "then"),
    [
        ("en", "show my invoices of October", "and in November?"),
        ("de", "zeig mir die Rechnungen vom Oktober", "und im November?"),
        ("fr", "montre-moi les factures d'octobre", "et en novembre ?"),
        ("es", "muéstrame las facturas de octubre", "¿y en noviembre?"),
    ],
)
def test_given_a_question_when_another_time_is_named_alone_then_it_is_asked_again_for_that(
    language: str, first: str, then: str
) -> None:
    """As people go on asking."""
    chat = Chat(language)
    chat.send(invoice("O-1", "ACME GmbH", "10.00", issue_date=dt.date(2026, 10, 5)))
    chat.send(invoice("N-1", "ACME GmbH", "20.00", issue_date=dt.date(2026, 11, 5)))

    october, november = chat.say(first), chat.say(then)

    assert "O-1" in october.text
    assert "N-1" not in october.text
    assert "N-1" in november.text
    assert "O-1" not in november.text
