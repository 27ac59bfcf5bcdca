"""Actors that cost nothing while they wait: Pykka's model on greenlets, with OTP's manners about failure.

Differences from `pykka.ThreadingActor`, each on purpose:

- an exception in a handler crashes the actor whether it was told or asked (in Pykka an ask swallows it); the asker
  gets the error as well;
- no exception of one actor ever stops another, GreenletExit, gevent.Timeout, SystemExit and KeyboardInterrupt
  included (in Pykka any BaseException stops all actors);
- `start` returns when `on_start` has returned, and raises what it raised;
- `ask` and `Future.get` wait 5 s unless told otherwise; `tell` to a dead actor raises with the record;
- the urn comes from a counter.

Weakness: greenlet-locals and contextvars belong to the worker greenlet, not to the actor; carry ids in the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import pykka

from supervision import dispatcher as dispatcher_module
from supervision.actor_ref import GeventActorRef
from supervision.bounded import BoundedActorRef
from supervision.dispatcher import OwnStop
from supervision.errors import ActorDeadError, AskedItself, Killed, MailboxFull
from supervision.future import Ask, AskLater, GeventFuture
from supervision.monitors import ActorDown, Monitor
from supervision.pykka_shapes import Inbox, Stopped
from supervision.ref_mailbox import Extras
from supervision.registry import registered
from supervision.timers import ActorTimer

if TYPE_CHECKING:
    from supervision.world_hub import HubWorld

__all__ = [
    "ActorDeadError",
    "ActorDown",
    "ActorTimer",
    "AskedItself",
    "GeventActor",
    "GeventActorRef",
    "GeventFuture",
    "Killed",
    "MailboxFull",
    "Monitor",
    "Reply",
]

M = TypeVar("M")


class Reply:
    """A reply that an actor owes: it answers later, and the asker hears at once when the actor dies before.

    The reply to a message that was told goes nowhere.
    """

    __slots__ = ("_actor", "_ask")

    def __init__(self, actor: GeventActor, ask: Ask | AskLater | None) -> None:
        """Made by `GeventActor.defer_reply`."""
        self._actor = actor
        self._ask = ask

    def set(self, value: Any = None) -> None:
        """Answer; later calls do nothing."""
        if self._ask is not None:
            self._settled()
            self._ask.reply(value)

    def fail(self, error: BaseException) -> None:
        """Have the asker raise error; later calls do nothing."""
        if self._ask is not None:
            self._settled()
            self._ask.fail(error)

    def _settled(self) -> None:
        self._actor._extras().replies.pop(self, None)


class GeventActor(pykka.Actor):
    """An actor without a thread or a greenlet of its own; see the module's docstring.

    Subclasses implement `on_receive`, or methods for proxies, and the hooks `on_start`, `on_stop` (after an orderly
    stop), `on_failure` (after a crash). Handlers run one at a time, and may wait.
    """

    # How many messages may wait, None: any number; and what happens to one more: "block" its sender (for up to
    # mailbox_block_s, then it is refused), "refuse" it with MailboxFull, or "shed_oldest" and take it.
    mailbox_max: ClassVar[int | None] = None
    mailbox_overflow: ClassVar[str] = "refuse"
    mailbox_block_s: ClassVar[float] = 5.0
    # How long watchers wait for `on_failure` before recovery goes on without it; None: as long as it takes.
    on_failure_timeout_s: ClassVar[float | None] = 5.0

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> GeventActorRef[Self]:
        """Make the actor with these arguments and return its ref once `on_start` has returned.

        Raises what the constructor or `on_start` raises; then nothing is left behind. A stop() within `on_start` is
        a successful start. `on_start` runs in the caller's greenlet; from a native thread, in one of the hub's.
        """
        dispatcher = dispatcher_module.current()
        if dispatcher.get_thread_id() != dispatcher.thread_id:
            started: GeventActorRef[Self] = dispatcher.run_in_hub(cls.start, args, kwargs)
            return started
        ref: GeventActorRef[Self] = cls(*args, **kwargs)._actor_ref
        ref.started_at_s = dispatcher.world.now()
        registered[ref] = None
        if dispatcher.start_calls or cls.on_start is not pykka.Actor.on_start:
            ref._start()
        if ref._inbox:
            dispatcher.schedule(ref)
        else:
            ref._asleep = True
        return ref

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Make the ref; overriding constructors must call this one."""
        ref_class = GeventActorRef if self.mailbox_max is None else BoundedActorRef
        self._actor_ref: GeventActorRef[Any] = ref_class(self, dispatcher_module.current())

    @property
    def actor_ref(self) -> GeventActorRef[Self]:
        """The actor's ref."""
        return self._actor_ref

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Unique within the process."""
        return self._actor_ref.actor_urn

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """The mailbox in Pykka's shape."""
        return self._actor_ref.actor_inbox

    @property
    def actor_stopped(self) -> Stopped:  # type: ignore[override]
        """The stopped flag in Pykka's shape."""
        return self._actor_ref.actor_stopped

    def __str__(self) -> str:
        """Class and path or urn."""
        return str(self._actor_ref)

    def stop(self) -> None:
        """Stop, after the messages that wait already; the reason is "normal"."""
        if self._actor_ref.is_alive():
            self._actor_ref._put_special(OwnStop())

    def monitor(self, ref: GeventActorRef[Any]) -> Monitor:
        """Be told ActorDown(ref, reason) when ref ends; at once, with the reason "noproc", when it has.

        Two monitors bring two ActorDowns. They go past a full mailbox.
        """
        monitor = Monitor(self._actor_ref, ref)
        if ref._watch(monitor):
            self._extras().monitors[monitor] = None
        else:
            self._actor_ref._put_special(ActorDown(ref, "noproc", monitor))
        return monitor

    def demonitor(self, monitored: Monitor | GeventActorRef[Any]) -> None:
        """Take a monitor back, or all on a ref; an ActorDown that waits in the mailbox already goes with it."""
        extras = self._extras()
        if isinstance(monitored, Monitor):
            given_up = [monitored]
        else:
            given_up = [monitor for monitor in extras.monitors if monitor.ref is monitored]
        for monitor in given_up:
            extras.monitors.pop(monitor, None)
            monitor.ref._unwatch(monitor)

        def is_given_up(message: Any) -> bool:
            if type(message) is not ActorDown:
                return False
            return message.ref is monitored or message.monitor is monitored

        self._actor_ref._take_out(is_given_up, self._actor_ref.mailbox_size)

    def send_after(self, delay_s: float, message: Any) -> ActorTimer:
        """Receive message after delay_s, unless the timer is cancelled or the actor ends before."""
        return ActorTimer(self._actor_ref, self._extras().timers, delay_s, None, message)

    def send_every(self, period_s: float, message: Any) -> ActorTimer:
        """Receive message every period_s, without drift; periods that pass while the hub is away are skipped."""
        return ActorTimer(self._actor_ref, self._extras().timers, period_s, period_s, message)

    def take_waiting(self, message_type: type[M], count_max: int) -> list[M]:
        """Take up to count_max told messages of this type that wait already, oldest first, to handle them together.

        Others keep their places; nothing is taken from behind a stop.
        """
        return self._actor_ref._take_out(lambda message: isinstance(message, message_type), count_max)

    def defer_reply(self) -> Reply:
        """Answer the message in hand later, through the Reply returned; what the handler returns is dropped."""
        ask = self._actor_ref._in_hand
        if not isinstance(ask, Ask | AskLater):
            return Reply(self, None)
        ask.deferred = True
        reply = Reply(self, ask)
        self._extras().replies[reply] = None
        return reply

    @staticmethod
    def _create_actor_inbox() -> Any:
        """Pykka's hook; the ref brings the mailbox."""
        raise NotImplementedError

    @staticmethod
    def _create_future() -> GeventFuture[Any]:
        return GeventFuture()

    def _start_actor_loop(self) -> None:
        """Pykka's hook; passive actors have no loop."""
        raise NotImplementedError

    def _on_fenced(self) -> None:
        """Hear that the ref was fenced; for supervisors, whose children must not be left behind."""

    def _extras(self) -> Extras:
        ref = self._actor_ref
        if ref._extras is None:
            ref._extras = Extras()
        return ref._extras

    @property
    def world(self) -> HubWorld:
        """The world this actor lives in."""
        return self._actor_ref._dispatcher.world
