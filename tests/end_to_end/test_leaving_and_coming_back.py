import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from conversation import append, await_final, await_replies, message, partition_key, replies
from daemon_under_test import (
    REPOSITORY,
    DaemonUnderTest,
    ask_control,
    environment,
    server_pid,
    start_daemon,
    wait_for,
)


def is_gone(pid: int) -> bool:
    """Whether no process of that number runs; one that nobody has waited for yet is none."""
    with suppress(OSError):
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    return True


def test_given_an_idle_daemon_when_it_gets_sigterm_then_it_drains_with_status_zero_and_takes_its_server_along(
    own_folder: Path,
) -> None:
    """Leases are let go of in good order, so that whoever comes next suspects nobody."""
    with DaemonUnderTest(own_folder) as daemon:
        daemon.command("send", "789", "Hello!")
        pid = server_pid(own_folder)

        status = daemon.terminate()

        assert status == 0
        wait_for(lambda: is_gone(pid), "the server's end", 10.0)
        assert not any("Traceback" in str(event) for event in daemon.events())
        daemon.start()
        with daemon.client() as client:
            append(client, message("789", "m-2", "help"))
            assert await_final(client, "789", "m-2")["turn"] == 2
        assert not any(event["event"].startswith("messages were in hand") for event in daemon.events())


def test_given_work_in_hand_when_the_daemon_gets_sigterm_then_the_next_one_answers_what_is_left(
    own_folder: Path,
) -> None:
    """Whatever was accepted is answered exactly once, before or after."""
    ids = {f"m-{number}" for number in range(200)}
    with DaemonUnderTest(own_folder) as daemon:
        with daemon.client() as client, client.pipeline(transaction=False) as pipeline:
            for number, message_id in enumerate(sorted(ids)):
                append(pipeline, message(f"chat-{number % 10}", message_id, "Hello!"))
            pipeline.execute()
        status = daemon.terminate()
        daemon.start()

        with daemon.client() as client:
            finals = [
                reply
                for number in range(10)
                for reply in await_replies(
                    client, f"chat-{number}", {name for place, name in enumerate(sorted(ids)) if place % 10 == number}
                ).values()
            ]
            heard = [reply for number in range(10) for reply in replies(client, f"chat-{number}")]

    assert status == 0
    assert {reply["message_id"] for reply in finals} == ids
    assert [reply["kind"] for reply in heard].count("final") == len(ids)


def test_given_a_terminal_s_ctrl_c_when_it_reaches_the_whole_group_then_the_server_outlives_the_drain(
    own_folder: Path,
) -> None:
    """Ctrl-C goes to every process of the terminal; the server is not among them."""
    log = own_folder / "daemon.log"
    command = [sys.executable, str(REPOSITORY / "run.py"), "daemon", "--data-dir", str(own_folder)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment(), stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_for(lambda: b"the node is up" in log.read_bytes(), "the daemon to be up", 60.0)

        os.killpg(process.pid, signal.SIGINT)

        assert process.wait(40) == 0
        assert b"the store is away" not in log.read_bytes()
    finally:
        process.kill()
        process.wait(10)


def test_given_a_killed_daemon_when_another_one_starts_then_it_adopts_the_server_and_the_conversation(
    own_folder: Path,
) -> None:
    """A `kill -9` leaves the server as an orphan; the next start finds it and all that was said."""
    with DaemonUnderTest(own_folder) as daemon:
        with daemon.client() as client:
            append(client, message("789", "m-1", "Hello!"))
            await_final(client, "789", "m-1")
        pid = server_pid(own_folder)
        daemon.kill()
        with daemon.client() as client:
            client.xadd(partition_key("789", "intake"), {"m": b'{"chat_id":"789","user_id":"u","text":"Still there?"}'})
            append(client, message("789", "m-3", "help"))

        daemon.start()

        with daemon.client() as client:
            assert await_final(client, "789", "m-3")["kind"] == "final"
            turns = [reply["turn"] for reply in replies(client, "789") if reply["kind"] == "final"]
        assert turns == [1, 2, 3]
        assert server_pid(own_folder) == pid
        ready = [event for event in daemon.events() if event["event"] == "server.ready"]
        assert [event["adopted"] for event in ready] == [False, True]


def test_given_a_killed_server_when_somebody_speaks_then_it_comes_back_with_its_data_and_they_are_answered(
    own_folder: Path,
) -> None:
    """The supervised child is started anew on its file."""
    with DaemonUnderTest(own_folder) as daemon:
        daemon.command("send", "789", "Hello!")
        pid = server_pid(own_folder)

        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: _other_server(own_folder, pid), "another server", 30.0)

        with daemon.client() as client:
            append(client, message("789", "m-2", "help"))
            assert await_final(client, "789", "m-2")["turn"] == 2


