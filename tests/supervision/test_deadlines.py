"""The heap of deadlines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from supervision.deadlines import DEAD_KEPT_MAX, Deadlines


class Entry:
    """Notes when it expires."""

    def __init__(self, number: int, expired: list[int]) -> None:
        self.armed = False
        self.number = number
        self.expired = expired

    def expire(self) -> None:
        """Note it."""
        self.expired.append(self.number)


steps = st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60)


@given(steps, st.lists(st.integers(0, 25), max_size=6).map(sorted))
def test_given_deadlines_when_time_passes_then_those_due_expire_nearest_first_ties_in_order_set(
    entries: list[tuple[int, bool]], looks: list[int]
) -> None:
    """Those called off never do; what is armed is always the nearest."""
    armed: list[float] = []
    expired: list[int] = []
    deadlines = Deadlines(armed.append)
    made = [Entry(number, expired) for number in range(len(entries))]
    for entry, (at_s, _) in zip(made, entries, strict=True):
        deadlines.add(at_s, entry)
    for entry, (_, called_off) in zip(made, entries, strict=True):
        if called_off:
            deadlines.call_off(entry)
            deadlines.call_off(entry)

    for now_s in looks:
        deadlines.run_due(now_s)

    wanted = [number for number, (_, called_off) in enumerate(entries) if not called_off]
    last_s = looks[-1] if looks else -1
    due = sorted((number for number in wanted if entries[number][0] <= last_s), key=lambda number: entries[number][0])
    assert expired == due
    assert len(deadlines) == len(wanted) - len(due)
    left = [entries[number][0] for number in wanted if number not in due]
    assert deadlines.nearest_s() == (min(left) if left else None)
    assert not left or armed[-1] <= min(left)


def test_given_many_entries_called_off_when_there_are_too_many_then_they_are_thrown_out() -> None:
    """Memory does not grow with asks that were answered long ago."""
    deadlines = Deadlines(lambda _at_s: None)
    kept = Entry(0, [])
    deadlines.add(1.0, kept)

    for number in range(20 * DEAD_KEPT_MAX):
        entry = Entry(number, [])
        deadlines.add(5.0, entry)
        deadlines.call_off(entry)

    assert len(deadlines) == 1
    assert len(deadlines._heap) <= DEAD_KEPT_MAX + 2


def test_given_an_entry_that_adds_another_when_it_expires_then_that_one_is_armed() -> None:
    """A periodic timer is set again from within its own end."""
    armed: list[float] = []
    deadlines = Deadlines(armed.append)
    later = Entry(1, [])

    class Again(Entry):
        def expire(self) -> None:
            deadlines.add(7.0, later)

    deadlines.add(1.0, Again(0, []))
    deadlines.run_due(1.0)

    assert armed == [1.0, 7.0]
