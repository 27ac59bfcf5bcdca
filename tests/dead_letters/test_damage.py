"""A bit flipped anywhere in a stored dead letter: noticed, set aside with its bytes, and never a crash."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from dead_letters.bench_world import DeskUnderTest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervision.dead_letter_queue import DeadItem, ItemFilter
from supervision.dead_letters.sqlite_rows import opened, sealed
from supervision.keeping.sealed import Damaged

AWAY = ConnectionRefusedError(111, "Connection refused")


def an_item(tmp_path: Path) -> DeadItem:
    """One with an attempt, a note and a payload."""
    queue = DeskUnderTest(tmp_path / "item.db")
    queue.register("webhook")
    item = queue.desk.new_item("webhook", {"n": 1, "nested": [1, "ü", None]}, AWAY, priority=1,
                               idempotency_key="k", context={"chat_id": "7"})  # fmt: skip
    queue.close()
    return item


def test_given_any_single_bit_when_it_is_flipped_then_the_item_is_damaged(tmp_path: Path) -> None:
    """Every bit of the bytes that are stored, one after the other."""
    item = an_item(tmp_path)
    raw = sealed(item)

    for bit in range(len(raw) * 8):
        broken = bytearray(raw)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            opened(item.item_id, bytes(broken))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=50) | st.none() | st.integers() | st.floats(allow_nan=False))
def test_given_anything_at_all_when_opened_then_damaged_and_nothing_else(raw: object) -> None:
    """Whatever a column may hold."""
    with pytest.raises(Damaged):
        opened("an-item", raw)


def test_given_flipped_bits_in_stored_rows_when_worked_on_then_those_are_aside_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    """In the bytes of one item, in the index columns of another, while the file is open and when it is opened."""
    queue = DeskUnderTest(tmp_path / "letters.db")
    queue.register("webhook")
    items = [queue.desk.new_item("webhook", {"n": n}, None, priority=2, idempotency_key=None, context={})
             for n in range(6)]  # fmt: skip
    queue.store.insert_many(items)
    _flip(queue.store.path, "raw", items[1].item_id)
    taken = queue.desk.take(queue.desk.wants(10), "token")
    queue.desk.taken([], taken)
    queue.store.finish_many([queue.desk.settled(leased, None, 0.0) for leased in taken.leased])
    facts = queue.store.facts()
    _flip(queue.store.path, "raw", items[2].item_id)
    _flip(queue.store.path, "sort", items[3].item_id)
    queue.close()

    again = DeskUnderTest(tmp_path / "letters.db")
    after = again.store.facts()
    listed = again.desk.page(ItemFilter(), "", 100)

    assert sorted(leased.item.payload["n"] for leased in taken.leased) == [0, 2, 3, 4, 5]
    assert (facts.items, facts.aside) == (5, 1)
    assert (after.items, after.aside) == (4, 2)
    assert sorted(item.payload["n"] for item in listed) == [0, 3, 4, 5]
    assert {"dead_letter_set_aside", "dead_letters_mended"} <= {event.name for event in again.events}
    again.close()


@settings(max_examples=40, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_given_a_bit_flipped_anywhere_in_the_file_when_opened_then_whole_items_are_right(
    tmp_path_factory: pytest.TempPathFactory, where: float, bit: int
) -> None:
    """Headers, pages, index or item: what is read is what was written, and the queue works."""
    path = tmp_path_factory.mktemp("flip") / "letters.db"
    queue = DeskUnderTest(path)
    queue.register("webhook")
    items = [queue.desk.new_item("webhook", {"n": n, "text": "y" * 500}, AWAY, priority=2, idempotency_key=None,
                                 context={}) for n in range(20)]  # fmt: skip
    queue.store.insert_many(items)
    queue.close()
    content = bytearray(path.read_bytes())
    at = int(where * len(content))
    content[at] ^= 1 << bit
    path.write_bytes(content)

    again = DeskUnderTest(path)
    again.register("webhook")
    listed = again.desk.page(ItemFilter(), "", 100)
    fresh = again.desk.new_item("webhook", {"n": 99}, None, priority=0, idempotency_key=None, context={})
    (answer,) = again.store.insert_many([fresh])

    written = {item.item_id: item for item in items}
    assert all(again.desk.get(item.item_id) == written[item.item_id] for item in listed)
    assert len(listed) == 20 or again.events, "a loss that nobody was told of"
    assert answer == fresh.item_id
    again.close()


def _flip(path: Path, column: str, item_id: str) -> None:
    """As a disk would, behind the queue's back."""
    connection = sqlite3.connect(path)
    (value,) = connection.execute(f"SELECT {column} FROM items WHERE item_id = ?", (item_id,)).fetchone()
    if isinstance(value, bytes):
        broken = bytearray(value)
        broken[len(value) // 2] ^= 16
        value = bytes(broken)
    else:
        value += 4096.0
    connection.execute(f"UPDATE items SET {column} = ? WHERE item_id = ?", (value, item_id))
    connection.commit()
    connection.close()
