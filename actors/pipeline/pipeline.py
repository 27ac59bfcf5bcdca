"""The pipeline: every command of a node on its way to the store, batched per server.

Weakness: while a slot moves between servers of a cluster, a request that was redirected and a later one of the same
slot that was not may change places if both were in one batch: the server had already run the later one.
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from actors.pipeline.limits import PipeCounts, PipeLimits
from actors.pipeline.pipe import Pipe, Redirector, finish
from actors.pipeline.redirection import ask
from actors.pipeline.request import Request
from actors.pipeline.scripts import Script
from actors.redis_connection import Endpoint, NodeAddress, Topology, read_redirection, slot_of
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
    """One server's pipe at a glance."""

    server: str
    connected: bool
    waiting: int
    waiting_bytes: int
    in_flight: int
    counts: PipeCounts


class Pipeline(Redirector):
    """Commands in, replies out. Belongs to the hub's thread; start() and stop() to its one owner.

    Order: requests of one slot are executed in the order of their submission, or fail. When a connection is lost,
    everything sent over it fails with an unknown outcome and everything behind it fails unsent, so that a request never
    overtakes a lost one unless its caller has been told. The caller decides what to send again.
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
        self._pipes: dict[NodeAddress, Pipe] = {}
        self._tasks: list[world.Task] = []
        self._refresher: world.Task | None = None
        self._only: Pipe | None = None  # Invariant: the one pipe of a single server, None in a cluster
        self._routes: list[Pipe | None] = []  # Invariant: one a slot in a running cluster, else empty
        self._releases: dict[Pipe, list[tuple[int, Pipe]]] = {}
        self._refresh_wanted: world.Waiter | None = None
        self._running = False
        self._was_ready = False

    def start(self) -> None:
        """Start the tasks; connections come up by themselves, and come back by themselves."""
        self._running = True
        if self._endpoint.topology is None:
            self._only = self._pipe_to(self._endpoint.masters[0])
            return
        self._routes = [None] * len(self._endpoint.topology.nodes)
        self._apply(self._endpoint.topology)
        self._refresher = world.current().spawn(self._refresh_when_wanted, name="pipeline topology")

    def stop(self, timeout_s: float = 5.0) -> None:
        """Let what is on its way come home, fail what waits, and hang up."""
        self._running = False
        for pipe in self._pipes.values():
            pipe.close()
        if self._refresher is not None:
            self._refresher.kill()
        deadline_s = world.current().now() + timeout_s
        for task in self._tasks:
            if not task.join(max(0.0, deadline_s - world.current().now())):
                task.kill()
                task.join(1.0)
        self._pipes, self._tasks, self._only, self._routes, self._refresher = {}, [], None, [], None
        self._tell_change()

    @property
    def is_ready(self) -> bool:
        """Whether every server that holds keys is connected."""
        return self._running and all(pipe.connected for pipe in self._pipes.values())

    @property
    def fault(self) -> BaseException | None:
        """What ended one of the tasks, which only a fault in here does; the owner stops and starts everything anew."""
        tasks = (*self._tasks, self._refresher)
        return next((task.error for task in tasks if task is not None and task.done and task.error is not None), None)

    def status(self) -> list[PipeStatus]:
        """Return the figures of every server."""
        return [
            PipeStatus(
                pipe.name, pipe.connected, len(pipe.queue), pipe.queue.size_bytes, len(pipe.in_flight), pipe.counts
            )
            for pipe in self._pipes.values()
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
        only = self._only
        packed = pack(("EVALSHA", script.sha, len(keys), *keys, *args))
        request = Request(packed, None if only is not None or not keys else slot_of(keys[0]), script, on_done)
        if only is not None:
            only.put(request)
        else:
            self._route(request)
        return request

    def execute(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[Argument], timeout_s: float = _CALL_S
    ) -> Any:
        """Send a script and wait for its reply. Raises StoreError; StoreAway when timeout_s passes."""
        return self.submit(script, keys, args).result(timeout_s)

    def submit_call(
        self, *args: Argument, key: str | bytes | None = None, on_done: Callable[[Request], object] | None = None
    ) -> Request:
        """Send a plain command; key says which server of a cluster is meant (None: any). Otherwise as submit."""
        only = self._only
        request = Request(pack(args), None if only is not None or key is None else slot_of(key), None, on_done)
        if only is not None:
            only.put(request)
        else:
            self._route(request)
        return request

    def call(self, *args: Argument, key: str | bytes | None = None, timeout_s: float = _CALL_S) -> Any:
        """Send a plain command and wait for its reply. Raises StoreError; StoreAway when timeout_s passes."""
        return self.submit_call(*args, key=key).result(timeout_s)

    def call_each(self, *args: Argument, timeout_s: float = _CALL_S) -> dict[NodeAddress, Any]:
        """Send a plain command to every server that holds keys. Raises the first StoreError."""
        packed = pack(args)
        requests = {node: Request(packed, None, None, None) for node in self._pipes}
        for node, request in requests.items():
            self._pipes[node].put(request)
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
                self._assign({redirection.slot: redirection.node})
                self._want_refresh()
                to_send.setdefault(self._pipe_to(redirection.node), []).append(request)
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

    def changed(self, _pipe: Pipe) -> None:
        """See Redirector."""
        self._tell_change()

    def _route(self, request: Request) -> None:
        """Queue a request in a cluster; with nobody to take it, it fails soon."""
        if request.slot is not None and self._routes:
            pipe = self._routes[request.slot]
        else:
            pipe = next(iter(self._pipes.values()), None)
        if pipe is not None:
            pipe.put(request)
            return
        self._want_refresh()
        error: StoreError = StoreAway("the pipeline is not running", sent=False)
        if self._running:
            error = ClusterDown(f"CLUSTERDOWN nobody serves slot {request.slot}")
        world.current().call_soon(finish, request, error)

    def _pipe_to(self, node: NodeAddress) -> Pipe:
        pipe = self._pipes.get(node)
        if pipe is None:
            pipe = Pipe(node, self._endpoint.wire(node), self._scripts, self._limits, self)
            self._pipes[node] = pipe
            self._tasks = [task for task in self._tasks if not (task.done and task.error is None)]
            self._tasks.append(world.current().spawn(pipe.run, name=f"pipe to {node}"))
        return pipe

    def _assign(self, nodes: dict[int, NodeAddress]) -> None:
        """Send slots elsewhere, and what waits for them along; behind what their old pipes have under way."""
        leaving: dict[Pipe, dict[int | None, Pipe]] = {}
        for slot, node in nodes.items():
            old, new = self._routes[slot], self._pipe_to(node)
            self._routes[slot] = new
            if old is not None and old is not new:
                leaving.setdefault(old, {})[slot] = new
        for old, targets in leaving.items():
            for under_way in {request.slot for request in old.in_flight if not request.done} & targets.keys():
                if under_way is not None:
                    targets[under_way].queue.hold(under_way)
                    self._releases.setdefault(old, []).append((under_way, targets[under_way]))
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
                topology = self._endpoint.fetch_topology(tuple(self._pipes))
            except StoreError as error:
                _log.warning("pipeline.topology_unknown", error=str(error), next="asking again")
            else:
                self._endpoint.topology = topology
                self._apply(topology)
            world.current().sleep(_REFRESH_S)

    def _apply(self, topology: Topology) -> None:
        self._assign({slot: node for slot, node in enumerate(topology.nodes) if node is not None})
        for slot in [slot for slot, node in enumerate(topology.nodes) if node is None]:
            self._routes[slot] = None
        for node in self._pipes.keys() - set(topology.masters):
            self._pipes.pop(node).close()
        self._tell_change()

    def _tell_change(self) -> None:
        ready = self.is_ready
        if ready != self._was_ready:
            self._was_ready = ready
            if self._on_change is not None:
                self._on_change(ready)
