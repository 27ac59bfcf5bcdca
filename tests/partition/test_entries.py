"""What the reader makes of an entry: readable or not, with the same id at every reading."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.partition.entries import BadEntry, SeenEntry, derived_message_id, entry_milliseconds, read_entry
from messages.codec import encode
from messages.protocol import content_digest, decode_inbound
from messages.records import ID_CHARS_MAX, InboundMessage

WITHOUT_ID = msgspec.json.encode({"chat_id": "789", "user_id": "456", "text": "Hello"})


def read(fields: dict[bytes, bytes], partition: int = 3, entry_id: str = "1732358400000-0") -> SeenEntry | BadEntry:
    """One entry, without its attachments."""
    return read_entry(partition, entry_id, fields)[0]


@pytest.mark.rule("K1")
@given(partition=st.integers(0, 16_383), milliseconds=st.integers(0, 2**63), number=st.integers(0, 2**64 - 1))
def test_given_a_message_without_id_when_read_twice_then_it_has_the_same_one(
    partition: int, milliseconds: int, number: int
) -> None:
    """Derived from the entry that first held it, within the bounds of an id; two entries have two."""
    entry_id = f"{milliseconds}-{number}"
    first, again = (read({b"m": WITHOUT_ID}, partition, entry_id) for _ in range(2))
    other = read({b"m": WITHOUT_ID}, partition, f"{milliseconds}-{(number + 1) % 2**64}")

    assert isinstance(first, SeenEntry)
    assert isinstance(other, SeenEntry)
    assert first == again
    assert first.message_id == derived_message_id(partition, entry_id) != other.message_id
    assert 0 < len(first.message_id) <= ID_CHARS_MAX
    assert first.message_id.isprintable()


@pytest.mark.rule("K1")
def test_given_a_message_with_its_id_when_read_then_it_keeps_it() -> None:
    """Nobody else names it."""
    raw = msgspec.json.encode({"chat_id": "789", "user_id": "456", "text": "Hello", "message_id": "m-1"})

    seen = read({b"m": raw})

    assert isinstance(seen, SeenEntry)
    assert (seen.message_id, seen.straight, seen.week) == ("m-1", True, 0)
    assert seen.digest == content_digest(decode_inbound(raw).message)


@pytest.mark.rule("D1")
def test_given_an_entry_of_a_door_when_read_then_its_digest_and_week_are_believed() -> None:
    """The door has computed them, and its record stands under that week."""
    message = InboundMessage("m-1", "789", "456", "Hello")

    seen = read({b"m": encode(message), b"i": b"m-1", b"d": b"digest", b"w": b"2900"})

    assert seen == SeenEntry("1732358400000-0", message, "m-1", "digest", 2900)


@pytest.mark.rule("D1")
@pytest.mark.parametrize(
    "forged", [{b"i": b"other"}, {b"w": b"-1"}, {b"w": b"week"}, {b"w": b""}, {b"i": b""}, {b"w": "٣".encode()}]
)
def test_given_an_entry_with_fields_that_no_door_wrote_when_read_then_it_came_straight(
    forged: dict[bytes, bytes],
) -> None:
    """Whoever appends may write any field; what does not fit is computed anew."""
    message = InboundMessage("m-1", "789", "456", "Hello")
    fields = {b"m": encode(message), b"i": b"m-1", b"d": b"digest", b"w": b"2900", **forged}

    seen = read(fields)

    assert isinstance(seen, SeenEntry)
    assert (seen.straight, seen.digest) == (True, content_digest(message))


@pytest.mark.rule("D5")
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff" * 100, b"[" * 100_000, b'{"chat_id": "789"}', b"\x94\x02\x01\x02\xc0"]
)
def test_given_bytes_that_are_no_message_when_read_then_they_are_a_bad_entry_with_these_bytes(raw: bytes) -> None:
    """For the dead letter."""
    bad = read({b"m": raw})

    assert isinstance(bad, BadEntry)
    assert bad.raw == raw


@pytest.mark.rule("D5")
def test_given_an_entry_without_the_field_when_read_then_it_is_bad() -> None:
    """Somebody appended something else."""
    assert isinstance(read({b"x": b"y"}), BadEntry)


@pytest.mark.rule("D5")
@given(fields=st.dictionaries(st.sampled_from([b"m", b"i", b"d", b"w", b"x"]), st.binary(max_size=200)))
def test_given_any_fields_when_read_then_nothing_is_raised(fields: dict[bytes, bytes]) -> None:
    """Whatever is in the stream, its reader lives."""
    assert isinstance(read(fields), SeenEntry | BadEntry)


@pytest.mark.rule("T3")
def test_given_an_entry_s_id_when_asked_for_its_time_then_it_is_the_server_s() -> None:
    """Milliseconds of the server's clock when it was appended."""
    assert entry_milliseconds("1732358400123-7") == 1732358400123
