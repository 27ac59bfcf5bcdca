"""A bit flipped anywhere in a snapshot, a row of the file or a backup is noticed, and never crashes the reader."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers.whole_files import written
from turn.real_nodes import Person

from actors.persistence.backups import backup, backups_of, forget_in, restore_missing, rows_in
from actors.persistence.records import KeptSession, KeptTurn
from actors.persistence.session_files import SessionFiles, SessionRow, TurnRow
from actors.session.stamped import stamped, unstamped
from actors.session.state import SessionState, snapshot_of, state_from
from messages.errors import CodecError
from supervision.keeping.archive_file import ArchiveReader
from supervision.keeping.sealed import Position
from supervision.keeping.sqlite_file import FileDamaged

Starter = Callable[..., Any]
STATE = SessionState("789", "456", "2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z").with_exchange("Hello", "Hi", "later")


def filled(path: Path, chats: int = 3) -> SessionFiles:
    """A file with a few chats."""
    files = SessionFiles(path)
    files.open()
    sessions = [
        SessionRow(f"c-{number}", Position(1, 2, number + 1), 100.0 + number, KeptSession(number + 1, b"snapshot"))
        for number in range(chats)
    ]
    turns = [
        TurnRow(f"c-{number}", 100.0, KeptTurn("m-1", "s", "1-0", 9, "d", replies=(b"{}",))) for number in range(chats)
    ]
    files.write(sessions, turns)
    return files


def with_flipped_bit(raw: bytes, bit: int) -> bytes:
    """The bytes, but for one bit."""
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def test_given_a_snapshot_when_any_one_bit_is_flipped_then_it_is_no_snapshot() -> None:
    """Every bit, one after the other."""
    raw = snapshot_of(STATE)

    for bit in range(8 * len(raw)):
        with pytest.raises(CodecError):
            state_from(with_flipped_bit(raw, bit))

    assert state_from(raw) == STATE


@given(st.binary(max_size=200))
def test_given_any_bytes_when_taken_for_a_snapshot_then_they_are_one_or_refused(raw: bytes) -> None:
    """Nothing else is ever raised, and the stamp gives back what it was given."""
    with suppress(CodecError):
        state_from(raw)

    assert unstamped(stamped(raw)) == raw


def test_given_a_row_when_any_one_bit_is_flipped_then_it_is_set_aside_and_the_others_are_read(tmp_path: Path) -> None:
    """As a disk may do below SQLite, which checks none of its main file."""
    files = filled(tmp_path / "s.db")
    connection = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    raw = connection.execute("SELECT raw FROM sessions WHERE key = 'c-1'").fetchone()[0]

    for bit in range(8 * len(raw)):
        changed = (with_flipped_bit(raw, bit),)
        connection.execute("INSERT OR REPLACE INTO sessions VALUES ('c-1', 1, 2, 2, 2, 101.0, ?)", changed)
        found = {one.chat_id: one.session for one in files.find_all(["c-0", "c-1", "c-2"])}
        assert found["c-1"] is None
        assert found["c-0"] == KeptSession(1, b"snapshot")

    assert files.counts()["aside"] == 8 * len(raw)
    files.close()
    connection.close()


def test_given_a_file_when_any_byte_is_damaged_then_what_is_read_is_what_was_written_or_nothing(tmp_path: Path) -> None:
    """The file itself, header, pages and all: it opens, is mended or is replaced; no row is ever another one."""
    files = filled(tmp_path / "s.db")
    files.close()
    raw = (tmp_path / "s.db").read_bytes()
    for at in range(0, len(raw), 97):
        path = tmp_path / f"{at}" / "s.db"
        path.parent.mkdir()
        path.write_bytes(with_flipped_bit(raw, 8 * at + at % 8))

        files = SessionFiles(path)
        files.open()
        found: list[Any] = []
        with suppress(FileDamaged, sqlite3.DatabaseError):
            found = files.find_all(["c-0", "c-1", "c-2"])
        for one in found:
            number = int(one.chat_id[2:])
            assert one.session in (None, KeptSession(number + 1, b"snapshot"))
            assert [turn.replies for turn in one.turns] in ([], [(b"{}",)])
        files.close()


def test_given_a_backup_when_any_byte_is_damaged_then_it_is_noticed_and_the_rest_is_read(tmp_path: Path) -> None:
    """Every byte in turn; what reads is what was written."""
    files = filled(tmp_path / "s.db")
    path, facts = backup(tmp_path / "s.db", tmp_path / "backups", "1", 5)
    files.close()
    raw, rows = path.read_bytes(), list(rows_in(path))
    assert (facts.items, len(rows), facts.problems) == (6, 6, ())

    for at in range(len(raw)):
        path.write_bytes(with_flipped_bit(raw, 8 * at + at % 8))
        reader = ArchiveReader(path)
        payloads = list(reader)
        assert reader.problems
        assert len(payloads) <= 6
        assert all(row in rows for row in rows_in(path))


def test_given_backups_when_more_are_made_than_kept_then_the_oldest_go_and_the_newest_sound_one_is_used(
    tmp_path: Path,
) -> None:
    """A damaged newest one is passed over."""
    files = filled(tmp_path / "s.db")
    for stamp in range(5):
        backup(tmp_path / "s.db", tmp_path / "backups", f"{stamp}", 3)
    files.close()
    kept = backups_of(tmp_path / "backups")
    assert [path.name for path in kept] == [f"sessions-{stamp}.ufa" for stamp in (4, 3, 2)]
    kept[0].write_bytes(kept[0].read_bytes()[:-20])

    fresh = SessionFiles(tmp_path / "new.db")
    fresh.open()
    restored = restore_missing(fresh, tmp_path)

    assert restored == 6
    assert [one.session for one in fresh.find_all(["c-2"])] == [KeptSession(3, b"snapshot")]
    fresh.close()


@pytest.mark.rule("X2")
def test_given_a_chat_that_is_forgotten_when_its_older_copies_are_offered_then_they_are_not_taken(
    tmp_path: Path,
) -> None:
    """Neither a later write of an older version nor a backup brings it back."""
    files = filled(tmp_path / "s.db")
    backup(tmp_path / "s.db", tmp_path / "backups", "1", 5)

    assert files.bury("c-1", Position(1, 2, 3), 200.0)
    changed = forget_in(tmp_path, ["c-1"])
    files.write([SessionRow("c-1", Position(1, 2, 2), 300.0, KeptSession(2, b"old"))])
    restore_missing(files, tmp_path)

    found = files.find("c-1")
    assert changed == 1
    assert found is not None
    assert (found.is_gone, found.session, found.turns) == (True, None, ())
    assert b"c-1" not in (tmp_path / "backups" / "sessions-1.ufa").read_bytes()
    files.close()


@pytest.mark.rule("L3")
def test_given_a_snapshot_that_is_damaged_in_the_store_when_the_file_has_it_then_the_memory_is_whole(
    start_node: Starter, person: Person
) -> None:
    """Head stays, the bytes are a dead letter, nobody is told of a gap that is none."""
    node = start_node().node
    names = person.keys.partition(person.keys.partition_of("789"))
    for number in (1, 2):
        person.says("789", f"m-{number}", f"word-{number}")
    person.hears("789", 2)
    written(node)
    damage(person, node)

    person.says("789", "m-3", "word-3")

    last = person.hears("789", 3)[-1]
    assert (last.turn, last.recovered_by) == (3, ("rehydrated",))
    assert "earlier conversation" not in last.text
    state = state_from(person.redis.hget(names.head("789"), "s") or b"")
    assert [said.text for said in state.messages if said.by == "person"] == ["word-1", "word-2", "word-3"]
    assert person.redis.hget(names.head("789"), "v") == b"3"


@pytest.mark.rule("L3")
def test_given_a_snapshot_that_is_damaged_when_the_file_lacks_it_then_the_person_is_told_of_the_gap(
    start_node: Starter, person: Person
) -> None:
    """The conversation goes on at its turn, and says what may be missing."""
    node = start_node().node
    person.says("789", "m-1", "word-1")
    person.hears("789")
    written(node)
    node.files.call(node.files.files.erase, ["789"], timeout_s=10.0)
    damage(person, node)

    person.says("789", "m-2", "word-2")

    last = person.hears("789", 2)[-1]
    assert last.turn == 2
    assert "earlier conversation" in last.text


def damage(person: Person, node: Any, chat_id: str = "789") -> None:
    """Flip a bit of the snapshot in the store, and have the session go, so that it has to be read."""
    head = person.keys.partition(person.keys.partition_of(chat_id)).head(chat_id)
    raw = person.redis.hget(head, "s") or b""
    person.redis.hset(head, "s", with_flipped_bit(raw, 8 * (len(raw) // 2)))
    node.sessions[chat_id].ref.stop()
