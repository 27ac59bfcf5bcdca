"""Daemons in processes of their own whose sessions obey drills, on the worker's server or on their embedded one."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from turn.cut_loader import VARIABLE, chosen_cut
from turn.real_nodes import wait_for

PROGRAM = Path(__file__).with_name("drilled_daemon.py")
UP_S = 30.0
# A child that dies with whoever started it: prctl(PR_SET_PDEATHSIG, SIGKILL), then the program.
DIE_WITH_PARENT = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


class Daemon:
    """One daemon on a data directory. As a context it is up when entered and gone when left, its server as well."""

    def __init__(self, data_dir: Path, url: str = "", **daemon: Any) -> None:
        """url: empty for the embedded server. daemon: settings of that section."""
        self.data_dir = data_dir
        self.log = data_dir.with_suffix(".log")
        self._url = url
        self._settings = {"partitions": 4, **daemon}
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        with suppress(OSError, ValueError):
            os.killpg(int((self.data_dir / "server.lock").read_text()), signal.SIGKILL)

    def start(self) -> Self:
        """Start it, for the first time or again, and wait until it is up."""
        known = self.log.stat().st_size if self.log.exists() else 0
        options = ["--data-dir", str(self.data_dir), *(["--redis-url", self._url] if self._url else [])]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("UNFAILING_", "OPENAI_"))
        }
        environment |= {f"UNFAILING_DAEMON__{name.upper()}": str(value) for name, value in self._settings.items()}
        environment |= {VARIABLE: chosen_cut(), "UNFAILING_READERS__COUNT": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", DIE_WITH_PARENT, sys.executable, str(PROGRAM), "daemon", *options],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(lambda: self._says(known), "the daemon to be up", UP_S)
        return self

    def _says(self, known: int) -> bool:
        text = self.log.read_bytes()[known:]
        assert self.process.poll() is None, text.decode(errors="replace")[-3000:]
        return b"the node is up" in text

    @property
    def socket(self) -> Path:
        """Of the embedded server."""
        return self.data_dir / "valkey.sock"

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait(10.0)

    def died(self) -> bool:
        """Whether it has killed itself."""
        return self.process.poll() == -signal.SIGKILL

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def terminate(self, timeout_s: float = 30.0) -> int:
        """SIGTERM, and its exit status."""
        self.process.terminate()
        return self.process.wait(timeout_s)
