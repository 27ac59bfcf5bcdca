"""Reads the inbox channel in a native thread, into a bounded buffer, and proves by beats that it still hears.

A native thread, because a subscriber that does not read for a while is cut off by the server.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.logs import Seldom
from actors.store_errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node
    from supervision.world import NativeThread

_log = structlog.get_logger(__name__)

BUFFER_MESSAGES_MAX: Final = 10_000
BUFFER_BYTES_MAX: Final = 256 * 1024 * 1024
BEAT_S: Final = 5.0
DEAF_S: Final = 15.0
READ_S: Final = 0.2
RECONNECT_S: Final = 0.5
FULL_S: Final = 0.02
BEHIND_S: Final = 0.005


class Subscriber:
    """The thread and its buffer. `on_heard` is called on the hub when there is something to take."""

    def __init__(self, node: Node, on_heard: Callable[[], object]) -> None:
        """Start with `start`, end with `stop`."""
        self._node = node
        self._world: Any = node.world
        self._on_heard = on_heard
        self._buffer: deque[bytes] = deque()
        self._buffer_bytes = 0
        self._stopping = False
        self._thread: NativeThread | None = None
        self._beat_channel = ""
        self._opened = False
        self._away = Seldom()

    def start(self) -> None:
        """Begin to listen."""
        prefix = self._node.settings.daemon.prefix
        self._beat_channel = f"{prefix}:beat:{self._node.node_id}"
        self._thread = self._world.native_thread(self._run, name="inbox subscriber")

    def stop(self, *, wait: bool = True) -> None:
        """Stop listening; what is in the buffer stays there. wait: until nothing more can come into it."""
        self._stopping = True
        if wait and self._thread is not None:
            self._thread.join(READ_S + 2.0)

    def take(self, count_max: int) -> list[bytes]:
        """The oldest messages of the buffer. On the hub."""
        taken: list[bytes] = []
        while self._buffer and len(taken) < count_max:
            raw = self._buffer.popleft()
            self._buffer_bytes -= len(raw)
            taken.append(raw)
        return taken

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._listen()
            except (StoreError, OSError) as error:
                if self._stopping:
                    return
                if self._away.is_due(self._world.now()):
                    _log.warning(
                        "the inbox channel cannot be heard", reason=str(error),
                        next=f"tried every {RECONNECT_S:g} s until it can",
                    )  # fmt: skip
                self._world.native_sleep(RECONNECT_S)

    def _listen(self) -> None:
        channel = self._node.store.keys.inbox
        subscription = self._node.endpoint.subscription((channel, self._beat_channel), role="inbox")
        beats = self._node.endpoint.blocking(self._beat_channel, role="inbox-beat")
        try:
            subscription.open()
            if self._opened:
                _log.warning(
                    "the inbox channel is heard again", channel=channel,
                    next="what was published on it meanwhile is gone; the streams lose nothing",
                )  # fmt: skip
            self._opened = self._node.is_listening = True
            self._hear(subscription, beats)
        finally:
            subscription.close()
            beats.close()

    def _hear(self, subscription: Any, beats: Any) -> None:
        heard_s = beaten_s = self._world.now()
        while not self._stopping:
            while self._is_full() and not self._stopping:
                self._world.native_sleep(FULL_S)
            if self._buffer:
                # The hub is behind: reading on at once would only take the interpreter from it, message by message.
                self._world.native_sleep(BEHIND_S)
            messages = subscription.read(READ_S)
            now_s = self._world.now()
            bodies = [message.payload for message in messages if message.channel != self._beat_channel]
            if messages:
                heard_s = now_s
            if bodies:
                self._buffer_bytes += sum(map(len, bodies))
                self._buffer.extend(bodies)
                self._world.call_soon_threadsafe(self._on_heard)
            if now_s - beaten_s >= BEAT_S:
                beaten_s = now_s
                beats.call("PUBLISH", self._beat_channel, b"1")
            if now_s - heard_s >= DEAF_S:
                _log.warning("the subscription is deaf: its own beats do not arrive", next="subscribed anew")
                return

    def _is_full(self) -> bool:
        return len(self._buffer) >= BUFFER_MESSAGES_MAX or self._buffer_bytes >= BUFFER_BYTES_MAX
