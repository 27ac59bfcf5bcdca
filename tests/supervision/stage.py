"""A stage for the cases of OTP.md: workers that leave a trace, in the gevent world and in virtual ones.

A case is a function of a stage. `otp_case` makes a test of it that runs it on gevent, and under each seed twice in a
virtual world: both runs must leave the same trace, and no real time passes.
"""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from supervision import world as world_port
from supervision.actor import ActorDown, GeventActor, GeventActorRef
from supervision.operations import Operations
from supervision.registry import registered
from supervision.supervisor import Backoff, ChildSpec, DynamicSupervisor, Supervisor, which_children
from supervision.world_gevent import GeventWorld
from supervision.world_virtual import VirtualWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEEDS = tuple(int(seed) for seed in os.environ.get("UNFAILING_SEEDS", "1 2 3").split())
WORLDS = ("gevent", *(f"seed-{seed}" for seed in SEEDS))


_IDLE = Operations(lambda _error: None)


class Worker(GeventActor):
    """An actor that notes its starts, stops and crashes, and does what it is told.

    Messages: "crash" raises; "stop" stops itself; ("wait", units) waits; a callable is called with the actor; any
    other is noted and returned.
    """

    def __init__(self, stage: Stage, name: str, **behaviour: Any) -> None:
        super().__init__()
        self.stage = stage
        self.name = name
        self.behaviour = behaviour

    def on_start(self) -> None:
        """Note it; then wait, fail or stop as told."""
        self.stage.incarnations[self.name] = self.stage.incarnations.get(self.name, 0) + 1
        self.stage.note(f"start {self.name}")
        if self.behaviour.get("start_units"):
            self.stage.wait(self.behaviour["start_units"])
        fails_at = self.behaviour.get("fails_at", ())
        if self.behaviour.get("fails") or self.stage.incarnations[self.name] in fails_at:
            raise ValueError(self.name)
        if self.behaviour.get("stops_itself"):
            self.stop()

    def on_stop(self) -> None:
        """Note it; then wait or fail as told."""
        self.stage.note(f"stop {self.name}")
        if self.behaviour.get("stop_units"):
            self.stage.wait(self.behaviour["stop_units"])
        if self.behaviour.get("stop_fails"):
            raise ValueError(self.name)

    def on_failure(self, *_error: object) -> None:
        """Note it."""
        self.stage.note(f"failure {self.name}")

    def on_receive(self, message: Any) -> Any:
        """Do what the message says."""
        match message:
            case "crash":
                raise ValueError(self.name)
            case "stop":
                self.stop()
            case ("wait", units):
                self.stage.wait(units)
            case _ if callable(message):
                return message(self)
            case _:
                self.stage.note(f"{self.name} got {message!r}")
        return message


