"""Rules for documents: encrypted, cut, empty, of another kind, too large, unreadable for the OCR."""

from __future__ import annotations

from typing import Final

from supervision.classification import transport
from supervision.classification.evidence import Evidence
from supervision.classification.transport import contains
from supervision.classification.verdicts import Cause

_PROSE: Final = (
    (("decrypted", "encrypted", "password", "decrypt"), Cause.PDF_ENCRYPTED),
    (("%pdf-", "pdf header", "not a pdf", "pdf starts with", "is this really a pdf", "invalid header", "no /root",
      "file type",
      "cannot identify image", "not a valid pdf", "unsupported format", "unsupported document", "not supported by",
      "unknown file", "invalid pdf header"), Cause.NOT_A_PDF),
    (("too large", "decompression bomb", "exceeds the limit", "maximum size", "limit reached", "file size"),
     Cause.DOCUMENT_TOO_LARGE),
    (("is required for", "not installed", "isn't in your path", "is not in your path", "unable to get page count"),
     Cause.CONFIG_ERROR),
    (("timeout", "timed out"), Cause.TIMEOUT),
    (("no text", "ocr"), Cause.OCR_FAILED),
    (("eof", "empty", "ended unexpectedly", "truncated", "corrupt", "damaged", "xref", "malformed", "startxref",
      "trailer",
      "data format error", "invalid", "broken", "not a zip", "cannot read"), Cause.PDF_CORRUPT),
)  # fmt: skip


def cause_of_document(found: Evidence) -> Cause:
    """Why a document could not be read."""
    for facts in (*found.facts, *found.named):
        if facts.cause is not None and not facts.vague and facts.cause is not Cause.USER_INPUT:
            return facts.cause
    for phrases, cause in _PROSE:
        if contains(found.text, phrases):
            return cause
    if found.errnos:
        machine = transport.cause_of_machine(found)
        if machine is not None:
            return machine
    status = transport.cause_of_status(found)
    if status is not None:
        return status
    vague = next((facts.cause for facts in found.facts if facts.cause not in (None, Cause.BUG)), None)
    return vague or Cause.PDF_CORRUPT
