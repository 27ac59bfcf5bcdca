"""Writes the table of rules, tests and cuts in `docs/semantics.md`: `python tests/turn/rules_page.py`."""

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from turn.cuts import CUTS, TESTS_ELSEWHERE

PAGE = REPOSITORY / "docs" / "semantics.md"
HEAD = "| rule | in a few words | tests | cuts |\n|---|---|---|---|\n"
WORDS = {
    "K1": "a missing message id is derived, the same at every reading and forwarding",
    "K2": "the stored number of partitions wins; strays are forwarded",
    "K3": "the fence is compared whole: generation, epoch and nonce",
    "D1": "a message is taken in once for its id; repeated, refused, said again",
    "D2": "the channel: every node hears, the store makes it one; a subscription proves that it hears",
    "D3": "the front stream is moved in order, and struck afterwards",
    "D4": "attachments first, then the entry; reads are bounded by bytes",
    "D5": "whatever comes in is answered, set aside and harms nothing else",
    "O1": "a restarted owner adopts the fence and the living sessions",
    "O2": "leases without expiry: beats that move, patience, a node's own at once, another server",
    "O3": "read from the beginning, take nothing away",
    "O4": "each of L nodes holds P/L partitions; the surplus is released cleanly",
    "O5": "two locks: one daemon, one server, and what holds the lock without answering is ended",
    "T1": "a bounded window of bodies, the rest by id",
    "T2": "one message of a chat in hand, written under the fence, the next after its commit",
    "T3": "age is taken once; the late get a fresh budget at a bounded rate; deadlines keep the order",
    "T4": "interim once, static in time and in order, first writer wins, owed work is settled",
    "C1": "everything is checked before anything is written",
    "C2": "final and settle compare the version; nothing else changes it",
    "C3": "done, mine, answered, owed, stale",
    "C4": "a full server lets out what is in; doors close before",
    "C5": "scripts that vanished are loaded and sent again, those alone",
    "C6": "replies are streams first",
    "A1": "an attempt is a crash of the session's own, and nothing else",
    "A2": "suspect once, alone from the second death on, guilty from the third",
    "A3": "after the last attempt a dead letter and the static final; the step in hand is not replayed",
    "A4": "a session that keeps crashing exhausts itself alone",
    "S1": "the embedded server syncs every write before it answers",
    "S2": "what `everysec` and a failover may lose: above; it is the server's doing, and nothing here could be cut",
    "S3": "damaged files are copied aside and repaired, and that is remembered",
    "L1": "the file layer has committed bytes alone, follows the store, and is never in a turn's way",
    "L2": "a store that came back empty or set back is rebuilt from all nodes' files before partitions open",
    "L3": "a damaged snapshot is noticed and rebuilt; head stays, and a gap is said",
    "L4": "a static reply shown while the store was away is recorded as the final, unpublished, and the work is owed",
    "E1": "an attempt is recorded under the fence before it starts; its target says what follows",
    "E2": "effects of one chat on one target keep their order, and wait for the one that waits",
    "E3": "answers know what the ledger does not yet have",
    "E4": "a dead letter's message is done again as owed work under an id of its own, and ends in a follow-up",
    "E5": "a costly step is paid for once; a turn run again is the same request, at the time of its acceptance",
    "X1": "idle partitions are released at once, busy ones after five seconds",
    "X2": "a forgotten chat leaves a tombstone with its version",
}
_MARK = re.compile(r"mark\.rule\(([^)]*)\)")


def tests_of(rule: str) -> list[str]:
    """The test files that show a rule, without folder and ending of their own."""
    marked = {
        path.relative_to(REPOSITORY / "tests").as_posix()
        for path in sorted((REPOSITORY / "tests").rglob("test_*.py"))
        if any(f'"{rule}"' in mark for mark in _MARK.findall(path.read_text(encoding="utf-8")))
    }
    elsewhere = {test.partition("::")[0].removeprefix("tests/") for test in TESTS_ELSEWHERE.get(rule, ())}
    return [path.removesuffix(".py").replace("test_", "") for path in sorted(marked | elsewhere)]


def row(rule: str) -> str:
    """One line of the table."""
    cuts = ", ".join(cut.name for cut in CUTS if cut.rule == rule)
    return f"| {rule} | {WORDS[rule]} | {', '.join(tests_of(rule))} | {cuts} |\n"


def page() -> str:
    """The page as it should be."""
    before, _, _ = PAGE.read_text(encoding="utf-8").partition(HEAD)
    return before + HEAD + "".join(row(rule) for rule in WORDS)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
