"""HTTP to servers that nobody here chose: each request within one deadline, and never into a private network.

The address is checked where the connection is made, so a name that resolves to another address a moment later gains
nothing. Redirects are not followed and bodies not unpacked: both are decisions of whoever asks. Runs on gevent's
sockets, patched or not; the caller's greenlet waits, never the hub.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpcore2
from gevent import socket as gevent_socket
from gevent.ssl import SSLContext

from supervision.http_addresses import PrivateAddress, UnknownName, is_public
from supervision.world import current

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping

READ_BYTES: Final = 64 * 1024
USER_AGENT: Final = "unfailing/0.1"
_PROTOCOL_TLS_CLIENT: Final = 16
_NO_SUCH_NAME: Final = (gevent_socket.EAI_NONAME, gevent_socket.EAI_NODATA)
_tls: list[Any] = []


class HttpDeadline(TimeoutError):  # noqa: N818 - what happened
    """The request's whole time is over."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. by_s: monotonic, for all of it; idle_s: the longest wait for more bytes, or for a connection."""

    url: str
    by_s: float
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    idle_s: float = 10.0
    allow_private: bool = False


@dataclass(slots=True)
class HttpAnswer:
    """Status and headers (names in lower case) of a server, and its body in chunks, as it came over the wire."""

    status: int
    headers: dict[str, str]
    chunks: Iterator[bytes]

    def body(self, bytes_max: int) -> bytes:
        """The body, no more than its first bytes_max bytes. Raises as reading does."""
        kept = bytearray()
        for chunk in self.chunks:
            kept += chunk
            if len(kept) >= bytes_max:
                break
        return bytes(kept[:bytes_max])


@contextlib.contextmanager
def http_answer(request: HttpRequest) -> Iterator[HttpAnswer]:
    """The answer to one request, over a connection of its own that is closed after it.

    Raises PrivateAddress, UnknownName, HttpDeadline, socket.gaierror, and httpcore2's errors (connecting, reading,
    protocol); reading the chunks raises the same.
    """
    backend = _Backend(request)
    with httpcore2.ConnectionPool(
        ssl_context=_tls_context(), max_connections=1, network_backend=backend, http1=True, http2=False
    ) as pool:
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **request.headers}
        timeouts = {"connect": request.idle_s, "read": request.idle_s, "write": request.idle_s, "pool": request.idle_s}
        with pool.stream(
            request.method, request.url, headers=list(headers.items()), content=request.content,
            extensions={"timeout": timeouts},
        ) as answer:  # fmt: skip
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            yield HttpAnswer(answer.status, names, answer.iter_stream())


def prepare_http() -> None:
    """Load the certificates that are trusted, once, in a native thread: it takes tens of milliseconds."""
    if not _tls:
        _tls.append(current().run_in_thread(_new_tls_context))


def _tls_context() -> ssl.SSLContext:
    prepare_http()
    context: ssl.SSLContext = _tls[0]
    return context


def _new_tls_context() -> Any:
    context = SSLContext(_PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context


class _Backend(httpcore2.NetworkBackend):
    """Connects for one request."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the port's shape
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 - the port's shape
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of the name that answers; every one of them must be public."""
        addresses = self._addresses(host, port)
        error: Exception = httpcore2.ConnectError(f"{host} has no address")
        for family, address in addresses:
            wait_s = _left_s(self._request.by_s, timeout)
            try:
                return _Stream(_connected(family, address, wait_s), self._request.by_s)
            except TimeoutError as late:
                error = httpcore2.ConnectTimeout(f"no connection to {host} in {wait_s:.1f} s")
                error.__cause__ = late
            except OSError as refused:
                error = httpcore2.ConnectError(str(refused))
                error.__cause__ = refused
        raise error

    def _addresses(self, host: str, port: int) -> list[tuple[int, tuple[Any, ...]]]:
        found = _resolved(host, port, _left_s(self._request.by_s, self._request.idle_s))
        addresses = [(family, address) for family, _, _, _, address in found]
        if not self._request.allow_private:
            for _, address in addresses:
                if not is_public(address[0]):
                    raise PrivateAddress(f"{host} is not an address of the public internet")
        return addresses


def _resolved(host: str, port: int, wait_s: float) -> list[Any]:
    """Look a name up, beside the caller: the resolver itself knows no deadline."""
    world = current()
    waiter = world.waiter()

    def look_up() -> None:
        try:
            waiter.wake(gevent_socket.getaddrinfo(host, port, 0, gevent_socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            waiter.wake(error)

    task = world.spawn(look_up, name=f"name {host[:80]}")
    try:
        answer = waiter.wait(wait_s)
    except Exception as error:
        task.kill()
        raise httpcore2.ConnectTimeout(f"no address for {host} in {wait_s:.1f} s") from error
    if isinstance(answer, UnicodeError) or getattr(answer, "errno", None) in _NO_SUCH_NAME:
        raise UnknownName(f"{host} is no name of a host") from answer
    if isinstance(answer, Exception):
        raise answer
    return list(answer)


def _connected(family: int, address: tuple[Any, ...], wait_s: float) -> Any:
    connection = gevent_socket.socket(family, gevent_socket.SOCK_STREAM)
    try:
        connection.settimeout(wait_s)
        connection.connect(address)
        connection.setsockopt(gevent_socket.IPPROTO_TCP, gevent_socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


def _left_s(by_s: float, at_most_s: float | None) -> float:
    """How long one step may wait. Raises HttpDeadline when the request's time is over."""
    left_s = by_s - current().now()
    if left_s <= 0:
        raise HttpDeadline("the request's time is over")
    return left_s if at_most_s is None else min(left_s, at_most_s)


class _Stream(httpcore2.NetworkStream):
    """A socket whose every wait ends by the request's deadline."""

    def __init__(self, connection: Any, by_s: float) -> None:
        self._socket = connection
        self._by_s = by_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes; b"" at the end."""
        self._socket.settimeout(_left_s(self._by_s, timeout))
        try:
            chunk: bytes = self._socket.recv(min(max_bytes, READ_BYTES))
        except TimeoutError as error:
            _left_s(self._by_s, None)
            raise httpcore2.ReadTimeout("no more bytes came") from error
        except OSError as error:
            raise httpcore2.ReadError(str(error)) from error
        return chunk

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All of the bytes."""
        self._socket.settimeout(_left_s(self._by_s, timeout))
        try:
            self._socket.sendall(buffer)
        except TimeoutError as error:
            _left_s(self._by_s, None)
            raise httpcore2.WriteTimeout("the server takes no bytes") from error
        except OSError as error:
            raise httpcore2.WriteError(str(error)) from error

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same connection under TLS, with the server's certificate checked."""
        self._socket.settimeout(_left_s(self._by_s, timeout))
        try:
            secured = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except TimeoutError as error:
            self.close()
            raise httpcore2.ConnectTimeout("no TLS in time") from error
        except OSError as error:
            self.close()
            raise httpcore2.ConnectError(str(error)) from error
        return _Stream(secured, self._by_s)

    def get_extra_info(self, info: str) -> Any:
        """What the pool asks of a connection."""
        match info:
            case "socket":
                return self._socket
            case "ssl_object" if hasattr(self._socket, "selected_alpn_protocol"):
                return self._socket
            case "is_readable":
                return False
            case _:
                return None
