"""Why a document could not be read: one typed refusal with a stable code, raised by every reader of this package.

Codes: empty, too_large, encrypted, damaged, not_an_invoice, unsupported, no_text, dangerous, and from outside the
reading itself out_of_memory, too_slow and reader_died.
"""

from __future__ import annotations

from dataclasses import dataclass

from messages.codec import record


@record(tag=47, version=1)
@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as data. `what` says what the document is when that is known, such as "UBL Order" or "JPEG image"."""

    code: str
    detail: str
    what: str | None = None


class DocumentRefused(Exception):  # noqa: N818 - named after what happened
    """A source could not be read; `problem` says why."""

    def __init__(self, code: str, detail: str, what: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.problem = Problem(code, detail, what)
