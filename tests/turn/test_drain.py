"""A daemon that is told to stop: it lets go, and what it cannot finish is left to others."""

import time
from pathlib import Path
from typing import Any

import pytest
from turn.real_daemons import Daemon
from turn.real_nodes import Person, wait_for

from actors.partition.hand_record import HandRecord


def in_hand(person: Person, chat_id: str) -> HandRecord | None:
    """What stands in `hand` for a chat."""
    text = person.redis.hget(person.keys.partition(person.keys.partition_of(chat_id)).hand, chat_id)
    return HandRecord.unpack(text.decode()) if text else None


@pytest.mark.rule("X1")
def test_given_a_node_that_is_told_to_stop_when_it_drains_then_idle_ones_are_released_and_what_runs_is_left(
    valkey: Any, folder: Path, person: Person
) -> None:
    """Exit status 0; its leases are free at once, and what it could not finish is nobody's fault."""
    with Daemon(folder / "a", valkey.url) as first:
        person.says("789", "m-1", f"!sleep 30 unless {folder}/slow")
        wait_for(lambda: in_hand(person, "789"), "it in hand")
        wait_for((folder / "slow").exists, "it at work")

        begun_s = time.monotonic()
        first.process.terminate()
        others = [
            person.keys.partition(number).lease for number in range(4) if number != person.keys.partition_of("789")
        ]
        wait_for(lambda: all(person.redis.hget(lease, "r") == b"1" for lease in others), "idle ones to be released")
        idle_s = time.monotonic() - begun_s
        status = first.process.wait(20.0)
        all_s = time.monotonic() - begun_s
        released = person.redis.hget(person.keys.partition(person.keys.partition_of("789")).lease, "r")
        record = in_hand(person, "789")

        assert status == 0
        assert idle_s < 3.0
        assert 4.5 < all_s < 12.0
        assert released == b"1"
        assert person.left() == 1
    with Daemon(folder / "b", valkey.url) as second:
        person.hears("789")
        assert b"when their owner died" not in second.log.read_bytes()
    assert record is not None
    assert (record.suspicion, record.crashes) == (0, 0)
    assert person.finals("789") == [(1, "m-1")]


@pytest.mark.rule("X1")
def test_given_an_idle_node_when_it_is_told_to_stop_then_it_is_gone_at_once(
    valkey: Any, folder: Path, person: Person
) -> None:
    """With every lease released and itself struck from the list of nodes."""
    with Daemon(folder / "a", valkey.url) as daemon:
        person.says("789", "m-1")
        person.hears("789")
        begun_s = time.monotonic()

        status = daemon.terminate()

    assert status == 0
    assert time.monotonic() - begun_s < 4.0
    leases = [person.keys.partition(number).lease for number in range(4)]
    assert [person.redis.hget(lease, "r") for lease in leases] == [b"1"] * 4
    assert person.redis.hgetall(person.keys.nodes) == {}
