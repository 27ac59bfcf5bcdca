"""The nine ways in which something goes wrong, each broken for real, and what the person reads."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import EXAMPLES
from daemon_under_test import server_pid, wait_for
from file_server import answer, cut, file_server, ranged
from model_server import model_server
from postgres import postgres_server, programs
from sheets_server import ID, sheets_server
from tcp_proxy import free_port

if TYPE_CHECKING:
    from conftest import Person, Stage

INVOICE = EXAMPLES / "invoice-en.factur-x.pdf"
NUMBERS = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))


def is_about(reply: dict[str, Any], path: Path = INVOICE) -> bool:
    """Whether a reply is about the invoice in that file."""
    return bool(reply["data"]["invoice"]["number"] == NUMBERS[path.name]["number"])


def model_settings(port: int) -> dict[str, object]:
    """One model behind that port."""
    return {
        "MODELS__0__NAME": "model-primary", "MODELS__0__BASE_URL": f"http://127.0.0.1:{port}/v1",
        "MODELS__0__API_KEY_ENV": "", "MODELS__0__TIMEOUT_S": 3, "DAEMON__HARD_DEADLINE_S": 15,
    }  # fmt: skip


def test_given_a_model_server_that_vanishes_when_a_person_asks_then_the_rules_answer_at_once(stage: Stage) -> None:
    """Model API: degraded mode does the same things with less understanding."""
    models = stage.enter(model_server())
    proxy = stage.proxy(models.port)
    person = stage.person(**model_settings(proxy.port))
    person.asks("", INVOICE)

    proxy.order("refuse")
    unclear = person.asks("should I be worried about any of it?")
    clear = person.asks("show me the last invoice")

    assert unclear["answered_by"] == "rules"
    assert "degraded" in unclear["recovered_by"]
    assert is_about(clear)


def test_given_a_model_server_that_hangs_when_a_person_asks_then_the_answer_is_there_by_the_deadline(
    stage: Stage,
) -> None:
    """Model API: a hanging model costs its own time-out, never the person's deadline."""
    models = stage.enter(model_server())
    proxy = stage.proxy(models.port)
    person = stage.person(**model_settings(proxy.port))
    person.asks("", INVOICE)

    proxy.order("hang")
    reply = person.asks("should I be worried about any of it?")

    assert reply["answered_by"] == "rules"
    assert is_about(person.asks("show me the last invoice"))


def test_given_a_reader_that_is_killed_with_a_document_in_hand_when_it_is_read_again_then_the_person_gets_it(
    stage: Stage,
) -> None:
    """Document processing: a reader that dies costs its document one more try, and nothing else."""
    person = stage.person()
    person.asks("Hello!")
    sent = person.says("", EXAMPLES / "scan.pdf")
    _kill_readers(person)

    reply = person.reads(sent)

    assert reply["kind"] == "final"
    assert person.asks("", INVOICE)["data"]["invoice"]["number"] == NUMBERS[INVOICE.name]["number"]


def _kill_readers(person: Person) -> None:
    """Kill -9 every reader process of the daemon."""
    assert person.daemon.process is not None

    def readers() -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (process / "cmdline").read_bytes()
                if b"invoices.reader" in command or b"reader_main" in command:
                    parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                    if int(parent) == person.daemon.process.pid:  # type: ignore[union-attr]
                        found.append(int(process.name))
        return found

    for pid in wait_for(readers, "a reader", 10.0):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_given_a_document_that_no_source_can_read_when_it_is_sent_then_the_person_is_told_what_to_do(
    stage: Stage, tmp_path: Path
) -> None:
    """Document processing: when every source has failed, a kind word and the way on; the conversation goes on."""
    broken = tmp_path / "march.pdf"
    broken.write_bytes(INVOICE.read_bytes()[:700])
    person = stage.person()

    reply = person.asks("", broken)

    assert "march.pdf" in reply["text"]
    assert is_about(person.asks("", INVOICE))


