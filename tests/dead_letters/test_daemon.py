"""A daemon's dead letters: listed, shown, replayed, discarded, counted and forgotten, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from daemon_under_test import DaemonUnderTest, short_folder, wait_for
from dead_letters.receiver import Receiver

from actors.effects.records import Effect
from actors.partition.dead_letter import dead_letter
from actors.partition.keys import Keys
from messages.codec import encode
from messages.records import InboundMessage

PARTITIONS = 4
AT = "2026-11-24T00:00:00.000Z"
KEYS = Keys("unfailing", PARTITIONS)
pytestmark = [pytest.mark.timeout(110), pytest.mark.xdist_group("dead letters")]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Where webhooks go; up."""
    with Receiver() as receiver:
        receiver.is_up = True
        yield receiver


@pytest.fixture(scope="module")
def daemon(receiver: Receiver) -> Iterator[DaemonUnderTest]:
    """One for all tests here."""
    settings = {
        "DAEMON__PARTITIONS": PARTITIONS, "WEBHOOK__URL": f"http://127.0.0.1:{receiver.port}/",
        "WEBHOOK__ALLOW_PRIVATE": "true",
    }  # fmt: skip
    with short_folder() as folder, DaemonUnderTest(folder, **settings) as daemon:
        yield daemon


def write(daemon: DaemonUnderTest, reason: str, raw: bytes, chat_id: str, message_id: str, detail: str = "why") -> None:
    """As a commit writes a dead letter."""
    letter = dead_letter(reason, detail, AT, chat_id, message_id, raw, 3)
    with daemon.client() as client:
        client.xadd(KEYS.partition(KEYS.partition_of(chat_id)).dead, {"c": chat_id, "d": letter})


