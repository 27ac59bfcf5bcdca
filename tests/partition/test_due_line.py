"""The line of what is due."""

from hypothesis import given
from hypothesis import strategies as st

from actors.partition.due_line import DueLine
from actors.partition.table import Entry

TIMES = st.lists(st.tuples(st.integers(0, 20), st.booleans()))


def entry(number: int) -> Entry:
    """An open one."""
    return Entry(
        f"{number}-0",
        "c",
        "m",
        "",
        0,
        straight=False,
        message=None,
        first_seen_s=0.0,
        soft_at_s=None,
        hard_at_s=0.0,
        late=False,
    )


@given(TIMES)
def test_given_entries_in_any_order_when_taken_then_the_earliest_comes_first_and_of_one_time_the_first_added(
    added: list[tuple[int, bool]],
) -> None:
    """As a sorted list has it; what is settled is not taken."""
    line, entries = DueLine(), [(at_s, entry(number), settled) for number, (at_s, settled) in enumerate(added)]
    for at_s, one, settled in entries:
        line.add(at_s, one)
        one.settled = settled

    taken = []
    while (next_s := line.next_s()) is not None:
        taken.append((next_s, line.pop()))

    open_ones = [(at_s, one) for at_s, one, settled in entries if not settled]
    assert taken == sorted(open_ones, key=lambda pair: pair[0])


@given(TIMES, st.data())
def test_given_entries_that_are_taken_in_between_when_more_are_added_then_the_order_holds(
    added: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """Adding and taking in turns."""
    line, waiting = DueLine(), list[tuple[int, Entry]]()
    for number, (at_s, takes) in enumerate(added):
        one = entry(number)
        line.add(at_s, one)
        waiting.append((at_s, one))
        if takes and data.draw(st.booleans()):
            earliest = min(waiting, key=lambda pair: pair[0])
            assert (line.next_s(), line.pop()) == earliest
            waiting.remove(earliest)

    assert line.next_s() == min((at_s for at_s, _ in waiting), default=None)
