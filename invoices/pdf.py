"""What a PDF holds: invoices attached to it as XML, and the text of its pages; damaged files through a repair.

pikepdf (qpdf) finds attachments and repairs what pdfium rejects; pdfium reads the pages. Neither is ever given a
whole file to decompress: streams are inflated here, up to a limit.
"""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pikepdf

from invoices.layout import Layout
from invoices.limits import Limits
from invoices.pdf_text import read_text_layer
from invoices.problems import DocumentRefused

# The names that the standards give, surest first; any other *.xml is tried after them.
_KNOWN_NAMES: Final = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")
_ADDRESS: Final = re.compile(r"(stream )?<_io\.BytesIO object at 0x[0-9a-f]+>:?\s*")
_TREE_NODES_MAX: Final = 2_000
_ANNOTATED_PAGES_MAX: Final = 50
_SCANNED_OBJECTS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside a PDF, decompressed."""

    name: str
    content: bytes


def attached_xml(content: bytes, limits: Limits) -> tuple[Attachment, ...]:
    """The XML files attached to a PDF, those with a standard's name first.

    Raises DocumentRefused (encrypted, damaged) when the file cannot be opened at all. An attachment that is too large
    or broken is left out: the page's text is still there.
    """
    with _opened(content) as pdf:
        found = _collect(_specifications(pdf), limits)
        if not found:
            found = _collect(_scanned(pdf), limits)
    return tuple(sorted(found, key=lambda attachment: _rank(attachment.name)))


def page_text(content: bytes, limits: Limits) -> tuple[Layout, str | None]:
    """The text layer, and why the file had to be repaired first, if so.

    Raises DocumentRefused (encrypted, damaged, too_large).
    """
    _refuse_bombs(content, limits)
    try:
        return read_text_layer(content, limits), None
    except DocumentRefused as refused:
        first = refused
    try:
        repaired = repaired_pdf(content, limits)
    except DocumentRefused as refused:
        # A password that one of the two readers wants is the better reason.
        raise (refused if refused.problem.code == "encrypted" else first) from refused
    return read_text_layer(repaired, limits), first.problem.detail


def _refuse_bombs(content: bytes, limits: Limits) -> None:
    """Raise DocumentRefused (dangerous) when the pages' drawing instructions inflate beyond the limit.

    pdfium has no limit of its own and would never come back. Bombs elsewhere (fonts, forms) are the supervisor's, who
    kills a reader that takes too long.
    """
    try:
        with _opened(content) as pdf:
            left = limits.stream_bytes_max
            for _, page in zip(range(limits.pages_max), pdf.pages, strict=False):
                left -= _drawing_bytes(page.obj.get("/Contents"), left)
    except StreamTooLarge as error:
        raise DocumentRefused("dangerous", f"the pages inflate without end: {error}", "PDF") from error
    except (DocumentRefused, pikepdf.PdfError, ValueError, TypeError, RuntimeError, RecursionError):
        return  # not for this check to judge: the readers say what is wrong with the file


def _drawing_bytes(contents: Any, bytes_max: int) -> int:
    streams = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
    total = 0
    for stream in streams:
        if isinstance(stream, pikepdf.Stream):
            try:
                total += len(stream_bytes(stream, bytes_max - total))
            except StreamTooLarge:
                raise
            except (ValueError, zlib.error, pikepdf.PdfError):
                continue
    return total


def _opened(content: bytes) -> pikepdf.Pdf:
    try:
        return pikepdf.open(io.BytesIO(content), suppress_warnings=True)
    except pikepdf.PasswordError as error:
        raise DocumentRefused("encrypted", "the PDF needs a password", "PDF") from error
    except (pikepdf.PdfError, ValueError, RuntimeError, RecursionError) as error:
        raise DocumentRefused("damaged", _reason(error), "PDF") from error


def _reason(error: Exception) -> str:
    """Qpdf's message without the stream's address in memory, so that a reading is the same every time."""
    return "qpdf: " + _ADDRESS.sub("", str(error))[:200]


def repaired_pdf(content: bytes, limits: Limits) -> bytes:
    """The file written anew by qpdf, without encryption, its streams left as they are.

    Raises DocumentRefused (encrypted, damaged, too_large).
    """
    with _opened(content) as pdf:
        target = io.BytesIO()
        try:
            pdf.save(target, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
        except (pikepdf.PdfError, ValueError, RuntimeError, RecursionError) as error:
            raise DocumentRefused("damaged", _reason(error), "PDF") from error
    if target.tell() > limits.stream_bytes_max:
        raise DocumentRefused("too_large", "the repaired PDF is too large", "PDF")
    return target.getvalue()


def _rank(name: str) -> int:
    lowered = name.lower()
    return _KNOWN_NAMES.index(lowered) if lowered in _KNOWN_NAMES else len(_KNOWN_NAMES)


def _collect(specifications: Iterator[Any], limits: Limits) -> list[Attachment]:
    found: dict[tuple[str, bytes], Attachment] = {}
    for specification in specifications:
        if len(found) >= limits.attachments_max:
            break
        try:
            attachment = _attachment(specification, limits)
        except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, zlib.error):
            continue
        if attachment is not None:
            found.setdefault((attachment.name, attachment.content), attachment)
    return list(found.values())


def _attachment(specification: Any, limits: Limits) -> Attachment | None:
    files = specification.get("/EF")
    if not isinstance(files, pikepdf.Dictionary):
        return None
    stream = next((files[key] for key in ("/UF", "/F", "/DOS", "/Unix", "/Mac") if key in files), None)
    if not isinstance(stream, pikepdf.Stream):
        return None
    name = str(specification.get("/UF", specification.get("/F", "")))
    content = stream_bytes(stream, limits.xml_bytes_max)
    return Attachment(name, content) if _may_be_xml(name, content) else None


def _may_be_xml(name: str, content: bytes) -> bool:
    start = content[:64].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")
    return start.startswith(b"<") and (
        name.lower().endswith(".xml") or start.startswith((b"<?xml", b"<\x00?", b"<rsm:"))
    )


def stream_bytes(stream: pikepdf.Stream, bytes_max: int) -> bytes:
    """A stream's content, decoded no further than the limit.

    Raises StreamTooLarge beyond it, ValueError for a filter that no text is ever stored with, zlib.error or
    pikepdf.PdfError when broken.
    """
    names = stream.get("/Filter", pikepdf.Array())
    filters = [str(name) for name in names] if isinstance(names, pikepdf.Array) else [str(names)]
    content = stream.read_raw_bytes()
    for name in filters:
        content = _decoded(content, name, bytes_max)
        if len(content) > bytes_max:
            raise StreamTooLarge(f"a stream of more than {bytes_max} bytes")
    return content


class StreamTooLarge(ValueError):  # noqa: N818 - named after what is the case
    """A stream inflates beyond the limit."""


def _decoded(content: bytes, name: str, bytes_max: int) -> bytes:
    if name in {"/FlateDecode", "/Fl"}:
        return zlib.decompressobj().decompress(content, bytes_max + 1)
    if name in {"/ASCIIHexDecode", "/AHx"}:
        return bytes.fromhex(content.partition(b">")[0].decode("ascii"))
    if name in {"/ASCII85Decode", "/A85"}:
        return base64.a85decode(content.strip().removeprefix(b"<~").removesuffix(b"~>"))
    raise ValueError(f"a stream with the filter {name}")


def _specifications(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """File specifications where the standard puts them: name tree, associated files, annotations."""
    root = pdf.Root
    names = root.get("/Names")
    if isinstance(names, pikepdf.Dictionary):
        yield from _name_tree(names.get("/EmbeddedFiles"))
    yield from _dictionaries(root.get("/AF"))
    try:
        pages = [page.obj for _, page in zip(range(_ANNOTATED_PAGES_MAX), pdf.pages, strict=False)]
    except (pikepdf.PdfError, ValueError, RuntimeError):
        return
    for page in pages:
        yield from _dictionaries(page.get("/AF"))
        for annotation in _dictionaries(page.get("/Annots")):
            if annotation.get("/Subtype") == "/FileAttachment":
                yield from _dictionaries(annotation.get("/FS"))


def _name_tree(node: Any) -> Iterator[Any]:
    """All values of a name tree, breadth first; a tree that is a circle ends at the limit."""
    waiting, seen = [node], 0
    while waiting and seen < _TREE_NODES_MAX:
        current = waiting.pop(0)
        seen += 1
        if not isinstance(current, pikepdf.Dictionary):
            continue
        pairs = current.get("/Names")
        if isinstance(pairs, pikepdf.Array):
            yield from (value for value in list(pairs)[1::2] if isinstance(value, pikepdf.Dictionary))
        kids = current.get("/Kids")
        if isinstance(kids, pikepdf.Array):
            waiting.extend(list(kids)[:_TREE_NODES_MAX])


def _dictionaries(value: Any) -> Iterator[Any]:
    if isinstance(value, pikepdf.Dictionary):
        yield value
    elif isinstance(value, pikepdf.Array):
        yield from (item for item in list(value)[:_TREE_NODES_MAX] if isinstance(item, pikepdf.Dictionary))


def _scanned(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Every file specification of a file whose trees are damaged or leave it out."""
    for _, item in zip(range(_SCANNED_OBJECTS_MAX), pdf.objects, strict=False):
        if isinstance(item, pikepdf.Dictionary) and "/EF" in item:
            yield item
