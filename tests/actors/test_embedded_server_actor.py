"""The embedded server as a child of a supervisor: it dies, and it is back with its data."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import redis
from real_server import wait_for

from actors.embedded_server import Ready, ServerSettings, lock, start_or_adopt, supervised
from actors.embedded_server.process import kill
from actors.node_directory import node_paths
from supervision.actor import ActorDeadError, GeventActorRef
from supervision.supervisor import Supervisor, which_children


@dataclass
class Daemon:
    """A supervisor with the embedded server below it."""

    settings: ServerSettings
    starts: list[Ready] = field(default_factory=list)
    draining: bool = False
    supervisor: GeventActorRef[Supervisor] | None = None

    def start(self) -> "Daemon":
        """Start the tree."""
        spec = supervised(self.settings, self.starts.append, lambda: self.draining)
        self.supervisor = Supervisor.start([spec], intensity=5, period_s=60.0)
        return self

    @property
    def client(self) -> redis.Redis:
        """An ordinary client."""
        return redis.Redis(unix_socket_path=str(self.settings.paths.server_socket), socket_timeout=5)

    @property
    def actor(self) -> GeventActorRef:
        """The server's actor."""
        assert self.supervisor is not None
        [(_, ref, _)] = which_children(self.supervisor)
        return ref

    def wait_for_start(self, number: int) -> Ready:
        """Wait for the number-th start."""
        wait_for(lambda: len(self.starts) >= number, f"start number {number}")
        return self.starts[number - 1]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A started daemon; its server is gone after the test."""
    root = tmp_path / "d"
    root.mkdir()
    settings = ServerSettings(node_paths(root), refusing_s=0.5, silent_s=0.5, stop_timeout_s=5.0, look_every_s=0.1)
    daemon = Daemon(settings).start()
    yield daemon
    daemon.draining = True
    assert daemon.supervisor is not None
    if daemon.supervisor.is_alive():
        daemon.supervisor.stop()
    if settings.paths.server_lock.exists():
        kill(settings)


def test_given_a_running_server_when_it_is_killed_five_times_then_it_is_back_each_time(daemon: Daemon) -> None:
    """Restarted by the supervisor, with everything that was acknowledged."""
    for number in range(1, 6):
        daemon.client.set(f"k{number}", "v")
        pid = daemon.wait_for_start(number).leader
        assert pid is not None

        os.kill(pid, signal.SIGKILL)

        assert not daemon.wait_for_start(number + 1).adopted
        assert daemon.client.dbsize() == number


def test_given_a_running_server_when_its_actor_is_crashed_then_the_server_goes_on(daemon: Daemon) -> None:
    """A drill of the actor costs no restart of the server: the next one adopts it."""
    pid = daemon.starts[0].leader

    daemon.actor.crash(RuntimeError("drill"))

    again = daemon.wait_for_start(2)
    assert again.adopted
    assert again.leader == pid


def test_given_an_adopted_server_when_it_is_killed_then_that_is_noticed(tmp_path: Path) -> None:
    """Nobody is told of the end of a process that is not one's child; the lock says so."""
    root = tmp_path / "d"
    root.mkdir()
    settings = ServerSettings(node_paths(root), stop_timeout_s=5.0)
    start_or_adopt(settings)
    daemon = Daemon(settings).start()
    assert daemon.starts[0].adopted
    assert daemon.starts[0].leader is not None

    os.kill(daemon.starts[0].leader, signal.SIGKILL)

    assert not daemon.wait_for_start(2).adopted
    daemon.draining = True
    assert daemon.supervisor is not None
    daemon.supervisor.stop()


def test_given_a_server_that_falls_silent_when_its_time_is_up_then_another_answers(daemon: Daemon) -> None:
    """It lives and does not answer: nobody gets anything from it."""
    daemon.client.set("k", "v")
    assert daemon.starts[0].leader is not None

    os.kill(daemon.starts[0].leader, signal.SIGSTOP)

    assert daemon.wait_for_start(2).leader != daemon.starts[0].leader
    assert daemon.client.get("k") == b"v"


def test_given_a_draining_daemon_when_it_stops_then_the_server_stops_with_it(daemon: Daemon) -> None:
    """Nothing of the daemon is left after its drain."""
    daemon.draining = True
    assert daemon.supervisor is not None

    daemon.supervisor.stop()

    assert not lock.is_held(daemon.settings.paths.server_lock)


def test_given_a_tree_that_is_rebuilt_when_its_server_actor_stops_then_the_server_goes_on(daemon: Daemon) -> None:
    """A restart of the storage branch must not cost a restart of the server."""
    assert daemon.supervisor is not None

    daemon.supervisor.stop()

    assert lock.is_held(daemon.settings.paths.server_lock)
    assert daemon.client.ping()


def test_given_a_data_directory_that_vanishes_when_noticed_then_the_server_is_ended_and_the_tree_gives_up(
    daemon: Daemon,
) -> None:
    """What the server would still accept lies on no disk; the service manager starts a daemon with a new directory."""
    pid = daemon.starts[0].leader
    assert pid is not None
    assert daemon.supervisor is not None
    process = psutil.Process(pid)

    root = daemon.settings.paths.root
    root.rename(root.with_name("moved away"))

    supervisor = daemon.supervisor
    wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the server's end")
    wait_for(lambda: not supervisor.is_alive(), "the tree to give up", 60.0)
    with pytest.raises(ActorDeadError):
        supervisor.tell("anything")


def test_given_a_data_directory_that_vanished_when_drained_then_no_server_is_left_behind(tmp_path: Path) -> None:
    """Such a server does not take SIGTERM, since it cannot save, and its lock can no longer be found by name."""
    root = tmp_path / "d"
    root.mkdir()
    daemon = Daemon(ServerSettings(node_paths(root), look_every_s=600.0), draining=True).start()
    assert daemon.supervisor is not None
    assert daemon.starts[0].leader is not None
    process = psutil.Process(daemon.starts[0].leader)
    root.rename(tmp_path / "moved away")

    daemon.supervisor.stop()

    wait_for(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the server's end")


def test_given_damaged_files_when_the_tree_starts_then_the_generation_is_to_be_raised(daemon: Daemon) -> None:
    """The flag comes with the start, so that doors stay shut until the store is rebuilt."""
    daemon.client.set("k", "v")
    assert not daemon.starts[0].repaired
    with (daemon.settings.paths.server_data / "appendonlydir" / "appendonly.aof.1.incr.aof").open("ab") as file:
        file.write(b"\0" * 100)
    assert daemon.starts[0].leader is not None

    os.kill(daemon.starts[0].leader, signal.SIGKILL)

    ready = daemon.wait_for_start(2)
    assert ready.repaired
    assert len(ready.repairs) == 1
    assert daemon.client.get("k") == b"v"
