"""The ledger's file while it is locked, full, damaged or of another program: nothing booked is lost."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import gevent
import pytest
from bookings_made import CHAT, effect_of, made
from disks import can_mount, small_disk
from ledger_at_work import DEADLINE_S, RECENT, book, found_at_last, ids_in, running
from sqlalchemy.exc import DBAPIError

from actors.drill import Drilled
from actors.ledger import asking, mending, writer
from actors.ledger.ledger import Ledger
from actors.ledger.problems import LedgerTooNew
from actors.persistence.records import KeptTurn
from actors.persistence.session_files import TurnRow
from invoices.book import BookAway
from messages.codec import encode
from supervision import world as world_module
from supervision.error_classification import error_classifier
from supervision.tiers.failures import Cause

NONSENSE = b"no such header! "


def test_given_a_schema_of_a_later_program_when_opened_then_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    """In words that say what to do; nothing is mended away."""
    ledger = Ledger(world_module.current(), "", tmp_path)
    ledger.open()
    ledger.put([made(1)])
    ledger.close()
    with contextlib.closing(sqlite3.connect(ledger.path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(LedgerTooNew, match="run the version that wrote it"):
        ledger.open()
    with pytest.raises(LedgerTooNew):
        ledger.put([made(2)])

    with contextlib.closing(sqlite3.connect(ledger.path)) as connection:
        assert connection.execute("SELECT count(*) FROM bookings").fetchone() == (1,)
    assert ledger.damage is None


def test_given_a_file_that_another_program_locks_when_booking_then_it_waits_and_is_booked(tmp_path: Path) -> None:
    """Reads go on meanwhile: the log lets them."""
    with running(tmp_path) as (node, target):
        book(target, made(1))
        other = sqlite3.connect(writer.ledger_of(node).path, isolation_level=None, timeout=0.0)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DBAPIError) as raised:
            target.perform(effect_of(made(2)), DEADLINE_S)
        found = ids_in(node)
        other.execute("ROLLBACK")
        other.close()
        book(target, made(2))

        assert error_classifier.classify(raised.value).cause is Cause.DB_LOCKED
        assert found == {"i-1"}
        assert ids_in(node) == {"i-1", "i-2"}


@pytest.mark.skipif(not can_mount(), reason="a disk of its own cannot be mounted here, so none can be filled")
def test_given_a_full_disk_when_booking_then_reads_go_on_and_writes_wait(tmp_path: Path) -> None:
    """No space is no damage: nothing is set aside."""
    with small_disk(tmp_path / "disk", 16) as disk, running(disk.folder) as (node, target):
        book(target, made(1))
        disk.fill()
        causes = set()
        for number in range(2, 60):
            try:
                target.perform(effect_of(made(number)), DEADLINE_S)
            except DBAPIError as error:
                causes.add(error_classifier.classify(error).cause)
        found = ids_in(node)
        disk.free()
        book(target, *(made(number) for number in range(2, 60)))

        assert causes == {Cause.DISK_FULL}
        assert "i-1" in found
        assert len(ids_in(node)) == 59
        assert list(disk.folder.glob("*.damaged-*")) == []


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.5, 0.8, 0.99])
def test_given_damage_in_the_file_when_met_then_it_is_kept_and_rebuilt_from_what_is_known(
    tmp_path: Path, share: float
) -> None:
    """From its sound rows, the backup and memory: not one of the bookings is missing, and the next is booked."""
    with running(tmp_path) as (node, target):
        ledger = writer.ledger_of(node)
        book(target, made(1))
        ledger.put([made(number) for number in range(1, 301)])
        ledger.close()
        mending.back_up(ledger.path)
        _garble(ledger.path, share)
        book(target, made(301))

        assert found_at_last(node) == {f"i-{number}" for number in range(1, 302)}
        kept = list(tmp_path.glob("*.damaged-1"))
        assert [NONSENSE in path.read_bytes() for path in kept] == [True]


def test_given_a_flipped_bit_in_a_row_when_read_then_the_row_is_not_believed(tmp_path: Path) -> None:
    """An amount that reads otherwise than it was written would be worse than none."""
    with running(tmp_path) as (node, target):
        ledger = writer.ledger_of(node)
        book(target, made(1, gross="119.00"), made(2))
        ledger.recent.forget(CHAT)
        with contextlib.closing(sqlite3.connect(ledger.path)) as connection, connection:
            (body,) = connection.execute("SELECT body FROM bookings WHERE invoice_id = 'i-1'").fetchone()
            changed = body.replace(b"119.00", b"919.00")
            connection.execute("UPDATE bookings SET body = ? WHERE invoice_id = 'i-1'", (changed,))

        with pytest.raises(BookAway):
            asking.book_of(node, CHAT).find(RECENT)
        found = found_at_last(node)

    assert found == {"i-2"}


def test_given_the_log_deleted_under_the_ledger_when_booking_then_nothing_is_written_where_nobody_looks(
    tmp_path: Path,
) -> None:
    """SQLite would go on writing into a file without a name; by a link to a folder of its own, too."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ledger.sqlite3").symlink_to(tmp_path / "disk" / "l.sqlite3")
    with running(tmp_path / "data") as (node, target):
        book(target, *(made(number) for number in range(1, 31)))
        assert len(ids_in(node)) == 30
        _garble(tmp_path / "disk" / "l.sqlite3", 0.5)
        (tmp_path / "disk" / "l.sqlite3-wal").unlink()
        (tmp_path / "disk" / "l.sqlite3-shm").unlink()
        book(target, made(31))
        found = found_at_last(node)

    assert found == {f"i-{number}" for number in range(1, 32)}
    assert len(list((tmp_path / "disk").glob("*.damaged-*"))) == 1
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ledger.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM bookings").fetchone() == (31,)


