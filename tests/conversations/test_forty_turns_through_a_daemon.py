"""The same conversations with a running daemon: documents through its readers, answers from its own ledger."""

import base64
import datetime as dt
import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from daemon_under_test import DaemonUnderTest, short_folder, wait_for
from forty_turns import LANGUAGES, Bill, Truth, documents, truth_in, turns

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))

from conversation import append, await_final
from test_forty_turns import disagreement

from invoices.book import Booking
from messages.codec import decode

pytestmark = pytest.mark.xdist_group("forty turns")


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonUnderTest]:
    """A daemon that is up, by rules alone."""
    with short_folder() as folder, DaemonUnderTest(folder) as running:
        yield running


def booked(daemon: DaemonUnderTest, chat_id: str) -> dict[str, Booking]:
    """What the ledger's own file holds for a chat, by number."""
    with closing(sqlite3.connect(f"file:{daemon.data_dir / 'ledger.sqlite3'}?mode=ro", uri=True)) as ledger:
        rows = ledger.execute("select body from bookings where chat_id = ? and not is_deleted", (chat_id,)).fetchall()
    standing = [decode(body) for (body,) in rows]
    return {booking.invoice.number or "-": booking for booking in standing}


def said(chat_id: str, number: int, text: str | None, bill: Bill | None) -> dict[str, Any]:
    """One message as the contract has it."""
    fields: dict[str, Any] = {"message_id": f"m-{number}", "chat_id": chat_id, "user_id": "tester"}
    if text is not None:
        fields["text"] = text
    if bill is not None:
        content = base64.b64encode(bill.ubl()).decode()
        fields["attachments"] = [{"name": f"{bill.number}.xml", "content_base64": content}]
    return fields


@pytest.mark.parametrize("language", LANGUAGES)
def test_given_a_daemon_when_forty_turns_are_held_then_its_answers_and_its_ledger_are_right(
    daemon: DaemonUnderTest, language: str
) -> None:
    """Each reply's figures against the truth, the ledger's file after the last turn; the answers do not wait for it."""
    chat_id, today = f"forty-{language}", dt.datetime.now(dt.UTC).date()
    truth: Truth = truth_in(language, today)
    place = LANGUAGES.index(language)

    with daemon.client() as client:
        for number, turn in enumerate(turns(today), 1):
            bill = documents(today)[turn.document] if turn.document else None
            text = turn.words[place] if turn.words else None
            append(client, said(chat_id, number, text, bill))
            reply = await_final(client, chat_id, f"m-{number}")
            turn.then(truth)

            story = f"turn {number}, {text or turn.document}: {reply['text']}"
            assert reply["answered_by"] == "rules", story
            assert all(part in reply["text"] for part in turn.says(truth)), f"{turn.says(truth)} in {story}"
            assert not any(part in reply["text"] for part in turn.hides(truth)), story
            assert len(reply["data"].get("files", ())) == turn.files, story

    wait_for(lambda: not disagreement(booked(daemon, chat_id), truth), "the ledger to have all of it")


def test_given_a_document_of_a_person_when_another_asks_then_nothing_of_it_is_said(daemon: DaemonUnderTest) -> None:
    """A chat's books are its own."""
    bill = documents(dt.datetime.now(dt.UTC).date())["A"]
    with daemon.client() as client:
        append(client, said("owner", 1, None, bill))
        await_final(client, "owner", "m-1")
        for number, text in enumerate(("list all invoices", f"show invoice {bill.number}", "delete the last one"), 1):
            append(client, said("stranger", number, text, None))
            reply = await_final(client, "stranger", f"m-{number}")

            assert bill.number not in reply["text"].replace(text, "")
            assert "ACME" not in json.dumps(reply["data"])
