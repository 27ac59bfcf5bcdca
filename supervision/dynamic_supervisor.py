"""Supervisors of children that come and go, by id: OTP's simple_one_for_one, with a spec for each child.

Children know no order: each starts, restarts and stops by itself, whatever the others do, and at the supervisor's end
all stop at once. Starting and stopping one child costs the same with a million others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from supervision import reports
from supervision.actor import ActorDown, GeventActor, Reply
from supervision.child import Child, RootPlace, Started, find
from supervision.child_spec import (
    AlreadyStarted,
    ChildSpec,
    Restarting,
    RestartIntensityExceeded,
    Running,
    StartCalledOff,
    StartFailed,
    SupervisorError,
    check,
    check_combination,
)
from supervision.dispatcher import OwnStop
from supervision.restarts import Backoff, RestartIntensity, Verdict, is_orderly, verdict
from supervision.supervisor_calls import (
    CountChildren,
    DeleteChild,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervision.actor_ref import GeventActorRef
    from supervision.errors import type_of_reason
    from supervision.world import Timer
    from supervision.world_hub import HubWaiter


class DynamicSupervisor(GeventActor):
    """A supervisor of any number of children with ids.

    A child that is terminated, or ends and is not restarted, is forgotten; so restart_child and delete_child find it
    Running, or not at all. per_child: each child has an intensity of its own; one that exceeds it is not restarted
    and is reported, and its siblings and the supervisor go on.
    """

    on_failure_timeout_s: ClassVar[float | None] = None

    def __init__(
        self, *, intensity: int = 3, period_s: float = 5.0, per_child: bool = False, backoff: Backoff | None = None
    ) -> None:
        """Intensity restarts are allowed within period_s seconds. backoff None: the default one."""
        super().__init__()
        check(intensity >= 0, "intensity", intensity)
        check(period_s > 0, "period_s", period_s)
        self._per_child = per_child
        self._backoff = backoff if backoff is not None else Backoff()
        self._window = RestartIntensity(intensity, period_s)
        # Only of children that have been restarted. Invariant: its keys are among those of _children.
        self._windows: dict[str, RestartIntensity] = {}
        self._children: dict[str, Child] = {}
        # Kept as children come and go: counting a million would stop everyone for a tenth of a second.
        self._active = 0
        self._supervisors = 0
        # Replies owed to those who asked for a child that is starting, or stopping.
        self._starting: dict[Child, Reply] = {}
        self._stopping: dict[Child, list[Reply]] = {}

    def on_start(self) -> None:
        """There are no children yet."""
        if self._actor_ref._place is None:
            self._actor_ref._place = RootPlace()

    def on_receive(self, message: Any) -> Any:
        """Answer at once, or when the child has started or stopped."""
        match message:
            case ActorDown(ref=ref, reason=reason, monitor=Child() as child):
                self._child_down(child, ref, reason)
            case WhichChildren():
                return [(child.spec.id, child.shown, child.spec.type) for child in self._children.values()]
            case CountChildren():
                specs, supervisors = len(self._children), self._supervisors
                workers = specs - supervisors
                return {"specs": specs, "active": self._active, "supervisors": supervisors, "workers": workers}
            case StartChild() | TerminateChild() | RestartChild() | DeleteChild():
                reply = self.defer_reply()
                try:
                    self._call(message, reply)
                except (SupervisorError, ValueError) as error:
                    reply.fail(error)
            case _:
                reports.report_unexpected(self._actor_ref, message)
        return None

    def _call(self, message: StartChild | TerminateChild | RestartChild | DeleteChild, reply: Reply) -> None:
        match message:
            case StartChild(spec=spec):
                self._start_child(spec, reply)
            case TerminateChild(child=named):
                self._terminate_child(find(self._children, self._actor_ref, named), reply)
            case RestartChild(child_id=child_id) | DeleteChild(child_id=child_id):
                child = find(self._children, self._actor_ref, child_id)
                raise Restarting(child_id) if child.restarting else Running(child_id)

    def _start_child(self, spec: ChildSpec, reply: Reply) -> None:
        check_combination(spec, "never")
        present = self._children.get(spec.id)
        if present is not None:
            raise AlreadyStarted(spec.id, present.ref)
        child = self._children[spec.id] = Child(spec, self._actor_ref)
        self._supervisors += spec.type == "supervisor"
        self._starting[child] = reply
        child.start(partial(self._started_first, child))

    def _started_first(self, child: Child, outcome: Started) -> None:
        child.attempt = None
        ref, error = outcome
        reply = self._starting.pop(child)
        if error is not None:
            self._forget(child)
            reply.fail(StartFailed(child.spec.id, error))
        else:
            self._has_started(child, ref)
            reply.set(ref)

    def _has_started(self, child: Child, ref: GeventActorRef[Any] | None) -> None:
        if ref is None:
            self._forget(child)
        else:
            self._active += 1
            child.runs_as(ref)
            reports.report_progress(self._actor_ref, child, dynamic=child.restarts == 0)

    def _terminate_child(self, child: Child, reply: Reply) -> None:
        if child in self._stopping:
            self._stopping[child].append(reply)
            return
        child.call_off()
        if child in self._starting:
            self._starting.pop(child).fail(StartFailed(child.spec.id, StartCalledOff("it was terminated")))
        if child.ref is None:
            self._forget(child)
            reply.set()
        else:
            self._stopping[child] = [reply]
            child.stop(partial(self._has_stopped, child))

    def _has_stopped(self, child: Child, reason: type_of_reason) -> None:
        self._active -= 1
        self._forget(child)
        if child.stopped_badly(reason):
            reports.report_supervisor(self._actor_ref, "shutdown_error", reason, child, "it is gone all the same")
        for reply in self._stopping.pop(child):
            reply.set()

    def _child_down(self, child: Child, ref: GeventActorRef[Any], reason: type_of_reason) -> None:
        if child.ref is not ref or self._children.get(child.spec.id) is not child:
            return
        child.ref = None
        self._active -= 1
        if verdict(child.spec.restart, reason) is Verdict.RESTART:
            self._failed(child, "child_terminated", reason)
            return
        if not is_orderly(reason):
            reports.report_supervisor(self._actor_ref, "child_terminated", reason, child, "it is not restarted")
        self._forget(child)

    def _failed(self, child: Child, context: str, reason: type_of_reason) -> None:
        """Count a failure of a child that is to be restarted, and restart it now, later, or never."""
        now_s = self.world.now()
        if not self._may_restart(child, now_s):
            self._give_up(child, context, reason)
            return
        child.restarting = True
        child.run = child.run.failed(now_s, self._backoff.settled_s)
        delay_s = self._backoff.delay_s(child.run.failures, self.world.random.random())
        next_step = f"it is restarted in {delay_s:.3f} s" if delay_s > 0 else "it is restarted"
        reports.report_supervisor(self._actor_ref, context, reason, child, next_step)
        if delay_s > 0:
            child.timer = self.world.call_later(delay_s, self._restart, child)
        else:
            self._restart(child)

    def _may_restart(self, child: Child, now_s: float) -> bool:
        if self._per_child:
            window = self._windows.get(child.spec.id, self._window)
            self._windows[child.spec.id], allowed = window.record(now_s)
        else:
            self._window, allowed = self._window.record(now_s)
        return allowed

    def _give_up(self, child: Child, context: str, reason: type_of_reason) -> None:
        error = RestartIntensityExceeded(child.spec.id, self._window.restarts_max, self._window.period_s)
        child.restarting = False
        self._forget(child)
        if self._per_child:
            reports.report_supervisor(self._actor_ref, context, reason, child, "it is given up; its siblings go on")
            return
        reports.report_supervisor(self._actor_ref, context, reason, child, "the supervisor gives up")
        next_step = "all children are stopped; its own supervisor decides"
        reports.report_supervisor(self._actor_ref, "shutdown", error, child, next_step)
        self._actor_ref._put_first(OwnStop(error))

    def _restart(self, child: Child) -> None:
        child.timer = None
        child.restarts += 1
        child.start(partial(self._has_restarted, child))

    def _has_restarted(self, child: Child, outcome: Started) -> None:
        child.attempt = None
        ref, error = outcome
        if error is not None:
            self._failed(child, "start_error", error)
        else:
            self._has_started(child, ref)

    def _forget(self, child: Child) -> None:
        del self._children[child.spec.id]
        self._supervisors -= child.spec.type == "supervisor"
        self._windows.pop(child.spec.id, None)

    def on_stop(self) -> None:
        """Stop all children at once, each within its shutdown_s (case 3)."""
        for child in self._children.values():
            child.call_off()
        shutdown = Shutdown(self, (child for child in self._children.values() if child.is_active))
        shutdown.wait()

    def on_failure(self, *_error: object) -> None:
        """Stop the children, also after a crash."""
        self.on_stop()

    def _on_fenced(self) -> None:
        self.world.spawn(self.on_stop, name=f"clean-up after {self}")


class Shutdown:
    """The stop of all children at once: one timer for each distinct shutdown_s, and a count of who is left."""

    def __init__(self, supervisor: DynamicSupervisor, children: Iterable[Child]) -> None:
        """Tell them all to stop."""
        self._supervisor = supervisor
        self._over: HubWaiter = supervisor.world.waiter()
        self._reasons: Counter[str] = Counter()
        by_shutdown_s: dict[float | None, list[Child]] = defaultdict(list)
        for child in children:
            child.ended = self._one_less
            by_shutdown_s[child.spec.shutdown_s].append(child)
        self._left = sum(map(len, by_shutdown_s.values()))
        self._timers: list[Timer] = []
        for shutdown_s, group in by_shutdown_s.items():
            self._tell_group(group, shutdown_s)

    def wait(self) -> None:
        """Wait until all have ended, and report those that did not end in order."""
        try:
            if self._left > 0:
                self._over.wait(None)
        finally:
            for timer in self._timers:
                timer.cancel()
        if self._reasons:
            reports.report_shutdown_errors(self._supervisor.actor_ref, self._reasons)

    def _tell_group(self, group: list[Child], shutdown_s: float | None) -> None:
        for child in group:
            if child.ref is not None:
                (child.ref.fence if shutdown_s == 0 else child.ref.tell_stop)()
        if shutdown_s:
            self._timers.append(self._supervisor.world.call_later(shutdown_s, _fence_all, group))

    def _one_less(self, reason: type_of_reason) -> None:
        self._left -= 1
        if not is_orderly(reason):
            self._reasons[reason if isinstance(reason, str) else type(reason).__name__] += 1
        if self._left == 0:
            self._over.wake()


def _fence_all(group: list[Child]) -> None:
    for child in group:
        if child.is_active and child.ref is not None:
            child.ref.fence()
