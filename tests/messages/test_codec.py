"""Records survive the codec; bytes are a record or a CodecError, and nothing else ever."""

import json
import math
import timeit
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from messages import codec
from messages.codec import Json, record
from messages.errors import CodecError
from messages.records import Attachment, Button, ErrorInfo, InboundMessage, Reply


class Colour(StrEnum):
    """An enum of texts."""

    RED = "red"
    BLUE = "blue"


class Level(Enum):
    """An enum of numbers."""

    LOW = 1
    HIGH = 2


@record(tag=120, version=1)
@dataclass(frozen=True, slots=True)
class Leaf:
    """A record within another."""

    name: str
    amount: Decimal


@record(tag=121, version=1)
@dataclass(frozen=True, slots=True)
class Everything:
    """One field of every supported type."""

    text: str
    whole: int
    share: float
    yes: bool
    raw: bytes
    amount: Decimal
    day: date
    at: datetime
    colour: Colour
    level: Level
    word: Literal["a", "b"]
    leaf: Leaf
    maybe: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    by_name: Mapping[str, Leaf] = field(default_factory=dict)
    rates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    bounded: Annotated[tuple[int, ...], Meta(max_length=3)] = ()
    data: Mapping[str, Json] = field(default_factory=dict)


integers = st.integers(-(2**63), 2**64 - 1)
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4)
leaves = st.builds(Leaf, st.text(max_size=20), decimals)
plain = st.recursive(
    st.none() | st.booleans() | integers | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
zones = st.just(UTC) | st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
everything = st.builds(
    Everything,
    text=st.text(),
    whole=integers,
    share=st.floats(allow_nan=False, allow_infinity=False),
    yes=st.booleans(),
    raw=st.binary(),
    amount=decimals,
    day=st.dates(),
    at=st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=zones | st.none()),  # noqa: DTZ001 - both kinds
    colour=st.sampled_from(Colour),
    level=st.sampled_from(Level),
    word=st.sampled_from(["a", "b"]),
    leaf=leaves,
    maybe=st.none() | leaves,
    leaves=st.lists(leaves, max_size=3).map(tuple),
    by_name=st.dictionaries(st.text(max_size=5), leaves, max_size=3),
    rates=st.dictionaries(
        st.text(max_size=5),
        st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
        max_size=3,
    ),
    bounded=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    data=st.dictionaries(st.text(max_size=5), plain, max_size=4),
)

ids = st.text(min_size=1, max_size=128)
attachments = st.builds(
    Attachment,
    st.text(max_size=200),
    st.text(max_size=100),
    st.text(max_size=64),
    st.integers(0, 10 * 1024 * 1024),
    st.none() | st.text(max_size=50),
)
codes = st.sampled_from(["invalid_message", "too_large", "id_reused", "unreadable", "overloaded"])
replies = st.builds(
    Reply,
    st.text(),
    st.none() | st.text(),
    st.none() | st.text(),
    st.sampled_from(["interim", "final", "follow_up", "rejected"]),
    st.text(),
    st.lists(st.builds(Button, st.text(), st.text(min_size=1, max_size=64)), max_size=3).map(tuple),
    st.none() | st.integers(0, 2**40),
    st.none() | st.sampled_from(["primary", "rules", "static"]),
    st.lists(st.sampled_from(["retry", "dead_letter"]), max_size=3).map(tuple),
    st.dictionaries(st.text(max_size=5), plain, max_size=4),
    st.text(max_size=30),
    st.none() | st.builds(ErrorInfo, codes, st.text()),
)
messages = st.builds(
    InboundMessage,
    st.none() | ids,
    ids,
    ids,
    st.none() | st.text(max_size=100),
    st.lists(attachments, max_size=3).map(tuple),
    st.none() | st.text(min_size=1, max_size=64),
    st.none() | ids,
    st.none() | st.text(max_size=35),
    st.none() | st.text(max_size=35),
)
any_record = everything | messages | replies | attachments | leaves