@pytest.mark.skipif(programs() is None, reason="PostgreSQL's server is not installed")
def test_given_a_ledger_database_that_is_killed_when_invoices_come_then_they_are_kept_and_booked_on_its_return(
    stage: Stage,
) -> None:
    """Database: the agent answers from what it remembers, and writes when it can."""
    stage.folder.chmod(0o755)
    server = stage.enter(postgres_server(stage.folder / "pg", free_port()))
    url = f"postgresql://postgres@127.0.0.1:{server.port}/postgres"
    person = stage.person(LEDGER__URL=url, BREAKERS__DATABASE__RECOVERY_TIMEOUT_S=1)
    person.asks("", INVOICE)

    server.kill()
    saved = person.asks("", EXAMPLES / "invoice-de.ubl.xml")
    listed = person.asks("list my invoices")
    server.start()

    assert is_about(saved, EXAMPLES / "invoice-de.ubl.xml")
    for path in (INVOICE, EXAMPLES / "invoice-de.ubl.xml"):
        assert NUMBERS[path.name]["number"] in listed["text"]
    wait_for(lambda: _outbox(person) == 0, "the ledger's rows", 40.0, 0.1)
    again = person.asks("list my invoices")
    assert NUMBERS["invoice-de.ubl.xml"]["number"] in again["text"]


def _outbox(person: Person) -> int:
    with person.daemon.client() as client:
        return sum(client.xlen(key) for key in client.scan_iter("unfailing:{p:*}:outbox", _type="stream"))


def test_given_a_store_that_hangs_when_a_person_writes_then_the_reply_comes_when_it_goes_on(stage: Stage) -> None:
    """Network: the node backs off, holds on to what it has, and goes on where it was."""
    person = stage.person()
    person.asks("Hello!")
    pid = server_pid(person.daemon.data_dir)
    sent = person.says("", INVOICE)

    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: _logged(person, "away") or _logged(person, "lost"), "the node to notice", 20.0, 0.05)
    os.kill(pid, signal.SIGCONT)
    reply = person.reads(sent)

    assert is_about(reply)
    assert len(person.finals()) == 2


def _logged(person: Person, word: str) -> bool:
    return any(word in event.get("event", "") for event in person.daemon.events())


def test_given_a_webhook_receiver_that_is_down_when_an_invoice_is_saved_then_it_is_delivered_on_its_return(
    stage: Stage,
) -> None:
    """Webhook: it never holds up a reply, and the event keeps its id however often it is tried."""
    receiver = stage.receiver()
    person = stage.person(
        WEBHOOK__URL=receiver.url, WEBHOOK__ALLOW_PRIVATE="true", BREAKERS__WEBHOOK__RECOVERY_TIMEOUT_S=1
    )
    receiver.kill()

    reply = person.asks("", INVOICE)
    receiver.start()
    delivered = wait_for(receiver.deliveries, "the delivery", 60.0, 0.1)

    assert is_about(reply)
    assert delivered[0]["event"]["type"] == "invoice.recorded"
    assert delivered[0]["event"]["data"]["invoice"]["number"] == NUMBERS[INVOICE.name]["number"]
    assert len({delivery["headers"]["webhook-id"] for delivery in delivered}) == 1


def test_given_a_node_that_is_killed_when_the_person_goes_on_then_the_conversation_is_where_it_was(
    stage: Stage,
) -> None:
    """Memory or state loss: the process's memory is gone, what was committed is not."""
    person = stage.person()
    person.asks("", INVOICE)

    person.daemon.kill()
    person.daemon.start()
    reply = person.asks("show me the last invoice")

    assert is_about(reply)
    assert reply["turn"] == 2


def test_given_a_snapshot_that_is_damaged_when_the_person_goes_on_then_it_is_rebuilt_from_the_nodes_files(
    stage: Stage,
) -> None:
    """Memory or state loss: another layer has the same version."""
    person = stage.person()
    person.asks("", INVOICE)
    person.daemon.terminate()
    person.daemon.start()
    with person.daemon.client() as client:
        head = next(iter(client.scan_iter(f"*head:{person.chat_id}")))
        client.hset(head, "s", b"\x00garbage")

    reply = person.asks("show me the last invoice")

    assert is_about(reply)
    assert reply["turn"] == 2


