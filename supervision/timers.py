"""Timers of actors: they arrive as messages and end with the actor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervision.actor_ref import GeventActorRef


class ActorTimer:
    """A message to come, once or every period_s; an entry of the world's deadline heap.

    Cancelling does not take back a message that waits in the mailbox already, as in OTP.
    """

    __slots__ = ("_at_s", "_message", "_period_s", "_ref", "_timers", "armed")

    def __init__(
        self,
        ref: GeventActorRef[Any],
        timers: dict[Any, None],
        delay_s: float,
        period_s: float | None,
        message: Any,
    ) -> None:
        """Set it; timers: those of the actor, who cancels them at its end. Raises ValueError for a period of 0."""
        if period_s is not None and period_s <= 0:
            error = f"a period must be positive, not {period_s}"
            raise ValueError(error)
        self._ref = ref
        self._timers = timers
        self._message = message
        self._period_s = period_s
        self.armed = False
        if ref.reason is None:
            world = ref._dispatcher.world
            self._at_s = world.now() + delay_s
            timers[self] = None
            world.deadlines.add(self._at_s, self)

    @property
    def active(self) -> bool:
        """Whether a message is still to come."""
        return self.armed

    def cancel(self) -> None:
        """No message comes any more; never raises."""
        self._timers.pop(self, None)
        self._ref._dispatcher.world.deadlines.call_off(self)

    def expire(self) -> None:
        """Deliver the message, past the bounds of the mailbox."""
        world = self._ref._dispatcher.world
        if self._period_s is None:
            self._timers.pop(self, None)
        else:
            missed = math.floor((world.now() - self._at_s) / self._period_s)
            self._at_s += self._period_s * (max(0, missed) + 1)
            world.deadlines.add(self._at_s, self)
        self._ref._put_special(self._message)
