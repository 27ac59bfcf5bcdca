"""Which kind of office document or picture the bytes are, as converters name it. Pure."""

from __future__ import annotations

from typing import Final

# What stands within the first and the last bytes of an archive: the name of its first entry, and its directory.
_SEARCHED_BYTES: Final = 64 * 1024
_IN_ARCHIVE: Final = (
    (b"word/document", "docx"),
    (b"xl/workbook", "xlsx"),
    (b"ppt/presentation", "pptx"),
    (b"application/vnd.oasis.opendocument.text", "odt"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"application/vnd.oasis.opendocument.presentation", "odp"),
)
_IWORK: Final = {"pages": "pages", "numbers": "numbers", "key": "key"}
_OLE: Final = b"\xd0\xcf\x11\xe0"
_IN_OLE: Final = (("WordDocument", "doc"), ("Workbook", "xls"), ("Book", "xls"), ("PowerPoint Document", "ppt"))
_LOCAL: Final = frozenset({"doc", "docx", "odt", "rtf", "xls", "xlsx", "ods", "ppt", "pptx", "odp"})

_WORDS: Final = {
    "doc": "Word document", "docx": "Word document", "odt": "OpenDocument text", "rtf": "RTF document",
    "xls": "Excel spreadsheet", "xlsx": "Excel spreadsheet", "ods": "OpenDocument spreadsheet",
    "ppt": "presentation", "pptx": "presentation", "odp": "presentation", "key": "presentation",
    "pages": "Pages document", "numbers": "Numbers spreadsheet", "ps": "PostScript document",
    "heic": "HEIC picture", "avif": "AVIF picture",
}  # fmt: skip


def in_words(kind: str) -> str:
    """What a person calls such a file."""
    return _WORDS[kind]


def format_of(name: str, content: bytes) -> str | None:
    """The format by its usual suffix ("docx"), or None for what no converter is asked for.

    name: tells apart only what the bytes do not.
    """
    if content.startswith(b"PK\x03\x04"):
        return _of_archive(name, content)
    if content.startswith(_OLE):
        return _of_ole(content)
    if content.startswith(b"{\\rtf"):
        return "rtf"
    if content.startswith(b"%!PS"):
        return "ps"
    if content[4:8] == b"ftyp" and content[8:11] in {b"hei", b"mif", b"avi"}:
        return "avif" if content[8:11] == b"avi" else "heic"
    return None


def _of_archive(name: str, content: bytes) -> str | None:
    ends = content[:_SEARCHED_BYTES] + content[-_SEARCHED_BYTES:]
    for sign, kind in _IN_ARCHIVE:
        if sign in ends:
            return kind
    if b"Index/" in ends and b".iwa" in ends:
        return _IWORK.get(name.rpartition(".")[2].lower())
    return None


def _of_ole(content: bytes) -> str | None:
    """By the names of its streams, which stand in UTF-16."""
    return next((kind for stream, kind in _IN_OLE if stream.encode("utf-16-le") in content), None)


def is_local(kind: str) -> bool:
    """Whether LibreOffice opens it."""
    return kind in _LOCAL
