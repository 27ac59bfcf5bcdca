"""A TCP proxy that breaks the way networks and servers break, as a process of its own.

As a program: `tcp_proxy.py LISTEN_PORT TARGET_PORT`, orders on standard input, one a line, each answered with `ok`:
`pass`, `slow SECONDS` (before each piece of data, either way), `hang` (nothing moves any more, nothing is closed),
`refuse` (nobody listens, what was open is reset), `garbage` (the first thing said is answered with nonsense).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 64 * 1024
GARBAGE = b"\x15\x03\x00 what is this? \xff\xfe" * 8
HOST = "127.0.0.1"
RESET = struct.pack("ii", 1, 0)


class _Proxy:
    def __init__(self, port: int, target_port: int) -> None:
        self._port, self._target_port = port, target_port
        self._mode, self._delay_s = "pass", 0.0
        self._moving = asyncio.Event()
        self._moving.set()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def order(self, line: str) -> None:
        """Be what is ordered from here on."""
        mode, _, number = line.partition(" ")
        self._mode, self._delay_s = mode, float(number or 0)
        if mode == "hang":
            self._moving.clear()
        else:
            self._moving.set()
        if mode in ("refuse", "garbage"):
            self._reset_all()
        if mode == "refuse":
            await self._close()
        elif self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self._port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _reset_all(self) -> None:
        for writer in self._open:
            sock = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._mode == "garbage":
                await reader.read(1)
                writer.write(GARBAGE)
                await writer.drain()
                writer.close()
                return
            await self._moving.wait()
            far_reader, far_writer = await asyncio.open_connection(HOST, self._target_port)
            self._open.add(far_writer)
            await asyncio.gather(self._move(reader, far_writer), self._move(far_reader, writer))
            self._open.discard(far_writer)
        self._open.discard(writer)
        writer.close()

    async def _move(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._moving.wait()
                writer.write(piece)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.write_eof()


async def _run(port: int, target_port: int) -> None:
    proxy = _Proxy(port, target_port)
    await proxy.order("pass")
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sys.stdout.write("ok\n")
    sys.stdout.flush()
    while line := await lines.readline():
        await proxy.order(line.decode().strip())
        sys.stdout.write("ok\n")
        sys.stdout.flush()


class TcpProxy:
    """Orders to a proxy process. port: where it listens."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port
        self._answered()

    def order(self, what: str) -> None:
        """As the module says: `pass`, `slow 0.2`, `hang`, `refuse`, `garbage`; returns when it is so."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        self._answered()

    def _answered(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ok\n", "the proxy has died"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def tcp_proxy(target_port: int) -> Iterator[TcpProxy]:
    """A proxy before a port of this machine, gone with the test."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, __file__, str(port), str(target_port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield TcpProxy(process, port)
    finally:
        process.kill()
        process.wait(10.0)


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), int(sys.argv[2])))
