"""What crashes, is drilled or breaks within a running node: the next attempt, poison, and everybody else unharmed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kept_letters import dead_letters_in
from turn.real_nodes import NodeUnderTest, Person, wait_for

from actors.drill import Drilled
from actors.partition.dead_letter import DeadLetter
from actors.partition.store import Store
from actors.session.state import SessionState, state_from
from actors.status import find_actor
from messages.codec import decode

Starter = Callable[..., Any]


def neighbours(person: Person, chat_id: str, count: int = 1) -> list[str]:
    """Other chats of the same partition."""
    home = person.keys.partition_of(chat_id)
    return [chat for chat in map(str, range(1000, 2000)) if person.keys.partition_of(chat) == home][:count]


def at_work(node: NodeUnderTest, chat_id: str) -> Any:
    """Wait until the chat's session has a message in hand; its ref."""

    def look() -> Any:
        living = node.node.sessions.get(chat_id)
        return living.ref if living is not None and living.entry_id and living.ref.is_alive() else None

    return wait_for(look, "it at work")


def kept_state(person: Person, chat_id: str) -> SessionState:
    """The session as the store has it."""
    snapshot = person.redis.hget(person.keys.partition(person.keys.partition_of(chat_id)).head(chat_id), "s")
    return state_from(snapshot or b"")


def letters(person: Person, chat_id: str) -> list[Any]:
    """The dead letters of the chat's partition."""
    number = person.keys.partition_of(chat_id)
    return dead_letters_in(person.redis, number, person.keys.partition(number))


@pytest.mark.rule("A1")
def test_given_a_message_that_crashes_its_session_once_when_tried_again_then_it_is_answered(
    start_node: Starter, person: Person, folder: Path
) -> None:
    """By a session that was restarted, and says so; the chat's next message follows."""
    start_node()
    person.says("789", "m-1", f"!crash unless {folder}/crashed")
    person.says("789", "m-2")

    first, _ = person.hears("789", 2)

    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    assert first.recovered_by[0] == "restart"
    assert letters(person, "789") == []


@pytest.mark.rule("A1", "A3")
def test_given_a_message_that_crashes_every_session_when_it_has_crashed_three_then_it_is_a_dead_letter(
    start_node: Starter, person: Person
) -> None:
    """With its static final, which takes its turn; what comes after it is answered as ever."""
    start_node()
    [neighbour] = neighbours(person, "789")
    person.says("789", "m-1", "!crash")
    person.says("789", "m-2")
    person.says(neighbour, "m-1")

    poison, after = person.hears("789", 2)
    person.hears(neighbour)

    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    assert (poison.answered_by, poison.recovered_by) == ("static", ("restart", "dead_letter"))
    assert after.answered_by == "rules"
    [letter] = letters(person, "789")
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.message_id, letter.attempts) == ("poison", "m-1", 3)
    assert decode(letter.raw).text == "!crash"  # type: ignore[attr-defined]
    wait_for(lambda: person.left() == 0, "nothing left to do")


@pytest.mark.rule("A1")
def test_given_a_message_that_is_drilled_killed_and_stopped_when_counted_then_none_is_an_attempt(
    start_node: Starter, person: Person
) -> None:
    """One attempt would be too many here: the message is blameless."""
    node = start_node(max_attempts=1)
    person.says("789", "m-1", "!sleep 0.4")

    sessions = []
    for end in ("drill", "kill", "stray", "stop"):
        session = at_work(node, "789")
        sessions.append(session)
        if end == "drill":
            session.crash(Drilled("a drill"))
        elif end == "kill":
            session.fence()
        elif end == "stray":
            session.crash(SystemExit())
        else:
            session.stop(block=False)
        wait_for(lambda ended=session: not ended.is_alive(), "its end")

    [final] = person.hears("789")
    assert final.answered_by == "rules"
    assert letters(person, "789") == []
    assert len(set(sessions)) == 4


