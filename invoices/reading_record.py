"""What came of a document, as records: importing this loads none of the libraries that read one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from invoices.invoice import Invoice, InvoiceWarning
from invoices.problems import Problem
from messages.codec import record

# How a reader is lost to a document.
LOSSES: Final = frozenset({"out_of_memory", "too_slow", "reader_died"})


@record(tag=48, version=1)
@dataclass(frozen=True, slots=True)
class Step:
    """One source that was tried: `outcome` is read, none, skipped or a problem's code; `detail` is for operators."""

    source: str
    outcome: str
    detail: str = ""


@record(tag=49, version=1)
@dataclass(frozen=True, slots=True)
class Reading:
    """What came of one document.

    kind: what the bytes are (`sniffing.sniff`). what: the same in plain words. Either invoices or a problem, never
    both and never neither. trail: the sources in the order tried. text: what the document shows, where the sources left
    something open that a model may still find in it; else empty.
    """

    kind: str
    what: str
    invoices: tuple[Invoice, ...] = ()
    problem: Problem | None = None
    warnings: tuple[InvoiceWarning, ...] = ()
    trail: tuple[Step, ...] = ()
    page_count: int | None = None
    text: str = ""

    @property
    def retried(self) -> bool:
        """Whether a source cost a reader its life and the document was read again without it."""
        return any(step.outcome in LOSSES for step in self.trail)

    @property
    def wants_ocr(self) -> bool:
        """Whether there are pictures in it that this reading had nothing to read with."""
        return any(step.source == "ocr" and step.outcome == "wanted" for step in self.trail)
