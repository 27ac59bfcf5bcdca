"""The invoice record: what goes out, what goes into snapshots, what a person corrects."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.invoice import (
    FIELDS,
    FieldSource,
    Invoice,
    InvoiceWarning,
    Line,
    Party,
    TaxPart,
    from_plain,
    to_plain,
    to_protocol,
)
from messages.codec import decode, encode

texts = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)
amounts = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9)
dates = st.none() | st.dates()
lines = st.builds(Line, texts, amounts, amounts, amounts, amounts)
invoices = st.builds(
    Invoice,
    number=texts,
    issue_date=dates,
    due_date=dates,
    currency=texts,
    type_code=texts,
    seller=st.builds(Party, texts, texts),
    buyer=st.builds(Party, texts, texts),
    iban=texts,
    net=amounts,
    tax=amounts,
    gross=amounts,
    payable=amounts,
    lines=st.lists(lines, max_size=3).map(tuple),
    taxes=st.lists(st.builds(TaxPart, amounts, amounts, amounts), max_size=2).map(tuple),
    fields=st.dictionaries(st.sampled_from(FIELDS), st.builds(FieldSource, st.just("xml"), st.just(1.0)), max_size=3),
    warnings=st.lists(st.builds(InvoiceWarning, st.just("duplicate"), st.just("seen")), max_size=2).map(tuple),
)


@given(invoices)
def test_given_any_invoice_when_made_plain_and_back_then_it_is_the_same(invoice: Invoice) -> None:
    """Snapshots lose nothing."""
    plain = to_plain(invoice)

    again = from_plain(plain)

    assert again == invoice


@given(invoices)
def test_given_any_invoice_when_encoded_and_decoded_then_it_is_the_same(invoice: Invoice) -> None:
    """The codec knows the record and all its parts."""
    raw = encode(invoice)

    again = decode(raw)

    assert again == invoice


def test_given_an_invoice_when_shown_outside_then_amounts_are_strings_with_two_decimals() -> None:
    """PROTOCOL, "An invoice": decimal strings with a dot, ISO dates, nulls for what is absent."""
    invoice = Invoice(
        number="2026-031",
        issue_date=dt.date(2026, 3, 31),
        seller=Party("ACME GmbH"),
        gross=Decimal(1190),
        net=Decimal("1000.005"),
        lines=(Line("Chair", Decimal(2), Decimal("19.9"), Decimal("39.8"), Decimal(19)),),
        fields={"number": FieldSource("text", 0.97, 1)},
        warnings=(InvoiceWarning("duplicate", "Seen before.", {"number": "2026-031"}),),
    )

    shown = to_protocol(invoice)

    assert shown["gross"] == "1190.00"
    assert shown["net"] == "1000.005"
    assert shown["due_date"] is None
    assert shown["type"] == "invoice"
    assert shown["seller"] == {"name": "ACME GmbH", "vat_id": None}
    assert shown["lines"] == [
        {"description": "Chair", "quantity": "2", "unit_price": "19.9", "net": "39.80", "tax_rate": "19"}
    ]
    assert shown["fields"] == {"number": {"source": "text", "confidence": 0.97, "page": 1}}
    assert shown["warnings"] == [{"code": "duplicate", "text": "Seen before."}]


@pytest.mark.parametrize(("code", "kind"), [("380", "invoice"), ("381", "credit_note"), ("TD04", "credit_note")])
def test_given_a_type_code_when_asked_then_credit_notes_are_told_from_invoices(code: str, kind: str) -> None:
    """BT-3 decides; an unknown code is an invoice."""
    invoice = Invoice(type_code=code)

    assert invoice.type == kind


@pytest.mark.parametrize("name", ["seller.name", "buyer.vat_id", "gross", "issue_date"])
def test_given_a_field_when_a_person_corrects_it_then_value_and_source_change(name: str) -> None:
    """A correction replaces the value and says who made it; taking it back removes both."""
    value = {"gross": Decimal("1.00"), "issue_date": dt.date(2026, 1, 1)}.get(name, "X")
    invoice = Invoice(fields={name: FieldSource("text", 0.4)})

    corrected = invoice.with_value(name, value, FieldSource("person", 1.0))
    cleared = corrected.with_value(name, None, None)

    assert corrected.value(name) == value
    assert corrected.fields[name].source == "person"
    assert cleared.value(name) is None
    assert name not in cleared.fields


def test_given_an_unknown_field_when_set_then_it_is_refused() -> None:
    """Only the protocol's names are fields."""
    invoice = Invoice()

    with pytest.raises(KeyError):
        invoice.with_value("lines", "x", None)


def test_given_a_warning_when_added_twice_then_it_stands_once() -> None:
    """Checks may run again on the same invoice."""
    warning = InvoiceWarning("duplicate", "Seen before.")

    invoice = Invoice().with_warnings(warning).with_warnings(warning)

    assert invoice.warnings == (warning,)
