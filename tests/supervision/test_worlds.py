"""The ports of the worlds: one contract for gevent's and the plain one, and what is special to each."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from stage import gevent_world

from supervision import world as world_port
from supervision.world import WaitTimeout
from supervision.world_gevent import GeventWorld
from supervision.world_plain import PlainWorld
from supervision.world_virtual import Deadlock, NotSimulated, VirtualWorld

# See stage.gevent_world.
KEPT: list[Any] = []


def _descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture(params=[gevent_world, PlainWorld], ids=["gevent", "plain"])
def world(request: pytest.FixtureRequest) -> Any:
    """Each world that runs on real time."""
    return request.param()


def test_given_a_timer_when_its_time_comes_then_it_is_called_unless_cancelled(world: Any) -> None:
    """In the order of their times."""
    order: list[str] = []
    over = world.waiter()

    world.call_later(0.03, lambda: (order.append("later"), over.wake()))
    world.call_later(0.01, order.append, "sooner")
    world.call_later(0.02, order.append, "never").cancel()
    world.call_soon(order.append, "now")
    world.call_soon_threadsafe(order.append, "now too")
    over.wait(5)

    assert order == ["now", "now too", "sooner", "later"]


def test_given_a_waiter_when_nobody_wakes_it_then_the_wait_ends_in_time(world: Any) -> None:
    """WaitTimeout; it can still be woken."""
    waiter = world.waiter()

    began_s = world.now()
    with pytest.raises(WaitTimeout):
        waiter.wait(0.02)
    assert 0.015 < world.now() - began_s < 1
    waiter.wake("late")

    assert waiter.wait(1) == "late"


def test_given_a_task_when_it_ends_then_its_owner_knows(world: Any) -> None:
    """done, error and join."""
    started = world.waiter()

    good = world.spawn(started.wake, name="good")
    bad = world.spawn(lambda: 1 // 0, name="bad")

    assert good.join(5)
    assert bad.join(5)
    assert good.error is None
    assert isinstance(bad.error, ZeroDivisionError)
    assert good.done


def test_given_nonces_and_clocks_when_read_then_they_differ_and_go_on(world: Any) -> None:
    """Nonces are short and never repeat; the wall clock is Unix time."""
    nonces = {world.nonce() for _ in range(100)}

    assert len(nonces) == 100
    assert all(len(nonce) == 16 for nonce in nonces)
    assert world.now() <= world.now()
    assert world.wall() > 1_700_000_000
    assert 0 <= world.random.random() < 1


def test_given_a_process_when_talked_to_then_its_streams_and_exit_code_come_through(world: Any, tmp_path: Path) -> None:
    """Lines, exact reads, the end of the stream; environment, directory and exit code."""
    script = "read x; echo $x-$WORD-$(pwd); echo oops >&2; exit 7"
    process = world.start_process(
        ["sh", "-c", script],
        env={**os.environ, "WORD": "word"},
        cwd=str(tmp_path),
        stdin="pipe",
        stdout="pipe",
        stderr="stdout",
    )

    process.stdin.write(b"hello\n", 5)
    line = process.stdout.read_line(1000, 5)
    rest = process.stdout.read_exactly(5, 5)

    assert line == f"hello-word-{tmp_path}\n".encode()
    assert rest == b"oops\n"
    assert process.stdout.read(10, 5) == b""
    assert process.wait(5) == 7
    assert process.exit_code == 7
    process.kill()
    process.close()


def test_given_a_process_that_hangs_when_killed_then_its_signal_is_told(world: Any) -> None:
    """Waiting has a deadline; a whole session can be killed; the dead take signals in silence."""
    process = world.start_process(["sleep", "60"], new_session=True)

    with pytest.raises(WaitTimeout):
        process.wait(0.02)
    assert process.exit_code is None
    assert os.getsid(process.pid) == process.pid
    process.kill(group=True)

    assert process.wait(5) == -signal.SIGKILL
    process.send_signal(signal.SIGTERM)


def test_given_limits_when_a_process_is_started_then_they_hold(world: Any) -> None:
    """Set from outside before start_process returns."""
    script = "import sys, resource; sys.stdin.readline(); print(resource.getrlimit(resource.RLIMIT_AS)[0])"
    process = world.start_process(
        [sys.executable, "-c", script], stdin="pipe", stdout="pipe", limits={"RLIMIT_AS": 3 * 2**30}
    )

    process.stdin.write(b"\n", 5)

    assert process.stdout.read_line(100, 20) == b"3221225472\n"
    assert process.wait(5) == 0


def test_given_a_program_that_does_not_exist_when_started_then_the_error_says_so(world: Any) -> None:
    """And no descriptor is left open."""
    before = _descriptors()

    with pytest.raises(FileNotFoundError):
        world.start_process(["no-such-program-anywhere"], stdin="pipe", stdout="pipe")

    assert _descriptors() <= before


def test_given_a_descriptor_to_pass_on_when_a_process_is_started_then_it_has_it_and_no_other(
    world: Any, tmp_path: Path
) -> None:
    """As a lock that lives as long as the child."""
    passed = os.open(tmp_path / "passed", os.O_CREAT | os.O_RDWR)
    kept = os.open(tmp_path / "kept", os.O_CREAT | os.O_RDWR)

    process = world.start_process(["ls", "-l", "/proc/self/fd"], stdout="pipe", pass_fds=[passed])
    listing = b""
    while chunk := process.stdout.read(10_000, 5):
        listing += chunk

    assert process.wait(5) == 0
    assert b"/passed" in listing
    assert b"/kept" not in listing
    assert not os.get_inheritable(passed)
    os.close(passed)
    os.close(kept)


def test_given_a_stream_when_it_is_slow_or_too_long_or_ends_then_each_is_told_apart(world: Any) -> None:
    """WaitTimeout, ValueError, EOFError; what had come is not lost."""
    process = world.start_process(["sh", "-c", "printf abc; read x; printf defgh"], stdin="pipe", stdout="pipe")

    with pytest.raises(WaitTimeout):
        process.stdout.read_line(100, 0.2)
    with pytest.raises(WaitTimeout):
        process.stdout.read_exactly(4, 0.02)
    process.stdin.write(b"\n", 5)
    with pytest.raises(EOFError):
        process.stdout.read_exactly(100, 5)
    with pytest.raises(ValueError, match="longer"):
        process.stdout.read_line(3, 5)

    process.kill()
    process.wait(5)
    process.close()
    with pytest.raises(OSError, match="closed"):
        process.stdout.read(1, 1)


def test_given_a_unix_server_when_connected_to_then_each_connection_is_served(world: Any, tmp_path: Path) -> None:
    """Only the owner may open its file; a second server on it is refused, a dead one's file is replaced."""
    path = str(tmp_path / "socket")

    def serve(stream: Any) -> None:
        stream.write(stream.read_line(100, 5).upper(), 5)

    server = world.open_unix_server(path, serve)
    with pytest.raises(OSError, match="in use"):
        world.open_unix_server(path, serve)
    streams = [world.connect_unix(path, 5) for _ in range(3)]
    for number, stream in enumerate(streams):
        stream.write(f"line {number}\n".encode(), 5)
    lines = [stream.read_line(100, 5) for stream in streams]
    mode = (tmp_path / "socket").stat().st_mode & 0o777
    server.close()

    assert lines == [b"LINE 0\n", b"LINE 1\n", b"LINE 2\n"]
    assert streams[0].read(10, 5) == b""
    assert mode == 0o600
    with pytest.raises(OSError, match="No such file"):
        world.connect_unix(path, 1)


