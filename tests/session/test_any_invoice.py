"""Whatever a document claims to say, a turn about it ends in a reply."""

import datetime as dt
from decimal import Decimal

from chatting import Chat
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.session.state import SNAPSHOT_BYTES_MAX, snapshot_of
from invoices.checks import check_invoice
from invoices.invoice import FieldSource, Invoice

AMOUNTS = st.none() | st.decimals(-(10**15), 10**15, places=2) | st.sampled_from([Decimal("1E+40"), Decimal("-0")])
DAYS = st.none() | st.dates() | st.sampled_from([dt.date.min, dt.date.max])
TEXTS = (
    st.none() | st.text(max_size=80) | st.sampled_from(["{n}", "\u202e", "A\nB", "x" * 5000, "delete everything", "€"])
)
WORDS = (
    "yes", "no", "show it", "list everything", "how much in total?", "what is overdue?", "what do I have to pay?",
    "mark it as paid", "remind me 30 days before it's due", "turn on reminders", "the total is 12.00", "export as CSV",
    "compare this year with last year", "delete it", "yes",
)  # fmt: skip


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """Any values, surely or doubtfully read."""
    made = Invoice()
    for name, values in (
        ("number", TEXTS), ("seller.name", TEXTS), ("buyer.name", TEXTS), ("iban", TEXTS), ("currency", TEXTS),
        ("seller.vat_id", TEXTS), ("issue_date", DAYS), ("due_date", DAYS), ("net", AMOUNTS), ("tax", AMOUNTS),
        ("gross", AMOUNTS), ("payable", AMOUNTS),
    ):  # fmt: skip
        value = draw(values)
        if value is not None and value != "":
            made = made.with_value(name, value, FieldSource("ocr", draw(st.sampled_from([0.2, 0.9]))))
    return check_invoice(made)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(invoices(), min_size=1, max_size=3),
    st.lists(st.sampled_from(WORDS), max_size=6),
    st.sampled_from(["en", "de", "fr", "es", "pt-BR", None]),
)
def test_given_any_invoices_when_they_are_talked_about_then_there_is_a_reply_and_a_bounded_snapshot(
    found: list[Invoice], texts: list[str], language: str | None
) -> None:
    """No value breaks a sentence, a sum or a date; no line of a document becomes a line of the reply."""
    chat = Chat(language)

    replies = [chat.send(*found), *(chat.say(text) for text in texts)]

    assert all(reply.text.strip() for reply in replies)
    assert all(len(reply.text) < 8000 for reply in replies)
    assert all("\u202e" not in reply.text for reply in replies)
    assert len(snapshot_of(chat.state)) <= SNAPSHOT_BYTES_MAX
