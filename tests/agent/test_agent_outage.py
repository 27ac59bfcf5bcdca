"""No daemon to be had: static replies by the deadline, a spool that survives, and answers later."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from agent_under_test import AgentUnderTest, answered
from daemon_under_test import DaemonUnderTest, wait_for

from actors.agent_client.folder import AgentFolder
from actors.agent_client.spool import Kept, Spool
from actors.node_directory import lock_file
from actors.partition.keys import Keys

LATE_S = 1.5
"""By how much a reply may be later than the deadline on a machine that does other things too."""


def test_given_no_daemon_when_the_agent_is_killed_then_the_next_one_sends_what_was_kept_in_order(folder: Path) -> None:
    """A message whose static reply was given survives the kill of the program, and stays one message."""
    with AgentUnderTest(folder, hard_deadline_s=3.0, start_daemon=False, initialize_s=0.1) as agent:
        kept = answered([agent.begin("c", f"hello {number}") for number in range(5)])
        agent.kill()

    with AgentUnderTest(folder) as agent:
        fresh = agent.begin("c", "hello at last")
        follow_ups = agent.wait_for_follow_ups(5)
        reply = fresh.result()

        assert {one["answered_by"] for one in kept} == {"static"}
        assert [one["message_id"] for one in follow_ups] == [one["message_id"] for one in kept]
        assert [one["turn"] for one in follow_ups] == [None] * 5
        assert reply["turn"] == 1
        wait_for(lambda: agent.health()["spooled"] == 0, "an empty spool")


def test_given_an_agent_that_was_killed_when_another_lives_then_it_takes_the_spool_over(folder: Path) -> None:
    """Two agents have two spools; nobody has to be started for what one has left."""
    with AgentUnderTest(folder, hard_deadline_s=1.0, start_daemon=False, initialize_s=0.1) as dying:
        survivor = AgentUnderTest(folder, hard_deadline_s=20.0, start_daemon=False, initialize_s=0.1)
        with survivor:
            kept = dying.process("c")
            dying.kill()
            with DaemonUnderTest(folder):
                follow_ups = survivor.wait_for_follow_ups(1)

    assert [one["message_id"] for one in follow_ups] == [kept["message_id"]]


def test_given_a_daemon_that_cannot_start_when_messages_come_then_they_are_kept_until_one_can(folder: Path) -> None:
    """Somebody else holds the directory's lock: the child ends at once, again and again, and is tried again."""
    folder.mkdir()
    lock = lock_file(folder / "node.lock")
    assert lock is not None
    with AgentUnderTest(folder, hard_deadline_s=2.0) as agent:
        first = agent.begin("c")
        reply = first.result()
        health = agent.health()
        os.close(lock)
        follow_ups = agent.wait_for_follow_ups(1)

        assert (reply["kind"], reply["answered_by"]) == ("final", "static")
        assert first.took_s < 2.0 + LATE_S
        assert health["status"] == "degraded"
        assert "already runs" in health["detail"]
        assert [one["message_id"] for one in follow_ups] == [reply["message_id"]]
        assert agent.process("c")["turn"] == 1


@pytest.mark.rule("L4")
def test_given_static_replies_while_the_store_was_away_when_it_returns_then_they_are_recorded_and_the_work_is_done(
    folder: Path,
) -> None:
    """The chat's stream has each static as it was shown, without a turn, then the follow-up; nothing was published."""
    with AgentUnderTest(folder, hard_deadline_s=2.0, start_daemon=False, initialize_s=0.1) as agent:
        shown = answered([agent.begin("c", f"hello {number}") for number in range(3)])
        with DaemonUnderTest(folder) as daemon:
            follow_ups = agent.wait_for_follow_ups(3)
            with daemon.client() as client:
                keys = Keys("unfailing", int(client.get("unfailing:partitions")))
                stream = client.xrange(keys.partition(keys.partition_of("c")).replies("c"))
    said = [json.loads(fields[b"r"]) for _, fields in stream]

    finals = [one for one in said if one["kind"] == "final"]
    assert [(one["message_id"], one["text"], one["turn"]) for one in finals] == [
        (one["message_id"], one["text"], None) for one in shown
    ]
    assert [one["message_id"] for one in follow_ups] == [one["message_id"] for one in shown]
    assert [one["kind"] for one in said if one["message_id"] == shown[0]["message_id"]] == ["final", "follow_up"]


