"""Daemons and servers that are killed, stopped and slow, while messages are in flight."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from agent_under_test import AgentUnderTest, answered, daemon_pid
from daemon_under_test import server_pid, store_client, wait_for
from slow_document import a_copy_of_its_own, slow_document

LATE_S = 1.5
"""By how much a reply may be later than the deadline on a machine that does other things too."""


def test_given_messages_in_flight_when_the_daemon_is_killed_then_each_gets_its_reply(folder: Path) -> None:
    """The child is started anew, reads what the store has, and the replies come by their streams."""
    with AgentUnderTest(folder) as agent:
        agent.process("warm")
        pending = [agent.begin(f"chat-{number % 10}") for number in range(100)]
        os.kill(daemon_pid(agent), signal.SIGKILL)
        pending += [agent.begin(f"chat-{number % 10}") for number in range(100)]

        replies = answered(pending)

        assert {(reply["kind"], reply["answered_by"]) for reply in replies} == {("final", "rules")}
        for chat in range(10):
            turns = [reply["turn"] for reply in replies if reply["chat_id"] == f"chat-{chat}"]
            assert turns == list(range(1, 21))
        assert agent.health()["starts"] == 2
        assert agent.follow_ups == []


def test_given_messages_in_flight_when_daemon_and_server_die_then_each_gets_its_reply(folder: Path) -> None:
    """What the store has not acknowledged is sent again; a message that it had is no second message."""
    with AgentUnderTest(folder) as agent:
        agent.process("warm")
        pending = [agent.begin(f"chat-{number % 10}") for number in range(100)]
        os.kill(server_pid(folder), signal.SIGKILL)
        os.kill(daemon_pid(agent), signal.SIGKILL)
        pending += [agent.begin(f"chat-{number % 10}") for number in range(100)]

        replies = answered(pending)

        assert {reply["kind"] for reply in replies} == {"final"}
        for chat in range(10):
            turns = [reply["turn"] for reply in replies if reply["chat_id"] == f"chat-{chat}"]
            assert turns == list(range(1, 21))


def test_given_a_stopped_server_when_the_deadline_comes_then_the_reply_is_static_and_the_answer_follows(
    folder: Path,
) -> None:
    """A server that is there and says nothing: the message waits on the disk, and goes when the server is back."""
    with AgentUnderTest(folder, hard_deadline_s=3.0) as agent:
        agent.process("c")
        server = server_pid(folder)
        os.kill(server, signal.SIGSTOP)
        pending = [agent.begin("c"), agent.begin("c"), agent.begin("d")]

        replies = answered(pending)
        os.kill(server, signal.SIGCONT)
        follow_ups = agent.wait_for_follow_ups(3)

        for reply, one in zip(replies, pending, strict=True):
            assert (reply["kind"], reply["answered_by"], reply["turn"]) == ("final", "static", None)
            assert reply["recovered_by"] == ["degraded"]
            assert "safe" in reply["text"]
            assert one.took_s < 3.0 + LATE_S
        assert {reply["message_id"] for reply in follow_ups} == {reply["message_id"] for reply in replies}
        assert {reply["kind"] for reply in follow_ups} == {"follow_up"}
        of_c = [reply["message_id"] for reply in follow_ups if reply["chat_id"] == "c"]
        assert of_c == [replies[0]["message_id"], replies[1]["message_id"]]
        wait_for(lambda: agent.health()["spooled"] == 0, "an empty spool")


def test_given_a_wedged_daemon_when_the_deadline_comes_then_the_message_is_in_the_store_and_answered_later(
    folder: Path,
) -> None:
    """A stopped process still has its store: the message is sent, the reply static, the answer a follow-up."""
    with AgentUnderTest(folder, hard_deadline_s=2.0) as agent:
        agent.process("c")
        pid = daemon_pid(agent)
        os.kill(pid, signal.SIGSTOP)
        reply = agent.process("c")
        os.kill(pid, signal.SIGCONT)
        follow_ups = agent.wait_for_follow_ups(1)

        assert (reply["answered_by"], reply["turn"]) == ("static", None)
        assert "still working" in reply["text"]
        assert (follow_ups[0]["message_id"], follow_ups[0]["kind"]) == (reply["message_id"], "follow_up")
        wait_for(lambda: agent.health()["open"] == 0, "everything to be settled")


def test_given_two_hundred_calls_at_once_when_all_is_well_then_each_has_its_own_reply(folder: Path) -> None:
    """One connection to write and one to read serve them all."""
    with AgentUnderTest(folder) as agent:
        pending = [agent.begin(f"chat-{number}") for number in range(200)]

        replies = answered(pending)

        assert [reply["chat_id"] for reply in replies] == [f"chat-{number}" for number in range(200)]
        assert {(reply["kind"], reply["turn"]) for reply in replies} == {("final", 1)}
        assert len({reply["message_id"] for reply in replies}) == 200


def test_given_a_broken_reply_stream_of_one_chat_when_others_talk_then_they_are_answered(folder: Path) -> None:
    """One bad key harms its own chat."""
    with AgentUnderTest(folder, hard_deadline_s=4.0) as agent:
        assert agent.process("good")["turn"] == 1
        assert agent.process("bad")["turn"] == 1
        with store_client(folder) as client:
            (broken,) = client.keys("*replies:bad")
            client.delete(broken)
            client.set(broken, "no stream")
        poisoned = agent.begin("bad")
        replies = [agent.process("good") for _ in range(3)]

        assert [reply["turn"] for reply in replies] == [2, 3, 4]
        assert poisoned.result()["answered_by"] == "static"


def test_given_the_same_message_id_when_sent_again_later_then_the_same_reply_comes(folder: Path) -> None:
    """A program that repeats what it cannot remember to have sent makes no second message."""
    with AgentUnderTest(folder) as agent:
        first = agent.process("c", "hello", message_id="mine-1")
        again = agent.process("c", "hello", message_id="mine-1")
        other = agent.process("c", "hello", message_id="mine-2")

        assert again["reply_id"] == first["reply_id"]
        assert [first["turn"], again["turn"], other["turn"]] == [1, 1, 2]


def test_given_documents_that_take_too_long_when_the_daemon_owes_the_work_then_the_answer_follows_a_killed_agent(
    folder: Path,
) -> None:
    """An interim word, the daemon's own static reply with its turn, and the follow-up at the next agent."""
    files = [folder.parent / f"{number}.pdf" for number in range(2)]
    for number, file in enumerate(files):
        file.write_bytes(a_copy_of_its_own(slow_document(40), str(number)))
    with AgentUnderTest(folder, hard_deadline_s=4.0) as agent:
        reply = agent.process("c", "read these", attachments=[str(file) for file in files])
        interims = list(agent.interims)
        wait_for(lambda: agent.health()["spooled"] == 1, "the debt to be written down")
        agent.kill()
    with AgentUnderTest(folder) as agent:
        follow_ups = agent.wait_for_follow_ups(1)
        wait_for(lambda: agent.health()["spooled"] == 0, "the debt to be forgotten")

    assert [interim["message_id"] for interim in interims] == [reply["message_id"]]
    assert (reply["kind"], reply["answered_by"], reply["turn"]) == ("final", "static", 1)
    assert [(one["kind"], one["message_id"]) for one in follow_ups] == [("follow_up", reply["message_id"])]
    assert follow_ups[0]["answered_by"] == "rules"
