"""The queue of a pipe: order within a slot, whatever is held, put back or withdrawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from actors.pipeline.queue import RequestQueue
from actors.pipeline.request import Request
from actors.store_errors import StoreBacklog

SLOTS = st.integers(0, 3)


def request(slot: int | None = 0, size_bytes: int = 1) -> Request:
    """Some request."""
    return Request(b"x" * size_bytes, slot, None, None)


class QueueModel(RuleBasedStateMachine):
    """Puts, takes, holds and returns in any order, against plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = RequestQueue(1000, 10**9)
        self.numbers: dict[Request, int] = {}
        self.waiting: list[Request] = []
        self.held: dict[int, int] = {}
        self.taken: list[Request] = []

    @rule(slot=SLOTS, size_bytes=st.integers(1, 50))
    def put(self, slot: int, size_bytes: int) -> None:
        """A caller submits."""
        item = request(slot, size_bytes)
        self.numbers[item] = len(self.numbers)
        self.queue.put(item)
        self.waiting.append(item)

    @rule(count_max=st.integers(1, 5), size_bytes_max=st.integers(1, 120))
    def take(self, count_max: int, size_bytes_max: int) -> None:
        """A batch is made: the first that are not held, within the bounds, at least one."""
        expected: list[Request] = []
        gone: list[Request] = []
        size_bytes = 0
        for item in [item for item in self.waiting if item.slot not in self.held]:
            size_bytes += len(item.packed)
            if len(expected) == count_max or (expected and size_bytes > size_bytes_max):
                break
            gone.append(item)
            expected += [] if item.abandoned else [item]

        batch = self.queue.take(count_max, size_bytes_max)

        assert batch == expected
        self.waiting = [item for item in self.waiting if item not in gone]
        self.taken = batch

    @precondition(lambda self: self.taken)
    @rule(keep=st.integers(0, 5))
    def put_back(self, keep: int) -> None:
        """The last of a batch come back, before all others."""
        back, self.taken = self.taken[keep:], []
        self.queue.put_back(back)
        self.waiting = back + self.waiting

    @rule(slot=SLOTS)
    def hold(self, slot: int) -> None:
        """A slot is redirected."""
        self.queue.hold(slot)
        self.held[slot] = self.held.get(slot, 0) + 1

    @rule(slot=SLOTS)
    def release(self, slot: int) -> None:
        """It may go on."""
        self.queue.release(slot)
        if self.held.get(slot, 0) > 1:
            self.held[slot] -= 1
        else:
            self.held.pop(slot, None)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        """A caller gives up."""
        data.draw(st.sampled_from(self.waiting)).withdraw()

    @rule(slots=st.sets(SLOTS))
    def extract(self, slots: set[int]) -> None:
        """Slots go elsewhere."""
        expected = [item for item in self.waiting if item.slot in slots]
        assert self.queue.extract(slots) == expected
        self.waiting = [item for item in self.waiting if item.slot not in slots]

    @invariant()
    def same_as_the_model(self) -> None:
        """Count, bytes and order agree; within a slot the order is that of submission."""
        assert list(self.queue._waiting) == self.waiting
        assert self.queue.size_bytes == sum(len(item.packed) for item in self.waiting)
        assert self.queue.has_sendable() == any(item.slot not in self.held for item in self.waiting)
        for slot in range(4):
            numbers = [self.numbers[item] for item in self.waiting if item.slot == slot]
            assert numbers == sorted(numbers)


TestQueueModel = QueueModel.TestCase


@given(sizes=st.lists(st.integers(1, 20), max_size=30), count_max=st.integers(1, 10), size_bytes_max=st.integers(1, 60))
def test_given_bounds_when_filled_then_they_hold_and_one_always_fits(
    sizes: list[int], count_max: int, size_bytes_max: int
) -> None:
    """A request larger than the bound is taken by an empty queue: it could never be sent otherwise."""
    queue = RequestQueue(count_max, size_bytes_max)

    for size_bytes in sizes:
        before = len(queue)
        fits = before < count_max and queue.size_bytes + size_bytes <= size_bytes_max
        if before == 0 or fits:
            queue.put(request(0, size_bytes))
        else:
            with pytest.raises(StoreBacklog):
                queue.put(request(0, size_bytes))
            assert len(queue) == before


def test_given_only_withdrawn_requests_when_taken_then_the_batch_is_empty_and_the_queue_too() -> None:
    """Nothing is sent for nobody."""
    queue = RequestQueue(10, 100)
    for _ in range(3):
        item = request()
        queue.put(item)
        item.withdraw()

    assert queue.take(10, 100) == []
    assert (len(queue), queue.size_bytes) == (0, 0)
