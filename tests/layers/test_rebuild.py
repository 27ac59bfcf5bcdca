"""A store that came back empty, or older than it was, is rebuilt from the nodes' files, and nobody is asked twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from layers.whole_files import written
from turn.real_nodes import NodeUnderTest, Person, running, wait_for

from actors.console.nodes import forgive, rebuild_state
from actors.node import Node
from actors.partition.store import WEEK_S
from actors.persistence.catching_up import effect_id_of
from actors.persistence.records import KeptTurn
from actors.persistence.session_files import TurnRow
from actors.store_errors import StoreAway

Starter = Callable[..., Any]


def talked(person: Person, node: Node, chat_id: str = "789", turns: int = 2) -> list[str]:
    """Some turns of a chat, all kept in the file; the texts that were answered."""
    for number in range(1, turns + 1):
        person.says(chat_id, f"m-{number}")
    texts = [reply.text for reply in person.hears(chat_id, turns)]
    written(node)
    return texts


@pytest.mark.rule("L2")
def test_given_a_store_that_is_emptied_under_a_node_when_looked_at_then_it_is_rebuilt(
    start_node: Starter, person: Person
) -> None:
    """Snapshot, turn, replies and ids are there again, under a new generation; the next turn is the next one."""
    node = start_node().node
    said = talked(person, node)
    head = person.redis.hgetall(person.keys.partition(person.keys.partition_of("789")).head("789"))

    person.redis.flushall()

    wait_for(lambda: node.is_open and node.generation == 2, "the rebuild")
    again = person.redis.hgetall(person.keys.partition(person.keys.partition_of("789")).head("789"))
    assert {name: again[name] for name in (b"v", b"t", b"s")} == {name: head[name] for name in (b"v", b"t", b"s")}
    assert [reply.text for reply in person.replies("789")] == said
    person.says("789", "m-1")
    person.says("789", "m-3")
    wait_for(lambda: any(reply.turn == 3 for reply in person.replies("789")), "the third turn")
    assert [reply.turn for reply in person.replies("789") if reply.message_id == "m-1"] == [1, 1]


@pytest.mark.rule("L2")
def test_given_a_store_that_came_back_empty_when_the_node_starts_then_it_is_rebuilt_before_anything(
    valkey: Any, person: Person, folder: Path
) -> None:
    """Many chats, and the fence is of the new generation."""
    chats = [str(number) for number in range(20)]
    with running(valkey.url, folder / "n") as node:
        for chat in chats:
            person.says(chat, "m-1")
        for chat in chats:
            person.hears(chat)
        written(node.node)
    person.redis.flushall()
    person.says("3", "m-2")

    with running(valkey.url, folder / "n") as node:
        wait_for(lambda: any(reply.turn == 2 for reply in person.replies("3")), "the second turn")
        fences = [held.fence for held in node.node.leases.values()]

    assert all(fence.startswith("2:") for fence in fences)
    assert [[reply.turn for reply in person.replies(chat)] for chat in chats if chat != "3"] == [[1]] * 19


@pytest.mark.rule("L2")
def test_given_a_store_that_was_set_back_when_the_node_starts_then_the_newer_file_wins(
    valkey: Any, person: Person, folder: Path
) -> None:
    """As after a failover to a lagging replica, or a restored copy."""
    names = person.keys.partition(person.keys.partition_of("789"))
    with running(valkey.url, folder / "n") as node:
        talked(person, node.node, turns=1)
        old = {name: person.redis.dump(name) for name in (names.head("789"), names.replies("789"))}
        person.says("789", "m-2")
        person.hears("789", 2)
        written(node.node)
    for name, raw in old.items():
        person.redis.restore(name, 0, raw, replace=True)

    with running(valkey.url, folder / "n") as node:
        person.says("789", "m-3")
        wait_for(lambda: any(reply.turn == 3 for reply in person.replies("789")), "the third turn")
        generation = node.node.generation

    assert generation == 2


@pytest.mark.rule("L1")
@pytest.mark.rule("L2")
def test_given_a_store_that_is_what_it_was_when_the_node_starts_then_nothing_is_rebuilt(
    valkey: Any, person: Person, folder: Path
) -> None:
    """Generation one, and what the store has is the truth, newer than the file or not."""
    with running(valkey.url, folder / "n") as node:
        talked(person, node.node)
    names = person.keys.partition(person.keys.partition_of("789"))
    person.redis.hset(names.head("789"), mapping={"v": 9, "t": 7})

    with running(valkey.url, folder / "n") as node:
        person.says("789", "m-3")
        wait_for(lambda: any(reply.turn == 8 for reply in person.replies("789")), "a turn after the store's own")
        generation = node.node.generation

    assert generation == 1


@pytest.mark.rule("L2")
def test_given_a_node_that_is_missing_when_rebuilt_then_partitions_open_at_an_operators_word(
    valkey: Any, person: Person, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file may have what no other has; so it is waited for, by name."""
    with running(valkey.url, folder / "a") as first:
        talked(person, first.node, turns=1)

        def away(_: Any) -> int:
            raise StoreAway("it is busy", sent=False)

        monkeypatch.setattr("actors.persistence.keeper.CatchUp.run", away)
        with NodeUnderTest(valkey.url, folder / "b") as second:
            wait_for(lambda: second.owns(2) and first.owns(2), "each to own its half")
            gone = second.node.node_id
            wait_for(lambda: gone in (folder / "a" / "nodes.json").read_text(), "the other to be known")
            first.node.files.behind = True
        person.redis.flushall()

        states = {first.node.node_id: "offered", gone: "wanted"}
        wait_for(lambda: rebuild_state(first.settings) == states, "the rebuild to wait for the other alone")
        assert not first.node.is_open
        forgive(first.settings, gone)

        wait_for(lambda: first.node.is_open and first.node.generation == 2, "the rebuild to end")
        person.says("789", "m-2")
        wait_for(lambda: any(reply.turn == 2 for reply in person.replies("789")), "the next turn")


