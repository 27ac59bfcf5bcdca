"""Everything a node keeps on its own disk: one directory, one daemon.

`node.lock` is held by the daemon alone: close-on-exec, so that no child keeps it. `server.lock` belongs to the embedded
server (actors/embedded_server), which inherits it and so holds it exactly as long as it lives. The node's id is made
once and kept; the incarnation counts the daemons that ran here, with a nonce, because a count repeats when a
directory is restored from a backup.
"""

import fcntl
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from messages.errors import UnfailingError

# Linux: sun_path has 108 bytes, and servers insist on the closing NUL.
SOCKET_PATH_BYTES_MAX: Final = 107
_NODE_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")


class NodeDirectoryError(UnfailingError):
    """The data directory cannot be used; the text says why and what would help."""


class DirectoryInUse(NodeDirectoryError):  # noqa: N818 - said as the operator reads it
    """Another daemon runs on this directory. holder_pid is None when it has not yet written its number."""

    def __init__(self, path: Path, holder_pid: int | None) -> None:
        holder = f"process {holder_pid}" if holder_pid is not None else "another process"
        super().__init__(
            f"a daemon already runs on the data directory {path}: {holder} holds its lock. "
            "Stop that one first, or give this one a directory of its own (--data-dir)."
        )
        self.path = path
        self.holder_pid = holder_pid


class SocketPathTooLong(NodeDirectoryError):  # noqa: N818 - said as the operator reads it
    """The data directory lies so deep that no unix socket can be made in it."""

    def __init__(self, socket_path: Path) -> None:
        size_bytes = len(os.fsencode(socket_path))
        super().__init__(
            f"the socket {socket_path} would have a path of {size_bytes} bytes, and the system takes at most "
            f"{SOCKET_PATH_BYTES_MAX}. Choose a data directory with a shorter path (--data-dir or UNFAILING_DATA_DIR); "
            "a symbolic link does not help, because the path is resolved."
        )
        self.path = socket_path
        self.size_bytes = size_bytes


@dataclass(frozen=True, slots=True)
class NodePaths:
    """Where things lie in a data directory. root is absolute and resolved."""

    root: Path

    @property
    def server_socket(self) -> Path:
        """Where the embedded server listens."""
        return self.root / "valkey.sock"

    @property
    def control_socket(self) -> Path:
        """Where the daemon answers `status` and drills."""
        return self.root / "control.sock"

    @property
    def node_lock(self) -> Path:
        """Held by the daemon; its text is the daemon's process id."""
        return self.root / "node.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the embedded server and its children; its text is their process group."""
        return self.root / "server.lock"

    @property
    def server_data(self) -> Path:
        """The embedded server's own files."""
        return self.root / "valkey"

    @property
    def server_log(self) -> Path:
        """The embedded server's own log; the one before it stands beside it with `.1` at its end."""
        return self.root / "valkey.log"

    @property
    def node_id(self) -> Path:
        """The file of the node's id."""
        return self.root / "node.id"

    @property
    def incarnation(self) -> Path:
        """The file that counts the daemons."""
        return self.root / "incarnation"


def node_paths(data_dir: str | Path) -> NodePaths:
    """Return the paths of a data directory, whether it exists or not.

    Raises SocketPathTooLong when one of its sockets could not be made.
    """
    paths = NodePaths(Path(data_dir).expanduser().resolve())
    for socket_path in (paths.server_socket, paths.control_socket):
        if len(os.fsencode(socket_path)) > SOCKET_PATH_BYTES_MAX:
            raise SocketPathTooLong(socket_path)
    return paths


class NodeDirectory:
    """An opened data directory. It is this process's until close() or the process's end, however that comes."""

    def __init__(self, paths: NodePaths, node_id: str, incarnation: str, lock_fd: int) -> None:
        self.paths = paths
        self.node_id = node_id
        self.incarnation = incarnation
        self._lock_fd = lock_fd

    def __repr__(self) -> str:
        return f"NodeDirectory({str(self.paths.root)!r}, node_id={self.node_id!r}, incarnation={self.incarnation!r})"

    def close(self) -> None:
        """Give the directory back. A second call does nothing."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def open_node_directory(data_dir: str | Path, fresh_node_id: str, nonce: str) -> NodeDirectory:
    """Make the directory if need be, take its lock, and find out who this node is.

    fresh_node_id: the id to keep if the directory has none yet; nonce: unguessable, a new one at every start.
    A directory made here has mode 0700; one that was there keeps its mode, and the files in it get theirs.
    Raises SocketPathTooLong, DirectoryInUse, or NodeDirectoryError when the directory cannot be made or written.
    Blocks for as long as the disk needs for three small synced files.
    """
    paths = node_paths(data_dir)
    try:
        paths.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.server_data.mkdir(mode=0o700, exist_ok=True)
        lock_fd = _lock_node(paths)
    except OSError as error:
        raise NodeDirectoryError(
            f"the data directory {paths.root} cannot be used: {error.strerror}. "
            "It has to be a directory that this user may write to (--data-dir or UNFAILING_DATA_DIR)."
        ) from error
    try:
        node_id = _kept_node_id(paths.node_id, fresh_node_id)
        incarnation = _next_incarnation(paths.incarnation, nonce)
    except OSError as error:
        os.close(lock_fd)
        raise NodeDirectoryError(f"the data directory {paths.root} cannot be written: {error.strerror}.") from error
    except BaseException:
        os.close(lock_fd)
        raise
    return NodeDirectory(paths, node_id, incarnation, lock_fd)


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that after any crash it holds the old content or the new one, whole. Mode 0600.

    Blocks until the disk has both the file and its directory entry. Raises OSError.
    """
    fresh = path.with_name(f"{path.name}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def lock_file(path: Path) -> int | None:
    """Take a lock file without waiting: its descriptor, or None while another open file holds it.

    The descriptor is close-on-exec; whoever shall inherit it is given it by name. Raises OSError.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


def noted_number(path: Path) -> int | None:
    """Return the process number written in a lock file, None when there is none to read."""
    try:
        text = path.read_bytes()[:32].strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) > 1 else None


def _lock_node(paths: NodePaths) -> int:
    fd = lock_file(paths.node_lock)
    if fd is None:
        raise DirectoryInUse(paths.root, noted_number(paths.node_lock))
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _kept_node_id(path: Path, fresh_node_id: str) -> str:
    try:
        kept = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        kept = ""
    # An id that a disk fault has turned into noise must not go into keys and logs.
    if _NODE_ID.fullmatch(kept):
        return kept
    write_durably(path, f"{fresh_node_id}\n".encode())
    return fresh_node_id


def _next_incarnation(path: Path, nonce: str) -> str:
    try:
        before = path.read_bytes()[:64].partition(b"-")[0]
    except FileNotFoundError:
        before = b""
    count = int(before) + 1 if before.isdigit() else 1
    incarnation = f"{count}-{nonce}"
    write_durably(path, f"{incarnation}\n".encode())
    return incarnation