def test_given_a_data_directory_that_is_none_when_a_message_comes_then_it_is_rejected_as_overloaded(
    folder: Path,
) -> None:
    """Nowhere to keep it, nowhere to send it: the person is told to send it again, and nothing raises."""
    folder.write_text("a file stands where the directory should be")
    with AgentUnderTest(folder, hard_deadline_s=1.0) as agent:
        pending = agent.begin("c")
        reply = pending.result()

        assert (reply["kind"], reply["error"]) == ("rejected", "overloaded")
        assert reply["text"]
        assert pending.took_s < 1.0 + LATE_S
        agent.close()


def test_given_a_path_too_long_for_a_socket_when_a_message_comes_then_it_is_kept_all_the_same(folder: Path) -> None:
    """No daemon can ever start there, and the operator is told; the person has a static reply."""
    deep = folder / ("x" * 100)
    with AgentUnderTest(deep, hard_deadline_s=1.0) as agent:
        reply = agent.process("c")
        health = agent.health()

        assert reply["answered_by"] == "static"
        assert health["spooled"] == 1
        assert "shorter path" in health["detail"]


def test_given_a_full_spool_when_a_message_comes_then_it_is_rejected_and_the_kept_ones_stay(folder: Path) -> None:
    """The spool has a bound, and says so clearly."""
    with AgentUnderTest(
        folder, hard_deadline_s=1.0, start_daemon=False, initialize_s=0.1, spool_messages_max=2
    ) as agent:
        replies = answered([agent.begin("c") for _ in range(8)])

        assert [reply["answered_by"] for reply in replies[:2]] == ["static", "static"]
        assert {(reply["kind"], reply["error"]) for reply in replies[2:]} == {("rejected", "overloaded")}
        assert agent.health()["spooled"] == 2


def test_given_a_long_outage_when_messages_come_then_nobody_waits_for_another_deadline(folder: Path) -> None:
    """An outage that has outlasted a whole deadline is not waited for again and again."""
    with AgentUnderTest(folder, hard_deadline_s=3.0, start_daemon=False, initialize_s=0.1) as agent:
        wait_for(lambda: agent.health()["away_s"] >= 3.0, "an outage of three seconds")
        pending = agent.begin("c")

        reply = pending.result()

        assert reply["answered_by"] == "static"
        assert pending.took_s < 2.8


def test_given_calls_that_wait_when_the_agent_closes_then_they_get_static_replies_and_are_kept(folder: Path) -> None:
    """Closing keeps nobody waiting, and loses nothing."""
    with AgentUnderTest(folder, start_daemon=False, initialize_s=0.1) as agent:
        pending = [agent.begin("c") for _ in range(3)]
        agent.health()
        agent.close()
        replies = answered(pending)
    with AgentUnderTest(folder) as agent:
        follow_ups = agent.wait_for_follow_ups(3)

    assert {reply["answered_by"] for reply in replies} == {"static"}
    assert [one["message_id"] for one in follow_ups] == [reply["message_id"] for reply in replies]


def test_given_letters_from_long_ago_when_an_agent_takes_them_up_then_none_is_sent_twice(folder: Path) -> None:
    """What was never sent still is; what the store may have forgotten since is only waited for, then forgotten."""
    day_s = 86_400.0
    earlier = AgentFolder(folder)
    spool = Spool(earlier.enter())
    for name, sent, days in (("lost", False, 30), ("sent", True, 10), ("gone", True, 20)):
        body = b'{"message_id": "%s", "chat_id": "c", "user_id": "u", "text": "hello"}' % name.encode()
        spool.keep([Kept(1, "c", name, "0-0", body, sent=sent, at_s=time.time() - days * day_s)])
    spool.close()
    earlier.leave()

    with AgentUnderTest(folder) as agent:
        follow_ups = agent.wait_for_follow_ups(1)
        reply = agent.process("c")
        wait_for(lambda: agent.health()["spooled"] == 1, "only the one that is waited for")

    assert [one["message_id"] for one in follow_ups] == ["lost"]
    assert reply["turn"] == 2
