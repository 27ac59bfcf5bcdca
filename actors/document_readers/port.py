"""One reader process as a port: a document in, its reading or the reader's loss out, each wait with a deadline.

The process is a fresh interpreter in a session of its own. It gets no secret in its environment, limits itself (see
`invoices.sandbox`), and dies with the node. It is replaced after each loss and after a number of documents.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import invoices
from invoices.reader_wire import ReaderFailed, ReaderHello, ReadRequest, SourceEntered, frame_of, read_frame
from invoices.reading_record import Reading
from messages.errors import CodecError
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervision.world import ByteStream, Process, World

HELLO_TIMEOUT_S: Final = 30.0
# After so many documents a fresh process takes over, whatever the libraries have leaked.
DOCUMENTS_MAX: Final = 200
SCANS_MAX: Final = 50  # recognition leaks more, and takes so long that a fresh start does not show
_PROGRAM: Final = "invoices.reader_main"
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME", "TESSDATA_PREFIX")
_KILL_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Loss:
    """A reader was lost to a document. code: too_slow, out_of_memory or reader_died. source: what it was trying."""

    code: str
    source: str | None
    detail: str


class ReaderPort:
    """A reader process and the conversation with it. Used by one actor at a time."""

    def __init__(
        self, world: World, *, memory_mb: int, cpu_s: int, documents_max: int = DOCUMENTS_MAX, with_ocr: bool = False
    ) -> None:
        """memory_mb, cpu_s: what one process may use on top of itself, and for one document."""
        self._world = world
        self._memory_mb, self._cpu_s, self._documents_max = memory_mb, cpu_s, documents_max
        self._mode = ["ocr"] if with_ocr else []
        self._process: Process | None = None
        self._documents = 0
        self.hello: ReaderHello | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the reader that runs now."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start a process and do not wait for it to be warm. Raises OSError."""
        self.close()
        program = [sys.executable, "-s", "-P", "-m", _PROGRAM]
        limits = [str(os.getpid()), str(self._memory_mb), str(self._cpu_s)]
        self._process = self._world.start_process(
            [*program, *limits, *self._mode],
            env=_environment(),
            stdin="pipe",
            stdout="pipe",
            stderr="null",
            new_session=True,
        )

    def close(self) -> None:
        """Kill the process, if there is one, and take leave of it."""
        process, self._process = self._process, None
        self.hello, self._documents = None, 0
        if process is None:
            return
        process.kill(group=True)
        process.kill()
        try:
            process.wait(_KILL_WAIT_S)
        except WaitTimeout:
            # SIGKILL cannot be refused, only delayed by the kernel; nothing waits for the process any more.
            pass
        finally:
            process.close()

    def read(self, request: ReadRequest, timeout_s: float) -> Reading | Loss:
        """The reading of one document, at most timeout_s after the reader is warm; after a loss a fresh reader stands.

        Raises OSError when no process can be started.
        """
        if self._process is None or self._process.exit_code is not None or self._documents >= self._documents_max:
            self.start()
        outcome = self._conversation(request, timeout_s)
        self._documents += 1
        if isinstance(outcome, Loss):
            self.start()
        return outcome

    def _conversation(self, request: ReadRequest, timeout_s: float) -> Reading | Loss:
        source: str | None = None
        try:
            self.await_hello()
            stdin, receive = self._streams(self._world.now() + timeout_s)
            stdin.write(frame_of(request), timeout_s)
            while True:
                answer = receive()
                if isinstance(answer, SourceEntered):
                    source = answer.source
                elif isinstance(answer, ReaderFailed):
                    return Loss("reader_died", source, answer.detail)
                elif isinstance(answer, Reading):
                    return _lost_memory(answer, source) or answer
                else:
                    return Loss("reader_died", source, f"an unexpected {type(answer).__name__}")
        except WaitTimeout:
            return Loss("too_slow", source, f"no answer after {timeout_s:.1f} s")
        except (EOFError, OSError, CodecError) as error:
            return Loss(*self._cause(error, source))

    def await_hello(self) -> ReaderHello:
        """Wait until the reader is warm. Raises WaitTimeout, EOFError, OSError or CodecError when it never will be."""
        if self.hello is None:
            _, receive = self._streams(self._world.now() + HELLO_TIMEOUT_S)
            answer = receive()
            if not isinstance(answer, ReaderHello):
                raise CodecError(f"the reader began with {type(answer).__name__}: {answer!r:.500}")
            self.hello = answer
        return self.hello

    def _streams(self, deadline_s: float) -> tuple[ByteStream, Callable[[], Any]]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError("the reader does not run")
        stdout = process.stdout

        def read_exactly(size: int) -> bytes:
            return stdout.read_exactly(size, max(0.0, deadline_s - self._world.now()))

        return process.stdin, lambda: read_frame(read_exactly)

    def _cause(self, error: Exception, source: str | None) -> tuple[str, str | None, str]:
        """What ended the reader, by its exit code: the kernel's CPU limit counts as too slow."""
        code = self._exit_code()
        if code == -_SIGXCPU:
            return "too_slow", source, f"more than {self._cpu_s} s of CPU"
        return "reader_died", source, f"exit code {code}: {error!r:.200}"

    def _exit_code(self) -> int | None:
        if self._process is None:
            return None
        try:
            return self._process.wait(1.0)
        except WaitTimeout:
            return None


_SIGXCPU: Final = 24


def _lost_memory(reading: Reading, source: str | None) -> Loss | None:
    """A reader that ran out of memory says so and leaves: the document may do better without that source."""
    problem = reading.problem
    if problem is None or problem.code != "out_of_memory":
        return None
    return Loss("out_of_memory", source, problem.detail)


def _environment() -> dict[str, str]:
    """What a reader needs to find Python and its libraries, and nothing else: no key, no address, no password."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    root = str(Path(invoices.__file__).resolve().parents[1])
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_THREAD_LIMIT": "1",
        "MALLOC_ARENA_MAX": "2",
    }
