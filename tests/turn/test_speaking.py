"""What a person hears while the work takes its time: interim, static final, follow-up, in order and in time."""

from collections.abc import Callable
from typing import Any

import pytest
from turn.real_nodes import Person, wait_for

from actors.partition.table import STATIC_MARGIN_S
from actors.session.state import state_from
from messages.records import Reply

Starter = Callable[..., Any]
SOFT_S, HARD_S = 1.0, 3.4
STATIC_S = HARD_S - STATIC_MARGIN_S
SLOW = "!sleep 1.8"


@pytest.fixture
def short(start_node: Starter) -> Any:
    """A node whose interim comes after 1 s, and its static final after 1.4 s."""
    return start_node(soft_deadline_s=SOFT_S, hard_deadline_s=HARD_S)


@pytest.mark.rule("T4")
def test_given_a_slow_turn_when_its_deadlines_come_then_interim_static_and_follow_up_are_said_in_time(
    short: Any, person: Person
) -> None:
    """Each once; the turn that came too late ends as a follow-up, and its state is kept."""
    entry_id = person.says("789", "m-1", SLOW)

    [follow_up] = person.hears("789", kind="follow_up")

    (interim, interim_s), (final, final_s), _ = person.heard_after_s("789", entry_id)
    assert (interim, final) == ("interim", "final")
    assert SOFT_S <= interim_s < SOFT_S + 0.5
    assert STATIC_S - 0.1 <= final_s < HARD_S
    _, static, _ = person.replies("789")
    assert (static.answered_by, static.turn, static.recovered_by) == ("static", 1, ("degraded",))
    assert (follow_up.answered_by, follow_up.turn) == ("rules", None)
    wait_for(lambda: person.left() == 0, "nothing left to do")
    head = person.redis.hgetall(person.keys.partition(person.keys.partition_of("789")).head("789"))
    assert (head[b"v"], head[b"t"]) == (b"1", b"1")
    assert state_from(head[b"s"]).messages[0].text == SLOW


@pytest.mark.rule("T2", "T4")
def test_given_messages_that_wait_behind_a_slow_one_when_it_is_late_then_all_are_spoken_for_in_order(
    short: Any, person: Person
) -> None:
    """They have no session yet; turns and follow-ups come in the order of intake, and the next message after them."""
    for number in range(1, 4):
        person.says("789", f"m-{number}", SLOW if number == 1 else "Hello!")

    person.hears("789", 3, kind="follow_up")
    person.says("789", "m-4")
    person.hears("789", 4)

    assert person.finals("789") == [(number, f"m-{number}") for number in range(1, 5)]
    follow_ups = [reply.message_id for reply in person.replies("789") if reply.kind == "follow_up"]
    assert follow_ups == ["m-1", "m-2", "m-3"]
    assert [reply.message_id for reply in _of_kind(person, "interim")] == ["m-1", "m-2", "m-3"]


def _of_kind(person: Person, kind: str) -> list[Reply]:
    return [reply for reply in person.replies("789") if reply.kind == kind]


@pytest.mark.rule("T4")
def test_given_a_turn_between_the_deadlines_when_it_ends_then_its_interim_was_said_and_no_static(
    start_node: Starter, person: Person
) -> None:
    """First writer wins, and here it is the session."""
    start_node(soft_deadline_s=SOFT_S, hard_deadline_s=HARD_S + 3.0)
    person.says("789", "m-1", "!sleep 1.25")

    [final] = person.hears("789")

    assert person.kinds("789") == ["interim", "final"]
    assert final.answered_by == "rules"


def test_given_a_quick_turn_when_answered_then_nothing_else_is_ever_said(short: Any, person: Person) -> None:
    """Also after its deadlines have passed."""
    entry_id = person.says("789", "m-1")
    person.hears("789")

    person.says("790", "m-1", SLOW)
    person.hears("790", kind="follow_up")

    assert [kind for kind, _ in person.heard_after_s("789", entry_id)] == ["final"]


@pytest.mark.rule("T1")
def test_given_a_chat_with_a_long_queue_when_another_speaks_then_it_is_answered_at_once_and_the_queue_in_order(
    start_node: Starter, person: Person
) -> None:
    """More messages than are held with their bodies: the rest is fetched when it is due."""
    count = 300
    for number in range(count):
        person.says("789", f"m-{number}")
    node = start_node().node
    home = person.keys.partition_of("789")
    other = next(chat for chat in map(str, range(100)) if person.keys.partition_of(chat) == home)
    person.says(other, "m-1")

    person.hears(other)
    answered = len(person.finals("789"))
    person.hears("789", count)

    assert node.sessions
    assert answered < count
    assert person.finals("789") == [(number + 1, f"m-{number}") for number in range(count)]
