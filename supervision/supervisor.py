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

Decisions are in `restarts`; this is the doer. What takes time, starts and stops, are operations done one after another
in the order they were asked for; none of them blocks the actor, so that it answers which_children and count_children
meanwhile. Where it differs from OTP on purpose: docs/decisions/0001-supervisors.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from supervision import reports
from supervision.actor import ActorDown, GeventActor
from supervision.child import Child, RootPlace, count, find
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
from supervision.operations import Operation, Operations, run_blocking
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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervision.actor_ref import GeventActorRef
    from supervision.errors import type_of_reason

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
        self._operations = Operations(self._actor_ref.crash)
        self._starting = False

    def on_start(self) -> None:
        """Start the children in order. Raises StartFailed."""
        if self._actor_ref._place is None:
            self._actor_ref._place = RootPlace()
        self._starting = True
        try:
            run_blocking(self.world, self._start_all())
        except BaseException:
            self.on_stop()
            raise
        finally:
            self._starting = False

    def on_stop(self) -> None:
        """Stop the children, latest first."""
        self._operations.close()
        for child in self._children.values():
            child.call_off()
        run_blocking(self.world, self._stop_all())

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
                self._operations.add(self._child_down(child, ref, reason))
            case WhichChildren():
                return [(child.spec.id, child.shown, child.spec.type) for child in self._children.values()]
            case CountChildren():
                return count(self._children.values())
            case StartChild(spec=spec):
                self._add_call(self._start_child(spec))
            case TerminateChild(child=named):
                self._add_call(self._terminate_child(named))
            case RestartChild(child_id=child_id):
                self._add_call(self._restart_child(child_id))
            case DeleteChild(child_id=child_id):
                self._add_call(self._delete_child(child_id))
            case _:
                reports.report_unexpected(self._actor_ref, message)
        return None

    def _add_call(self, operation: Operation[object]) -> None:
        reply = self.defer_reply()

        def call() -> Operation[None]:
            try:
                reply.set((yield from operation))
            except Exception as error:  # noqa: BLE001 - goes to who asked
                reply.fail(error)

        self._operations.add(call())

    def _start_all(self) -> Operation[None]:
        for spec in self._specs:
            child = self._children[spec.id] = Child(spec, self._actor_ref)
            yield from self._start_up(child)
            if child.ref is None and spec.restart == "temporary":
                del self._children[spec.id]

    def _stop_all(self) -> Operation[None]:
        for child in reversed(list(self._children.values())):
            yield from self._shut_down(child)

    def _start_child(self, spec: ChildSpec) -> Operation[GeventActorRef[Any] | None]:
        check_combination(spec, self._auto_shutdown)
        present = self._children.get(spec.id)
        if present is not None and (present.ref is not None or present.restarting):
            raise AlreadyStarted(spec.id, present.ref)
        if present is not None:
            raise AlreadyPresent(spec.id)
        child = Child(spec, self._actor_ref)
        yield from self._start_up(child)
        if child.ref is not None or spec.restart != "temporary":
            self._children[spec.id] = child
        return child.ref

    def _terminate_child(self, named: str | GeventActorRef[Any]) -> Operation[None]:
        child = find(self._children, self._actor_ref, named)
        child.call_off()
        yield from self._shut_down(child)
        if child.spec.restart == "temporary":
            del self._children[child.spec.id]

    def _restart_child(self, child_id: str) -> Operation[GeventActorRef[Any] | None]:
        child = self._stopped_child(child_id)
        yield from self._start_up(child)
        return child.ref

    def _delete_child(self, child_id: str) -> Operation[None]:
        del self._children[self._stopped_child(child_id).spec.id]
        yield from ()

    def _stopped_child(self, child_id: str) -> Child:
        child = find(self._children, self._actor_ref, child_id)
        if child.restarting:
            raise Restarting(child_id)
        if child.ref is not None:
            raise Running(child_id)
        return child

    def _child_down(self, child: Child, ref: GeventActorRef[Any], reason: type_of_reason) -> Operation[None]:
        if child.ref is not ref or self._children.get(child.spec.id) is not child:
            return  # stopped or replaced by an operation before this one
        child.ref = None
        what = verdict(child.spec.restart, reason)
        if what is Verdict.RESTART:
            yield from self._failed(child, "child_terminated", reason)
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

    def _failed(self, child: Child, context: str, reason: type_of_reason) -> Operation[None]:
        """Count a failure of a child that is to be restarted, and restart it now, later, or give up."""
        now_s = self.world.now()
        self._window, allowed = self._window.record(now_s)
        if not allowed:
            self._give_up(child, context, reason)
            return
        child.restarting = True
        child.run = child.run.failed(now_s, self._backoff.settled_s)
        delay_s = self._backoff.delay_s(child.run.failures, self.world.random.random())
        if delay_s > 0:
            reports.report_supervisor(self._actor_ref, context, reason, child, f"it is restarted in {delay_s:.3f} s")
            yield from self._stop_planned(child)
            child.timer = self.world.call_later(delay_s, self._try_again, child)
        elif context == "start_error":
            reports.report_supervisor(self._actor_ref, context, reason, child, "it is tried again")
            self._try_again(child)  # behind what has been asked for meanwhile, such as calling it off
        else:
            reports.report_supervisor(self._actor_ref, context, reason, child, "it is restarted")
            yield from self._restart(child)

    def _give_up(self, child: Child, context: str, reason: type_of_reason) -> None:
        error = RestartIntensityExceeded(child.spec.id, self._window.restarts_max, self._window.period_s)
        reports.report_supervisor(self._actor_ref, context, reason, child, "the supervisor gives up")
        next_step = "all children are stopped; its own supervisor decides"
        reports.report_supervisor(self._actor_ref, "shutdown", error, child, next_step)
        self._exit(error)

    def _try_again(self, child: Child) -> None:
        child.timer = None
        self._operations.add(self._restart(child))

    def _stop_planned(self, child: Child) -> Operation[tuple[str, ...]]:
        """Stop those who must restart with child; return who is to start, child included."""
        plan = plan_restart(self._strategy, tuple(self._children), child.spec.id)
        for child_id in plan.stop:
            sibling = self._children[child_id]
            sibling.call_off()
            yield from self._shut_down(sibling)
            if sibling.spec.restart == "temporary":
                del self._children[child_id]
        return plan.start

    def _restart(self, child: Child) -> Operation[None]:
        if not child.restarting or self._children.get(child.spec.id) is not child:
            return  # called off, or restarted with a sibling meanwhile
        for child_id in (yield from self._stop_planned(child)):
            one = self._children.get(child_id)
            if one is None:
                continue
            one.restarts += 1
            try:
                yield from self._start_up(one)
            except StartFailed as error:
                child.restarting = False
                yield from self._failed(one, "start_error", error.reason)
                return

    def _start_up(self, child: Child) -> Operation[None]:
        """Start child, within its timeout. Raises StartFailed."""
        try:
            ref, error = yield child.start
        except GeneratorExit:
            child.call_off()
            raise
        child.attempt = None
        if error is not None:
            raise StartFailed(child.spec.id, error)
        child.restarting = False
        if ref is not None:
            child.runs_as(ref)
            reports.report_progress(self._actor_ref, child)

    def _shut_down(self, child: Child) -> Operation[None]:
        """Stop child's actor, if it has one, within its shutdown_s."""
        if child.ref is not None:
            reason = yield child.stop
            if child.stopped_badly(reason):
                reports.report_supervisor(self._actor_ref, "shutdown_error", reason, child, "it is gone all the same")

    def _exit(self, reason: type_of_reason) -> None:
        self._operations.close()
        if self._actor_ref.is_alive():
            self._actor_ref._put_first(OwnStop(reason))
