"""What is read from real invoices against what they say: right, wrong and missing, by field and source.

`make accuracy`, or `python bench/accuracy.py [--list] [--source S]... [--every N] [--resume FILE] [--data FOLDER]`.
The folder is shared/data beside the repository, or the one that UNFAILING_SHARED_DATA names; without it the project's
own examples are measured.

xml: everything that the file's XML says, of XML documents and hybrid PDFs. text: the same hybrid PDFs with their XML
ignored, on the fields that their pages show. pictures: their pages rendered, and nothing but the pictures read, on the
same fields. other text: invoices of other kinds, with the truth that comes with them. invoice2data: that program with
its own templates on the files of text and of other text. A sign that only the page or only the XML has counts as wrong
in the column `wrong` and is told apart in `sign`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before tesseract's library is loaded: its threads fight each other
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from accuracy_cases import FIELDS, SOURCES, Case, cases, field_of, own_cases, pictures_only

from invoices.invoice import AMOUNT_FIELDS, Invoice, to_protocol
from invoices.reading import read_document

ROOT: Final = Path(__file__).parents[1]
PROCESSES: Final = 2
VERDICTS: Final = ("right", "wrong", "sign", "missing")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One document measured: its verdicts by field, what to say of those that are not right, and how long it took."""

    source: str
    file: str
    verdicts: dict[str, str]
    notes: tuple[str, ...]
    seconds: float


def verdict(name: str, found: str | None, truth: str | None) -> str:
    """right, sign, wrong or missing; absent from both is right."""
    if found is None:
        return "right" if truth is None else "missing"
    if truth is None:
        return "wrong"
    if name in AMOUNT_FIELDS:
        ours, theirs = Decimal(found), Decimal(truth)
        return "right" if ours == theirs else "sign" if ours == -theirs else "wrong"
    return "right" if "".join(found.split()) == "".join(truth.split()) else "wrong"


def measure(case: Case) -> Outcome:
    """Read one document and compare."""
    began_s = time.perf_counter()
    found = _templates(case) if case.source == "invoice2data" else _ours(case)
    seconds = time.perf_counter() - began_s
    verdicts = {name: verdict(name, found.get(name), truth) for name, truth in case.truth.items()}
    notes = tuple(
        f"  {case.source:<12} {judged:<8} {name:<14} truth {case.truth[name]!r}, read {found.get(name)!r}: {case.file}"
        for name, judged in verdicts.items()
        if judged != "right"
    )
    return Outcome(case.source, case.file, verdicts, notes, seconds)


def _ours(case: Case) -> dict[str, str | None]:
    if case.source == "pictures":
        reading = read_document(case.file, None, pictures_only(case.content), ocr=_ocr())
    else:
        skipped = frozenset({"xml"}) if case.source == "text" else frozenset[str]()
        reading = read_document(case.file, None, case.content, skip_sources=skipped)
    shown = to_protocol(reading.invoices[0] if reading.invoices else Invoice())
    return {name: field_of(shown, name) for name in FIELDS}


@lru_cache(maxsize=1)
def _ocr() -> Any:
    from invoices.ocr.engines import engines_here
    from invoices.ocr.reading import Ocr

    return Ocr(engines_here())


def _templates(case: Case) -> dict[str, str | None]:
    from accuracy_templates import read_with_templates

    return read_with_templates(case.content)


def table(source: str, outcomes: list[Outcome]) -> None:
    """One source's figures."""
    seconds = sum(outcome.seconds for outcome in outcomes)
    rate = len(outcomes) / seconds if seconds else 0.0
    print(f"\n{source}: {len(outcomes)} documents, {rate:.2g} a second and process")
    print(f"  {'field':<16}{'right':>7}{'wrong':>7}{'sign':>7}{'missing':>9}{'right %':>10}{'wrong %':>10}")
    totals: Counter[str] = Counter()
    for name in FIELDS:
        row = Counter(outcome.verdicts[name] for outcome in outcomes if name in outcome.verdicts)
        if row:
            totals.update(row)
            _line(name, row)
    _line("all", totals)


def _line(name: str, row: Counter[str]) -> None:
    count = max(sum(row.values()), 1)
    figures = f"{row['right']:>7}{row['wrong']:>7}{row['sign']:>7}{row['missing']:>9}"
    print(f"  {name:<16}{figures}{100 * row['right'] / count:>10.2f}{100 * row['wrong'] / count:>10.2f}")


def outcomes_of(chosen: list[Case], kept: Path | None, *, explain: bool) -> Iterator[Outcome]:
    """Measure the cases in two processes; those that an earlier run left in the file are taken from there."""
    known = {(one.source, one.file): one for one in _kept(kept)}
    yield from (known[case.source, case.file] for case in chosen if (case.source, case.file) in known)
    left = [case for case in chosen if (case.source, case.file) not in known]
    with ProcessPoolExecutor(PROCESSES) as pool:
        for outcome in pool.map(measure, left):
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    row = [outcome.source, outcome.file, outcome.verdicts, outcome.notes, outcome.seconds]
                    file.write(json.dumps(row) + "\n")
            if explain and outcome.notes:
                print("\n".join(outcome.notes), flush=True)
            yield outcome


def _kept(file: Path | None) -> Iterator[Outcome]:
    if file is not None and file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            source, name, verdicts, notes, seconds = json.loads(line)
            yield Outcome(source, name, verdicts, tuple(notes), seconds)


def _heading() -> str:
    def version(name: str) -> str:
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            return f"no {name}"

    asked = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    programs = ", ".join(version(name) for name in ("pypdfium2", "rapidocr", "invoice2data"))
    return f"commit {asked.stdout.strip() or 'unknown'}; {machine}; {programs}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--list", action="store_true", help="name every field that is not right")
    parser.add_argument("--source", action="append", choices=SOURCES, help="only this one; may be repeated")
    parser.add_argument("--every", type=int, default=1, help="of the pictures, only each so manieth")
    parser.add_argument("--resume", type=Path, help="a file that keeps what was measured, for a run that is broken off")
    default = os.environ.get("UNFAILING_SHARED_DATA") or str(ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    wanted = parser.parse_args()
    print(_heading())
    every = list(own_cases(ROOT))
    if (wanted.data / "invoices").is_dir():
        every += cases(wanted.data)
    else:
        print(f"the real data is not at {wanted.data}; only the project's own examples are measured")
    for source in dict.fromkeys(case.source for case in every):
        mine = [case for case in every if case.source == source]
        mine = mine[:: wanted.every] if source == "pictures" else mine
        if not wanted.source or source in wanted.source:
            table(source, list(outcomes_of(mine, wanted.resume, explain=wanted.list)))


if __name__ == "__main__":
    main()
