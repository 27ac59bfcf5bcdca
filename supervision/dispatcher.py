"""The dispatcher gives actors their turns: a run queue and a few worker greenlets.

An idle actor has no greenlet. Its first message puts it on the run queue; a worker takes it from there and handles
what waits in its mailbox. Workers give way by *time*, not by a number of messages: without a bound two actors
playing ping-pong starve the hub for ever, with 256 messages a turn a 1 ms ticker got 32 of 1,000 ticks (measured).

One callback of the hub, the kick, is pending whenever somebody may be on the run queue. It runs when a worker has
switched to the hub, and therefore exactly then: because a handler blocks, or because the worker is done. It finds the
run queue empty, or lets another worker go on. Nothing else is needed to let 2,000 handlers block at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr, _ActorStop

from supervision import world as world_port
from supervision.future import Ask, AskLater

if TYPE_CHECKING:
    from greenlet import greenlet

    from supervision.ref_life import LivingRef
    from supervision.ref_mailbox import MailboxRef
    from supervision.supervised_start import StartCall
    from supervision.world_hub import HubWorld

# How long a worker may keep the hub waiting. Handlers that compute longer overrun it: they belong in a process.
TURN_S: Final = 0.001
# The clock is read every so many messages, or after each one once messages prove slow.
MESSAGES_BETWEEN_LOOKS: Final = 16
SLOW_LOOK_S: Final = 0.0004
# A mailbox longer than this is moved aside in one go, since list.pop(0) shifts all that remains.
SPILL_ABOVE: Final = 64
# Idle workers kept for the next burst of blocking handlers; one is about 10 kB.
IDLE_WORKERS_MAX: Final = 64


class OwnStop:
    """An actor ends itself, with this reason: "normal" for its own stop()."""

    __slots__ = ("reason",)

    def __init__(self, reason: str | BaseException = "normal") -> None:
        """reason: what the watchers will hear."""
        self.reason = reason


class CrashOrder:
    """A crash from outside (a drill), put at the front of the mailbox."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        """The actor will crash with error."""
        self.error = error


SPECIAL: Final[frozenset[type]] = frozenset(
    (Ask, AskLater, OwnStop, CrashOrder, _ActorStop, ProxyCall, ProxyGetAttr, ProxySetAttr)
)


class Dispatcher:
    """Run queue and workers of one world. Everything here runs in the world's own thread."""

    def __init__(self, world: HubWorld) -> None:
        """No worker exists until there is work."""
        self.world = world
        self.thread_id = world.thread_id
        self.get_thread_id = world.get_thread_id
        # Refs with something in their mailbox whose turn has not come. Invariant: when it is not empty, a kick is
        # pending or a worker rests.
        self.run_queue = world.run_queue()
        self.kick_pending = False
        self.actors_started = 0
        # Supervised calls of `start` that have not returned, by the greenlet that makes them.
        self.start_calls: dict[greenlet, StartCall] = {}
        self._kicks = 0
        self._resting = 0
        self._idle: list[greenlet] = []

    def schedule(self, ref: MailboxRef[Any]) -> None:
        """Give ref a turn, after those that wait already."""
        self.run_queue.append(ref)
        if not self.kick_pending:
            self.kick_pending = True
            self.world.call_soon(self._kick)

    def _kick(self) -> None:
        """On the hub: let a worker go on when there is work."""
        self.kick_pending = False
        self._kicks += 1
        if self.run_queue and not self._resting:
            # Before the worker runs, so that this comes again as soon as it gives way.
            self.kick_pending = True
            self.world.call_soon(self._kick)
            self._worker().switch()

    def _worker(self) -> greenlet:
        while self._idle:
            worker = self._idle.pop()
            if not worker.dead:
                return worker
        return self.world.new_greenlet(self._work)

    def _work(self) -> None:
        """Run one worker greenlet until nobody needs it."""
        me = self.world.getcurrent()
        while True:
            self._take_turns(me)
            if len(self._idle) >= IDLE_WORKERS_MAX:
                return
            self._idle.append(me)
            self.world.switch_to_hub()

    def _take_turns(self, me: greenlet) -> None:  # noqa: C901, PLR0912, PLR0915 - the hot loop; calls cost a third
        """Handle messages until the run queue is empty or another worker rests in this one's place."""
        run_queue = self.run_queue
        clock = self.world.turn_clock
        special = SPECIAL
        kicks = self._kicks
        looked_at_s = clock()
        turn_ends_at_s = looked_at_s + TURN_S
        looks_in = MESSAGES_BETWEEN_LOOKS
        while run_queue:
            ref: LivingRef[Any] = run_queue.popleft()
            actor = ref._actor
            if actor is None:
                continue  # fenced while it waited for its turn
            inbox = ref._inbox
            backlog = ref._backlog
            if len(inbox) > SPILL_ABOVE and not backlog:
                backlog = ref._spill()
            receive = actor.on_receive
            ref._worker = me
            rest = False
            try:
                while True:
                    if backlog:
                        message = backlog.pop()
                    elif inbox:
                        message = inbox.pop(0)
                    else:
                        # In this order: a native thread appends first and looks whether the actor sleeps then.
                        ref._asleep = True
                        if not inbox:
                            break
                        ref._asleep = False
                        continue
                    ref._in_hand = message
                    if type(message) not in special:
                        receive(message)
                    elif type(message) is Ask and type(message.message) not in special:
                        answer = receive(message.message)
                        if not message.deferred:
                            message.reply(answer)
                    else:
                        ref._handle_special(actor, message)
                    looks_in -= 1
                    if looks_in > 0:
                        continue
                    now_s = clock()
                    looks_in = 1 if now_s - looked_at_s > SLOW_LOOK_S else MESSAGES_BETWEEN_LOOKS
                    looked_at_s = now_s
                    if now_s < turn_ends_at_s:
                        continue
                    if kicks != self._kicks:
                        # The hub has had control since: some handler blocked. The turn begins anew.
                        kicks = self._kicks
                        turn_ends_at_s = now_s + TURN_S
                        self._ensure_kick()
                        continue
                    rest = True
                    if backlog or inbox:
                        run_queue.append(ref)
                        break
            except BaseException as error:  # noqa: BLE001 - whatever it is stops this actor and no other
                ref._crashed(actor, error)
            ref._in_hand = None
            ref._worker = None
            if rest:
                if self._resting:
                    return
                self._rest(me)
                kicks = self._kicks
                looked_at_s = clock()
                turn_ends_at_s = looked_at_s + TURN_S

    def _ensure_kick(self) -> None:
        if not self.kick_pending:
            self.kick_pending = True
            self.world.call_soon(self._kick)

    def _rest(self, me: greenlet) -> None:
        """Give the hub one round, by a timer: what stands in its callback queue would starve the timers."""
        if not self.run_queue:
            return
        self._resting += 1
        try:
            timer = self.world.call_later(self.world.rest_s, me.switch)
            try:
                self.world.switch_to_hub()
            finally:
                timer.cancel()
        finally:
            self._resting -= 1
            self._ensure_kick()

    def run_in_hub(self, start: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call start from a native thread in a task of the hub's thread, and return what it returns or raise."""
        from supervision.future import GeventFuture

        future: GeventFuture[Any] = GeventFuture()

        def call() -> None:
            try:
                future.set(start(*args, **kwargs))
            except BaseException:  # noqa: BLE001 - handed to the caller
                future.set_exception()

        self.world.spawn(call, name=f"start for a native thread: {start!r}")
        return future.get(timeout=float("inf"))


def current() -> Dispatcher:
    """Return the dispatcher of the current world."""
    world: Any = world_port.current()
    dispatcher: Dispatcher = world.dispatcher
    return dispatcher
