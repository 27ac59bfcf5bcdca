"""Processes and unix sockets with the standard library alone."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from supervision.reports import report_task_failed
from supervision.world import WaitTimeout
from supervision.world_streams import DescriptorStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_STREAMS: Final = {"pipe": subprocess.PIPE, "null": subprocess.DEVNULL, "inherit": None, "stdout": subprocess.STDOUT}


class PolledStream(DescriptorStream):
    """A stream whose waits are a poll."""

    def _wait(self, descriptor: int, *, writing: bool, timeout_s: float | None) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
        if not poll.poll(None if timeout_s is None else timeout_s * 1000):
            raise WaitTimeout(timeout_s)


class PlainProcess:
    """A child process."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        """Popen with unbuffered streams."""
        self._popen = popen
        self.stdin = None if popen.stdin is None else PolledStream(None, os.dup(popen.stdin.fileno()))
        self.stdout = None if popen.stdout is None else PolledStream(os.dup(popen.stdout.fileno()), None)
        self.stderr = None if popen.stderr is None else PolledStream(os.dup(popen.stderr.fileno()), None)
        for stream in (popen.stdin, popen.stdout, popen.stderr):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""
        return self._popen.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        self._popen.send_signal(number)

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL; with group to all of its process group."""
        if group:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        else:
            self._popen.kill()

    def wait(self, timeout_s: float | None) -> int:
        """Its exit code. Raises WaitTimeout when it still runs."""
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise WaitTimeout(timeout_s) from error

    def close(self) -> None:
        """Close its streams; it goes on."""
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()


def start_process(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None,
    cwd: str | None,
    streams: tuple[str, str, str],
    new_session: bool,
    pass_fds: Sequence[int],
    limits: Mapping[str, int] | None,
) -> PlainProcess:
    """Start a program; streams are those of stdin, stdout, stderr."""
    popen = subprocess.Popen(  # noqa: S603 - the caller names the program
        list(argv),
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=_STREAMS[streams[0]],
        stdout=_STREAMS[streams[1]],
        stderr=_STREAMS[streams[2]],
        start_new_session=new_session,
        pass_fds=tuple(pass_fds),
        bufsize=0,
    )
    for name, limit in (limits or {}).items():
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(popen.pid, getattr(resource, name), (limit, limit))
    return PlainProcess(popen)


class UnixServer:
    """A unix socket whose connections are served by a thread each, at most connections_max at a time."""

    def __init__(self, path: str, serve: Callable[[PolledStream], object], mode: int, connections_max: int) -> None:
        """Listen; a file left by a dead process is replaced, a live server's is not (raises OSError)."""
        self._path = path
        self._serve = serve
        self._room = threading.BoundedSemaphore(connections_max)
        self._listener = listen(path, mode)
        self._listener.settimeout(None)
        self._streams: set[PolledStream] = set()
        self._closed = False
        threading.Thread(target=self._accept, name=f"server of {path}", daemon=True).start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._room.acquire(blocking=False):
                stream = PolledStream(descriptor := connection.detach(), descriptor)
                self._streams.add(stream)
                threading.Thread(target=self._serve_one, args=(stream,), daemon=True).start()
            else:
                connection.close()

    def _serve_one(self, stream: PolledStream) -> None:
        try:
            self._serve(stream)
        except Exception as error:  # noqa: BLE001 - the connection ends here
            report_task_failed(f"connection to {self._path}", error)
        finally:
            stream.close()
            self._streams.discard(stream)
            self._room.release()

    def close(self) -> None:
        """Stop listening, close the open connections, remove the socket's file."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            Path(self._path).unlink()
        for stream in list(self._streams):
            stream.close()


def listen(path: str, mode: int) -> socket.socket:
    """Bind and listen on a unix socket with this file mode, replacing the file of a dead server."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(path)
            except (ConnectionRefusedError, FileNotFoundError):
                with contextlib.suppress(FileNotFoundError):
                    Path(path).unlink()
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


def connect_unix(path: str, timeout_s: float) -> PolledStream:
    """Connect to a unix socket. Raises OSError and WaitTimeout."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(path)
    except TimeoutError as error:
        connection.close()
        raise WaitTimeout(timeout_s) from error
    except BaseException:
        connection.close()
        raise
    descriptor = connection.detach()
    return PolledStream(descriptor, descriptor)
