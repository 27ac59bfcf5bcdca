"""The real files, where they are: XML exact, text of pages within the goals, hostile files refused by type."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoices.invoice import Invoice, to_protocol
from invoices.reading import read_document

# Not fields of an invoice but counts about it.
COUNTS = {"lines", "tax_rates", "type_code", "bodies"}
AMOUNTS = {"net", "tax", "gross", "payable"}


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The lines of a manifest."""
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


def shown(invoice: Invoice, name: str) -> str | None:
    """A field as the protocol has it."""
    found: Any = to_protocol(invoice)
    for part in name.split("."):
        found = found[part]
    return found


def test_given_every_real_xml_when_read_then_all_is_as_the_file_says(shared_data: Path) -> None:
    """XML documents and hybrid PDFs: number, dates, parties, currency, account and amounts, all of them exact."""
    wrong = []
    for row in rows(shared_data / "invoices", "manifest.jsonl"):
        reading = read_document(row["file"], None, (shared_data / "invoices" / row["file"]).read_bytes())
        (invoice,) = reading.invoices
        found = {name: shown(invoice, name) for name in row["truth"] if name not in COUNTS}
        counts = {
            "type_code": invoice.type_code,
            "lines": len(invoice.lines),
            "tax_rates": sorted({str(part.rate) for part in invoice.taxes if part.rate is not None}),
        }
        truth = {**row["truth"], "tax_rates": sorted(row["truth"].get("tax_rates", counts["tax_rates"]))}
        expected = {name: truth[name] for name in {**found, **counts} if name in truth}
        if {name: {**found, **counts}[name] for name in expected} != expected:
            wrong.append(row["file"])

    assert wrong == []


def test_given_only_the_text_of_real_pages_when_read_then_the_goals_are_met(shared_data: Path) -> None:
    """95 % of the visible fields right; a sign that the page prints and the XML does not is no wrong amount."""
    count: Counter[str] = Counter()
    for row in rows(shared_data / "invoices", "manifest.jsonl"):
        if row["kind"] != "pdf-hybrid":
            continue
        content = (shared_data / "invoices" / row["file"]).read_bytes()
        (invoice,) = read_document("page.pdf", None, content, skip_sources=frozenset({"xml"})).invoices
        for name in row["visible"]:
            count[verdict(name, shown(invoice, name), row["truth"][name])] += 1

    total = sum(count.values())
    assert count["right"] / total >= 0.95
    assert count["wrong"] / total <= 0.005


def verdict(name: str, found: str | None, truth: str) -> str:
    """right, wrong or missing."""
    if found is None:
        return "missing"
    if name in AMOUNTS:
        return "right" if abs(Decimal(found)) == abs(Decimal(truth)) else "wrong"
    return "right" if found.replace(" ", "") == truth.replace(" ", "") else "wrong"


def test_given_every_hostile_file_when_read_then_it_is_refused_by_type_or_empty(shared_data: Path) -> None:
    """Never an error of another type, and never an amount: none of them is an invoice."""
    codes = Counter()
    for row in rows(shared_data / "hostile", "hostile.jsonl"):
        reading = read_document(row["file"], None, (shared_data / "hostile" / row["file"]).read_bytes())
        assert reading.invoices == (), row["file"]
        codes[reading.problem.code if reading.problem else "none"] += 1

    assert set(codes) <= {"encrypted", "damaged", "no_text", "not_an_invoice"}
    assert codes["encrypted"] >= 9


@pytest.mark.parametrize(
    ("file", "name", "value"),
    [
        ("invoice2data/tests/compare/AzureInterior.pdf", "gross", "279.84"),
        ("invoice2data/tests/compare/AzureInterior.pdf", "net", "262.90"),
        ("invoice2data/tests/compare/AzureInterior.pdf", "tax", "16.94"),
        ("invoice2data/tests/compare/AzureInterior.pdf", "number", "INV/2023/03/0008"),
        ("invoice2data/tests/compare/AzureInterior.pdf", "issue_date", "2023-03-20"),
        ("invoice2data/tests/compare/AzureInterior.pdf", "currency", "USD"),
        ("invoice2data/tests/compare/Orlen.txt", "gross", "316.83"),
        ("invoice2data/tests/compare/Orlen.txt", "issue_date", "2021-01-01"),
        ("invoice2data/tests/compare/Orlen.txt", "currency", "PLN"),
    ],
)
def test_given_invoices_of_other_kinds_when_read_then_their_fields_are_found(
    shared_data: Path, file: str, name: str, value: str
) -> None:
    """Files that a template reader has templates for; here none exist."""
    content = (shared_data / "invoices" / file).read_bytes()

    (invoice,) = read_document(file, None, content).invoices

    assert shown(invoice, name) == value
