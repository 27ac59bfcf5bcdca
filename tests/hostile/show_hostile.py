"""The hostile set against a running daemon: every document answered, other chats as quick, memory back.

    python tests/hostile/show_hostile.py [--flips 100] [--step 1]

Exit status 1 when a document or another chat was not answered, other chats waited more than twice as long at the 99th
percentile as beside ordinary documents, or memory did not come back within a tenth.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

from daemon_under_test import DaemonUnderTest, short_folder
from hostile_cases import flips, made_cases, ordinary, shared_cases, truncations
from hostile_run import Ears, Report, memory_mb, recycle_readers, send_round, warm_up

SLOWER_MAX = 2.0
MEMORY_MAX = 1.1


def say(line: str) -> None:
    """Print a line at once: a run takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Send everything, print the counts, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--step", type=int, default=1, help="truncations at every so many percent")
    wanted = parser.parse_args()
    cases = [*shared_cases(), *made_cases(), *truncations(wanted.step), *flips(wanted.flips)]
    kinds = Counter(case.kind for case in cases)
    say(f"{len(cases)} hostile documents: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    with short_folder() as folder, DaemonUnderTest(folder) as daemon:
        warm_up(daemon, "first", 1)
        with Ears(daemon) as ears:
            examples = ordinary()
            plain = _shown("ordinary", daemon, ears, (examples * (len(cases) // len(examples) + 1))[: len(cases)])
            recycle_readers(daemon)
            before_mb = memory_mb(daemon)
            harm = _shown("hostile", daemon, ears, cases)
        peak_mb = memory_mb(daemon)
        recycle_readers(daemon)
        after_mb = memory_mb(daemon)
    say(f"memory of the daemon and its readers: {before_mb:.0f} MB before, {peak_mb:.0f} MB after, {after_mb:.0f} MB")
    say(f"  when the readers are fresh: {after_mb / before_mb:.2f} of before")
    slower = harm.talk_p99_s() / plain.talk_p99_s()
    say(f"other chats at the 99th percentile: {slower:.2f} times as long as beside ordinary documents")
    good = not (harm.unanswered or harm.talk_unanswered or slower > SLOWER_MAX or after_mb > MEMORY_MAX * before_mb)
    say("everything was answered, and nobody else was held up" if good else "not as it must be")
    return 0 if good else 1


def _shown(name: str, daemon: DaemonUnderTest, ears: Ears, cases: list[object]) -> Report:
    began_s = time.monotonic()
    report = send_round(daemon, ears, name, cases)  # type: ignore[arg-type]
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in report.finals.most_common())
    took_s = time.monotonic() - began_s
    say(f"{name}: {sum(report.finals.values())} of {report.sent} answered in {took_s:.0f} s: {outcomes}")
    say(f"  the slowest took {report.slowest_s:.1f} s ({report.slowest})")
    ranked = sorted(report.talk_s)
    middle_ms = 1000 * ranked[len(ranked) // 2]
    say(
        f"  {len(ranked)} messages of other chats: median {middle_ms:.0f} ms, 99th percentile "
        f"{1000 * report.talk_p99_s():.0f} ms, {report.talk_unanswered} without an answer"
    )
    for one in report.unanswered:
        say(f"  NOT ANSWERED {one}")
    return report


if __name__ == "__main__":
    sys.exit(main())
