"""What a server that did not start says of its files, and what is to be done about it. Pure.

The append-only file is a folder: a manifest, one base (a snapshot) and one or more increments, replayed in the order
of their numbers. Everything from the damage on is given up, so that what is loaded is a state the store once had.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap
from typing import Final

BASE, INCREMENT = "b", "i"

# Texts of Valkey 8 and 9, aof.c and rdb.c. A text that is not here is no damage, and nothing is repaired or put aside:
# a full disk, a wrong owner, data of a newer server.
_BROKEN_FILE: Final = re.compile(
    r"(?:Bad file format|Unexpected end of file) reading the append only file (\S+\.(?:aof|rdb))"
)
_STRANGE_COMMAND: Final = re.compile(
    r"Error reading the append only file ([^\s,]+), error: unknown command '(.{0,128}?)', with args", re.DOTALL
)
_MISSING_FILE: Final = re.compile(r"Unable to obtain the AOF file (\S+) length\. stat: No such file or directory")
_BROKEN_BASE: Final = re.compile(
    r"Internal error in RDB reading|Wrong RDB checksum|Wrong signature trying to load DB"
    r"|Error reading the RDB (?:base file|preamble)|Unexpected EOF reading RDB file"
)
_BROKEN_MANIFEST: Final = re.compile(r"FATAL AOF MANIFEST FILE ERROR")
_NOT_DAMAGE: Final = re.compile(
    r"Can't handle RDB format version|Can't handle foreign type or opcode|RDB file contains module"
    r"|Out Of Memory allocating|can't open the AOF manifest|Permission denied|Input/output error|No space left"
)
_CRASHED: Final = re.compile(r"BUG REPORT START")
_BASE_BEGUN: Final = re.compile(r"Reading RDB base file")
_BASE_DONE: Final = re.compile(r"DB loaded from base file")


@dataclass(frozen=True, slots=True)
class Cut:
    """One file is broken somewhere: cut it there, and drop what came after it. command: before the first such one."""

    file: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """One file is missing: drop it and what came after it."""

    file: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """Nothing that could be loaded is left: start empty."""

    why: str


Remedy = Cut | Drop | SetAside


def diagnose(log: str) -> Remedy | None:
    """Read what a server that ended while starting has written; None when that is not damage of its files."""
    if _NOT_DAMAGE.search(log):
        return None
    if found := _STRANGE_COMMAND.search(log):
        return Cut(found[1], found[2])
    if found := _BROKEN_FILE.search(log):
        return SetAside(f"{found[1]} is broken") if ".base." in found[1] else Cut(found[1])
    if found := _MISSING_FILE.search(log):
        return SetAside(f"{found[1]} is missing") if ".base." in found[1] else Drop(found[1])
    if _BROKEN_BASE.search(log):
        return SetAside("the snapshot at the base of the append-only file is broken")
    if _BROKEN_MANIFEST.search(log):
        return SetAside("the manifest of the append-only file is broken")
    if _CRASHED.search(log) and _BASE_BEGUN.search(log) and not _BASE_DONE.search(log):
        return SetAside("the server breaks down over the snapshot at the base of the append-only file")
    return None


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One line of the manifest. kind: b base, h history (to be deleted), i increment."""

    line: str
    file: str
    number: int
    kind: str


def read_manifest(text: str) -> tuple[ManifestEntry, ...]:
    """Read a manifest. Raises ValueError for a line that is none."""
    return tuple(_entry(line) for line in text.splitlines() if line and not line.startswith("#"))


def without_followers(entries: Sequence[ManifestEntry], file: str, *, itself: bool) -> tuple[ManifestEntry, ...]:
    """Return the manifest without the increments after file, and without file too when itself is set."""
    numbers = [entry.number for entry in entries if entry.file == file and entry.kind == INCREMENT]
    if not numbers:
        return tuple(entries)
    last = numbers[0] - itself
    return tuple(entry for entry in entries if entry.kind != INCREMENT or entry.number <= last)


def manifest_text(entries: Sequence[ManifestEntry]) -> str:
    """Return a manifest's text."""
    return "".join(f"{entry.line}\n" for entry in entries)


def _entry(line: str) -> ManifestEntry:
    words = line.split(" ")
    fields = dict(zip(words[::2], words[1::2], strict=False))
    try:
        return ManifestEntry(line, fields["file"].strip('"'), int(fields["seq"]), fields["type"])
    except KeyError as error:
        raise ValueError(f"not a line of a manifest: {line[:80]!r}") from error


def offset_before(data: bytes | mmap, command: bytes) -> int:
    """Return where to cut an increment so that the first command of that name, and all after it, is gone.

    Cuts before the MULTI that it stands in. Returns len(data) when there is no such command, and where the format ends
    to be one if that comes first.
    """
    at = transaction = 0
    inside = False
    while at < len(data):
        name, after = _command_at(data, at)
        if name is None or name == command:
            return transaction if inside else at
        if name.upper() == b"MULTI":
            transaction, inside = at, True
        elif name.upper() == b"EXEC":
            inside = False
        at = after
    return len(data)


def _command_at(data: bytes | mmap, at: int) -> tuple[bytes | None, int]:
    """Return the name of the command at an offset, and where the next begins; no name when there is no command."""
    if data[at : at + 1] == b"#":  # a time stamp annotation
        end = data.find(b"\n", at)
        return (b"#", end + 1) if end >= 0 else (None, at)
    count, at = _number_at(data, at, b"*")
    name: bytes | None = None
    for place in range(count or 0):
        size, start = _number_at(data, at, b"$")
        if size is None or data[start + size : start + size + 2] != b"\r\n":
            return None, at
        if place == 0:
            name = data[start : start + size]
        at = start + size + 2
    return name, at


def _number_at(data: bytes | mmap, at: int, mark: bytes) -> tuple[int | None, int]:
    end = data.find(b"\r\n", at, at + 24)
    digits = data[at + 1 : end]
    if end < 0 or data[at : at + 1] != mark or not digits.isdigit():
        return None, at
    return int(digits), end + 2