def test_given_more_connections_than_allowed_when_one_more_comes_then_it_is_closed(world: Any, tmp_path: Path) -> None:
    """A door has a bound."""
    path = str(tmp_path / "socket")
    server = world.open_unix_server(path, lambda stream: stream.read(1, 5), connections_max=1)

    first = world.connect_unix(path, 5)
    world.sleep(0.02)
    second = world.connect_unix(path, 5)

    assert second.read(1, 5) == b""
    first.close()
    second.close()
    server.close()


def test_given_a_gevent_task_when_killed_then_it_ends_where_it_waits() -> None:
    """And one that has not begun never does."""
    world = gevent_world()
    steps: list[str] = []

    def wait() -> None:
        steps.append("begun")
        try:
            world.sleep(60)
        finally:
            steps.append("ended")

    running = world.spawn(wait)
    world.sleep(0.005)
    running.kill()
    never = world.spawn(steps.append, "never")
    never.kill()

    assert running.join(5)
    assert never.join(5)
    assert steps == ["begun", "ended"]


def test_given_a_callback_of_the_hub_when_it_tries_to_wait_then_it_is_told() -> None:
    """Instead of hanging the hub for ever."""
    world = gevent_world()
    outcome = world.waiter()

    def wait() -> None:
        try:
            world.waiter().wait(1)
        except RuntimeError as error:
            outcome.wake(error)

    world.call_soon(wait)

    assert isinstance(outcome.wait(5), RuntimeError)


