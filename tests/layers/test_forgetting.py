"""What is forgotten is gone from every layer, and what is idle past the retention is archived, then gone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from layers.whole_files import written
from turn.real_nodes import NodeUnderTest, Person, running, wait_for

from actors.partition.owner_notes import Forget
from actors.persistence.backups import rows_in
from actors.persistence.forgetting import forget_in_files
from actors.persistence.keeper import Backup
from actors.persistence.retiring import retire_idle

Starter = Callable[..., Any]


def bytes_in(folder: Path) -> bytes:
    """All that the files hold."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.rule("X2")
def test_given_a_chat_when_it_is_forgotten_then_files_and_backups_hold_nothing_it_said(
    start_node: Starter, person: Person
) -> None:
    """A tombstone stays, in the store and in the file; another chat keeps everything."""
    node = start_node().node
    for chat in ("789", "790"):
        person.says(chat, "m-1", f"secret-of-{chat}")
        person.hears(chat)
    written(node)
    node.names["files"].ask(Backup())
    partition = person.keys.partition_of("789")

    version = node.names[f"owner/{partition}"].ask(Forget("789"))
    forget_in_files(node, "789", version)
    node.files.call(node.files.files.compact, timeout_s=10.0)

    found = node.files.find("789")
    assert found is not None
    assert (found.is_gone, found.position.version, found.turns) == (True, version, ())
    there = bytes_in(node.paths.root / "files")
    assert b"secret-of-789" not in there
    assert b"secret-of-790" in there


@pytest.mark.rule("X2")
def test_given_another_nodes_older_copy_when_it_is_seen_then_it_is_struck_with_its_backups(
    valkey: Any, person: Person, folder: Path
) -> None:
    """A node that was away when the chat was forgotten finds the tombstone."""
    with running(valkey.url, folder / "n") as under_test:
        person.says("789", "m-1", "secret-of-789")
        person.hears("789")
        written(under_test.node)
        under_test.node.names["files"].ask(Backup())
    names = person.keys.partition(person.keys.partition_of("789"))
    person.redis.hset(names.forgotten, "789", 5)
    person.redis.delete(names.head("789"), names.replies("789"))
    person.redis.hset(names.head("789"), mapping={"v": 5, "t": 0})

    with running(valkey.url, folder / "n") as under_test:
        found = wait_for(
            lambda: one if (one := under_test.node.files.find("789")) and one.is_gone else None, "the tombstone"
        )
        backups = folder / "n" / "files" / "backups"
        wait_for(lambda: b"secret-of-789" not in bytes_in(backups), "the backups to be written anew")

    assert found is not None
    assert found.turns == ()


@pytest.mark.rule("X2")
def test_given_a_forgotten_chat_when_the_store_is_lost_then_it_stays_forgotten(
    start_node: Starter, person: Person
) -> None:
    """The tombstone is offered as well, and wins over older copies."""
    node = start_node().node
    person.says("789", "m-1", "secret-of-789")
    person.hears("789")
    written(node)
    names = person.keys.partition(person.keys.partition_of("789"))
    version = node.names[f"owner/{person.keys.partition_of('789')}"].ask(Forget("789"))
    forget_in_files(node, "789", version)

    person.redis.flushall()
    wait_for(lambda: node.is_open and node.generation == 2, "the rebuild")

    assert person.redis.hgetall(names.forgotten) == {b"789": str(version).encode()}
    assert person.redis.hget(names.head("789"), "s") is None
    person.says("789", "m-1", "Hello again!")
    [reply] = person.hears("789")
    assert reply.turn == 1


def test_given_sessions_idle_past_the_retention_when_retired_then_they_are_archived_and_their_turns_go_on(
    start_node: Starter, person: Person
) -> None:
    """The memory is in the archive and nowhere else; version and turn stay, as they never go back."""
    under_test: NodeUnderTest = start_node()
    node = under_test.node
    for chat in ("789", "790"):
        person.says(chat, "m-1", f"word-of-{chat}")
        person.hears(chat)
    written(node)
    names = person.keys.partition(person.keys.partition_of("789"))

    retired = retire_idle(node, node.world.wall() + 1.0)

    [archive] = (node.paths.root / "files" / "archive").glob("*.ufa")
    assert retired == 2
    assert {row.chat_id for row in rows_in(archive)} == {"789", "790"}
    assert person.redis.hmget(names.head("789"), "v", "t", "s") == [b"1", b"1", None]
    assert node.files.find("789") is None
    node.sessions["789"].ref.stop()
    person.says("789", "m-2")
    wait_for(lambda: any(reply.turn == 2 for reply in person.replies("789")), "the second turn")
