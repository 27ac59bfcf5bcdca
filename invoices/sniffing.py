"""What a document is, by its bytes. Its name and media type are what someone says about it and decide nothing."""

from __future__ import annotations

import re
from typing import Final

_PDF_SEARCHED_BYTES: Final = 4096  # readers accept a header that does not stand at the very start
_SAMPLE_BYTES: Final = 8192
_TEXT_SHARE_MIN: Final = 0.95

_MAGIC: Final = (
    (b"PK\x03\x04", "zip", "ZIP archive"),
    (b"PK\x05\x06", "zip", "empty ZIP archive"),
    (b"\x89PNG\r\n\x1a\n", "image", "PNG image"),
    (b"\xff\xd8\xff", "image", "JPEG image"),
    (b"GIF8", "image", "GIF image"),
    (b"II*\x00", "image", "TIFF image"),
    (b"MM\x00*", "image", "TIFF image"),
    (b"BM", "image", "bitmap image"),
    (b"\xd0\xcf\x11\xe0", "office", "old Office document"),
    (b"{\\rtf", "office", "RTF document"),
    (b"\x1f\x8b", "gzip", "gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "archive", "7z archive"),
    (b"Rar!", "archive", "RAR archive"),
    (b"BZh", "archive", "bzip2 archive"),
    (b"\xfd7zXZ", "archive", "xz archive"),
    (b"\x7fELF", "program", "program"),
    (b"MZ", "program", "program"),
    (b"ID3", "sound", "sound recording"),
    (b"OggS", "sound", "sound recording"),
    (b"%!PS", "office", "PostScript document"),
    (b"SQLite format 3", "unknown", "database"),
)
_MAIL_HEADER: Final = re.compile(
    rb"\A(?:From [^\r\n]+\r?\n)?(?:(?:Received|Return-Path|Delivered-To|MIME-Version|Message-ID|Subject|Date|From|To|"
    rb"Content-Type|DKIM-Signature|ARC-Seal|X-[A-Za-z0-9-]+):[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*){2}",
    re.IGNORECASE,
)
_HTML: Final = re.compile(
    rb"\A\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def sniff(content: bytes) -> tuple[str, str]:
    """Kind and a plain name for it.

    Kinds: empty, pdf, xml, html, email, text, image, zip, gzip, signed, office, archive, program, sound, video and
    unknown.
    """
    if not content.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        return "empty", "empty file"
    for magic, kind, what in _MAGIC:
        if content.startswith(magic) and not _is_text_after_all(magic, content):
            return kind, what
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image", "WebP image"
    if content[4:8] == b"ftyp":
        return ("image", "HEIF image") if content[8:11] in {b"hei", b"mif", b"avi"} else ("video", "video")
    if b"%PDF-" in content[:_PDF_SEARCHED_BYTES]:
        return "pdf", "PDF"
    return _sniff_text(content)


def _is_text_after_all(magic: bytes, content: bytes) -> bool:
    """Whether a short magic number is only the start of a word, as in BMW."""
    return len(magic) <= 3 and magic.isalnum() and decoded_text(content) is not None  # noqa: PLR2004 - short


def _sniff_text(content: bytes) -> tuple[str, str]:
    bare = _without_mark(content).lstrip(b" \t\r\n\x00")
    if _HTML.match(bare):
        return "html", "web page"
    if bare.startswith(b"<"):
        return "xml", "XML"
    if content[:1] == b"\x30" and content[1:2] in {b"\x80", b"\x82", b"\x83", b"\x84"}:
        return "signed", "signed envelope"
    if _MAIL_HEADER.match(bare):
        return "email", "e-mail"
    if decoded_text(content) is not None:
        return "text", "plain text"
    return "unknown", "unknown binary file"


def _without_mark(content: bytes) -> bytes:
    for mark in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :]
    return content


def decoded_text(content: bytes) -> str | None:
    """The document as text, when it is text: UTF-8, UTF-16 with its mark, or Windows-1252; else None."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text[:_SAMPLE_BYTES]
        shown = sum(1 for char in sample if char.isprintable() or char in "\r\n\t\f")
        if "\x00" not in sample and shown >= _TEXT_SHARE_MIN * len(sample):
            return text
    return None
