"""The daemon as a subprocess, as an operator runs it: started, asked, stopped, killed; the command line beside it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

REPOSITORY = Path(__file__).resolve().parents[1]
UP_S = 60.0
LOOK_S = 0.01

# A child that dies with its parent, also when that is killed: prctl(PR_SET_PDEATHSIG, SIGKILL), then the program.
DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str, timeout_s: float = 30.0, every_s: float = LOOK_S) -> Found:
    """Look until there is something to see, and return it; fails after timeout_s."""
    until_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < until_s, f"waited {timeout_s:g} s for {what}"
        time.sleep(every_s)
    return found


def environment(settings: Mapping[str, object] | None = None) -> dict[str, str]:
    """This process's environment without any configuration of Unfailing, and the given settings, as `DAEMON__KEY`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UNFAILING_", "OPENAI_"))}
    return {**kept, **{f"UNFAILING_{name}": str(value) for name, value in (settings or {}).items()}}


def start_daemon(data_dir: Path, log: Path, settings: Mapping[str, object] | None = None) -> subprocess.Popen[bytes]:
    """Start `run.py daemon` on a data directory; it dies with the thread that calls this. Does not wait."""
    command = [sys.executable, str(REPOSITORY / "run.py"), "daemon", "--data-dir", str(data_dir)]
    with log.open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-S", "-c", DIE_WITH_PARENT, *command],
            cwd=REPOSITORY, env=environment(settings), stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
        )  # fmt: skip


def ask_control(data_dir: Path, request: Mapping[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
    """Put a request to the node's control socket and return its answer. Raises OSError while nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        connection.connect(str(data_dir / "control.sock"))
        connection.sendall(json.dumps(request).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            chunk = connection.recv(1 << 20)
            if not chunk:
                raise ConnectionResetError("the node hung up")
            line += chunk
    answer: dict[str, Any] = json.loads(line)
    return answer


def store_client(data_dir: Path, timeout_s: float = 10.0) -> "redis.Redis":
    """A plain client of the embedded server: bytes in and out, nothing repeated behind the caller's back."""
    return redis.Redis(
        unix_socket_path=str(data_dir / "valkey.sock"), socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
    )


def server_pid(data_dir: Path) -> int:
    """The process id of the embedded server that answers now. Raises redis.RedisError while none does."""
    with store_client(data_dir) as client:
        return int(client.info("server")["process_id"])


def kill_server_left_behind(data_dir: Path) -> None:
    """Kill the embedded server that a killed daemon has left, if there is one."""
    with suppress(OSError, ValueError):
        leader = int((data_dir / "server.lock").read_text())
        if str(data_dir).encode() in Path(f"/proc/{leader}/cmdline").read_bytes():
            os.killpg(leader, signal.SIGKILL)


@contextmanager
def short_folder(prefix: str = "ue-") -> Iterator[Path]:
    """A new folder whose path is short enough for sockets; whatever server is left in it is killed with it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield folder
    finally:
        kill_server_left_behind(folder)
        shutil.rmtree(folder, ignore_errors=True)


class DaemonUnderTest:
    """One daemon on one data directory. As a context it is up when entered, and gone when left."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        """settings: as environment variables without their prefix, such as DAEMON__HARD_DEADLINE_S=5."""
        self.data_dir = data_dir
        self.log = data_dir / "daemon.log"
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        kill_server_left_behind(self.data_dir)

    def start(self) -> Self:
        """Start it and wait until it says that it is up."""
        known = self.log.stat().st_size if self.log.exists() else 0
        self.process = start_daemon(self.data_dir, self.log, self.settings)
        wait_for(lambda: self._says("the node is up", known), "the daemon to be up", UP_S)
        return self

    def events(self) -> list[dict[str, Any]]:
        """What it has logged, line by line."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def status(self) -> dict[str, Any]:
        """The live tree, through the control socket."""
        answer: dict[str, Any] = ask_control(self.data_dir, {"do": "status"})["status"]
        return answer

    def crash(self, path: str) -> None:
        """Crash an actor as a drill."""
        answer = ask_control(self.data_dir, {"do": "kill", "path": path, "reason": "drill"})
        assert answer["ok"], answer

    def client(self) -> "redis.Redis":
        """A plain client of its embedded server."""
        return store_client(self.data_dir)

    def command(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run `run.py` with these arguments on the daemon's data directory, and wait for it."""
        return subprocess.run(
            [sys.executable, str(REPOSITORY / "run.py"), *arguments, "--data-dir", str(self.data_dir)],
            cwd=REPOSITORY, env=environment(self.settings), capture_output=True, text=True, timeout=timeout_s,
            check=False,
        )  # fmt: skip

    def terminate(self, timeout_s: float = 40.0) -> int:
        """SIGTERM, and wait for the end; returns the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10.0)

    def _says(self, event: str, from_byte: int) -> bool:
        assert self.process is not None
        with self.log.open("rb") as log:
            log.seek(from_byte)
            said = log.read()
        assert self.process.poll() is None, said.decode(errors="replace")[-3000:]
        return event.encode() in said
