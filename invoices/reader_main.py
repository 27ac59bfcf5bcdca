"""The program of a reader process: `python -m invoices.reader_main PARENT_PID MEMORY_MB CPU_S [ocr]`.

A fresh interpreter that warms up, gives up its rights, and then reads one document after another: requests on
standard input, answers on standard output. With `ocr` it reads pictures too. It ends with its input or its parent.
Nothing it does can harm another: a document that makes it hang, crash or eat memory costs this process only.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable

from invoices import sandbox


def main(arguments: list[str]) -> int:
    """Serve until the input ends. Exit codes: 0 at its end, 1 after an error that may have left a mess."""
    parent_pid, memory_mb, cpu_s = (int(argument) for argument in arguments[:3])
    sandbox.die_with_parent(parent_pid)
    # Libraries print: what they say must not end up among the frames.
    answers = os.dup(1)
    os.dup2(2, 1)
    sandbox.close_inherited({answers})
    has_network = not sandbox.leave_network()
    serve = _warm(
        answers, has_network=has_network, memory_bytes_max=memory_mb * 1_000_000, with_ocr="ocr" in arguments[3:]
    )
    return serve(cpu_s)


def _warm(answers: int, *, has_network: bool, memory_bytes_max: int, with_ocr: bool) -> Callable[[int], int]:
    """Import everything, read a first document, give up all rights, say hello."""
    from invoices.reader_loop import Loop, warm_up, warm_up_ocr

    ocr = warm_up_ocr() if with_ocr else None
    warm_up()
    gc.collect()
    gc.freeze()
    sandbox.give_up_rights(memory_bytes_max)
    loop = Loop(answers, ocr)
    loop.hello(has_network=has_network, memory_bytes_max=memory_bytes_max)
    return loop.serve


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except BrokenPipeError:
        code = 0
    except Exception:  # noqa: BLE001 - the last resort of a program: say what it was, leave
        traceback.print_exc()
        code = 1
    # No atexit handlers and no destructors of C libraries: the process may have run out of memory.
    sys.stderr.flush()
    os._exit(code)
