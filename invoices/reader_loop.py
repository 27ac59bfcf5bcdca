"""The loop of a reader process: a frame in, a reading out."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Final

from invoices import sandbox
from invoices.problems import Problem
from invoices.reader_wire import (
    ReaderFailed,
    ReaderHello,
    ReaderMessage,
    ReadRequest,
    SourceEntered,
    frame_of,
    read_frame,
)
from invoices.reading import read_document
from invoices.reading_record import Reading
from invoices.sniffing import sniff

if TYPE_CHECKING:
    from invoices.ocr.reading import Ocr

_CHUNK_BYTES: Final = 1 << 20
_DETAIL_CHARS_MAX: Final = 4_000
# The smallest PDF with a word on its page: every library on the way loads what it loads lazily.
_FIRST_PDF: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n"
    b"4 0 obj<</Length 61>>stream\nBT /F1 12 Tf 10 50 Td (Invoice no 1 Total 10.00 EUR) Tj ET\nendstream endobj\n"
    b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
)
_FIRST_XML: Final = b"<Invoice xmlns='urn:oasis:names:specification:ubl:schema:xsd:Invoice-2'><ID>1</ID></Invoice>"


def warm_up() -> None:
    """Read one small document of each kind, so that nothing is imported or compiled once rights are given up."""
    text = b"Invoice no 1\nDate 2020-01-31\nTotal 10.00 EUR\nIBAN DE89370400440532013000"
    mail = b"From: a@b.c\nTo: d@e.f\nContent-Type: text/html\n\n<p>Invoice no 1</p><p>Total 10.00 EUR</p>"
    for content in (_FIRST_PDF, _FIRST_XML, text, mail):
        frame_of(read_document("first", None, content))


def warm_up_ocr() -> Ocr:
    """Load the engines and show each a first page: threads and models are there before rights are given up."""
    from invoices.ocr.engines import engines_here
    from invoices.ocr.reading import Ocr, first_page

    ocr = Ocr(engines_here())
    page = first_page()
    for engine in ocr.engines:
        engine.see(page)
        engine.turns_to_try(page)
    return ocr


class Loop:
    """Requests from standard input, answers to a descriptor."""

    def __init__(self, answers: int, ocr: Ocr | None = None) -> None:
        self._answers, self._ocr = answers, ocr

    def hello(self, *, has_network: bool, memory_bytes_max: int) -> None:
        """Say that the process is ready."""
        engines = tuple(engine.name for engine in self._ocr.engines) if self._ocr is not None else ()
        self._send(ReaderHello(os.getpid(), has_network, memory_bytes_max, engines))

    def serve(self, cpu_s: int) -> int:
        """Read documents until the input ends; the exit code."""
        while True:
            try:
                request = read_frame(_read_exactly)
            except EOFError:
                return 0
            sandbox.allow_cpu(cpu_s)
            if not isinstance(request, ReadRequest):
                raise TypeError(f"not a request: {type(request).__name__}")
            if not self._answer(request):
                return 1

    def _answer(self, request: ReadRequest) -> bool:
        """Read one document and send what came of it; False when this process had better not read another."""
        try:
            reading = read_document(
                request.name,
                request.media_type,
                request.content,
                request.limits,
                skip_sources=frozenset(request.skip_sources),
                enter=lambda source: self._send(SourceEntered(source)),
                ocr=self._ocr,
            )
        except MemoryError:
            kind, what = sniff(request.content)
            problem = Problem("out_of_memory", "the document needs more memory than a reader may use", what)
            self._send(Reading(kind, what, problem=problem))
            return False
        except Exception:  # noqa: BLE001 - a bug in a reader must not look like a document's fault
            self._send(ReaderFailed(traceback.format_exc()[-_DETAIL_CHARS_MAX:]))
            return False
        self._send(reading)
        return True

    def _send(self, message: ReaderMessage) -> None:
        left = memoryview(frame_of(message))
        while left:
            left = left[os.write(self._answers, left) :]


def _read_exactly(size: int) -> bytes:
    chunks: list[bytes] = []
    missing = size
    while missing:
        chunk = os.read(0, min(missing, _CHUNK_BYTES))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
