import json
import sys
from pathlib import Path
from typing import Any

import pytest
from conversation import append, await_final, message
from daemon_under_test import DaemonUnderTest

FIELDS = ("number", "issue_date", "due_date", "currency", "net", "tax", "gross", "seller.name")


def field_of(invoice: dict[str, Any], name: str) -> str | None:
    """A field of the contract's invoice, by its dotted name."""
    found: Any = invoice
    for part in name.split("."):
        found = found[part]
    return None if found is None else str(found)


def difference(reply: dict[str, Any], truth: dict[str, Any]) -> list[str]:
    """Where a reply says something else than the document's own XML."""
    invoice = reply["data"].get("invoice")
    if reply["kind"] != "final" or invoice is None:
        return [f"no invoice, but {reply['text']!r}"]
    found = {name: field_of(invoice, name) for name in FIELDS if name in truth}
    return [f"{name}: {found[name]!r} for {truth[name]!r}" for name in found if found[name] != truth[name]]


@pytest.mark.timeout(300)
def test_given_every_real_document_when_it_is_sent_to_one_daemon_then_the_reply_has_its_own_xml_s_figures(
    daemon: DaemonUnderTest, shared_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Number, dates, seller, currency, net, tax and gross of every hybrid PDF and XML, by door, turn and reader."""
    lines = (shared_data / "invoices" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    with daemon.client() as client:
        for number, row in enumerate(rows):
            append(client, message(f"real-{number}", "m-1", files=(shared_data / "invoices" / row["file"],)))

        replies = [await_final(client, f"real-{number}", "m-1", 240.0) for number in range(len(rows))]

    found = {row["file"]: difference(reply, row["truth"]) for row, reply in zip(rows, replies, strict=True)}
    wrong = {file: differences for file, differences in found.items() if differences}
    with capfd.disabled():
        sys.stdout.write(f"\n{len(rows) - len(wrong)} of {len(rows)} real documents are answered as their XML says\n")
    assert wrong == {}
