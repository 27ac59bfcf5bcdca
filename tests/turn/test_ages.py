"""How old a message is when it is first seen, and what its person hears then."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from turn.real_nodes import Person, words

from actors.partition.table import LATE_BUDGET_S, STATIC_MARGIN_S

Starter = Callable[..., Any]
SOFT_S, HARD_S = 1.0, 3.4
STATIC_S = HARD_S - STATIC_MARGIN_S


@pytest.fixture
def short(start_node: Starter) -> Any:
    """A node whose interim comes after 1 s, and its static final after 1.4 s."""
    return start_node(soft_deadline_s=SOFT_S, hard_deadline_s=HARD_S)


@pytest.mark.rule("T3")
def test_given_a_message_that_waited_before_it_was_seen_when_it_is_slow_then_its_deadlines_count_from_acceptance(
    start_node: Starter, person: Person
) -> None:
    """It was accepted while no node ran: its age counts."""
    hard_s = 7.0
    accepted_ms = int(time.time() * 1000) - 4000
    person.redis.xadd(person.intake("789"), {"m": _slow("789", 1.5)}, id=f"{accepted_ms}-0")

    start_node(soft_deadline_s=2.5, hard_deadline_s=hard_s)

    person.hears("789", kind="follow_up")
    said = dict(person.heard_after_s("789", f"{accepted_ms}-0"))
    assert hard_s - STATIC_MARGIN_S - 0.1 <= said["final"] < hard_s


@pytest.mark.rule("T3")
def test_given_messages_older_than_their_deadline_when_a_node_comes_then_they_are_answered_with_what_they_asked(
    start_node: Starter, person: Person
) -> None:
    """An outage: a fresh budget, enough for the rules; nobody hears a static reply for what can be done at once."""
    accepted_ms = int(time.time() * 1000) - 3_600_000
    for number in range(20):
        person.redis.xadd(
            person.intake("789"), {"m": words("789", f"m-{number}", "Hello!")}, id=f"{accepted_ms + number}-0"
        )

    start_node(soft_deadline_s=SOFT_S, hard_deadline_s=HARD_S)

    person.hears("789", 20)
    assert {reply.answered_by for reply in person.replies("789")} == {"rules"}
    assert person.finals("789") == [(number + 1, f"m-{number}") for number in range(20)]


@pytest.mark.rule("T3")
def test_given_a_slow_message_older_than_its_deadline_when_a_node_comes_then_static_after_the_budget_and_no_interim(
    start_node: Starter, person: Person
) -> None:
    """Five seconds from first sight, whatever the deadlines were."""
    accepted_ms = int(time.time() * 1000) - 60_000
    person.redis.xadd(person.intake("789"), {"m": _slow("789", LATE_BUDGET_S + 0.5)}, id=f"{accepted_ms}-0")
    begun_s = time.time()

    start_node(soft_deadline_s=SOFT_S, hard_deadline_s=HARD_S)
    person.hears("789", kind="follow_up")

    assert person.kinds("789") == ["final", "follow_up"]
    _, final_s = person.heard_after_s("789", f"{int(begun_s * 1000)}-0")[0]
    assert LATE_BUDGET_S - 0.1 <= final_s < LATE_BUDGET_S + 2.0


@pytest.mark.rule("T3")
@pytest.mark.parametrize("entry_id", ["1-1", "99999999999999-0"])
def test_given_a_server_clock_that_jumps_when_a_message_arrives_then_its_age_is_nought(
    short: Any, person: Person, entry_id: str
) -> None:
    """The owner is caught up, so it knows better than the entry's id; which is decades off here."""
    elsewhere = next(
        chat for chat in map(str, range(100)) if person.keys.partition_of(chat) != person.keys.partition_of("789")
    )
    person.says(elsewhere, "m-1")
    person.hears(elsewhere)
    begun_s = time.time()
    person.redis.xadd(person.intake("789"), {"m": _slow("789", 1.8)}, id=entry_id)

    person.hears("789", kind="follow_up")

    assert person.kinds("789") == ["interim", "final", "follow_up"]
    (_, interim_s), (_, final_s), _ = person.heard_after_s("789", f"{int(begun_s * 1000)}-0")
    assert SOFT_S <= interim_s < SOFT_S + 0.5
    assert STATIC_S - 0.1 <= final_s < HARD_S


def _slow(chat_id: str, seconds: float) -> bytes:
    return words(chat_id, "m-1", f"!sleep {seconds}")
