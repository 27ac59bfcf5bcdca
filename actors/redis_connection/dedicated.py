"""Connections that wait in the server: for stream entries, and for what is published.

Each belongs to one greenlet or native thread. They open themselves at their first use, and again at the first use after
they broke, which raises; whoever uses them decides when to try again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from actors.redis_connection.topology import Topology
from actors.redis_connection.urls import NodeAddress
from actors.redis_connection.wire import SocketWire
from actors.store_errors import SlotMoving, StoreAway, StoreError, StoreReadOnly
from supervision import world

# What the server's timer and the way back may add to the time a blocking command asks for.
_MARGIN_S: Final = 3.0
_CONFIRM_S: Final = 5.0


class _Endpoint(Protocol):
    """What is needed of an endpoint here."""

    topology: Topology | None

    def wire(self, node: NodeAddress | None = None, *, role: str = ...) -> SocketWire: ...
    def node_of(self, key: str | None) -> NodeAddress | None: ...
    def fetch_topology(self) -> Topology: ...


class BlockingConnection:
    """A connection of its own for commands that wait. key says which server of a cluster is meant."""

    def __init__(self, endpoint: _Endpoint, key: str | None, role: str) -> None:
        self._endpoint = endpoint
        self._key = key
        self._role = role
        self._wire: SocketWire | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, *args: Any, block_s: float = 0.0) -> Any:
        """Send one command, which itself waits at most block_s, and return its reply (bytes, int, None, lists of them).

        Raises StoreAway when nothing came a few seconds after that, or StoreRefusal; after a MOVED, which is raised as
        SlotMoving, the next call goes to the right server.
        """
        if self._wire is None:
            self._wire = self._endpoint.wire(self._endpoint.node_of(self._key), role=self._role)
        try:
            return self._wire.call(*args, timeout_s=block_s + _MARGIN_S)
        except SlotMoving:
            self.close()
            if self._endpoint.topology is not None:
                self._endpoint.topology = self._endpoint.fetch_topology()
            raise
        except (StoreAway, StoreReadOnly):
            self.close()
            if self._endpoint.topology is not None:
                self._look_again()
            raise

    def close(self) -> None:
        """Hang up, which also ends a wait in the server. A second call does nothing."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _look_again(self) -> None:
        """After a failover somebody else serves the key: find out, if anybody can tell."""
        try:
            self._endpoint.topology = self._endpoint.fetch_topology()
        except StoreError:
            return


@dataclass(frozen=True, slots=True)
class Published:
    """One message of a channel."""

    channel: str
    payload: bytes


class Subscription:
    """Channels of one server, read in batches.

    Weakness: pub/sub keeps nothing. What is published between a loss and the next open() is gone, and nobody can tell
    how much that was: the caller logs a possible gap at every open() but its first.
    """

    def __init__(self, endpoint: _Endpoint, channels: Sequence[str], role: str) -> None:
        if not channels:
            raise ValueError("a subscription needs a channel")
        self._endpoint = endpoint
        self._channels = tuple(channels)
        self._role = role
        self._wire: SocketWire | None = None
        self._early: list[Published] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether it is subscribed, as far as is known."""
        return self._wire is not None

    def open(self) -> None:
        """Subscribe, and wait until every channel is confirmed. Raises StoreError. Does nothing when it is open."""
        if self._wire is not None:
            return
        wire = self._endpoint.wire(role=self._role)
        wire.open()
        try:
            wire.post("SUBSCRIBE", *self._channels, timeout_s=_CONFIRM_S)
            self._early = self._await_confirmation(wire, world.current().now)
        except BaseException:
            wire.close()
            raise
        self._wire = wire

    def read(self, timeout_s: float) -> list[Published]:
        """Return what has been published, at least one message; an empty list when there was none within timeout_s.

        Raises StoreAway when the connection broke or is not open; open() it again.
        """
        if self._wire is None:
            raise StoreAway("not subscribed", sent=False)
        if self._early:
            early, self._early = self._early, []
            return early
        try:
            return _messages(self._wire.take(timeout_s))
        except StoreAway:
            self.close()
            raise

    def close(self) -> None:
        """Hang up. A second call does nothing."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _await_confirmation(self, wire: SocketWire, now: Callable[[], float]) -> list[Published]:
        """Return what was published on the first channels while the last ones were being confirmed."""
        missing = set(self._channels)
        early: list[Published] = []
        deadline_s = now() + _CONFIRM_S
        while missing:
            if now() >= deadline_s:
                raise StoreAway("the subscription was not confirmed in time", sent=True)
            replies = wire.take(deadline_s - now())
            refused = [reply for reply in replies if isinstance(reply, Exception)]
            if refused:
                raise StoreAway(f"the subscription was refused: {refused[0]}", sent=False)
            missing -= {reply[1].decode() for reply in replies if reply[0] == b"subscribe"}
            early += _messages(replies)
        return early


def _messages(replies: list[Any]) -> list[Published]:
    """Pick the messages out of what a subscribed connection hears."""
    heard = (reply for reply in replies if isinstance(reply, list))
    return [Published(reply[1].decode(), reply[2]) for reply in heard if reply[0] == b"message"]
