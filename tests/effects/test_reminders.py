"""Reminders on a real server: said once, at their time, whatever dies, and not at all when taken back."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from effects.places import Outbox, effect, node_with
from turn.real_nodes import Person, wait_for

from actors.effects.records import Effect
from actors.effects.reminders import Look, ReminderTarget
from actors.effects.target import Misconfigured
from actors.partition.store import SCRIPTS
from supervision import world


def at(seconds: float) -> str:
    """A moment, so many seconds from now."""
    return dt.datetime.fromtimestamp(world.current().wall() + seconds, dt.UTC).isoformat()


def reminder(when: str | None, text: str = "Pay ACME", *, revision: int = 1, **fields: Any) -> Effect:
    """An effect as a turn makes it."""
    kind = "reminder.set" if when else "reminder.cancelled"
    payload = {"at": when, "text": text}
    return effect(target="reminder", kind=kind, key="r-1", revision=revision, payload=payload, **fields)


def said(person: Person) -> list[str]:
    """Texts of the follow-ups, as a receiver takes them."""
    return [reply.text for reply in person.known("789", "follow_up")]


def kept(outbox: Outbox) -> int:
    """How many reminders the chat's partition has, said ones included."""
    return int(outbox.redis.zcard(outbox.names("789").reminders))


def test_given_a_reminder_when_its_time_comes_then_it_is_said_in_a_follow_up(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """Not before, and about the message that asked for it."""
    one = reminder(at(0.7))
    with node_with(valkey.url, folder / "n") as node:
        outbox.put(node, one)
        wait_for(lambda: kept(outbox) == 1, "the reminder to be kept")
        assert said(person) == []

        [reply] = person.hears("789", kind="follow_up")

    assert (reply.text, reply.message_id) == ("Pay ACME", one.message_id)


def test_given_a_reminder_that_was_due_while_no_node_ran_when_one_starts_then_it_is_said(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """Late is better than never."""
    outbox.put(None, reminder(at(-3600)))

    with node_with(valkey.url, folder / "n"):
        person.hears("789", kind="follow_up")

    assert said(person) == ["Pay ACME"]


def test_given_a_reminder_when_it_is_taken_back_then_it_is_not_said(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """Nor when its first effect comes again, late: the later revision stands."""
    first = reminder(at(0.5))
    with node_with(valkey.url, folder / "n") as node:
        outbox.put(node, first, reminder(None, revision=2), first)
        wait_for(lambda: outbox.left() == 0, "an empty outbox")
        outbox.put(node, effect(target="reminder", key="r-2", payload={"at": at(0.6), "text": "Later"}))

        person.hears("789", kind="follow_up")

    assert said(person) == ["Later"]


def test_given_a_reminder_when_it_is_moved_then_it_is_said_at_its_new_time_alone(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """With its new words."""
    with node_with(valkey.url, folder / "n") as node:
        outbox.put(node, reminder(at(3600)), reminder(at(0.2), "Pay ACME today", revision=2))

        person.hears("789", kind="follow_up")

    assert said(person) == ["Pay ACME today"]


def test_given_a_reminder_that_was_said_when_its_effect_is_replayed_then_it_is_not_said_again(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """Its key and revision make it once."""
    one = reminder(at(-1))
    with node_with(valkey.url, folder / "n") as node:
        outbox.put(node, one)
        person.hears("789", kind="follow_up")

        outbox.put(node, one, effect(target="reminder", key="r-2", payload={"at": at(0), "text": "Another"}))

        person.hears("789", 2, kind="follow_up")
    assert len([reply for reply in person.replies("789") if reply.kind == "follow_up"]) == 2


def test_given_a_void_fence_when_a_reminder_would_be_said_then_it_is_not(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """Two nodes that think they hold the partition say it once."""
    with node_with(valkey.url, folder / "n") as node:
        names = outbox.names("789")

        answer = node.store.call_script(
            SCRIPTS["reminder_say"], (names.lease, names.reminders, names.reminder_records, names.replies("789")),
            ("1:99:another", "789\nr-1", b"", b"{}", "channel", 0),
        )  # fmt: skip

    assert answer == b"stale"
    assert person.replies("789") == []


def test_given_many_looks_at_once_when_a_reminder_is_due_then_it_is_said_once(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """And its actor may crash in between."""
    with node_with(valkey.url, folder / "n") as node:
        outbox.put(node, reminder(at(0.3)))
        wait_for(lambda: kept(outbox) == 1, "the reminder to be kept")
        before = node.names["reminders"]
        before.crash(RuntimeError("on purpose"))
        wait_for(lambda: node.names["reminders"] is not before, "another one")
        for _ in range(20):
            node.names["reminders"].tell(Look())

        person.hears("789", kind="follow_up")
    assert len(person.replies("789")) == 1


def test_given_what_is_left_of_a_reminder_when_its_time_is_over_then_it_is_struck(
    valkey: Any, folder: Path, outbox: Outbox
) -> None:
    """Nothing is kept for ever; what cannot be read goes as well."""
    names = outbox.names("789")
    outbox.redis.zadd(names.reminders, {"789\nr-1": 1, "789\nr-2": 2})
    outbox.redis.hset(names.reminder_records, mapping={"789\nr-1": b"2|", "789\nr-2": b"1|\xc1"})

    with node_with(valkey.url, folder / "n"):
        wait_for(lambda: kept(outbox) == 0, "nothing to be left")

    assert outbox.redis.hlen(names.reminder_records) == 0


@pytest.mark.parametrize("when", ["soon", "2026-13-01", ""])
def test_given_a_time_that_is_none_when_a_reminder_is_set_then_a_person_sees_it(
    valkey: Any, folder: Path, when: str
) -> None:
    """It would not become one by waiting."""
    with node_with(valkey.url, folder / "n") as node, pytest.raises(Misconfigured):
        ReminderTarget(node).perform(effect(target="reminder", payload={"at": when, "text": "x"}), 5.0)
