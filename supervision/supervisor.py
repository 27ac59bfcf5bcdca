"""Supervisors with OTP's semantics, under OTP's names.

The contract:

    Supervisor.start(specs, strategy, intensity, period_s, auto_shutdown, backoff)
        children start in order, each within its start_timeout_s; when one fails, those before it are stopped, latest
        first, and StartFailed is raised. ValueError for specs that do not fit.
    a child ends          its restart type says whether it is restarted, its strategy who with it
    too many restarts     the children are stopped, latest first; the supervisor dies: RestartIntensityExceeded
    the supervisor stops  the children are stopped, latest first, one after another, each within its shutdown_s
    it crashes            the same
    start_child, terminate_child, restart_child, delete_child, which_children, count_children

Decisions are in `restarts`; this is the doer. What takes time, starts and stops, runs in one task beside the actor,
in the order it was asked for; the actor itself only listens, so that it answers which_children and count_children
meanwhile. Where it differs from OTP on purpose: docs/decisions/0001-supervisors.md.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from supervision import reports
from supervision.actor import ActorDown, GeventActor
from supervision.child import Child, RootPlace, StartAttempt, count, find
from supervision.child_spec import (
    AlreadyPresent,
    AlreadyStarted,
    ChildSpec,
    NotFound,
    Restarting,
    RestartIntensityExceeded,
    Running,
    StartFailed,
    StartTimedOut,
    SupervisorError,
    check,
    check_all,
    check_combination,
)
from supervision.dispatcher import OwnStop
from supervision.dynamic_supervisor import DynamicSupervisor
from supervision.restarts import (
    AUTO_SHUTDOWNS,
    STRATEGIES,
    AutoShutdown,
    Backoff,
    RestartIntensity,
    Strategy,
    Verdict,
    is_orderly,
    plan_restart,
    shuts_down,
    verdict,
)
from supervision.supervisor_calls import (
    CountChildren,
    DeleteChild,
    RestartChild,
    StartChild,
    TerminateChild,
    WhichChildren,
    count_children,
    delete_child,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from supervision.actor_ref import GeventActorRef
    from supervision.errors import type_of_reason
    from supervision.world import Task

__all__ = [
    "AlreadyPresent",
    "AlreadyStarted",
    "Backoff",
    "ChildSpec",
    "DynamicSupervisor",
    "NotFound",
    "RestartIntensity",
    "RestartIntensityExceeded",
    "Restarting",
    "Running",
    "StartFailed",
    "StartTimedOut",
    "Supervisor",
    "SupervisorError",
    "count_children",
    "delete_child",
    "restart_child",
    "start_child",
    "terminate_child",
    "which_children",
]

# How long a killed task has to let go of what it holds.
_TASK_END_S = 1.0


class Supervisor(GeventActor):
    """A supervisor of a fixed order of children; see the module's docstring."""

    # Its children are stopped first, however long that takes: a successor must not meet them.
    on_failure_timeout_s: ClassVar[float | None] = None

    def __init__(
        self,
        specs: Iterable[ChildSpec] = (),
        *,
        strategy: Strategy = "one_for_one",
        intensity: int = 3,
        period_s: float = 5.0,
        auto_shutdown: AutoShutdown = "never",
        backoff: Backoff | None = None,
    ) -> None:
        """Intensity restarts are allowed within period_s seconds. backoff None: the default one."""
        super().__init__()
        self._specs = tuple(specs)
        check(strategy in STRATEGIES, "strategy", strategy)
        check(auto_shutdown in AUTO_SHUTDOWNS, "auto_shutdown", auto_shutdown)
        check(intensity >= 0, "intensity", intensity)
        check(period_s > 0, "period_s", period_s)
        check_all(self._specs, auto_shutdown)
        self._strategy = strategy
        self._auto_shutdown = auto_shutdown
        self._backoff = backoff if backoff is not None else Backoff()
        self._window = RestartIntensity(intensity, period_s)
        self._children: dict[str, Child] = {}  # in start order
        self._operations: deque[Callable[[], None]] = deque()
        self._doer: Task | None = None
        self._starting = False
        self._leaving = False

    def on_start(self) -> None:
        """Start the children in order. Raises StartFailed."""
        if self._actor_ref._place is None:
            self._actor_ref._place = RootPlace()
        self._starting = True
        try:
            for spec in self._specs:
                child = self._children[spec.id] = Child(spec, self._actor_ref)
                self._start(child)
                if child.ref is None and spec.restart == "temporary":
                    del self._children[spec.id]
        except BaseException:
            self._stop_all()
            raise
        finally:
            self._starting = False

    def on_stop(self) -> None:
        """Stop the children, latest first."""
        self._leave()
        self._stop_all()

    def on_failure(self, *_error: object) -> None:
        """Stop the children, also after a crash."""
        self.on_stop()

    def _on_fenced(self) -> None:
        # While it starts, the GreenletExit in `on_start` sees to the children.
        if not self._starting:
            self.world.spawn(self.on_stop, name=f"clean-up after {self}")

    def on_receive(self, message: Any) -> Any:
        """Answer questions; queue everything that takes time."""
        match message:
            case ActorDown(ref=ref, reason=reason, monitor=Child() as child):
                self._queue(lambda: self._child_down(child, ref, reason))
            case WhichChildren():
                return [(child.spec.id, child.shown, child.spec.type) for child in self._children.values()]
            case CountChildren():
                return count(self._children.values())
            case StartChild(spec=spec):
                self._queue_call(lambda: self._start_child(spec))
            case TerminateChild(child=named):
                self._queue_call(lambda: self._terminate_child(named))
            case RestartChild(child_id=child_id):
                self._queue_call(lambda: self._restart_child(child_id))
            case DeleteChild(child_id=child_id):
                self._queue_call(lambda: self._delete_child(child_id))
            case _:
                reports.report_unexpected(self._actor_ref, message)
        return None

    # Operations: one at a time, in order, in the doer's task.

    def _queue_call(self, operation: Callable[[], object]) -> None:
        reply = self.defer_reply()

        def call() -> None:
            try:
                reply.set(operation())
            except Exception as error:  # noqa: BLE001 - goes to who asked
                reply.fail(error)

        self._queue(call)

    def _queue(self, operation: Callable[[], None]) -> None:
        self._operations.append(operation)
        if self._doer is None and not self._leaving:
            self._doer = self.world.spawn(self._do_all, name=f"doer of {self}")

    def _do_all(self) -> None:
        try:
            while self._operations and not self._leaving:
                self._operations.popleft()()
        except Exception as error:  # noqa: BLE001 - a bug here is the supervisor's own crash
            self._actor_ref.crash(error)
        finally:
            self._doer = None

    def _leave(self) -> None:
        """Do nothing more of what was queued."""
        self._leaving = True
        self._operations.clear()
        if self._doer is not None:
            self._doer.kill()
            self._doer.join(_TASK_END_S)
        for child in self._children.values():
            child.call_off()

    def _start_child(self, spec: ChildSpec) -> GeventActorRef[Any] | None:
        check_combination(spec, self._auto_shutdown)
        present = self._children.get(spec.id)
        if present is not None and (present.ref is not None or present.restarting):
            raise AlreadyStarted(spec.id, present.ref)
        if present is not None:
            raise AlreadyPresent(spec.id)
        child = Child(spec, self._actor_ref)
        self._start(child)
        if child.ref is not None or spec.restart != "temporary":
            self._children[spec.id] = child
        return child.ref

    def _terminate_child(self, named: str | GeventActorRef[Any]) -> None:
        child = find(self._children, self._actor_ref, named)
        child.call_off()
        self._stop_actor(child)
        if child.spec.restart == "temporary":
            del self._children[child.spec.id]

    def _restart_child(self, child_id: str) -> GeventActorRef[Any] | None:
        child = self._stopped_child(child_id)
        self._start(child)
        return child.ref

    def _delete_child(self, child_id: str) -> None:
        del self._children[self._stopped_child(child_id).spec.id]

    def _stopped_child(self, child_id: str) -> Child:
        child = find(self._children, self._actor_ref, child_id)
        if child.restarting:
            raise Restarting(child_id)
        if child.ref is not None:
            raise Running(child_id)
        return child

    def _child_down(self, child: Child, ref: GeventActorRef[Any], reason: type_of_reason) -> None:
        if child.ref is not ref or self._children.get(child.spec.id) is not child:
            return  # stopped or replaced by an operation before this one
        child.ref = None
        what = verdict(child.spec.restart, reason)
        if what is Verdict.RESTART:
            self._failed(child, "child_terminated", reason)
            return
        if not is_orderly(reason):
            reports.report_supervisor(self._actor_ref, "child_terminated", reason, child, "it is not restarted")
        if what is Verdict.REMOVE:
            del self._children[child.spec.id]
        others = sum(
            one.spec.significant and one is not child and (one.ref is not None or one.restarting)
            for one in self._children.values()
        )
        if shuts_down(self._auto_shutdown, significant=child.spec.significant, others_active=others):
            self._exit("shutdown")

    def _failed(self, child: Child, context: str, reason: type_of_reason) -> None:
        """Count a failure of a child that is to be restarted, and restart it now, later, or give up."""
        now_s = self.world.now()
        self._window, allowed = self._window.record(now_s)
        if not allowed:
            error = RestartIntensityExceeded(child.spec.id, self._window.restarts_max, self._window.period_s)
            reports.report_supervisor(self._actor_ref, context, reason, child, "the supervisor gives up")
            reports.report_supervisor(
                self._actor_ref, "shutdown", error, child, "all children are stopped; its own supervisor decides"
            )
            self._exit(error)
            return
        child.restarting = True
        child.run = child.run.failed(now_s, self._backoff.settled_s)
        delay_s = self._backoff.delay_s(child.run.failures, self.world.random.random())
        if delay_s > 0:
            reports.report_supervisor(self._actor_ref, context, reason, child, f"it is restarted in {delay_s:.3f} s")
            self._stop_planned(child)
            child.timer = self.world.call_later(delay_s, self._try_again, child)
        elif context == "start_error":
            reports.report_supervisor(self._actor_ref, context, reason, child, "it is tried again")
            self._try_again(child)  # behind what has been asked for meanwhile, such as calling it off
        else:
            reports.report_supervisor(self._actor_ref, context, reason, child, "it is restarted")
            self._restart(child)

    def _try_again(self, child: Child) -> None:
        child.timer = None
        self._queue(lambda: self._restart(child))

    def _stop_planned(self, child: Child) -> tuple[str, ...]:
        """Stop those who must restart with child; return who is to start, child included."""
        plan = plan_restart(self._strategy, tuple(self._children), child.spec.id)
        for child_id in plan.stop:
            sibling = self._children[child_id]
            sibling.call_off()
            self._stop_actor(sibling)
            if sibling.spec.restart == "temporary":
                del self._children[child_id]
        return plan.start

    def _restart(self, child: Child) -> None:
        if not child.restarting or self._children.get(child.spec.id) is not child:
            return  # called off, or restarted with a sibling meanwhile
        for child_id in self._stop_planned(child):
            one = self._children.get(child_id)
            if one is None:
                continue
            one.restarts += 1
            try:
                self._start(one)
            except StartFailed as error:
                child.restarting = False
                self._failed(one, "start_error", error.reason)
                return

    def _start(self, child: Child) -> None:
        """Start child, within its timeout. Raises StartFailed."""
        outcome = self.world.waiter()
        attempt = StartAttempt(self.world, child, lambda ref, error: outcome.wake((ref, error)))
        try:
            ref, error = outcome.wait(None)
        except BaseException:
            attempt.abandon()
            raise
        if error is not None:
            raise StartFailed(child.spec.id, error)
        child.restarting = False
        if ref is not None:
            child.runs_as(ref)
            reports.report_progress(self._actor_ref, child)

    def _stop_actor(self, child: Child) -> None:
        """Stop child's actor, if it has one, within its shutdown_s; past that it is fenced."""
        ref = child.ref
        if ref is None:
            return
        shutdown_s = child.spec.shutdown_s
        ended = self.world.waiter()
        wake = child.ended = ended.wake
        try:
            if shutdown_s == 0:
                ref.fence()
            ref.tell_stop()
            reason: type_of_reason = (ref.reason or "noproc") if ref.is_gone else ended.wait(shutdown_s)
        except WaitTimeout:
            ref.fence()
            reason = "killed"
        finally:
            if child.ended is wake:  # else somebody else waits: a clean-up took over from a killed task
                child.ended = None
        child.ref = None
        if not is_orderly(reason) and not (reason == "killed" and shutdown_s == 0):
            reports.report_supervisor(self._actor_ref, "shutdown_error", reason, child, "it is gone all the same")

    def _stop_all(self) -> None:
        for child in reversed(list(self._children.values())):
            self._stop_actor(child)

    def _exit(self, reason: type_of_reason) -> None:
        self._leaving = True
        if self._actor_ref.is_alive():
            self._actor_ref._put_first(OwnStop(reason))
