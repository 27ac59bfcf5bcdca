"""What a reader process and its supervisor say to each other: records in frames of length and bytes.

A frame is the record's length as four bytes, big-endian, and the record as `messages.codec` writes it. The supervisor
sends `ReadRequest`; the reader sends one `ReaderHello` when it is warm, and for each request any number of
`SourceEntered` and then one `Reading` or `ReaderFailed`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from invoices.limits import DEFAULT_LIMITS, Limits
from invoices.reading_record import Reading
from messages.codec import RECORD_BYTES_MAX, decode, encode, record
from messages.errors import CodecError

_LENGTH: Final = struct.Struct(">I")
LENGTH_BYTES: Final = _LENGTH.size


@record(tag=50, version=1)
@dataclass(frozen=True, slots=True)
class ReaderHello:
    """The reader is warm.

    has_network: whether it could still open a connection (its kernel allowed no less). engines: of character
    recognition, the surest first.
    """

    pid: int
    has_network: bool
    memory_bytes_max: int
    engines: tuple[str, ...] = ()


@record(tag=51, version=1)
@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Read one document. skip_sources: as in `reading.read_document`."""

    name: str
    media_type: str | None
    content: bytes
    skip_sources: tuple[str, ...] = ()
    limits: Limits = DEFAULT_LIMITS


@record(tag=52, version=1)
@dataclass(frozen=True, slots=True)
class SourceEntered:
    """The reader is about to try a source: if it dies now, that is where."""

    source: str


@record(tag=53, version=1)
@dataclass(frozen=True, slots=True)
class ReaderFailed:
    """An error of the reader's own; `detail` is its traceback, for operators."""

    detail: str


ReaderMessage: TypeAlias = ReaderHello | SourceEntered | Reading | ReaderFailed


def frame_of(message: ReadRequest | ReaderMessage) -> bytes:
    """The frame of a record. Raises ValueError when it is too large for one."""
    body = encode(message)
    if len(body) > RECORD_BYTES_MAX:
        raise ValueError(f"a record of {len(body)} bytes")
    return _LENGTH.pack(len(body)) + body


def read_frame(read_exactly: Callable[[int], bytes]) -> Any:
    """One record from a stream; read_exactly(size) gives that many bytes or raises EOFError.

    Raises EOFError at the end, CodecError for bytes that are no frame.
    """
    (length,) = _LENGTH.unpack(read_exactly(LENGTH_BYTES))
    if length > RECORD_BYTES_MAX:
        raise CodecError(f"a frame of {length} bytes", b"")
    return decode(read_exactly(length))
