"""Where attachments are while their message is open: under their digest, beside the messages that refer to them.

Files are enough with the embedded server, whose node is the only one. Where several nodes share a store, the store
keeps them in chunks, under the partition of their chat.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from actors.node_directory import write_durably

if TYPE_CHECKING:
    from actors.partition.store import Store
    from supervision.world import World

_DIGEST_CHARS: Final = 64
CHUNK_BYTES: Final = 512 * 1024
BLOB_TTL_S: Final = 14 * 86_400
FILE_TIMEOUT_S: Final = 20.0
# A file that nobody refers to is kept this long: a door stores an attachment before it refers to it.
ORPHAN_S: Final = 3600.0


class BlobMissing(Exception):  # noqa: N818 - a state, not an error of this program
    """The attachment is not there any more, or not whole."""


class BlobStore(Protocol):
    """Puts before it answers: what `put` has returned from survives the process."""

    def put(self, partition: int, digest: str, content: bytes) -> None:
        """Keep an attachment. Raises StoreError or OSError."""

    def get(self, partition: int, digest: str) -> bytes:
        """The attachment. Raises BlobMissing, StoreError or OSError."""


class FileBlobs:
    """Files in the data directory, synced; read and written in a native thread."""

    def __init__(self, world: World, root: Path) -> None:
        """root: made when it is not there."""
        self._world = world
        self._root = root

    def _path(self, partition: int, digest: str) -> Path:
        if len(digest) != _DIGEST_CHARS or not digest.isalnum():
            raise BlobMissing(digest)
        return self._root / f"{partition:02d}" / digest

    def put(self, partition: int, digest: str, content: bytes) -> None:
        """Write the file, synced, unless it is there; its age begins anew."""
        path = self._path(partition, digest)
        self._world.run_in_thread(_write, path, content, pool="blobs", timeout_s=FILE_TIMEOUT_S)

    def get(self, partition: int, digest: str) -> bytes:
        """Read the file and check its digest."""
        path = self._path(partition, digest)
        content = self._world.run_in_thread(_read, path, pool="blobs", timeout_s=FILE_TIMEOUT_S)
        if content is None:
            raise BlobMissing(digest)
        return content

    def orphans(self, now_wall_s: float, partition: int) -> list[str]:
        """Digests of files that are old enough to be struck if nobody refers to them."""
        return self._world.run_in_thread(
            _older_than, self._root / f"{partition:02d}", now_wall_s - ORPHAN_S, pool="blobs", timeout_s=FILE_TIMEOUT_S
        )

    def strike(self, partition: int, digest: str) -> None:
        """Delete a file; nothing happens when it is gone already."""
        path = self._path(partition, digest)
        self._world.run_in_thread(lambda: path.unlink(missing_ok=True), pool="blobs", timeout_s=FILE_TIMEOUT_S)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size == len(content):
        path.touch()
        return
    write_durably(path, content)


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return content if hashlib.sha256(content).hexdigest() == path.name else None


def _older_than(folder: Path, wall_s: float) -> list[str]:
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if path.stat().st_mtime < wall_s]


class StoreBlobs:
    """Chunks in the store, under the partition's hash tag, gone by themselves after BLOB_TTL_S."""

    def __init__(self, world: World, store: Store) -> None:
        """store: the deployment's."""
        self._world = world
        self._store = store

    def put(self, partition: int, digest: str, content: bytes) -> None:
        """Write all chunks, then the lifetime; repeating it does no harm and begins the lifetime anew."""
        key = self._store.keys.partition(partition).blob(digest)
        for number, start in enumerate(range(0, max(len(content), 1), CHUNK_BYTES)):
            self._store.call(key, "HSET", key, number, content[start : start + CHUNK_BYTES])
        self._store.call(key, "EXPIRE", key, BLOB_TTL_S)

    def get(self, partition: int, digest: str) -> bytes:
        """Read the chunks in order and check the digest."""
        key = self._store.keys.partition(partition).blob(digest)
        count = int(self._store.call(key, "HLEN", key))
        content = b"".join(self._store.call(key, "HGET", key, number) or b"" for number in range(count))
        whole = self._world.run_in_thread(lambda: hashlib.sha256(content).hexdigest())
        if not count or whole != digest:
            raise BlobMissing(digest)
        return content
