"""An invoice from the text of its pages, by rules: each value with source `text`, how sure it is, and its page."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final

from invoices.fields.found import Found
from invoices.fields.header import (
    find_currency,
    find_due_date,
    find_issue_date,
    find_number,
    find_type_code,
    writes_month_first,
)
from invoices.fields.identifiers import VatId, find_iban, find_vat_ids
from invoices.fields.labels import Index
from invoices.fields.lines import find_lines
from invoices.fields.names import LEGAL_FORM
from invoices.fields.parties import Parties, find_parties
from invoices.fields.totals import Totals, find_totals
from invoices.invoice import CREDIT_NOTE_CODES, FieldSource, Invoice, Line
from invoices.layout import Layout
from invoices.other_documents import describe, is_invoice
from invoices.several import on_pages_from, parts_of

_BUYER_WORDS: Final = re.compile(
    r"\b(?:client|kunde|ihre|your|customer|buyer|cliente|klant|acquirente|bill(?:ed)?\s+to|invoiced?\s+to|sold\s+to)",
    re.IGNORECASE,
)
_SECTION_LINES_MAX: Final = 8


def read_invoices(layout: Layout) -> tuple[Invoice, ...]:
    """Every invoice a layout shows, one or several one after the other, or none."""
    index = Index(layout)
    parts = parts_of(index) if len(layout.pages) > 1 else (layout,)
    if len(parts) == 1:
        only = _read(index)
        return () if only is None else (only,)
    found: list[Invoice] = []
    first = 1
    for part in parts:
        invoice = _read(Index(part))
        if invoice is not None:
            found.append(on_pages_from(invoice, first))
        first += len(part.pages)
    return tuple(found)


def read_layout(layout: Layout) -> Invoice | None:
    """The invoice a layout shows, or None when it shows none. Deterministic, and quiet about what it cannot tell."""
    return _read(Index(layout))


def _read(index: Index) -> Invoice | None:
    layout = index.layout
    if not is_invoice(index):
        return None
    totals = find_totals(index)
    number = find_number(index)
    if number is None and totals.gross is None:
        return None
    month_first = writes_month_first(index)
    parties = _as_its_author_has_it(find_parties(index), number, layout)
    seller_vat, buyer_vat = _vat_ids(index, parties)
    found = {
        "number": number,
        "issue_date": find_issue_date(index, month_first=month_first),
        "due_date": find_due_date(index, month_first=month_first),
        "currency": find_currency(index, totals.currency),
        "seller.name": parties.seller,
        "seller.vat_id": seller_vat,
        "buyer.name": parties.buyer,
        "buyer.vat_id": buyer_vat,
        "iban": find_iban(index),
        **_amounts(totals),
    }
    lines = find_lines(index, totals.net.value if totals.net and isinstance(totals.net.value, Decimal) else None)
    return _invoice(found, find_type_code(index), lines, layout.source)


def _as_its_author_has_it(parties: Parties, number: Found | None, layout: Layout) -> Parties:
    """The seller without the legal form, where the program that wrote the file has the name in its data without it.

    A file whose title or subject names the invoice's number was named from the invoice's data, and so was its author.
    """
    seller, author = parties.seller, layout.author
    if seller is None or number is None or not author or str(number.value) not in layout.about:
        return parties
    printed = str(seller.value)
    rest = printed[len(author) :]
    if not printed.casefold().startswith(author.casefold()) or not rest.startswith(" "):
        return parties
    if LEGAL_FORM.fullmatch(rest.strip()) is None:
        return parties
    return replace(parties, seller=replace(seller, value=printed[: len(author)]))


def _amounts(totals: Totals) -> dict[str, Found | None]:
    return {"net": totals.net, "tax": totals.tax, "gross": totals.gross, "payable": totals.payable}


def _invoice(found: dict[str, Found | None], type_code: str, lines: tuple[Line, ...], source: str) -> Invoice:
    invoice = Invoice(type_code=type_code, lines=lines)
    for name, one in found.items():
        if one is not None:
            invoice = invoice.with_value(name, one.value, FieldSource(source, round(one.confidence, 2), one.page))
    return _positive(invoice)


def _positive(invoice: Invoice) -> Invoice:
    """A credit note's amounts without the minus that pages print: EN 16931 has it in the type, not in the amounts."""
    gross = invoice.gross
    if invoice.type_code not in CREDIT_NOTE_CODES or gross is None or gross >= 0:
        return invoice
    return replace(
        invoice,
        net=_negated(invoice.net),
        tax=_negated(invoice.tax),
        gross=_negated(invoice.gross),
        payable=_negated(invoice.payable),
        lines=tuple(_line_credited(line) for line in invoice.lines),
    )


def _negated(amount: Decimal | None) -> Decimal | None:
    return -amount if amount else amount


def _line_credited(line: Line) -> Line:
    """A line of a credit note that was printed with a minus at its amount, and perhaps at its price."""
    price = line.unit_price
    return replace(line, net=_negated(line.net), unit_price=-price if price is not None and price < 0 else price)


def describe_document(layout: Layout) -> str:
    """What a document is that is no invoice, in plain words."""
    return describe(Index(layout))


def _vat_ids(index: Index, parties: Parties) -> tuple[Found | None, Found | None]:
    """Seller's and buyer's VAT id. One that could be either's is given to neither."""
    owners: dict[str, list[VatId]] = {"seller": [], "buyer": [], "unknown": [], "other": []}
    for vat_id in find_vat_ids(index):
        owners[_owner(index, vat_id, parties)].append(vat_id)
    if not owners["seller"] and len(owners["unknown"]) == 1:
        owners["seller"] = owners["unknown"]
    return _only(owners["seller"]), _only(owners["buyer"])


def _only(vat_ids: list[VatId]) -> Found | None:
    valid = [vat_id for vat_id in vat_ids if vat_id.valid]
    chosen = valid if len(valid) == 1 else vat_ids
    if len(chosen) != 1:
        return None
    return Found(chosen[0].value, 0.95 if chosen[0].valid else 0.65, chosen[0].page)


def _owner(index: Index, vat_id: VatId, parties: Parties) -> str:
    line = " ".join(index.texts[position] for position in index.line(vat_id.segment) if position <= vat_id.segment)
    if _BUYER_WORDS.search(line):
        return "buyer"
    if vat_id.segment in parties.seller_block:
        return "seller"
    if vat_id.segment in parties.buyer_block:
        return "buyer"
    return _section(index, vat_id)


def _section(index: Index, vat_id: VatId) -> str:
    """Whose heading stands above, in the same column and not far."""
    own = index.segments[vat_id.segment]
    nearest = "unknown"
    for label in index.of_kind("seller", "buyer", "other_party"):
        heading = index.segments[label.segment]
        above = heading.page == own.page and 0 < own.line - heading.line <= _SECTION_LINES_MAX
        if above and label.start == 0 and heading.x0 <= own.x0 + own.height and own.x0 - heading.x0 < 20 * own.height:
            nearest = label.kind
    return {"seller": "seller", "buyer": "buyer", "unknown": "unknown", "other_party": "other"}.get(nearest, "unknown")
