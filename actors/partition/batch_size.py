"""How many entries of a stream to ask for at once: bounded by count, and by bytes as far as can be foreseen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

COUNT_FIRST: Final = 32
COUNT_MAX: Final = 256
BYTES_MAX: Final = 32 * 1024 * 1024


@dataclass(slots=True)
class BatchSize:
    """Small at first, twice as many after each read, but never more than would have fitted at the size of the last.

    Weakness: the server bounds a read by count alone, so a run of large messages behind small ones is noticed by the
    first read that has them: once, up to `count` of them come together.
    """

    count: int = COUNT_FIRST

    def has_read(self, entries: int, size_bytes: int) -> None:
        """Learn from a read of so many entries of so many bytes together."""
        if entries:
            fitting = BYTES_MAX // max(1, size_bytes // entries)
            self.count = max(1, min(COUNT_MAX, 2 * self.count, fitting))
