"""What is used of a model's answer about a document: what the document bears out, and nothing else."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.invoice import FIELDS, FieldSource, Invoice, Party
from invoices.model_reading import CONFIDENCE, SCHEMA, completed

TEXT = """Bakkerij De Molen
Rekening 2026-17   datum 3 maart 2026
te betalen voor 02/04/2026
bedrag excl. 100,00   btw 21,00   totaal € 121,00
NL91 ABNA 0417 1643 00"""
SAID = {
    "type": "invoice", "number": "2026-17", "issue_date": "2026-03-03", "due_date": "2026-04-02", "currency": "EUR",
    "net": "100.00", "tax": "21.00", "gross": "121.00", "payable": None, "seller_name": "Bakkerij De Molen",
    "seller_vat_id": None, "buyer_name": None, "buyer_vat_id": None, "iban": "NL91ABNA0417164300",
}  # fmt: skip


def test_given_an_answer_that_the_text_bears_out_when_used_then_every_value_has_the_source_model() -> None:
    """With a confidence that is asked about."""
    read = completed(None, SAID, TEXT)

    assert read is not None
    assert (read.number, read.gross, read.seller.name) == ("2026-17", Decimal("121.00"), "Bakkerij De Molen")
    assert (read.issue_date, read.due_date) == (dt.date(2026, 3, 3), dt.date(2026, 4, 2))
    assert read.iban == "NL91ABNA0417164300"
    assert set(read.fields.values()) == {FieldSource("model", CONFIDENCE)}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("number", "2026-18"), ("number", "17"), ("number", "026-1"), ("gross", "1210.00"), ("gross", "lots"),
        ("issue_date", "2026-03-04"), ("issue_date", "yesterday"), ("currency", "USD"), ("currency", "euros"),
        ("iban", "NL91ABNA0417164301"), ("iban", "DE89370400440532013000"), ("seller_name", "Evil Ltd"),
        ("seller_name", "M"), ("buyer_name", "De Molens"), ("seller_vat_id", "NL91"), ("gross", ["121.00"]),
    ],
)  # fmt: skip
def test_given_a_value_that_the_text_does_not_have_when_used_then_it_is_left_out(key: str, value: Any) -> None:
    """Missing is better than wrong."""
    read = completed(None, {**SAID, key: value}, TEXT)

    if read is not None:
        name = {"seller_name": "seller.name", "buyer_name": "buyer.name", "seller_vat_id": "seller.vat_id"}.get(
            key, key
        )
        assert read.value(name) is None or (key == "number" and value == "17")


def test_given_sums_that_do_not_agree_when_used_then_no_amount_of_the_model_is() -> None:
    """Each stands in the text, and together they are wrong."""
    swapped = {**SAID, "net": "121.00", "gross": "100.00"}
    read = completed(Invoice(number="2026-17", seller=Party("Bakkerij De Molen")), swapped, TEXT)

    assert read is not None
    assert (read.net, read.tax, read.gross) == (None, None, None)


def test_given_what_rules_have_read_when_a_model_says_otherwise_then_the_rules_stand() -> None:
    """It only fills what is open; and not against what is known."""
    source = FieldSource("text", 0.9)
    by_rules = Invoice().with_value("gross", Decimal("121.00"), source).with_value("tax", Decimal("21.00"), source)

    right, wrong = (
        completed(by_rules, {**SAID, "gross": "100.00"}, TEXT),
        completed(by_rules, {**SAID, "net": "121"}, TEXT),
    )

    assert right is not None
    assert (right.gross, right.net, right.fields["gross"]) == (Decimal("121.00"), Decimal("100.00"), source)
    assert wrong is not None
    assert (wrong.gross, wrong.net) == (Decimal("121.00"), None)


@pytest.mark.parametrize("said", [{"type": "neither"}, {}, {"type": "invoice"}, {"type": "invoice", "gross": "121.00"}])
def test_given_too_little_when_used_then_there_is_no_invoice(said: dict[str, Any]) -> None:
    """A total alone is none."""
    assert completed(None, said, TEXT) is None


@given(
    st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), st.text(max_size=20) | st.none()), st.text(max_size=80)
)
def test_given_any_answer_and_any_text_when_used_then_nothing_is_there_that_the_text_has_not(
    said: dict[str, Any], text: str
) -> None:
    """A model that makes things up makes nothing of them."""
    read = completed(Invoice(number="7"), said, text)

    assert read is not None
    assert all(read.value(name) is None for name in FIELDS if name != "number") or any(c.isalnum() for c in text)
    assert all(read.fields[name].source == "model" for name in read.fields)
