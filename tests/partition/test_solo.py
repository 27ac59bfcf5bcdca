"""Suspects run alone, one after the other, and everybody else waits a little. No clock runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.partition.solo import ALONE_S, SILENCE_S, Solo

pytestmark = pytest.mark.rule("A2")


def test_given_a_suspect_when_others_are_at_work_then_it_waits_for_silence_but_not_for_ever() -> None:
    """Two seconds from when it first had to wait."""
    solo = Solo()
    solo.wait(3, "1-0")

    waits = [solo.must_wait(2, now_s) for now_s in (100.0, 100.0 + SILENCE_S - 0.1, 100.0 + SILENCE_S)]

    assert waits == [True, True, False]
    assert Solo([(3, "1-0")]).must_wait(0, 100.0) is False


def test_given_a_suspect_that_runs_when_it_ends_or_its_time_is_over_then_the_others_go_on() -> None:
    """At most five seconds, so that a suspect that hangs stops nobody for long; and then it is the others' time."""
    solo = Solo()
    solo.wait(3, "1-0")
    solo.wait(4, "1-0")

    solo.begin(100.0)
    solo.end(4, "1-0", 101.0)
    runs = [solo.is_running(now_s) for now_s in (100.0, 100.0 + ALONE_S - 0.1, 100.0 + ALONE_S)]
    rests = [solo.is_resting(100.0 + ALONE_S + after_s) for after_s in (0.0, ALONE_S - 0.1, ALONE_S)]

    assert runs == [True, True, False]
    assert rests == [True, True, False]
    assert solo.waiting == [(4, "1-0")]


def test_given_a_suspect_that_ends_when_the_next_is_in_line_then_the_others_have_their_time_first() -> None:
    """As long as the one before was alone."""
    solo = Solo([(3, "1-0"), (4, "2-0")])
    solo.begin(100.0)

    solo.end(3, "1-0", 101.0)

    assert not solo.is_running(101.0)
    assert (solo.is_resting(101.9), solo.is_resting(102.0)) == (True, False)


def test_given_one_entry_id_in_two_partitions_when_one_runs_then_the_other_waits_in_line() -> None:
    """Streams number their entries by the clock: in one millisecond they have the same ids."""
    solo = Solo()
    solo.wait(3, "1-0")
    solo.begin(100.0)

    solo.wait(3, "1-0")
    solo.wait(4, "1-0")

    assert solo.waiting == [(4, "1-0")]


@given(names=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["1-0", "2-0", "3-0"]))))
def test_given_anybody_in_any_order_when_they_wait_then_each_is_in_line_once(names: list[tuple[int, str]]) -> None:
    """First come, first alone."""
    solo = Solo()

    for name in names:
        solo.wait(*name)

    assert solo.waiting == list(dict.fromkeys(names))
