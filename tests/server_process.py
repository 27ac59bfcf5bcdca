"""A server that a test file is when it is run as a program: started, killed and started again, on a port it keeps."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"


class ServerProcess:
    """One HTTP server in a process of its own, `PROGRAM PORT BOOK`; its book, a file, outlives it.

    It answers `GET /` when it is up.
    """

    def __init__(self, program: str, port: int, book: Path) -> None:
        self.port = port
        self.address = f"http://{HOST}:{port}"
        self.book = book
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Listen."""
        # Here, because the program that is started imports this too, and has no need of a client of Redis.
        from daemon_under_test import wait_for

        self._process = subprocess.Popen([sys.executable, self._program, str(self.port), str(self.book)])
        wait_for(self._is_up, f"{Path(self._program).stem} to listen", 15.0)

    def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10.0)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Up, and gone with the test."""
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def put(self, path: str) -> None:
        """Order it by `PUT path` to behave so from here on."""
        request = urllib.request.Request(f"{self.address}{path}", method="PUT")
        urllib.request.urlopen(request, timeout=5.0).close()

    def _is_up(self) -> bool:
        with suppress(OSError):
            urllib.request.urlopen(f"{self.address}/", timeout=1.0).close()
            return True
        return False
