"""Snapshots with a checksum before them: a bit that flips in the store is noticed, not believed. Pure.

    "S1" digest (8, of the snapshot) snapshot

Bytes without a stamp are snapshots of before it was given; no one flipped bit turns a stamp into their first byte.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from messages.errors import CodecError

_STAMP: Final = b"S1"
_DIGEST_BYTES: Final = 8
_HEAD_BYTES: Final = len(_STAMP) + _DIGEST_BYTES
_UNSTAMPED: Final = 0x94  # how every record of the codec begins


def stamped(raw: bytes) -> bytes:
    """The snapshot with its checksum."""
    return _STAMP + _digest(raw) + raw


def unstamped(raw: bytes) -> bytes:
    """The snapshot itself. Raises CodecError, carrying the bytes, when they are not those that were written."""
    if raw.startswith(_STAMP):
        body = raw[_HEAD_BYTES:]
        if raw[len(_STAMP) : _HEAD_BYTES] != _digest(body):
            raise CodecError("the checksum does not fit", raw)
        return body
    if raw[:1] != bytes([_UNSTAMPED]):
        raise CodecError("no snapshot", raw)
    return raw


def _digest(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=_DIGEST_BYTES).digest()
