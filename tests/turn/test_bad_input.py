"""Everything that people and programs send by mistake or on purpose: each gets an answer, and harms nobody."""

import base64
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pytest
from kept_letters import dead_letters_in
from turn.drills import drilling
from turn.real_nodes import NodeUnderTest, Person, running, wait_for

from actors.partition.dead_letter import DeadLetter

pytestmark = pytest.mark.rule("D5")

DOORS = ("partition", "front", "channel")
BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol0 "lol">'
    + b"".join(b'<!ENTITY lol%d "%s">' % (n, b"&lol%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><Invoice>&lol9;</Invoice>"
)
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE i [<!ENTITY e SYSTEM "file:///etc/passwd">]><Invoice>&e;</Invoice>'


class House:
    """A running node, whose parts are looked at afterwards, and the person at its doors."""

    def __init__(self, node: NodeUnderTest, person: Person) -> None:
        self.node = node
        self.person = person
        self.parts = {
            name: node.node.whereis(name) for name in ("reader", "gateway", "front", "partitions", "sessions")
        }

    def send(self, door: str, raw: bytes, chat_id: str = "nobody") -> None:
        """Bytes as they are, at one of the doors."""
        if door == "partition":
            self.person.redis.xadd(self.person.intake(chat_id), {"m": raw})
        elif door == "front":
            self.person.redis.xadd(self.person.keys.front, {"m": raw})
        else:
            assert self.person.redis.publish(self.person.keys.inbox, raw) == 1

    def rejections_without_chat(self) -> int:
        """How many were answered that name no usable chat."""
        partitions = [self.person.keys.partition(number) for number in range(self.person.keys.partitions)]
        return sum(int(self.person.redis.xlen(names.rejected)) for names in partitions)

    def letters(self) -> list[Any]:
        """All dead letters."""
        redis, keys = self.person.redis, self.person.keys
        numbers = range(keys.partitions)
        return [one for number in numbers for one in dead_letters_in(redis, number, keys.partition(number))]


@pytest.fixture(scope="module")
def everybody(valkey_process: Any) -> Iterator[House]:
    """One node for all that is sent here; each test has chats of its own."""
    folder = Path(tempfile.mkdtemp(prefix="ut-", dir="/tmp"))
    with ExitStack() as stack:
        client = stack.enter_context(valkey_process.client())
        client.flushall()
        stack.enter_context(drilling())
        node = stack.enter_context(running(valkey_process.url, folder / "a"))
        wait_for(lambda: client.pubsub_numsub("unfailing:inbox")[0][1] == 1, "the node to listen")
        yield House(node, Person(client))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def house(everybody: House, request: pytest.FixtureRequest) -> Iterator[House]:
    """The house; after each test all of its parts live, and somebody who asks nicely is answered."""
    yield everybody

    person, chat = everybody.person, f"polite {abs(hash(request.node.name))}"
    person.says(chat, "m-1")
    person.hears(chat)
    wait_for(lambda: person.left() == 0, "nothing left to do")
    assert everybody.parts == {name: everybody.node.node.whereis(name) for name in everybody.parts}


def fields(chat_id: Any, **more: Any) -> dict[str, Any]:
    """A message as the protocol has it, but for what is given."""
    return {"message_id": "m-1", "chat_id": chat_id, "user_id": "456", "text": "Hello!", **more}


def without(chat_id: str, *names: str) -> dict[str, Any]:
    """A message that lacks some fields."""
    return {name: value for name, value in fields(chat_id).items() if name not in names}


NOT_A_MESSAGE = {
    "nothing": b"", "text": b"hello", "half": b'{"chat_id": "half', "a list": b"[1, 2]", "null": b"null",
    "a string": b'"chat_id"', "bytes": bytes(range(128, 256)), "NUL": b"\0" * 50, "deep lists": b"[" * 100_000,
    "deep msgpack": b"\x91" * 100_000, "a list of four billion": b"\xdd\xff\xff\xff\xff",
    "a map of four billion": b"\xdf\xff\xff\xff\xff\xa7chat_id", "an extension": b"\xc7\xff\x01" + b"x" * 255,
    "no chat": json.dumps(without("x", "chat_id")).encode(), "a number for a chat": json.dumps(fields(789)).encode(),
    "an empty chat": json.dumps(fields("")).encode(), "a chat with NUL": json.dumps(fields("a\0b")).encode(),
    "a chat of a mile": json.dumps(fields("x" * 129)).encode(),
    "half a surrogate for a chat": b'{"chat_id": "\\ud800", "user_id": "1", "text": "x"}',
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_given_bytes_that_name_no_chat_when_sent_then_each_is_answered_for_all_to_hear_and_set_aside(
    house: House, door: str
) -> None:
    """On the channel for those, and in a stream; with the bytes in a dead letter."""
    before, letters = house.rejections_without_chat(), len(house.letters())
    with house.person.redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(house.person.keys.rejected_channel)
        heard.get_message(timeout=5)

        for raw in NOT_A_MESSAGE.values():
            house.send(door, raw)
        wait_for(lambda: house.rejections_without_chat() - before == len(NOT_A_MESSAGE), "all to be answered")

        said = [json.loads(heard.get_message(timeout=5)["data"]) for _ in NOT_A_MESSAGE]
    assert {(reply["kind"], reply["chat_id"]) for reply in said} == {("rejected", None)}
    assert {reply["error"]["code"] for reply in said} <= {"invalid_message", "unreadable", "too_large"}
    new = house.letters()[letters:] if letters else house.letters()
    assert len(house.letters()) - letters == len(NOT_A_MESSAGE)
    assert all(isinstance(letter, DeadLetter) for letter in new)


REFUSED = {
    "no user": lambda chat: without(chat, "user_id"),
    "nothing said": lambda chat: without(chat, "text"),
    "an empty text": lambda chat: fields(chat, text=""),
    "a number for a text": lambda chat: fields(chat, text=1),
    "a list for a text": lambda chat: fields(chat, text=["a"]),
    "a text of a megabyte": lambda chat: fields(chat, text="x" * 1_000_000),
    "an object for attachments": lambda chat: fields(chat, attachments={"a": 1}),
    "numbers for attachments": lambda chat: fields(chat, attachments=[1, 2]),
    "an attachment of nothing": lambda chat: fields(chat, attachments=[{}]),
    "no base64": lambda chat: fields(chat, attachments=[{"name": "a", "content_base64": "%%%"}]),
    "a truncated base64": lambda chat: fields(chat, attachments=[{"name": "a", "content_base64": "AAAAA"}]),
    "a hundred attachments": lambda chat: fields(chat, attachments=[{"name": "a", "content_base64": ""}] * 100),
    "a file for a url": lambda chat: fields(chat, attachments=[{"url": "file:///etc/passwd"}]),
    "an id of a mile": lambda chat: fields(chat, message_id="x" * 129),
    "a NUL in an id": lambda chat: fields(chat, message_id="a\0b"),
    "an object for an action": lambda chat: without(chat, "text") | {"action": {"do": "it"}},
}


@pytest.mark.parametrize("door", DOORS)
def test_given_messages_that_cannot_be_accepted_when_sent_then_their_chat_is_told_why(house: House, door: str) -> None:
    """Wrong types, missing fields, too much of everything; in JSON and in msgpack."""
    sent = []
    for number, (name, make) in enumerate(REFUSED.items()):
        for packed in (False, True):
            chat = f"{door} refused {number} {packed}"
            encode = msgspec.msgpack.encode if packed else msgspec.json.encode
            house.send(door, encode(make(chat)), chat)
            sent.append((name, chat))

    for name, chat in sent:
        [reply] = house.person.hears(chat, kind="rejected")
        assert reply.error is not None, name
        assert reply.error.code in ("invalid_message", "too_large"), name
        assert reply.error.detail, name
        assert reply.text, name
        assert house.person.kinds(chat) == ["rejected"], name


@pytest.mark.parametrize("door", DOORS)
def test_given_a_message_too_deep_or_with_half_a_surrogate_when_sent_then_its_chat_is_told(
    house: House, door: str
) -> None:
    """What cannot be decoded is still searched for who sent it."""
    deep, half = f"{door} deep", f"{door} half"
    begin = b'{"message_id": "m-1", "chat_id": "%s", "user_id": "456", "text": '

    house.send(door, begin % deep.encode() + b'"x", "more": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", deep)
    house.send(door, begin % half.encode() + b'"\\ud800"}', half)

    for chat in (deep, half):
        [reply] = house.person.hears(chat, kind="rejected")
        assert reply.message_id == "m-1"


ACCEPTED = {
    "unknown fields": {"mood": "good", "nested": {"a": [1, {"b": None}]}},
    "NUL bytes": {"text": "Hel\0lo!\0"},
    "a time of no calendar": {"sent_at": "yesterday, or so"},
    "an emoji": {"text": "\U0001f9fe?"},
    "right to left": {"text": "\u202eolleH"},
}


@pytest.mark.parametrize("door", DOORS)
def test_given_messages_that_are_only_odd_when_sent_then_they_are_answered(house: House, door: str) -> None:
    """Unknown fields are skipped, control characters taken out."""
    chats = []
    for name, more in ACCEPTED.items():
        chat = f"{door} {name}"
        house.send(door, json.dumps(fields(chat, **more)).encode(), chat)
        chats.append(chat)

    for chat in chats:
        [reply] = house.person.hears(chat)
        assert (reply.turn, reply.message_id) == (1, "m-1")


def pdf(*, password: str = "") -> bytes:
    """A PDF of one empty page."""
    target, made = io.BytesIO(), pikepdf.new()
    made.add_blank_page(page_size=(595, 842))
    made.save(target, encryption=pikepdf.Encryption(owner=password, user=password) if password else False)
    return target.getvalue()


def documents() -> dict[str, tuple[str, bytes]]:
    """Attachments from which nothing can be read, by what is wrong with them: name and content."""
    return {
        "zero bytes": ("empty.pdf", b""),
        "truncated": ("cut.pdf", pdf()[:200]),
        "encrypted": ("secret.pdf", pdf(password="secret")),
        "a picture by the name of a PDF": ("photo.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 100),
        "a PDF by the name of an XML": ("invoice.xml", pdf()),
        "no text at all": ("blank.pdf", pdf()),
        "entity expansion": ("laughs.xml", BILLION_LAUGHS),
        "an external entity": ("outside.xml", OUTSIDE),
        "broken XML": ("broken.xml", b"<Invoice><ID>1"),
        "a program": ("setup.exe", b"MZ" + b"\0" * 200),
        "a name of evil": ("../../etc/passwd\0.pdf", b"nothing"),
    }


@pytest.mark.parametrize("door", DOORS)
def test_given_documents_that_nobody_can_read_when_sent_then_a_final_says_what_to_do(house: House, door: str) -> None:
    """Never a technical detail, and never anything from outside the document."""
    chats = {}
    for what, (name, content) in documents().items():
        chat = f"{door} {what}"
        attachment = {"name": name, "content_base64": base64.b64encode(content).decode()}
        house.send(door, json.dumps(without(chat, "text") | {"attachments": [attachment]}).encode(), chat)
        chats[chat] = what

    for chat, what in chats.items():
        [reply] = house.person.hears(chat, timeout_s=60.0)
        assert reply.text, what
        assert "invoice" not in reply.data, what
        for detail in ("root:", "Traceback", "lxml", "pikepdf", "lollol", "Error"):
            assert detail not in reply.text, (what, reply.text)
