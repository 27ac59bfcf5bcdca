"""A webhook receiver that keeps what it was sent on disk, as a process of its own that may be killed and started again.

As a program: `webhook_receiver.py PORT BOOK`, where each delivery is one JSON line of the book: its headers, its body,
and what it was answered.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from server_process import HOST, ServerProcess

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


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


class WebhookReceiver(ServerProcess):
    """One receiver; its book outlives its process."""

    def __init__(self, port: int, book: Path) -> None:
        super().__init__(__file__, port, book)
        self.url = f"{self.address}/hook"

    def answer(self, status: int) -> None:
        """Answer deliveries so from here on."""
        self.put(f"/status/{status}")

    def deliveries(self) -> list[dict[str, Any]]:
        """Everything that came, in order: `headers`, `event` (the body), `status`. A torn last line is none."""
        found = []
        for line in self.book.read_text(encoding="utf-8").splitlines() if self.book.exists() else ():
            with suppress(ValueError):
                delivery = json.loads(line)
                found.append({**delivery, "event": json.loads(delivery["body"])})
        return found


def webhook_receiver(port: int, book: Path) -> AbstractContextManager[WebhookReceiver]:
    """A receiver that is up, gone with the test."""
    return WebhookReceiver(port, book).running()


if __name__ == "__main__":
    _Handler.book = Path(sys.argv[2])
    ThreadingHTTPServer((HOST, int(sys.argv[1])), _Handler).serve_forever()
