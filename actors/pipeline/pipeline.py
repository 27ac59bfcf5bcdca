"""The pipeline: every command of a node on its way to the store, batched over a few connections to each server.

Weakness: while a slot moves between servers of a cluster, a request that was redirected and a later one of the same
slot that was not may change places if both were in one batch: the server had already run the later one.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import structlog

from actors.pipeline.limits import PipeCounts, PipeLimits
from actors.pipeline.pipe import Pipe, Redirector, finish
from actors.pipeline.redirection import ask
from actors.pipeline.request import Request
from actors.pipeline.scripts import Script
from actors.redis_connection import Endpoint, NodeAddress, read_redirection, slot_of
from actors.redis_connection.wire import pack
from actors.store_errors import ClusterDown, SlotMoving, StoreAway, StoreError
from supervision import world

_log = structlog.get_logger("actors.pipeline")
# 40 tries, 50 ms apart, are 2 s: longer than a partition's slot takes to move, shorter than a person waits.
_TRIES_MAX: Final = 40
_TRY_AGAIN_S: Final = 0.05
# How long between two looks at the map of slots: while something is wrong, and while nothing is.
_REFRESH_S: Final = 0.25
_REFRESH_IDLE_S: Final = 60.0
_CALL_S: Final = 5.0

Argument = str | bytes | int | float


@dataclass(frozen=True, slots=True)
class PipeStatus:
    """One connection at a glance. server: its address; lane: its number among those to the same server."""

    server: str
    lane: int
    connected: bool
    waiting: int
    waiting_bytes: int
    in_flight: int
    counts: PipeCounts


class Pipeline(Redirector):
    """Commands in, replies out. Belongs to the hub's thread; start() and stop() to its one owner.

    Order: requests of one slot (of one partition, that is) are executed in the order of their submission, or fail. When
    a connection is lost, everything sent over it fails with an unknown outcome and everything behind it fails unsent,
    so that a request never overtakes a lost one unless its caller has been told. The caller decides what to send again.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        scripts: Iterable[Script] = (),
        limits: PipeLimits | None = None,
        on_change: Callable[[bool], object] | None = None,
    ) -> None:
        """endpoint: discovered. on_change is called with True and False as the store comes and goes."""
        self._endpoint = endpoint
        self._scripts = tuple(scripts)
        self._limits = limits or PipeLimits()
        self._on_change = on_change
        self._lanes: dict[NodeAddress, list[Pipe]] = {}
        self._routes: dict[
            int | None, Pipe
        ] = {}  # Invariant: a slot's pipe is one of those to the server that holds it
        self._turn = 0
        self._tasks: list[world.Task] = []
        self._refresher: world.Task | None = None
        self._releases: dict[Pipe, list[tuple[int, Pipe]]] = {}
        self._refresh_wanted: world.Waiter | None = None
        self._running = False
        self._was_ready = False

    def start(self) -> None:
        """Start the tasks; connections come up by themselves, and come back by themselves."""
        self._running = True
        for node in self._endpoint.masters:
            self._lanes_to(node)
        if self._endpoint.topology is not None:
            self._refresher = world.current().spawn(self._refresh_when_wanted, name="pipeline topology")

    def stop(self, timeout_s: float = 5.0) -> None:
        """Let what is on its way come home, fail what waits, and hang up."""
        self._running = False
        if self._refresher is not None:
            self._refresher.kill()
        for pipe in self._pipes():
            pipe.close()
        deadline_s = world.current().now() + timeout_s
        for task in self._tasks:
            if not task.join(max(0.0, deadline_s - world.current().now())):
                task.kill()
                task.join(1.0)
        self._lanes, self._routes, self._releases, self._tasks, self._refresher = {}, {}, {}, [], None
        self._tell_change()

    @property
    def is_ready(self) -> bool:
        """Whether every server that holds keys is connected."""
        return self._running and all(pipe.connected for pipe in self._pipes())

    @property
    def fault(self) -> BaseException | None:
        """What ended one of the tasks, which only a fault in here does; the owner stops and starts everything anew."""
        tasks = (*self._tasks, self._refresher)
        return next((task.error for task in tasks if task is not None and task.done and task.error is not None), None)

    def status(self) -> list[PipeStatus]:
        """Return the figures of every connection."""
        return [
            PipeStatus(
                server=str(node),
                lane=lane,
                connected=pipe.connected,
                waiting=len(pipe.queue),
                waiting_bytes=pipe.queue.size_bytes,
                in_flight=len(pipe.in_flight),
                counts=pipe.counts,
            )
            for node, lanes in self._lanes.items()
            for lane, pipe in enumerate(lanes)
        ]

    def submit(
        self,
        script: Script,
        keys: Sequence[str | bytes],
        args: Sequence[Argument],
        on_done: Callable[[Request], object] | None = None,
    ) -> Request:
        """Send a script; its keys share a slot. Returns at once.

        on_done is called with the request on the pipe's greenlet; it must not wait. Raises StoreBacklog; TypeError and
        UnicodeEncodeError for arguments that cannot be sent.
        """
        slot = slot_of(keys[0]) if keys else None
        request = Request(pack(("EVALSHA", script.sha, len(keys), *keys, *args)), slot, script, on_done)
        (self._routes.get(slot) or self._route(slot)).put(request)
        return request

    def execute(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[Argument], timeout_s: float = _CALL_S
    ) -> Any:
        """Send a script and wait for its reply. Raises StoreError; StoreAway when timeout_s passes."""
        return self.submit(script, keys, args).result(timeout_s)

    def submit_call(
        self, *args: Argument, key: str | bytes | None = None, on_done: Callable[[Request], object] | None = None
    ) -> Request:
        """Send a plain command; key is one of its keys, or None when it has none. Otherwise as submit."""
        slot = slot_of(key) if key is not None else None
        request = Request(pack(args), slot, None, on_done)
        (self._routes.get(slot) or self._route(slot)).put(request)
        return request

    def call(self, *args: Argument, key: str | bytes | None = None, timeout_s: float = _CALL_S) -> Any:
        """Send a plain command and wait for its reply. Raises StoreError; StoreAway when timeout_s passes."""
        return self.submit_call(*args, key=key).result(timeout_s)

    def call_each(self, *args: Argument, timeout_s: float = _CALL_S) -> dict[NodeAddress, Any]:
        """Send a plain command to every server that holds keys. Raises the first StoreError."""
        packed = pack(args)
        requests = {node: Request(packed, None, None, None) for node in self._lanes}
        for node, request in requests.items():
            self._lanes[node][0].put(request)
        return {node: request.result(timeout_s) for node, request in requests.items()}

    def redirect(self, pipe: Pipe, redirected: Sequence[tuple[Request, str]]) -> None:
        """See Redirector."""
        to_ask: dict[NodeAddress, list[Request]] = {}
        to_send: dict[Pipe, list[Request]] = {}
        for request, text in redirected:
            request.tries += 1
            redirection = read_redirection(text, pipe.node)
            if request.tries > _TRIES_MAX or request.slot is None or not self._running:
                finish(request, SlotMoving(text))
            elif redirection is None:
                self._hold_a_little(pipe, request.slot)
                to_send.setdefault(pipe, []).append(request)
            elif redirection.asking:
                to_ask.setdefault(redirection.node, []).append(request)
            else:
                self._note_moved(request.slot, redirection.node)
                to_send.setdefault(self._routes[request.slot], []).append(request)
        for node, requests in to_ask.items():
            again = ask(self._endpoint.wire(node), requests, self._limits.batch_timeout_s)
            for slot in {request.slot for request in again if request.slot is not None}:
                self._hold_a_little(pipe, slot)
            to_send.setdefault(pipe, []).extend(again)
        for target, requests in to_send.items():
            target.queue.put_back(requests)
            target.nudge()

    def lost(self, _pipe: Pipe) -> None:
        """See Redirector."""
        self._want_refresh()

    def settled(self, pipe: Pipe) -> None:
        """See Redirector."""
        for slot, target in self._releases.pop(pipe, ()):
            self._release(target, slot)

    def changed(self, pipe: Pipe) -> None:
        """See Redirector."""
        lanes = self._lanes.get(pipe.node, [])
        # One line for a server, not one for each of its connections; and none for one that is left on purpose.
        if self._running and pipe in lanes and all(other.connected for other in lanes if other is not pipe):
            if pipe.connected:
                _log.debug("pipeline.connected", server=pipe.name)
            else:
                _log.debug("pipeline.away", server=pipe.name, error=pipe.trouble, next="reconnecting")
        self._tell_change()

    @property
    def trouble(self) -> str:
        """What ails the connections that are down; empty while all are up."""
        return "; ".join(sorted({f"{pipe.name}: {pipe.trouble}" for pipe in self._pipes() if not pipe.connected}))

    def _pipes(self) -> Iterable[Pipe]:
        return chain.from_iterable(self._lanes.values())

    def _lanes_to(self, node: NodeAddress) -> list[Pipe]:
        """Return the pipes to a server, started if need be."""
        lanes = self._lanes.get(node)
        if lanes is None:
            lanes = [
                Pipe(node, self._endpoint.wire(node), self._scripts, self._limits, self)
                for _ in range(self._limits.lanes)
            ]
            self._lanes[node] = lanes
            self._tasks = [task for task in self._tasks if not (task.done and task.error is None)]
            self._tasks += [world.current().spawn(pipe.run, name=f"pipe to {node}") for pipe in lanes]
        return lanes

    def _route(self, slot: int | None) -> "Pipe | _NoPipe":
        """Give a slot a pipe, the next in turn to its server, and keep to it."""
        if not self._running:
            return _NoPipe(StoreAway("the pipeline is not running", sent=False))
        topology = self._endpoint.topology
        if topology is None or slot is None:
            node: NodeAddress | None = self._endpoint.masters[0]
        else:
            node = topology.nodes[slot]
        if node is None:
            self._want_refresh()
            return _NoPipe(ClusterDown(f"CLUSTERDOWN nobody serves slot {slot}"))
        lanes = self._lanes_to(node)
        self._turn += 1
        pipe = self._routes[slot] = lanes[self._turn % len(lanes)]
        return pipe

    def _note_moved(self, slot: int, node: NodeAddress) -> None:
        """Follow a MOVED answer. The map is asked for as well: slots seldom move alone."""
        if self._endpoint.topology is not None and self._endpoint.topology.nodes[slot] != node:
            self._endpoint.topology = self._endpoint.topology.moved(slot, node)
        self._follow_topology()
        if slot not in self._routes:
            self._route(slot)
        self._want_refresh()

    def _follow_topology(self) -> None:
        """Send slots that have moved elsewhere, and what waits for them along, behind what is under way."""
        topology = self._endpoint.topology
        if topology is None:
            return
        leaving: dict[Pipe, dict[int | None, Pipe]] = {}
        first = topology.masters[0]
        for slot, old in list(self._routes.items()):
            node = first if slot is None else topology.nodes[slot]
            if node == old.node:
                continue
            del self._routes[slot]
            new = self._route(slot)
            if isinstance(new, Pipe):
                leaving.setdefault(old, {})[slot] = new
        for old, targets in leaving.items():
            self._take_along(old, targets)

    def _take_along(self, old: Pipe, targets: dict[int | None, Pipe]) -> None:
        """Move what waits in one pipe for slots that others serve now."""
        for slot in {request.slot for request in old.in_flight if not request.done} & targets.keys():
            if slot is not None:
                targets[slot].queue.hold(slot)
                self._releases.setdefault(old, []).append((slot, targets[slot]))
        moving = old.queue.extract(targets)
        for target in set(targets.values()):
            target.queue.put_back([request for request in moving if targets[request.slot] is target])
            target.nudge()

    def _hold_a_little(self, pipe: Pipe, slot: int) -> None:
        pipe.queue.hold(slot)
        world.current().call_later(_TRY_AGAIN_S, self._release, pipe, slot)

    def _release(self, pipe: Pipe, slot: int) -> None:
        pipe.queue.release(slot)
        pipe.nudge()

    def _want_refresh(self) -> None:
        if self._refresh_wanted is not None:
            self._refresh_wanted.wake()

    def _refresh_when_wanted(self) -> None:
        """Keep the map of slots right; a task of a cluster's pipeline."""
        while True:
            self._refresh_wanted = waiter = world.current().waiter()
            with contextlib.suppress(world.WaitTimeout):
                waiter.wait(_REFRESH_IDLE_S if self.is_ready else _REFRESH_S)
            try:
                self._endpoint.topology = self._endpoint.fetch_topology(tuple(self._lanes))
            except StoreError as error:
                _log.warning("pipeline.topology_unknown", error=str(error), next="asking again")
            else:
                self._follow_topology()
                self._leave_departed(self._endpoint.masters)
            world.current().sleep(_REFRESH_S)

    def _leave_departed(self, masters: Sequence[NodeAddress]) -> None:
        """Have pipes to every master and to nobody else."""
        for node in masters:
            self._lanes_to(node)
        for node in self._lanes.keys() - set(masters):
            for pipe in self._lanes.pop(node):
                pipe.close()
        self._tell_change()

    def _tell_change(self) -> None:
        ready = self.is_ready
        if ready != self._was_ready:
            self._was_ready = ready
            if self._on_change is not None:
                self._on_change(ready)


@dataclass(frozen=True, slots=True)
class _NoPipe:
    """Takes requests that nobody can serve, and fails them soon."""

    error: StoreError

    def put(self, request: Request) -> None:
        """Fail it, but not before its caller has it in hand."""
        world.current().call_soon(finish, request, self.error)
