"""What the gevent world and the virtual world share: waiting, tasks and timers over a hub of greenlets.

A hub is a greenlet that runs callbacks; every other greenlet gives way by switching to it, and goes on when a
callback of the hub switches back. A world brings the hub; everything above it, the dispatcher of the actors
included, is written once against this class.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final

from greenlet import GreenletExit, getcurrent, greenlet

from supervision.deadlines import Deadlines
from supervision.world import Timer, WaitTimeout

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from threading import Lock

    from supervision.dispatcher import Dispatcher


# Greenlets kept for the next tasks: making one takes 9 us, most of what a short task costs.
RUNNERS_MAX: Final = 32


class HubWorld(ABC):
    """The ports that need no more than a hub. Times are seconds, monotonic."""

    random: random.Random
    thread_id: int
    hub: greenlet
    # What a switch to the hub is called; bound once, since every wait needs it.
    switch_to_hub: Callable[[], Any]
    call_soon: Callable[..., object]
    # Monotonic seconds.
    now: Callable[[], float]
    # Seconds by which the turns of workers are bounded.
    turn_clock: Callable[[], float]
    # The real thread's id, also under monkey patching.
    get_thread_id: Callable[[], int]
    # How far a worker that has used up its turn steps back.
    rest_s: ClassVar[float] = 0.0
    getcurrent = staticmethod(getcurrent)

    def __init__(self) -> None:
        """Make the deadlines; a subclass sets thread_id, hub and the functions bound to it."""
        self.deadlines = Deadlines(self._arm)
        self._dispatcher: Dispatcher | None = None
        self._runners: list[greenlet] = []

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of this world's actors, made on first use."""
        if self._dispatcher is None:
            from supervision.dispatcher import Dispatcher

            self._dispatcher = Dispatcher(self)
        return self._dispatcher

    @abstractmethod
    def call_soon_threadsafe(self, function: Callable[..., object], *args: Any) -> None:
        """Call function on the hub soon; from any thread."""

    @abstractmethod
    def allocate_lock(self) -> Lock:
        """Make a real lock, for waits in native threads."""

    @abstractmethod
    def native_sleep(self, seconds: float) -> None:
        """Sleep in a native thread."""

    @abstractmethod
    def _arm(self, at_s: float) -> None:
        """Have `deadlines.run_due` called at at_s; an earlier call replaces a later one."""

    def run_queue(self) -> deque[Any]:
        """Make the queue that says which actor runs next."""
        return deque()

    def runner(self) -> greenlet:
        """Take or make a greenlet that runs the task it is switched to with, and comes back for another."""
        while self._runners:
            runner = self._runners.pop()
            if not runner.dead:
                runner.gr_context = None  # no context variables of the task before
                return runner
        return self.new_greenlet(self._run_tasks)

    def _run_tasks(self, task: HubTask) -> None:
        me = getcurrent()
        while True:
            task.run()
            if len(self._runners) >= RUNNERS_MAX:
                return
            self._runners.append(me)
            task = self.switch_to_hub()

    def new_greenlet(self, run: Callable[..., object]) -> greenlet:
        """Make a greenlet that comes back to the hub when it ends."""
        return greenlet(run, self.hub)

    def in_hub_thread(self) -> bool:
        """Whether the caller may wait by switching to the hub."""
        return self.get_thread_id() == self.thread_id

    def refuse_on_hub(self) -> None:
        """Raise when a callback of the hub tries to wait: it would wait for ever."""
        if getcurrent() is self.hub:
            message = "a callback of the hub must not wait"
            raise RuntimeError(message)

    def waiter(self) -> HubWaiter:
        """Make a new meeting point."""
        return HubWaiter(self)

    def spawn(self, function: Callable[..., object], *args: Any, name: str = "") -> HubTask:
        """Run function in a greenlet of its own, soon; from any thread."""
        return HubTask(self, function, args, name)

    def call_later(self, delay_s: float, function: Callable[..., object], *args: Any) -> Timer:
        """Call function on the hub after delay_s; from any thread."""
        timer = HubTimer(self, function, args)
        at_s = self.now() + delay_s
        if self.in_hub_thread():
            self.deadlines.add(at_s, timer)
        else:
            self.call_soon_threadsafe(timer.start, at_s)
        return timer

    def sleep(self, seconds: float) -> None:
        """Let others run for so long; a native thread just sleeps."""
        if not self.in_hub_thread():
            self.native_sleep(seconds)
            return
        with contextlib.suppress(WaitTimeout):
            HubWaiter(self).wait(seconds)


