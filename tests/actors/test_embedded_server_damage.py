"""Damaged files: copied aside, mended, and said so; never a server that does not start for ever."""

import contextlib
import errno
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from actors.embedded_server import (
    ServerFailed,
    ServerSettings,
    forget_repair,
    lock,
    repair_marker,
    start_or_adopt,
)
from actors.embedded_server import repair as repair_module
from actors.embedded_server.damage import (
    Cut,
    Drop,
    SetAside,
    diagnose,
    manifest_text,
    offset_before,
    read_manifest,
    without_followers,
)
from actors.embedded_server.process import kill
from actors.node_directory import node_paths

WRITES = 400


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ServerSettings]:
    """A data directory with WRITES keys in its file, and no server."""
    root = tmp_path / "d"
    root.mkdir()
    settings = ServerSettings(node_paths(root))
    start_or_adopt(settings)
    write(settings, range(WRITES))
    kill(settings)
    yield settings
    kill(settings)


def client(settings: ServerSettings) -> redis.Redis:
    """An ordinary client."""
    return redis.Redis(unix_socket_path=str(settings.paths.server_socket), socket_timeout=5)


def write(settings: ServerSettings, numbers: range) -> None:
    """Write keys, one command each."""
    pipeline = client(settings).pipeline(transaction=False)
    for number in numbers:
        pipeline.set(f"k{number:04}", "v" * 100)
    pipeline.execute()


def folder(settings: ServerSettings) -> Path:
    """Where the append-only file is."""
    return settings.paths.server_data / "appendonlydir"


def increment(settings: ServerSettings, number: int = 1) -> Path:
    """One of its increments."""
    return folder(settings) / f"appendonly.aof.{number}.incr.aof"


def base(settings: ServerSettings) -> Path:
    """Its base."""
    return folder(settings) / "appendonly.aof.1.base.rdb"


def manifest(settings: ServerSettings) -> Path:
    """Its manifest."""
    return folder(settings) / "appendonly.aof.manifest"


def overwrite(path: Path, at: int, data: bytes) -> None:
    """Damage a file."""
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    path.write_bytes(content)


