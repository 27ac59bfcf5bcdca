"""The embedded server as a process: one a directory, whoever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from real_server import wait_for

from actors.embedded_server import ServerFailed, ServerSettings, lock, start_or_adopt, stop
from actors.embedded_server.command import memory_limit_bytes, server_command, server_program
from actors.embedded_server.process import Answer, Verdict, judge, kill, ping, turn_log_over
from actors.node_directory import NodeDirectoryError, lock_file, node_paths, noted_number
from supervision import world

PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
from actors.embedded_server import ServerSettings, start_or_adopt
from actors.node_directory import node_paths
running = start_or_adopt(ServerSettings(node_paths(sys.argv[1]), refusing_s=0.5))
print("adopted" if running.adopted else "started", flush=True)
time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[ServerSettings]:
    """A data directory whose server is gone after the test."""
    root = tmp_path / "d"
    root.mkdir()
    settings = ServerSettings(node_paths(root), refusing_s=0.5, silent_s=1.0, stop_timeout_s=5.0)
    yield settings
    if settings.paths.server_lock.exists():
        kill(settings)


def client(settings: ServerSettings) -> redis.Redis:
    """An ordinary client."""
    return redis.Redis(unix_socket_path=str(settings.paths.server_socket), socket_timeout=5)


def parent(settings: ServerSettings) -> subprocess.Popen[str]:
    """A daemon of its own: starts the server, and waits."""
    return subprocess.Popen([sys.executable, "-c", PARENT, str(settings.paths.root)], stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    """What a parent says when it is ready."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def servers_in(folder: Path) -> list[int]:
    """The processes that work in a folder."""
    return [process.pid for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(folder)]


def leader(settings: ServerSettings) -> int:
    """The server's process."""
    found = lock.noted_leader(settings.paths.server_lock)
    assert found is not None
    return found


def test_given_an_empty_directory_when_started_then_it_is_durable_and_private(settings: ServerSettings) -> None:
    """The package's own defaults keep nothing; and nobody else may reach it or read its files."""
    running = start_or_adopt(settings)

    config = client(settings).config_get("*")

    assert not running.adopted
    assert (config["appendonly"], config["appendfsync"], config["save"]) == ("yes", "always", "")
    assert (config["port"], config["maxmemory-policy"]) == ("0", "noeviction")
    assert int(config["maxmemory"]) > 0
    assert settings.paths.server_socket.stat().st_mode & 0o777 == 0o700
    files = [path for path in settings.paths.server_data.rglob("*") if path.is_file()]
    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_given_everysec_when_started_then_the_server_has_it(settings: ServerSettings) -> None:
    """The operator's choice of the setting."""
    start_or_adopt(replace(settings, appendfsync="everysec"))

    assert client(settings).config_get("appendfsync") == {"appendfsync": "everysec"}


def test_given_a_live_server_when_started_again_then_it_is_adopted(settings: ServerSettings) -> None:
    """Two servers on one directory both append to one file."""
    start_or_adopt(settings)
    pid = client(settings).info("server")["process_id"]

    again = start_or_adopt(settings)

    assert again.adopted
    assert client(settings).info("server")["process_id"] == pid == leader(settings)


def test_given_a_daemon_killed_when_another_starts_then_it_adopts_the_server_with_its_data(
    settings: ServerSettings,
) -> None:
    """The server outlives its daemon, blocks nobody, and nothing is read again from disk."""
    daemon = parent(settings)
    assert first_line(daemon) == "started"
    client(settings).set("k", "v")
    pid = leader(settings)

    daemon.kill()
    daemon.wait()
    running = start_or_adopt(settings)

    assert running.adopted
    assert leader(settings) == pid
    assert client(settings).get("k") == b"v"


