"""The three doors of a running node: each message taken in once, with the same id at every repetition, in order."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from turn.real_nodes import PARTITIONS, NodeUnderTest, Person, running, wait_for, words

from actors.doors import subscriber
from actors.doors.intake import MEMORY_SHARE_MAX
from actors.partition.entries import derived_message_id
from actors.store_errors import StoreAway

Starter = Callable[..., Any]


@pytest.mark.rule("D3")
def test_given_a_message_at_each_door_when_said_then_each_is_answered_in_turn(
    start_node: Starter, person: Person
) -> None:
    """The partition, the front stream and the channel."""
    start_node()

    person.says("789", "m-1")
    person.hears("789")
    person.says_at_the_front("789", "m-2")
    person.hears("789", 2)
    person.says_on_the_channel("789", "m-3")
    person.hears("789", 3)

    assert person.finals("789") == [(1, "m-1"), (2, "m-2"), (3, "m-3")]
    wait_for(lambda: person.left() == 0, "nothing left to do")


@pytest.mark.rule("K1")
def test_given_messages_without_id_when_said_then_their_ids_come_from_where_they_were_first_held(
    start_node: Starter, person: Person
) -> None:
    """The entry of the partition, the entry of the front, the node and the number of what it heard."""
    node = start_node().node

    at_partition = person.says("789", None)
    at_front = person.says_at_the_front("790", None)
    person.says_on_the_channel("791", None)

    number = person.keys.partition_of("789")
    assert person.hears("789")[0].message_id == derived_message_id(number, at_partition)
    assert person.hears("790")[0].message_id == f"f-{at_front}"
    assert person.hears("791")[0].message_id == f"c-{node.node_id}-{node.incarnation}-1"


@pytest.mark.rule("K1")
def test_given_an_entry_without_id_that_is_forwarded_a_second_time_when_moved_then_it_is_the_same_message(
    start_node: Starter, person: Person
) -> None:
    """A node died after it had moved the entry and before it had struck it from the front."""
    start_node()
    entry_id = person.says_at_the_front("789", None)
    person.hears("789")
    wait_for(lambda: person.left() == 0, "the entry to be struck")

    person.redis.delete(person.keys.front)
    person.redis.xadd(person.keys.front, {"m": words("789", None, "Hello!")}, id=entry_id)
    wait_for(lambda: person.left() == 0, "the entry to be struck again")
    person.says("789", "the next one")
    person.hears("789", 2)

    assert person.finals("789") == [(1, f"f-{entry_id}"), (2, "the next one")]
    assert len(person.replies("789")) == 3


@pytest.mark.rule("K2")
def test_given_another_number_of_partitions_configured_when_started_then_the_stored_one_counts(
    person: Person, valkey: Any, folder: Path
) -> None:
    """Chats stay where they are."""
    with running(valkey.url, folder / "first"):
        person.says("789", "m-1")
        person.hears("789")

    with NodeUnderTest(valkey.url, folder / "first", partitions=PARTITIONS * 2) as again:
        wait_for(lambda: again.owns(PARTITIONS), "the stored number of partitions")
        person.says("789", "m-2")
        person.hears("789", 2)

    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]


@pytest.mark.rule("K2")
def test_given_a_message_in_a_partition_where_its_chat_does_not_live_when_seen_then_it_is_forwarded(
    start_node: Starter, person: Person
) -> None:
    """With its attachment, under its id, and once; the stray entry is struck."""
    start_node()
    attachment = {"name": "note.txt", "content_base64": base64.b64encode(b"no invoice").decode()}
    elsewhere = person.keys.partition((person.keys.partition_of("789") + 1) % PARTITIONS).intake

    for _ in range(2):
        person.redis.xadd(elsewhere, {"m": words("789", "m-1", None, attachments=[attachment])})

    [reply] = person.hears("789")
    assert (reply.turn, reply.message_id) == (1, "m-1")
    assert "note.txt" in reply.text
    wait_for(lambda: person.left() == 0, "the strays to be struck")
    assert {reply.reply_id for reply in person.replies("789")} == {reply.reply_id}


@pytest.mark.rule("K2")
def test_given_a_stray_whose_id_stands_for_other_content_when_forwarded_then_it_is_rejected_once(
    start_node: Starter, person: Person
) -> None:
    """As at every door."""
    start_node()
    person.says("789", "m-1")
    person.hears("789")
    elsewhere = person.keys.partition((person.keys.partition_of("789") + 1) % PARTITIONS).intake

    for _ in range(2):
        person.redis.xadd(elsewhere, {"m": words("789", "m-1", "Something else")})

    [rejected] = person.hears("789", kind="rejected")
    assert rejected.error is not None
    assert rejected.error.code == "id_reused"
    wait_for(lambda: person.left() == 0, "the strays to be struck")
    assert person.kinds("789") == ["final", "rejected"]


@pytest.mark.rule("D1")
@pytest.mark.parametrize("door", ["says", "says_at_the_front", "says_on_the_channel"])
def test_given_a_message_said_many_times_when_answered_then_it_was_worked_on_once(
    start_node: Starter, person: Person, door: str
) -> None:
    """While open and afterwards; receivers drop the reply id that they know."""
    start_node()
    say = getattr(person, door)

    for _ in range(3):
        say("789", "m-1", "!sleep 0.3")
    person.hears("789")
    say("789", "m-1", "!sleep 0.3")
    say("789", "m-2")
    wait_for(lambda: (2, "m-2") in person.finals("789"), "the next message")

    wait_for(lambda: person.left() == 0, "nothing left to do")
    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    assert {reply.kind for reply in person.replies("789")} == {"final"}


@pytest.mark.rule("D1")
@pytest.mark.parametrize("door", ["says", "says_at_the_front", "says_on_the_channel"])
def test_given_a_known_id_with_other_content_when_said_then_it_is_rejected_once_and_no_turn_is_spent(
    start_node: Starter, person: Person, door: str
) -> None:
    """Also while the first is still open."""
    start_node()
    say = getattr(person, door)

    say("789", "m-1", "!sleep 0.3")
    for _ in range(2):
        say("789", "m-1", "Something else")
    say("789", "m-2")
    person.hears("789", 2)
    wait_for(lambda: person.left() == 0, "nothing left to do")

    assert person.finals("789") == [(1, "m-1"), (2, "m-2")]
    assert person.kinds("789").count("rejected") == 1
    assert person.dead_letters("789") == 1


@pytest.mark.rule("D2")
def test_given_a_cut_subscription_when_the_channel_is_used_again_then_it_is_heard(
    start_node: Starter, person: Person
) -> None:
    """It reconnects by itself; what was published in between is gone, as the protocol says."""
    start_node()
    wait_for(lambda: person.says_on_the_channel("789", "m-1"), "somebody to hear")
    person.hears("789")

    assert person.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub") >= 1
    wait_for(lambda: person.says_on_the_channel("789", "m-2"), "somebody to hear again")

    assert person.hears("789", 2)[1].message_id == "m-2"


@pytest.mark.rule("D2")
def test_given_a_subscription_that_hears_nothing_when_its_own_beats_do_not_arrive_then_it_is_made_anew(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection may be alive and deaf; here its beats are sent where it does not listen."""
    monkeypatch.setattr(subscriber, "BEAT_S", 0.1)
    monkeypatch.setattr(subscriber, "DEAF_S", 0.5)
    monkeypatch.setattr(subscriber, "READ_S", 0.1)
    node = start_node().node
    wait_for(lambda: person.redis.pubsub_numsub(person.keys.inbox)[0][1] == 1, "the node to listen")
    [before] = _subscribed(person)

    ear = node.names["gateway"]._actor._subscriber
    ear._beat_channel = "unfailing:beat:elsewhere"

    wait_for(lambda: [found for found in _subscribed(person) if found != before], "another subscription")
    person.says_on_the_channel("789", "m-1")
    person.hears("789")


