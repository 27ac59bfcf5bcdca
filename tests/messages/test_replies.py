"""Replies leave as the protocol prints them, and come back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from messages.errors import CodecError
from messages.protocol import iso_timestamp, reply_from_json, reply_to_json, reply_to_json_parts
from messages.records import Button, ErrorInfo, Reply

FINAL = Reply(
    reply_id="r-1",
    message_id="m-1",
    chat_id="789",
    kind="final",
    text="Saved invoice 2026-031 from ACME GmbH: 1,190.00 EUR, due 2026-04-14.",
    buttons=(Button("Correct it", "correct"),),
    turn=7,
    answered_by="rules",
    recovered_by=("retry",),
    data={"invoice": {"number": "2026-031"}},
    at="2026-11-23T10:00:01.200Z",
)


def test_given_the_example_of_the_protocol_when_written_then_its_fields_and_no_others() -> None:
    """The reply of section 2."""
    fields = json.loads(reply_to_json(FINAL))

    assert fields == {
        "reply_id": "r-1",
        "message_id": "m-1",
        "chat_id": "789",
        "kind": "final",
        "text": "Saved invoice 2026-031 from ACME GmbH: 1,190.00 EUR, due 2026-04-14.",
        "buttons": [{"label": "Correct it", "action": "correct"}],
        "turn": 7,
        "answered_by": "rules",
        "recovered_by": ["retry"],
        "data": {"invoice": {"number": "2026-031"}},
        "at": "2026-11-23T10:00:01.200Z",
    }


def test_given_parts_of_a_final_when_a_turn_is_put_between_then_the_whole_reply() -> None:
    """What the commit script does, with the number only it knows."""
    prefix, suffix = reply_to_json_parts(replace(FINAL, turn=None))

    spliced = prefix + b"12" + suffix

    assert reply_from_json(spliced) == replace(FINAL, turn=12)
    assert json.loads(spliced) == json.loads(reply_to_json(replace(FINAL, turn=12)))


def test_given_each_kind_when_written_then_turn_and_error_stand_where_they_belong() -> None:
    """A turn in finals alone, null in one given without a store; an error in rejections alone."""
    interim = json.loads(reply_to_json(replace(FINAL, kind="interim", turn=None)))
    unsettled = json.loads(reply_to_json(replace(FINAL, turn=None)))
    rejected = json.loads(
        reply_to_json(Reply("r", None, None, "rejected", "Sorry.", error=ErrorInfo("too_large", "text")))
    )

    assert "turn" not in interim
    assert unsettled["turn"] is None
    assert rejected["error"] == {"code": "too_large", "detail": "text"}
    assert "turn" not in rejected
    assert "answered_by" not in rejected


_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.text(), st.dictionaries(st.text(max_size=5), _plain, max_size=3), st.none() | st.integers(1, 2**40))
def test_given_any_reply_when_written_and_read_then_the_same(text: str, data: dict[str, Any], turn: int | None) -> None:
    """JSON loses nothing of a reply, spliced or whole."""
    reply = replace(FINAL, text=text, data=data, turn=turn)

    assert reply_from_json(reply_to_json(reply)) == reply
    if turn is not None:
        assert reply_from_json(str(turn).encode().join(reply_to_json_parts(reply))) == reply


def test_given_half_of_a_surrogate_pair_when_written_then_replaced_and_not_raised() -> None:
    """A model's broken text, deep within the data too, must not cost the person the reply."""
    broken = replace(FINAL, text="a\ud800b", data={"x": ["\udfff", {"\ud83d": 1}]}, buttons=(Button("\ud800", "a"),))

    fields = json.loads(reply_to_json(broken))

    assert fields["text"] == "a\ufffdb"
    assert fields["data"] == {"x": ["\ufffd", {"\ufffd": 1}]}
    assert fields["buttons"] == [{"label": "\ufffd", "action": "a"}]


def test_given_a_reply_of_a_later_release_when_read_then_what_is_known_is_there() -> None:
    """Receivers ignore what they do not know."""
    raw = json.dumps({**json.loads(reply_to_json(FINAL)), "mood": {"of": "the day"}}).encode()

    assert reply_from_json(raw) == FINAL


@given(st.binary(max_size=100))
def test_given_any_bytes_when_read_as_a_reply_then_a_reply_or_a_codec_error(raw: bytes) -> None:
    """A client may hear anything on a channel."""
    try:
        reply = reply_from_json(raw)
    except CodecError as error:
        assert error.raw == raw
    else:
        assert isinstance(reply, Reply)


@pytest.mark.parametrize(
    ("wall_s", "expected"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_795_428_001.2, "2026-11-23T10:00:01.200Z"),
        (1_795_428_001.9996, "2026-11-23T10:00:01.999Z"),
    ],
)
def test_given_a_wall_clock_when_written_then_iso_8601_in_utc_with_milliseconds(wall_s: float, expected: str) -> None:
    """Whatever the machine's time zone."""
    assert iso_timestamp(wall_s) == expected
