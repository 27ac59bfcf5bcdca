"""The life of an actor behind its ref: starting, the runtime's own messages, stopping, crashing, being watched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import pykka
from greenlet import GreenletExit, getcurrent
from pykka._introspection import get_attr_directly
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from supervision import reports
from supervision.dispatcher import CrashOrder, OwnStop
from supervision.errors import ActorDeadError, Killed, type_of_reason
from supervision.future import Ask, AskLater
from supervision.monitors import ActorDown
from supervision.ref_mailbox import DeadInbox, MailboxRef
from supervision.registry import registered

if TYPE_CHECKING:
    from greenlet import greenlet

    from supervision.actor import GeventActor
    from supervision.monitors import Monitor

A = TypeVar("A", bound="GeventActor")

# How long a killed handler has to end before it is reported as abandoned.
ABANDONED_AFTER_S: Final = 1.0


class LivingRef(MailboxRef[A], Generic[A]):
    """How an actor lives and ends."""

    __slots__ = ()

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
            elif type(message) not in {_ActorStop, OwnStop, CrashOrder, ActorDown}:
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


def _as_reason(error: BaseException) -> BaseException:
    return error if isinstance(error, Exception) else Killed(error)


def _dead(ref: LivingRef[Any], message: Any) -> ActorDeadError:
    error = ActorDeadError(ref, message, ref.reason)
    if isinstance(ref.reason, BaseException):
        error.__cause__ = ref.reason
    return error
