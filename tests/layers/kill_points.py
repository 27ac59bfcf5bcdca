"""Kills a writer of the file layer at random points of save, backup, compaction and replay; looks at what is there.

    python tests/layers/kill_points.py --points 1000

A child writes and says what was acknowledged; it is killed with SIGKILL after a random time within what such a step
takes. Then every acknowledged write has to be there, whole, every backup that has its name has to read to its end, and
nothing is set aside. Plain: nothing is patched here, and each child is a fork of a program that is single-threaded.
"""

import argparse
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from actors.persistence.backups import backup, backups_of, restore_missing, rows_in
from actors.persistence.records import KeptSession, KeptTurn
from actors.persistence.session_files import SessionFiles, SessionRow, TurnRow
from supervision.keeping.archive_file import verify_archive
from supervision.keeping.sealed import Position

STEPS = ("save", "save", "save", "backup", "compact", "replay")
CHATS = 12
BACKUPS = 3


def snapshot(chat: int, version: int) -> bytes:
    """What a chat's snapshot is at a version, the same for whoever asks."""
    return random.Random(chat * 100_003 + version).randbytes(200 + (chat * 37 + version * 101) % 3000)


def write(files: SessionFiles, number: int) -> None:
    """One group commit: every chat's next version, with the record of its turn."""
    sessions = [
        SessionRow(f"c-{chat}", Position(1, 1, number), float(number), KeptSession(number, snapshot(chat, number)))
        for chat in range(CHATS)
    ]
    turns = [
        TurnRow(
            f"c-{chat}", float(number), KeptTurn(f"m-{number}", "s", "1-0", 1, "d", replies=(snapshot(chat, -number),))
        )
        for chat in range(CHATS)
    ]
    files.write(sessions, turns)


def work(folder: Path, first: int, step: str, say: int) -> None:
    """In the child: a save, the step itself, and saves until it is killed; each is said when it is acknowledged."""
    files = SessionFiles(folder / "s.db")
    files.open()
    write(files, first)
    os.write(say, f"{first}\n".encode())
    os.write(say, b"go\n")
    if step == "backup":
        backup(folder / "s.db", folder / "backups", f"{first:09}", BACKUPS)
    elif step == "compact":
        files.compact()
    elif step == "replay":
        replayed = SessionFiles(folder / "replayed.db")
        replayed.open()
        restore_missing(replayed, folder)
        replayed.close()
    for number in range(first + 1, first + 1000):
        write(files, number)
        os.write(say, f"{number}\n".encode())


def killed(folder: Path, first: int, step: str, chance: random.Random) -> int:
    """Have a child work, kill it at some point of the step; the number of the last write it had acknowledged."""
    heard, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(heard)
        try:
            work(folder, first, step, say)
        finally:
            os._exit(1)
    os.close(say)
    said = b""
    while b"go\n" not in said:
        said += _read(heard, 10.0)
    time.sleep(chance.random() ** 2 * 0.03)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while piece := _read(heard, 5.0):
        said += piece
    os.close(heard)
    return max(int(line) for line in said.split() if line.isdigit())


def _read(heard: int, timeout_s: float) -> bytes:
    ready, _, _ = select.select([heard], [], [], timeout_s)
    if not ready:
        raise TimeoutError("the child says nothing")
    return os.read(heard, 65_536)


def look(folder: Path, acknowledged: int, first: int) -> list[str]:
    """What is wrong with what is there after a kill."""
    wrong: list[str] = []
    files = SessionFiles(folder / "s.db")
    mended = files.open()
    wrong += [f"mended: {words}" for words in mended]
    found = {one.chat_id: one for one in files.find_all([f"c-{chat}" for chat in range(CHATS)])}
    versions = set()
    for chat in range(CHATS):
        one = found.get(f"c-{chat}")
        if one is None or one.session is None:
            wrong.append(f"c-{chat} is gone")
            continue
        version = one.position.version
        versions.add(version)
        if version < acknowledged or one.session != KeptSession(version, snapshot(chat, version)):
            wrong.append(f"c-{chat} is at {version}, {acknowledged} was acknowledged")
        records = {turn.message_id: turn.replies for turn in one.turns}
        lost = [n for n in range(first, acknowledged + 1) if records.get(f"m-{n}") != (snapshot(chat, -n),)]
        wrong += [f"c-{chat} has lost the record of {n}" for n in lost]
    if len(versions) > 1:
        wrong.append(f"a commit is torn: {sorted(versions)}")
    if files.counts()["aside"]:
        wrong.append("something was set aside")
    files.prune(acknowledged - 3.0)
    files.close()
    for path in backups_of(folder / "backups"):
        wrong += [f"{path.name}: {problem}" for problem in verify_archive(path).problems]
    return wrong + _replayed(folder)


def _replayed(folder: Path) -> list[str]:
    """A replay that was killed is begun again, and then has all that its backup has."""
    kept = backups_of(folder / "backups")
    if not kept or not (folder / "replayed.db").exists():
        return []
    files = SessionFiles(folder / "replayed.db")
    files.open()
    restore_missing(files, folder)
    there = {row[:3] for row in files.rows()}
    files.close()
    for path in folder.glob("replayed.db*"):
        path.unlink()
    missing = [row for row in rows_in(kept[0]) if (row.chat_id, row.message, row.state) not in there]
    return [f"{len(missing)} rows of the backup were not replayed"] if missing else []


def main() -> int:
    """Do what the module says; 1 when anything was lost or torn."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    chance, folder = random.Random(options.seed), Path(tempfile.mkdtemp(prefix="kill-points-"))
    kills: Counter[str] = Counter()
    number, writes, wrong = 1, 0, 0
    try:
        for point in range(options.points):
            step = chance.choice(STEPS)
            acknowledged = killed(folder, number, step, chance)
            problems = look(folder, acknowledged, number)
            for problem in problems:
                sys.stdout.write(f"point {point} ({step}, seed {options.seed}): {problem}\n")
            wrong += bool(problems)
            kills[step] += 1
            writes += acknowledged - number + 1
            number = acknowledged + 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    steps = ", ".join(f"{count} {step}" for step, count in sorted(kills.items()))
    sys.stdout.write(
        f"{options.points} kills ({steps}), {writes} acknowledged commits of {CHATS} sessions; "
        f"{wrong} points with losses\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
