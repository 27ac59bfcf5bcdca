"""The agents' corner of a data directory: several may live on one, each with a spool of its own.

`agent/spool-<n>.lock` is held by the agent whose spool is `agent/spool-<n>.db`, and says what sort of agent it is; a
spool whose lock is free has been left behind and is taken over by whoever comes by. `agent/nurse.lock` is held by the
one that looks after the daemon; its text is the process id of the daemon it has started. All locks end with their
process, however that ends.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from actors.node_directory import lock_file, noted_number

AGENTS_MAX: Final = 1000
_NURSE: Final = b"may look after the daemon\n"
_GUEST: Final = b"uses the daemon\n"
_SPOOL: Final = re.compile(r"spool-(\d{1,3})\.db")


class AgentFolder:
    """What one agent holds in the corner. Everything here blocks for as long as the disk needs."""

    def __init__(self, data_dir: Path, *, may_nurse: bool = True) -> None:
        """Nothing is made before `enter`. may_nurse: whether this agent would look after the daemon."""
        self.path = data_dir / "agent"
        self._may_nurse = may_nurse
        self._slot: int | None = None
        self._slot_fd = -1
        self._nurse_fd = -1

    @property
    def daemon_log(self) -> Path:
        """What a daemon that an agent has started writes."""
        return self.path / "daemon.log"

    @property
    def is_nurse(self) -> bool:
        """Whether this agent is the one that looks after the daemon."""
        return self._nurse_fd >= 0

    def enter(self) -> Path:
        """Take a place among the agents; returns the path of this one's spool. Raises OSError."""
        if self._slot is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
            self._take_slot()
        return self._spool(self._slot)

    def left_behind(self) -> list[tuple[Path, int]]:
        """Spools whose agents have died, each with the lock on it that this agent holds now; see `give_back`."""
        others = (number for number in self._spools() if number != self._slot)
        locked = [(self._spool(number), lock_file(self._lock(number))) for number in others]
        return [(path, fd) for path, fd in locked if fd is not None]

    def has_heir(self) -> bool:
        """Whether another agent lives here that would look after the daemon."""
        own = None if self._slot is None else self._lock(self._slot)
        return any(_is_held_by_a_nurse(path) for path in self.path.glob("spool-*.lock") if path != own)

    def become_nurse(self) -> bool:
        """Look after the daemon from now on, unless another agent does. Raises OSError."""
        if self._nurse_fd < 0:
            self._nurse_fd = -1 if (fd := lock_file(self._nurse)) is None else fd
        return self.is_nurse

    def note_daemon(self, pid: int | None) -> None:
        """Write down, for whoever comes after, which daemon an agent has started. The nurse's alone. Raises OSError."""
        os.ftruncate(self._nurse_fd, 0)
        if pid is not None:
            os.pwrite(self._nurse_fd, f"{pid}\n".encode(), 0)

    def noted_daemon(self) -> int | None:
        """The process id of the daemon that an agent has started last; it may have ended long since."""
        return noted_number(self._nurse)

    def resign(self) -> None:
        """Be nobody's heir any more: this agent is about to leave."""
        if self._slot_fd >= 0:
            with suppress(OSError):
                self._sign(_GUEST)

    def stop_nursing(self) -> None:
        """Let another agent look after the daemon."""
        if self._nurse_fd >= 0:
            os.close(self._nurse_fd)
            self._nurse_fd = -1

    def leave(self) -> None:
        """Give everything back. A second call does nothing."""
        self.stop_nursing()
        if self._slot_fd >= 0:
            os.close(self._slot_fd)
            self._slot_fd, self._slot = -1, None

    def _take_slot(self) -> None:
        for number in range(AGENTS_MAX):
            fd = lock_file(self._lock(number))
            if fd is not None:
                self._slot, self._slot_fd = number, fd
                self._sign(_NURSE if self._may_nurse else _GUEST)
                return
        raise OSError(f"{AGENTS_MAX} agents live in {self.path} already")

    def _sign(self, text: bytes) -> None:
        os.ftruncate(self._slot_fd, 0)
        os.pwrite(self._slot_fd, text, 0)

    def _spools(self) -> list[int]:
        with suppress(FileNotFoundError):
            names = (_SPOOL.fullmatch(entry.name) for entry in self.path.iterdir())
            return sorted(int(name[1]) for name in names if name is not None)
        return []

    def _spool(self, number: int | None) -> Path:
        return self.path / f"spool-{number}.db"

    def _lock(self, number: int) -> Path:
        return self.path / f"spool-{number}.lock"

    @property
    def _nurse(self) -> Path:
        return self.path / "nurse.lock"


def give_back(lock_fd: int) -> None:
    """Let go of the lock on a spool that was left behind."""
    os.close(lock_fd)


def _is_held_by_a_nurse(path: Path) -> bool:
    fd = lock_file(path)
    if fd is None:
        with suppress(OSError):
            return path.read_bytes() == _NURSE
        return False
    os.close(fd)
    return False
