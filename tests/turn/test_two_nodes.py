"""Several nodes on one store share the partitions, level out, and hand over without anybody noticing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from turn.drills import drilling
from turn.real_nodes import PARTITIONS, NodeUnderTest, Person, running, wait_for

from actors.leases import beat
from actors.leases.machine import PATIENCE_S
from actors.partition.hand_record import HandRecord
from actors.partition.store import SCRIPTS
from supervision import world

CHATS = [f"chat {number}" for number in range(12)]


@pytest.fixture
def nodes(valkey: Any, folder: Path) -> Iterator[Callable[[str], NodeUnderTest]]:
    """Starts a node by its name; does not wait for its share."""
    with drilling(), ExitStack() as stack:
        yield lambda name: stack.enter_context(NodeUnderTest(valkey.url, folder / name))


def level(*nodes: NodeUnderTest) -> bool:
    """Whether the partitions are shared evenly, each with its owner."""
    return all(node.owns(PARTITIONS // len(nodes)) for node in nodes)


def answered(person: Person, count: int) -> None:
    """Wait until every chat has had so many finals, and look at their order."""
    for chat in CHATS:
        person.hears(chat, count)
        assert person.finals(chat) == [(number, f"m-{number}") for number in range(1, count + 1)]


@pytest.mark.rule("O4")
def test_given_a_second_node_when_it_comes_and_goes_then_the_shares_level_out_and_every_message_is_answered_once(
    nodes: Callable[[str], NodeUnderTest], person: Person
) -> None:
    """While people talk; within a few looks, without waiting for anybody's death."""
    first = nodes("a")
    wait_for(lambda: level(first), "the first to have all")
    second = nodes("b")
    begun_s = world.current().now()
    for number in range(1, 4):
        for chat in CHATS:
            person.says(chat, f"m-{number}", "!sleep 0.05")
    wait_for(lambda: level(first, second), "half for each")
    took_s = world.current().now() - begun_s
    answered(person, 3)

    begun_s = world.current().now()
    wait_for(second.drained, "the second to have let go")
    wait_for(lambda: level(first), "the first to have all again")
    back_s = world.current().now() - begun_s
    for chat in CHATS:
        person.says(chat, "m-4")
    answered(person, 4)

    assert took_s < PATIENCE_S
    assert back_s < PATIENCE_S


@pytest.mark.rule("D2")
def test_given_two_nodes_when_messages_are_published_then_each_is_taken_in_once(
    nodes: Callable[[str], NodeUnderTest], person: Person
) -> None:
    """With an id by both, which the store makes one; without an id by the owner of partition 00 alone."""
    first, second = nodes("a"), nodes("b")
    wait_for(lambda: level(first, second), "half for each")
    wait_for(lambda: person.redis.pubsub_numsub(person.keys.inbox)[0][1] == 2, "both to listen")

    for chat in CHATS:
        person.says_on_the_channel(chat, "m-1")
        person.says_on_the_channel(chat, None)
        person.redis.publish(person.keys.inbox, b'{"chat_id": "%s", "user_id": 1}' % chat.encode())
    for chat in CHATS:
        person.hears(chat, 2)
        person.hears(chat, kind="rejected")
        person.says(chat, "the last")
        person.hears(chat, 3)

    wait_for(lambda: person.left() == 0, "nothing left to do")
    for chat in CHATS:
        assert [turn for turn, _ in person.finals(chat)] == [1, 2, 3]
        assert len(person.known(chat, "rejected")) == 1


@pytest.mark.rule("O2")
def test_given_another_server_under_the_same_address_when_it_is_noticed_then_all_leases_are_dropped_and_taken_anew(
    valkey: Any, folder: Path, person: Person
) -> None:
    """Killed and started again on what it kept: whatever beat there was says nothing; messages go on."""
    with running(valkey.url, folder / "a") as node:
        person.says("789", "m-1")
        person.hears("789")
        before = {number: held.fence for number, held in node.node.leases.items()}

        valkey.restart()

        wait_for(lambda: _fences(node) and not set(_fences(node)) & set(before.values()), "other fences")
        person.says("789", "m-2")
        person.hears("789", 2)
        assert person.finals("789") == [(1, "m-1"), (2, "m-2")]


