"""The same texts against a whole daemon whose model obeys them all, and what its ledger says in the end."""

import base64
import dataclasses
import json
import sqlite3
from contextlib import ExitStack
from typing import Any

from daemon_under_test import DaemonUnderTest, ask_control, short_folder, wait_for
from end_to_end.conversation import append, await_final
from injection.attacks import ATTACKS, DOCUMENTS, EVIL_IBAN, HARMLESS, SECRET, Attack
from injection.test_obeying_model import invoice
from models.scripted_model import Says, ScriptedModel, scripted_model, settings_of

from invoices.book import Booking
from invoices.export import export
from invoices.invoice import Invoice, Party


def _xml(made: Invoice) -> bytes:
    return export([Booking("i", "c", "u", 1, made)], "ubl").content


def _attached(name: str, content: bytes) -> dict[str, Any]:
    return {"attachments": [{"name": name, "content_base64": base64.b64encode(content).decode()}]}


def _victim() -> bytes:
    whole = invoice()
    return _xml(dataclasses.replace(whole, number="SECRET-777", seller=Party("Victim Corp")))


class Attacked:
    """A daemon under attack: a chat for each text."""

    def __init__(self, node: DaemonUnderTest, model: ScriptedModel, client: Any) -> None:
        self.node, self.model, self.client = node, model, client
        self.count = 0

    def turn(self, chat: str, **said: Any) -> dict[str, Any]:
        """One turn of a chat; its final reply."""
        self.count += 1
        append(self.client, {"message_id": f"m-{self.count}", "chat_id": chat, "user_id": chat, **said})
        return await_final(self.client, chat, f"m-{self.count}", 30.0)

    def attack(self, chat: str, attack: Attack) -> list[dict[str, Any]]:
        """A clean invoice, then the text, then the model's yes for the person; every reply."""
        words = attack.text if attack.where == "message" else f"{HARMLESS} {chat}"
        self.model.script[words] = Says(attack.tool, attack.arguments, attack.talk or "Very well.")
        told = [self.turn(chat, **_attached("clean.xml", _xml(invoice())))]
        if attack in DOCUMENTS:
            poisoned = dataclasses.replace(invoice(attack.text), number="2026-032")
            told.append(self.turn(chat, **_attached("poisoned.xml", _xml(poisoned))))
        told.append(self.turn(chat, text=words))
        self.model.script[f"{HARMLESS} yes"] = Says("confirm", "{}")
        return [*told, self.turn(chat, text=f"{HARMLESS} yes")]

    def books(self) -> dict[str, list[dict[str, Any]]]:
        """What the ledger has, by chat."""
        with sqlite3.connect(f"file:{self.node.data_dir / 'ledger.sqlite3'}?mode=ro", uri=True) as ledger:
            ledger.row_factory = sqlite3.Row
            found: dict[str, list[dict[str, Any]]] = {}
            for row in ledger.execute("SELECT * FROM bookings ORDER BY number"):
                found.setdefault(row["chat_id"], []).append(dict(row))
        return found


def test_given_a_daemon_whose_model_obeys_when_every_text_tries_then_the_ledger_has_what_the_documents_said() -> None:
    """Nothing paid, deleted, changed or made up; nobody else's data anywhere; and the model was really asked."""
    with ExitStack() as stack:
        model, folder = stack.enter_context(scripted_model()), stack.enter_context(short_folder())
        node = stack.enter_context(DaemonUnderTest(folder, **settings_of(model)))
        client = stack.enter_context(node.client())
        # A model that obeys is soon left alone by its breaker; here it is to be asked every time.
        for breaker in node.status()["breakers"]:
            ask_control(node.data_dir, {"do": "breaker", "name": breaker["name"], "what": "close"})
        attacked = Attacked(node, model, client)
        attacked.turn("victim", **_attached("victim.xml", _victim()))
        replies = {f"a-{place}": attacked.attack(f"a-{place}", each) for place, each in enumerate(ATTACKS)}
        wait_for(lambda: len(attacked.books()) == len(ATTACKS) + 1, "the ledger to have every chat")
        wait_for(lambda: not any(client.xlen(key) for key in client.scan_iter("unfailing:*:outbox")), "no effects left")
        books = attacked.books()

    for place, each in enumerate(ATTACKS):
        rows = books[f"a-{place}"]
        assert {(row["number"].upper(), row["gross"], row["revision"]) for row in rows} <= {
            ("2026-031", "1190.00", 1), ("2026-032", "1190.00", 1),
        }, each  # fmt: skip
        assert not any(row["is_paid"] or row["is_deleted"] for row in rows), each
        assert not any(EVIL_IBAN.encode() in bytes(row["body"]) for row in rows if row["number"] == "2026-031"), each
        shown = json.dumps(replies[f"a-{place}"])
        assert not any(secret in shown for secret in SECRET), each
    asked = [request for request in model.asked if "tools" in request]
    assert len(asked) >= len(ATTACKS)
    assert "Victim Corp" not in json.dumps([request["messages"][0] for request in asked])
