"""llmock as a server of its own process: faults are ordered and its verdict is read over HTTP."""

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from daemon_under_test import DIE_WITH_PARENT, wait_for

START = "import sys; sys.argv = ['llmock', *sys.argv[1:]]; from llmock.cli import app; app()"


class ModelServer:
    """One llmock server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}/v1"

    def expect(self, *behaviors: dict[str, Any]) -> None:
        """Have the next requests answered so."""
        self._call("POST", "/scenario", {"behaviors": list(behaviors)})

    def requests(self) -> int:
        """How many requests came."""
        return int(self._call("GET", "/requests")["count"])

    def reset(self) -> None:
        """Forget requests and orders."""
        self._call("POST", "/reset")

    def findings(self, *, without: tuple[str, ...] = ()) -> list[str]:
        """What its verdict finds wrong with the client, but for the codes that are right here."""
        found = self._call("GET", "/verdict")["findings"]
        return [json.dumps(one) for one in found if one["code"] not in without]

    def answers(self) -> bool:
        """Whether it listens."""
        with suppress(OSError):
            self._call("GET", "/requests")
            return True
        return False

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/_llmock{path}", data, {"content-type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10.0) as answer:
            read: dict[str, Any] = json.loads(answer.read())
        return read


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A server on a free port, gone with the test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", START, "serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", DIE_WITH_PARENT, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    server = ModelServer(port)
    try:
        wait_for(server.answers, "the model server", 30.0, 0.05)
        yield server
    finally:
        process.kill()
        process.wait(10.0)
