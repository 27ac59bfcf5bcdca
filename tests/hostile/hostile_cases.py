"""Documents that mean harm, or came to harm: those of the shared folder, and each kind made by script."""

from __future__ import annotations

import io
import json
import os
import random
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "invoices"))

import hostile
from scanned import page, scan

EXAMPLES = ROOT / "examples" / "files"
WHOLE = ("invoice-en.factur-x.pdf", "invoice-de.factur-x.pdf")
FLIPS_SEED = 20_260_311


@dataclass(frozen=True, slots=True)
class HostileCase:
    """One document to send: what it is, under which name, its bytes."""

    kind: str
    name: str
    content: bytes


def shared_cases() -> Iterator[HostileCase]:
    """The files of the shared folder; none where it is missing."""
    folder = Path(os.environ.get("UNFAILING_SHARED_DATA") or ROOT.parent / "shared" / "data") / "hostile"
    manifest = folder / "hostile.jsonl"
    if manifest.exists():
        for line in manifest.read_text(encoding="utf-8").splitlines():
            file = json.loads(line)["file"]
            yield HostileCase("shared file", Path(file).name, (folder / file).read_bytes())


def made_cases() -> Iterator[HostileCase]:
    """One of each kind that is made by script."""
    example = (EXAMPLES / WHOLE[0]).read_bytes()
    yield HostileCase("flate bomb", "bomb.pdf", hostile.flate_bomb_in_page())
    yield HostileCase("flate bomb", "bomb-in-form.pdf", hostile.flate_bomb_in_form())
    yield HostileCase("billion laughs", "laughs.xml", hostile.BILLION_LAUGHS)
    yield HostileCase("external entity", "entity.xml", hostile.EXTERNAL_ENTITY)
    yield HostileCase("10,000 pages", "pages.pdf", hostile.many_pages())
    yield HostileCase("30,000 x 30,000", "image.pdf", hostile.huge_image())
    yield HostileCase("30,000 x 30,000", "image.png", _huge_png())
    yield HostileCase("deep nesting", "nested.pdf", hostile.deeply_nested_pdf())
    yield HostileCase("deep nesting", "nested.xml", hostile.deeply_nested_xml())
    yield HostileCase("slow page", "slow.pdf", hostile.slow_page())
    yield HostileCase("JavaScript", "script.pdf", hostile.javascript())
    yield HostileCase("wrong extension", "invoice.pdf", _huge_png()[:4000])
    yield HostileCase("wrong extension", "invoice.xml", example)
    yield HostileCase("wrong extension", "invoice.jpg", b"MZ" + bytes(range(256)) * 20)
    yield HostileCase("zip in zip", "archive.zip", _zips(6, example))
    yield HostileCase("zip bomb", "zeros.zip", _zip("zeros.pdf", bytes(300_000_000)))
    yield HostileCase("zero bytes", "zeros.pdf", bytes(10_000))
    yield HostileCase("zero bytes", "nothing.pdf", b"\n")


def truncations(step_percent: int = 1) -> Iterator[HostileCase]:
    """Real invoices cut off at every so many percent."""
    for name in WHOLE:
        content = (EXAMPLES / name).read_bytes()
        for percent in range(step_percent, 100, step_percent):
            yield HostileCase("truncation", name, content[: len(content) * percent // 100])


def flips(count: int) -> Iterator[HostileCase]:
    """Real invoices with one to twenty bits turned over."""
    chance = random.Random(FLIPS_SEED)
    for number in range(count):
        name = WHOLE[number % len(WHOLE)]
        damaged = bytearray((EXAMPLES / name).read_bytes())
        for _ in range(chance.randint(1, 20)):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        yield HostileCase("bit flips", name, bytes(damaged))


def ordinary() -> list[HostileCase]:
    """The examples of this repository: what people send."""
    return [HostileCase("ordinary", file.name, file.read_bytes()) for file in sorted(EXAMPLES.glob("invoice-*"))]


def scanned() -> HostileCase:
    """A page as scanners make it, harmless."""
    return HostileCase("ordinary", "scan.pdf", scan(page()))


def _huge_png() -> bytes:
    target = io.BytesIO()
    Image.new("1", (30_000, 30_000), 1).save(target, "PNG")
    return target.getvalue()


def _zip(name: str, content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, content)
    return target.getvalue()


def _zips(depth: int, content: bytes) -> bytes:
    for level in range(depth):
        content = _zip("invoice.pdf" if level == 0 else "more.zip", content)
    return content
