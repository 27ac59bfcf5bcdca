"""One connection to one server, as bytes out and replies in.

redis-py opens it (addresses, TLS, password, database); from there on commands are packed and replies read by hiredis
alone, because that costs a third of redis-py's own way (docs/decisions/0050-the-pipeline-speaks-hiredis.md). Works
under gevent's patch and without, in greenlets and in native threads; one wire belongs to one of them.
"""

import contextlib
from collections.abc import Callable, Sequence
from ssl import SSLSocket, SSLWantReadError
from typing import Any, Final, Protocol

import hiredis
from redis.connection import AbstractConnection
from redis.exceptions import AuthenticationError, BusyLoadingError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from actors.store_errors import StoreAway, StoreDenied, StoreError, StoreLoading, refusal

_RECEIVE_BYTES: Final = 256 * 1024
# hiredis takes more than its type stubs say: any sequence of arguments, any buffer.
pack: Final[Callable[[tuple[Any, ...]], bytes]] = hiredis.pack_command
_PEEK: Final = 2  # MSG_PEEK, the same on every system this runs on
_WAIT_S_MIN: Final = 0.001  # a timeout of 0 would mean "do not wait at all" to a socket


class Wire(Protocol):
    """What the pipeline needs of a connection; the simulation has one of its own, without a socket."""

    def open(self) -> None:
        """Connect. Raises StoreAway (not sent), StoreDenied or StoreLoading. Does nothing when it is open."""

    def exchange(self, packed: Sequence[bytes], replies: list[Any], timeout_s: float) -> None:
        """Send packed commands, and append their replies as they come; error answers are hiredis.ReplyError objects.

        Raises StoreAway (sent) when the last one has not come within timeout_s; what had come stands in replies, and
        the wire is closed.
        """

    def call(self, *args: Any, timeout_s: float) -> Any:
        """Send one command and return its reply. Raises StoreAway, or the StoreRefusal that was answered."""

    def is_stale(self) -> bool:
        """Say whether the other side is known to have hung up, without waiting."""

    def close(self) -> None:
        """Hang up. A second call does nothing."""


class SocketWire:
    """A wire over redis-py's connection. name is how errors call the server."""

    def __init__(self, connection: AbstractConnection, name: str, now: Callable[[], float]) -> None:
        self._connection = connection
        self._name = name
        self._now = now
        self._socket: Any = None  # socket.socket, gevent's or ssl's, as the process is patched
        self._reader = hiredis.Reader()
        self._buffer = bytearray(_RECEIVE_BYTES)

    def __repr__(self) -> str:
        return f"SocketWire({self._name!r}, {'open' if self._socket is not None else 'closed'})"

    def open(self) -> None:
        """See Wire."""
        if self._socket is not None:
            return
        try:
            self._connection.connect()  # type: ignore[no-untyped-call]
        except BaseException as error:
            self.close()
            if isinstance(error, RedisError | OSError):
                raise _connect_error(self._name, error) from error
            raise
        self._socket = self._connection._get_socket()  # noqa: SLF001 - redis-py hands it out under no other name
        self._reader = hiredis.Reader(notEnoughData=_NOT_YET)

    def exchange(self, packed: Sequence[bytes], replies: list[Any], timeout_s: float) -> None:
        """See Wire."""
        deadline_s = self._now() + timeout_s
        awaited = len(replies) + len(packed)
        with self._hanging_up_on_failure():
            self._send(b"".join(packed), deadline_s)
            while len(replies) < awaited:
                self._receive(replies, deadline_s)

    def call(self, *args: Any, timeout_s: float) -> Any:
        """See Wire."""
        self.open()
        replies: list[Any] = []
        self.exchange((pack(args),), replies, timeout_s)
        reply = replies[0]
        if isinstance(reply, hiredis.ReplyError):
            raise refusal(str(reply))
        return reply

    def post(self, *args: Any, timeout_s: float) -> None:
        """Send a command whose replies come by take(), as SUBSCRIBE does. Raises StoreAway."""
        with self._hanging_up_on_failure():
            self._send(pack(args), self._now() + timeout_s)

    def take(self, timeout_s: float) -> list[Any]:
        """Return what has come, at least one reply; an empty list when nothing came within timeout_s.

        Raises StoreAway when the server hung up.
        """
        replies: list[Any] = []
        deadline_s = self._now() + timeout_s
        with self._hanging_up_on_failure(), contextlib.suppress(TimeoutError):
            while not replies:
                self._receive(replies, deadline_s)
        return replies

    def is_stale(self) -> bool:
        """See Wire."""
        sock = self._socket
        if sock is None:
            return True
        try:
            sock.settimeout(0.0)
            if isinstance(sock, SSLSocket):
                # TLS cannot peek. Between exchanges nobody has anything to say: whatever comes means that it is over.
                sock.recv(1)
                return True
            return bool(sock.recv(1, _PEEK) == b"")
        except (BlockingIOError, SSLWantReadError):
            return False
        except OSError:
            return True

    def close(self) -> None:
        """See Wire."""
        self._socket = None
        self._connection.disconnect()  # type: ignore[no-untyped-call]

    def _send(self, data: bytes, deadline_s: float) -> None:
        sock = self._socket
        if sock is None:
            raise StoreAway(f"{self._name} is not connected", sent=False)
        sock.settimeout(max(deadline_s - self._now(), _WAIT_S_MIN))
        sock.sendall(data)

    def _receive(self, replies: list[Any], deadline_s: float) -> None:
        """Append every reply that is complete after one more read. Raises TimeoutError, OSError, hiredis' errors."""
        sock, reader = self._socket, self._reader
        feed: Callable[..., None] = reader.feed
        if sock is None:
            raise StoreAway(f"{self._name} is not connected", sent=True)
        sock.settimeout(max(deadline_s - self._now(), _WAIT_S_MIN))
        size = sock.recv_into(self._buffer)
        if size == 0:
            raise ConnectionResetError("the server closed the connection")
        feed(self._buffer, 0, size)
        get, append = reader.gets, replies.append
        reply = get()
        while reply is not _NOT_YET:
            append(reply)
            reply = get()

    def _hanging_up_on_failure(self) -> "_HangUp":
        return _HangUp(self)


_NOT_YET: Final = object()


class _HangUp:
    """Closes the wire on whatever ends an exchange early, a kill included: replies would come for nobody's question."""

    __slots__ = ("_wire",)

    def __init__(self, wire: SocketWire) -> None:
        self._wire = wire

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        self._wire.close()
        if isinstance(error, TimeoutError):
            detail = f"{self._wire._name} did not answer in time"  # noqa: SLF001 - its own wire
            raise StoreAway(detail, sent=True, silent=True) from error
        if isinstance(error, OSError | hiredis.HiredisError):
            raise StoreAway(f"the connection to {self._wire._name} broke: {error}", sent=True) from error  # noqa: SLF001


def _connect_error(name: str, error: RedisError | OSError) -> StoreError:
    """Say in our words why a connection could not be opened."""
    if isinstance(error, AuthenticationError | NoPermissionError):
        return StoreDenied(f"NOAUTH {name} does not let us in: {error}")
    if isinstance(error, BusyLoadingError):
        return StoreLoading(f"LOADING {name}: {error}")
    if isinstance(error, ResponseError):
        return refusal(str(error))
    return StoreAway(f"{name} cannot be reached: {error}", sent=False, silent=isinstance(error, RedisTimeoutError))