def _subscribed(person: Person) -> list[str]:
    """Ids of the connections that subscribe."""
    clients: list[dict[str, str]] = person.redis.client_list(_type="pubsub")
    return [client["id"] for client in clients]


@pytest.mark.rule("D3")
def test_given_many_messages_at_the_front_when_moved_then_each_chat_s_order_holds(
    start_node: Starter, person: Person
) -> None:
    """Five chats of ten messages each, mixed."""
    start_node()
    chats = [f"chat {number}" for number in range(5)]

    for number in range(10):
        for chat in chats:
            person.says_at_the_front(chat, f"m-{number}")

    for chat in chats:
        person.hears(chat, 10)
        assert person.finals(chat) == [(number + 1, f"m-{number}") for number in range(10)]


@pytest.mark.rule("D3")
def test_given_a_partition_that_cannot_be_reached_when_moved_then_it_keeps_its_order_and_holds_nobody_up(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops at its first failure; the others' messages go on."""
    node = start_node().node
    away, plain = [True], node.store.submit_take_in
    home = person.keys.partition_of("789")
    other = next(chat for chat in map(str, range(100)) if person.keys.partition_of(chat) != home)

    def submit(message: Any, message_id: str, digest: str, done: Any) -> None:
        if message.message_id == "m-0" and away[0]:
            node.world.call_soon(done, StoreAway("its shard is away", sent=False))
        else:
            plain(message, message_id, digest, done)

    monkeypatch.setattr(type(node.store), "submit_take_in", lambda _store, *rest: submit(*rest))
    for number in range(5):
        person.says_at_the_front("789", f"m-{number}")
    person.says_at_the_front(other, "elsewhere")

    person.hears(other)
    before = person.replies("789")
    away[0] = False
    person.hears("789", 5)

    assert before == []
    assert person.finals("789") == [(number + 1, f"m-{number}") for number in range(5)]


@pytest.mark.rule("D4")
@pytest.mark.parametrize("door", ["says_at_the_front", "says_on_the_channel"])
def test_given_an_attachment_that_cannot_be_kept_when_its_message_comes_then_there_is_no_entry_yet(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """The blob first, then the entry with its digest: whoever finds the entry finds the blob."""
    node = start_node().node
    tries, entries_then, plain = [0], [], node.blobs.put

    def put(partition: int, digest: str, content: bytes) -> None:
        tries[0] += 1
        entries_then.append(int(person.redis.xlen(person.intake("789"))))
        if tries[0] < 3:
            raise OSError(28, "No space left on device")
        plain(partition, digest, content)

    monkeypatch.setattr(node.blobs, "put", put)
    attachment = {"name": "note.txt", "content_base64": base64.b64encode(b"no invoice").decode()}

    getattr(person, door)("789", "m-1", None, attachments=[attachment])

    [reply] = person.hears("789")
    assert "note.txt" in reply.text
    assert entries_then == [0, 0, 0]


@pytest.mark.rule("C4")
def test_given_a_store_that_is_nearly_full_when_messages_come_then_doors_close_and_what_is_in_gets_out(
    start_node: Starter, person: Person
) -> None:
    """The channel says so; the front keeps what it holds until there is room again; what was taken in is answered."""
    node = start_node().node
    wait_for(lambda: person.says_on_the_channel("789", "m-0"), "somebody to hear")
    person.hears("789")
    person.says("790", "slow", "!sleep 1.5")
    wait_for(lambda: person.redis.hlen(person.keys.partition(person.keys.partition_of("790")).hand), "it in hand")
    try:
        person.redis.config_set("maxmemory", int(person.redis.info("memory")["used_memory"] * 1.1))
        wait_for(lambda: node.memory_share >= MEMORY_SHARE_MAX, "the node to know")

        person.says_on_the_channel("789", "m-1")
        person.says_at_the_front("791", "m-1")
        [rejected] = person.hears("789", kind="rejected")
        person.hears("790")
        while_full = person.replies("791")
    finally:
        person.redis.config_set("maxmemory", 0)

    assert rejected.error is not None
    assert rejected.error.code == "overloaded"
    assert while_full == []
    person.hears("791")


@pytest.mark.rule("C5")
def test_given_a_server_that_forgets_its_scripts_when_messages_come_then_nobody_notices(
    start_node: Starter, person: Person
) -> None:
    """Loaded again, and only what was not done is sent again."""
    start_node()

    for number in range(30):
        person.says("789", f"m-{number}")
        if number % 5 == 0:
            person.redis.script_flush()

    person.hears("789", 30)
    assert person.finals("789") == [(number + 1, f"m-{number}") for number in range(30)]


@pytest.mark.rule("O3")
def test_given_running_owners_when_the_store_is_looked_at_then_no_reader_takes_anything_away(
    start_node: Starter, person: Person
) -> None:
    """No consumer groups: what is in the stream is exactly what is left to do."""
    start_node()
    person.says("789", "m-1", "!sleep 0.5")
    wait_for(lambda: person.redis.hlen(person.keys.partition(person.keys.partition_of("789")).hand), "it in hand")

    assert person.redis.xinfo_groups(person.intake("789")) == []
    assert person.left() == 1
    person.hears("789")
    wait_for(lambda: person.left() == 0, "nothing left to do")
