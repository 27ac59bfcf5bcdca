"""Thousands of made-up invoices, set on sheets and read back: how often a field is right, doubted, missing or wrong.

`python bench/made_invoices.py [--many 20000] [--from 0] [--list]`. Each invoice follows from its number alone, so a
wrong one can be looked at again. A value counts as doubted when its confidence is below 0.7 and a warning asks for it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Final

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "invoices")]

from made.judging import FIELDS, VERDICTS, read_one
from made.words import COUNTRIES

_BATCH: Final = 250


def measure(first: int, last: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Verdicts of the invoices numbered first to last - 1, and a line for each silently wrong value."""
    counted: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for seed in range(first, last):
        country = sorted(COUNTRIES)[seed % len(COUNTRIES)]
        made, _, verdicts = read_one(Random(seed), country)
        counted.update(verdicts)
        wrong += [
            f"  {seed} {country} {name}: truth {made.truth[name]}"
            for name, verdict in verdicts
            if verdict == "silently wrong"
        ]
    return counted, wrong


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--many", type=int, default=2_000, help="how many invoices")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first one's number")
    parser.add_argument("--list", action="store_true", help="name every silently wrong value")
    chosen = parser.parse_args()
    began_s = time.perf_counter()
    counted: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    starts = range(chosen.first, chosen.first + chosen.many, _BATCH)
    ends = [min(start + _BATCH, chosen.first + chosen.many) for start in starts]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for verdicts, lines in pool.map(measure, starts, ends):
            counted.update(verdicts)
            wrong += lines
    print(
        f"{platform.machine()}, Python {platform.python_version()}: {chosen.many} invoices from number {chosen.first}"
    )
    print(f"in {time.perf_counter() - began_s:.0f} s with {os.cpu_count()} processes\n")
    _table(counted)
    if chosen.list:
        print("\n".join(wrong))


def _table(counted: Counter[tuple[str, str]]) -> None:
    print(f"  {'field':<16}" + "".join(f"{verdict:>16}" for verdict in VERDICTS))
    for name in FIELDS:
        print(f"  {name:<16}" + "".join(f"{counted[name, verdict]:>16}" for verdict in VERDICTS))
    totals = [sum(counted[name, verdict] for name in FIELDS) for verdict in VERDICTS]
    print(f"  {'all':<16}" + "".join(f"{total:>16}" for total in totals))
    print(f"  {'percent':<16}" + "".join(f"{100 * total / max(sum(totals), 1):>16.3f}" for total in totals))


if __name__ == "__main__":
    main()