def break_format(path: Path) -> None:
    """Damage a file about its middle, where a command begins; inside a value it would pass unnoticed."""
    content = path.read_bytes()
    overwrite(path, content.index(b"*3\r\n", len(content) // 2), b"\0\xff")


def copies(settings: ServerSettings) -> list[Path]:
    """What was put aside."""
    return sorted(settings.paths.root.glob("aof-damaged-*"))


def test_given_a_hole_in_the_middle_when_started_then_what_came_before_is_there_and_the_copy_has_all(
    settings: ServerSettings,
) -> None:
    """The state is one the store once had; the operator has the files as they were; the generation must be raised."""
    break_format(increment(settings))
    damaged = increment(settings).read_bytes()

    running = start_or_adopt(settings)

    kept = sorted(client(settings).keys())
    assert 150 < len(kept) < 250
    assert kept == [f"k{number:04}".encode() for number in range(len(kept))]
    [copy] = copies(settings)
    assert (copy / increment(settings).name).read_bytes() == damaged
    assert running.repairs[0].copy == copy
    assert not running.repairs[0].lost_all
    assert repair_marker(settings.paths).exists()


def test_given_a_repaired_store_when_restarted_then_the_repair_is_remembered_until_it_is_forgotten(
    settings: ServerSettings,
) -> None:
    """A daemon that is killed between the repair and the raised generation must not lose the fact."""
    overwrite(increment(settings), 0, b"\0" * 40)
    start_or_adopt(settings)
    kill(settings)

    second = start_or_adopt(settings)

    assert second.repairs == ()
    assert repair_marker(settings.paths).exists()
    forget_repair(settings.paths)
    forget_repair(settings.paths)
    assert not repair_marker(settings.paths).exists()


def test_given_a_tail_cut_by_a_crash_when_started_then_nobody_calls_it_damage(settings: ServerSettings) -> None:
    """Half a command at the end was never acknowledged; the server itself passes by it."""
    size_bytes = increment(settings).stat().st_size
    with increment(settings).open("r+b") as file:
        file.truncate(size_bytes - 17)

    running = start_or_adopt(settings)

    assert client(settings).dbsize() == WRITES - 1
    assert running.repairs == ()
    assert copies(settings) == []


def test_given_zeros_at_the_end_when_started_then_only_they_are_cut(settings: ServerSettings) -> None:
    """What a file system leaves behind after a power failure."""
    with increment(settings).open("ab") as file:
        file.write(b"\0" * 4096)

    start_or_adopt(settings)

    assert client(settings).dbsize() == WRITES
    assert len(copies(settings)) == 1


def test_given_a_command_no_server_knows_when_started_then_the_cut_is_before_it(settings: ServerSettings) -> None:
    """A bit that flips in a command's name leaves the format whole, and the server's own tool finds nothing."""
    content = increment(settings).read_bytes()
    start = content.index(b"$3\r\nSET\r\n$5\r\nk0100\r\n")
    overwrite(increment(settings), start + 4, b"\x53\x05\x54")

    running = start_or_adopt(settings)

    assert client(settings).dbsize() == 100
    assert isinstance(running.repairs[0].remedy, Cut)
    assert running.repairs[0].remedy.command is not None


def test_given_damage_before_the_last_increment_when_started_then_later_increments_are_given_up(
    settings: ServerSettings,
) -> None:
    """After a rewrite that was killed there are two; replaying the second on a hole would make up a state."""
    start_or_adopt(settings)
    client(settings).config_set("rdb-key-save-delay", 10_000_000)
    client(settings).bgrewriteaof()
    write(settings, range(WRITES, 2 * WRITES))
    kill(settings)
    assert [entry.kind for entry in read_manifest(manifest(settings).read_text())] == ["b", "i", "i"]
    break_format(increment(settings, 1))

    start_or_adopt(settings)

    count = client(settings).dbsize()
    assert 0 < count < WRITES
    write(settings, range(3 * WRITES, 3 * WRITES + 5))
    kill(settings)
    start_or_adopt(settings)
    assert client(settings).dbsize() == count + 5
    assert (copies(settings)[0] / increment(settings, 2).name).exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda settings: overwrite(base(settings), 0, b"XXXXXXXXXX"),
        lambda settings: overwrite(base(settings), 40, b"\xff" * 30),
        lambda settings: base(settings).unlink(),
        lambda settings: overwrite(manifest(settings), 0, b"\0\0\0\0\0\0"),
        lambda settings: manifest(settings).write_bytes(b""),
    ],
    ids=["base's signature", "base's content", "no base", "manifest", "empty manifest"],
)
def test_given_a_base_or_manifest_beyond_repair_when_started_then_all_is_set_aside_and_a_server_runs(
    settings: ServerSettings, damage: Callable[[ServerSettings], None]
) -> None:
    """Other layers can rebuild the store; a server that does not start can rebuild nothing."""
    damage(settings)

    running = start_or_adopt(settings)

    assert client(settings).dbsize() == 0
    assert running.repairs[-1].lost_all
    assert increment(settings).name in {path.name for path in copies(settings)[-1].iterdir()}


def test_given_a_missing_increment_when_started_then_the_base_is_kept(settings: ServerSettings) -> None:
    """Less is lost than with everything set aside."""
    start_or_adopt(settings)
    client(settings).bgrewriteaof()
    with contextlib.suppress(redis.RedisError):
        client(settings).execute_command("WAITAOF", 1, 0, 5000)
    while client(settings).info("persistence")["aof_rewrite_in_progress"]:
        pass
    write(settings, range(WRITES, WRITES + 10))
    kill(settings)
    increment(settings, 2).unlink()

    start_or_adopt(settings)

    assert client(settings).dbsize() == WRITES


