"""One of two daemons dies or stands still: the other takes over, and a late return harms nobody."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from turn.real_daemons import Daemon
from turn.real_nodes import Person, wait_for

from actors.leases.machine import PATIENCE_S

CHATS = [f"chat {number}" for number in range(8)]


def owners(person: Person) -> list[str]:
    """The nodes that hold the partitions, in order."""
    leases = [person.keys.partition(number).lease for number in range(person.keys.partitions)]
    return [(person.redis.hget(lease, "n") or b"").decode() for lease in leases]


def in_hand(person: Person) -> bool:
    """Whether every chat has a message in hand."""
    hands = [person.keys.partition(number).hand for number in range(person.keys.partitions)]
    return sum(person.redis.hlen(hand) for hand in hands) == len(CHATS)


def heads(person: Person) -> list[dict[bytes, bytes]]:
    """Version, turn and snapshot of every chat."""
    return [person.redis.hgetall(person.keys.partition(person.keys.partition_of(chat)).head(chat)) for chat in CHATS]


@pytest.mark.rule("O2", "O3")
def test_given_one_of_two_nodes_when_it_is_killed_then_the_other_takes_over_what_it_had(
    valkey: Any, folder: Path, person: Person
) -> None:
    """After five seconds of standing still, by reading the streams from their beginning."""
    with Daemon(folder / "a", valkey.url) as first, Daemon(folder / "b", valkey.url):
        wait_for(lambda: len(set(owners(person))) == 2, "both to own")
        for chat in CHATS:
            for number in range(1, 4):
                person.says(chat, f"m-{number}", f"!sleep 0.5 unless {folder}/{chat} {number}")
        wait_for(lambda: in_hand(person), "all in hand")

        first.kill()
        killed_s = time.monotonic()
        for chat in CHATS:
            person.hears(chat, 3)

        took_s = time.monotonic() - killed_s
        assert len(set(owners(person))) == 1
    assert PATIENCE_S - 1.5 < took_s < PATIENCE_S + 4.0
    for chat in CHATS:
        assert person.finals(chat) == [(1, "m-1"), (2, "m-2"), (3, "m-3")]


@pytest.mark.rule("K3", "O3", "C3")
def test_given_a_node_that_stands_still_beyond_its_lease_when_it_goes_on_then_its_stale_commits_are_refused(
    valkey: Any, folder: Path, person: Person
) -> None:
    """SIGSTOP in the middle of turns, SIGCONT after the other has answered them: nothing is answered twice."""
    with Daemon(folder / "a", valkey.url) as first, Daemon(folder / "b", valkey.url) as second:
        wait_for(lambda: len(set(owners(person))) == 2, "both to own")
        for chat in CHATS:
            person.says(chat, "m-1", f"!sleep 1.5 unless {folder}/{chat}")
        wait_for(lambda: in_hand(person), "all in hand")

        first.signal(signal.SIGSTOP)
        for chat in CHATS:
            person.hears(chat)
        before = heads(person)
        first.signal(signal.SIGCONT)
        wait_for(
            lambda: b"the lease is lost" in first.log.read_bytes() or b"taken by another" in first.log.read_bytes(),
            "the first to notice",
        )
        wait_for(lambda: len(set(owners(person))) == 2, "both to own again")
        for chat in CHATS:
            person.says(chat, "m-2")
            person.hears(chat, 2)

        assert second.process.poll() is None
    assert [head[b"v"] for head in before] == [b"1"] * len(CHATS)
    for chat in CHATS:
        assert person.finals(chat) == [(1, "m-1"), (2, "m-2")]
        assert person.kinds(chat) == ["final", "final"]
    assert [head[b"v"] for head in heads(person)] == [b"2"] * len(CHATS)
