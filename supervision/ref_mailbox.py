"""The state of a ref, and its mailbox: what can be seen from outside, putting, waking, taking out.

Native threads may put at any moment: a list's append is one step, and whoever appends looks *afterwards* whether the
actor sleeps; the worker says that it sleeps *before* it looks a last time. One of the two sees the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pykka
from pykka.messages import _ActorStop

from supervision.dispatcher import CrashOrder, OwnStop
from supervision.errors import ActorDeadError, type_of_reason
from supervision.future import Ask, AskLater
from supervision.pykka_shapes import Inbox, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlet import greenlet

    from supervision.actor import GeventActor
    from supervision.dispatcher import Dispatcher
    from supervision.monitors import Monitor
    from supervision.supervised_start import Place

A = TypeVar("A", bound="GeventActor")


class DeadInbox:
    """The inbox of a dead actor: whatever is put there comes back in an ActorDeadError."""

    __slots__ = ("left", "ref")

    def __init__(self, ref: MailboxRef[Any], left: list[Any]) -> None:
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


class MailboxRef(pykka.ActorRef[A], Generic[A]):
    """What a ref knows, and its mailbox."""

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

    def _lose(self, unread: list[Any]) -> None:
        """Answer for what nobody will read."""
        raise NotImplementedError


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
