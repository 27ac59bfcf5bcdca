"""A layer on a lane of its own: saves that wait share a commit, and what a layer away could not take is kept for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from supervision.keeping.events import OnEvent, OperatorEvent
from supervision.keeping.layers import Entry, StateLayer
from supervision.keeping.sealed import Position
from supervision.keeping.sqlite_file import FileDamaged
from supervision.world_lane import Answer, Done, Lane, LaneClosed, LaneFull

T = TypeVar("T")

PENDING_MAX: Final = 100_000
RETRY_S: Final = 1.0
RETRY_S_MAX: Final = 30.0
PENDING_BATCH: Final = 256


class Runner(Protocol):
    """How the core reaches a layer: submit and be called back, or call and wait."""

    layer: StateLayer

    @property
    def pending(self) -> int:
        """How many sessions the layer could not take yet."""

    @property
    def error(self) -> Exception | None:
        """Why the layer cannot be used now."""

    def put(self, entry: Entry, done: Done) -> None:
        """Have it written; done(True, None or the place that stands) or done(False, error)."""

    def owe(self, entry: Entry) -> None:
        """A save counts without this layer: bring it up when it can be."""

    def read(self, function: Callable[[StateLayer], Any], done: Done) -> None:
        """Have something read."""

    def call(self, function: Callable[[StateLayer], T], timeout_s: float) -> T:
        """Its result, waiting here. Raises what it raises, and WaitTimeout."""

    def settle(self, timeout_s: float) -> None:
        """Offer what the layer is owed, now."""

    def close(self, timeout_s: float) -> bool:
        """Write what waits and let go."""


class InlineRunner:
    """For a layer that never blocks. The caller's own lock keeps its calls apart."""

    pending = 0
    error: Exception | None = None

    def __init__(self, layer: StateLayer) -> None:
        self.layer = layer

    def put(self, entry: Entry, done: Done) -> None:
        """At once."""
        self.read(lambda layer: layer.put_many([entry])[0], done)

    def owe(self, entry: Entry) -> None:
        """Nothing: a layer in memory is filled again by the next load."""

    def read(self, function: Callable[[StateLayer], Any], done: Done) -> None:
        """At once."""
        try:
            found = function(self.layer)
        except Exception as error:  # noqa: BLE001 - it travels to whoever asked
            done(False, error)  # noqa: FBT003 - a runner's answer
        else:
            done(True, found)  # noqa: FBT003 - a runner's answer

    def call(self, function: Callable[[StateLayer], T], timeout_s: float) -> T:  # noqa: ARG002 - takes no time
        """At once."""
        return function(self.layer)

    def settle(self, timeout_s: float) -> None:
        """Nothing is owed."""

    def close(self, timeout_s: float) -> bool:  # noqa: ARG002 - takes no time
        """At once."""
        self.layer.close()
        return True


class LaneRunner:
    """For a layer that blocks. It is opened at its first use.

    What it is owed (a save that others took and it could not) is offered to it again, with growing waits, until it
    takes it or has something newer. Invariant: `_pending` holds the newest entry owed of a key; only the lane's thread
    touches it.
    """

    def __init__(self, layer: StateLayer, on_event: OnEvent) -> None:
        self.layer = layer
        self.error: Exception | None = None
        self._on_event = on_event
        self._is_open = False
        self._pending: dict[str, Entry] = {}
        self._wait_s = RETRY_S
        self._lane = Lane(f"layer {layer.name}", tick=self._offer_again, tick_s=RETRY_S)

    @property
    def pending(self) -> int:
        """How many sessions the layer could not take yet."""
        return len(self._pending)

    def put(self, entry: Entry, done: Done) -> None:
        """Together with others that wait."""
        self._lane.submit_one_of(self._put_many, entry, done)

    def owe(self, entry: Entry) -> None:
        """Keep it for the layer."""
        with suppress(LaneFull, LaneClosed):  # the next `sync` finds the difference
            self._lane.submit(lambda: self._keep(entry), lambda _ok, _value: None)

    def read(self, function: Callable[[StateLayer], Any], done: Done) -> None:
        """After the writes that wait."""
        self._lane.submit(lambda: self._tried(function), done, is_read=True)

    def call(self, function: Callable[[StateLayer], T], timeout_s: float) -> T:
        """In order with the writes."""
        answer = Answer[T]()
        self._lane.submit(lambda: self._tried(function), answer.done)
        return answer.wait(timeout_s)

    def settle(self, timeout_s: float) -> None:
        """Offer what it is owed, now."""
        self._lane.call(self._offer_again, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Offer what is pending once more, and let go."""
        return self._lane.close(timeout_s, self._last)

    def _last(self) -> None:
        self._offer_again()
        self.layer.close()
        self._is_open = False

    def _put_many(self, entries: Sequence[Entry]) -> Sequence[Position | Exception | None]:
        try:
            said = self._tried(lambda layer: layer.put_many(entries))
        except Exception as error:  # noqa: BLE001 - every one of them hears it
            return [error] * len(entries)
        for entry in entries:
            self._pending.pop(entry.key, None)
        return said

    def _keep(self, entry: Entry) -> None:
        before = self._pending.get(entry.key)
        if before is None and len(self._pending) >= PENDING_MAX:
            return  # the next `sync` finds the difference
        if before is None or before.position < entry.position:
            self._pending[entry.key] = entry

    def _offer_again(self) -> float:
        while self._pending:
            entries = list(self._pending.values())[:PENDING_BATCH]
            try:
                self._tried(lambda layer, entries=entries: layer.put_many(entries))  # type: ignore[misc]
            except Exception:  # noqa: BLE001 - it has been told; the next try comes
                self._wait_s = min(self._wait_s * 2, RETRY_S_MAX)
                return self._wait_s
            for entry in entries:
                del self._pending[entry.key]
        self._wait_s = RETRY_S
        return RETRY_S

    def _tried(self, function: Callable[[StateLayer], T]) -> T:
        """Open where needed, do it, and do it again on the new file when the old one was found damaged."""
        try:
            if not self._is_open:
                for words in self.layer.open():
                    self._tell("state_layer_mended", "error", "lost sessions come from the other layers", detail=words)
                self._is_open = True
            try:
                found = function(self.layer)
            except FileDamaged as damage:
                self._tell("state_layer_mended", "error", "goes on with a new file", detail=str(damage))
                found = function(self.layer)
        except Exception as error:
            if self.error is None:
                self._tell("state_layer_away", "error", "saves go to the other layers", detail=repr(error))
            self.error = error
            raise
        if self.error is not None:
            self.error = None
            self._tell("state_layer_back", "info", f"{len(self._pending)} sessions are written to it")
        return found

    def _tell(self, name: str, level: Any, next_step: str, **facts: Any) -> None:
        self._on_event(OperatorEvent(name, level, next_step, {"layer": self.layer.name, **facts}))
