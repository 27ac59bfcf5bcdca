"""A body as its server packed it, unpacked within a limit: a few bytes may stand for any number of them. Pure."""

from __future__ import annotations

import zlib
from typing import Final

_PIECE_BYTES: Final = 64 * 1024
# zlib: 32 added to the window's size finds out whether it is gzip or zlib; negative is deflate without a header.
_AUTOMATIC, _BARE = 32 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_PLAIN: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})


class TooLarge(Exception):  # noqa: N818 - what the content is
    """More comes out than may."""


class NotPackedSo(Exception):  # noqa: N818 - what is the case
    """The bytes are not packed as their server says, or in a way that nobody here asked for."""


def unpacked(content: bytes, encoding: str, bytes_max: int) -> bytes:
    """The content without its Content-Encoding. Raises TooLarge before more than bytes_max exist, NotPackedSo."""
    codings = [coding.strip() for coding in encoding.split(",")] if encoding else []
    for coding in reversed(codings):
        if coding in _PLAIN:
            continue
        if coding not in _PACKED:
            raise NotPackedSo(f"packed by {coding[:40]!r}")
        content = _inflated(content, bytes_max, bare=coding == "deflate")
    if len(content) > bytes_max:
        raise TooLarge
    return content


def _inflated(content: bytes, bytes_max: int, *, bare: bool) -> bytes:
    try:
        return _run(content, bytes_max, _AUTOMATIC)
    except zlib.error as error:
        if not bare:
            raise NotPackedSo(str(error)) from error
    try:
        return _run(content, bytes_max, _BARE)
    except zlib.error as error:
        raise NotPackedSo(str(error)) from error


def _run(content: bytes, bytes_max: int, window: int) -> bytes:
    inflater = zlib.decompressobj(window)
    out = bytearray()
    left = content
    while left and not inflater.eof:
        out += inflater.decompress(left, _PIECE_BYTES)
        left = inflater.unconsumed_tail
        if len(out) > bytes_max:
            raise TooLarge
    if not inflater.eof:
        raise NotPackedSo("it ends too early")
    return bytes(out)
