"""A real HTTP receiver that can be away, and counts what reaches it by the id it carries."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Receiver:
    """Listens on a port of its own while entered. is_up: whether it takes what comes, or answers 503."""

    def __init__(self) -> None:
        self.is_up = False
        self.received: Counter[Any] = Counter()
        self.refused = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(outer._take(self.headers.get("webhook-id") or body["n"]))
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # with the default of 5 it resets connections under load, as no receiver should

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def _take(self, number: Any) -> int:
        with self._lock:
            if not self.is_up:
                self.refused += 1
                return 503
            self.received[number] += 1
            return 204

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
