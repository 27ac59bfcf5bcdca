"""What a program may pass, what it gets for what it may not, and what becomes of a person's mistakes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agent_client.letter import draft, write
from actors.agent_client.words import overloaded, rejected_reply, static_reply
from messages.errors import InvalidMessage
from messages.protocol import Inbound, decode_inbound

ROUND = 10 * 1024 * 1024


def written(attachments: object = (), text: object = "hello", **more: object) -> Inbound:
    """What a door makes of the message."""
    return decode_inbound(write(draft("u", "c", text, attachments, message_id="m", **more)))


def test_given_attachments_of_every_form_when_written_then_a_door_reads_them_all(tmp_path: Path) -> None:
    """Paths, pairs, triples and mappings."""
    file = tmp_path / "march.pdf"
    file.write_bytes(b"%PDF")
    forms: list[Any] = [
        str(file),
        file,
        ("a.xml", b"<a/>"),
        ("b", bytearray(b"b"), "application/xml"),
        {"path": file, "name": "other.pdf"},
        {"content": memoryview(b"c"), "name": "c.txt", "media_type": "text/plain"},
        {"content_base64": "ZA==", "name": "d"},
        {"url": "https://example.org/e.pdf"},
    ]

    inbound = written(forms)

    found = [(one.name, one.media_type, inbound.blobs.get(one.digest)) for one in inbound.message.attachments]
    assert found == [
        ("march.pdf", "application/pdf", b"%PDF"),
        ("march.pdf", "application/pdf", b"%PDF"),
        ("a.xml", "application/xml", b"<a/>"),
        ("b", "application/xml", b"b"),
        ("other.pdf", "application/pdf", b"%PDF"),
        ("c.txt", "text/plain", b"c"),
        ("d", "application/octet-stream", b"d"),
        ("e.pdf", "application/octet-stream", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((None, "c", "text", ()), TypeError),
        (("u", 1.5, "text", ()), TypeError),
        (("u", True, "text", ()), TypeError),
        (("u", "c", b"text", ()), TypeError),
        (("u", "c", 7, ()), TypeError),
        (("u", "c", "text", "a.pdf"), TypeError),
        (("u", "c", "text", b"%PDF"), TypeError),
        (("u", "c", "text", {"path": "a"}), TypeError),
        (("u", "c", "text", [7]), TypeError),
        (("u", "c", "text", [("a", "text")]), TypeError),
        (("u", "c", "text", [b"%PDF"]), TypeError),
        (("u", "c", "text", [{"content": "text"}]), TypeError),
        (("u", "c", "text", [{"content": b"", "path": "a"}]), ValueError),
        (("u", "c", "text", [{"name": "a"}]), ValueError),
        (("u", "c", "text", [{"contents": b""}]), ValueError),
        (("u", "c", "text", [""]), ValueError),
        (("", "c", "text", ()), ValueError),
        (("u", "a\nb", "text", ()), ValueError),
        (("u", "x" * 129, "text", ()), ValueError),
    ],
)
def test_given_a_mistake_of_the_program_when_a_message_is_drafted_then_it_raises(
    arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    """At once, naming the argument."""
    with pytest.raises(error, match=r"user_id|chat_id|message_text|attachments"):
        draft(*arguments, message_id="m")


def test_given_numbers_as_ids_when_drafted_then_they_are_taken_as_text() -> None:
    """Chat services have numbers."""
    message = draft(456, -100789, "text", (), message_id=17)

    assert (message.user_id, message.chat_id, message.message_id) == ("456", "-100789", "17")


@pytest.mark.parametrize(
    ("text", "attachments", "code"),
    [
        ("x" * 20_000, [], "too_large"),
        ("", [], "invalid_message"),
        (None, [], "invalid_message"),
        ("t", ["/nowhere/at/all.pdf"], "invalid_message"),
        ("t", ["/tmp"], "invalid_message"),
        ("t", [("a", b"x" * (ROUND + 1))], "too_large"),
        ("t", [("a", b"x" * ROUND)] * 3, "too_large"),
        ("t", [("a", b"x")] * 21, "too_large"),
        ("t", [{"url": "file:///etc/passwd"}], "invalid_message"),
        ("t", [{"content_base64": "?"}], "invalid_message"),
        ("t", [{"url": "https://example.org/\ud800"}], "invalid_message"),
    ],
)
def test_given_what_a_person_may_have_caused_when_written_then_it_is_refused_as_at_any_door(
    text: str | None, attachments: list[Any], code: str
) -> None:
    """It ends in a rejected reply, so it is an InvalidMessage with that code."""
    with pytest.raises(InvalidMessage) as caught:
        written(attachments, text)

    assert caught.value.code == code


def test_given_a_pipe_instead_of_a_file_when_written_then_nobody_waits_for_it(tmp_path: Path) -> None:
    """Reading it would never end."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InvalidMessage, match="no file"):
        written([tmp_path / "pipe"])


@given(st.text(min_size=1, max_size=50, alphabet=st.characters()), st.text(max_size=30, alphabet=st.characters()))
def test_given_any_text_when_written_then_it_is_a_message_or_refused(text: str, name: str) -> None:
    """Halves of surrogate pairs, controls, anything."""
    try:
        inbound = written([(name, b"content")], text)
    except InvalidMessage:
        return

    assert inbound.message.attachments[0].size_bytes == len(b"content")


def test_given_the_agents_own_replies_when_made_then_they_say_what_holds() -> None:
    """Static ones have no turn and are degraded; rejected ones have their reason."""
    message = draft("u", "c", "text", (), message_id="m")

    away = static_reply(message, 0.0, store_away=True)
    late = static_reply(message, 0.0, store_away=False)
    refused = rejected_reply(message, overloaded(message, "the disk is full"), 0.0)

    for reply in (away, late):
        assert (reply.kind, reply.turn, reply.answered_by) == ("final", None, "static")
        assert reply.recovered_by == ("degraded",)
    assert "records" in away.text
    assert "in time" in late.text
    assert refused.kind == "rejected"
    assert refused.error is not None
    assert (refused.error.code, refused.error.detail) == ("overloaded", "the disk is full")
    assert "disk" not in refused.text
