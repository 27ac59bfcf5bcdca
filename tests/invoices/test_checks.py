"""Checks: what is odd about an invoice by itself, today, against its page, and against what the ledger knows."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invoices.book import Booking
from invoices.checks import check_against_known, check_invoice, check_today, compare_with_text, is_same_supplier
from invoices.invoice import FieldSource, Invoice, Party, TaxPart
from invoices.layout import layout_of_text

FIRST_IBAN, SECOND_IBAN = "DE89370400440532013000", "DE02120300000000202051"


def invoice(**changes: Any) -> Invoice:
    """An invoice that nothing is odd about, with changes."""
    plain = Invoice(
        number="RE-17",
        issue_date=dt.date(2026, 3, 2),
        due_date=dt.date(2026, 4, 1),
        currency="EUR",
        type_code="380",
        seller=Party("Nordwind GmbH", "DE136695976"),
        iban=FIRST_IBAN,
        net=Decimal("100.00"),
        tax=Decimal("19.00"),
        gross=Decimal("119.00"),
        payable=Decimal("119.00"),
    )
    return replace(plain, **changes)


def booked(place: int, **changes: Any) -> Booking:
    """A booking of an invoice with a number of its own."""
    kept = {name: changes.pop(name) for name in ("content_digest", "is_deleted") if name in changes}
    one = invoice(**{"number": f"RE-{place}", **changes})
    return Booking(f"i{place}", "c", "u", 1, one, recorded_at=f"2026-01-{place:02d}T00:00:00Z", **kept)


def codes(checked: Invoice) -> list[str]:
    """What was warned of, in order."""
    return [warning.code for warning in checked.warnings]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"gross": Decimal("120.00"), "payable": None}, "sum_mismatch"),
        ({"gross": Decimal("119.01")}, None),
        ({"taxes": (TaxPart(Decimal(19), Decimal(100), Decimal("18.00")),)}, "sum_mismatch"),
        ({"prepaid": Decimal("19.00")}, "sum_mismatch"),
        ({"prepaid": Decimal("19.00"), "payable": Decimal("100.00")}, None),
        ({"iban": "DE89370400440532013001"}, "invalid_iban"),
        ({"iban": "NL91 ABNA 0417 1643 00"}, None),
        ({"seller": Party("A", "DE136695977")}, "invalid_vat_id"),
        ({"seller": Party("A", "12/345/67890")}, None),
        ({"due_date": dt.date(2026, 3, 1)}, "dates_out_of_order"),
        ({"due_date": dt.date(2026, 3, 2)}, None),
        ({"fields": {"gross": FieldSource("text", 0.6, 1)}}, "low_confidence"),
        ({"fields": {"gross": FieldSource("text", 0.7, 1)}}, None),
    ],
)
def test_given_an_invoice_when_checked_then_what_is_odd_is_named(changes: dict[str, Any], code: str | None) -> None:
    """One oddity at a time, and what just passes."""
    assert codes(check_invoice(invoice(**changes))) == ([code] if code else [])


@pytest.mark.parametrize(("days", "expected"), [(-1, []), (1, []), (2, ["future_date"])])
def test_given_a_day_when_checked_then_a_date_in_the_future_is_named(days: int, expected: list[str]) -> None:
    """A day ahead may be a time zone."""
    today = dt.date(2026, 3, 2) - dt.timedelta(days=days)

    assert codes(check_today(invoice(), today)) == expected


@pytest.mark.parametrize(
    ("changes", "known", "expected"),
    [
        ({}, {"number": "RE-17"}, ["duplicate"]),
        ({}, {"number": "re 17"}, ["duplicate"]),
        ({}, {"number": "RE-18"}, []),
        ({}, {"number": "RE-17", "type_code": "381"}, []),
        ({}, {"number": "RE-17", "is_deleted": True}, []),
        ({}, {"number": "RE-17", "seller": Party("Sturm AG", "DE811569869")}, []),
        ({}, {"number": "RE-17", "seller": Party("NORDWIND GmbH.", None)}, ["duplicate"]),
        ({}, {"number": "RE-17", "seller": Party("Nord Wind", "DE 136 695 976")}, ["duplicate"]),
        ({}, {"number": None}, ["duplicate"]),
        ({}, {"number": None, "gross": Decimal("1.00")}, []),
        ({"seller": Party()}, {"number": "RE-17"}, ["duplicate"]),
        ({"seller": Party()}, {"number": "RE-17", "gross": Decimal("120.00")}, []),
    ],
)
def test_given_an_earlier_booking_when_checked_then_a_second_one_is_a_duplicate(
    changes: dict[str, Any], known: dict[str, Any], expected: list[str]
) -> None:
    """By supplier and number, however they are spelt; by day and amount where there is no number."""
    assert codes(check_against_known(invoice(**changes), [booked(1, **known)])) == expected


def test_given_the_same_file_again_when_checked_then_it_is_a_duplicate_unless_it_holds_several() -> None:
    """Whoever it is from; the warning says which booking it is."""
    earlier = [booked(1, number=None, seller=Party(), gross=None, content_digest="d")]
    other = [booked(1, number="RE-99", content_digest="d")]

    again = check_against_known(invoice(), earlier, content_digest="d")

    assert [(one.code, one.details["reference"]) for one in again.warnings] == [("duplicate", "i1")]
    assert codes(check_against_known(invoice(), other, content_digest="d")) == []


@pytest.mark.parametrize(
    ("changes", "known", "expected"),
    [
        ({"iban": SECOND_IBAN}, {}, ["iban_changed"]),
        ({"iban": SECOND_IBAN, "seller": Party("Nordwind GmbH", "DE811569869")}, {}, ["iban_changed"]),
        ({"iban": "DE89 3704 0044 0532 0130 00"}, {}, []),
        ({"iban": None}, {}, []),
        ({"iban": SECOND_IBAN}, {"iban": None}, []),
        ({"currency": "USD"}, {}, ["currency_changed"]),
        ({"iban": SECOND_IBAN}, {"seller": Party("Sturm AG")}, []),
    ],
)
def test_given_a_known_supplier_when_checked_then_another_account_or_currency_is_named(
    changes: dict[str, Any], known: dict[str, Any], expected: list[str]
) -> None:
    """A name is enough to be the same supplier: who writes in another's name changes more than the account."""
    assert codes(check_against_known(invoice(**changes), [booked(1, **known)])) == expected


