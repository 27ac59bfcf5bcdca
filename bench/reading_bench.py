"""What reading costs: documents a second and memory of a reader, against the bare libraries, in one interleaved run.

    python bench/reading_bench.py [--rounds 5] [--data FOLDER]

Text: a reader's whole work on a PDF (attachments, words with places, what can be seen, rules) against pypdfium2 and
pdfplumber taking out the same pages' text. XML: finding, reading and checking the invoice in a hybrid PDF against
factur-x taking the XML out of it. A page of recognition: pictures to an invoice against the bare engine on the same
picture. Each contestant runs in a process of its own, one after the other, round by round; CPU seconds count, so that
other work on the machine does not.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

os.environ["OMP_THREAD_LIMIT"] = "1"
ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "invoices")]

from bench.measuring import ratios, setting, spread

PACKAGES: Final = ("pypdfium2", "pdfplumber", "factur-x", "pikepdf", "rapidocr", "onnxruntime")
CONTESTS: Final = {
    "text of a PDF": ("ours_text", "pypdfium2", "pdfplumber"),
    "XML of a hybrid": ("ours_xml", "facturx"),
    "a page of RapidOCR": ("ours_rapidocr", "rapidocr"),
    "a page of tesseract": ("ours_tesseract", "tesseract"),
}
MIN_S: Final = 1.0  # of CPU a contestant and round, at least


def files(data: Path) -> list[bytes]:
    """The hybrid PDFs of the shared folder, or this repository's own."""
    manifest = data / "invoices" / "manifest.jsonl"
    if manifest.exists():
        rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        found = [data / "invoices" / row["file"] for row in rows if row["kind"] == "pdf-hybrid"]
    else:
        found = sorted((ROOT / "examples" / "files").glob("*.factur-x.pdf"))
    return [path.read_bytes() for path in found]


def ours_text() -> Callable[[bytes], object]:
    """A reader on a PDF whose XML is left aside."""
    from invoices.reading import read_document

    return lambda content: read_document("x", None, content, skip_sources=frozenset({"xml"}))


def ours_xml() -> Callable[[bytes], object]:
    """A reader on a hybrid PDF, without the comparison with its page."""
    from invoices.reading import read_document

    return lambda content: read_document("x", None, content, skip_sources=frozenset({"text"}))


def pypdfium2() -> Callable[[bytes], object]:
    """The text of all pages, bare."""
    import pypdfium2

    def read(content: bytes) -> list[str]:
        document = pypdfium2.PdfDocument(content)
        texts = [page.get_textpage().get_text_bounded() for page in document]
        document.close()
        return texts

    return read


def pdfplumber() -> Callable[[bytes], object]:
    """The words of all pages with their places."""
    import pdfplumber

    def read(content: bytes) -> list[Any]:
        with pdfplumber.open(io.BytesIO(content)) as document:
            return [page.extract_words() for page in document.pages]

    return read


def facturx() -> Callable[[bytes], object]:
    """The XML taken out of the PDF, unread and unchecked."""
    import logging

    from facturx import get_xml_from_pdf

    logging.disable(logging.CRITICAL)

    def read(content: bytes) -> object:
        try:
            return get_xml_from_pdf(io.BytesIO(content), check_xsd=False)
        except Exception as error:  # noqa: BLE001 - it raises for what it does not find
            return error

    return read


def _ours_ocr(kind: type[Any]) -> Callable[[bytes], object]:
    from invoices.ocr.reading import Ocr
    from invoices.reading import read_document

    ocr = Ocr((kind(),))
    return lambda content: read_document("x", None, content, ocr=ocr)


def ours_rapidocr() -> Callable[[bytes], object]:
    """From the picture to the invoice by RapidOCR."""
    from invoices.ocr.rapid import RapidOcr

    return _ours_ocr(RapidOcr)


def ours_tesseract() -> Callable[[bytes], object]:
    """From the picture to the invoice by tesseract."""
    from invoices.ocr.tesseract import Tesseract

    return _ours_ocr(Tesseract)


def rapidocr() -> Callable[[bytes], object]:
    """The engine on the same picture, as it comes, on one thread."""
    from rapidocr import RapidOCR

    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    return cast("Callable[[bytes], object]", RapidOCR(params={"Global.log_level": "critical", **threads}))


def tesseract() -> Callable[[bytes], object]:
    """The program on the same picture, in all its installed languages."""
    command = ["tesseract", "-", "-", "-l", "eng+deu+fra+spa+ita+nld", "--psm", "6", "tsv"]
    return lambda content: subprocess.run(command, input=content, capture_output=True, check=True).stdout


def one(name: str, data: Path) -> None:
    """Run one contestant for a while and print its CPU seconds a document, and its memory in MB."""
    if "ocr" in name or "tesseract" in name:
        from scanned import page, saved

        contents = [saved(page(200), "PNG")]
    else:
        contents = files(data)
    read: Callable[[bytes], object] = globals()[name]()
    read(contents[0])
    began_s, count = _cpu_s(), 0
    while count < len(contents) or _cpu_s() - began_s < MIN_S:
        read(contents[count % len(contents)])
        count += 1
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps([(_cpu_s() - began_s) / count, peak * 1024 / 1e6]))


def _cpu_s() -> float:
    own, of_children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + of_children.ru_utime + of_children.ru_stime


def main() -> None:
    """Let the contestants of each contest run in turn, and print ratios round by round."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    default = os.environ.get("UNFAILING_SHARED_DATA") or str(ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.one:
        one(wanted.one, wanted.data)
        return
    print(setting(PACKAGES))
    for contest, names in CONTESTS.items():
        _contest(contest, names, wanted.rounds, wanted.data)


def _contest(contest: str, names: tuple[str, ...], rounds: int, data: Path) -> None:
    cpu_s: dict[str, list[float]] = {name: [] for name in names}
    memory_mb: dict[str, float] = {}
    for _ in range(rounds):
        for name in names:
            command = [sys.executable, __file__, "--one", name, "--data", str(data)]
            asked = subprocess.run(command, capture_output=True, text=True, check=False)
            if asked.returncode != 0:
                print(f"\n{contest}: {name} is not to be had here: {asked.stderr.strip().splitlines()[-1:]}")
                return
            seconds, memory_mb[name] = json.loads(asked.stdout.splitlines()[-1])
            cpu_s[name].append(seconds)
    print(f"\n{contest}")
    for name in names:
        rate = spread([1 / seconds for seconds in cpu_s[name]])
        print(f"  {name:<16} {rate} a CPU second, at most {memory_mb[name]:.0f} MB")
    for other in names[1:]:
        print(f"  speed against {other}: {ratios(cpu_s[other], cpu_s[names[0]])}")


if __name__ == "__main__":
    main()
