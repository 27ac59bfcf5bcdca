"""What the search for one field came up with."""

from __future__ import annotations

from dataclasses import dataclass

from invoices.invoice import Value


@dataclass(frozen=True, slots=True)
class Found:
    """A value with how sure it is (0 to 1) and the page it was found on."""

    value: Value
    confidence: float
    page: int
