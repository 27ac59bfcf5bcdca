"""One child of a supervisor: its place, its present actor, and the attempt to start it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from supervision.actor_ref import GeventActorRef
from supervision.child_spec import ChildSpec, NotFound, StartTimedOut
from supervision.monitors import ActorDown
from supervision.restarts import FailureRun, Verdict, is_orderly, verdict
from supervision.supervised_start import StartCall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from supervision.errors import type_of_reason
    from supervision.operations import Done
    from supervision.world import Task, Timer
    from supervision.world_hub import HubWorld

ROOT_PATH: Final = "root"
_NEVER_FAILED: Final = FailureRun()
# What comes of an attempt to start: the ref (None for `ignore`), or the error.
Started = tuple[GeventActorRef[Any] | None, BaseException | None]


class RootPlace:
    """Where a supervisor stands that no supervisor started."""

    path = ROOT_PATH
    restarts = 0


class Child:
    """A child: the watcher of its actor's end, and the actor's place in the tree.

    Invariants: ref is the present actor, None when there is none; restarting only without one; ended is set while
    somebody waits for the actor's end, and hears of it instead of the supervisor's mailbox.
    """

    __slots__ = ("_path", "attempt", "ended", "ref", "restarting", "restarts", "run", "spec", "supervisor", "timer")

    def __init__(self, spec: ChildSpec, supervisor: GeventActorRef[Any]) -> None:
        """Not started yet."""
        self.spec = spec
        self.supervisor = supervisor
        self.ref: GeventActorRef[Any] | None = None
        self.restarting = False
        self.restarts = 0
        self.run = _NEVER_FAILED
        self.ended: Callable[[type_of_reason], object] | None = None
        self.attempt: StartAttempt | None = None
        self.timer: Timer | None = None
        self._path: str | None = None  # made when it is first asked for

    @property
    def path(self) -> str:
        """Path of ids from the root, which itself is left out: "sessions/789"."""
        if self._path is None:
            parent = self.supervisor.path
            self._path = self.spec.id if parent in {"", ROOT_PATH} else f"{parent}/{self.spec.id}"
        return self._path

    @property
    def shown(self) -> GeventActorRef[Any] | str | None:
        """What `which_children` shows: the ref, "restarting" (also while its end waits to be handled) or None."""
        ref = self.ref
        if ref is None or not ref.is_gone:
            return "restarting" if self.restarting else ref
        restarts = ref.reason is not None and verdict(self.spec.restart, ref.reason) is Verdict.RESTART
        return "restarting" if restarts else None

    @property
    def is_active(self) -> bool:
        """Whether it has a living actor."""
        return self.ref is not None and not self.ref.is_gone

    def runs_as(self, ref: GeventActorRef[Any]) -> None:
        """Have this actor from now on, and hear of its end; at once when it has ended already."""
        self.ref = ref
        self.restarting = False
        ref._place = self
        if not ref._watch(self):
            self.down(ref, ref.reason or "noproc")

    def down(self, ref: GeventActorRef[Any], reason: type_of_reason) -> None:
        """Hear that an actor has ended."""
        if self.ref is not ref:
            return
        if self.ended is not None:
            self.ended(reason)
        elif self.supervisor.is_alive():
            self.supervisor._put_special(ActorDown(ref, reason, self))

    def start(self, done: Done) -> None:
        """Begin to start it: done((ref, error)), within its start_timeout_s."""
        self.attempt = StartAttempt(self.supervisor._dispatcher.world, self, done)

    def stop(self, done: Done) -> None:
        """Begin to stop its actor: done(reason), within its shutdown_s; past that it is fenced."""
        ref = self.ref
        shutdown_s = self.spec.shutdown_s

        def ended(reason: type_of_reason) -> None:
            self.call_off()
            self.ended = None
            self.ref = None
            done(reason)

        self.ended = ended
        if ref is None or ref.is_gone:
            ended("noproc" if ref is None or ref.reason is None else ref.reason)
        elif shutdown_s == 0:
            ref.fence()
        else:
            ref.tell_stop()
            if shutdown_s is not None:
                world = ref._dispatcher.world
                self.timer = world.call_later(shutdown_s, ref.fence)

    def stopped_badly(self, reason: type_of_reason) -> bool:
        """Whether a stop that ended so is worth a report."""
        return not is_orderly(reason) and not (reason == "killed" and self.spec.shutdown_s == 0)

    def call_off(self) -> None:
        """Let go of a start or a restart that is under way, and of the deadline of a stop."""
        self.restarting = False
        if self.attempt is not None:
            self.attempt.abandon()
            self.attempt = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class StartAttempt:
    """One call of a child's start, in a task of its own, so that neither a hang nor its end needs the supervisor.

    done((ref, error)) is called once, in that task or on the hub: it must not block.
    """

    __slots__ = ("_call", "_child", "_done", "_settled", "_task", "_timer", "_world")

    def __init__(self, world: HubWorld, child: Child, done: Done) -> None:
        """Begin."""
        self._world = world
        self._child = child
        self._done = done
        self._settled = False
        self._call = StartCall(child)
        timeout_s = child.spec.start_timeout_s
        self._timer = None if timeout_s is None else world.call_later(timeout_s, self._timed_out)
        self._task: Task = world.spawn(self._run, name=f"start of {child.spec.id}")

    def abandon(self) -> None:
        """Fence what is half started; done is not called."""
        if not self._settled:
            self._settle()
            self._call.fence()
            self._task.kill()

    def _settle(self) -> None:
        self._settled = True
        if self._timer is not None:
            self._timer.cancel()

    def _timed_out(self) -> None:
        if not self._settled:
            self.abandon()
            self._done((None, StartTimedOut(f"start took longer than {self._child.spec.start_timeout_s} s")))

    def _run(self) -> None:
        calls = self._world.dispatcher.start_calls
        me = self._world.getcurrent()
        calls[me] = self._call
        try:
            ref = _checked(self._child.spec.start())
        except BaseException as error:  # noqa: BLE001 - whatever it is means that the start failed
            if not self._settled:
                self._settle()
                self._done((None, error))
        else:
            if not self._settled:
                self._settle()
                self._done((ref, None))
            elif ref is not None:
                ref.fence()  # it came too late: nobody waits for it, and its successor may run already
        finally:
            del calls[me]


def _checked(started: object) -> GeventActorRef[Any] | None:
    if started is not None and not isinstance(started, GeventActorRef):
        message = f"start must return the ref of a GeventActor or None, not {started!r}"
        raise TypeError(message)
    return started


def count(children: Iterable[Child]) -> dict[str, int]:
    """Count as `count_children` does."""
    counts = {"specs": 0, "active": 0, "supervisors": 0, "workers": 0}
    for child in children:
        counts["specs"] += 1
        counts["active"] += child.is_active
        counts["supervisors" if child.spec.type == "supervisor" else "workers"] += 1
    return counts


def find(children: Mapping[str, Child], supervisor: GeventActorRef[Any], named: str | GeventActorRef[Any]) -> Child:
    """Find a child by its id or its ref. Raises NotFound."""
    if isinstance(named, str):
        child = children.get(named)
    else:
        place = named._place
        child = place if isinstance(place, Child) and place.supervisor is supervisor and place.ref is named else None
    if child is None:
        raise NotFound(str(named))
    return child