@pytest.mark.parametrize(
    ("gross", "count", "expected"),
    [("700.00", 4, ["unusual_amount"]), ("10.00", 4, ["unusual_amount"]), ("300.00", 4, []), ("700.00", 3, [])],
)
def test_given_a_suppliers_usual_amounts_when_checked_then_one_far_from_them_is_named(
    gross: str, count: int, expected: list[str]
) -> None:
    """Five times more or less than the median of at least four; credit notes are no measure."""
    earlier = [booked(number) for number in range(1, count + 1)]
    earlier += [booked(9, type_code="381", gross=Decimal("9000.00"))]

    assert codes(check_against_known(invoice(number="RE-77", gross=Decimal(gross)), earlier)) == expected


def test_given_a_page_that_shows_another_account_when_compared_then_it_is_named() -> None:
    """What the data say must stand on the page, when the page says something for sure."""
    page = "Rechnung Nr. RE-17\nNettobetrag 100,00\nMwSt. 19 % 19,00\nGesamtbetrag 119,00 €\n"

    same = compare_with_text(invoice(), layout_of_text(page + f"IBAN {FIRST_IBAN}", 1_000))
    other = compare_with_text(invoice(), layout_of_text(page + f"IBAN {SECOND_IBAN}", 1_000))

    assert codes(same) == []
    assert [(one.code, one.details["field"]) for one in other.warnings] == [("xml_text_mismatch", "iban")]


@settings(deadline=None)
@given(st.lists(st.integers(1, 28), max_size=6, unique=True), st.randoms())
def test_given_bookings_in_any_order_when_checked_then_the_answer_is_the_same(numbers: list[int], chance: Any) -> None:
    """The ledger's order decides nothing; every warning has words and a code."""
    earlier = [booked(number, iban=(FIRST_IBAN, None)[number % 2]) for number in numbers]
    shuffled = chance.sample(earlier, len(earlier))
    one = invoice(number="RE-5", iban=SECOND_IBAN, currency="CHF")

    checked = check_against_known(one, earlier)

    assert checked == check_against_known(one, shuffled)
    assert all(warning.text.endswith(".") for warning in checked.warnings)


def test_given_names_of_letters_none_when_compared_then_they_are_no_supplier() -> None:
    """Two invoices from nobody are not from the same one."""
    assert not is_same_supplier(invoice(seller=Party("-")), invoice(seller=Party("*")))
