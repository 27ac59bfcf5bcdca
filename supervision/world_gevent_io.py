"""Processes and unix sockets on gevent's loop: non-blocking descriptors, a watcher and a deadline for every wait."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gevent.monkey import get_original

from supervision.world import WaitTimeout
from supervision.world_streams import DescriptorStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supervision.world_gevent import GeventWorld
    from supervision.world_hub import HubTask, HubWaiter

# The originals, also under monkey patching: gevent's close may come a whole timeout late (measured: the hub slept a
# second with it pending), and gevent's posix_spawnp watches the child itself.
_socket = get_original("socket", "socket")
_close = get_original("os", "close")
_posix_spawnp = get_original("os", "posix_spawnp")


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:
        return False


# How long a server without descriptors waits before it accepts again.
ACCEPT_AGAIN_S: Final = 0.1
_READ, _WRITE = 1, 2
_STDERR: Final = 2
_DESCRIPTORS: Final = Path("/dev/fd")
# What the launcher of this process left open for all of its children, beyond the standard streams: not for ours.
_LEFT_BY_LAUNCHER: Final = tuple(
    descriptor
    for entry in (_DESCRIPTORS.iterdir() if _DESCRIPTORS.is_dir() else ())
    if (descriptor := int(entry.name)) > _STDERR and _is_inheritable(descriptor)
)
# A working directory is not among what posix_spawn can set.
_IN_DIRECTORY: Final = ("/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh")


class FdStream(DescriptorStream):
    """A stream whose waits are a watcher of the loop and a deadline."""

    close_descriptor = staticmethod(_close)

    def __init__(self, world: GeventWorld, read_fd: int | None, write_fd: int | None) -> None:
        """read_fd and write_fd may be the same."""
        super().__init__(read_fd, write_fd)
        self._world = world
        self._waiting: list[HubWaiter] = []

    def _wait(self, descriptor: int, *, writing: bool, timeout_s: float | None) -> None:
        watcher = self._world.hub.loop.io(descriptor, _WRITE if writing else _READ)
        waiter = self._world.waiter()
        watcher.start(waiter.wake)
        self._waiting.append(waiter)
        try:
            waiter.wait(timeout_s)
        finally:
            self._waiting.remove(waiter)
            watcher.stop()
            watcher.close()

    def close(self) -> None:
        """Give the descriptors back; whoever waits for them gets an OSError."""
        for waiter in self._waiting:
            waiter.wake()
        super().close()


class ChildProcess:
    """A child whose end is told by the loop's SIGCHLD watcher."""

    def __init__(self, world: GeventWorld, pid: int, pipes: Mapping[int, int]) -> None:
        """pipes: our ends of its streams by number. The loop has not run since it was started, so no end is missed."""
        self._world = world
        self.pid = pid
        self.exit_code: int | None = None
        self._ended: list[HubWaiter] = []
        self._watcher = world.hub.loop.child(pid)
        self._watcher.start(self._reap)
        self.stdin = FdStream(world, None, pipes[0]) if 0 in pipes else None
        self.stdout = FdStream(world, pipes[1], None) if 1 in pipes else None
        self.stderr = FdStream(world, pipes[_STDERR], None) if _STDERR in pipes else None

    def _reap(self) -> None:
        # The loop has waited for it: the number may belong to another process from now on.
        self.exit_code = os.waitstatus_to_exitcode(self._watcher.rstatus)
        self._watcher.stop()
        self._watcher.close()
        ended, self._ended = self._ended, []
        for waiter in ended:
            waiter.wake()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL; with group to all of its process group, also when it has ended itself."""
        if group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        else:
            self.send_signal(signal.SIGKILL)

    def wait(self, timeout_s: float | None) -> int:
        """Its exit code. Raises WaitTimeout when it still runs."""
        if self.exit_code is None:
            waiter = self._world.waiter()
            self._ended.append(waiter)
            waiter.wait(timeout_s)
        code = self.exit_code
        return -signal.SIGKILL if code is None else code

    def close(self) -> None:
        """Give its streams back."""
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()


def start_process(
    world: GeventWorld,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None,
    cwd: str | None,
    streams: tuple[str, str, str],
    new_session: bool,
    pass_fds: Sequence[int],
    limits: Mapping[str, int] | None,
) -> ChildProcess:
    """Start a fresh program; streams are those of stdin, stdout, stderr.

    By posix_spawn, which does not copy this process's memory map, as a fork would: with a large heap that stops the
    hub for milliseconds. And what runs in the child is a fresh program: after a plain fork the greenlets would go on
    in the child, and every actor would run twice.
    """
    # The child watcher needs the loop's SIGCHLD handler before there is a child.
    world.hub.loop.install_sigchld()
    ours: dict[int, int] = {}
    theirs: list[int] = []
    made_inheritable = [descriptor for descriptor in pass_fds if not os.get_inheritable(descriptor)]
    try:
        actions = [_action(number, kind, ours, theirs) for number, kind in enumerate(streams) if kind != "inherit"]
        actions += [
            (os.POSIX_SPAWN_CLOSE, descriptor)
            for descriptor in _LEFT_BY_LAUNCHER
            if descriptor not in pass_fds and _is_inheritable(descriptor)
        ]
        for descriptor in made_inheritable:
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - its signature  # noqa: FBT003 - its signature
        command = [*_IN_DIRECTORY, cwd, *argv] if cwd is not None else list(argv)
        pid = _posix_spawnp(
            command[0],
            command,
            os.environ if env is None else dict(env),
            file_actions=actions,
            setsid=new_session,
            setsigdef=[signal.SIGPIPE],  # Python ignores it; what a program expects is the default
        )
    except BaseException:
        for descriptor in ours.values():
            _close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            _close(descriptor)
        for descriptor in made_inheritable:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 - its signature  # noqa: FBT003 - its signature
    child = ChildProcess(world, pid, ours)
    for name, limit in (limits or {}).items():
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, getattr(resource, name), (limit, limit))
    return child


def _action(number: int, kind: str, ours: dict[int, int], theirs: list[int]) -> tuple[Any, ...]:
    """Return what posix_spawn does for stream number; our end of a pipe goes to ours, the child's to theirs."""
    if kind == "null":
        return (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY, 0)
    if kind == "stdout" and number == _STDERR:
        return (os.POSIX_SPAWN_DUP2, 1, 2)
    if kind != "pipe":
        message = f"a stream is pipe, null or inherit, not {kind!r}"
        raise ValueError(message)
    reads, writes = os.pipe()
    ours[number], child_end = (writes, reads) if number == 0 else (reads, writes)
    theirs.append(child_end)
    return (os.POSIX_SPAWN_DUP2, child_end, number)


