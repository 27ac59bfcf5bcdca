"""Attachments on their way: in files, and in the store."""

import hashlib
import os
from pathlib import Path

import pytest

from actors.blobs import ORPHAN_S, BlobMissing, FileBlobs
from supervision import world

CONTENT = b"%PDF-1.7 an invoice"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    """Files in a folder of the test's own."""
    return FileBlobs(world.current(), tmp_path)


def test_given_a_kept_attachment_when_it_is_fetched_then_it_is_the_same(blobs: FileBlobs) -> None:
    """Kept twice is kept once."""
    blobs.put(3, DIGEST, CONTENT)
    blobs.put(3, DIGEST, CONTENT)

    assert blobs.get(3, DIGEST) == CONTENT


def test_given_no_or_a_damaged_file_when_it_is_fetched_then_it_is_missing(blobs: FileBlobs, tmp_path: Path) -> None:
    """What is not whole is not there; a digest that is none is not looked for."""
    blobs.put(3, DIGEST, CONTENT)
    (tmp_path / "03" / DIGEST).write_bytes(CONTENT + b"!")

    for digest in (DIGEST, "b" * 64, "../../etc/passwd"):
        with pytest.raises(BlobMissing):
            blobs.get(3, digest)


def test_given_an_old_file_when_orphans_are_looked_for_then_only_it_is_named(blobs: FileBlobs, tmp_path: Path) -> None:
    """A file just kept has its message still to come."""
    other = hashlib.sha256(b"other").hexdigest()
    blobs.put(3, DIGEST, CONTENT)
    blobs.put(3, other, b"other")
    now_s = (tmp_path / "03" / DIGEST).stat().st_mtime
    os.utime(tmp_path / "03" / other, (now_s - ORPHAN_S - 1, now_s - ORPHAN_S - 1))

    orphans = blobs.orphans(now_s, 3)
    blobs.strike(3, orphans[0])

    assert orphans == [other]
    assert blobs.orphans(now_s, 3) == []
    assert blobs.orphans(now_s, 4) == []
