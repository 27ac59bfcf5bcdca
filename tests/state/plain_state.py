"""The usage examples of the state manager, in a plain asyncio program: no gevent, nothing patched.

Run by test_state_unpatched.py in a process of its own.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from supervision.state_persistence import (
    NotSaved,
    OperatorEvent,
    SessionState,
    StaleState,
    StateUnavailable,
    create_plain_state_manager,
    create_state_manager,
)

HEAVY = ("gevent", "redis", "pykka", "openai", "sqlalchemy")


def test_given_the_interface_when_imported_then_no_runtime_and_no_client_is_loaded() -> None:
    """It works in any program."""
    program = "import sys, supervision.state_persistence, supervision.dead_letter_queue; "
    program += f"print([name for name in {HEAVY} if name in sys.modules])"

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)

    assert said.stdout.strip() == "[]"


def test_given_layers_when_a_session_is_saved_then_it_can_be_loaded_listed_and_deleted(tmp_path: Path) -> None:
    """The example of the interface."""

    async def main() -> None:
        manager = create_state_manager(use_memory=True, use_file=True, use_redis=False, storage_path=tmp_path)
        state = SessionState(session_id="session-1", user_id="ada", chat_id="42")
        state = state.with_message("user", "What do I owe?").with_preferences(language="de").with_domain(open_total="7")

        saved = await manager.save_state(state.counted("turns"))
        loaded = await manager.load_state("session-1")
        again = await manager.save_state(saved.counted("turns"))

        assert loaded == saved
        assert (saved.version, again.version) == (1, 2)
        assert again.counters == {"turns": 2}
        assert again.created_at == saved.created_at is not None
        assert await manager.load_state("nobody") is None
        assert [one.session_id for one in await manager.list_sessions(user_id="ada")] == ["session-1"]
        assert await manager.list_sessions(user_id="bob") == []
        assert await manager.delete_state("session-1")
        assert not await manager.delete_state("session-1")
        assert await manager.load_state("session-1") is None
        await manager.close()

    asyncio.run(main())


def test_given_a_new_process_when_it_recovers_then_all_sessions_are_there(tmp_path: Path) -> None:
    """recover_sessions, sync and health."""

    async def main() -> None:
        async with create_state_manager(storage_path=tmp_path) as first:
            await asyncio.gather(*(first.save_state(SessionState(f"session-{n}")) for n in range(300)))
        async with create_state_manager(storage_path=tmp_path) as second:
            recovered = await second.recover_sessions()
            report = await second.sync()
            health = await second.health()

        assert {state.session_id for state in recovered} == {f"session-{n}" for n in range(300)}
        assert report.sessions == 300
        assert report.brought_up == 0
        assert health.is_healthy
        assert {layer.name for layer in health.layers} == {"memory", "file"}

    asyncio.run(main())


def test_given_a_backup_when_states_changed_since_then_restoring_brings_them_back_as_newest(tmp_path: Path) -> None:
    """create_backup, restore_backup, rotation."""

    async def main() -> None:
        async with create_state_manager(storage_path=tmp_path, backups_max=3) as manager:
            before = await manager.save_state(SessionState("session-1").with_domain(total="1"))
            backup = await manager.create_backup()
            await manager.save_state(before.with_domain(total="2"))

            restored = await manager.restore_backup(backup)
            back = await manager.load_state("session-1")
            for _ in range(4):
                await manager.create_backup()

            assert (backup.sessions, backup.problems, restored) == (1, (), 1)
            assert back is not None
            assert (back.domain, back.version) == ({"total": "1"}, 3)
            assert len(await manager.list_backups()) == 3

    asyncio.run(main())


def test_given_idle_sessions_when_cleaned_up_then_they_are_archived_and_gone(tmp_path: Path) -> None:
    """cleanup(older_than)."""

    async def main() -> None:
        async with create_state_manager(storage_path=tmp_path) as manager:
            await manager.save_state(SessionState("session-1"))

            kept = await manager.cleanup(3600)
            removed = await manager.cleanup(-1)

            assert (kept, removed) == (0, 1)
            assert await manager.list_sessions() == []
            assert len(list((tmp_path / "archive").iterdir())) == 1

    asyncio.run(main())


def test_given_a_forgotten_session_when_a_backup_is_restored_then_it_stays_forgotten(tmp_path: Path) -> None:
    """forget_session: layers, backups and archives."""

    async def main() -> None:
        async with create_state_manager(storage_path=tmp_path) as manager:
            for name in ("kept", "forgotten"):
                await manager.save_state(SessionState(name, user_id="a-very-rare-name"))
            await manager.create_backup()

            await manager.forget_session("forgotten")
            restored = await manager.restore_backup()
            await manager.compact()

            assert restored == 1
            assert await manager.load_state("forgotten") is None
            assert [one.session_id for one in await manager.list_sessions()] == ["kept"]
            backup = next((tmp_path / "backups").iterdir()).read_bytes()
            assert backup.count(b"a-very-rare-name") == 1

    asyncio.run(main())


def test_given_somebody_else_saved_when_a_version_is_expected_then_the_save_is_refused(tmp_path: Path) -> None:
    """Also when it was another manager on the same file."""
    with (
        create_plain_state_manager(storage_path=tmp_path) as ours,
        create_plain_state_manager(storage_path=tmp_path) as theirs,
    ):
        first = ours.save_state(SessionState("session-1"), expected_version=0)
        theirs.save_state(first.counted("turns"))

        with pytest.raises(StaleState) as refused:
            ours.save_state(first.counted("other"), expected_version=first.version)
        over = ours.save_state(first.counted("other"))

    assert (refused.value.expected, refused.value.found) == (1, 2)
    assert over.version == 3


def test_given_a_file_that_cannot_be_written_when_saved_then_it_is_said_and_nothing_is_pretended(
    tmp_path: Path,
) -> None:
    """NotSaved; a later save works when the file can be had."""
    events: list[OperatorEvent] = []
    (tmp_path / "sessions.db").mkdir()
    with create_plain_state_manager(storage_path=tmp_path, on_event=events.append) as manager:
        with pytest.raises(StateUnavailable):
            manager.save_state(SessionState("session-1"))
        assert not manager.health().is_healthy
        (tmp_path / "sessions.db").rmdir()

        saved = manager.save_state(SessionState("session-1"))

        assert manager.load_state("session-1") == saved
    assert [event.name for event in events] == ["state_layer_away", "state_layer_back"]


def test_given_memory_alone_when_used_then_it_works_and_refuses_instead_of_forgetting() -> None:
    """No file, no folder."""
    with create_plain_state_manager(use_file=False, sessions_in_memory_max=2) as manager:
        for name in ("a", "b"):
            manager.save_state(SessionState(name))

        with pytest.raises(NotSaved):
            manager.save_state(SessionState("c"))

        assert replace(manager.save_state(SessionState("a", "ada")), created_at=None, updated_at=None) == SessionState(
            "a", "ada", version=2
        )


def test_given_no_layer_or_redis_without_its_layer_when_made_then_it_is_said() -> None:
    """ValueError, at once."""
    with pytest.raises(ValueError, match="at least one layer"):
        create_state_manager(use_memory=False, use_file=False)
    with pytest.raises(ValueError, match="redis_layer"):
        create_state_manager(use_redis=True)
