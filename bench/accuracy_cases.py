"""The documents that accuracy is measured on, each with its truth."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
SOURCES: Final = ("own xml", "own text", "xml", "text", "pictures", "other text", "invoice2data")
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
_PAGES_MAX: Final = 8
_DPI: Final = 200  # what office scanners are set to


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
            for source in ("text", "pictures", "invoice2data"):
                yield Case(row["file"], content, shown, source)
    for row in _rows(data / "invoices" / "invoice2data.jsonl"):
        content = (data / "invoices" / row["file"]).read_bytes()
        given = row["truth_invoice2data"][0]
        truth = {ours: _as_text(given[theirs]) for theirs, ours in TEMPLATE_FIELDS.items() if theirs in given}
        for source in ("other text", "invoice2data"):
            yield Case(row["file"], content, truth, source)


def own_cases(root: Path) -> Iterator[Case]:
    """The project's own examples."""
    folder = root / "examples" / "files"
    for name, truth in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items():
        if truth is not None:
            source = "text" if "text" in name or name.endswith(".txt") else "xml"
            fields = {field: field_of(truth, field) for field in FIELDS}
            yield Case(name, (folder / name).read_bytes(), fields, f"own {source}")


def field_of(shown: Any, name: str) -> str | None:
    """A field of an invoice as the protocol has it, by its dotted name."""
    for part in name.split("."):
        shown = shown[part]
    return None if shown is None else str(shown)


def pictures_only(content: bytes) -> bytes:
    """A PDF's pages as grey pictures in a TIFF of several pages: nothing is left but what a person sees."""
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    pictures = [
        document[number].render(scale=_DPI / 72, grayscale=True).to_pil().convert("L")
        for number in range(min(len(document), _PAGES_MAX))
    ]
    document.close()
    target = io.BytesIO()
    pictures[0].save(
        target, "TIFF", save_all=True, append_images=pictures[1:], compression="tiff_lzw", dpi=(_DPI, _DPI)
    )
    return target.getvalue()


def _rows(manifest: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]


def _as_text(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