def test_given_no_room_for_the_copy_when_damaged_then_nothing_is_touched(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repair without a copy could make things worse: the operator is told that the disk is full."""
    break_format(increment(settings))
    damaged = increment(settings).read_bytes()

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(repair_module, "_copy_aside", no_room)
    with pytest.raises(OSError, match="No space left"):
        start_or_adopt(settings)

    assert increment(settings).read_bytes() == damaged
    assert not lock.is_held(settings.paths.server_lock)


def test_given_many_repairs_when_another_comes_then_the_oldest_copies_go(settings: ServerSettings) -> None:
    """A failing disk is not filled up as well."""
    for number in range(12):
        (settings.paths.root / f"aof-damaged-2020010{number:02}").mkdir()
    break_format(increment(settings))

    start_or_adopt(settings)

    assert len(copies(settings)) == 8


def test_given_texts_that_are_no_damage_when_diagnosed_then_nothing_is_repaired() -> None:
    """A full disk, a wrong owner, data of a newer server: setting those aside would be the damage."""
    texts = [
        "",
        "# Can't open the append-only file: Permission denied",
        "# Can't handle RDB format version 99\n# Internal error in RDB reading offset 0",
        "# Unrecoverable error reading the append only file x.aof: Input/output error",
        "# Unable to obtain the AOF file appendonly.aof.1.incr.aof length. stat: Permission denied",
        "# Out Of Memory allocating 100 bytes!\n=== VALKEY BUG REPORT START\n* Reading RDB base file on AOF loading...",
        "=== VALKEY BUG REPORT START: Cut & paste",
        "# Fatal error: can't open the AOF manifest file x for reading: x\nFATAL AOF MANIFEST FILE ERROR",
    ]

    assert [diagnose(text) for text in texts] == [None] * len(texts)


def test_given_texts_of_damage_when_diagnosed_then_the_least_remedy_is_chosen() -> None:
    """One file where one file is broken; everything only where nothing else is left."""
    file = "appendonly.aof.2.incr.aof"

    assert diagnose(f"# Bad file format reading the append only file {file}: make a backup") == Cut(file)
    assert diagnose(f"# Unexpected end of file reading the append only file {file}. You can: 1)") == Cut(file)
    assert diagnose(
        f"# Error reading the append only file {file}, error: unknown command 'S'T', with args beginning with: "
    ) == Cut(file, "S'T")
    assert diagnose(f"# Unable to obtain the AOF file {file} length. stat: No such file or directory") == Drop(file)
    assert isinstance(
        diagnose("* Reading RDB base file on AOF loading...\n=== VALKEY BUG REPORT START: Cut & paste"), SetAside
    )


def resp(*arguments: bytes) -> bytes:
    """One command as it stands in the file."""
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in arguments)


COMMANDS = st.lists(
    st.lists(st.binary(max_size=12), min_size=1, max_size=4).map(lambda parts: [b"SET", *parts]), max_size=8
)


@given(before=COMMANDS, after=COMMANDS)
def test_given_any_commands_around_a_strange_one_when_cut_then_exactly_those_before_stay(
    before: list[list[bytes]], after: list[list[bytes]]
) -> None:
    """Whatever values look like, a command is found by the format and not by its letters."""
    head = b"".join(resp(*parts) for parts in before)
    data = head + resp(b"STRANGE", b"STRANGE") + b"".join(resp(*parts) for parts in after)

    assert offset_before(data, b"STRANGE") == len(head)
    assert offset_before(head, b"STRANGE") == len(head)


@given(data=st.binary(max_size=200), command=st.binary(max_size=5))
def test_given_any_bytes_when_cut_then_the_offset_lies_within(data: bytes, command: bytes) -> None:
    """It ends, and never grows a file."""
    assert 0 <= offset_before(data, command) <= len(data)


def test_given_a_strange_command_in_a_transaction_when_cut_then_the_whole_transaction_goes() -> None:
    """Half a script's writes would be a state the store never had."""
    head = b"#TS:1700000000\r\n" + resp(b"SET", b"a", b"1") + resp(b"MULTI") + resp(b"SET", b"b", b"2") + resp(b"EXEC")
    open_transaction = resp(b"MULTI") + resp(b"SET", b"c", b"3") + resp(b"STRANGE") + resp(b"EXEC")

    assert offset_before(head + open_transaction, b"STRANGE") == len(head)


def test_given_a_manifest_when_followers_are_dropped_then_the_rest_stands_as_it_was() -> None:
    """Lines are kept letter for letter: a newer server may write more into them."""
    text = (
        "file a.2.base.rdb seq 2 type b\n"
        "file a.1.incr.aof seq 1 type h\n"
        "file a.2.incr.aof seq 2 type i startoffset 5\n"
        "file a.3.incr.aof seq 3 type i\n"
        "file a.4.incr.aof seq 4 type i\n"
    )
    entries = read_manifest(text)

    lines = text.splitlines(keepends=True)
    assert manifest_text(entries) == text
    assert manifest_text(without_followers(entries, "a.3.incr.aof", itself=False)) == "".join(lines[:4])
    assert manifest_text(without_followers(entries, "a.3.incr.aof", itself=True)) == "".join(lines[:3])
    assert manifest_text(without_followers(entries, "other", itself=True)) == text
    with pytest.raises(ValueError, match="not a line of a manifest"):
        read_manifest("nonsense")


def test_given_a_server_that_cannot_be_ended_when_killed_then_the_words_name_the_lock(
    settings: ServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of another container, or one that waits for a dead disk."""
    from actors.embedded_server import process as process_module

    monkeypatch.setattr(process_module, "_KILLED_S", 0.1)
    monkeypatch.setattr(lock, "kill_group", lambda _path: False)
    start_or_adopt(settings)

    with pytest.raises(ServerFailed, match=r"server\.lock and cannot be ended"):
        process_module.kill(settings)

    monkeypatch.undo()
    assert lock.signal_leader(settings.paths.server_lock, signal.SIGTERM)