def test_given_a_timer_that_raises_when_others_are_due_then_they_still_come() -> None:
    """One bad callback does not stop the heap."""
    world = gevent_world()
    later = world.waiter()

    world.call_later(0.001, lambda: 1 // 0)
    world.call_later(0.002, later.wake, "came")

    assert later.wait(5) == "came"


def test_given_a_virtual_world_when_hours_pass_then_no_real_time_does() -> None:
    """The clock jumps; the wall clock goes along, and can be set."""
    real = gevent_world()
    began_s = real.now()

    with VirtualWorld(1) as world:
        before = world.now(), world.wall()
        world.advance(36_000)
        world.jump_wall(-60)

        assert world.now() - before[0] == 36_000
        assert world.wall() - before[1] == pytest.approx(36_000 - 60)
    assert real.now() - began_s < 1


def test_given_a_virtual_world_when_everyone_waits_for_ever_then_it_is_a_deadlock() -> None:
    """Said at once, with the seed."""
    with VirtualWorld(5) as world, pytest.raises(Deadlock, match="seed 5"):
        world.waiter().wait(None)


def test_given_seeds_when_tasks_race_then_orders_differ_between_seeds_and_repeat_within_one() -> None:
    """All six orders of three tasks occur under some seed."""

    def race(seed: int) -> str:
        order: list[str] = []
        with VirtualWorld(seed) as world:
            tasks = [world.spawn(order.append, name) for name in "abc"]
            for task in tasks:
                task.join(1)
            order.append(world.nonce())
        return "".join(order)

    assert [race(seed) for seed in range(50)] == [race(seed) for seed in range(50)]
    assert len({race(seed)[:3] for seed in range(50)}) == 6


def test_given_a_virtual_world_when_an_outside_is_missing_then_it_says_so() -> None:
    """Processes are what the simulation brings; sockets are in memory."""
    with VirtualWorld(1) as world:
        with pytest.raises(NotSimulated):
            world.start_process(["sleep", "1"])
        server = world.open_unix_server("door", lambda stream: stream.write(stream.read_line(10, 1) * 2, 1))
        stream = world.connect_unix("door", 1)
        stream.write(b"x\n", 1)

        assert stream.read_exactly(4, 1) == b"x\nx\n"
        assert stream.read(1, 1) == b""
        with pytest.raises(WaitTimeout):
            world.connect_unix("door", 1).read(1, 0.5)
        server.close()
        with pytest.raises(ConnectionRefusedError):
            world.connect_unix("door", 1)
        assert world.run_in_thread(lambda: 3) == 3
        thread = world.native_thread(world.native_sleep, 5.0, name="beat")
        assert thread.join(10)


def test_given_no_installed_world_when_asked_for_then_gevent_s_is_made_and_kept() -> None:
    """Install returns the one before."""
    before = world_port.current()

    world_port.uninstall()
    made = world_port.current()
    KEPT.append(made)

    assert isinstance(made, GeventWorld)
    assert world_port.current() is made
    assert world_port.install(before) is made
