"""Daemons that are killed, stopped, wedged and drained: nothing accepted is lost, nothing answered twice."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from turn.real_daemons import Daemon
from turn.real_nodes import Person, wait_for

from actors.leases.machine import PATIENCE_S
from actors.partition.hand_record import HandRecord

CHATS = [f"chat {number}" for number in range(8)]


@pytest.fixture
def daemon(valkey: Any, folder: Path) -> Iterator[Daemon]:
    """One daemon on the worker's server."""
    with Daemon(folder / "a", valkey.url) as running:
        yield running


def in_hand(person: Person, chat_id: str) -> HandRecord | None:
    """What stands in `hand` for a chat."""
    text = person.redis.hget(person.keys.partition(person.keys.partition_of(chat_id)).hand, chat_id)
    return HandRecord.unpack(text.decode()) if text else None


def suspicion(person: Person, chat_id: str) -> int | None:
    """How often what a chat has in hand was taken over from the dead; None when it has nothing in hand."""
    record = in_hand(person, chat_id)
    return record.suspicion if record is not None else None


@pytest.mark.rule("A2")
def test_given_messages_in_hand_when_their_node_is_killed_and_returns_then_each_is_answered_once_in_order(
    daemon: Daemon, person: Person
) -> None:
    """Redelivered to rehydrated sessions; none of them was guilty, and the node takes its own back at once."""
    for chat in CHATS:
        person.says(chat, "m-1")
        person.hears(chat)
        person.says(chat, "m-2", "!sleep 1.0")
        person.says(chat, "m-3")
    wait_for(lambda: all(in_hand(person, chat) for chat in CHATS), "all in hand")

    daemon.kill()
    begun_s = time.monotonic()
    daemon.start()
    wait_for(lambda: all(suspicion(person, chat) == 1 for chat in CHATS), "all to be suspect once, and in hand again")
    for chat in CHATS:
        person.hears(chat, 3)

    assert time.monotonic() - begun_s < PATIENCE_S
    for chat in CHATS:
        assert person.finals(chat) == [(1, "m-1"), (2, "m-2"), (3, "m-3")]
        assert person.redis.hget(person.keys.partition(person.keys.partition_of(chat)).head(chat), "v") == b"3"
    assert person.left() == 0


@pytest.mark.rule("A2", "A3")
def test_given_a_message_that_kills_its_node_each_time_when_it_has_done_so_alone_then_it_is_poison(
    valkey: Any, folder: Path, person: Person
) -> None:
    """Suspect, then alone, then guilty: its bystanders are answered, its person hears the static final."""
    bystanders = CHATS[:3]
    with Daemon(folder / "a", valkey.url, max_attempts=1) as daemon:
        person.says("killer", "m-1", "!die")
        for deaths in range(1, 4):
            wait_for(daemon.died, f"death {deaths}")
            daemon.start()
            for chat in bystanders:
                person.says(chat, f"m-{deaths}")
        [poison] = person.hears("killer")
        for chat in bystanders:
            person.hears(chat, 3)

        assert not daemon.died()
    assert poison.recovered_by == ("restart", "dead_letter")
    assert person.dead_letters("killer") == 1
    assert person.left() == 0


@pytest.mark.rule("S1")
def test_given_an_embedded_server_when_it_is_killed_again_and_again_then_nothing_that_was_accepted_is_lost(
    folder: Path,
) -> None:
    """Every append that was acknowledged is answered once, every reply that was read stays, in the order of intake."""
    with Daemon(folder / "a") as daemon:
        person = Person(redis.Redis(unix_socket_path=str(daemon.socket)))
        accepted = 0
        for _ in range(3):
            for _ in range(20):
                accepted += 1
                person.says("789", f"m-{accepted}")
            seen = person.hears("789", max(1, accepted - 10))
            os.kill(int(person.redis.info("server")["process_id"]), signal.SIGKILL)
            wait_for(lambda: _answers(person), "the server to be back")
            assert person.known("789", "final")[: len(seen)] == seen

        person.hears("789", accepted)
        assert person.finals("789") == [(number, f"m-{number}") for number in range(1, accepted + 1)]
        assert person.redis.config_get("appendfsync") == {"appendfsync": "always"}
        person.redis.close()


def _answers(person: Person) -> bool:
    try:
        return bool(person.redis.ping())
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False