class HubTimer:
    """One call in the future, as an entry of the deadline heap."""

    __slots__ = ("_args", "_cancelled", "_function", "_world", "armed")

    def __init__(self, world: HubWorld, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        """The caller adds it to the heap."""
        self._world = world
        self._function = function
        self._args = args
        self._cancelled = False
        self.armed = False

    def start(self, at_s: float) -> None:
        """Stand in the heap from now on, unless cancelled meanwhile."""
        if not self._cancelled:
            self._world.deadlines.add(at_s, self)

    def expire(self) -> None:
        """Call the function; what it raises is reported, since other deadlines stand behind this one."""
        try:
            if not self._cancelled:
                self._function(*self._args)
        except BaseException as error:  # noqa: BLE001 - nothing may stop the heap
            _report(getattr(self._function, "__qualname__", repr(self._function)), error)

    def cancel(self) -> None:
        """Make sure that it is not called; from any thread."""
        self._cancelled = True
        if self._world.in_hub_thread():
            self._world.deadlines.call_off(self)
        else:
            self._world.call_soon_threadsafe(self._world.deadlines.call_off, self)


class HubWaiter:
    """One greenlet or native thread waits, anyone wakes it.

    It survives being thrown at while it waits: the greenlet's name is taken out on the way, so that a wake-up
    still queued on the hub finds nobody and cannot disturb a later wait of the same greenlet.
    """

    __slots__ = ("_expired", "_greenlet", "_lock", "_value", "_woken", "_world", "armed")

    def __init__(self, world: HubWorld) -> None:
        """Not woken yet."""
        self._world = world
        self._greenlet: greenlet | None = None
        self._lock: Lock | None = None
        self._value: Any = None
        self._woken = False
        self._expired = False
        self.armed = False

    @property
    def woken(self) -> bool:
        """Whether there is a value."""
        return self._woken

    def wake(self, value: Any = None) -> None:
        """Give the value; the first call counts."""
        if self._woken:
            return
        self._value = value
        # Only now, and before looking who waits: a waiter looks at _woken after it has said that it waits.
        self._woken = True
        if self._lock is not None:
            with contextlib.suppress(RuntimeError):  # two threads woke it at the same moment
                self._lock.release()
        elif self._greenlet is not None:
            soon = self._world.call_soon if self._world.in_hub_thread() else self._world.call_soon_threadsafe
            soon(self._resume)

    def wait(self, timeout_s: float | None) -> Any:
        """Wait for the value. Raises WaitTimeout; may be called again."""
        if self._woken:
            return self._value
        if self._world.in_hub_thread():
            self._wait_in_greenlet(timeout_s)
        else:
            self._wait_in_thread(timeout_s)
        return self._value

    def expire(self) -> None:
        """The deadline has come."""
        self._expired = True
        self._resume()

    def _resume(self) -> None:
        if self._greenlet is not None:
            self._greenlet.switch()

    def _wait_in_greenlet(self, timeout_s: float | None) -> None:
        self._world.refuse_on_hub()
        if self._greenlet is not None:
            message = "another greenlet waits here already"
            raise RuntimeError(message)
        self._expired = False
        self._greenlet = getcurrent()
        if timeout_s is not None:
            self._world.deadlines.add(self._world.now() + timeout_s, self)
        try:
            while not self._woken:
                self._world.switch_to_hub()
                if self._expired and not self._woken:
                    raise WaitTimeout(timeout_s)
        finally:
            self._greenlet = None
            self._world.deadlines.call_off(self)

    def _wait_in_thread(self, timeout_s: float | None) -> None:
        lock = self._world.allocate_lock()
        lock.acquire()
        self._lock = lock
        if self._woken:
            return
        lock.acquire(timeout=-1 if timeout_s is None else max(0.0, timeout_s))
        if not self._woken:
            self._lock = None
            raise WaitTimeout(timeout_s)


class HubTask:
    """A function in a greenlet of its own."""

    __slots__ = ("_args", "_done", "_ended", "_function", "_greenlet", "_killed", "_world", "error", "name")

    def __init__(self, world: HubWorld, function: Callable[..., object], args: tuple[Any, ...], name: str = "") -> None:
        """It begins at the hub's next round."""
        self._world = world
        self._function = function
        self._args = args
        self.name = name or getattr(function, "__qualname__", repr(function))
        self.error: BaseException | None = None
        self._done = False
        self._killed = False
        self._ended: list[HubWaiter] = []
        self._greenlet: greenlet | None = None
        (world.call_soon if world.in_hub_thread() else world.call_soon_threadsafe)(self._begin)

    @property
    def done(self) -> bool:
        """True once the function has returned or raised."""
        return self._done

    def kill(self) -> None:
        """GreenletExit where it waits; a task that has not begun never does."""
        if self._done or self._killed:
            return
        self._killed = True
        if getcurrent() is self._greenlet:
            raise GreenletExit
        if self._greenlet is None and self._world.in_hub_thread():
            self._finish()
            return
        (self._world.call_soon if self._world.in_hub_thread() else self._world.call_soon_threadsafe)(self._throw)

    def join(self, timeout_s: float | None) -> bool:
        """Wait for its end; say whether it has ended."""
        if not self._done:
            waiter = self._world.waiter()
            self._ended.append(waiter)
            if self._done:  # it ended in the hub's thread while a native thread registered
                return True
            with contextlib.suppress(WaitTimeout):
                waiter.wait(timeout_s)
        return self._done

    def _begin(self) -> None:
        if not self._done:
            # Made here, in the hub's thread: a greenlet cannot have a parent in another one.
            self._greenlet = self._world.runner()
            self._greenlet.switch(self)

    def _throw(self) -> None:
        if self._greenlet is None:
            self._finish()
        elif not self._done:
            self._greenlet.throw(GreenletExit)

    def run(self) -> None:
        """Run the function; called by its runner, and never raises."""
        try:
            self._function(*self._args)
        except GreenletExit as error:
            self.error = error
        except BaseException as error:  # noqa: BLE001 - whatever it is must not reach the hub
            self.error = error
            _report(self.name, error)
        self._finish()

    def _finish(self) -> None:
        self._done = True
        self._function, self._args = _nothing, ()
        ended, self._ended = self._ended, []
        for waiter in ended:
            waiter.wake()


def _report(name: str, error: BaseException) -> None:
    from supervision.reports import report_task_failed

    report_task_failed(name, error)


def _nothing() -> None:
    """Stand in for the function of a task that has ended."""
