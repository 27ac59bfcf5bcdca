"""Several invoices in one file, one after the other: where each begins.

A page begins another invoice when it bears another invoice's number. Because final invoices list earlier ones and
attachments have numbers too, the file is only taken apart when every part is an invoice with a total of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from invoices.fields.header import numbers_of_pages
from invoices.fields.labels import Index
from invoices.fields.totals import find_totals
from invoices.invoice import FieldSource, Invoice
from invoices.layout import Layout, Page
from invoices.other_documents import is_invoice

_SURE: Final = 0.7


def parts_of(index: Index) -> tuple[Layout, ...]:
    """The layouts of the single invoices, their pages numbered from 1; the whole when it is one invoice or none."""
    layout = index.layout
    numbers = numbers_of_pages(index)
    if len(set(numbers.values())) < 2:  # noqa: PLR2004 - one number, one invoice
        return (layout,)
    groups: list[list[Page]] = []
    current: str | None = None
    for page in layout.pages:
        number = numbers.get(page.number, current)
        if not groups or (current is not None and number != current):
            groups.append([])
        current = number
        groups[-1].append(page)
    parts = tuple(_part(layout, pages) for pages in groups)
    return parts if len(parts) > 1 and all(_stands_alone(part) for part in parts) else (layout,)


def _part(layout: Layout, pages: list[Page]) -> Layout:
    renumbered = tuple(
        replace(page, number=number, segments=tuple(replace(segment, page=number) for segment in page.segments))
        for number, page in enumerate(pages, 1)
    )
    return replace(layout, pages=renumbered, page_count=len(renumbered))


def _stands_alone(part: Layout) -> bool:
    index = Index(part)
    gross = find_totals(index).gross
    return is_invoice(index) and gross is not None and gross.confidence >= _SURE


def on_pages_from(invoice: Invoice, first: int) -> Invoice:
    """An invoice of a part, its fields' places counted in the whole file again. first: the part's first page."""
    moved = {
        name: FieldSource(source.source, source.confidence, source.page + first - 1 if source.page else None)
        for name, source in invoice.fields.items()
    }
    return replace(invoice, fields=moved)
