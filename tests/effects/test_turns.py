"""From a person's message to what is there outside: whole turns on a real store, ledger, sheet and receiver."""

import base64
import csv
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from effects.places import Outbox, hook, node_with
from effects.receiver import receiver
from turn.real_nodes import Person, wait_for

from actors.partition.entries import accepted_at
from actors.session.state import state_from
from supervision import world

INVOICE = Path(__file__).resolve().parents[2] / "examples" / "files" / "invoice-en.cii.xml"
NUMBER = "HF-20931"
FOR_EVER_S = 3600.0


def with_invoice() -> dict[str, Any]:
    """A message's attachment."""
    return {"attachments": [{"name": "a.xml", "content_base64": base64.b64encode(INVOICE.read_bytes()).decode()}]}


def rows(data_dir: Path) -> list[tuple[str, int]]:
    """Chat and revision of every booking in the ledger's file."""
    with closing(sqlite3.connect(data_dir / "ledger.sqlite3")) as ledger:
        return list(ledger.execute("SELECT chat_id, revision FROM bookings"))


def test_given_an_invoice_when_it_is_sent_then_it_is_booked_told_and_written_once(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """One row in the ledger, one event, one row in the sheet, one final reply."""
    with receiver() as there, node_with(valkey.url, folder / "n", webhook=hook(there.url)):
        person.says("789", "m-1", None, **with_invoice())

        person.hears("789")
        wait_for(lambda: outbox.left() == 0, "an empty outbox")
        booked = rows(folder / "n")

    with (folder / "n" / "invoices.csv").open(newline="", encoding="utf-8-sig") as sheet:
        written = [row for row in csv.reader(sheet) if "789" in row]
    [came] = there.came
    assert (booked, len(written)) == ([("789", 1)], 1)
    assert came.event["type"] == "invoice.recorded"
    assert came.event["data"]["invoice"]["number"] == NUMBER
    assert came.event["timestamp"] == accepted_at_of(came.event)
    assert person.finals("789") == [(1, "m-1")]
    assert outbox.dead() == []


def accepted_at_of(event: dict[str, Any]) -> str:
    """The event's own time, once it has the form that is promised."""
    timestamp = str(event["timestamp"])
    assert timestamp.endswith("Z")
    return timestamp


@pytest.mark.rule("E3")
def test_given_a_ledger_that_has_not_been_told_yet_when_a_person_asks_then_the_answer_knows(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """What was just saved stands in the next answer, wherever it is on its way."""
    with node_with(valkey.url, folder / "n") as node:
        node.effect_lines["ledger"].hold(world.current().now() + FOR_EVER_S)
        person.says("789", "m-1", None, **with_invoice())
        person.hears("789")
        assert outbox.redis.xlen(outbox.names("789").outbox) >= 1

        person.says("789", "m-2", "list my invoices")

        _, reply = person.hears("789", 2)
        assert NUMBER in f"{reply.text} {reply.data}"
        assert rows(folder / "n") == []


@pytest.mark.rule("E5")
def test_given_a_message_that_waited_when_its_turn_is_taken_then_its_time_is_that_of_its_acceptance(
    valkey: Any, folder: Path, outbox: Outbox, person: Person
) -> None:
    """So a turn that is run again, however late, is the same turn."""
    entry_id = f"{int((world.current().wall() - 20) * 1000)}-0"
    stream = person.intake("789")
    from turn.real_nodes import words

    person.redis.xadd(stream, {"m": words("789", "m-1", "Hello!")}, id=entry_id)

    with node_with(valkey.url, folder / "n"):
        person.hears("789")

    state = state_from(person.redis.hget(outbox.names("789").head("789"), "s"))
    assert state.updated_at == accepted_at(entry_id)