def test_given_another_program_that_reads_when_it_leaves_then_the_log_stays(tmp_path: Path) -> None:
    """It would write the log into the file and delete it, if this process's locks were gone."""
    program = (
        "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM bookings').fetchone())"
    )
    with running(tmp_path) as (node, target):
        book(target, made(1))
        assert ids_in(node) == {"i-1"}
        path = writer.ledger_of(node).path
        done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
        book(target, made(2))

        assert done.stdout == "(1,)\n"
        assert path.with_name(f"{path.name}-wal").exists()
        assert ids_in(node) == {"i-1", "i-2"}
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_given_a_question_while_the_node_starts_when_asked_then_it_waits_for_the_ledger(tmp_path: Path) -> None:
    """Not for longer than it may; and is not told that the ledger is away."""
    with running(tmp_path) as (node, target):
        book(target, made(1))
    with running(tmp_path) as (node, _):
        found = ids_in(node)

    assert found == {"i-1"}


def test_given_the_writer_crashed_while_it_books_when_asked_again_then_it_is_booked(tmp_path: Path) -> None:
    """Who waited hears at once, and may try again."""
    with running(tmp_path) as (node, target):
        book(target, made(1))
        other = sqlite3.connect(writer.ledger_of(node).path, isolation_level=None, timeout=0.0)
        other.execute("BEGIN IMMEDIATE")
        task = gevent.spawn(target.perform, effect_of(made(2)), DEADLINE_S)
        gevent.sleep(0.1)
        crashed = node.whereis(writer.NAME)
        assert crashed is not None
        crashed.crash(Drilled("a test"))
        task.join(timeout=2.0)
        other.execute("ROLLBACK")
        other.close()
        writer.supervised(node).start()
        book(target, made(2))

        assert isinstance(task.exception, ConnectionError)
        assert error_classifier.classify(task.exception).is_retryable
        assert ids_in(node) == {"i-1", "i-2"}
        again = node.whereis(writer.NAME)
        assert again is not None
        again.stop(timeout=20.0)


def test_given_a_crash_while_mending_when_opened_then_the_file_that_was_set_aside_is_read(tmp_path: Path) -> None:
    """Its rows are not booked anywhere else yet."""
    ledger = Ledger(world_module.current(), "", tmp_path)
    ledger.open()
    ledger.put([made(number) for number in range(1, 51)])
    ledger.close()
    mending.set_aside(ledger.path)

    again = Ledger(world_module.current(), "", tmp_path)
    said = again.open()
    found = again.find(CHAT, RECENT)
    again.close()

    assert "50 bookings" in said
    assert len(found) == 50
    assert [path.name for path in tmp_path.glob("*.unread-*")] == []


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_given_damage_in_sqlites_log_when_opened_then_the_nodes_files_bring_back_what_it_held(
    tmp_path: Path, share: float
) -> None:
    """SQLite stops reading there without a word; bookings that had been acknowledged stood behind it."""
    bookings = [made(number) for number in range(1, 41)]
    with running(tmp_path) as (node, target):
        book(target, *bookings)
        path = writer.ledger_of(node).path
        kept = {suffix: path.with_name(path.name + suffix).read_bytes() for suffix in ("", "-wal")}
    effects = {one.invoice_id: encode(effect_of(one)) for one in bookings}
    turns = [TurnRow(CHAT, 1.0, KeptTurn(f"m-{key}", "s", "", 1, "", effects=(raw,))) for key, raw in effects.items()]
    log = bytearray(kept["-wal"])
    log[int(len(log) * share)] ^= 0x10
    path.write_bytes(kept[""])
    path.with_name(f"{path.name}-wal").write_bytes(log)

    with running(tmp_path) as (node, target):
        node.files.put([], turns)
        book(target, made(41))
        found = ids_in(node)
        node.files.close()

    assert found == {f"i-{number}" for number in range(1, 42)}
    assert path.with_name(f"{path.name}.damaged-1").read_bytes() == bytes(log)


def _garble(path: Path, share: float) -> None:
    """Write nonsense over a page at this share of the file."""
    content = bytearray(path.read_bytes())
    start = int(len(content) * share) // 4096 * 4096
    content[start : start + 4096] = bytes(reversed(content[start : start + 4096]))
    content[start : start + len(NONSENSE)] = NONSENSE
    path.write_bytes(content)
