"""Letters on the disk: what was kept is there after a kill, in order, once; and spools that others have left."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from actors.agent_client.folder import AgentFolder, give_back
from actors.agent_client.spool import Kept, Spool, open_spool
from actors.node_directory import lock_file

KEEP_FOR_EVER = """
import sys
from pathlib import Path
from actors.agent_client.spool import Kept, Spool
spool = Spool(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    spool.keep([Kept(number, "c", f"m{number}", None, b"x" * 1000, False, 0.0)])
    print(number, flush=True)
"""


def kept(number: int, chat: str = "c", body: bytes = b"body", position: str | None = None) -> Kept:
    """A letter."""
    return Kept(number, chat, f"m{number}", position, body, sent=False, at_s=1.5)


def test_given_a_spool_when_its_process_is_killed_while_it_keeps_then_everything_acknowledged_is_there(
    tmp_path: Path,
) -> None:
    """Durable means durable."""
    path = tmp_path / "spool.db"
    process = subprocess.Popen(
        [sys.executable, "-c", KEEP_FOR_EVER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(50)][-1]
    process.send_signal(signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in process.stdout.read().split())])
    process.wait()

    rows = Spool(path).rows()

    names = [row.message_id for row in rows]
    assert names[:acknowledged] == [f"m{number}" for number in range(1, acknowledged + 1)]
    assert len(names) <= acknowledged + 1


def test_given_letters_kept_out_of_order_when_read_then_they_come_in_the_order_of_their_acceptance(
    tmp_path: Path,
) -> None:
    """Deadlines pass in any order; a later agent's letters come behind those of an earlier one."""
    first = Spool(tmp_path / "spool.db")
    first.keep([kept(3), kept(1)])
    first.keep([kept(2, position="5-0")])
    first.close()
    second = Spool(tmp_path / "spool.db")

    second.keep([Kept(1, "c", "later", None, b"body", sent=True, at_s=2.0)])

    assert [row.message_id for row in second.rows()] == ["m1", "m2", "m3", "later"]
    assert [row.position for row in second.rows()] == [None, "5-0", None, None]
    assert [(row.sent, row.at_s) for row in second.rows()][2:] == [(False, 1.5), (True, 2.0)]


def test_given_letters_light_and_heavy_when_kept_and_dropped_then_each_keeps_its_own_body(tmp_path: Path) -> None:
    """Whatever characters are in it."""
    spool = Spool(tmp_path / "spool.db")
    bodies = ["\u20ac \U0001f600 \\ \" ' \u2028 {}[]".encode(), b"x" * 1_000_000, b""]

    rows = spool.keep([kept(number, body=body) for number, body in enumerate(bodies)])
    found = [(spool.body(row) or (None,))[0] for row in rows]
    spool.drop(rows[:2])

    assert found == bodies
    assert [row.row for row in spool.rows()] == [rows[2]]
    assert spool.body(rows[0]) is None


def test_given_a_spool_left_behind_when_it_is_taken_over_then_its_letters_stand_behind_ones_own(tmp_path: Path) -> None:
    """And taking over once more, after a kill in between, makes none of them two."""
    other = Spool(tmp_path / "other.db")
    other.keep([kept(1, "d"), kept(2, "d")])
    other.close()
    copy = (tmp_path / "other.db").read_bytes()
    own = Spool(tmp_path / "own.db")
    own.keep([kept(7)])

    moved = own.take_over(tmp_path / "other.db")
    (tmp_path / "other.db").write_bytes(copy)
    again = own.take_over(tmp_path / "other.db")

    assert (moved, again) == ((2, None), (0, None))
    assert [(row.chat_id, row.message_id) for row in own.rows()] == [("c", "m7"), ("d", "m1"), ("d", "m2")]
    assert not (tmp_path / "other.db").exists()


def test_given_a_damaged_file_when_opened_then_it_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    """Noise instead of a database never keeps an agent from starting."""
    path = tmp_path / "spool.db"
    path.write_bytes(b"not a database at all" * 100)

    spool, aside = open_spool(path)

    assert spool.keep([kept(1)]) == [1]
    assert aside is not None
    assert aside.read_bytes().startswith(b"not a database")


def test_given_a_disk_that_is_full_when_a_letter_is_kept_then_it_raises_and_the_others_stay(tmp_path: Path) -> None:
    """Nothing is half kept."""
    spool = Spool(tmp_path / "spool.db")
    spool.keep([kept(1)])
    pages = spool._connection.execute("PRAGMA page_count").fetchone()[0]
    spool._connection.execute(f"PRAGMA max_page_count = {pages + 1}")

    with pytest.raises(sqlite3.OperationalError, match="full"):
        spool.keep([kept(2), kept(3, body=b"x" * 100_000)])

    assert [row.message_id for row in spool.rows()] == ["m1"]
    assert spool.keep([kept(4)]) == [2]


def test_given_agents_on_one_directory_when_one_dies_then_its_spool_can_be_taken_over(tmp_path: Path) -> None:
    """Each has a place of its own; a place whose lock is free has been left."""
    first, second = AgentFolder(tmp_path), AgentFolder(tmp_path)
    paths = [agent.enter() for agent in (first, second)]
    for path in paths:
        path.touch()
    none_left = second.left_behind()

    first.leave()
    left = second.left_behind()

    assert paths == [tmp_path / "agent" / "spool-0.db", tmp_path / "agent" / "spool-1.db"]
    assert none_left == []
    assert [path for path, _ in left] == [paths[0]]
    for _, lock in left:
        give_back(lock)


def test_given_two_agents_when_both_would_nurse_then_one_does_and_the_other_after_it(tmp_path: Path) -> None:
    """One daemon needs one nurse, who leaves a note for the next."""
    first, second = AgentFolder(tmp_path), AgentFolder(tmp_path)
    for agent in (first, second):
        agent.enter()

    nursing = [first.become_nurse(), second.become_nurse()]
    first.note_daemon(4711)
    has_heir = first.has_heir()
    first.leave()

    assert nursing == [True, False]
    assert has_heir
    assert second.become_nurse()
    assert second.noted_daemon() == 4711
    assert not second.has_heir()


def test_given_a_guest_when_the_nurse_looks_for_an_heir_then_it_is_none(tmp_path: Path) -> None:
    """Who would not look after the daemon is not left alone with it."""
    nurse, guest = AgentFolder(tmp_path), AgentFolder(tmp_path, may_nurse=False)

    for agent in (nurse, guest):
        agent.enter()

    assert not nurse.has_heir()
    assert guest.has_heir()


def test_given_a_lock_of_a_living_agent_when_looked_at_then_its_spool_is_not_touched(tmp_path: Path) -> None:
    """The lock decides, not the file."""
    agent = AgentFolder(tmp_path)
    agent.enter()
    (tmp_path / "agent" / "spool-5.db").touch()
    lock = lock_file(tmp_path / "agent" / "spool-5.lock")
    assert lock is not None

    left = agent.left_behind()
    os.close(lock)

    assert left == []