def test_given_input_that_means_nothing_when_it_comes_then_the_person_is_helped_on(stage: Stage) -> None:
    """Unexpected input: it is told what can be done, with a button to press."""
    first = stage.person()
    texts = ("asdf qwer zxcv", "42", "\u202e\u0000\U0001f9fe", "¿?", "drop table invoices; --")
    for number, text in enumerate(texts):
        person = first.neighbour(f"chat-{number}")

        reply = person.asks(text)

        assert reply["kind"] in ("final", "rejected"), text
        assert reply["kind"] == "rejected" or reply["buttons"], text
        assert person.asks("Hello!")["kind"] == "final", text


def test_given_a_file_service_that_fails_twice_when_a_link_is_sent_then_the_file_is_fetched_in_the_end(
    stage: Stage,
) -> None:
    """File download: transient failures are nobody's business."""
    server = stage.enter(file_server())
    content = INVOICE.read_bytes()
    url = server.serve(
        "/march.pdf", answer(503), cut(content, 2000, Accept_Ranges="bytes", ETag='"1"'), ranged(content)
    )
    person = stage.person(DOWNLOAD__ALLOW_PRIVATE="true")

    reply = person.asks(attachments=[{"name": INVOICE.name, "url": url}])

    assert is_about(reply)
    assert len(server.asked) >= 3


def test_given_a_link_that_leads_nowhere_when_it_is_sent_then_the_person_is_asked_for_the_file(stage: Stage) -> None:
    """File download: asked to send it again, in words that fit."""
    server = stage.enter(file_server())
    person = stage.person(DOWNLOAD__ALLOW_PRIVATE="true")

    reply = person.asks(attachments=[{"name": "gone.pdf", "url": server.url("/gone.pdf")}])

    assert "gone.pdf" in reply["text"]
    assert is_about(person.asks("", INVOICE))


def test_given_a_converter_that_is_down_when_a_file_needs_it_then_the_person_is_told_what_can_be_read(
    stage: Stage, tmp_path: Path
) -> None:
    """Third-party service: skipped with a clear word when no alternative is there, and nothing else suffers."""
    letter = tmp_path / "invoice.doc"
    letter.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2048))
    person = stage.person(CONVERTER__BASE_URL=f"http://127.0.0.1:{free_port()}", CONVERTER__ALLOW_PRIVATE="true")

    reply = person.asks("", letter)

    assert "invoice.doc" in reply["text"]
    assert is_about(person.asks("", INVOICE))


def test_given_a_spreadsheet_service_that_is_down_when_an_invoice_is_saved_then_its_row_is_in_the_local_file(
    stage: Stage,
) -> None:
    """Third-party service: the alternative has the row, and the service gets it when it is back."""
    sheets = stage.enter(sheets_server(free_port(), stage.folder))
    person = stage.person(
        SHEETS__SPREADSHEET=ID, SHEETS__API_URL=sheets.url, SHEETS__CREDENTIALS_FILE=sheets.credentials,
        BREAKERS__EXTERNAL_API__RECOVERY_TIMEOUT_S=1,
    )  # fmt: skip
    sheets.kill()

    reply = person.asks("", INVOICE)
    local = wait_for(lambda: _local_rows(person), "the local row", 30.0, 0.1)
    sheets.start()

    assert is_about(reply)
    assert NUMBERS[INVOICE.name]["number"] in local
    wait_for(lambda: any(NUMBERS[INVOICE.name]["number"] in row for row in sheets.rows()), "the row", 60.0, 0.1)


def _local_rows(person: Person) -> str:
    path = person.daemon.data_dir / "invoices.csv"
    return path.read_text(encoding="utf-8-sig") if path.exists() else ""