def test_given_two_daemons_that_start_at_once_when_both_are_ready_then_there_is_one_server(
    settings: ServerSettings,
) -> None:
    """`node.lock` keeps daemons apart; this holds even without it."""
    daemons = [parent(settings) for _ in range(3)]

    said = sorted(first_line(daemon) for daemon in daemons)

    servers = servers_in(settings.paths.server_data)
    assert said == ["adopted", "adopted", "started"]
    assert len(servers) == 1
    for daemon in daemons:
        daemon.kill()
        daemon.wait()


def test_given_ctrl_c_in_the_terminal_when_the_daemon_gets_it_then_the_server_does_not(
    settings: ServerSettings,
) -> None:
    """The terminal signals its whole foreground group; the server is in a session of its own."""
    daemon = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(settings.paths.root)], stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert first_line(daemon) == "started"
    pid = leader(settings)

    os.killpg(daemon.pid, signal.SIGINT)
    daemon.wait()

    assert os.getsid(pid) == os.getpgid(pid) == pid
    assert client(settings).ping()


def test_given_a_server_killed_when_started_again_then_its_data_are_back(settings: ServerSettings) -> None:
    """Accepted means durable."""
    running = start_or_adopt(settings)
    client(settings).set("k", "v")
    assert running.process is not None

    os.kill(leader(settings), signal.SIGKILL)
    code = running.process.wait(5)
    again = start_or_adopt(settings)

    assert code == -signal.SIGKILL
    assert not again.adopted
    assert client(settings).get("k") == b"v"


def test_given_a_rewriting_child_that_outlives_its_server_when_started_then_the_group_is_ended(
    settings: ServerSettings,
) -> None:
    """The child inherits the lock; without the kill the next server waits until it has rewritten everything."""
    start_or_adopt(settings)
    store = client(settings)
    pipeline = store.pipeline(transaction=False)
    for number in range(300):
        pipeline.set(f"k{number}", "x" * 100)
    pipeline.execute()
    store.config_set("rdb-key-save-delay", 100_000)  # the child takes 30 s
    store.bgrewriteaof()
    [child] = wait_for(lambda: psutil.Process(leader(settings)).children(), "the rewriting child")
    wait_for(lambda: any("temp-" in it.path for it in child.open_files()), "the child to have left the server's socket")
    child.suspend()  # it would notice its parent's death at its next report, which may be long in coming
    os.kill(leader(settings), signal.SIGKILL)
    wait_for(lambda: ping(settings) is Answer.REFUSED, "the server to be gone")
    assert lock.is_held(settings.paths.server_lock)

    began_s = time.monotonic()
    running = start_or_adopt(settings)

    assert not running.adopted
    assert time.monotonic() - began_s < 8
    assert not psutil.pid_exists(child.pid) or child.status() == psutil.STATUS_ZOMBIE
    assert client(settings).dbsize() == 300


def test_given_a_stopped_server_when_started_again_then_it_is_killed_after_a_while(settings: ServerSettings) -> None:
    """It holds the lock, takes connections, and never answers."""
    start_or_adopt(settings)
    client(settings).set("k", "v")
    pid = leader(settings)
    os.kill(pid, signal.SIGSTOP)

    running = start_or_adopt(settings)

    assert not running.adopted
    assert leader(settings) != pid
    assert client(settings).get("k") == b"v"


def test_given_a_server_when_stopped_then_it_is_gone_and_nothing_is_lost(settings: ServerSettings) -> None:
    """The drain's last step; a second stop finds nothing to do."""
    start_or_adopt(replace(settings, appendfsync="everysec"))
    client(settings).set("k", "v")

    gently = stop(settings)

    assert gently
    assert stop(settings)
    assert not lock.is_held(settings.paths.server_lock)
    start_or_adopt(settings)
    assert client(settings).get("k") == b"v"


def test_given_a_server_that_ignores_sigterm_when_stopped_then_it_is_killed_in_time(settings: ServerSettings) -> None:
    """A stopped process does not take SIGTERM; nor does one that cannot save."""
    settings = replace(settings, stop_timeout_s=0.3)
    start_or_adopt(settings)
    os.kill(leader(settings), signal.SIGSTOP)

    gently = stop(settings)

    assert not gently
    assert not lock.is_held(settings.paths.server_lock)


