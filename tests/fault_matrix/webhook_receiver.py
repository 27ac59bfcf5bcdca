"""A webhook receiver that keeps what it was sent on disk, as a process of its own that may be killed and started again.

As a program: `webhook_receiver.py PORT BOOK`, where each delivery is one JSON line of the book: its headers, its body,
and what it was answered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from daemon_under_test import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    book: Path
    status = 200

    def do_GET(self) -> None:
        """It is up."""
        self._answer(200)

    def do_PUT(self) -> None:
        """`PUT /status/507`: what deliveries are answered from here on."""
        type(self).status = int(self.path.rpartition("/")[2])
        self._answer(200)

    def do_POST(self) -> None:
        """A delivery: it is in the book before it is answered."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        line = json.dumps({"headers": headers, "body": body, "status": self.status}) + "\n"
        with self.book.open("a", encoding="utf-8") as book:
            book.write(line)
        self._answer(self.status)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """The book is the log."""


class WebhookReceiver:
    """One receiver; its book outlives its process."""

    def __init__(self, port: int, book: Path) -> None:
        self.port = port
        self.url = f"http://{HOST}:{port}/hook"
        self._book = book
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Listen."""
        self._process = subprocess.Popen([sys.executable, __file__, str(self.port), str(self._book)])
        wait_for(self._is_up, "the webhook receiver", 15.0)

    def kill(self) -> None:
        """Kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10.0)

    def answer(self, status: int) -> None:
        """Answer deliveries so from here on."""
        request = urllib.request.Request(f"http://{HOST}:{self.port}/status/{status}", method="PUT")
        urllib.request.urlopen(request, timeout=5.0).close()

    def deliveries(self) -> list[dict[str, Any]]:
        """Everything that came, in order: `headers`, `event` (the body), `status`. A torn last line is none."""
        found = []
        for line in self._book.read_text(encoding="utf-8").splitlines() if self._book.exists() else ():
            with suppress(ValueError):
                delivery = json.loads(line)
                found.append({**delivery, "event": json.loads(delivery["body"])})
        return found

    def _is_up(self) -> bool:
        with suppress(OSError):
            urllib.request.urlopen(f"http://{HOST}:{self.port}/", timeout=1.0).close()
            return True
        return False


@contextmanager
def webhook_receiver(port: int, book: Path) -> Iterator[WebhookReceiver]:
    """A receiver that is up, gone with the test."""
    receiver = WebhookReceiver(port, book)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.kill()


if __name__ == "__main__":
    _Handler.book = Path(sys.argv[2])
    ThreadingHTTPServer((HOST, int(sys.argv[1])), _Handler).serve_forever()
