import json
import time
from typing import Any

import msgpack
import pytest
from conversation import append, await_final, message, partition_key, replies
from daemon_under_test import REPOSITORY, DaemonUnderTest

EXAMPLES = REPOSITORY / "examples" / "files"


def published(subscription: Any, until_message_id: str, timeout_s: float = 60.0) -> list[dict[str, Any]]:
    """What a bare subscriber hears, up to the final reply to that message."""
    heard: list[dict[str, Any]] = []
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        item = subscription.get_message(ignore_subscribe_messages=True, timeout=0.5)
        if item is None:
            continue
        heard.append(json.loads(item["data"]))
        if heard[-1]["message_id"] == until_message_id and heard[-1]["kind"] in ("final", "rejected"):
            return heard
    raise AssertionError(f"no final reply to {until_message_id} within {timeout_s:g} s: {heard}")


def test_given_a_bare_client_when_it_publishes_a_message_then_it_hears_exactly_one_final_reply(
    daemon: DaemonUnderTest,
) -> None:
    """redis-cli and nothing else. A second message's reply ends the wait: the first has had its time to say more."""
    with daemon.client() as client, client.pubsub() as subscription:
        subscription.subscribe("unfailing:replies:789")
        subscription.get_message(timeout=5.0)

        client.publish("unfailing:inbox", json.dumps(message("789", "m-1", "Hello!")))
        heard = published(subscription, "m-1")
        client.publish("unfailing:inbox", json.dumps(message("789", "m-2", "help")))
        heard += published(subscription, "m-2")

    assert [(reply["message_id"], reply["kind"], reply["turn"]) for reply in heard] == [
        ("m-1", "final", 1),
        ("m-2", "final", 2),
    ]


def test_given_a_bare_client_when_it_publishes_a_message_without_an_id_then_it_hears_one_final_reply(
    daemon: DaemonUnderTest,
) -> None:
    """The id is derived, and stands in the reply."""
    fields = message("no-id", "-", "Hello!")
    del fields["message_id"]
    with daemon.client() as client, client.pubsub() as subscription:
        subscription.subscribe("unfailing:replies:no-id")
        subscription.get_message(timeout=5.0)

        client.publish("unfailing:inbox", json.dumps(fields))
        client.publish("unfailing:inbox", json.dumps(message("no-id", "the-last", "help")))
        heard = published(subscription, "the-last")

    assert [reply["kind"] for reply in heard] == ["final", "final"]
    assert heard[0]["message_id"]


def test_given_msgpack_with_bytes_when_it_is_published_then_the_invoice_is_read(daemon: DaemonUnderTest) -> None:
    """The same map in msgpack, the attachment as it is."""
    content = (EXAMPLES / "invoice-en.factur-x.pdf").read_bytes()
    fields = {
        "message_id": "m-1", "chat_id": "packed", "user_id": "tester",
        "attachments": [{"name": "march.pdf", "media_type": "application/pdf", "content": content}],
    }  # fmt: skip
    with daemon.client() as client:
        client.publish("unfailing:inbox", msgpack.packb(fields))

        reply = await_final(client, "packed", "m-1")

    expected = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))["invoice-en.factur-x.pdf"]
    assert reply["data"]["invoice"]["number"] == expected["number"]
    assert reply["data"]["invoice"]["gross"] == expected["gross"]


def test_given_the_front_stream_when_messages_are_appended_then_they_are_answered_in_order(
    daemon: DaemonUnderTest,
) -> None:
    """One hop more than a partition, the same promise."""
    ids = [f"m-{number}" for number in range(20)]
    with daemon.client() as client:
        for message_id in ids:
            append(client, message("in-front", message_id, "Hello!"))
        await_final(client, "in-front", ids[-1])

        heard = replies(client, "in-front")

        assert [reply["message_id"] for reply in heard] == ids
        assert [reply["turn"] for reply in heard] == list(range(1, 21))
        assert client.xlen("unfailing:intake") == 0


