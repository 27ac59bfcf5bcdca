"""A webhook's receiver over real HTTP in this process, which answers as it is told and keeps what came."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import gevent


@dataclass(frozen=True)
class Delivery:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes
    at_s: float

    @property
    def event_id(self) -> str:
        """Its webhook-id."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        """Its body."""
        read: dict[str, Any] = json.loads(self.body)
        return read


@dataclass(frozen=True)
class Answer:
    """What is answered, after a while."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    after_s: float = 0.0
    body: bytes = b""


class Receiver:
    """Keeps every request in `came`; `answers` decides by the delivery, 204 unless told otherwise."""

    def __init__(self) -> None:
        self.came: list[Delivery] = []
        self.answers: Callable[[Delivery], Answer] = lambda _: Answer()
        self.at_once = 0
        self.at_once_seen = 0
        self._server = self._made(0)
        self.port = self._server.server_address[1]

    @property
    def url(self) -> str:
        """Where events go."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> Counter[str]:
        """How often each event was delivered."""
        return Counter(delivery.event_id for delivery in self.came)

    def close(self) -> None:
        """Listen no more: connections are refused."""
        self._server.shutdown()
        self._server.server_close()

    def open(self) -> None:
        """Listen again, on the same port."""
        self._server = self._made(self.port)

    def _made(self, port: int) -> ThreadingHTTPServer:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        server = Server(("127.0.0.1", port), Handler)
        gevent.spawn(server.serve_forever, 0.02)
        return server

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        delivery = Delivery(headers, body, gevent.get_hub().loop.now())
        self.came.append(delivery)
        self.at_once += 1
        self.at_once_seen = max(self.at_once_seen, self.at_once)
        try:
            answer = self.answers(delivery)
            gevent.sleep(answer.after_s)
        finally:
            self.at_once -= 1
        handler.send_response(answer.status)
        for name, value in answer.headers:
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver, gone with the test."""
    made = Receiver()
    try:
        yield made
    finally:
        made.close()
