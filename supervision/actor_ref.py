"""Refs: the outside of an actor. Telling, asking, waking, and dying.

The ref, not the actor, carries the runtime's state: it outlives the actor, and every hot path begins at it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import pykka
from greenlet import GreenletExit, getcurrent
from pykka._introspection import get_attr_directly
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from supervision import reports
from supervision.dispatcher import CrashOrder, OwnStop
from supervision.errors import ActorDeadError, AskedItself, Killed, type_of_reason
from supervision.future import ASK_TIMEOUT_S, Ask, AskLater, GeventFuture
from supervision.registry import registered

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlet import greenlet

    from supervision.actor import GeventActor
    from supervision.dispatcher import Dispatcher
    from supervision.monitors import ActorDown, Monitor
    from supervision.supervised_start import Place

A = TypeVar("A", bound="GeventActor")

# How long a killed handler has to end before it is reported as abandoned.
ABANDONED_AFTER_S: Final = 1.0


class Watcher:
    """Whoever is told, at once and on the spot, that an actor has ended."""

    __slots__ = ()

    def down(self, ref: GeventActorRef[Any], reason: type_of_reason) -> None:
        """Ref has ended; must neither block nor raise."""
        raise NotImplementedError


class DeadInbox:
    """The inbox of a dead actor: whatever is put there comes back in an ActorDeadError."""

    __slots__ = ("left", "ref")

    def __init__(self, ref: GeventActorRef[Any], left: list[Any]) -> None:
        """left: the inbox of the living; a native thread may still append to it for a moment."""
        self.ref = ref
        self.left = left

    def append(self, message: Any) -> None:
        """Refuse."""
        kept = message.message if type(message) in {Ask, AskLater} else message
        raise ActorDeadError(self.ref, kept, self.ref.reason)

    def __len__(self) -> int:
        """Nothing is ever in it."""
        return 0


class GeventActorRef(pykka.ActorRef[A], Generic[A]):
    """Reference to a `GeventActor`; as Pykka's, plus what supervisors need.

    Differs from Pykka's: `ask` has a deadline also by default (5 s), and `tell` and `ask` to a dead actor raise an
    ActorDeadError that carries the record.
    """

    __slots__ = (
        "_actor",
        "_asleep",
        "_backlog",
        "_dispatcher",
        "_extras",
        "_in_hand",
        "_inbox",
        "_number",
        "_place",
        "_reason",
        "_watchers",
        "_worker",
        "actor_class",
        "started_at_s",
    )
    # Monotonic seconds of its world.
    started_at_s: float

    def __init__(self, actor: A, dispatcher: Dispatcher) -> None:
        """Made by the actor's constructor; not by you."""
        # No call of Pykka's constructor: it would make a weak reference and copy the inbox.
        self.actor_class = type(actor)
        self._dispatcher = dispatcher
        dispatcher.actors_started = self._number = dispatcher.actors_started + 1
        # Invariant: None exactly when the actor has ended and its watchers have been told.
        self._actor: A | None = actor
        # New messages, oldest first. Invariant: emptied in place at death, since a worker may hold it.
        self._inbox: Any = []
        # The rest of a long inbox, oldest last; all of it comes before the inbox.
        self._backlog: list[Any] | None = None
        # Whether a message has to wake the actor. False from the beginning: it is awake until it has started.
        self._asleep = False
        # The greenlet that runs its code now, and the message it handles.
        self._worker: greenlet | None = None
        self._in_hand: Any = None
        # Why it ended; None while it lives.
        self._reason: type_of_reason | None = None
        self._watchers: Any = None
        self._place: Place | None = None
        self._extras: Extras | None = None

    def __str__(self) -> str:
        """Class and path or urn."""
        return f"{self.actor_class.__name__} ({self.path or self.actor_urn})"

    def __repr__(self) -> str:
        """As Pykka's."""
        return f"<ActorRef for {self}>"

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Unique within the process; from a counter, since a uuid costs more than the rest of a start."""
        return f"urn:actor:{self._number}"

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """The mailbox in Pykka's shape."""
        return Inbox(self)

    @property
    def actor_stopped(self) -> Stopped:  # type: ignore[override]
        """The stopped flag in Pykka's shape."""
        return Stopped(self)

    def _actor_weakref(self) -> A | None:  # type: ignore[override]
        # Pykka's proxies call it: there it is a weak reference, here the ref holds its actor while it lives.
        return self._actor

    @property
    def path(self) -> str:
        """Place in the tree, such as "sessions/789"; "" for an actor that no supervisor started."""
        return "" if self._place is None else self._place.path

    @property
    def restarts(self) -> int:
        """How often the supervisor has restarted this child, all incarnations together."""
        return 0 if self._place is None else self._place.restarts

    @property
    def reason(self) -> type_of_reason | None:
        """Why it has ended, or is ending; None while it lives."""
        return self._reason

    @property
    def is_gone(self) -> bool:
        """Whether it has ended altogether: `on_stop` or `on_failure` are over, the watchers have been told."""
        return self._actor is None

    @property
    def in_hand(self) -> Any:
        """The message being handled now, or None."""
        message = self._in_hand
        return message.message if type(message) in {Ask, AskLater} else message

    @property
    def mailbox_size(self) -> int:
        """How many messages wait."""
        return len(self._inbox) + (len(self._backlog) if self._backlog else 0)

    def is_alive(self) -> bool:
        """Whether it takes messages; false from the beginning of `on_stop` or of a crash."""
        return self._reason is None

    def tell(self, message: Any) -> None:
        """Send a message; from any thread. Raises ActorDeadError, which carries the message."""
        self._inbox.append(message)
        if self._asleep:
            self._wake()

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send a message and wait for the reply; timeout None means 5 s.

        Raises pykka.Timeout (the actor goes on, its late reply is dropped), ActorDeadError when it is dead or dies
        before it handles the message, and whatever its handler raises. With block=False: a future, at once.
        """
        dispatcher = self._dispatcher
        if not block or dispatcher.get_thread_id() != dispatcher.thread_id:
            future = self._ask_later(message)
            return future.get(timeout=timeout) if block else future
        if self._worker is not None and self._worker is getcurrent():
            error = f"{self} asked itself"
            raise AskedItself(error)
        ask = Ask(dispatcher.world, message)
        self._inbox.append(ask)
        if self._asleep:
            self._wake()
        return ask.wait(ASK_TIMEOUT_S if timeout is None else timeout)

    def _ask_later(self, message: Any) -> GeventFuture[Any]:
        future: GeventFuture[Any] = GeventFuture()
        try:
            self._put_special(AskLater(future, message))
        except ActorDeadError:
            future.set_exception()
        return future

    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """Stop it in order, after the messages it has; it ends with the reason "shutdown".

        Returns True when it has stopped, False when it was dead already; with block=False a future of that. timeout
        None: as long as the actor takes, as Pykka's. Raises pykka.Timeout.
        """
        if block and self._worker is not None and self._worker is getcurrent():
            error = f"{self} waits for its own end"
            raise AskedItself(error)
        asked = self._ask_later(_ActorStop())

        def stopped(get_timeout: float | None) -> bool:
            try:
                asked.get(timeout=math.inf if get_timeout is None else get_timeout)
            except pykka.ActorDeadError:
                return False
            return True

        future: GeventFuture[bool] = GeventFuture()
        future.set_get_hook(stopped)
        return future.get(timeout=timeout) if block else future

    def tell_stop(self) -> None:
        """Stop it in order without waiting; nothing happens when it is dead."""
        if self._reason is None:
            self._put_special(_ActorStop())

    def crash(self, error: BaseException) -> bool:
        """Crash it from outside (a drill), also while its handler waits; say whether it lived.

        The error is raised where the handler waits. A handler that swallows it finishes its message, and the actor
        crashes then.
        """
        if not self._in_own_thread():
            self._dispatcher.world.call_soon_threadsafe(self.crash, error)
            return self._reason is None
        if self._reason is not None:
            return False
        self._put_first(CrashOrder(error))
        self._throw_soon(error)
        return True

    def fence(self, *, kill_handler: bool = True) -> None:
        """End it without its help: the ref is dead at once, late results are refused, watchers hear "killed".

        The handler it may be in gets a GreenletExit; one that swallows it is abandoned and reported. Neither
        `on_stop` nor `on_failure` runs. There is no untrappable kill inside one process.
        """
        if not self._in_own_thread():
            self._dispatcher.world.call_soon_threadsafe(self.fence)
            return
        actor = self._actor
        if actor is None:
            return
        worker = self._worker
        reports.report_fenced(self)
        if self._reason is None:
            self._begin_end("killed")
        self._reason = "killed"
        self._fail_in_hand(ActorDeadError(self, self.in_hand, "killed"))
        self._end()
        actor._on_fenced()
        if kill_handler and worker is not None and worker is not getcurrent():
            self._dispatcher.world.call_soon(self._kill_worker, worker)

    # The rest is for the runtime.

    def _in_own_thread(self) -> bool:
        return self._dispatcher.get_thread_id() == self._dispatcher.thread_id

    def _put_special(self, message: Any) -> None:
        """Tell past the bounds of the mailbox: what the runtime says is never refused."""
        self._inbox.append(message)
        if self._asleep:
            self._wake()

    def _put_first(self, message: Any) -> None:
        if self._backlog:
            self._backlog.append(message)
        else:
            self._inbox.insert(0, message)
        if self._asleep:
            self._wake()

    def _wake(self) -> None:
        """Put a sleeping actor with something in its mailbox on the run queue."""
        dispatcher = self._dispatcher
        if dispatcher.get_thread_id() != dispatcher.thread_id:
            dispatcher.world.call_soon_threadsafe(self._wake_if_asleep)
        elif self._reason is None:
            self._asleep = False
            dispatcher.schedule(self)
        else:
            self._sweep()

    def _wake_if_asleep(self) -> None:
        if self._asleep and (self._inbox or self._reason is not None):
            self._wake()

    def _sweep(self) -> None:
        """Report what a native thread put into the living inbox at the moment of death."""
        if isinstance(self._inbox, DeadInbox):
            self._lose(self._inbox.left)

    def _spill(self) -> list[Any]:
        """Move a long inbox to the backlog, where taking the oldest costs nothing."""
        inbox = self._inbox
        backlog: list[Any] = inbox[::-1]
        del inbox[: len(backlog)]
        self._backlog = backlog
        return backlog

    def _throw_soon(self, error: BaseException) -> None:
        worker = self._worker
        if worker is not None and worker is not getcurrent():
            self._dispatcher.world.call_soon(self._throw, worker, error)

    def _throw(self, worker: greenlet, error: BaseException) -> None:
        if self._worker is worker and self._reason is None and not worker.dead:
            worker.throw(error)

    def _kill_worker(self, worker: greenlet) -> None:
        if self._worker is worker and not worker.dead:
            worker.throw(GreenletExit)
            if self._worker is worker:
                self._dispatcher.world.call_later(ABANDONED_AFTER_S, self._report_abandoned, worker)

    def _report_abandoned(self, worker: greenlet) -> None:
        if self._worker is worker:
            reports.report_abandoned(self)

    def _handle_special(self, actor: A, message: Any) -> None:
        """Handle an ask or one of the runtime's own messages."""
        if type(message) is Ask or type(message) is AskLater:
            answer = self._perform(actor, message.message)
            if not message.deferred:
                message.reply(answer)
        else:
            self._perform(actor, message)

    def _perform(self, actor: A, message: Any) -> Any:
        kind = type(message)
        if kind is ProxyCall:
            return get_attr_directly(actor, message.attr_path)(*message.args, **message.kwargs)
        if kind is ProxyGetAttr:
            return get_attr_directly(actor, message.attr_path)
        if kind is ProxySetAttr:
            return setattr(get_attr_directly(actor, message.attr_path[:-1]), message.attr_path[-1], message.value)
        if kind is CrashOrder:
            raise message.error
        if kind is _ActorStop:
            return self._stopped(actor, "shutdown")
        if kind is OwnStop:
            return self._stopped(actor, message.reason)
        return actor.on_receive(message)

    def _stopped(self, actor: A, reason: type_of_reason) -> None:
        """End in order: dead to the outside first, then `on_stop`, then the watchers hear."""
        self._begin_end(reason)
        try:
            actor.on_stop()
        except BaseException as error:  # noqa: BLE001 - stays with this actor
            if self._actor is None:
                return  # fenced meanwhile
            self._reason = _as_reason(error)
            reports.report_crash(self, self._reason, "while it stopped")
        self._end()

    def _crashed(self, actor: A, error: BaseException) -> None:
        """End after an error: the asker gets it, the watchers are told it."""
        if self._actor is None:
            return  # fenced: nobody is interested any more
        reason = _as_reason(error)
        self._fail_in_hand(reason)
        if self._reason is not None:
            return
        reports.report_crash(self, reason, "while it handled a message")
        self._begin_end(reason)
        timer = None
        if actor.on_failure_timeout_s is not None and type(actor).on_failure is not pykka.Actor.on_failure:
            timer = self._dispatcher.world.call_later(actor.on_failure_timeout_s, self._failure_overdue)
        try:
            actor.on_failure(type(error), error, error.__traceback__)
        except BaseException as failure:  # noqa: BLE001 - stays with this actor
            if self._actor is not None:
                reports.report_crash(self, _as_reason(failure), "while it handled its own failure")
        if timer is not None:
            timer.cancel()
        self._end()

    def _failure_overdue(self) -> None:
        """`on_failure` hangs; recovery does not wait for it."""
        worker = self._worker
        reports.report_fenced(self)
        self._end()
        if worker is not None:
            self._kill_worker(worker)

    def _start(self) -> None:
        """Run `on_start` in the calling greenlet; raises what it raises, with nothing left behind."""
        actor = self._actor
        if actor is None:
            raise ActorDeadError(self, None, self._reason)
        greenlet = getcurrent()
        call = self._dispatcher.start_calls.get(greenlet)
        if call is not None:
            if call.abandoned:
                self.fence()
                raise ActorDeadError(self, None, self._reason)
            self._place = self._place or call.take_place()
            call.half_started.append(self)
        self._worker = greenlet
        try:
            actor.on_start()
        except BaseException as error:
            if self._actor is None and call is None:  # fenced: the kill was meant for the actor, not for the caller
                raise ActorDeadError(self, None, self._reason) from error
            self._start_failed(error)
            raise
        finally:
            self._worker = None
            if call is not None:
                call.half_started.remove(self)
        if self._reason is not None:  # fenced, while it swallowed the GreenletExit
            raise ActorDeadError(self, None, self._reason)

    def _start_failed(self, error: BaseException) -> None:
        if self._actor is not None:
            self._begin_end(_as_reason(error))
            self._end()

    def _begin_end(self, reason: type_of_reason) -> None:
        """Be dead to the outside from now on."""
        inbox = self._inbox
        backlog = self._backlog
        self._reason = reason
        self._inbox = DeadInbox(self, inbox)
        self._asleep = True
        registered.pop(self, None)
        if backlog:
            backlog.reverse()
            inbox[:0] = backlog
            backlog.clear()
        if inbox:
            self._lose(inbox)
        if self._extras is not None:
            self._extras.end(reason if isinstance(reason, BaseException) else ActorDeadError(self, None, reason))

    def _lose(self, unread: list[Any]) -> None:
        """Fail unread asks, report unread tells; empties the list in place."""
        count = len(unread)
        taken = unread[:count]
        del unread[:count]
        lost: list[Any] = []
        for message in taken:
            if type(message) in {Ask, AskLater}:
                if type(message.message) is _ActorStop:
                    message.reply(None)
                else:
                    message.fail(_dead(self, message.message))
            elif type(message) not in {_ActorStop, OwnStop, CrashOrder}:
                lost.append(message)
        if lost:
            reports.report_unread(self, lost)

    def _fail_in_hand(self, error: BaseException) -> None:
        if type(self._in_hand) is Ask or type(self._in_hand) is AskLater:
            self._in_hand.fail(error)

    def _end(self) -> None:
        """Let the actor go, and tell the watchers; a second call does nothing."""
        if self._actor is None:
            return
        self._actor = None
        watchers, self._watchers = self._watchers, None
        if watchers is None:
            return
        for watcher in watchers if type(watchers) is list else (watchers,):
            watcher.down(self, self._reason)

    def _watch(self, watcher: Any) -> bool:
        """Have watcher.down(ref, reason) called at the end; False, and nothing done, when that is past."""
        if self._actor is None:
            return False
        if self._watchers is None:
            self._watchers = watcher
        elif type(self._watchers) is list:
            self._watchers.append(watcher)
        else:
            self._watchers = [self._watchers, watcher]
        return True

    def _unwatch(self, watcher: Any) -> None:
        if self._watchers is watcher:
            self._watchers = None
        elif type(self._watchers) is list and watcher in self._watchers:
            self._watchers.remove(watcher)

    def _monitor_fired(self, monitor: Monitor, down: ActorDown) -> None:
        if self._extras is not None:
            self._extras.monitors.pop(monitor, None)
        if self._reason is None:
            self._put_special(down)

    def _take_out(self, wanted: Callable[[Any], bool], count_max: int) -> list[Any]:
        """Take up to count_max waiting messages that are wanted, oldest first, none from behind a stop."""
        taken: list[Any] = []
        if self._reason is not None:
            return taken
        open_to_take = self._take_from(self._backlog, wanted, count_max, taken, newest_first=True)
        if open_to_take and len(taken) < count_max:
            self._take_from(self._inbox, wanted, count_max, taken, newest_first=False)
        return taken

    def _take_from(
        self,
        queue: list[Any] | None,
        wanted: Callable[[Any], bool],
        count_max: int,
        taken: list[Any],
        *,
        newest_first: bool,
    ) -> bool:
        if not queue:
            return True
        count = len(queue)  # a native thread may append meanwhile; what it appends stays
        seen = queue[:count]
        if newest_first:
            seen.reverse()
        kept: list[Any] = []
        barrier = False
        for position, message in enumerate(seen):
            barrier = type(message) in {_ActorStop, OwnStop, CrashOrder}
            if barrier or len(taken) >= count_max:
                kept.extend(seen[position:])
                break
            (taken if wanted(message) else kept).append(message)
        if newest_first:
            kept.reverse()
        queue[:count] = kept
        return not barrier