def test_given_one_message_when_it_comes_by_every_door_then_it_is_answered_once(daemon: DaemonUnderTest) -> None:
    """The id makes it one, whichever door it came by."""
    fields = message("every-door", "m-1", "Hello!")
    with daemon.client() as client:
        for _ in range(3):
            append(client, fields)
            client.xadd(partition_key("every-door", "intake"), {"m": json.dumps(fields)})
            client.publish("unfailing:inbox", json.dumps(fields))
        append(client, message("every-door", "the-last", "help"))
        last = await_final(client, "every-door", "the-last")

        finals = [reply for reply in replies(client, "every-door") if reply["kind"] == "final"]

    assert [reply["message_id"] for reply in finals].count("m-1") == 1
    assert last["turn"] == 2


def test_given_an_id_that_stands_for_other_content_when_it_is_used_again_then_it_is_rejected(
    daemon: DaemonUnderTest,
) -> None:
    """Said once, under `id_reused`; the conversation goes on."""
    with daemon.client() as client:
        append(client, message("reuser", "m-1", "Hello!"))
        await_final(client, "reuser", "m-1")
        append(client, message("reuser", "m-1", "Something else"))
        append(client, message("reuser", "m-2", "help"))
        reply = await_final(client, "reuser", "m-2")

        kinds = [(heard["message_id"], heard["kind"]) for heard in replies(client, "reuser")]

    assert sorted(kinds) == [("m-1", "final"), ("m-1", "rejected"), ("m-2", "final")]
    assert reply["turn"] == 2


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("wrong-type", b'{"chat_id": "wrong-type", "message_id": "m-1", "user_id": 7, "text": "x"}', "invalid_message"),
        ("no-user", b'{"chat_id": "no-user", "message_id": "m-1", "text": "x"}', "invalid_message"),
        ("nothing", b'{"chat_id": "nothing", "message_id": "m-1", "user_id": "u"}', "invalid_message"),
        (
            "long",
            b'{"chat_id": "long", "message_id": "m-1", "user_id": "u", "text": "' + b"x" * 1_000_000 + b'"}',
            "too_large",
        ),
    ],
)
@pytest.mark.parametrize("door", ["channel", "front", "partition"])
def test_given_bad_input_when_it_comes_by_any_door_then_it_is_rejected_and_the_next_message_answered(
    daemon: DaemonUnderTest, name: str, raw: bytes, code: str, door: str
) -> None:
    """Whoever can be told is told, and nobody behind them suffers."""
    chat_id = f"{name}-{door}"
    raw = raw.replace(b'"chat_id": "' + name.encode(), b'"chat_id": "' + chat_id.encode())
    with daemon.client() as client:
        if door == "channel":
            client.publish("unfailing:inbox", raw)
        else:
            stream = "unfailing:intake" if door == "front" else partition_key(chat_id, "intake")
            client.xadd(stream, {"m": raw})
        append(client, message(chat_id, "m-2", "Hello!"))

        rejected = await_final(client, chat_id, "m-1")
        answered = await_final(client, chat_id, "m-2")

    assert (rejected["kind"], rejected["error"]["code"]) == ("rejected", code)
    assert (answered["kind"], answered["turn"]) == ("final", 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"hello",
        b'{"chat_id": "torn", "message_id": "m-1", "te',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"{}",
        b"",
        b'{"chat_id": ""}',
    ],
)
def test_given_input_that_names_nobody_when_it_is_published_then_it_is_answered_on_the_channel_for_that(
    daemon: DaemonUnderTest, raw: bytes
) -> None:
    """`unfailing:rejected` hears of it."""
    with daemon.client() as client, client.pubsub() as subscription:
        subscription.subscribe("unfailing:rejected")
        subscription.get_message(timeout=5.0)

        client.publish("unfailing:inbox", raw)
        heard = subscription.get_message(timeout=20.0)

    assert heard is not None
    assert json.loads(heard["data"])["kind"] == "rejected"
