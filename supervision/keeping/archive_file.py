"""Files of sealed records: backups, archives, exports. Whole or not there at all, and every bit of them covered.

    magic "UfA1", then lines of  length (4) digest (16) payload ; the last one is the trailer with count and sum

A file is written beside its name, synced, renamed, its folder synced, then read back. A damaged line costs that line:
the reader says so and goes on at the next one whose checksum fits.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from supervision.keeping.sealed import mark_of
from supervision.keeping.sqlite_file import sync_folder

MAGIC: Final = b"UfA1"
PAYLOAD_BYTES_MAX: Final = 32 * 1024 * 1024
_LINE: Final = struct.Struct(">4sI16s")
_START: Final = b"\xf0UfL"
_ITEM: Final = b"i"
_TRAILER: Final = b"t"
_SUMS: Final = struct.Struct(">QQ")


@dataclass(frozen=True, slots=True)
class ArchiveFacts:
    """What reading a file to its end came to. problems: in words for operators; none for a sound file."""

    items: int
    size_bytes: int
    problems: tuple[str, ...]


def write_archive(path: Path, payloads: Iterable[bytes]) -> ArchiveFacts:
    """Write payloads under a name that appears when all is durable, and read it back. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    count = mark = 0
    try:
        with beside.open("wb") as file:
            file.write(MAGIC)
            for payload in payloads:
                file.write(_line(_ITEM + payload))
                count += 1
                mark ^= mark_of(payload)
            file.write(_line(_TRAILER + _SUMS.pack(count, mark)))
            file.flush()
            os.fsync(file.fileno())
        facts = _as_written(beside, count)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return facts


def _as_written(path: Path, count: int) -> ArchiveFacts:
    facts = verify_archive(path)
    if facts.problems or facts.items != count:
        raise OSError(f"{path.name} reads back otherwise than it was written: {facts.problems}")
    return facts


def verify_archive(path: Path) -> ArchiveFacts:
    """Read all of a file; never raises for what stands in it. Raises OSError where it cannot be read."""
    reader = ArchiveReader(path)
    count = sum(1 for _ in reader)
    return ArchiveFacts(count, path.stat().st_size, tuple(reader.problems))


class ArchiveReader:
    """The payloads of a file whose checksums fit, in order; `problems` is complete when all were taken."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        self.problems.clear()
        raw = self._path.read_bytes()
        if not raw.startswith(MAGIC):
            self.problems.append("the file's beginning is damaged")
        count = mark = 0
        sums: bytes | None = None
        for is_whole, payload in _lines(raw):
            if not is_whole:
                self.problems.append(f"damaged after {count} records")
            elif payload[:1] == _TRAILER:
                sums = payload[1:]
            else:
                count += 1
                mark ^= mark_of(payload[1:])
                yield payload[1:]
        if sums is None:
            self.problems.append("the end is missing")
        elif sums != _SUMS.pack(count, mark):
            self.problems.append(f"{count} records are not those that were written")


def _line(payload: bytes) -> bytes:
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"{len(payload)} bytes are more than {PAYLOAD_BYTES_MAX}")
    return _LINE.pack(_START, len(payload), _digest(payload)) + payload


def _lines(raw: bytes) -> Iterator[tuple[bool, bytes]]:
    """Each line, and once for each damaged stretch. Pure; the bytes may be anything."""
    at, end = len(MAGIC), len(raw)
    is_lost = False
    while at < end:
        payload = _payload_at(raw, at)
        if payload is not None:
            is_lost = False
            yield True, payload
            at += _LINE.size + len(payload)
            continue
        if not is_lost:
            is_lost = True
            yield False, b""
        found = raw.find(_START, at + 1)
        at = end if found < 0 else found


def _payload_at(raw: bytes, at: int) -> bytes | None:
    if len(raw) - at < _LINE.size:
        return None
    start, length, digest = _LINE.unpack_from(raw, at)
    payload = raw[at + _LINE.size : at + _LINE.size + length]
    # A slice beyond the end is a shorter one, and would hide a flipped bit of the last line's length.
    is_whole = start == _START and len(payload) == length > 0
    return payload if is_whole and _digest(payload) == digest else None


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16).digest()