@pytest.mark.rule("L2")
def test_given_owed_work_when_the_store_is_lost_then_the_static_stays_the_final_and_the_work_is_done(
    start_node: Starter, person: Person, folder: Path
) -> None:
    """Its message is in the record, and comes under its old id."""
    node = start_node(soft_deadline_s=2.4, hard_deadline_s=2.5).node
    person.says("789", "m-1", f"!wait for {folder}/go")
    wait_for(lambda: [reply.kind for reply in person.replies("789")][-1:] == ["final"], "the static reply")
    written(node)

    person.redis.flushall()
    wait_for(lambda: node.is_open and node.generation == 2, "the rebuild")
    (folder / "go").touch()

    wait_for(lambda: person.replies("789")[-1].kind == "follow_up", "the work to be done")
    assert [reply.kind for reply in person.replies("789")] == ["final", "follow_up"]
    assert person.left() == 0


@pytest.mark.rule("L2")
def test_given_messages_in_hand_when_the_store_is_emptied_then_they_are_taken_in_again_and_answered(
    start_node: Starter, person: Person, folder: Path
) -> None:
    """They stand in their owner's memory alone."""
    node = start_node().node
    talked(person, node, turns=1)
    person.says("789", "m-2", f"!wait for {folder}/go")
    person.says("789", "m-3")
    wait_for(lambda: node.in_hand == 1, "the message to be in hand")

    person.redis.flushall()
    wait_for(lambda: node.is_open and node.generation == 2, "the rebuild")
    (folder / "go").touch()

    wait_for(lambda: [reply.turn for reply in person.replies("789")] == [1, 2, 3], "every answer, once")
    assert [reply.message_id for reply in person.replies("789")] == ["m-1", "m-2", "m-3"]


@pytest.mark.rule("L2")
def test_given_effects_when_the_store_is_lost_then_those_not_known_to_be_done_are_there_again(
    start_node: Starter, person: Person
) -> None:
    """Under their old ids, and once; what is done stays done."""
    node = start_node().node
    talked(person, node, turns=1)
    week = int(node.world.wall()) // WEEK_S
    record = KeptTurn("m-0", "s", "1-0", week, "d", effects=(b"done", b"not done"))
    node.files.call(node.files.files.write, [], [TurnRow("789", node.world.wall(), record)], timeout_s=10.0)
    node.files.effect_ended(effect_id_of(b"done"))
    node.files.write_waiting()

    person.redis.flushall()
    wait_for(lambda: node.is_open and node.generation == 2, "the rebuild")

    rebuilt = person.keys.partition(person.keys.partition_of("789")).rebuilt
    assert person.redis.hkeys(rebuilt) == [effect_id_of(b"not done").encode()]
