"""Sockets of the virtual world: byte streams in memory, with virtual deadlines."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from supervision.world_hub import HubTask, HubWaiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervision.world import ByteStream
    from supervision.world_virtual import VirtualWorld


class MemoryStream:
    """One end of a connection."""

    def __init__(self, world: VirtualWorld) -> None:
        """Not connected yet: peer is set by `connected_pair`."""
        self._world = world
        self.peer: MemoryStream | None = None
        self._data = b""
        self._ended = False
        self._closed = False
        self._waiting: deque[HubWaiter] = deque()

    def read(self, size_max: int, timeout_s: float | None) -> bytes:
        """Between 1 and size_max bytes; b"" at the end. Raises WaitTimeout and OSError."""
        deadline_s = None if timeout_s is None else self._world.now() + timeout_s
        while not self._data and not self._ended:
            self._check_open()
            waiter = self._world.waiter()
            self._waiting.append(waiter)
            waiter.wait(None if deadline_s is None else deadline_s - self._world.now())
        data, self._data = self._data[:size_max], self._data[size_max:]
        return data

    def read_exactly(self, size: int, timeout_s: float | None) -> bytes:
        """Size bytes. Raises EOFError when the stream ends before."""
        return self._read_until(lambda data: size if len(data) >= size else None, timeout_s)

    def read_line(self, size_max: int, timeout_s: float | None) -> bytes:
        """Bytes up to and including the next newline, or up to the end. Raises ValueError beyond size_max."""

        def end_of_line(data: bytes) -> int | None:
            position = data.find(b"\n")
            if position >= size_max or (position < 0 and len(data) > size_max):
                message = f"a line is longer than {size_max} bytes"
                raise ValueError(message)
            return position + 1 if position >= 0 else None

        try:
            return self._read_until(end_of_line, timeout_s)
        except EOFError:
            data, self._data = self._data, b""
            return data

    def _read_until(self, found: Callable[[bytes], int | None], timeout_s: float | None) -> bytes:
        deadline_s = None if timeout_s is None else self._world.now() + timeout_s
        while (size := found(self._data)) is None:
            if self._ended:
                message = "the stream ended"
                raise EOFError(message)
            self._check_open()
            waiter = self._world.waiter()
            self._waiting.append(waiter)
            waiter.wait(None if deadline_s is None else deadline_s - self._world.now())
        data, self._data = self._data[:size], self._data[size:]
        return data

    def write(self, data: bytes, timeout_s: float | None) -> None:
        """All of data. Raises BrokenPipeError when the other end is closed."""
        del timeout_s
        self._check_open()
        if self.peer is None or self._ended:
            raise BrokenPipeError
        self.peer.receive(data)

    def receive(self, data: bytes) -> None:
        """Take what the other end wrote; b"" is its end."""
        self._data += data
        self._ended = self._ended or not data
        while self._waiting:
            self._waiting.popleft().wake()

    def close(self) -> None:
        """End the stream for both sides."""
        if not self._closed:
            self._closed = True
            if self.peer is not None:
                self.peer.receive(b"")
            while self._waiting:
                self._waiting.popleft().wake()

    def _check_open(self) -> None:
        if self._closed:
            message = "the stream is closed"
            raise OSError(message)


class MemoryServer:
    """A server under a name."""

    def __init__(
        self, world: VirtualWorld, path: str, serve: Callable[[ByteStream], object], connections_max: int
    ) -> None:
        """Listen. Raises OSError when the name is taken."""
        if path in world.servers:
            message = f"{path} is taken"
            raise OSError(message)
        self._world = world
        self._path = path
        self._serve = serve
        self._connections_max = connections_max
        self._connections: dict[MemoryStream, HubTask] = {}
        world.servers[path] = self

    def accept(self) -> MemoryStream:
        """Make a connection and return the caller's end."""
        ours, theirs = MemoryStream(self._world), MemoryStream(self._world)
        ours.peer, theirs.peer = theirs, ours
        if len(self._connections) >= self._connections_max:
            ours.close()
        else:
            self._connections[ours] = self._world.spawn(self._serve_one, ours, name=f"connection to {self._path}")
        return theirs

    def _serve_one(self, stream: MemoryStream) -> None:
        try:
            self._serve(stream)
        finally:
            stream.close()
            self._connections.pop(stream, None)

    def close(self) -> None:
        """Stop listening and end the open connections."""
        self._world.servers.pop(self._path, None)
        for stream, task in list(self._connections.items()):
            task.kill()
            stream.close()


def connect(world: VirtualWorld, path: str) -> MemoryStream:
    """Connect to a server. Raises ConnectionRefusedError."""
    server = world.servers.get(path)
    if server is None:
        raise ConnectionRefusedError(path)
    return server.accept()
