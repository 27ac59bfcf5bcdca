"""The owner's table against its sentences: order, one in hand, deadlines, who is spoken for and when. No clock runs."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from seen_entries import HARD_S, SOFT_S, STATICS_MAX, handed_out, seen

from actors.partition.table import INTERIM_MIN_S, LATE_BUDGET_S, STATIC_MARGIN_S, Deadlines, Table
from messages.records import InboundMessage


@pytest.fixture
def table() -> Table:
    """An empty table with the deadlines of the protocol."""
    return Table(Deadlines(SOFT_S, HARD_S))


@pytest.mark.rule("T2")
def test_given_three_messages_of_a_chat_when_asked_then_the_next_follows_the_commit_of_the_one_before(
    table: Table,
) -> None:
    """One in hand, in the order of the stream."""
    first, second, third = (seen(table, f"{number}-0") for number in (1, 2, 3))

    order = [handed_out(table), handed_out(table)]
    table.settle(first.entry_id)
    order.append(handed_out(table))
    table.settle(second.entry_id)
    order.append(handed_out(table))

    assert order == [[first], [], [second], [third]]


@pytest.mark.rule("T2")
def test_given_a_long_chat_when_asked_then_every_other_chat_has_its_turn(table: Table) -> None:
    """A chat with a thousand messages takes one place among the chats."""
    for number in range(1000):
        seen(table, f"{number}-0", "busy")
    others = [seen(table, f"{number}-1", f"other {number}") for number in range(15)]

    ready = table.take_ready(16)

    assert ready[1:] == others


@pytest.mark.rule("O3")
def test_given_an_entry_that_is_seen_twice_when_read_again_then_it_is_one(table: Table) -> None:
    """A reader that begins anew brings everything again."""
    seen(table, "1-0")

    again = table.see(
        "1-0", InboundMessage("1-0", "789", "456", "Hello"), "1-0", "d", week=1, straight=False, age_s=0, now_s=101.0
    )

    assert again is None
    assert len(table) == 1


@pytest.mark.rule("T4")
def test_given_a_fresh_message_when_time_passes_then_interim_at_the_soft_and_static_before_the_hard_deadline(
    table: Table,
) -> None:
    """Each once, at 8 s and at 28 s of 30."""
    entry = seen(table, "1-0", now_s=100.0)

    spoken = {
        at_s: (due.interims, due.statics)
        for at_s in (107.9, 108.0, 127.9, 128.0, 140.0)
        for due in [table.due(at_s, STATICS_MAX)]
    }

    assert spoken == {
        107.9: ((), ()), 108.0: ((entry,), ()), 127.9: ((), ()), 128.0: ((), (entry,)), 140.0: ((), ()),
    }  # fmt: skip


@pytest.mark.rule("T3")
def test_given_a_message_of_some_age_when_first_seen_then_its_deadlines_count_from_its_acceptance(
    table: Table,
) -> None:
    """Seen after five seconds: three to the interim, twenty-three to the static reply."""
    entry = seen(table, "1-0", age_s=5.0, now_s=100.0)

    assert (entry.soft_at_s, entry.hard_at_s, entry.static_at_s, entry.late) == (103.0, 125.0, 123.0, False)


@pytest.mark.rule("T3")
def test_given_an_age_below_nought_when_first_seen_then_it_is_nought(table: Table) -> None:
    """The server's clock was set back, or the entry's id runs ahead of it."""
    assert seen(table, "1-0", age_s=-3600.0, now_s=100.0).hard_at_s == 130.0


@pytest.mark.rule("T3")
def test_given_a_message_almost_too_old_for_its_interim_when_first_seen_then_none_within_a_second(
    table: Table,
) -> None:
    """Nobody is told to wait who was not waiting for us; and where the static is nearer, none at all."""
    soon, never = seen(table, "1-0", "a", age_s=20.0), seen(table, "2-0", "b", age_s=27.5)

    assert soon.soft_at_s == 100.0 + INTERIM_MIN_S
    assert never.soft_at_s is None
    assert table.due(100.0 + INTERIM_MIN_S, STATICS_MAX).interims == (soon,)


@pytest.mark.rule("T3")
@pytest.mark.parametrize("age_s", [28.0, 30.0, 3600.0])
def test_given_a_message_that_is_late_when_first_seen_then_it_has_a_fresh_budget_and_no_interim(
    table: Table, age_s: float
) -> None:
    """After an outage: five seconds for the rules, then the static reply."""
    entry = seen(table, "1-0", age_s=age_s, now_s=100.0)

    before = table.due(100.0 + LATE_BUDGET_S - 0.1, STATICS_MAX)
    at_last = table.due(100.0 + LATE_BUDGET_S, STATICS_MAX)

    assert (before.interims, before.statics) == ((), ())
    assert (at_last.interims, at_last.statics) == ((), (entry,))


@pytest.mark.rule("T3")
def test_given_an_outage_when_thousands_are_late_then_their_statics_come_at_a_bounded_rate(table: Table) -> None:
    """So many at each look, none forgotten, the oldest first."""
    entries = [seen(table, f"{number}-0", f"chat {number}", age_s=60.0) for number in range(200)]

    looks = [table.due(110.0, STATICS_MAX).statics for _ in range(4)]

    assert [len(look) for look in looks] == [64, 64, 64, 8]
    assert [entry for look in looks for entry in look] == entries


@pytest.mark.rule("T3")
def test_given_a_late_message_when_a_less_late_one_follows_then_its_static_is_not_before(table: Table) -> None:
    """Neither its hard deadline nor the moment of its static reply, which takes a turn number."""
    late, next_one = seen(table, "1-0", age_s=60.0), seen(table, "2-0", age_s=27.0)

    assert next_one.hard_at_s >= late.hard_at_s
    assert next_one.static_at_s >= late.static_at_s


@pytest.mark.rule("T3", "T4")
def test_given_a_static_that_failed_when_the_next_one_is_due_then_it_waits_for_the_one_before(table: Table) -> None:
    """Turn numbers go in the order of the chat, whatever delays a static reply: a store that was away, say."""
    first, second = seen(table, "1-0", now_s=100.0), seen(table, "2-0", now_s=100.1)
    first_look = table.due(128.05, STATICS_MAX).statics
    table.static_failed(first, 128.55)

    while_away = table.due(128.2, STATICS_MAX).statics
    again = table.due(128.6, STATICS_MAX).statics
    not_yet = table.due(128.7, STATICS_MAX).statics
    table.is_owed(first)
    at_last = table.due(128.8, STATICS_MAX).statics

    assert [first_look, while_away, again, not_yet, at_last] == [(first,), (), (first,), (), (second,)]


@pytest.mark.rule("T4")
def test_given_a_message_that_waits_behind_another_when_its_deadlines_come_then_it_is_spoken_for_all_the_same(
    table: Table,
) -> None:
    """It has no session yet, and its person waits."""
    first, second = seen(table, "1-0", now_s=100.0), seen(table, "2-0", now_s=105.0)
    handed_out(table)

    interims = [table.due(at_s, STATICS_MAX).interims for at_s in (108.0, 113.0)]
    statics = [table.due(128.0, STATICS_MAX).statics]
    table.is_owed(first)
    statics.append(table.due(133.0, STATICS_MAX).statics)

    assert (interims, statics) == ([(first,), (second,)], [(first,), (second,)])


@pytest.mark.rule("T4")
def test_given_an_owed_message_when_its_successor_s_turn_comes_then_it_is_still_after_it(table: Table) -> None:
    """Owed work is done in the order of the chat as well."""
    first, second = seen(table, "1-0"), seen(table, "2-0")
    handed_out(table)
    table.is_owed(first)
    table.is_owed(second)

    assert handed_out(table) == []
    table.settle(first.entry_id)
    assert handed_out(table) == [second]


@pytest.mark.rule("T1")
def test_given_more_messages_than_bodies_when_seen_then_the_rest_are_held_by_id() -> None:
    """And a chat with a long queue does not use up the window."""
    table = Table(Deadlines(), bodies_max=6, bodies_per_chat_max=4)
    busy = [seen(table, f"{number}-0", "busy") for number in range(10)]
    others = [seen(table, f"{number}-1", f"other {number}") for number in range(10)]

    assert [entry.message is not None for entry in busy] == [True] * 4 + [False] * 6
    assert [entry.message is not None for entry in others] == [True] * 2 + [False] * 8
    assert len(table) == 20


@pytest.mark.rule("T1")
def test_given_a_message_without_its_body_when_that_is_fetched_then_it_can_go(table: Table) -> None:
    """Its body counts until it is settled, and then makes room for another."""
    small = Table(Deadlines(), bodies_max=1)
    first, second = seen(small, "1-0", "a"), seen(small, "2-0", "b")
    small.with_body(second, InboundMessage("2-0", "b", "456", "Hello"))

    small.settle(first.entry_id)
    none_left = seen(small, "3-0", "c")
    fetched = second.message
    small.settle(second.entry_id)
    room = seen(small, "4-0", "d")

    assert fetched is not None
    assert second.message is None
    assert (none_left.message, room.message is not None) == (None, True)


def test_given_a_message_that_could_not_be_handed_out_when_put_back_then_it_is_the_next_again(table: Table) -> None:
    """The store was away, or its session died."""
    first = seen(table, "1-0")
    seen(table, "2-0")
    [asked] = table.take_ready(16)
    nothing = table.take_ready(16)

    table.put_back(asked)

    assert (nothing, table.take_ready(16)) == ([], [first])


def test_given_a_session_that_dies_when_its_message_is_only_asked_for_then_it_had_nothing(table: Table) -> None:
    """What the store was asked for is not in the session's hands: its end counts against nobody."""
    seen(table, "1-0")
    [asked] = table.take_ready(16)
    before = table.at_work("789")
    table.handed(asked, owed=False, week=1, interim_sent=False)

    assert (before, table.at_work("789"), table.in_hand("789")) == (None, asked, asked)