def _everything(**changes: Any) -> Everything:
    values: dict[str, Any] = {
        "text": "x",
        "whole": 1,
        "share": 0.5,
        "yes": True,
        "raw": b"r",
        "amount": Decimal("1.20"),
        "day": date(2026, 3, 1),
        "at": datetime(2026, 3, 1, tzinfo=UTC),
        "colour": Colour.RED,
        "level": Level.HIGH,
        "word": "a",
        "leaf": Leaf("l", Decimal(0)),
    }
    return Everything(**{**values, **changes})


@given(any_record)
def test_given_any_record_when_encoded_and_decoded_then_it_is_equal(value: object) -> None:
    """The codec loses nothing, and says so itself when asked to verify."""
    raw = codec.encode(value, verified=True)

    again = codec.decode(raw)

    assert again == value
    assert type(again) is type(value)


@given(st.binary(max_size=300))
def test_given_any_bytes_when_decoded_then_a_record_or_a_codec_error_with_those_bytes(raw: bytes) -> None:
    """Bytes from nowhere never raise anything else."""
    try:
        value = codec.decode(raw)
    except CodecError as error:
        assert error.raw == raw
    else:
        assert type(value) in codec.registered().values()


@given(any_record, st.data())
def test_given_damaged_bytes_of_a_record_when_decoded_then_a_record_or_a_codec_error(
    value: object, data: st.DataObject
) -> None:
    """The same for bytes that were a record once: cut, changed, lengthened."""
    raw = bytearray(codec.encode(value))
    position = data.draw(st.integers(0, len(raw) - 1))
    damaged = (
        bytes(raw[:position]) + data.draw(st.binary(max_size=4)) + bytes(raw[position + data.draw(st.integers(0, 3)) :])
    )

    try:
        codec.decode(damaged)
    except CodecError as error:
        assert error.raw == damaged


BOMBS = {
    "nested arrays": b"\x91" * 100_000,
    "nested maps": b"\x81\xa1a" * 100_000,
    "nested within a record": b"\x94\x79\x01\x80" + b"\x81\xa1a" * 100_000,
    "a declared list of 4 billion": b"\xdd\xff\xff\xff\xff",
    "a declared map of 4 billion": b"\xdf\xff\xff\xff\xff",
    "declared bytes of 4 GB": b"\xc6\xff\xff\xff\xff",
    "a declared list of 4 billion in a field": b"\x94\x79\x01\x81\x78\x01\x81\xa6leaves\xdd\xff\xff\xff\xff",
    "a reserved byte": b"\xc1",
    "nothing": b"",
    "one byte": b"\x94",
    "an extension type": b"\x94\x06\x01\x82\x05\x01\x04\x01\x81\xa4data\x81\xa1a\xd4\x05\x00",
    "more than may be": b"\x94" + b"\x00" * (codec.RECORD_BYTES_MAX + 1),
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS.keys())
def test_given_a_bomb_when_decoded_then_a_codec_error_with_its_bytes(raw: bytes) -> None:
    """Nesting and declared lengths cost nothing."""
    with pytest.raises(CodecError) as caught:
        codec.decode(raw)

    assert caught.value.raw == raw