def _other_server(folder: Path, pid: int) -> bool:
    try:
        return server_pid(folder) != pid
    except Exception:  # noqa: BLE001 - none yet
        return False


def test_given_a_second_daemon_on_the_same_folder_when_it_starts_then_it_is_refused(own_folder: Path) -> None:
    """One node a data directory."""
    with DaemonUnderTest(own_folder) as daemon:
        second = daemon.command("daemon")

        assert second.returncode == 1
        assert str(own_folder) in second.stderr
        assert daemon.command("status").returncode == 0


def test_given_a_group_that_keeps_crashing_when_the_root_gives_up_then_the_exit_status_is_one(own_folder: Path) -> None:
    """Its service manager starts it anew."""
    with DaemonUnderTest(own_folder) as daemon:
        assert daemon.process is not None
        while daemon.process.poll() is None:
            with suppress(OSError, ValueError):
                ask_control(own_folder, {"do": "kill", "path": "sessions", "reason": "a test"})
            wait_for(lambda: daemon.process is None or daemon.process.poll() is not None or _is_up(own_folder), "news")

        assert daemon.process.wait(30) == 1
        assert any(event["event"] == "the root gave up" for event in daemon.events())


def _is_up(folder: Path) -> bool:
    with suppress(OSError, KeyError, ValueError):
        tree = ask_control(folder, {"do": "status"})["status"]["tree"]
        return all(child["state"] == "alive" for child in tree["children"])
    return False


def test_given_a_store_that_hangs_when_the_status_is_asked_for_then_the_node_answers_all_the_same(
    own_folder: Path,
) -> None:
    """The control socket works also while the store is away; and the node goes on when it is back."""
    with DaemonUnderTest(own_folder) as daemon:
        pid = server_pid(own_folder)
        os.kill(pid, signal.SIGSTOP)
        try:
            done = daemon.command("status", "--json")
        finally:
            os.kill(pid, signal.SIGCONT)

        assert done.returncode == 0, done.stderr
        with daemon.client() as client:
            append(client, message("789", "m-1", "Hello!"))
            assert await_final(client, "789", "m-1")["turn"] == 1


def test_given_a_busy_node_when_its_status_is_asked_for_then_it_is_shown_meanwhile(own_folder: Path) -> None:
    """A thousand messages are on their way; the operator does not wait for them."""
    ids = {f"m-{number:04d}" for number in range(1000)}
    with DaemonUnderTest(own_folder) as daemon, daemon.client() as client:
        with client.pipeline(transaction=False) as pipeline:
            for message_id in ids:
                append(pipeline, message(f"chat-{message_id[-2:]}", message_id, "Hello!"))
            pipeline.execute()

        left = client.xlen("unfailing:intake")
        status = daemon.status()

        assert status["tree"]["state"] == "alive"
        assert left > 0 or status["sessions"] > 0
        for chat in {message_id[-2:] for message_id in ids}:
            await_replies(client, f"chat-{chat}", {message_id for message_id in ids if message_id[-2:] == chat})


@pytest.mark.parametrize("depth", [12])
def test_given_a_folder_too_deep_for_a_socket_when_the_daemon_starts_then_it_says_the_way_out(
    own_folder: Path, depth: int
) -> None:
    """Refused at once, with a reason."""
    deep = own_folder.joinpath(*["a-long-name"] * depth)
    deep.mkdir(parents=True)

    process = start_daemon(deep, own_folder / "log")

    assert process.wait(30) == 1
    said = (own_folder / "log").read_text()
    assert "socket" in said
    assert "Traceback" not in said
