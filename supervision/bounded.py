"""Bounded mailboxes: a ref of their own, so that the unbounded path pays nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar

from greenlet import getcurrent
from pykka.messages import _ActorStop

from supervision import reports
from supervision.actor_ref import GeventActorRef
from supervision.dispatcher import CrashOrder, OwnStop
from supervision.errors import MailboxFull
from supervision.future import Ask, AskLater
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervision.actor import GeventActor
    from supervision.dispatcher import Dispatcher
    from supervision.errors import type_of_reason
    from supervision.world_hub import HubWaiter

A = TypeVar("A", bound="GeventActor")


class BoundedInbox(list[Any]):
    """An inbox that tells the next blocked sender when there is room."""

    def __init__(self) -> None:
        """Empty, nobody waits."""
        super().__init__()
        self.senders: deque[HubWaiter] = deque()

    def pop(self, index: SupportsIndex = -1) -> Any:
        """Take one out."""
        message = super().pop(index)
        self.let_in(1)
        return message

    def let_in(self, count: int) -> None:
        """Wake so many of the senders, those that have waited longest."""
        for _ in range(min(count, len(self.senders))):
            self.senders.popleft().wake()


class BoundedActorRef(GeventActorRef[A], Generic[A]):
    """A ref whose mailbox holds at most `mailbox_max` messages.

    The runtime's own messages (stops, timers, monitors) are never refused and count for nobody's bound but the next
    sender's.
    """

    __slots__ = ("_inbox_bounded", "shed_count")

    def __init__(self, actor: A, dispatcher: Dispatcher) -> None:
        """As the unbounded one. Raises ValueError when the class names a policy that there is not."""
        super().__init__(actor, dispatcher)
        if actor.mailbox_overflow not in {"block", "refuse", "shed_oldest"}:
            error = f"unknown mailbox_overflow {actor.mailbox_overflow!r}"
            raise ValueError(error)
        self._inbox_bounded = BoundedInbox()
        self._inbox = self._inbox_bounded
        self.shed_count = 0

    def tell(self, message: Any) -> None:
        """Send a message; from any thread. Raises ActorDeadError and MailboxFull, which carry the message."""
        self._make_room(message)
        super().tell(message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send a message and wait for the reply. Raises MailboxFull beside what an unbounded ask raises."""
        self._make_room(message)
        return super().ask(message, block=block, timeout=timeout)

    def _spill(self) -> list[Any]:
        return []

    def _make_room(self, message: Any) -> None:
        bound = self.actor_class.mailbox_max
        if self._reason is not None or bound is None or len(self._inbox) < bound:
            return
        policy = self.actor_class.mailbox_overflow
        if policy == "shed_oldest":
            self._shed()
        elif policy == "refuse" or not self._wait_for_room(bound):
            raise MailboxFull(self, message)

    def _wait_for_room(self, bound: int) -> bool:
        """Block the sender; False when there is still no room, or when the sender must not wait."""
        world = self._dispatcher.world
        if self._in_own_thread() and getcurrent() in {self._worker, world.hub}:
            return False
        deadline_s = world.now() + self.actor_class.mailbox_block_s
        while self._reason is None and len(self._inbox) >= bound:
            waiter = world.waiter()
            self._inbox_bounded.senders.append(waiter)
            try:
                waiter.wait(deadline_s - world.now())
            except WaitTimeout:
                return False
        return True

    def _shed(self) -> None:
        """Drop the oldest message that is not the runtime's own."""
        inbox = self._inbox_bounded
        for position, message in enumerate(inbox):
            if type(message) not in {_ActorStop, OwnStop, CrashOrder}:
                del inbox[position]
                self.shed_count += 1
                if type(message) in {Ask, AskLater}:
                    message.fail(MailboxFull(self, message.message))
                else:
                    reports.report_shed(self, message)
                return

    def _take_out(self, wanted: Callable[[Any], bool], count_max: int) -> list[Any]:
        taken = super()._take_out(wanted, count_max)
        self._inbox_bounded.let_in(len(taken))
        return taken

    def _begin_end(self, reason: type_of_reason) -> None:
        super()._begin_end(reason)
        self._inbox_bounded.let_in(len(self._inbox_bounded.senders))