UNFIT = {
    "an integer beyond 64 bits": _everything(whole=2**64),
    "half of a surrogate pair": _everything(text="\ud800"),
    "half of a pair within data": _everything(data={"a": ["\udfff"]}),
    "not a number": _everything(share=math.nan),
    "infinity within a mapping": _everything(rates={"a": (1.0, math.inf)}),
    "not a number within data": _everything(data={"a": {"b": [math.nan]}}),
    "a decimal that is no number": _everything(amount=Decimal("NaN")),
    "a decimal of a nested record that is no number": _everything(leaf=Leaf("x", Decimal("sNaN"))),
    "a decimal too large to count with": _everything(leaves=(Leaf("x", Decimal("1E+999999")),)),
    "bytes within data": _everything(data={"a": b"x"}),
    "a key within data that is no text": _everything(data={"a": {1: 2}}),
    "an object within data": _everything(data={"a": object()}),
    "data nested too deeply": _everything(data={"a": json.loads("[" * 70 + "]" * 70)}),
    "no record": {"a": 1},
    "a class that is no record": object(),
}


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT.keys())
def test_given_a_value_that_has_no_bytes_when_encoded_then_a_codec_error(value: object) -> None:
    """What could not be read again is not written."""
    with pytest.raises(CodecError):
        codec.encode(value)


@pytest.mark.parametrize(
    "changes", [{"text": 1}, {"yes": 2}, {"bounded": (1, 2, 3, 4)}, {"word": "c"}, {"leaf": None}, {"leaves": (None,)}]
)
def test_given_a_wrong_type_or_size_when_encoded_verified_then_a_codec_error(changes: dict[str, Any]) -> None:
    """Reading back finds what the type checker was not asked about."""
    value = _everything(**changes)

    with pytest.raises(CodecError):
        codec.encode(value, verified=True)


def _bytes_of(tag: int, version: int, versions: dict[int, int], fields: dict[str, Any]) -> bytes:
    return msgspec.msgpack.encode((tag, version, versions, fields))


def test_given_unknown_and_missing_fields_when_decoded_then_ignored_and_defaulted() -> None:
    """Records of a newer and an older release are read alike."""
    raw = _bytes_of(4, 1, {}, {"label": "Yes", "action": "yes", "colour": {"of": ["a", "later", "release"]}})

    button = codec.decode(raw)
    reply = codec.decode(
        _bytes_of(6, 1, {}, {"reply_id": "r", "message_id": None, "chat_id": "c", "kind": "final", "text": "t"})
    )

    assert button == Button("Yes", "yes")
    assert reply == Reply("r", None, "c", "final", "t")


@pytest.mark.parametrize(
    "raw",
    [
        _bytes_of(4, 1, {}, {"label": "Yes"}),
        _bytes_of(4, 1, {}, {"label": 1, "action": "yes"}),
        _bytes_of(4, 1, {}, {"label": "Yes", "action": ""}),
        _bytes_of(4, 1, {}, {"label": "Yes", "action": "x" * 65}),
        _bytes_of(4, 2, {}, {"label": "Yes", "action": "yes"}),
        _bytes_of(4, 0, {}, {"label": "Yes", "action": "yes"}),
        _bytes_of(119, 1, {}, {}),
        _bytes_of(300, 1, {}, {}),
        _bytes_of(121, 1, {120: 7}, {"leaf": {"name": "a", "amount": "1"}}),
    ],
    ids=[
        "missing",
        "wrong type",
        "too short",
        "too long",
        "future",
        "version 0",
        "no such tag",
        "tag 300",
        "nested future",
    ],
)
def test_given_fields_that_do_not_fit_when_decoded_then_a_codec_error(raw: bytes) -> None:
    """Strict where tolerance would guess."""
    with pytest.raises(CodecError) as caught:
        codec.decode(raw)

    assert caught.value.raw == raw


def test_given_a_thousand_byte_snapshot_when_encoded_then_within_fifteen_microseconds() -> None:
    """The hot path stays in C; the bound is generous, for a busy machine."""
    texts = tuple(
        Button("some text of eighty characters or so, as people write them on a good day", f"a{n}") for n in range(10)
    )
    snapshot = Reply("r-1", "m-1", "789", "final", "x" * 100, texts, 7, data={"invoice": {"number": "2026-031"}})
    raw = codec.encode(snapshot)

    best_s = min(timeit.repeat(lambda: codec.encode(snapshot), number=200, repeat=20)) / 200

    assert len(raw) > 1000
    assert best_s < 15e-6
