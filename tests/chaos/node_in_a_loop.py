"""A node under a service manager's restart loop: whenever it ends, it is started again after a short pause."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from daemon_under_test import start_daemon, wait_for

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

PAUSE_S = 0.2
LOOK_S = 0.01


class NodeInALoop:
    """Keeps a node running until `end`."""

    def __init__(self, data_dir: Path, settings: Mapping[str, object], log: Path | None = None) -> None:
        """settings: of the node, as environment variables without prefix. log: by default in the data directory."""
        self._data_dir = data_dir
        self._log = log or data_dir / "node.log"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        # A node dies with the thread that started it, so this one lives as long as the loop.
        self._thread = threading.Thread(target=self._run, name="restart loop", daemon=True)
        self.starts = 0
        self.exits: list[int] = []

    @property
    def log(self) -> Path:
        """What all its lives have logged."""
        return self._log

    def start(self) -> None:
        """Begin the loop."""
        self._thread.start()

    def kill(self, timeout_s: float = 10.0) -> float:
        """Kill -9 the node that runs now; returns the wall clock's time at that."""
        process = wait_for(self.running, "a node to kill", timeout_s)
        at_s = time.time()
        process.kill()
        return at_s

    def end(self, timeout_s: float) -> int:
        """SIGTERM, and start no other; returns the exit status of the drain."""
        self._ending.set()
        process = self._process
        if process is not None:
            process.terminate()
        self._thread.join(timeout_s)
        if self._thread.is_alive() and process is not None:
            process.kill()
            self._thread.join(5.0)
        return self.exits[-1]

    def running(self) -> subprocess.Popen[bytes] | None:
        """The node that runs now, if one does."""
        process = self._process
        return process if process is not None and process.poll() is None else None

    def _run(self) -> None:
        while not self._ending.is_set():
            self.starts += 1
            self._process = start_daemon(self._data_dir, self.log, self._settings)
            while self._process.poll() is None:
                time.sleep(LOOK_S)
            self.exits.append(self._process.returncode)
            self._ending.wait(PAUSE_S)

    @property
    def unplanned_exits(self) -> list[int]:
        """Exit statuses of nodes that ended by themselves."""
        return [status for status in self.exits if status != -signal.SIGKILL]
