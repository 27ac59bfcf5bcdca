#!/usr/bin/env python3
"""Breaks every part in every way under load, cell by cell, and prints what came of every message and effect.

Exit status 1 when a promise was broken. Some cells need the right to mount small disks (root) or a PostgreSQL.

    show_matrix.py                        every cell, a minute each
    show_matrix.py --only redis ledger/hung --seconds 20
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import rig  # noqa: F401 - puts the other folders of tests on the path
from cells import CELLS
from one_cell import Result, run_cell
from rich.console import Console
from rich.table import Table

CONSOLE = Console(width=200, highlight=False)


def chosen(only: list[str]) -> list[tuple[str, str]]:
    """The cells that can be done, of those that were asked for."""
    return [
        (part, fault)
        for (part, fault), cell in CELLS.items()
        if not isinstance(cell, str) and (not only or part in only or f"{part}/{fault}" in only)
    ]


def table_of(results: list[Result]) -> Table:
    """One row a cell."""
    table = Table(
        "part", "fault", "messages", "finals", "static", "follow-ups", "slowest s", "drained s", "outside", "!"
    )
    for it in results:
        outside = ", ".join(f"{name} {count}" for name, count in it.outside.items())
        table.add_row(
            it.part, it.fault, str(it.messages), str(it.finals), str(it.statics), str(it.follow_ups),
            f"{it.slowest_s:.1f}", f"{it.drained_s:.0f}", outside, str(len(it.violations)),
        )  # fmt: skip
    return table


def main(arguments: list[str]) -> int:
    """Run the cells, print, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="parts, or part/fault")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--drain", type=float, default=150.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--keep", action="store_true", help="keep logs also when all went well")
    options = parser.parse_args(arguments)
    results: list[Result] = []
    for part, fault in chosen(options.only):
        folder = Path(tempfile.mkdtemp(prefix="fm-", dir="/tmp"))
        result = run_cell(
            folder, part, fault, seconds=options.seconds, rate=options.rate, seed=options.seed, drain_s=options.drain
        )
        results.append(result)
        CONSOLE.print_json(data=result.as_json(), indent=None)
        for line in (*result.violations[:20], *result.stories[:3]):
            CONSOLE.print(line, markup=False)
        if result.violations or options.keep:
            CONSOLE.print(f"its log: {folder / 'node.log'}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    CONSOLE.print(table_of(results))
    for (part, fault), why in CELLS.items():
        if isinstance(why, str):
            CONSOLE.print(f"{part}/{fault}: {why}")
    CONSOLE.print(f"seed {options.seed}")
    return 1 if any(result.violations for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
