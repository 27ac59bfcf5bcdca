"""A document that no rule reads, read by a model: what the person hears, and what is paid for."""

import base64
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from daemon_under_test import DaemonUnderTest, short_folder, wait_for
from end_to_end.conversation import append, await_final
from models.scripted_model import KEYS, ScriptedModel, scripted_model, settings_of

# Icelandic, which no rule knows.
TEXT = """Bakaríið við Tjörnina
Skjal 2026-17     dags. 03.03.2026
Brauð og kökur    100,00
vsk               21,00
Alls til greiðslu 121,00 EUR
"""
SAID = {
    **dict.fromkeys(KEYS), "type": "invoice", "number": "2026-17", "issue_date": "2026-03-03", "currency": "EUR",
    "net": "100.00", "tax": "21.00", "gross": "121.00", "seller_name": "Bakaríið við Tjörnina",
    "iban": "GB33BUKB20201555555555",
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    """One model."""
    with scripted_model() as served:
        yield served


@pytest.fixture(scope="module")
def daemon(model: ScriptedModel) -> Iterator[DaemonUnderTest]:
    """A daemon that has it."""
    with short_folder() as folder, DaemonUnderTest(folder, **settings_of(model)) as node:
        yield node


def sent(node: DaemonUnderTest, chat: str, text: str) -> dict[str, Any]:
    """The final reply to a text file."""
    content = base64.b64encode(text.encode()).decode()
    fields = {"message_id": "m-1", "chat_id": chat, "user_id": "u"}
    with node.client() as client:
        append(client, fields | {"attachments": [{"name": "skjal.txt", "content_base64": content}]})
        return await_final(client, chat, "m-1")


def test_given_a_document_that_no_rule_reads_when_a_model_does_then_the_person_is_asked(
    daemon: DaemonUnderTest, model: ScriptedModel
) -> None:
    """What the text bears out, with the source `model`; an account that it does not have is not there."""
    model.reads = SAID

    reply = sent(daemon, "reads", TEXT)

    invoice = reply["data"]["invoice"]
    assert (invoice["number"], invoice["gross"], invoice["seller"]["name"]) == (
        "2026-17", "121.00", "Bakaríið við Tjörnina",
    )  # fmt: skip
    assert invoice["iban"] is None
    assert {field["source"] for field in invoice["fields"].values()} == {"model"}
    assert "?" in reply["text"]


def test_given_a_model_that_makes_it_up_when_a_document_comes_then_there_is_no_invoice(
    daemon: DaemonUnderTest, model: ScriptedModel
) -> None:
    """Not one of its values stands in the text."""
    model.reads = {**SAID, "number": "X-1", "gross": "9999.00", "seller_name": "Evil Ltd"}

    reply = sent(daemon, "makes-up", "Halló, þetta er bara bréf um veðrið í dag.")

    assert "invoice" not in reply["data"]


def test_given_a_node_that_is_killed_after_the_answer_when_it_comes_back_then_the_answer_is_not_paid_for_again(
    model: ScriptedModel,
) -> None:
    """Counted at the model: the journal has it until the turn is committed."""
    model.reads, model.asked = SAID, []
    with short_folder() as folder, DaemonUnderTest(folder, **settings_of(model)) as node:
        served = model.serve

        def serve_and_stop(asked: Any, connection: Any) -> None:
            served(asked, connection)
            assert node.process is not None
            wait_for(lambda: is_noted(node), "the answer to be noted", every_s=0.001)
            node.process.send_signal(signal.SIGKILL)

        model.server.paths["/v1/chat/completions"] = serve_and_stop
        content = base64.b64encode(TEXT.encode()).decode()
        with node.client() as client:
            append(client, {"message_id": "m-1", "chat_id": "killed", "user_id": "u",
                            "attachments": [{"name": "skjal.txt", "content_base64": content}]})  # fmt: skip
            wait_for(lambda: node.process is not None and node.process.poll() is not None, "the node to be killed")
        model.server.paths["/v1/chat/completions"] = served
        node.start()
        with node.client() as client:
            reply = await_final(client, "killed", "m-1")

    assert reply["data"]["invoice"]["gross"] == "121.00"
    assert len(model.asked) == 1


def is_noted(node: DaemonUnderTest) -> bool:
    """Whether the answer stands in the journal, or its turn is committed already, which takes the journal away."""
    with node.client() as client:
        return any(client.scan_iter("unfailing:*journal:killed")) or any(client.scan_iter("unfailing:*head:killed"))
