"""Refs: the outside of an actor. Telling, asking, stopping, and ending it from outside.

The ref, not the actor, carries the runtime's state: it outlives the actor, and every hot path begins at it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pykka
from greenlet import getcurrent
from pykka.messages import _ActorStop

from supervision.dispatcher import CrashOrder
from supervision.errors import ActorDeadError, AskedItself
from supervision.future import ASK_TIMEOUT_S, Ask, AskLater, GeventFuture
from supervision.ref_life import LivingRef

if TYPE_CHECKING:
    from supervision.actor import GeventActor

A = TypeVar("A", bound="GeventActor")


class GeventActorRef(LivingRef[A], Generic[A]):
    """Reference to a `GeventActor`; as Pykka's, plus what supervisors need.

    Differs from Pykka's: `ask` has a deadline also by default (5 s), and `tell` and `ask` to a dead actor raise an
    ActorDeadError that carries the record.
    """

    __slots__ = ()

    def __str__(self) -> str:
        """Class and path or urn."""
        return f"{self.actor_class.__name__} ({self.path or self.actor_urn})"

    def __repr__(self) -> str:
        """As Pykka's."""
        return f"<ActorRef for {self}>"

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