@pytest.mark.rule("O1")
def test_given_a_session_that_works_already_when_adopted_then_its_message_is_not_handed_out(table: Table) -> None:
    """A restarted owner finds it at work."""
    entry = seen(table, "1-0")
    [ready] = table.take_ready(16)

    table.adopt(ready)

    assert table.take_ready(16) == []
    assert table.at_work("789") is entry


@given(
    ages=st.lists(st.floats(0, 120), min_size=1, max_size=30),
    gaps=st.lists(st.floats(0, 5), min_size=30, max_size=30),
    soft_s=st.floats(0.5, 20),
    extra_s=st.floats(2.5, 60),
)
# A deadline that is its predecessor's plus the margin, rounded down.
@example(
    ages=[1.8192687368176292, 26.0, 0.0],
    gaps=[0.4342658427147828, 0.0, 0.0],
    soft_s=1.0300641278576994,
    extra_s=26.635462680294747,
)
@pytest.mark.rule("T3")
def test_given_any_ages_when_messages_of_a_chat_are_seen_then_no_deadline_is_before_that_of_the_one_before(
    ages: list[float], gaps: list[float], soft_s: float, extra_s: float
) -> None:
    """Nor is a static reply; an interim is a second after first sight, and before the static."""
    table, now_s = Table(Deadlines(soft_s, soft_s + extra_s)), 100.0
    entries = []
    for number, (age_s, gap_s) in enumerate(zip(ages, gaps, strict=False)):
        now_s += gap_s
        entries.append(seen(table, f"{number}-0", age_s=age_s, now_s=now_s))

    for before, after in pairwise(entries):
        assert after.hard_at_s >= before.hard_at_s
        assert after.static_at_s >= before.static_at_s
    for entry in entries:
        assert entry.soft_at_s is None or entry.first_seen_s + INTERIM_MIN_S <= entry.soft_at_s < entry.static_at_s
        assert entry.late or entry.static_at_s == entry.hard_at_s - STATIC_MARGIN_S
