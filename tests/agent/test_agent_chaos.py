"""Many chats talk while daemons, servers and agents are killed and stopped at random; then the books are checked."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from agent_under_test import AgentUnderTest, Pending
from daemon_under_test import server_pid, wait_for

CHATS = 8
SECONDS = 10.0
DEADLINE_S = 5.0
LATE_S = 2.0


def harm(agent: AgentUnderTest, folder: Path, chance: random.Random) -> str:
    """Do one cruel thing; says which."""
    what = chance.choice(["kill daemon", "kill server", "kill both", "stop server"])
    victims: list[int] = []
    with suppress(redis.RedisError, OSError):
        victims += [server_pid(folder)] if what != "kill daemon" else []
    if what in ("kill daemon", "kill both"):
        victims += [pid] if (pid := agent.health()["daemon_pid"]) else []
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGSTOP if what == "stop server" else signal.SIGKILL)
    if what == "stop server":
        time.sleep(chance.uniform(0.1, 1.5))
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGCONT)
    return what


@pytest.mark.parametrize("seed", [4])
def test_given_kills_at_random_when_chats_talk_on_then_each_message_is_answered_once_and_in_order(
    folder: Path, seed: int
) -> None:
    """One final reply by the deadline, one turn for each message, no answer lost; also across a kill of the agent."""
    chance = random.Random(seed)
    replies: list[dict[str, Any]] = []
    follow_ups: list[dict[str, Any]] = []
    harms: list[str] = []
    for life in range(2):
        with AgentUnderTest(folder, hard_deadline_s=DEADLINE_S) as agent:
            pending: list[Pending] = []
            until_s = time.monotonic() + SECONDS / 2
            while time.monotonic() < until_s:
                pending += [agent.begin(f"chat-{chance.randrange(CHATS)}") for _ in range(chance.randrange(5))]
                time.sleep(chance.uniform(0.0, 0.1))
                if chance.random() < 0.03:
                    harms.append(harm(agent, folder, chance))
            answers = [one.result() for one in pending]
            replies += answers
            assert max(one.took_s for one in pending) < DEADLINE_S + LATE_S
            if life == 1:
                wait_for(lambda: agent.health()["open"] == 0, "the last word to every message", 40.0)
            follow_ups += agent.follow_ups

    seen = f"seed {seed}, {harms}, {len(replies)} messages, {len(follow_ups)} follow-ups"
    assert {reply["kind"] for reply in replies} == {"final"}, seen
    assert len({reply["message_id"] for reply in replies}) == len(replies), seen
    static = {reply["message_id"] for reply in replies if reply["turn"] is None}
    followed = {reply["message_id"] for reply in follow_ups}
    assert static <= followed, seen
    for chat in range(CHATS):
        said = [reply for reply in (*replies, *follow_ups) if reply["chat_id"] == f"chat-{chat}" and reply["turn"]]
        turn_of = {reply["message_id"]: reply["turn"] for reply in said}
        # What got its static reply while the store was away has no turn.
        ids = [reply["message_id"] for reply in replies if reply["chat_id"] == f"chat-{chat}"]
        order = [turn_of[message_id] for message_id in ids if message_id in turn_of]
        assert order == list(range(1, len(order) + 1)), seen