class Witness(GeventActor):
    """Collects what its monitors tell it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.downs: list[ActorDown] = []

    def on_receive(self, message: Any) -> Any:
        """Keep ActorDowns; call what else comes."""
        if isinstance(message, ActorDown):
            self.downs.append(message)
            self.stage.downs.append((message.ref, message.reason))
            return None
        return message(self)


class Stage:
    """One world with its workers and their trace. unit_s: a second in virtual worlds, 40 ms on gevent."""

    def __init__(self, world: Any, unit_s: float) -> None:
        self.world = world
        self.unit_s = unit_s
        self.is_virtual = isinstance(world, VirtualWorld)
        self.trace: list[str] = []
        self.times: list[float] = []
        self.incarnations: dict[str, int] = {}
        self.downs: list[tuple[GeventActorRef[Any], Any]] = []
        self._witness: GeventActorRef[Witness] | None = None

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(text)
        self.times.append(self.world.now())

    def take_trace(self) -> list[str]:
        """Return the trace and begin a new one."""
        trace, self.trace[:] = self.trace[:], []
        return trace

    def wait(self, units: float) -> None:
        """Let time pass."""
        self.world.sleep(units * self.unit_s)

    def until(self, holds: Callable[[], object], units_max: float = 200) -> None:
        """Wait until it holds."""
        deadline_s = self.world.now() + units_max * self.unit_s
        while not holds():
            assert self.world.now() < deadline_s, f"it never came to hold; trace {self.trace}"
            self.world.sleep(0.001)

    def spec(self, name: str, **fields: Any) -> ChildSpec:
        """Make the spec of a worker; fields of ChildSpec, the others are the worker's behaviour. Times in units."""
        spec_fields = {"restart", "start_timeout_s", "shutdown_s", "type", "significant", "start", "id"}
        mine = {field: value for field, value in fields.items() if field in spec_fields}
        behaviour = {field: value for field, value in fields.items() if field not in spec_fields}
        for field in ("start_timeout_s", "shutdown_s"):
            if mine.get(field):
                mine[field] *= self.unit_s
        return ChildSpec(**{"id": name, "start": partial(Worker.start, self, name, **behaviour), **mine})

    def supervisor(self, specs: Any = "", *, period: float = 5, **options: Any) -> GeventActorRef[Supervisor]:
        """Start a supervisor without backoff, as OTP's own; specs: a string of names, or specs."""
        given = [self.spec(name) for name in specs] if isinstance(specs, str) else specs
        options.setdefault("backoff", Backoff.none())
        return Supervisor.start(given, period_s=period * self.unit_s, **options)

    def dynamic(self, *, period: float = 5, **options: Any) -> GeventActorRef[DynamicSupervisor]:
        """Start a dynamic supervisor without backoff."""
        options.setdefault("backoff", Backoff.none())
        return DynamicSupervisor.start(period_s=period * self.unit_s, **options)

    def child(self, supervisor: GeventActorRef[Any], child_id: str) -> Any:
        """What which_children shows for this id."""
        return {one_id: ref for one_id, ref, _ in which_children(supervisor)}[child_id]

    def crash(self, supervisor: GeventActorRef[Any], child_id: str) -> None:
        """Crash a child, and wait until its supervisor has dealt with it."""
        ref = self.child(supervisor, child_id)
        ref.tell("crash")
        self.until(lambda: ref.is_gone)
        self.settle(supervisor)

    def settle(self, supervisor: GeventActorRef[Any]) -> None:
        """Wait until a supervisor has nothing left to do, or has gone."""

        def nothing_left() -> bool:
            if not supervisor.is_alive():
                return supervisor.is_gone
            actor = supervisor._actor
            busy = supervisor.mailbox_size > 0 or not getattr(actor, "_operations", _IDLE).idle
            return not busy and all(shown != "restarting" for _, shown, _ in which_children(supervisor))

        self.until(nothing_left)

    def watch(self, ref: GeventActorRef[Any]) -> Any:
        """Monitor ref; what comes of it is in downs."""
        if self._witness is None:
            self._witness = Witness.start(self)
        return self._witness.ask(lambda witness: witness.monitor(ref))

    def reason(self, ref: GeventActorRef[Any]) -> Any:
        """Wait for the ActorDown of a watched ref and return its reason."""
        self.until(lambda: any(one is ref for one, _ in self.downs))
        return next(reason for one, reason in self.downs if one is ref)


@functools.cache
def gevent_world() -> GeventWorld:
    """Return the one gevent world of this process.

    Never dropped: the collector could run in a native thread of a test, and would touch the hub's loop from there.
    """
    return GeventWorld()


@contextmanager
def stage_in(kind: str) -> Iterator[Stage]:
    """Set a stage in a world: "gevent", or "seed-N" for a virtual one."""
    before = dict(registered)
    if kind == "gevent":
        installed = world_port.install(gevent_world())
        try:
            yield Stage(world_port.current(), 0.04)
        finally:
            _clear(before)
            world_port.current().sleep(0.005)  # for the clean-up of fenced supervisors
            world_port.install(installed) if installed else world_port.uninstall()
    else:
        with VirtualWorld(int(kind.removeprefix("seed-"))) as world:
            yield Stage(world, 1.0)
        _clear(before)


def _clear(before: dict[Any, None]) -> None:
    """Fence what a case has left running, latest first."""
    for ref in reversed([ref for ref in registered if ref not in before]):
        ref.fence()


def otp_case(case: Callable[[Stage], None]) -> Callable[..., None]:
    """Make a test of a case: on gevent once, under each seed twice with the same trace."""

    @pytest.mark.parametrize("kind", WORLDS)
    def test(kind: str) -> None:
        runs = []
        for _ in range(1 if kind == "gevent" else 2):
            with stage_in(kind) as stage, structlog.testing.capture_logs():
                case(stage)
            runs.append((stage.trace, stage.times))
        assert all(run == runs[0] for run in runs), f"{kind}: the same seed left two traces: {runs}"

    test.__name__ = case.__name__
    test.__doc__ = case.__doc__
    return test