@pytest.mark.rule("A4")
def test_given_a_chat_that_keeps_crashing_when_it_exceeds_its_intensity_then_it_rests_and_nobody_else_notices(
    start_node: Starter, person: Person
) -> None:
    """Its messages get static replies meanwhile; its neighbours' sessions and their supervisor live on."""
    node = start_node(soft_deadline_s=1.0, hard_deadline_s=3.4)
    [neighbour] = neighbours(person, "789")
    person.says(neighbour, "m-1")
    person.hears(neighbour)
    supervisor, session = node.node.whereis("sessions"), node.node.sessions[neighbour].ref

    for number in range(4):
        person.says("789", f"m-{number}", "!crash")
    finals = person.hears("789", 4)
    person.says(neighbour, "m-2")
    person.hears(neighbour, 2)

    assert {final.answered_by for final in finals} == {"static"}
    assert "dead_letter" not in finals[-1].recovered_by
    assert person.finals("789") == [(number + 1, f"m-{number}") for number in range(4)]
    assert node.node.whereis("sessions") is supervisor
    assert node.node.sessions[neighbour].ref is session
    assert session.is_alive()


@pytest.mark.rule("A3")
def test_given_a_poisoned_message_that_was_owed_when_it_is_set_aside_then_its_person_hears_one_final(
    start_node: Starter, person: Person
) -> None:
    """The static reply was its final; that it could not be done is a follow-up."""
    start_node(max_attempts=1, soft_deadline_s=1.0, hard_deadline_s=3.4)
    person.says("789", "m-1", "!sleep 1.7")
    person.says("789", "m-2", "!crash")

    person.hears("789", 2, kind="follow_up")

    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    settled = [reply for reply in person.replies("789") if reply.kind == "follow_up"]
    assert [reply.message_id for reply in settled] == ["m-1", "m-2"]
    assert settled[1].recovered_by == ("restart", "dead_letter")


@pytest.mark.rule("O1")
def test_given_an_owner_that_crashes_when_it_is_restarted_then_the_living_session_goes_on(
    start_node: Starter, person: Person
) -> None:
    """It adopts fence and session: the turn that runs is committed, once, and the chat's next one waits for it."""
    node = start_node()
    number = person.keys.partition_of("789")
    person.says("789", "m-1", "!sleep 0.6")
    person.says("789", "m-2")
    session, owner, fence = at_work(node, "789"), node.node.whereis(f"owner/{number}"), node.node.leases[number].fence

    owner.crash(Drilled("a drill"))

    person.hears("789", 2)
    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    assert node.node.sessions["789"].ref is session
    assert node.node.leases[number].fence == fence
    assert node.node.whereis(f"owner/{number}") not in (None, owner)


@pytest.mark.parametrize("name", ["reader", "gateway", "leases", "partitions", "sessions", "owner", "session"])
def test_given_any_part_that_crashes_when_messages_come_then_each_is_answered_once_in_order(
    start_node: Starter, person: Person, name: str
) -> None:
    """Crashed with one message in hand and others on their way."""
    node = start_node()
    number = person.keys.partition_of("789")
    person.says("789", "m-0", "!sleep 0.3")
    for count in range(1, 10):
        person.says("789", f"m-{count}")
    session = at_work(node, "789")

    parts = {"owner": node.node.whereis(f"owner/{number}"), "session": session}
    (parts.get(name) or node.node.whereis(name)).crash(Drilled("a drill"))
    person.hears("789", 10)
    wait_for(lambda: person.says_on_the_channel("789", "m-10") or None, "somebody to hear")
    person.hears("789", 11)

    assert person.finals("789") == [(count + 1, f"m-{count}") for count in range(11)]


