"""The relay on a real server: what stands in an outbox is done, in order, once, and what cannot be done is seen."""

from pathlib import Path
from typing import Any

import gevent
import pytest
from effects.places import Outbox, Place, effect, node_with, quick_breakers
from turn.real_nodes import wait_for

from actors.effects import outbox as scripts
from actors.effects.attempts import Attempts, Failure, GiveUp, State, after_failure
from actors.effects.deliverer import policy_named
from actors.effects.lines import Waiting
from actors.effects.records import Effect
from actors.leases.keeper import Drain
from messages.codec import decode
from supervision import world
from supervision.circuit_breaker import CircuitState
from supervision.classification.verdicts import Cause, ErrorCategory, verdict
from supervision.retry_mechanism import RetryState


class Passing(ConnectionError):  # noqa: N818 - what it is
    """A fault that passes."""


def failing_times(count: int) -> Any:
    """Raises so many times, then no more."""
    left = [count]

    def fail(_: Effect) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise Passing("not now")

    return fail


def test_given_effects_of_many_chats_when_they_are_written_then_all_are_done_and_nothing_is_left(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """Of one chat in their order."""
    place = Place()
    with node_with(valkey.url, folder / "n", place) as node:
        those = [effect(f"chat-{number % 7}") for number in range(70)]

        outbox.put(node, *those)

        wait_for(lambda: outbox.left() == 0, "an empty outbox")
    by_chat: dict[str, list[str]] = {}
    for effect_id in place.told:
        by_chat.setdefault(place.there[effect_id].chat_id, []).append(effect_id)
    assert by_chat == {f"chat-{n}": [one.effect_id for one in those if one.chat_id == f"chat-{n}"] for n in range(7)}
    assert outbox.attempts() == 0


def test_given_effects_that_were_written_before_the_node_when_it_starts_then_they_are_done(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """Nobody woke the relay."""
    place = Place()
    outbox.put(None, effect(), effect("another"))

    with node_with(valkey.url, folder / "n", place):
        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    assert len(place.told) == 2


@pytest.mark.rule("E1")
def test_given_an_attempt_when_it_is_under_way_then_it_was_recorded_before_it_began(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """With its target, how many there were, and when."""
    place, seen = Place(), []
    place.begins = lambda one: seen.append(outbox.redis.hgetall(outbox.names(one.chat_id).attempts))
    with node_with(valkey.url, folder / "n", place) as node:
        [entry_id] = outbox.put(node, effect())

        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    [records] = seen
    state, target, begun, _, _, at_ms = records[entry_id.encode()].decode().split("|")
    assert (state, target, begun) == ("b", "place", "1")
    assert int(at_ms) >= int(entry_id.partition("-")[0]) - 60_000


@pytest.mark.rule("E1")
def test_given_a_fence_that_is_void_when_an_attempt_would_begin_then_there_is_no_word_to_begin(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """Nor a record of it, nor can the effect be ended or noted."""
    with node_with(valkey.url, folder / "n") as node:
        [entry_id] = outbox.put(None, effect())
        waiting = Waiting(outbox.keys.partition_of("789"), "789", entry_id)

        begun = scripts.begin(node, waiting, "1:99:another", "place")

        answers = [world.current().waiter() for _ in range(2)]
        scripts.submit_end(node, waiting, "1:99:another", None, answers[0].wake)
        scripts.submit_note(node, waiting, "1:99:another", Attempts(State.UNKNOWN, "place"), answers[1].wake)
        assert [answer.wait(5.0) for answer in answers] == [b"stale", b"stale"]
    assert begun is None
    assert (outbox.left(), outbox.attempts()) == (1, 0)


@pytest.mark.rule("E1")
@pytest.mark.parametrize(
    ("delivery", "told", "asked", "dead"),
    [("keyed", 1, 0, 0), ("checkable", 1, 1, 0), ("neither", 0, 0, 1)],
)
def test_given_an_attempt_of_which_nothing_was_heard_when_the_node_starts_then_the_target_declares_what_follows(
    valkey: Any, folder: Path, outbox: Outbox, delivery: str, told: int, asked: int, dead: int
) -> None:
    """A key makes it once; who can be asked is asked; the rest is a person's business."""
    place = Place(delivery=delivery)
    [entry_id] = outbox.put(None, effect())
    outbox.redis.hset(outbox.names("789").attempts, entry_id, "b|place|1|0|0|0")

    with node_with(valkey.url, folder / "n", place):
        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    assert (len(place.told), len(place.asked), len(outbox.dead())) == (told, asked, dead)
    assert [letter.reason for letter in outbox.dead()] == ["unknown_outcome"] * dead


@pytest.mark.rule("E1")
def test_given_an_attempt_that_had_happened_when_it_is_asked_for_then_it_is_not_repeated(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """The process died between the doing and the record of it."""
    place, one = Place(delivery="checkable"), effect()
    place.there[one.effect_id] = one
    [entry_id] = outbox.put(None, one)
    outbox.redis.hset(outbox.names("789").attempts, entry_id, "b|place|1|0|0|0")

    with node_with(valkey.url, folder / "n", place):
        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    assert (place.told, place.asked) == ([], [one.effect_id])


@pytest.mark.rule("E1")
def test_given_a_checkable_target_that_fails_after_writing_when_it_is_tried_again_then_it_is_asked_first(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """A time-out after sending leaves the outcome unknown."""
    place = Place(delivery="checkable")
    place.ends = failing_times(1)
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, effect())

        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    assert (len(place.told), len(place.asked), outbox.dead()) == (1, 1, [])


@pytest.mark.rule("E1")
def test_given_a_target_of_neither_kind_when_its_outcome_is_unknown_then_it_is_a_dead_letter_at_once(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """With its bytes whole, for whoever replays it."""
    place, one = Place(delivery="neither"), effect(payload={"lines": ["x" * 100] * 1000})
    place.ends = failing_times(1)
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, one)

        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    [letter] = outbox.dead()
    assert (letter.reason, letter.attempts, len(place.told)) == ("unknown_outcome", 1, 1)
    assert decode(letter.raw) == one


@pytest.mark.rule("E2")
def test_given_a_first_effect_that_waits_when_others_follow_then_those_of_its_chat_wait_and_others_do_not(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """Order is kept for each chat and target."""
    place, other = Place(), Place("other")
    fail = failing_times(1)
    first, second = effect("789"), effect("789")
    place.begins = lambda one: fail(one) if one.effect_id == first.effect_id else None
    with node_with(valkey.url, folder / "n", place, other) as node:
        neighbour, elsewhere = effect("another"), effect("789", "other")
        outbox.put(node, first, second, neighbour, elsewhere)

        wait_for(lambda: neighbour.effect_id in place.there, "the neighbour's")
        wait_for(lambda: elsewhere.effect_id in other.there, "the other target's")
        assert second.effect_id not in place.told
        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    of_the_chat = [effect_id for effect_id in place.told if effect_id in (first.effect_id, second.effect_id)]
    assert of_the_chat == [first.effect_id, first.effect_id, second.effect_id]


@pytest.mark.rule("E2")
def test_given_many_chats_when_their_effects_are_slow_then_no_more_are_under_way_than_the_target_takes(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """And of one chat never two."""
    place, at_work, seen = Place(at_once_max=3), [], []

    def begin(one: Effect) -> None:
        at_work.append(one.chat_id)
        seen.append(list(at_work))
        gevent.sleep(0.02)
        at_work.remove(one.chat_id)

    place.begins = begin
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, *(effect(f"chat-{number % 6}") for number in range(24)))

        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    assert max(map(len, seen)) == 3
    assert all(len(set(those)) == len(those) for those in seen)


def test_given_a_breaker_that_opens_when_effects_wait_then_nothing_is_burnt_and_all_are_done_once_it_closes(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """Far more failures than any policy has attempts."""
    place, is_away = Place(), [True]

    def begin(_: Effect) -> None:
        if is_away[0]:
            raise Passing("away")

    place.begins = begin
    with node_with(valkey.url, folder / "n", place, breakers=quick_breakers(3, 0.05)) as node:
        breaker = node.effect_breakers["place"]
        outbox.put(node, *(effect(f"chat-{number}") for number in range(20)))
        wait_for(lambda: breaker.state is CircuitState.OPEN, "an open breaker")
        wait_for(lambda: breaker.statistics().openings >= 8, "several openings")
        assert (outbox.left(), outbox.dead()) == (20, [])

        is_away[0] = False

        wait_for(lambda: outbox.left() == 0, "an empty outbox")
    assert (len(place.there), outbox.dead()) == (20, [])


def test_given_a_failure_that_is_the_effect_s_own_when_it_is_tried_then_it_is_a_dead_letter_and_the_next_goes_on(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """It would fail for ever, and nothing depends on it: each effect carries its booking whole."""
    place, bad, good = Place(), effect(), effect()

    def begin(one: Effect) -> None:
        if one.effect_id == bad.effect_id:
            raise ValueError("no such column")

    place.begins = begin
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, bad, good)

        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    [letter] = outbox.dead()
    assert (letter.reason, letter.chat_id, letter.message_id) == ("effect", "789", bad.message_id)
    assert "no such column" in letter.detail
    assert list(place.there) == [good.effect_id]


def test_given_an_entry_that_nobody_can_read_when_the_relay_meets_it_then_it_is_set_aside_and_others_go_on(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """So is one for a target that is not configured any more."""
    place = Place()
    names = outbox.names("789")
    outbox.redis.xadd(names.outbox, {"c": "789", "e": b"\xc1 no record"})
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, effect(target="telex"), effect())

        wait_for(lambda: outbox.left() == 0, "an empty outbox")

    assert len(place.there) == 1
    assert sorted(letter.detail[:8] for letter in outbox.dead()) == ["no telex", "not a re"]


@pytest.mark.parametrize("name", ["relay", "effects/place"])
def test_given_an_actor_that_crashes_when_effects_wait_then_it_comes_back_and_they_are_done_once(
    valkey: Any, folder: Path, outbox: Outbox, name: str
) -> None:
    """What waits stands in the outbox, not in memory."""
    place, gate = Place(), gevent.event.Event()
    place.begins = lambda one: gate.wait(20.0) if one.chat_id == "first" else None
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, effect("first"), effect("first"), effect("second"))
        wait_for(lambda: len(place.there) == 1, "the second chat's")

        before = node.names[name]
        before.crash(RuntimeError("on purpose"))
        gate.set()

        wait_for(lambda: node.names[name] is not before, "another one")
        outbox.put(node, effect("third"))
        wait_for(lambda: outbox.left() == 0, "an empty outbox")
    assert len(place.there) == 4


def test_given_a_store_that_restarts_when_effects_are_under_way_then_each_is_done_all_the_same(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """What has happened and could not be recorded yet is not done again while this process lives."""
    place = Place()
    place.begins = lambda _: gevent.sleep(0.01)
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, *(effect(f"chat-{number % 5}") for number in range(100)))
        wait_for(lambda: len(place.there) >= 10, "some of them")

        valkey.restart()

        wait_for(lambda: outbox.left() == 0, "an empty outbox")
    assert len(place.there) == 100
    assert outbox.dead() == []


def test_given_a_quota_that_is_spent_when_an_effect_meets_it_then_it_is_seen_by_a_person() -> None:
    """What no waiting mends becomes a dead letter."""
    spent = verdict(ErrorCategory.THIRD_PARTY, Cause.QUOTA_EXCEEDED, ValueError("spent"))
    failure = Failure(Attempts(State.BEGUN, "sheet"), spent, not_done=True, was_probe=False, age_s=1.0)

    decided = after_failure(failure, RetryState(), policy_named("network"), "checkable", 0.5)

    assert isinstance(decided, GiveUp)


def test_given_an_effect_under_way_when_the_node_drains_then_it_ends_before_the_lease_does(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """So that nobody has to wonder whether it happened; what has not begun is left to the next node."""
    place, gate = Place(), gevent.event.Event()
    place.begins = lambda _: gate.wait(20.0)
    with node_with(valkey.url, folder / "n", place) as node:
        outbox.put(node, effect(), effect())
        wait_for(lambda: len(place.told) == 1, "the first to begin")
        node.draining = True

        keeper = node.names["leases"]
        assert keeper.ask(Drain(), timeout=5.0) is False
        gate.set()

        wait_for(lambda: keeper.ask(Drain(), timeout=5.0), "the leases to be released")
    assert len(place.told) == 1
    assert (outbox.left(), outbox.attempts()) == (1, 0)