def test_given_a_directory_that_vanished_when_started_then_the_words_say_so(settings: ServerSettings) -> None:
    """Not a server that keeps its promises on files without a name."""
    settings.paths.root.rmdir()

    with pytest.raises(NodeDirectoryError, match="has vanished"):
        start_or_adopt(settings)


def test_given_a_directive_the_server_does_not_know_when_started_then_its_last_words_are_in_the_error(
    settings: ServerSettings,
) -> None:
    """What keeps it from starting is the operator's to read, and is no damage to repair."""
    with pytest.raises(ServerFailed, match="Bad directive"):
        start_or_adopt(replace(settings, extra=(("no-such-directive", "1"),)))

    assert not list(settings.paths.root.glob("aof-damaged-*"))


def test_given_a_noted_number_of_somebody_else_when_killed_then_nothing_happens_to_them(
    settings: ServerSettings,
) -> None:
    """After a restart of the machine the number in the lock may be anybody's."""
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    settings.paths.server_lock.write_text(f"{bystander.pid}\n")
    holder = lock_file(settings.paths.server_lock)
    assert holder is not None
    assert noted_number(settings.paths.server_lock) == bystander.pid

    killed = lock.kill_group(settings.paths.server_lock)

    assert not killed
    assert bystander.poll() is None
    os.close(holder)
    bystander.kill()
    bystander.wait()


def test_given_a_long_log_when_turned_over_then_the_server_goes_on_in_a_new_one(settings: ServerSettings) -> None:
    """The log is bounded: this one and the one before it."""
    settings = replace(settings, log_bytes_max=10)
    start_or_adopt(settings)

    turn_log_over(settings)
    client(settings).bgrewriteaof()

    wait_for(settings.paths.server_log.exists, "a new log")
    assert settings.paths.server_log.with_name("valkey.log.1").stat().st_size > 10
    turn_log_over(replace(settings, log_bytes_max=10**9))
    assert settings.paths.server_log.exists()


@given(
    answer=st.sampled_from(Answer),
    for_s=st.floats(0, 1000),
    refusing_s=st.floats(0, 100),
    silent_s=st.floats(0, 100),
)
def test_given_any_answer_when_judged_then_only_a_useless_server_is_killed(
    answer: Answer, for_s: float, refusing_s: float, silent_s: float
) -> None:
    """Who answers is adopted, who loads is waited for, whoever else has its time and no more."""
    settings = ServerSettings(node_paths("/x"), refusing_s=refusing_s, silent_s=silent_s)

    verdict = judge(answer, for_s, settings)

    assert (verdict is Verdict.ADOPT) == (answer is Answer.PONG)
    patience_s = {Answer.REFUSED: refusing_s, Answer.SILENT: silent_s}.get(answer)
    assert (verdict is Verdict.KILL) == (patience_s is not None and for_s >= patience_s)


def test_given_machines_and_containers_when_memory_is_shared_out_then_the_server_gets_half() -> None:
    """A server without a limit would be ended by the kernel; one with it says so, and doors close in time."""
    gib = 1024**3

    assert memory_limit_bytes(16 * gib, "max\n") == 8 * gib
    assert memory_limit_bytes(16 * gib, "") == 8 * gib
    assert memory_limit_bytes(16 * gib, f"{2 * gib}\n") == gib
    assert memory_limit_bytes(1024, "") == 64 * 1024**2


def test_given_paths_with_spaces_when_the_command_is_made_then_the_shell_never_reads_them(tmp_path: Path) -> None:
    """Paths are arguments of the shell's program, not part of it."""
    settings = ServerSettings(node_paths(tmp_path / "a b; $(c)"))

    command = server_command(settings, server_program(), 1)

    assert command[:2] == ["/bin/sh", "-c"]
    assert "a b" not in command[2]
    assert str(settings.paths.server_lock) in command
    assert world.current().now() > 0
