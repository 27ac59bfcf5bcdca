"""Byte streams over non-blocking descriptors; how to wait for one is left to the world."""

from __future__ import annotations

import contextlib
import os
import time
from abc import ABC, abstractmethod
from typing import ClassVar, Final

CHUNK_SIZE_BYTES: Final = 65536


class DescriptorStream(ABC):
    """A stream over one or two non-blocking descriptors, which it owns."""

    # How a descriptor is closed.
    close_descriptor: ClassVar = staticmethod(os.close)

    def __init__(self, read_fd: int | None, write_fd: int | None) -> None:
        """read_fd and write_fd may be the same."""
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._buffer = b""
        for descriptor in (read_fd, write_fd):
            if descriptor is not None:
                os.set_blocking(descriptor, False)

    @abstractmethod
    def _wait(self, descriptor: int, *, writing: bool, timeout_s: float | None) -> None:
        """Wait until descriptor can be read or written. Raises WaitTimeout."""

    def read(self, size_max: int, timeout_s: float | None) -> bytes:
        """Between 1 and size_max bytes; b"" at the end. Raises WaitTimeout and OSError."""
        if self._buffer:
            data, self._buffer = self._buffer[:size_max], self._buffer[size_max:]
            return data
        deadline_s = _deadline(timeout_s)
        while True:
            descriptor = _open(self._read_fd)
            try:
                return os.read(descriptor, size_max)
            except BlockingIOError:
                self._wait(descriptor, writing=False, timeout_s=_left(deadline_s))
            except ConnectionResetError:
                return b""

    def read_exactly(self, size: int, timeout_s: float | None) -> bytes:
        """Size bytes. Raises EOFError when the stream ends before; what had come is kept for the next read."""
        deadline_s = _deadline(timeout_s)
        chunks: list[bytes] = []
        missing = size
        try:
            while missing:
                data = self.read(min(missing, CHUNK_SIZE_BYTES), _left(deadline_s))
                if not data:
                    message = f"the stream ended {missing} bytes short of {size}"
                    raise EOFError(message)  # noqa: TRY301 - what had come is kept below
                chunks.append(data)
                missing -= len(data)
        except BaseException:
            self._buffer = b"".join(chunks) + self._buffer
            raise
        return b"".join(chunks)

    def read_line(self, size_max: int, timeout_s: float | None) -> bytes:
        """Bytes up to and including the next newline, or up to the end. Raises ValueError beyond size_max."""
        deadline_s = _deadline(timeout_s)
        line, self._buffer = self._buffer, b""
        try:
            while b"\n" not in line and len(line) <= size_max:
                data = self.read(CHUNK_SIZE_BYTES, _left(deadline_s))
                if not data:
                    return line
                line += data
        except BaseException:
            self._buffer = line
            raise
        head, newline, rest = line.partition(b"\n")
        if not newline or len(head) >= size_max:
            message = f"a line is longer than {size_max} bytes"
            raise ValueError(message)
        self._buffer = rest
        return head + newline

    def write(self, data: bytes, timeout_s: float | None) -> None:
        """All of data, or an error: WaitTimeout, BrokenPipeError or another OSError."""
        deadline_s = _deadline(timeout_s)
        left = memoryview(data)
        while left:
            descriptor = _open(self._write_fd)
            try:
                left = left[os.write(descriptor, left[:CHUNK_SIZE_BYTES]) :]
            except BlockingIOError:
                self._wait(descriptor, writing=True, timeout_s=_left(deadline_s))

    def close(self) -> None:
        """Give the descriptors back; never raises."""
        descriptors = {descriptor for descriptor in (self._read_fd, self._write_fd) if descriptor is not None}
        self._read_fd = self._write_fd = None
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                self.close_descriptor(descriptor)


def _open(descriptor: int | None) -> int:
    if descriptor is None:
        message = "the stream is closed"
        raise OSError(message)
    return descriptor


def _deadline(timeout_s: float | None) -> float | None:
    return None if timeout_s is None else time.monotonic() + timeout_s


def _left(deadline_s: float | None) -> float | None:
    return None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
