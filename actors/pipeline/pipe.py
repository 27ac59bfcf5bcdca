"""One connection's group commit: whatever arrives while a batch is on its way goes out together in the next.

A pipe has one task. It connects, gives the server its scripts, and then sends batch after batch, each with a deadline.
While there is no connection, requests wait for a short time (a server that restarts is back in a tenth of a second),
then they fail unsent.

Weakness: order within a slot rests on all of a batch being executed or none of it. Should a server lose one script and
not another in the middle of a batch, a later request of the slot can be done before an earlier one that was sent again.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import hiredis
import structlog

from actors.pipeline.answers import Answers
from actors.pipeline.limits import PipeCounts, PipeLimits, reconnect_delay_s
from actors.pipeline.queue import RequestQueue
from actors.pipeline.request import Request
from actors.pipeline.scripts import Script
from actors.redis_connection.urls import NodeAddress
from actors.redis_connection.wire import Wire, pack
from actors.store_errors import ClusterDown, MasterDown, StoreAway, StoreError, StoreLoading, StoreReadOnly, refusal
from supervision import world

_log = structlog.get_logger("actors.pipeline")
# A script that is missing again after it was loaded twice is being flushed faster than it can be used.
_LOADS_MAX: Final = 2
# How often an idle pipe looks whether the server has hung up.
_IDLE_LOOK_S: Final = 1.0
# How long after its last answer the server is taken to be there without a look.
_FRESH_S: Final = 0.01
_REDIRECTIONS: Final = ("MOVED ", "ASK ", "TRYAGAIN")
_PING: Final = pack(("PING",))


class Redirector:
    """Who knows where slots are. This one is for a single server, where there is nowhere else to go."""

    def redirect(self, _pipe: "Pipe", redirected: Sequence[tuple[Request, str]]) -> None:
        """Deal with requests that were answered MOVED, ASK or TRYAGAIN; the text is that answer.

        Runs on the pipe's task, before its next batch, and may wait. Does not raise.
        """
        for request, text in redirected:
            finish(request, refusal(text))

    def lost(self, _pipe: "Pipe") -> None:
        """Hear of a connection that broke, or could not be made, or of a server that serves no slots."""

    def settled(self, _pipe: "Pipe") -> None:
        """Hear that a whole batch has been dealt with."""

    def changed(self, _pipe: "Pipe") -> None:
        """Hear that the pipe has, or has no longer, a connection."""


class Pipe:
    """The way to one server. All but run() may be called by any greenlet of the hub, and never waits."""

    def __init__(
        self, node: NodeAddress, wire: Wire, scripts: Iterable[Script], limits: PipeLimits, redirector: Redirector
    ) -> None:
        self.node = node
        self.name = str(node)
        self.queue = RequestQueue(limits.waiting_count_max, limits.waiting_bytes_max)
        self.counts = PipeCounts()
        self.connected = False
        self.in_flight: list[Request] = []
        self._wire = wire
        self._scripts = {script.sha: script for script in scripts}
        self._limits = limits
        self._redirector = redirector
        self._failures = 0
        self.trouble = "there has been no connection yet"
        self._closed = False
        self._heard_s = -_FRESH_S
        self._idle: world.Waiter | None = None
        self._sweep: world.Timer | None = None

    def __repr__(self) -> str:
        return f"Pipe({self.name!r}, {'connected' if self.connected else 'away'}, {len(self.queue)} waiting)"

    def put(self, request: Request) -> None:
        """Queue a request; one that comes too late fails soon. Raises StoreBacklog."""
        if self._closed:
            world.current().call_soon(finish, request, StoreAway("the pipeline was stopped", sent=False))
            return
        self.queue.put(request)
        if self._idle is not None:
            self._idle.wake()
        if not self.connected:
            self._bound_patience()

    def nudge(self) -> None:
        """Look at the queue again: something was put back or released."""
        if self._idle is not None:
            self._idle.wake()

    def close(self) -> None:
        """End the task soon. What waits fails unsent; what is on its way still gets its answer."""
        self._closed = True
        self.nudge()

    def run(self) -> None:
        """Send batches until close(); the task of this pipe. Raises nothing but a kill."""
        try:
            while not self._closed:
                if not self.connected:
                    self._connect()
                elif not self.queue.has_sendable():
                    self._wait_for_work()
                elif world.current().now() - self._heard_s > _FRESH_S and self._wire.is_stale():
                    self._note_trouble("the server hung up")
                else:
                    self._send_batch()
        finally:
            self._closed = True
            self._wire.close()
            self._fail_all(self.in_flight, "the pipeline was stopped", sent=True)
            self._fail_waiting("the pipeline was stopped")
            self._set_connected(now=False)
            if self._sweep is not None:
                self._sweep.cancel()

    def _wait_for_work(self) -> None:
        self._idle = waiter = world.current().waiter()
        try:
            waiter.wait(_IDLE_LOOK_S)
        except world.WaitTimeout:
            if self._wire.is_stale():
                self._note_trouble("the server hung up")
        finally:
            self._idle = None

    def _connect(self) -> None:
        """Have a connection to a server that knows all scripts, or wait a little after a failure."""
        self._wire.close()
        try:
            self._wire.open()
            self._load_scripts()
        except StoreError as error:
            self._wire.close()
            self._note_trouble(str(error))
            self._redirector.lost(self)
            delay_s = reconnect_delay_s(self._failures, self._limits, world.current().random.random())
            self._failures += 1
            self._pause(delay_s)
        else:
            self._failures = 0
            self.counts.connections += 1
            self._set_connected(now=True)

    def _pause(self, delay_s: float) -> None:
        """Sleep, but not on after close()."""
        deadline_s = world.current().now() + delay_s
        while not self._closed and (left_s := deadline_s - world.current().now()) > 0:
            world.current().sleep(min(left_s, 0.1))

    def _load_scripts(self) -> None:
        """Give the server every script there is. Raises StoreError: that it is still LOADING, for one."""
        replies: list[Any] = []
        self._wire.exchange(loads(self._scripts.values()) or [_PING], replies, self._limits.batch_timeout_s)
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                raise refusal(str(reply))

    def _send_batch(self) -> None:
        batch = self.queue.take(self._limits.batch_count_max, self._limits.batch_bytes_max)
        if not batch:
            return
        self.in_flight = batch
        try:
            redirected = self._exchange(batch)
        except StoreAway as error:
            self._lose(error)
        else:
            if redirected:
                self.counts.redirections += len(redirected)
                self._redirector.redirect(self, redirected)
        self.in_flight = []
        self._heard_s = world.current().now()
        self._redirector.settled(self)

    def _exchange(self, batch: list[Request]) -> list[tuple[Request, str]]:
        """Send requests and see to every one of them: answered, failed, or returned to be sent elsewhere.

        Raises StoreAway with the requests that got no answer still undone.
        """
        redirected: list[tuple[Request, str]] = []
        missing = self._send(batch, [], redirected)
        loads = 0
        while missing and loads < _LOADS_MAX:
            loads += 1
            missing = self._send(missing, scripts_of(missing), redirected)
        for request in missing:
            finish(request, refusal("NOSCRIPT the server forgets scripts as fast as they are loaded"))
        return redirected

    def _send(
        self, batch: list[Request], scripts: list[Script], redirected: list[tuple[Request, str]]
    ) -> list[Request]:
        """Send scripts to load, then requests, in one go. Returns the requests whose script was missing."""
        packed = [request.packed for request in batch]
        answers = Answers(batch, len(scripts))
        missing: list[Request] = []
        try:
            self._wire.exchange(
                [*loads(scripts), *packed] if scripts else packed, answers, self._limits.batch_timeout_s
            )
        except StoreAway:
            self._settle_refused(answers, missing, redirected)
            self._fail_all([*missing, *(request for request, _ in redirected)], "the connection broke", sent=False)
            raise
        self._settle_refused(answers, missing, redirected)
        self.counts.batches += 1
        self.counts.requests += len(batch)
        self.counts.script_loads += len(scripts)
        return missing

    def _settle_refused(self, answers: Answers, missing: list[Request], redirected: list[tuple[Request, str]]) -> None:
        for request, text in answers.refused:
            self._settle_one_refused(request, text, missing, redirected)

    def _settle_one_refused(
        self, request: Request, text: str, missing: list[Request], redirected: list[tuple[Request, str]]
    ) -> None:
        if text.startswith("NOSCRIPT") and request.script is not None:
            self._scripts[request.script.sha] = request.script
            missing.append(request)
            return
        if text.startswith(_REDIRECTIONS):
            redirected.append((request, text))
            return
        error = refusal(text)
        if isinstance(error, StoreReadOnly | MasterDown | StoreLoading):
            # After a failover the same name may lead to another server: the next batch asks for it anew.
            self._wire.close()
        if isinstance(error, ClusterDown):
            self._redirector.lost(self)
        finish(request, error)

    def _lose(self, error: StoreAway) -> None:
        """Fail all that was sent and all that waits: nobody may overtake a lost request unawares."""
        self.counts.losses += 1
        self._note_trouble(str(error))
        self._fail_all(self.in_flight, error.detail, sent=True)
        self._fail_waiting(error.detail)
        self._redirector.lost(self)

    def _note_trouble(self, trouble: str) -> None:
        self.trouble = trouble
        self._set_connected(now=False)

    def _set_connected(self, *, now: bool) -> None:
        if self.connected == now:
            return
        self.connected = now
        if now:
            if self._sweep is not None:
                self._sweep.cancel()
                self._sweep = None
        else:
            self._bound_patience()
        self._redirector.changed(self)

    def _bound_patience(self) -> None:
        """See to it that what waits while there is no connection does so for patience_s at most."""
        if self._sweep is None and len(self.queue):
            self._sweep = world.current().call_later(self._limits.patience_s, self._lose_patience)

    def _lose_patience(self) -> None:
        """Fail what has waited for a connection for patience_s; runs on the hub."""
        self._sweep = None
        if not self.connected:
            self._fail_waiting(f"{self.name} is away: {self.trouble}")

    def _fail_waiting(self, detail: str) -> None:
        self._fail_all(self.queue.extract(), detail, sent=False)

    def _fail_all(self, requests: Sequence[Request], detail: str, *, sent: bool) -> None:
        for request in requests:
            finish(request, StoreAway(detail, sent=sent))


def finish(request: Request, error: StoreError) -> None:
    """Fail a request, if it is not done; a listener that raises is reported, and harms nobody."""
    try:
        request.fail(error)
    except Exception:  # noqa: BLE001 - a listener's fault is the listener's
        _report_listener(request)


def deliver(request: Request, reply: Any) -> None:
    """Answer a request; a listener that raises is reported, and harms nobody."""
    try:
        request.answer(reply)
    except Exception:  # noqa: BLE001 - a listener's fault is the listener's
        _report_listener(request)


def _report_listener(request: Request) -> None:
    _log.exception("pipeline.listener_failed", request=repr(request))


def loads(scripts: Iterable[Script]) -> list[bytes]:
    """Pack the commands that give a server scripts."""
    return [pack(("SCRIPT", "LOAD", script.source)) for script in scripts]


def scripts_of(batch: Iterable[Request]) -> list[Script]:
    """Return the scripts that requests need, each once."""
    scripts: dict[str, Script] = {request.script.sha: request.script for request in batch if request.script}
    return list(scripts.values())