@pytest.mark.rule("C3")
def test_given_a_turn_that_waits_for_its_store_when_the_connection_is_replaced_then_it_is_committed_by_the_new_one(
    start_node: Starter, person: Person, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is away, and meanwhile the actor that holds the pipeline crashes."""
    node, tries, plain = start_node(), [], Store.commit
    monkeypatch.setattr(Store, "commit", lambda store, commit: tries.append(store) or plain(store, commit))
    person.says("789", "m-1", "!sleep 0.5")
    at_work(node, "789")
    access = node.node.access

    valkey.process.kill()
    wait_for(lambda: tries, "the session to commit")
    find_actor(node.node.whereis("root"), "storage/connection").crash(Drilled("a drill"))
    wait_for(lambda: not access.store._pipeline._running, "the old pipeline to be gone")
    valkey.restart()

    wait_for(lambda: node.node.access is not access, "another connection")
    wait_for(valkey.client().ping, "the server to be back")
    person.hears("789")
    assert person.finals("789") == [(1, "m-1")]
    assert node.node.store in tries


@pytest.mark.rule("C2")
def test_given_a_session_that_is_gone_when_its_chat_goes_on_then_it_is_rehydrated_where_it_was(
    start_node: Starter, person: Person
) -> None:
    """Killed, passivated, or stopped: it never goes back in time."""
    node = start_node(session_idle_s=0.3)
    for number in range(1, 5):
        person.says("789", f"m-{number}", f"words {number}")
        person.hears("789", number)
        if number == 2:
            wait_for(lambda: "789" not in node.node.sessions, "it to leave by itself")
        elif "789" in node.node.sessions:
            node.node.sessions["789"].ref.fence()

    said = [line.text for line in kept_state(person, "789").messages if line.by == "person"]
    assert said == [f"words {number}" for number in range(1, 5)]
    assert person.finals("789") == [(number, f"m-{number}") for number in range(1, 5)]


def test_given_a_session_that_leaves_while_its_message_is_asked_for_when_handed_out_then_it_keeps_its_memory(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was told which version it had and sent no snapshot: it is asked again, with one."""
    node = start_node()
    person.says("789", "m-1", "words 1")
    person.hears("789")
    session, plain = node.node.sessions["789"].ref, node.node.store.submit_hand_out

    def hand_out(_store: Any, *rest: Any) -> None:
        plain(*rest)
        if session.is_alive():
            session.fence()

    monkeypatch.setattr(type(node.node.store), "submit_hand_out", hand_out)
    person.says("789", "m-2", "words 2")
    person.hears("789", 2)

    assert [line.text for line in kept_state(person, "789").messages if line.by == "person"] == ["words 1", "words 2"]


def test_given_a_snapshot_that_cannot_be_read_when_its_chat_goes_on_then_it_is_a_dead_letter_and_the_turn_counts_on(
    start_node: Starter, person: Person
) -> None:
    """Head never goes back, and the bytes are kept."""
    node = start_node()
    person.says("789", "m-1")
    person.hears("789")
    node.node.sessions["789"].ref.fence()
    person.redis.hset(person.keys.partition(person.keys.partition_of("789")).head("789"), "s", b"\xffgarbage")

    person.says("789", "m-2")
    person.hears("789", 2)

    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    [letter] = letters(person, "789")
    assert (letter.reason, letter.raw) == ("snapshot", b"\xffgarbage")


@pytest.mark.parametrize("broken", ["head", "entries", "replies"])
def test_given_a_chat_whose_keys_are_broken_when_it_speaks_then_it_is_told_and_its_neighbours_are_answered(
    start_node: Starter, person: Person, broken: str
) -> None:
    """One bad chat never harms another."""
    node = start_node()
    names = person.keys.partition(person.keys.partition_of("789"))
    week = int(person.redis.time()[0]) // 604_800
    key = {"head": names.head("789"), "entries": names.entries("789", week), "replies": names.replies("789")}[broken]
    person.redis.set(key, "not what it should be")
    others = neighbours(person, "789", 20)
    with person.redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(person.keys.reply_channel("789"))
        heard.get_message(timeout=5)

        for chat in (*others[:10], "789", *others[10:]):
            person.says(chat, "m-1")
        for chat in others:
            person.hears(chat)

        said = wait_for(lambda: heard.get_message(timeout=0.1), "the refusal")
    assert b'"unreadable"' in said["data"]
    wait_for(lambda: person.left() == 0, "nothing left to do")
    assert len(letters(person, "789")) == 1
    assert node.node.whereis("reader") is not None
