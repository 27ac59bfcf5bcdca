"""The ledger in SQL means what the pure rules mean, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from bookings_made import CHAT, bookings, effect_of, invoices, loose_queries, made
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.ledger.rows import booking_of, row_of, size_key
from invoices.book import Booking, BookQuery, MemoryBook
from invoices.changes import booking_from_plain

if TYPE_CHECKING:
    from actors.ledger.ledger import Ledger

pytestmark = pytest.mark.xdist_group("postgres")

WITH_A_FIXTURE = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@WITH_A_FIXTURE
@given(st.lists(bookings, max_size=12), loose_queries)
def test_given_any_bookings_when_asked_then_sql_and_memory_agree(
    ledger: Ledger, records: list[Booking], query: BookQuery
) -> None:
    """Which ones, in which order, and which revision of each; equal revisions are the same booking in life."""
    distinct = list({(one.chat_id, one.invoice_id, one.revision): one for one in records}.values())
    for chat in (CHAT, "chat-2"):
        ledger.forget(chat)

    for one in distinct:
        ledger.put([one])

    expected = MemoryBook(one for one in distinct if one.chat_id == CHAT).find(query)
    assert ledger.find(CHAT, query) == expected


@WITH_A_FIXTURE
@given(st.permutations([made(1, revision, is_paid=revision % 2 == 0) for revision in range(1, 6)]))
def test_given_revisions_in_any_order_when_booked_twice_then_the_greatest_stands(
    ledger: Ledger, records: list[Booking]
) -> None:
    """Order and repetition do not matter, one by one or together."""
    ledger.forget(CHAT)

    for one in records:
        ledger.put([one])
    ledger.put(records)

    assert ledger.find(CHAT, BookQuery()) == (made(1, 5),)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_given_two_amounts_when_written_as_keys_then_their_order_is_kept(first: Decimal, second: Decimal) -> None:
    """Without their signs, exactly."""
    keys = size_key(first), size_key(second)

    assert (keys[0] < keys[1]) == (abs(first) < abs(second))
    assert (keys[0] == keys[1]) == (abs(first) == abs(second))


@given(bookings, invoices)
def test_given_any_booking_when_made_a_row_or_an_effect_then_it_comes_back(booking: Booking, invoice: object) -> None:
    """Nothing is lost on the way."""
    assert booking_of(row_of(booking)) == booking
    assert booking_from_plain(effect_of(booking).payload["booking"]) == booking


def test_given_thousands_of_rows_when_summed_then_the_total_is_exact(ledger: Ledger) -> None:
    """Amounts that floats cannot hold, and more rows than are ever listed."""
    count = 5_000
    records = [made(number, gross=f"{number}.1") for number in range(count)]
    records += [made(count, gross="0.0000000001"), made(count + 1, gross="99999999999999999.99")]

    ledger.put(records, 60.0)
    (total,) = ledger.totals(CHAT, BookQuery())

    assert total.count == count + 2
    assert total.gross == sum((one.invoice.gross or Decimal(0) for one in records), Decimal(0))
    assert (total.currency, total.type) == ("EUR", "invoice")


def test_given_a_deleted_booking_when_asked_then_only_its_id_finds_it(ledger: Ledger) -> None:
    """And totals leave it out."""
    ledger.put([made(1), made(2, 2, is_deleted=True)])

    assert ledger.find(CHAT, BookQuery()) == (made(1),)
    assert ledger.find(CHAT, BookQuery(invoice_ids=("i-2",))) == (made(2, 2, is_deleted=True),)
    assert [total.count for total in ledger.totals(CHAT, BookQuery())] == [1]


def test_given_two_chats_when_one_is_forgotten_then_nothing_of_it_is_left(ledger: Ledger) -> None:
    """Neither in the table nor in memory; the other chat stays."""
    ledger.put([made(1), made(2), made(1, chat="chat-2")])

    count = ledger.forget(CHAT)

    assert count == 2
    assert ledger.find(CHAT, BookQuery()) == ()
    assert ledger.recent.of(CHAT) == ()
    assert len(ledger.find("chat-2", BookQuery())) == 1
