"""A service of a running daemon is away, and returns: its dead letters are done once each, and their people told."""

from __future__ import annotations

import json

import pytest
import redis
from daemon_under_test import DaemonUnderTest, short_folder, wait_for
from dead_letters.receiver import Receiver

from actors.effects.records import Effect
from actors.partition.dead_letter import dead_letter
from actors.partition.keys import Keys
from messages.codec import encode
from supervision.dead_letters.sqlite_rows import opened

PARTITIONS = 4
LETTERS = 60
KEYS = Keys("unfailing", PARTITIONS)
AT = "2026-11-24T00:00:00.000Z"


@pytest.mark.timeout(110)
@pytest.mark.xdist_group("dead letters")
def test_given_dead_letters_of_a_service_when_it_returns_then_each_is_done_once_and_one_is_quarantined() -> None:
    """Without anybody's doing; an operator sees how many are left meanwhile."""
    with Receiver() as receiver, short_folder() as folder:
        settings = {
            "DAEMON__PARTITIONS": PARTITIONS, "WEBHOOK__URL": f"http://127.0.0.1:{receiver.port}/",
            "WEBHOOK__ALLOW_PRIVATE": "true", "BREAKERS__WEBHOOK__RECOVERY_TIMEOUT_S": "1",
            "BREAKERS__WEBHOOK__FAILURE_THRESHOLD": "2",
        }  # fmt: skip
        with DaemonUnderTest(folder, **settings) as daemon, daemon.client() as client:
            for number in range(LETTERS):
                effect = Effect(f"evt_{number}", "webhook", "invoice.recorded", f"i-{number}", f"chat-{number}", "u",
                                "m-1", AT, 1, {"invoice": {"number": str(number)}})  # fmt: skip
                letter = dead_letter("effect", "server_error: 503 Service Unavailable", AT, effect.chat_id, "m-1",
                                     encode(effect), 9)  # fmt: skip
                names = KEYS.partition(KEYS.partition_of(effect.chat_id))
                client.xadd(names.dead, {"c": effect.chat_id, "d": letter})

            def count(state: str) -> int:
                tallies = [client.hget(f"{KEYS.partition(n).base}dlq:tally", f"s:{state}") for n in range(PARTITIONS)]
                return sum(int(value or 0) for value in tallies)

            wait_for(lambda: count("queued") + count("retrying") + count("dead") == LETTERS, "all to be kept", 30.0)
            _flip_a_bit(client, "chat-7")
            daemon.command("dlq", "replay", "--all")
            wait_for(lambda: receiver.refused > 0, "a first try", 30.0)
            while_away = daemon.status()["store"]["dead_letters"]
            receiver.is_up = True
            wait_for(lambda: count("resolved") == LETTERS - 1, "all to be done", 90.0)
            stats = json.loads(daemon.command("dlq", "stats", "--json").stdout)
            told = sum(
                client.xlen(KEYS.partition(KEYS.partition_of(f"chat-{n}")).replies(f"chat-{n}")) for n in range(LETTERS)
            )

    assert while_away > 0
    assert {int(effect_id.removeprefix("evt_")) for effect_id in receiver.received} == set(range(LETTERS)) - {7}
    assert set(receiver.received.values()) == {1}
    assert (stats["aside"], stats["by_state"]) == (1, {"resolved": LETTERS - 1})
    assert told == LETTERS - 1


def _flip_a_bit(client: redis.Redis, chat_id: str) -> None:
    """In the kept bytes of the chat's letter."""
    letters = f"{KEYS.partition(KEYS.partition_of(chat_id)).base}dlq:letters"
    for item_id, raw in client.hgetall(letters).items():
        if opened(item_id.decode(), raw).context["chat_id"] == chat_id:
            broken = bytearray(raw)
            broken[len(raw) // 2] ^= 8
            client.hset(letters, item_id, bytes(broken))
            return
    raise AssertionError(f"no letter of {chat_id}")