class UnixServer:
    """A unix socket whose connections are served by a task each, at most connections_max at a time."""

    def __init__(
        self, world: GeventWorld, path: str, serve: Callable[[FdStream], object], mode: int, connections_max: int
    ) -> None:
        """Listen; a file left by a dead process is replaced, a live server's is not (raises OSError)."""
        self._world = world
        self._path = path
        self._serve = serve
        self._connections_max = connections_max
        self._connections: dict[HubTask, FdStream] = {}
        self._closed = False
        self._listener = _listen(path, mode)
        self._watcher = world.hub.loop.io(self._listener.fileno(), _READ)
        self._watcher.start(self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # no descriptors left: the socket stays readable, and would be asked again without rest
            self._watcher.stop()
            self._world.call_later(ACCEPT_AGAIN_S, self._accept_again)
            return
        self._take(connection)

    def _accept_again(self) -> None:
        if not self._closed:
            self._watcher.start(self._accept)

    def _take(self, connection: socket.socket) -> None:
        stream = FdStream(self._world, descriptor := connection.detach(), descriptor)
        if len(self._connections) >= self._connections_max:
            stream.close()
            return
        holder: list[HubTask] = []
        task = self._world.spawn(self._serve_one, holder, stream, name=f"connection to {self._path}")
        holder.append(task)
        self._connections[task] = stream

    def _serve_one(self, holder: list[HubTask], stream: FdStream) -> None:
        try:
            self._serve(stream)
        finally:
            stream.close()
            self._connections.pop(holder[0], None)

    def close(self) -> None:
        """Stop listening, end the open connections, remove the socket's file."""
        self._closed = True
        self._watcher.stop()
        self._watcher.close()
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            Path(self._path).unlink()
        for task, stream in list(self._connections.items()):
            task.kill()
            task.join(1.0)
            stream.close()
        self._connections.clear()


def _listen(path: str, mode: int) -> Any:
    listener = _socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)  # noqa: FBT003 - its signature
        probe = _socket(socket.AF_UNIX, socket.SOCK_STREAM)
        probe.setblocking(False)  # noqa: FBT003 - its signature
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()
        finally:
            probe.close()
        before = os.umask(0o777 & ~mode)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


def connect_unix(world: GeventWorld, path: str, timeout_s: float) -> FdStream:
    """Connect; a full backlog is tried again until timeout_s has passed."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        connection = _socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)  # noqa: FBT003 - its signature
        try:
            connection.connect(path)
        except BlockingIOError:
            connection.close()
            if time.monotonic() >= deadline_s:
                raise WaitTimeout(timeout_s) from None
            world.sleep(0.02)
        except BaseException:
            connection.close()
            raise
        else:
            descriptor = connection.detach()
            return FdStream(world, descriptor, descriptor)
