"""A record with its place in history and its checksum: what every layer, backup and archive holds. Pure.

    magic (3) format (1) kind (1) generation (8) epoch (8) version (8) saved at (8) length (4) digest (16) body

The digest covers the key it is kept under, the header and the body, so a flipped bit, a cut, a mix of two writes and
bytes under a wrong key are all noticed, and told apart as far as that helps whoever looks into it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal, NamedTuple

MAGIC: Final = b"UfS"
FORMAT: Final = 1
STATE: Final = 1
GONE: Final = 2
_HEAD: Final = struct.Struct(">3sBBQQQdI")
_DIGEST_BYTES: Final = 16
HEADER_BYTES: Final = _HEAD.size + _DIGEST_BYTES

Flaw = Literal["foreign", "truncated", "corrupt", "future"]


class Position(NamedTuple):
    """Where a record stands in a session's history; a greater one is newer.

    generation counts how often the deployment's shared store was lost; epoch, its owners; version, its saves.
    """

    generation: int = 0
    epoch: int = 0
    version: int = 0


class Damaged(Exception):  # noqa: N818 - what the bytes are
    """Bytes that are not a whole record of this key: they are kept aside, never used. Attributes: flaw, raw, detail."""

    def __init__(self, flaw: Flaw, raw: bytes, detail: str) -> None:
        super().__init__(f"{flaw}: {detail}")
        self.flaw: Flaw = flaw
        self.raw = raw
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Sealed:
    """A whole record. at_s: Unix seconds of its save. is_gone: it says that the session was deleted; body is empty."""

    key: str
    position: Position
    at_s: float
    is_gone: bool
    body: bytes


def seal(key: str, position: Position, at_s: float, body: bytes, *, is_gone: bool = False) -> bytes:
    """Give the bytes that are kept under key."""
    head = _HEAD.pack(MAGIC, FORMAT, GONE if is_gone else STATE, *position, at_s, len(body))
    return head + _digest(key, head, body) + body


def unseal(key: str, raw: bytes) -> Sealed:
    """Read what was kept under key. Raises Damaged, and nothing else."""
    if raw[: len(MAGIC)] != MAGIC[: len(raw)]:
        raise Damaged("foreign", raw, "no record of ours")
    if len(raw) < HEADER_BYTES:
        raise Damaged("truncated", raw, f"{len(raw)} bytes are less than a header")
    _, form, kind, generation, epoch, version, at_s, length = _HEAD.unpack_from(raw)
    body = raw[HEADER_BYTES:]
    if _digest(key, raw[: _HEAD.size], body) != raw[_HEAD.size : HEADER_BYTES]:
        if form > FORMAT:
            raise Damaged("future", raw, f"format {form} is newer than {FORMAT}")
        if len(body) < length:
            raise Damaged("truncated", raw, f"{len(body)} of {length} bytes")
        raise Damaged("corrupt", raw, "the checksum does not fit")
    if form != FORMAT or kind not in (STATE, GONE):
        raise Damaged("future", raw, f"format {form}, kind {kind}")
    return Sealed(key, Position(generation, epoch, version), at_s, kind == GONE, body)


def position_of(raw: bytes) -> Position:
    """The place that bytes claim, unverified; the very first for bytes too short to claim one."""
    if len(raw) < HEADER_BYTES:
        return Position()
    return Position(*_HEAD.unpack_from(raw)[3:6])


def mark_of(raw: bytes) -> int:
    """A number of 63 bits that stands for these bytes in sums over a whole store."""
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "big") >> 1


def _digest(key: str, head: bytes, body: bytes) -> bytes:
    hashed = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES)
    hashed.update(b"\0")
    hashed.update(head)
    hashed.update(body)
    return hashed.digest()
