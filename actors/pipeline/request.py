"""One request to the store, from its submission to its answer."""

from collections.abc import Callable
from typing import Any, Final

from actors.pipeline.scripts import Script
from actors.store_errors import StoreAway, StoreError
from supervision import world

# A request's life goes one way: waiting -> sent -> done, or waiting -> done. Only redirections make it wait again.
WAITING: Final = 0
SENT: Final = 1
DONE: Final = 2


class Request:
    """A command on its way. Belongs to the hub's thread.

    slot is None for commands that any server may answer. on_done, if given, is called on the pipe's greenlet when the
    request is done: it must neither block nor take long; what it raises is reported and harms nobody.
    """

    __slots__ = ("_waiter", "abandoned", "error", "on_done", "packed", "reply", "script", "slot", "state", "tries")

    def __init__(
        self,
        packed: bytes,
        slot: int | None,
        script: Script | None,
        on_done: "Callable[[Request], object] | None",
    ) -> None:
        self.packed = packed
        self.slot = slot
        self.script = script
        self.on_done = on_done
        self.reply: Any = None
        self.error: StoreError | None = None
        self.state = WAITING
        self.tries = 0
        self.abandoned = False
        self._waiter: world.Waiter | None = None

    def __repr__(self) -> str:
        what = self.script.name if self.script is not None else self.packed[:40]
        return f"Request({what!r}, {('waiting', 'sent', 'done')[self.state]})"

    @property
    def done(self) -> bool:
        """Whether there is a reply or an error."""
        return self.state == DONE

    def result(self, timeout_s: float) -> Any:
        """Wait for the reply and return it.

        Raises the StoreError it ended with; StoreAway when timeout_s passes. Whoever stops waiting, by the timeout or
        because it is killed, also withdraws the request if it has not been sent.
        """
        if self.state != DONE:
            self._waiter = waiter = world.current().waiter()
            try:
                waiter.wait(timeout_s)
            except world.WaitTimeout:
                self.abandoned = True
                raise StoreAway(f"the store did not answer within {timeout_s:g} s", sent=self.state == SENT) from None
            except BaseException:
                self.abandoned = True
                raise
        if self.error is not None:
            raise self.error
        return self.reply

    def withdraw(self) -> None:
        """Do not send it, if it has not been sent. Nobody is told."""
        self.abandoned = True

    def answer(self, reply: Any) -> None:
        """Be done, with a reply."""
        self.reply = reply
        self._tell()

    def fail(self, error: StoreError) -> None:
        """Be done, with an error; a request that is done stays as it is."""
        if self.state != DONE:
            self.error = error
            self._tell()

    def _tell(self) -> None:
        self.state = DONE
        if self._waiter is not None:
            self._waiter.wake()
        if self.on_done is not None:
            self.on_done(self)
