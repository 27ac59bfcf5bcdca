"""Small filesystems of their own: they can be filled up, frozen, and given back. Needs the right to mount."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILLER = "filler"
PIECE_BYTES = 256 * 1024


class Disk:
    """One small ext4 filesystem, mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._frozen = False

    def fill(self) -> None:
        """Leave not one block free."""
        piece = b"\0" * PIECE_BYTES
        with (self.folder / FILLER).open("ab", buffering=0) as filler:
            while piece:
                try:
                    filler.write(piece)
                except OSError:
                    piece = piece[: len(piece) // 2 if len(piece) > 1 else 0]

    def free(self) -> None:
        """Give the room back."""
        (self.folder / FILLER).unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let every write to it hang."""
        subprocess.run(["fsfreeze", "--freeze", str(self.folder)], check=True)
        self._frozen = True

    def thaw(self) -> None:
        """Let writes go on."""
        if self._frozen:
            self._frozen = False
            subprocess.run(["fsfreeze", "--unfreeze", str(self.folder)], check=True)


def can_mount() -> bool:
    """Whether this user may mount an image."""
    return os.geteuid() == 0 and Path("/dev/loop-control").exists()


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[Disk]:
    """A filesystem of its own at `folder`, gone afterwards; a plain folder for who may not mount."""
    if not can_mount():
        folder.mkdir()
        yield Disk(folder)
        return
    image = folder.with_suffix(".img")
    folder.mkdir()
    with image.open("wb") as made:
        made.truncate(size_mb * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(folder)], check=True)
    disk = Disk(folder)
    try:
        yield disk
    finally:
        with suppress(subprocess.CalledProcessError):
            disk.thaw()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        image.unlink()
