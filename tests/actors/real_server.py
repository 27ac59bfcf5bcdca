"""Real servers for tests: the embedded server's program, and any other that is on the path."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from actors.embedded_server.command import server_program

WAIT_S = 20.0


def wait_for(true: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> Any:
    """Wait until something is true, and return it."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what}"
        time.sleep(0.01)
    return found


class RealServer:
    """A server on a unix socket (or a port), with its data in a folder, so that it can come back with them."""

    def __init__(self, folder: Path, *directives: str, port: int = 0, program: str | Path | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.port = port
        self.socket = folder / "s"
        self.log = folder / "log"
        self._directives = directives
        self._program = str(program or server_program())
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}" if self.port else f"unix://{self.socket}"

    @property
    def client(self) -> redis.Redis:
        """An ordinary client, to look at it from outside."""
        return redis.Redis.from_url(self.url, socket_timeout=5)

    def launch(self) -> "RealServer":
        """Start it, and do not wait."""
        self.process = subprocess.Popen(
            [
                self._program,
                *("--port", str(self.port), "--dir", str(self.folder), "--logfile", str(self.log)),
                *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
                *(() if self.port else ("--unixsocket", str(self.socket))),
                *self._directives,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def start(self) -> "RealServer":
        """Start it, and wait until it answers."""
        self.launch()
        wait_for(self.answers, "the server to answer")
        return self

    def answers(self) -> bool:
        """Whether somebody listens there, with or without a password."""
        try:
            return bool(self.client.ping())
        except redis.exceptions.AuthenticationError:
            return True
        except redis.exceptions.RedisError:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            return False

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.signal(signal.SIGKILL)
            self.process.wait()


@contextlib.contextmanager
def running(folder: Path, *directives: str, port: int = 0, program: str | Path | None = None) -> Iterator[RealServer]:
    """A server for the length of a test."""
    server = RealServer(folder, *directives, port=port, program=program)
    try:
        yield server.start()
    finally:
        server.kill()


def free_port() -> int:
    """A port that was free a moment ago, low enough for a cluster's second one 10,000 above."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 50_000:
            return port
        port = 20_000 + port % 29_000
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
