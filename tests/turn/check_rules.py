"""Takes out every rule of the turn, one cut after the other, and says whether its tests notice: `make rules`.

    python tests/turn/check_rules.py              all of them
    python tests/turn/check_rules.py C2 A1:alone  some

Prints a line for each cut: how many tests the rule has, the first one that failed without it, and how long that took.
Exit status 1 when a cut went unnoticed, or could not be tried.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from turn.cut_loader import VARIABLE, Cut
from turn.cuts import CUTS

PYTEST = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider"]
SOME_FAILED = 1
CUT_TIMEOUT_S = 300.0


def main(wanted: Sequence[str]) -> int:
    """Go through the cuts that are wanted, or all."""
    unknown = [label for label in wanted if not any(label in (cut.rule, cut.label) for cut in CUTS)]
    if unknown:
        print(f"there is no rule or cut {', '.join(unknown)}", file=sys.stderr)
        return 2
    tests = tests_by_rule()
    missed = 0
    for cut in CUTS:
        if not wanted or cut.rule in wanted or cut.label in wanted:
            missed += not try_cut(cut, tests.get(cut.rule, []))
    print(f"{missed} cuts went unnoticed" if missed else "every rule that was taken out was missed by its tests")
    return 1 if missed else 0


def tests_by_rule() -> Mapping[str, list[str]]:
    """Node ids of the tests that show each rule."""
    with tempfile.NamedTemporaryFile("r", suffix=".rules") as listed:
        done = _pytest("--collect-only", "--list-rules", listed.name, "tests")
        if done.returncode:
            sys.exit(done.stdout[-3000:])
        found: dict[str, list[str]] = {}
        for line in listed.read().splitlines():
            rule, _, test = line.partition("\t")
            found.setdefault(rule, []).append(test)
    return found


def try_cut(cut: Cut, tests: Sequence[str]) -> bool:
    """Run the rule's tests without it; whether at least one failed, as it must."""
    # The quick ones first: one failure is enough.
    files = sorted(Counter(test.partition("::")[0] for test in tests), key=_slowness)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cut-", dir="/tmp") as folder:
        run = ["-x", "--timeout", "90", "--basetemp", f"{folder}/t", "--rule-out", cut.label]
        done = _pytest(*run, *files) if files else None
        _end_what_is_left(folder)
    failed = _first_failed(done.stdout) if done is not None else ""
    noticed = done is not None and done.returncode == SOME_FAILED and bool(failed)
    said = failed if noticed else "NOT NOTICED" if done is None or done.returncode != SOME_FAILED else "NOT TRIED"
    print(f"{cut.rule:3} {cut.name:24} {len(tests):4} tests  {time.monotonic() - began_s:5.1f} s  {said}", flush=True)
    if not noticed and done is not None and done.returncode not in (0, SOME_FAILED):
        print(done.stdout[-2000:])
    return noticed


def _end_what_is_left(folder: str) -> None:
    """A server whose lock was cut away is one that its test could not end."""
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and folder.encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def _slowness(path: str) -> tuple[int, str]:
    order = ["tests/messages", "tests/partition", "tests/actors", "tests/turn", "tests/end_to_end"]
    return next((place for place, folder in enumerate(order) if path.startswith(folder)), len(order)), path


def _first_failed(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return lines[0].split(" ")[1].partition("[")[0].removeprefix("tests/") if lines else ""


def _pytest(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    return subprocess.run(
        [*PYTEST, *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
        timeout=CUT_TIMEOUT_S,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
