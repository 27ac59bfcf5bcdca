"""Disks as they are: full, cut off, not ours to write; the file layer says so, and loses nothing that it kept."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from turn.real_nodes import Person, running, wait_for

from actors.persistence.records import KeptSession
from actors.persistence.session_files import SessionFiles, SessionRow
from supervision.keeping.sealed import Position

Starter = Callable[..., Any]

# A file may grow to so many bytes: the write beyond fails as on a full disk, with what fits of it written.
FULL = """
import resource, signal, sqlite3, sys
from pathlib import Path
from actors.persistence.records import KeptSession
from actors.persistence.session_files import SessionFiles, SessionRow
from supervision.keeping.sealed import Position
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
files = SessionFiles(Path(sys.argv[1]))
files.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
done = 0
for number in range(1, 1000):
    try:
        files.write([SessionRow(f"c-{number}", Position(1, 1, 1), 1.0, KeptSession(1, bytes(4000)))])
    except (OSError, sqlite3.Error) as error:
        print(done, repr(error))
        break
    done = number
"""


def test_given_a_disk_that_is_full_when_written_then_it_is_said_and_what_was_said_to_be_kept_is(tmp_path: Path) -> None:
    """The failed write leaves nothing behind, not half of itself either; with room again writing goes on."""
    path = tmp_path / "s.db"
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    done = int(ran.stdout.split()[0])
    assert done > 10

    files = SessionFiles(path)
    assert files.open() == ()
    found = files.find_all([f"c-{number}" for number in range(1, done + 2)])

    assert sorted(int(one.chat_id[2:]) for one in found) == list(range(1, done + 1))
    assert all(one.session == KeptSession(1, bytes(4000)) for one in found)
    files.write([SessionRow("after", Position(1, 1, 1), 1.0, KeptSession(1, b"room"))])
    assert files.find("after") is not None
    files.close()


@pytest.mark.parametrize("cut_bytes", [1, 100, 4096, 5000])
def test_given_a_torn_tail_when_opened_then_what_was_whole_is_read(tmp_path: Path, cut_bytes: int) -> None:
    """The log's end is missing, as after a loss of power on a disk that lied: the commits before it stand."""
    files = SessionFiles(tmp_path / "s.db")
    files.open()
    for number in range(1, 6):
        files.write([SessionRow("c", Position(1, 1, number), 1.0, KeptSession(number, bytes(3000)))])
    (tmp_path / "torn").mkdir()
    for name in ("s.db", "s.db-wal"):
        (tmp_path / "torn" / name).write_bytes((tmp_path / name).read_bytes())
    files.close()
    torn = tmp_path / "torn" / "s.db-wal"
    os.truncate(torn, torn.stat().st_size - cut_bytes)

    again = SessionFiles(tmp_path / "torn" / "s.db")
    again.open()
    found = again.find("c")

    assert found is not None
    assert found.session == KeptSession(found.position.version, bytes(3000))
    assert found.position.version in (3, 4)
    again.close()


def test_given_a_folder_that_is_not_ours_when_people_write_then_they_are_answered_and_status_says_so(
    valkey: Any, person: Person, folder: Path
) -> None:
    """A file stands where the folder should be, which refuses root as well; the node goes on, and catches up later."""
    (folder / "n").mkdir()
    (folder / "n" / "files").write_text("in the way")

    with running(valkey.url, folder / "n") as under_test:
        node = under_test.node
        person.says("789", "m-1")
        [reply] = person.hears("789")
        wait_for(lambda: node.files.health.trouble, "the trouble to be said")
        (folder / "n" / "files").unlink()
        wait_for(lambda: not node.files.health.trouble and not node.files.behind, "the file to be written", 40.0)
        found = node.files.find("789")

    assert reply.turn == 1
    assert found is not None
    assert found.session is not None
    assert (folder / "n" / "files").stat().st_mode & 0o077 == 0
    assert (folder / "n" / "files" / "sessions.db").stat().st_mode & 0o077 == 0