class Extras:
    """What few actors have: timers, monitors, replies owed."""

    __slots__ = ("monitors", "replies", "timers")

    def __init__(self) -> None:
        """None of each."""
        self.timers: dict[Any, None] = {}
        self.monitors: dict[Monitor, None] = {}
        self.replies: dict[Any, None] = {}

    def end(self, error: BaseException) -> None:
        """Cancel, take back and fail what is left of them: the actor has ended."""
        for timer in list(self.timers):
            timer.cancel()
        for monitor in self.monitors:
            monitor.ref._unwatch(monitor)
        for reply in list(self.replies):
            reply.fail(error)
        self.monitors.clear()


class Inbox:
    """A mailbox in the shape of Pykka's inbox, for code that looks at `actor_inbox`."""

    __slots__ = ("_ref",)

    def __init__(self, ref: GeventActorRef[Any]) -> None:
        """Of ref."""
        self._ref = ref

    def put(self, envelope: Any) -> None:
        """Put a Pykka envelope in."""
        if envelope.reply_to is None:
            self._ref.tell(envelope.message)
        else:
            self._ref._put_special(AskLater(envelope.reply_to, envelope.message))

    def get(self) -> Any:
        """Take the oldest message out."""
        taken = self._ref._take_out(lambda _: True, 1)
        return taken[0] if taken else None

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._ref.mailbox_size == 0


class Stopped:
    """A stopped flag in the shape of Pykka's event."""

    __slots__ = ("_ref",)

    def __init__(self, ref: GeventActorRef[Any]) -> None:
        """Of ref."""
        self._ref = ref

    def is_set(self) -> bool:
        """Whether it has stopped."""
        return not self._ref.is_alive()


def _as_reason(error: BaseException) -> BaseException:
    return error if isinstance(error, Exception) else Killed(error)


def _dead(ref: GeventActorRef[Any], message: Any) -> ActorDeadError:
    error = ActorDeadError(ref, message, ref.reason)
    if isinstance(ref.reason, BaseException):
        error.__cause__ = ref.reason
    return error
