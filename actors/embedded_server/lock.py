"""server.lock: who holds it lives, and whoever holds it and does not answer can be ended.

The lock is taken by the daemon, inherited by the server, and let go by the daemon; so it is held exactly as long as the
server, or the child that rewrites its file, lives. The number in it is their process group.
"""

import os
import signal
from pathlib import Path
from typing import Final

from actors.node_directory import lock_file, noted_number
from supervision import world

_FREED_LOOK_S: Final = 0.02


def is_held(path: Path) -> bool:
    """Say whether a server, or a child of one, holds the lock. Raises OSError, such as when the folder is gone."""
    fd = lock_file(path)
    if fd is None:
        return True
    os.close(fd)
    return False


def wait_until_free(path: Path, timeout_s: float) -> bool:
    """Wait for the last holder to be gone; say whether it is."""
    now = world.current().now
    deadline_s = now() + timeout_s
    while is_held(path):
        if now() >= deadline_s:
            return False
        world.current().sleep(_FREED_LOOK_S)
    return True


def noted_leader(path: Path) -> int | None:
    """Return the process group noted in the lock, if one of its processes has the lock file open; else None.

    The number alone is not enough: after a restart of the machine, or in another container, it may be anybody's.
    """
    group = noted_number(path)
    if group is None:
        return None
    wanted = path.stat()
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return group if any(_group_of(pid) == group and _has_open(pid, wanted) for pid in pids) else None


def signal_leader(path: Path, number: int) -> bool:
    """Send a signal to the server that holds the lock; say whether there was one to send it to."""
    leader = noted_leader(path)
    return leader is not None and _send(leader, number, whole_group=False)


def kill_group(path: Path) -> bool:
    """SIGKILL to the whole process group that holds the lock; say whether there was one."""
    leader = noted_leader(path)
    return leader is not None and _send(leader, signal.SIGKILL, whole_group=True)


def kill_homeless_group(leader: int, lock_file_as_it_was: os.stat_result) -> bool:
    """SIGKILL to the group of a server whose lock file was deleted or moved; say whether it was still that server."""
    return _has_open(leader, lock_file_as_it_was) and _send(leader, signal.SIGKILL, whole_group=True)


def _send(leader: int, number: int, *, whole_group: bool) -> bool:
    try:
        (os.killpg if whole_group else os.kill)(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended, or is another user's
        return False
    return any(_is_file(descriptor, wanted) for descriptor in descriptors)


def _is_file(descriptor: Path, wanted: os.stat_result) -> bool:
    try:
        found = descriptor.stat()
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None
