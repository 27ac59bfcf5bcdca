"""What is read from real invoices against what they say: right, wrong and missing, by field and source.

`make accuracy`, or `python bench/accuracy.py [--list] [--data FOLDER]`. The folder is shared/data beside the
repository, or the one that UNFAILING_SHARED_DATA names; without it the project's own examples are measured.

xml: everything that the file's XML says, of XML documents and hybrid PDFs. text: the same hybrid PDFs with their XML
ignored, on the fields that their pages show. A sign that only the page or only the XML has counts as wrong in the
column `wrong` and is told apart in `sign`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from invoices.invoice import AMOUNT_FIELDS, Invoice, to_protocol
from invoices.reading import read_document

ROOT: Final = Path(__file__).parents[1]
FIELDS: Final = (
    "number",
    "issue_date",
    "due_date",
    "currency",
    "seller.name",
    "seller.vat_id",
    "buyer.name",
    "iban",
    "net",
    "tax",
    "gross",
    "payable",
)
# invoice2data's own names for what is measured here; its other fields have no counterpart.
TEMPLATE_FIELDS: Final = {
    "invoice_number": "number",
    "date": "issue_date",
    "date_due": "due_date",
    "currency": "currency",
    "amount": "gross",
    "amount_untaxed": "net",
    "amount_tax": "tax",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One document: its truth by field, and what to read it from."""

    file: str
    content: bytes
    truth: dict[str, str | None]
    source: str


def cases(data: Path) -> Iterator[Case]:
    """The real files, each once a source."""
    for row in _rows(data / "invoices" / "manifest.jsonl"):
        content = (data / "invoices" / row["file"]).read_bytes()
        truth = {name: row["truth"][name] for name in FIELDS if name in row["truth"]}
        yield Case(row["file"], content, truth, "xml")
        if row["kind"] == "pdf-hybrid":
            shown = {name: value for name, value in truth.items() if name in row["visible"]}
            yield Case(row["file"], content, shown, "text")
    for row in _rows(data / "invoices" / "invoice2data.jsonl"):
        content = (data / "invoices" / row["file"]).read_bytes()
        given = row["truth_invoice2data"][0]
        truth = {ours: _as_text(given[theirs]) for theirs, ours in TEMPLATE_FIELDS.items() if theirs in given}
        yield Case(row["file"], content, truth, "other text")


def own_cases() -> Iterator[Case]:
    """The project's own examples."""
    folder = ROOT / "examples" / "files"
    for name, truth in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items():
        if truth is not None:
            source = "text" if "text" in name or name.endswith(".txt") else "xml"
            fields = {field: _field(truth, field) for field in FIELDS}
            yield Case(name, (folder / name).read_bytes(), fields, f"own {source}")


def _rows(manifest: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def _as_text(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _field(shown: Any, name: str) -> str | None:
    for part in name.split("."):
        shown = shown[part]
    return None if shown is None else str(shown)


def verdict(name: str, found: str | None, truth: str | None) -> str:
    """right, sign, wrong or missing; absent from both is right."""
    if found is None:
        return "right" if truth is None else "missing"
    if truth is None:
        return "wrong"
    if name in AMOUNT_FIELDS:
        ours, theirs = Decimal(found), Decimal(truth)
        return "right" if ours == theirs else "sign" if ours == -theirs else "wrong"
    return "right" if "".join(found.split()) == "".join(truth.split()) else "wrong"


def measure(case: Case, *, explain: bool) -> Counter[tuple[str, str]]:
    """Verdicts of one document, counted by field."""
    skipped = frozenset({"xml"}) if case.source == "text" else frozenset[str]()
    reading = read_document(case.file, None, case.content, skip_sources=skipped)
    shown = to_protocol(reading.invoices[0] if reading.invoices else Invoice())
    counted: Counter[tuple[str, str]] = Counter()
    for name, truth in case.truth.items():
        found = _field(shown, name)
        judged = verdict(name, found, truth)
        counted[name, judged] += 1
        if explain and judged != "right":
            print(f"  {case.source:<10} {judged:<8} {name:<14} truth {truth!r}, read {found!r}: {case.file}")
    return counted


def table(source: str, counted: Counter[tuple[str, str]], documents: int, seconds: float) -> None:
    """One source's figures."""
    print(f"\n{source}: {documents} documents, {documents / seconds:.0f} a second in this process")
    print(f"  {'field':<16}{'right':>7}{'wrong':>7}{'sign':>7}{'missing':>9}{'right %':>10}")
    totals: Counter[str] = Counter()
    for name in FIELDS:
        row = {judged: counted[name, judged] for judged in ("right", "wrong", "sign", "missing")}
        if sum(row.values()):
            totals.update(row)
            _line(name, row)
    _line("all", dict(totals))


def _line(name: str, row: dict[str, int]) -> None:
    share = 100 * row.get("right", 0) / max(sum(row.values()), 1)
    figures = f"{row.get('right', 0):>7}{row.get('wrong', 0):>7}{row.get('sign', 0):>7}{row.get('missing', 0):>9}"
    print(f"  {name:<16}{figures}{share:>10.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="name every field that is not right")
    default = os.environ.get("UNFAILING_SHARED_DATA") or str(ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    chosen = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}")
    every = list(own_cases())
    if (chosen.data / "invoices").is_dir():
        every += cases(chosen.data)
    else:
        print(f"the real data is not at {chosen.data}; only the project's own examples are measured")
    for source in dict.fromkeys(case.source for case in every):
        mine = [case for case in every if case.source == source]
        counted: Counter[tuple[str, str]] = Counter()
        began_s = time.perf_counter()
        for case in mine:
            counted.update(measure(case, explain=chosen.list))
        table(source, counted, len(mine), time.perf_counter() - began_s)


if __name__ == "__main__":
    main()
