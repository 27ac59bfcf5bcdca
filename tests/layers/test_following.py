"""The file layer follows the commits of a node: committed bytes alone, and never in a turn's way."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from turn.real_nodes import Person, running, wait_for

from actors.node import Node
from actors.persistence.session_files import Found
from actors.session.state import state_from
from messages.protocol import reply_from_json

Starter = Callable[..., Any]


def kept(node: Node, chat_id: str = "789") -> Found:
    """What the file has of a chat, once everything is written and nothing is behind."""
    wait_for(lambda: not node.files.waiting and not node.files.behind, "the file layer to have caught up")
    found = wait_for(lambda: node.files.find(chat_id), "the chat in the file")
    assert found is not None
    return found


@pytest.mark.rule("L1")
def test_given_a_turn_when_it_is_committed_then_the_file_has_its_very_bytes(
    start_node: Starter, person: Person
) -> None:
    """Snapshot, version, turn, the reply as it was published, ids and digest; its place is that of the fence."""
    node = start_node().node
    person.says("789", "m-1", "Hello!")
    [reply] = person.hears("789")

    found = wait_for(lambda: one if (one := kept(node)).turns and one.turns[0].turn else None, "what was heard")
    assert found is not None

    head = person.redis.hmget(person.keys.partition(person.keys.partition_of("789")).head("789"), "v", "t", "s")
    assert found.session is not None
    assert (found.position.version, found.session.turn, found.session.snapshot) == (int(head[0]), int(head[1]), head[2])
    fence = node.leases[person.keys.partition_of("789")].fence
    assert f"{found.position.generation}:{found.position.epoch}:" in fence
    [turn] = found.turns
    assert (turn.message_id, turn.state, turn.turn) == ("m-1", "s", 1)
    assert [reply_from_json(raw) for raw in turn.replies] == [reply]
    assert state_from(found.session.snapshot).chat_id == "789"


@pytest.mark.rule("L1")
def test_given_a_turn_that_is_refused_when_it_ends_then_the_file_has_nothing_of_it(
    start_node: Starter, person: Person
) -> None:
    """Never live memory: a session that computed something and could not commit it has left no trace."""
    node = start_node().node
    names = person.keys.partition(person.keys.partition_of("789"))
    person.says("789", "m-1", "Hello!")
    person.hears("789")
    before = kept(node)

    person.redis.hincrby(names.head("789"), "v", 5)
    person.says("789", "m-2", "Hello again!")
    person.hears("789", 2)

    after = wait_for(lambda: one if (one := kept(node)).position > before.position else None, "the next commit")
    assert after.position.version == before.position.version + 6
    assert {turn.message_id for turn in after.turns} == {"m-1", "m-2"}


@pytest.mark.rule("L1")
def test_given_a_disk_that_refuses_when_people_write_then_they_are_answered_and_the_file_catches_up(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No turn waits and none fails; status says so, and what is missing comes from the store."""
    node = start_node().node
    person.says("789", "m-1", "Hello!")
    person.hears("789")
    kept(node)
    write = node.files.files.write
    monkeypatch.setattr("actors.persistence.keeper.RETRY_S_MAX", 0.1)

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node.files.files, "write", refuse)
    person.says("789", "m-2", "Hello!")
    person.says("790", "m-1", "Hello!")
    person.hears("789", 2)
    person.hears("790")
    wait_for(lambda: "No space" in node.files.health.trouble, "the trouble to be said")
    monkeypatch.setattr(node.files.files, "write", write)

    wait_for(lambda: not node.files.health.trouble, "the file to be written again")
    assert {turn.message_id for turn in kept(node).turns} == {"m-1", "m-2"}
    assert kept(node, "790").session is not None


@pytest.mark.rule("L1")
def test_given_a_file_thread_that_hangs_when_people_write_then_they_are_answered_at_once(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not come back is none of their business."""
    node = start_node().node
    read_end, write_end = os.pipe()
    original = node.files.files.write

    def hang(*rows: Any) -> None:
        os.read(read_end, 1)
        original(*rows)

    monkeypatch.setattr(node.files.files, "write", hang)
    for number in range(5):
        person.says("789", f"m-{number}", "Hello!")
    person.hears("789", 5)

    os.write(write_end, b"!" * 100)
    assert len(kept(node).turns) == 5
    os.close(read_end)
    os.close(write_end)


@pytest.mark.rule("L1")
def test_given_a_file_that_is_gone_when_the_node_comes_back_then_it_is_read_from_the_store(
    valkey: Any, person: Person, folder: Path
) -> None:
    """The store wins; the file follows it again."""
    with running(valkey.url, folder / "n") as node:
        for chat in ("1", "2", "3"):
            person.says(chat, "m-1", "Hello!")
            person.hears(chat)
        wait_for(lambda: not node.node.files.waiting, "all written")
    for path in (folder / "n" / "files").iterdir():
        path.unlink()

    with running(valkey.url, folder / "n") as node:
        found = [kept(node.node, chat) for chat in ("1", "2", "3")]

    assert all(one.session is not None and one.session.turn == 1 for one in found)
    assert [[turn.state for turn in one.turns] for one in found] == [["s"]] * 3
    assert all(reply_from_json(one.turns[0].replies[0]).turn == 1 for one in found)


def test_given_more_commits_than_may_wait_when_told_then_they_are_left_to_the_store(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded: what does not fit is counted and caught up."""
    node = start_node().node
    monkeypatch.setattr("actors.persistence.file_layer.NOTES_MAX", 0)
    person.says("789", "m-1", "Hello!")
    person.hears("789")
    wait_for(lambda: node.files.health.dropped, "a commit that did not fit")
    monkeypatch.undo()

    gevent.sleep(0)
    assert kept(node).session is not None
