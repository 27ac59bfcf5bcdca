"""Documents within documents: what a ZIP archive, an e-mail, a gzip file or a signed envelope holds, within limits.

Members are opened one at a time and never beyond a limit, whatever their directory claims about their size.
"""

from __future__ import annotations

import email
import email.policy
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final

from invoices.limits import Limits
from invoices.problems import DocumentRefused

_OFFICE_PARTS: Final = {"word/": "Word document", "xl/": "Excel workbook", "ppt/": "PowerPoint presentation"}
_XML_START: Final = (b"<?xml", b"<p:FatturaElettronica", b"<FatturaElettronica")
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a container. fallback: only worth a look when the others hold no invoice (an e-mail's own text)."""

    name: str
    content: bytes
    fallback: bool = False


def zip_members(content: bytes, limits: Limits) -> Iterator[Member]:
    """The files of an archive, in its order.

    Raises DocumentRefused: damaged, encrypted, too_large, or unsupported with what it is (an Office document).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuse_office(files)
            if len(files) > limits.container_files_max:
                raise DocumentRefused("too_large", f"an archive of {len(files)} files", "ZIP archive")
            left = limits.stream_bytes_max
            for entry in files:
                if entry.flag_bits & 1:
                    raise DocumentRefused("encrypted", "the archive needs a password", "ZIP archive")
                with archive.open(entry) as member:
                    data = member.read(min(left, limits.document_bytes_max) + 1)
                left -= len(data)
                if left < 0 or len(data) > limits.document_bytes_max:
                    raise DocumentRefused("dangerous", "the archive inflates without end", "ZIP archive")
                yield Member(entry.filename, data)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError) as error:
        raise DocumentRefused("damaged", f"zip: {error}", "ZIP archive") from error


def _refuse_office(files: list[zipfile.ZipInfo]) -> None:
    names = {entry.filename for entry in files}
    if "[Content_Types].xml" in names:
        what = next((what for part, what in _OFFICE_PARTS.items() if any(n.startswith(part) for n in names)), None)
        raise DocumentRefused("unsupported", "an Office document is not read", what or "Office document")
    if "mimetype" in names and "META-INF/manifest.xml" in names:
        raise DocumentRefused("unsupported", "an OpenDocument file is not read", "OpenDocument file")


def mail_members(content: bytes, limits: Limits) -> Iterator[Member]:
    """An e-mail's attachments in their order, then its text. Raises DocumentRefused (damaged, too_large)."""
    try:
        message = email.message_from_bytes(content, policy=email.policy.default)
        parts = [part for part in message.walk() if not part.is_multipart()]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DocumentRefused("damaged", f"e-mail: {error}", "e-mail") from error
    if len(parts) > limits.container_files_max:
        raise DocumentRefused("too_large", f"an e-mail of {len(parts)} parts", "e-mail")
    bodies: list[Member] = []
    for part in parts:
        data = _payload(part)
        if part.get_content_disposition() == "attachment" or part.get_filename():
            yield Member(_name(part), data)
        elif part.get_content_maintype() == "text":
            bodies.append(Member("text", _as_utf8(part, data), fallback=True))
    yield from bodies


def _name(part: EmailMessage) -> str:
    try:
        return str(part.get_filename() or "attachment")
    except (ValueError, LookupError, TypeError):
        return "attachment"


def _payload(part: EmailMessage) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError):
        return b""
    return data if isinstance(data, bytes) else b""


def _as_utf8(part: EmailMessage, data: bytes) -> bytes:
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace").encode()
    except (LookupError, ValueError):
        return data


def gzip_members(content: bytes, limits: Limits) -> Iterator[Member]:
    """The one file in a gzip file. Raises DocumentRefused (damaged, dangerous)."""
    try:
        data = zlib.decompressobj(_GZIP_WINDOW).decompress(content, limits.document_bytes_max + 1)
    except zlib.error as error:
        raise DocumentRefused("damaged", f"gzip: {error}", "gzip archive") from error
    if len(data) > limits.document_bytes_max:
        raise DocumentRefused("dangerous", "the file inflates without end", "gzip archive")
    yield Member("content", data)


def signed_members(content: bytes, limits: Limits) -> Iterator[Member]:
    """The document in a CMS envelope (.p7m), as FatturaPA files are signed. The signature itself is not checked.

    The content is one octet string, or several that follow each other (BER); their headers are taken out. Raises
    DocumentRefused (unsupported) when there is no XML in it.
    """
    del limits
    start = min((at for at in (content.find(mark) for mark in _XML_START) if at >= 0), default=-1)
    if start < 0:
        raise DocumentRefused("unsupported", "a signed envelope without XML", "signed envelope")
    text = _octets(content, start)
    end = max(text.rfind(b"FatturaElettronica>"), text.rfind(b"Invoice>"), text.rfind(b"CreditNote>"))
    close = text.find(b">", end)
    yield Member("content", text[: close + 1] if end >= 0 else text)


def _octets(content: bytes, start: int) -> bytes:
    """The octet string that begins right before start, joined with the ones that follow it in a constructed one."""
    joined, at = bytearray(), _header_before(content, start)
    while at < len(content) and content[at] == 0x04:  # noqa: PLR2004 - the tag of an octet string
        length, body = _length(content, at + 1)
        joined += content[body : body + length]
        at = body + length
    return bytes(joined) or content[start:]


def _header_before(content: bytes, start: int) -> int:
    """Where the tag and length that end right before start begin."""
    for size in range(2, 7):
        at = start - size
        if at >= 0 and content[at] == 0x04 and _length(content, at + 1)[1] == start:  # noqa: PLR2004 - octet string
            return at
    return len(content)


def _length(content: bytes, at: int) -> tuple[int, int]:
    """A definite length in BER, and where what it counts begins; (0, at + 1) for anything else."""
    first = content[at] if at < len(content) else 0
    if first < 0x80:  # noqa: PLR2004 - short form
        return first, at + 1
    size = first & 0x7F
    if size > 4 or at + 1 + size > len(content):  # noqa: PLR2004 - more than four gigabytes
        return 0, at + 1
    return int.from_bytes(content[at + 1 : at + 1 + size], "big"), at + 1 + size
