"""What a reader process gives up before it sees a document: network, files, processes, most memory, its parent's life.

Linux only, through ctypes and `resource`; what a kernel does not allow is left out and reported, never an error.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_OPEN_FILES_MAX: Final = 64
_FIRST_FREE_FD: Final = 3
_FDS_SEARCHED: Final = 1024

_libc: Final = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends; exit at once when that has happened already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(0)


def leave_network() -> bool:
    """Move into a network namespace of this process's own, in which there is nothing; say whether that worked.

    To be called while the process has one thread: a user namespace cannot be entered with more.
    """
    return any(_libc.unshare(flags) == 0 for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET))


def give_up_rights(memory_bytes_max: int) -> None:
    """Set the limits that hold for good: memory beyond what is used now, no file, no core, no process, few descriptors.

    memory_bytes_max: address space on top of what the process has. RLIMIT_NPROC does not hold for a user with
    CAP_SYS_RESOURCE; entering a user namespace takes that away.
    """
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    _limit(resource.RLIMIT_AS, _address_space_bytes() + memory_bytes_max)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES_MAX)


def allow_cpu(seconds: int) -> None:
    """Allow so much CPU time from now on; the kernel ends the process with SIGXCPU beyond it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + 1 + seconds, hard))


def close_inherited(kept: set[int]) -> None:
    """Close every descriptor but the standard ones and those in kept."""
    for descriptor in range(_FIRST_FREE_FD, _FDS_SEARCHED):
        if descriptor not in kept:
            try:
                os.close(descriptor)
            except OSError:
                continue


def _prctl(option: int, value: int) -> None:
    _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bounded, bounded))


def _address_space_bytes() -> int:
    statm = Path("/proc/self/statm").read_text(encoding="ascii")
    return int(statm.split()[0]) * resource.getpagesize()