def dlq(daemon: DaemonUnderTest, *words: str) -> list[dict[str, Any]]:
    """What `run.py dlq` prints as JSON."""
    done = daemon.command("dlq", *words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def letters_of(daemon: DaemonUnderTest, chat_id: str, count: int = 1) -> list[dict[str, Any]]:
    """The chat's letters, once so many have been taken in."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [letter for letter in dlq(daemon, "list") if letter["chat_id"] == chat_id]
        return len(found) == count

    wait_for(there, f"{count} letters of {chat_id}", 20.0)
    return found


def replies_of(daemon: DaemonUnderTest, chat_id: str) -> list[dict[str, Any]]:
    """What the chat was told."""
    with daemon.client() as client:
        entries = client.xrange(KEYS.partition(KEYS.partition_of(chat_id)).replies(chat_id))
    return [json.loads(fields[b"r"]) for _, fields in entries]


def test_given_a_poison_message_when_replayed_then_its_person_gets_a_follow_up(daemon: DaemonUnderTest) -> None:
    """As owed work under an id of its own; the letter is resolved, with who did it."""
    write(daemon, "poison", encode(InboundMessage("m-1", "poisoned", "u", "Hello")), "poisoned", "m-1")
    (letter,) = letters_of(daemon, "poisoned")

    (report,) = dlq(daemon, "replay", letter["id"])
    wait_for(lambda: replies_of(daemon, "poisoned") != [], "the follow-up", 20.0)
    (reply,) = replies_of(daemon, "poisoned")
    wait_for(lambda: dlq(daemon, "show", letter["id"])[0]["state"] == "resolved", "the letter's resolution", 20.0)
    (shown,) = dlq(daemon, "show", letter["id"])

    assert (letter["state"], letter["type"], letter["reason"]) == ("dead", "message", "poison")
    assert (report["done"], report["dry_run"]) == (1, False)
    assert (reply["kind"], reply["message_id"]) == ("follow_up", "m-1")
    assert (shown["replays"], shown["notes"][0]["what"]) == (1, "replayed")


def test_given_an_effect_that_died_when_its_service_is_there_then_it_is_done_once_and_its_person_told(
    daemon: DaemonUnderTest, receiver: Receiver
) -> None:
    """Under the id that it had from the first."""
    effect = Effect("evt_dead", "webhook", "invoice.recorded", "i-1", "effected", "u", "m-1", AT, 1,
                    {"invoice": {"number": "1"}})  # fmt: skip
    write(daemon, "effect", encode(effect), "effected", "m-1", "connection: [Errno 111] Connection refused")
    (letter,) = letters_of(daemon, "effected")

    dlq(daemon, "replay", "--type", "effect.webhook", "--service", letter["service"])  # or it is done by itself before
    wait_for(lambda: replies_of(daemon, "effected") != [], "the follow-up", 30.0)
    wait_for(lambda: dlq(daemon, "show", letter["id"])[0]["state"] == "resolved", "the letter's resolution", 20.0)
    (reply,) = replies_of(daemon, "effected")

    assert receiver.received["evt_dead"] == 1
    assert (reply["kind"], reply["message_id"], reply["recovered_by"]) == ("follow_up", "m-1", ["dead_letter"])


def test_given_a_filter_when_discarded_then_a_dry_run_says_which_and_the_rest_stays(daemon: DaemonUnderTest) -> None:
    """Counts tell of it; a second time there is nothing to let go."""
    for number in range(3):
        write(daemon, "invalid_message", b"{", "refused", f"m-{number}")
    write(daemon, "snapshot", b"\x00", "refused", "m-9")
    letters_of(daemon, "refused", 4)
    before = daemon.status()["store"]["dead_letters"]

    (dry,) = dlq(daemon, "discard", "--type", "input", "--dry-run")
    (done,) = dlq(daemon, "discard", "--type", "input", "--reason", "a test")
    nothing = daemon.command("dlq", "discard")
    (stats,) = dlq(daemon, "stats")
    after = daemon.status()["store"]["dead_letters"]

    assert (dry["done"], dry["dry_run"], done["done"]) == (3, True, 3)
    assert nothing.returncode == 2
    assert stats["by_state"]["discarded"] == 3
    assert before - after == 3
    assert {letter["type"]: letter["state"] for letter in letters_of(daemon, "refused", 4)} == {
        "input": "discarded", "snapshot": "dead",
    }  # fmt: skip


def test_given_a_chat_is_forgotten_when_listed_then_its_dead_letters_are_gone(daemon: DaemonUnderTest) -> None:
    """From the stream and from what was kept."""
    daemon.command("send", "forgotten", "Hello!")
    write(daemon, "snapshot", b"\x00", "forgotten", "m-9")
    letters_of(daemon, "forgotten")

    done = daemon.command("session", "forget", "forgotten")

    assert done.returncode == 0, done.stderr
    assert [letter for letter in dlq(daemon, "list") if letter["chat_id"] == "forgotten"] == []


def test_given_the_node_is_killed_when_it_comes_back_then_letters_are_as_they_were(daemon: DaemonUnderTest) -> None:
    """In people's words too."""
    write(daemon, "snapshot", b"\x00", "kept", "m-1")
    (letter,) = letters_of(daemon, "kept")

    daemon.kill()
    daemon.start()
    (again,) = letters_of(daemon, "kept")
    listed = daemon.command("dlq", "list", "--type", "snapshot")
    shown = daemon.command("dlq", "show", letter["id"])
    counted = daemon.command("dlq", "stats")

    assert (again["id"], again["state"]) == (letter["id"], "dead")
    assert letter["id"] in listed.stdout
    assert "raw_base64" in shown.stdout
    assert "by type" in counted.stdout


def test_given_an_unknown_id_when_shown_then_the_operator_is_told(daemon: DaemonUnderTest) -> None:
    """With exit status 1 and without a traceback."""
    unknown = daemon.command("dlq", "show", "00-0000000000001-0001")
    nonsense = daemon.command("dlq", "show", "nonsense")

    assert (unknown.returncode, nonsense.returncode) == (1, 1)
    assert "no dead letter" in unknown.stderr
    assert "Traceback" not in unknown.stderr + nonsense.stderr
