"""A static reply that was shown while the store was away is recorded as the final it was, and the work is owed."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from partition.real_store import RealStore, message, open_store, reply
from turn.real_nodes import Person, wait_for, words

from actors.partition.entries import SeenEntry, read_entry
from messages.protocol import reply_to_json
from messages.records import Reply

Starter = Callable[..., Any]
pytestmark = pytest.mark.rule("L4")


@pytest.fixture
def shop(valkey: Any) -> Iterator[RealStore]:
    """An empty store on the worker's server, its partition owned."""
    with open_store(valkey.url, valkey.client()) as store:
        store.own()
        yield store


def static(message_id: str = "m-1", **fields: Any) -> Reply:
    """What an agent shows while the store is away."""
    plain = {"answered_by": "static", "recovered_by": ("degraded",), "at": "2026-11-23T10:00:00.000Z", **fields}
    return Reply(f"s-{message_id}", message_id, "789", "final", "It is safe.", **plain)


def test_given_a_static_that_was_shown_when_its_message_is_handed_out_then_it_is_the_final_and_the_work_is_owed(
    shop: RealStore,
) -> None:
    """Recorded without a turn, not published, in the index of owed work; its session commits a follow-up."""
    heard = shop.redis.pubsub()
    heard.subscribe(shop.keys.reply_channel("789"))
    entry_id = shop.append(message())
    shown = reply_to_json(static())

    [handed] = shop.hand_out(replace(shop.wanted(message(), entry_id, straight=True), shown=shown))

    assert (handed.owed, handed.turn, handed.version) == (True, 0, 0)
    assert [(said.text, said.turn) for said in shop.replies()] == [("It is safe.", None)]
    assert shop.redis.hgetall(shop.names().owed) == {entry_id.encode(): b"789\nm-1"}
    assert shop.record().startswith("w")
    published = [note for _ in range(3) if (note := heard.get_message(timeout=0.05)) and note["type"] == "message"]
    assert published == []
    heard.close()
    shop.commit("settle", shop.fenced(message(), entry_id), version=0)
    assert [said.kind for said in shop.replies()] == ["final", "follow_up"]
    assert shop.redis.hlen(shop.names().owed) == 0


def test_given_a_static_that_was_shown_when_a_session_would_answer_then_its_final_is_refused(shop: RealStore) -> None:
    """There is one final, and it was given."""
    entry_id = shop.append(message())
    shop.hand_out(replace(shop.wanted(message(), entry_id, straight=True), shown=reply_to_json(static())))

    committed = shop.commit("final", shop.fenced(message(), entry_id), version=0)

    assert committed.outcome == "owed"
    assert shop.head()[1] == 0


def test_given_a_message_that_is_known_when_it_comes_again_with_a_static_then_nothing_is_recorded_twice(
    shop: RealStore,
) -> None:
    """The first copy had reached the store before the link broke: it is answered, and the copy goes."""
    first = shop.taken_and_handed_out()
    shop.commit("final", first, numbered=reply())
    copy = shop.append(message())

    [handed] = shop.hand_out(replace(shop.wanted(message(), copy, straight=True), shown=reply_to_json(static())))

    assert handed.status == "repeated"
    assert shop.turns() == [1, 1]
    assert shop.open_entries() == []


@pytest.mark.parametrize(
    "shown",
    [
        b"no reply",
        b"{" * 20_000,
        reply_to_json(static(message_id="m-2")),
        reply_to_json(static(answered_by="rules")),
        reply_to_json(reply("follow_up")),
        json.dumps({**json.loads(reply_to_json(static())), "turn": 7}).encode(),
    ],
)
def test_given_something_else_than_a_static_to_this_message_when_read_then_it_is_no_reply(shown: bytes) -> None:
    """Anyone may write to the partition; nobody gets another's words recorded, nor a turn."""
    entry, _ = read_entry(3, "1-0", {b"m": words("789", "m-1", "Hello!"), b"s": shown})

    assert isinstance(entry, SeenEntry)
    assert entry.shown == b""


def test_given_a_chat_with_messages_of_an_outage_when_the_store_returns_then_they_are_done_in_order(
    start_node: Starter, person: Person
) -> None:
    """Statics first, as they were shown, then follow-ups; the next message has turn one."""
    for number in (1, 2):
        body = words("789", f"m-{number}", f"word-{number}")
        person.redis.xadd(person.intake("789"), {"m": body, "s": reply_to_json(static(f"m-{number}"))})
    person.says("789", "m-3", "word-3")
    start_node()

    wait_for(lambda: len(person.replies("789")) == 5 and person.left() == 0, "three finals and two follow-ups")
    said = person.replies("789")

    assert [one.message_id for one in said if one.kind == "follow_up"] == ["m-1", "m-2"]
    assert [(one.message_id, one.turn) for one in said if one.kind == "final"] == [
        ("m-1", None), ("m-2", None), ("m-3", 1),
    ]  # fmt: skip
    assert person.left() == 0
