"""Makes sessions slow, crash or kill their node when their message says so: `!sleep 3`, `!crash`, `!die`, `!wedge 3`.

`!wait for PATH` goes on when there is such a file. Installed in this process by `drilling`, or in a daemon of its own
by `drilled_daemon.py`. Everything else of a turn is what ships.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gevent.monkey import get_original

from actors.session import shell
from supervision import world


class CrashedOnPurpose(Exception):  # noqa: N818 - what it is
    """The session crashes by its own exception."""


def obey(text: str) -> None:
    """Do what a text says, should it be an order; `unless PATH` obeys once, and leaves a file to know it."""
    order, _, marker = text.partition(" unless ")
    if not order.startswith("!"):
        return
    if marker:
        if Path(marker).exists():
            return
        Path(marker).touch()
    word, _, figure = order.removeprefix("!").partition(" ")
    match word:
        case "sleep":
            world.current().sleep(float(figure))
        case "wait":
            while not Path(figure.removeprefix("for ")).exists():
                world.current().sleep(0.01)
        case "wedge":
            get_original("time", "sleep")(float(figure))
        case "crash":
            raise CrashedOnPurpose(text)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)


def _obedient(take_turn: Callable[..., Any]) -> Callable[..., Any]:
    def obedient(state: Any, message: Any, *rest: Any) -> Any:
        obey(message.text or "")
        return take_turn(state, message, *rest)

    return obedient


@contextmanager
def drilling() -> Iterator[None]:
    """Sessions of this process obey, for the length of a test."""
    plain = shell.take_turn
    shell.take_turn = _obedient(plain)
    try:
        yield
    finally:
        shell.take_turn = plain


def install() -> None:
    """Sessions of this process obey from here on."""
    shell.take_turn = _obedient(shell.take_turn)
