"""Costly steps of a turn are paid for once, but what was in hand at a crash is done anew."""

import base64
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from turn.real_nodes import Person, wait_for

from actors.store_errors import StoreAway
from invoices.problems import Problem
from invoices.reading_record import Reading
from messages.codec import encode

Starter = Callable[..., Any]
NOTE = b"nothing to be read in here"
# What an earlier attempt is made to have found: told apart from what is found now.
KEPT = Reading("pdf", "a PDF", problem=Problem("encrypted", "it has a password"))


def keep_step(person: Person, number: int, content: bytes) -> None:
    """The outcome of reading one attachment of message m-1, as an earlier attempt has left it."""
    names = person.keys.partition(person.keys.partition_of("789"))
    step = f"m-1:{number}:{sha256(content).hexdigest()}"
    person.redis.hset(names.journal("789"), step, encode(KEPT))


def with_files(*contents: bytes) -> dict[str, Any]:
    """Attachments of a message."""
    return {
        "attachments": [
            {"name": f"{number}.txt", "content_base64": base64.b64encode(content).decode()}
            for number, content in enumerate(contents)
        ]
    }


@pytest.mark.rule("A3", "E5")
def test_given_a_step_that_was_paid_for_when_its_turn_runs_again_then_it_is_taken_from_the_journal(
    start_node: Starter, person: Person
) -> None:
    """And the journal is gone with the commit."""
    start_node()
    keep_step(person, 0, NOTE)

    person.says("789", "m-1", None, **with_files(NOTE))

    [reply] = person.hears("789")
    assert "password" in reply.text
    names = person.keys.partition(person.keys.partition_of("789"))
    assert not person.redis.exists(names.journal("789"))


@pytest.mark.rule("A3")
def test_given_a_step_that_was_in_hand_at_a_crash_when_tried_again_then_it_is_not_replayed(
    start_node: Starter, person: Person, folder: Path
) -> None:
    """It may be what crashed; the steps before it are."""
    start_node()
    for number, content in enumerate((b"first", NOTE)):
        keep_step(person, number, content)

    person.says("789", "m-1", f"!crash unless {folder}/crashed", **with_files(b"first", NOTE))

    [reply] = person.hears("789")
    first, second = reply.text.split("\n\n")
    assert "password" in first
    assert "password" not in second


@pytest.mark.rule("A1")
def test_given_a_store_that_is_away_when_an_attachment_is_fetched_then_the_session_waits_and_nobody_is_guilty(
    start_node: Starter, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One attempt would be too many here."""
    node = start_node(max_attempts=1).node
    tries, plain = [0], node.blobs.get

    def get(partition: int, digest: str) -> bytes:
        tries[0] += 1
        if tries[0] < 3:
            raise StoreAway("it is being restarted", sent=True)
        return bytes(plain(partition, digest))

    monkeypatch.setattr(node.blobs, "get", get)
    person.says("789", "m-1", None, **with_files(NOTE))

    [reply] = person.hears("789")
    assert "0.txt" in reply.text
    assert person.dead_letters("789") == 0
    wait_for(lambda: person.left() == 0, "nothing left to do")
