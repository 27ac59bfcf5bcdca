"""A server of files that serves badly on request: cuts, drips, redirects, lies. Sockets on gevent, in this process."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.server import StreamServer

Serve = Callable[["Asked", Any], None]


@dataclass(frozen=True)
class Asked:
    """One request: its path and its headers, names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def range_start(self) -> int | None:
        """Where the wanted rest begins."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else None


@dataclass
class FileServer:
    """What is served under each path, and what was asked."""

    paths: dict[str, Serve] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def serve(self, path: str, *how: Serve) -> str:
        """Serve a path so: the first request by the first, the last one by all that follow. Returns its address."""
        left = list(how)

        def one_after_the_other(asked: Asked, connection: Any) -> None:
            (left.pop(0) if len(left) > 1 else left[0])(asked, connection)

        self.paths[path] = one_after_the_other
        return self.url(path)

    def handle(self, connection: Any, _address: Any) -> None:
        """One connection, one request."""
        with contextlib.suppress(OSError), connection:
            asked = _read(connection)
            if asked is not None:
                self.asked.append(asked)
                self.paths.get(asked.path.partition("?")[0], answer(404))(asked, connection)


def _read(connection: Any) -> Asked | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, path, _ = first.split(" ", 2)
    return Asked(method, path, headers, body)


@contextlib.contextmanager
def file_server() -> Iterator[FileServer]:
    """A server on a free port of this machine, gone with the test."""
    files = FileServer()
    server = StreamServer(("127.0.0.1", 0), files.handle)
    server.start()
    files.port = server.server_port
    try:
        yield files
    finally:
        server.stop(timeout=0.1)


def head(status: int, **headers: object) -> bytes:
    """The beginning of an answer; `_` in a header's name stands for `-`."""
    lines = [f"HTTP/1.1 {status} So", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode()


def answer(status: int, content: bytes = b"", **headers: object) -> Serve:
    """That status, whole."""

    def serve(_: Asked, connection: Any) -> None:
        connection.sendall(head(status, Content_Length=len(content), **headers) + content)

    return serve


def cut(content: bytes, after: int, **headers: object) -> Serve:
    """Promises all of the content and hangs up after so many bytes."""

    def serve(_: Asked, connection: Any) -> None:
        connection.sendall(head(200, Content_Length=len(content), **headers) + content[:after])

    return serve


def ranged(content: bytes, **headers: object) -> Serve:
    """Knows Range: gives the rest where it is asked for."""

    def serve(asked: Asked, connection: Any) -> None:
        start = asked.range_start
        if start is None:
            connection.sendall(head(200, Content_Length=len(content), **headers) + content)
            return
        rest, total = content[start:], len(content)
        shown = f"bytes {start}-{total - 1}/{total}"
        connection.sendall(head(206, Content_Length=len(rest), Content_Range=shown, **headers) + rest)

    return serve


def drip(content: bytes, every_s: float) -> Serve:
    """One byte at a time."""

    def serve(_: Asked, connection: Any) -> None:
        connection.sendall(head(200, Content_Length=len(content)))
        for byte in content:
            connection.sendall(bytes([byte]))
            gevent.sleep(every_s)

    return serve


def silence(_: Asked, connection: Any) -> None:
    """Takes the request and says nothing until the other side hangs up."""
    connection.recv(1)


def redirect(location: str, status: int = 302) -> Serve:
    """Look over there."""
    return answer(status, Location=location)


def endless(_: Asked, connection: Any) -> None:
    """Bytes without end and without a length."""
    connection.sendall(head(200))
    while True:
        connection.sendall(b"x" * 65536)
