"""How many entries are asked for at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.partition.batch_size import BYTES_MAX, COUNT_MAX, BatchSize

pytestmark = pytest.mark.rule("D4")


def test_given_small_messages_when_read_then_batches_grow_to_their_bound() -> None:
    """Twice as many after each read."""
    size = BatchSize()

    counts = []
    for _ in range(5):
        size.has_read(size.count, size.count * 300)
        counts.append(size.count)

    assert counts == [64, 128, COUNT_MAX, COUNT_MAX, COUNT_MAX]


def test_given_large_messages_when_read_then_batches_shrink_to_what_fits() -> None:
    """Thirteen megabytes each, as an attachment of full size has in base64."""
    size = BatchSize(COUNT_MAX)

    size.has_read(10, 130_000_000)

    assert size.count == BYTES_MAX // 13_000_000


def test_given_nothing_when_read_then_nothing_is_learned() -> None:
    """The stream was empty."""
    size = BatchSize()

    size.has_read(0, 0)

    assert size == BatchSize()


@given(st.lists(st.tuples(st.integers(0, COUNT_MAX), st.integers(0, 40_000_000))))
def test_given_any_reads_when_learned_from_then_the_next_one_is_bounded(reads: list[tuple[int, int]]) -> None:
    """By count always, and by bytes at the size of the last messages."""
    size = BatchSize()

    for entries, bytes_each in reads:
        size.has_read(entries, entries * bytes_each)

        assert 1 <= size.count <= COUNT_MAX
        assert not entries or size.count == 1 or size.count * bytes_each <= BYTES_MAX