def _fences(node: NodeUnderTest) -> list[str]:
    return [held.fence for held in node.node.leases.values()] if node.owns(PARTITIONS) else []


@pytest.mark.rule("O2")
def test_given_a_hub_that_is_silent_when_that_lasts_then_the_node_stops_beating(
    valkey: Any, folder: Path, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wedged node does not own for ever; until then its native thread beats for it. Here for a second, not ten."""
    monkeypatch.setattr(beat, "BEAT_S", 0.1)
    monkeypatch.setattr(beat, "HUB_SILENT_S", 1.0)
    monkeypatch.setattr(beat, "HUB_SHOWS_ITSELF_S", 0.1)
    lease = person.keys.partition(0).lease
    with drilling(), running(valkey.url, folder / "a"):
        before = int(person.redis.hget(lease, "b") or 0)
        person.says("789", "m-1", "!wedge 4")
        person.hears("789")
        after = int(person.redis.hget(lease, "b") or 0)

    assert after > before
    assert after - before < 2.5 / 0.1


@pytest.mark.rule("A2", "O2")
def test_given_what_stood_in_hand_when_it_is_taken_from_the_dead_then_its_raised_count_is_written_at_once(
    valkey: Any, folder: Path, person: Person
) -> None:
    """Before anything is handed out: whatever happens next, the death has been counted."""
    names = person.keys.partition(0)
    with running(valkey.url, folder / "a") as node:
        node_id = node.node.node_id
    an_earlier_life = (node_id, "an earlier life", 1, "nonce", "", "")
    person.redis.eval(SCRIPTS["lease_take"].source, 1, names.lease, *an_earlier_life)
    person.redis.hset(names.hand, "a chat whose entry is gone", HandRecord("1-0").pack())
    begun_s = world.current().now()

    with running(valkey.url, folder / "a"):
        took_s = world.current().now() - begun_s
        [text] = person.redis.hvals(names.hand)

    assert HandRecord.unpack(text.decode()) == HandRecord("1-0").after_death()
    assert took_s < PATIENCE_S


@pytest.mark.rule("K3", "O1", "C3")
def test_given_a_lease_that_was_taken_away_when_its_session_commits_then_it_is_refused_and_answered_once(
    valkey: Any, folder: Path, person: Person
) -> None:
    """By whoever owns it next; the turn was handed out under a fence that is void now."""
    number = person.keys.partition_of("789")
    lease = person.keys.partition(number).lease
    with drilling(), running(valkey.url, folder / "a") as node:
        person.says("789", "m-1", f"!sleep 1.0 unless {folder}/slow")
        wait_for(lambda: (living := node.node.sessions.get("789")) and living.entry_id, "it at work")
        held = node.node.leases[number].fence

        taken = _taken_by_another(person, node, lease)
        wait_for(lambda: number not in node.node.leases, "the loss to be noticed")
        person.says("789", "m-2")
        person.hears("789", 2, timeout_s=30.0)

        assert taken != held
        assert node.node.leases[number].fence not in (held, taken)
    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    assert person.kinds("789") == ["final", "final"]


def _taken_by_another(person: Person, node: NodeUnderTest, lease: str) -> str:
    """Take the lease as a node does that has seen it stand still; its beat stands still then."""
    for _ in range(100):
        fence, count = person.redis.hmget(lease, "f", "b")
        answer = node.node.store.call_script(SCRIPTS["lease_take"], (lease,), ("other", "1", 1, "nonce", fence, count))
        if answer[0] == b"taken":
            return str(answer[1].decode())
    raise AssertionError("the lease could not be taken")
