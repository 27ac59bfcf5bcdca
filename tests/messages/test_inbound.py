"""Whatever comes through a door is a message, or an InvalidMessage that says why and to whom."""

import base64
import hashlib
import json
import timeit
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages import codec
from messages.errors import InvalidMessage
from messages.protocol import (
    MESSAGE_BYTES_MAX,
    Inbound,
    content_digest,
    decode_entry,
    decode_inbound,
    partition_of,
    partition_tag,
)
from messages.records import Attachment, InboundMessage, Reply

BASE = {"message_id": "m-1", "chat_id": "789", "user_id": "456"}


def _json(**fields: Any) -> bytes:
    return json.dumps({**BASE, **fields}).encode()


def _packed(**fields: Any) -> bytes:
    return msgspec.msgpack.encode({**BASE, **fields})


def _refusal(raw: bytes) -> InvalidMessage:
    with pytest.raises(InvalidMessage) as caught:
        decode_inbound(raw)
    return caught.value


def _attachment(content: bytes, **fields: Any) -> dict[str, Any]:
    return {"name": "a.pdf", "content_base64": base64.b64encode(content).decode(), **fields}


def test_given_the_example_of_the_protocol_when_decoded_then_a_record_and_its_blob() -> None:
    """The message of section 1, word for word."""
    content = b"%PDF-1.7 march"
    raw = _json(
        text="Here is the March invoice",
        attachments=[{**_attachment(content), "name": "march.pdf", "media_type": "application/pdf"}],
        sent_at="2026-11-23T10:00:00Z",
    )
    digest = hashlib.sha256(content).hexdigest()

    inbound = decode_inbound(raw)

    assert inbound.message == InboundMessage(
        message_id="m-1",
        chat_id="789",
        user_id="456",
        text="Here is the March invoice",
        attachments=(Attachment("march.pdf", "application/pdf", digest, len(content)),),
        sent_at="2026-11-23T10:00:00Z",
    )
    assert inbound.blobs == {digest: content}


def test_given_the_same_message_in_msgpack_when_decoded_then_the_same_record() -> None:
    """Bytes as bytes, or as base64; one content, one digest."""
    as_json = decode_inbound(_json(text="x", attachments=[_attachment(b"abc")]))

    as_bytes = decode_inbound(_packed(text="x", attachments=[{"name": "a.pdf", "content": b"abc"}]))
    as_base64 = decode_inbound(_packed(text="x", attachments=[_attachment(b"abc")]))

    assert as_json == as_bytes == as_base64


def test_given_action_reply_id_language_and_unknown_fields_when_decoded_then_kept_or_ignored() -> None:
    """A button pressed, by a client of a later release."""
    raw = _json(action="correct", reply_id="r-1", language="pt-BR", colour={"deep": [1, {"er": None}]}, text=None)

    message = decode_inbound(raw).message

    assert (message.action, message.reply_id, message.language, message.text) == ("correct", "r-1", "pt-BR", None)


ACCEPTED = {
    "no message id": ({"message_id": None, "text": "x"}, {"message_id": None}),
    "text of exactly 16 KiB": ({"text": "é" * 8192}, {"text": "é" * 8192}),
    "ids of 128 characters": ({"text": "x", "chat_id": "ü" * 128}, {"chat_id": "ü" * 128}),
    "control characters": ({"text": "a\0b\r\n\tc\x1b[0m\x7f\x85"}, {"text": "ab\n\tc[0m"}),
    "an astral character": ({"text": "\U0001f9fe"}, {"text": "\U0001f9fe"}),
    "empty text beside an action": ({"text": "", "action": "ok"}, {"text": None}),
}


