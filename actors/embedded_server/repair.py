"""Mends the embedded server's files after they were damaged: a copy first, then the server's own tool.

Weakness: what stood behind the damage is gone from the store, though not from the copy. And only damage that breaks the
format is found: the file has no checksums, so a bit that flips inside a value stays.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Final

import structlog

from actors.embedded_server.damage import (
    Cut,
    Drop,
    ManifestEntry,
    Remedy,
    SetAside,
    manifest_text,
    offset_before,
    read_manifest,
    without_followers,
)
from actors.node_directory import NodePaths, sync_directory, write_durably
from supervision import world

_log = structlog.get_logger("actors.embedded_server")
_FOLDER: Final = "appendonlydir"
_MANIFEST: Final = "appendonly.aof.manifest"
_COPIES_KEPT: Final = 8
_CHECK_S: Final = 300.0
_ANSWER_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done. copy: where the files lie as they were; lost_all: nothing of them could be used."""

    remedy: Remedy
    copy: Path
    lost_all: bool


def repair_marker(paths: NodePaths) -> Path:
    """Return the file that says that the store was repaired and its generation has not been raised since."""
    return paths.root / "store-repaired"


def forget_repair(paths: NodePaths) -> None:
    """Note that the generation has been raised after a repair. Call it after that, never before."""
    repair_marker(paths).unlink(missing_ok=True)
    sync_directory(paths.root)


def repair(paths: NodePaths, program: Path, remedy: Remedy) -> Repair:
    """Carry out a remedy; the server must not run. What cannot be mended is set aside whole.

    Leaves a marker before it changes anything, so that a daemon killed in the middle still knows that the store may
    have lost something. Raises OSError: a full disk, for one, where no copy can be made.
    """
    folder = paths.server_data / _FOLDER
    copy = _place_for_copy(paths.root)
    write_durably(repair_marker(paths), f"{remedy!r}, copy in {copy.name}\n".encode())
    if not isinstance(remedy, SetAside):
        world.current().run_in_thread(_copy_aside, folder, copy, remedy.file)
        try:
            _mend(paths, program, folder, remedy)
        except (ValueError, OSError, world.WaitTimeout) as error:
            _log.warning("server.repair_failed", remedy=repr(remedy), error=str(error), next="all of it is set aside")
        else:
            return Repair(remedy, copy, lost_all=False)
    _set_aside(folder, copy)
    return Repair(remedy, copy, lost_all=True)


def _mend(paths: NodePaths, program: Path, folder: Path, remedy: Cut | Drop) -> None:
    """Cut the file, or do without it, and let the manifest end there."""
    entries = read_manifest((folder / _MANIFEST).read_text(encoding="utf-8", errors="surrogateescape"))
    if all(entry.file != remedy.file for entry in entries):
        raise ValueError(f"{remedy.file} is not in the manifest")
    if isinstance(remedy, Cut):
        if remedy.command is not None:
            world.current().run_in_thread(_cut_before, folder / remedy.file, remedy.command.encode("latin-1"))
        else:
            _check_and_fix(paths, program, folder / remedy.file)
    kept = without_followers(entries, remedy.file, itself=isinstance(remedy, Drop))
    write_durably(folder / _MANIFEST, manifest_text(kept).encode("utf-8", "surrogateescape"))
    _remove_dropped(folder, entries, kept)


def _check_and_fix(paths: NodePaths, program: Path, file: Path) -> None:
    """Run the server's own tool on one file. Raises ValueError when it could not mend it.

    One file, not the manifest: the tool of Valkey 9.1 does not know Valkey's own snapshots (they begin with VALKEY
    where it looks for REDIS), takes the base for damaged, and gives up.
    """
    tool = paths.server_data / "valkey-check-aof"
    tool.unlink(missing_ok=True)
    tool.symlink_to(program)
    process = world.current().start_process(
        [str(tool), "--fix", str(file)], env={}, stdin="pipe", stdout="pipe", stderr="stdout"
    )
    try:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the tool has no streams")
        process.stdin.write(b"y\n", _CHECK_S)
        said = process.stdout.read(_ANSWER_BYTES, _CHECK_S)
        while more := process.stdout.read(_ANSWER_BYTES, _CHECK_S):
            said = (said + more)[-_ANSWER_BYTES:]
        exit_code = process.wait(_CHECK_S)
    finally:
        process.kill()
    if exit_code != 0:
        raise ValueError(f"valkey-check-aof ended with {exit_code}: {said.decode('utf-8', 'replace')[-400:]}")


def _cut_before(file: Path, command: bytes) -> None:
    """Cut a file before a command that no server knows. Runs in a native thread."""
    with file.open("r+b") as handle:
        size_bytes = file.stat().st_size
        if size_bytes:
            with mmap(handle.fileno(), 0, access=ACCESS_READ) as data:
                size_bytes = offset_before(data, command)
        handle.truncate(size_bytes)
        os.fsync(handle.fileno())


def _copy_aside(folder: Path, copy: Path, damaged: str) -> None:
    """Keep the files as they are: a real copy of what will be changed, a second name for the rest.

    Only the damaged file is written to from now on: it becomes the last, and the server appends to the last.
    """
    copy.mkdir(mode=0o700)
    for file in folder.iterdir():
        if file.name in {damaged, _MANIFEST}:
            shutil.copy2(file, copy / file.name)
            _sync(copy / file.name)
        else:
            (copy / file.name).hardlink_to(file)
    sync_directory(copy)
    sync_directory(copy.parent)


def _set_aside(folder: Path, copy: Path) -> None:
    if copy.exists():  # the copy of a repair that failed; the rest goes beside it
        copy = copy.with_name(f"{copy.name}-rest")
    if folder.exists():
        folder.rename(copy)
        sync_directory(copy.parent)
        sync_directory(folder.parent)


def _remove_dropped(folder: Path, before: Sequence[ManifestEntry], kept: Sequence[ManifestEntry]) -> None:
    """Remove files the manifest no longer names, whose names the server would give out again."""
    for entry in set(before) - set(kept):
        (folder / entry.file).unlink(missing_ok=True)
    sync_directory(folder)


def _place_for_copy(root: Path) -> Path:
    """Return a name that is free; the oldest copies go, so that a failing disk is not filled up as well."""
    copies = sorted(root.glob("aof-damaged-*"), key=lambda path: path.stat().st_mtime)
    for old in copies[: max(0, len(copies) - _COPIES_KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    at = datetime.fromtimestamp(world.current().wall(), UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"aof-damaged-{at}{suffix}" for suffix in ("", *(f"-{number}" for number in range(2, 1000))))
    return next(root / name for name in names if not (root / name).exists())


def _sync(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
