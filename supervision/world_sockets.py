"""One thing that native threads need of sockets: to be let go from outside."""

from __future__ import annotations

import _socket
import contextlib
import os


def let_go(descriptor: int) -> None:
    """End both directions of a connected socket: a thread that waits on it hears at once that it has ended.

    The descriptor stays open and the caller's. Does nothing when it is no socket, or none that is connected. From any
    thread; takes no time.
    """
    with contextlib.suppress(OSError):
        # C's own socket, on a copy of the descriptor: a patched one would be made for the caller's hub.
        sock = _socket.socket(fileno=os.dup(descriptor))
        try:
            sock.shutdown(_socket.SHUT_RDWR)
        finally:
            sock.close()