@pytest.mark.parametrize(("fields", "expected"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_given_unusual_and_allowed_fields_when_decoded_then_accepted(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """By JSON and by msgpack alike."""
    for raw in (_json(**fields), _packed(**fields)):
        message = decode_inbound(raw).message

        assert {name: getattr(message, name) for name in expected} == expected


ATTACHMENTS = {
    "no bytes at all": (
        _attachment(b""),
        Attachment("a.pdf", "application/octet-stream", hashlib.sha256(b"").hexdigest(), 0),
    ),
    "base64 in lines": (
        {"content_base64": "aGVs\r\nbG8=\n"},
        Attachment("attachment", "application/octet-stream", hashlib.sha256(b"hello").hexdigest(), 5),
    ),
    "an address": (
        {"url": "https://files.example/a%20b.pdf?sig=1"},
        Attachment("a b.pdf", "application/octet-stream", "", 0, "https://files.example/a%20b.pdf?sig=1"),
    ),
    "an address and a name": (
        {"url": "http://files.example/", "name": "x.xml", "media_type": "Text/XML; charset=utf-8"},
        Attachment("x.xml", "text/xml", "", 0, "http://files.example/"),
    ),
}


@pytest.mark.parametrize(("given_fields", "expected"), ATTACHMENTS.values(), ids=ATTACHMENTS.keys())
def test_given_an_attachment_when_decoded_then_clean(given_fields: dict[str, Any], expected: Attachment) -> None:
    """Name, type and content as the record wants them."""
    message = decode_inbound(_json(attachments=[given_fields])).message

    assert message.attachments == (expected,)


INVALID = {
    "nothing said": {},
    "text that is a number": {"text": 1},
    "text of nothing but control characters": {"text": "\0\x01"},
    "half of a surrogate pair": {"text": "a\ud800b"},
    "attachments that are no list": {"text": "x", "attachments": {}},
    "an attachment without content": {"attachments": [{"name": "x"}]},
    "an attachment with two contents": {"attachments": [_attachment(b"a", url="https://x.example/")]},
    "an attachment of no base64": {"attachments": [{"content_base64": "a-_b"}]},
    "an attachment of base64 without its end": {"attachments": [{"content_base64": "YQ"}]},
    "an attachment that is a number": {"attachments": [{"content_base64": 7}]},
    "an address of a file": {"attachments": [{"url": "file:///etc/passwd"}]},
    "an address without a host": {"attachments": [{"url": "http://"}]},
    "an address with a broken port": {"attachments": [{"url": "http://x:y/"}]},
    "21 attachments": {"attachments": [_attachment(b"a")] * 21},
    "a long action": {"action": "a" * 65},
    "an empty action": {"action": ""},
    "an action of control characters": {"action": "a\n"},
    "a language that is none": {"text": "x", "language": "de_DE"},
    "a reply id too long": {"action": "x", "reply_id": "r" * 129},
    "sent_at that is a number": {"text": "x", "sent_at": 17},
    "a user id that is a number": {"text": "x", "user_id": 456},
    "no user id": {"text": "x", "user_id": None},
    "an empty user id": {"text": "x", "user_id": ""},
    "a user id with NUL": {"text": "x", "user_id": "a\0"},
    "not a number": {"text": "x", "user_id": float("nan")},
}


@pytest.mark.parametrize("fields", INVALID.values(), ids=INVALID.keys())
def test_given_a_field_that_is_wrong_when_decoded_then_refused_to_the_chat(fields: dict[str, Any]) -> None:
    """The rejected reply finds its person, and says what is wrong in words."""
    refusal = _refusal(_json(**fields))

    if "NaN" in str(_json(**fields)):
        assert refusal.code == "unreadable"
    else:
        assert (refusal.code, refusal.chat_id, refusal.message_id) == ("invalid_message", "789", "m-1")
    assert refusal.detail
    assert refusal.detail.isprintable()


UNUSABLE_CHAT_IDS = {
    "missing": None,
    "a number": 789,
    "empty": "",
    "too long": "c" * 129,
    "with NUL": "a\0b",
    "with a line feed": "a\nb",
    "with half of a pair": "a\ud800",
    "a line separator": "a\u2028b",
}


@pytest.mark.parametrize("chat_id", UNUSABLE_CHAT_IDS.values(), ids=UNUSABLE_CHAT_IDS.keys())
def test_given_no_usable_chat_id_when_decoded_then_refused_to_nobody(chat_id: Any) -> None:
    """The answer goes to the channel of rejections."""
    refusal = _refusal(_json(text="x", chat_id=chat_id))

    assert (refusal.code, refusal.chat_id) == ("invalid_message", None)
    assert refusal.message_id == "m-1"


TOO_LARGE = {
    "text beyond 16 KiB": _json(text="a" * 16_385),
    "text beyond 16 KiB in UTF-8": _json(text="é" * 8_193),
    "a megabyte of text": _json(text="a" * 1_000_000),
    "an attachment beyond 10 MB": _json(attachments=[_attachment(b"a" * (10 * 1024 * 1024 + 1))]),
    "a message beyond all bounds": _json(text="x", filler="a" * MESSAGE_BYTES_MAX),
    "a million empty objects": b'{"chat_id": "789", "message_id": "m-1", "attachments": ['
    + b"{}," * 1_000_000
    + b"{}]}",
}


@pytest.mark.parametrize("raw", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_given_too_much_when_decoded_then_too_large(raw: bytes) -> None:
    """Each bound has the same code, and the answer its address."""
    refusal = _refusal(raw)

    assert refusal.code == "too_large"
    assert (refusal.chat_id, refusal.message_id) == ("789", "m-1")


UNREADABLE = {
    "nothing": b"",
    "no JSON": b"not json",
    "a list": b"[1, 2]",
    "a text": b'"hello"',
    "half a message": b'{"chat_id": "789", "user_id"',
    "two messages": _json(text="x") + _json(text="y"),
    "a reserved byte of msgpack": b"\xc1\x00",
    "half a msgpack map": _packed(text="hello")[:-3],
    "a msgpack list": msgspec.msgpack.encode([1]),
    "a map that declares 4 billion entries": b"\xdf\xff\xff\xff\xff",
    "a list that declares 4 billion entries": b"\x81\xabattachments\xdd\xff\xff\xff\xff",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_given_bytes_that_are_no_message_when_decoded_then_unreadable(raw: bytes) -> None:
    """Addressed to nobody: what cannot be read names no chat."""
    refusal = _refusal(raw)

    assert (refusal.code, refusal.chat_id) == ("unreadable", None)


DEEP = {
    "in JSON": b'{"chat_id": "789", "message_id": "m-1", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "in JSON, unclosed": b'{"chat_id": "789", "message_id": "m-1", "x": ' + b'{"a":' * 50_000,
    "in msgpack": b"\x83\xa7chat_id\xa3789\xaamessage_id\xa3m-1\xa1x" + b"\x91" * 100_000,
    "in msgpack, long ids": b"\x83\xa7chat_id\xd9\x03789\xaamessage_id\xd9\x03m-1\xa1x" + b"\x81\xa1a" * 100_000,
}


@pytest.mark.parametrize("raw", DEEP.values(), ids=DEEP.keys())
def test_given_deep_nesting_when_decoded_then_refused_to_the_chat(raw: bytes) -> None:
    """The ids at the beginning are found without decoding the rest."""
    refusal = _refusal(raw)

    assert (refusal.code, refusal.chat_id, refusal.message_id) == ("invalid_message", "789", "m-1")


def test_given_two_chat_ids_in_what_cannot_be_decoded_when_refused_then_to_nobody() -> None:
    """A guess would answer the wrong person."""
    raw = b'{"chat_id": "789", "x": {"chat_id": "790", "y": ' + b"[" * 100_000

    assert _refusal(raw).chat_id is None


def test_given_invalid_utf8_when_decoded_then_refused_to_the_chat() -> None:
    """Latin-1 from an old client, in JSON and in msgpack."""
    in_json = _refusal(_json(text="caf?").replace(b"?", b"\xe9"))
    in_msgpack = _refusal(_packed(text="caf?").replace(b"?", b"\xe9"))

    assert (in_json.code, in_json.chat_id) == ("invalid_message", "789")
    assert (in_msgpack.code, in_msgpack.chat_id) == ("invalid_message", "789")


def test_given_a_byte_order_mark_or_white_space_when_decoded_then_accepted() -> None:
    """As editors and shells add them."""
    plain = decode_inbound(_json(text="x"))

    assert decode_inbound(b"\xef\xbb\xbf" + _json(text="x")) == plain
    assert decode_inbound(b" \r\n\t" + _json(text="x") + b"\n") == plain


@given(st.binary(max_size=400) | st.binary(max_size=100).map(lambda tail: b"\x83\xa7chat_id" + tail))
def test_given_any_bytes_when_decoded_then_a_message_or_a_refusal(raw: bytes) -> None:
    """Nothing else is ever raised, by either way in."""
    for decode in (decode_inbound, decode_entry):
        try:
            inbound = decode(raw)
        except InvalidMessage as refusal:
            assert refusal.detail
        else:
            assert isinstance(inbound, Inbound)


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.just("\ud800")
_values = st.recursive(
    _scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3)
)
_names = st.sampled_from(
    ["message_id", "chat_id", "user_id", "text", "attachments", "action", "reply_id", "language", "sent_at", "other"]
)
_loose_attachments = st.lists(
    st.dictionaries(st.sampled_from(["name", "media_type", "content_base64", "url", "content"]), _scalars, max_size=4),
    max_size=3,
)


@given(st.dictionaries(_names, _values | _loose_attachments, max_size=8), st.booleans())
def test_given_any_json_object_when_decoded_then_within_bounds_or_refused(fields: dict[str, Any], whole: bool) -> None:  # noqa: FBT001 - drawn
    """What is accepted keeps every bound of the protocol, and its record survives the codec."""
    raw = json.dumps({**({"chat_id": "c", "user_id": "u", "text": "t"} if whole else {}), **fields}).encode()

    try:
        message = decode_inbound(raw).message
    except InvalidMessage as refusal:
        assert refusal.chat_id is None or (1 <= len(refusal.chat_id) <= 128 and refusal.chat_id.isprintable())
    else:
        assert 1 <= len(message.chat_id) <= 128
        assert message.chat_id.isprintable()
        assert message.text is None or (0 < len(message.text.encode()) <= 16_384 and "\0" not in message.text)
        assert message.text is not None or message.attachments or message.action
        assert decode_entry(codec.encode(message, verified=True)).message == message


def test_given_a_record_of_a_door_when_an_entry_is_decoded_then_the_same_message() -> None:
    """Entries hold records from a door, or messages straight from outside."""
    message = decode_inbound(_json(text="x")).message

    assert decode_entry(codec.encode(message)) == Inbound(message, {})
    assert decode_entry(_json(text="x")).message == message


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (codec.encode(Reply("r", "m", "c", "final", "t")), "unreadable"),
        (b"\x94\x02\x01", "unreadable"),
        (codec.encode(InboundMessage("m-1", "a\0", "u", "t")), "invalid_message"),
    ],
    ids=["another record", "damaged", "forged"],
)
def test_given_a_record_that_is_no_message_when_an_entry_is_decoded_then_refused(raw: bytes, code: str) -> None:
    """Anybody may append to a partition's stream, so records are checked too."""
    with pytest.raises(InvalidMessage) as caught:
        decode_entry(raw)

    assert caught.value.code == code


def test_given_messages_when_digested_then_content_alone_decides() -> None:
    """User, text, action and attachments count; ids, names and times do not."""
    base = decode_inbound(_json(text="x", attachments=[_attachment(b"a")])).message
    same = decode_inbound(
        _json(text="x", message_id="m-2", sent_at="now", attachments=[_attachment(b"a", name="b")])
    ).message
    others = [
        decode_inbound(_json(**fields)).message
        for fields in (
            {"text": "y", "attachments": [_attachment(b"a")]},
            {"text": "x", "attachments": [_attachment(b"b")]},
            {"text": "x", "attachments": [_attachment(b"a")], "user_id": "457"},
            {"text": "x", "attachments": [_attachment(b"a")], "action": "ok"},
            {"text": "x", "attachments": [{"url": "https://x.example/1"}]},
            {"text": "x", "attachments": [{"url": "https://x.example/2"}]},
            {"text": "x"},
        )
    ]

    digests = {content_digest(message) for message in others}

    assert content_digest(base) == content_digest(same)
    assert len(content_digest(base)) == 20
    assert len(digests) == len(others)
    assert content_digest(base) not in digests


def test_given_chats_when_placed_then_as_redis_cluster_counts() -> None:
    """CRC-16/XMODEM of "123456789" is 0x31C3, by its specification and Redis Cluster's."""
    assert partition_of("123456789", 65_536) == 0x31C3
    assert partition_of("chat-ü", 16) == partition_of("chat-ü", 16 * 16) % 16
    assert [partition_tag(number) for number in (0, 7, 42, 128)] == ["00", "07", "42", "128"]


def test_given_a_small_message_when_decoded_then_within_eight_microseconds() -> None:
    """The hot path of every door."""
    raw = _json(text="Here is the March invoice", sent_at="2026-11-23T10:00:00Z")

    best_s = min(timeit.repeat(lambda: decode_inbound(raw), number=200, repeat=20)) / 200

    assert best_s < 8e-6
