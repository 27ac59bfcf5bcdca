"""The embedded server as a process: started, adopted, asked, stopped, killed. Waits, and so belongs to a greenlet."""

import contextlib
import os
import signal
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import structlog

from actors.embedded_server import lock
from actors.embedded_server.command import (
    ServerSettings,
    machine_memory_limit_bytes,
    server_command,
    server_environment,
    server_program,
)
from actors.embedded_server.damage import SetAside, diagnose
from actors.embedded_server.repair import Repair, repair
from actors.node_directory import NodeDirectoryError, lock_file
from actors.redis_connection import Endpoint, parse_url, unix_url
from actors.store_errors import StoreAway, StoreError, StoreLoading
from supervision import world

_log = structlog.get_logger("actors.embedded_server")
_LOOK_S: Final = 0.02
_ANSWER_S: Final = 1.0
_KILLED_S: Final = 10.0
_REPAIRS_MAX: Final = 5
_LOG_TAIL_BYTES: Final = 64 * 1024


class ServerFailed(NodeDirectoryError):  # noqa: N818 - said as the operator reads it
    """The embedded server does not start, or cannot be ended; the text has its own last words."""


class Answer(Enum):
    """What a server says to PING."""

    PONG = "pong"
    LOADING = "loading"
    REFUSED = "refused"
    SILENT = "silent"


class Verdict(Enum):
    """What to do with a server that holds the lock."""

    ADOPT = "adopt"
    WAIT = "wait"
    KILL = "kill"


def judge(answer: Answer, for_s: float, settings: ServerSettings) -> Verdict:
    """Decide about a server that holds the lock and has given the same answer for for_s seconds."""
    match answer:
        case Answer.PONG:
            return Verdict.ADOPT
        case Answer.LOADING:
            return Verdict.WAIT
        case Answer.REFUSED:
            return Verdict.KILL if for_s >= settings.refusing_s else Verdict.WAIT
        case Answer.SILENT:
            return Verdict.KILL if for_s >= settings.silent_s else Verdict.WAIT


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. process is None for an adopted one; repairs lists what had to be mended on the way."""

    process: world.Process | None
    repairs: tuple[Repair, ...] = ()

    @property
    def adopted(self) -> bool:
        """Whether a daemon before this one had started it."""
        return self.process is None


def ping(settings: ServerSettings) -> Answer:
    """Ask the server how it is, within about a second."""
    endpoint = Endpoint(parse_url(unix_url(str(settings.paths.server_socket))))
    with contextlib.closing(endpoint.wire(role="supervisor", connect_timeout_s=_ANSWER_S)) as wire:
        try:
            wire.call("PING", timeout_s=_ANSWER_S)
        except StoreLoading:
            return Answer.LOADING
        except StoreAway as error:
            return Answer.SILENT if error.silent else Answer.REFUSED
        except StoreError:  # BUSY, for one: there, and of no use to anybody
            return Answer.SILENT
        return Answer.PONG


def start_or_adopt(settings: ServerSettings) -> Running:
    """Return once there is a server that answers: the one that lives already, or a new one.

    Raises ServerFailed, NodeDirectoryError, ServerProgramMissing, OSError.
    """
    deadline_s = world.current().now() + settings.start_timeout_s
    repairs: list[Repair] = []
    while True:
        fd = _take_lock(settings)
        if fd is None:
            if _adopt(settings, deadline_s):
                return Running(None, tuple(repairs))
            continue
        log_from = _size_bytes(settings.paths.server_log)
        process = _launch(settings, fd)
        exit_code = _wait_until_ready(settings, process, deadline_s)
        if exit_code is None:
            return Running(process, tuple(repairs))
        repairs.append(_mend(settings, exit_code, _tail(settings.paths.server_log, log_from), len(repairs)))


def stop(settings: ServerSettings) -> bool:
    """End the server: SIGTERM, on which it syncs its file, then SIGKILL. Says whether SIGTERM was enough."""
    path = settings.paths.server_lock
    if not lock.is_held(path):
        return True
    lock.signal_leader(path, signal.SIGTERM)
    if lock.wait_until_free(path, settings.stop_timeout_s):
        return True
    _log.warning("server.ignores_sigterm", after_s=settings.stop_timeout_s, next="SIGKILL")
    kill(settings)
    return False


def kill(settings: ServerSettings) -> None:
    """End the server and its children at once. Raises ServerFailed when they will not go."""
    path = settings.paths.server_lock
    lock.kill_group(path)
    if not lock.wait_until_free(path, _KILLED_S):
        raise ServerFailed(
            f"some process holds {path} and cannot be ended: one of another user or container, or one that waits for "
            "a disk that does not answer. Find it with `fuser` or `lsof` on that file."
        )


def turn_log_over(settings: ServerSettings) -> None:
    """Give the server a new log when the present one is too long. It opens its log for each line it writes."""
    log = settings.paths.server_log
    if _size_bytes(log) > settings.log_bytes_max:
        with contextlib.suppress(OSError):
            log.replace(log.with_name(f"{log.name}.1"))


def _take_lock(settings: ServerSettings) -> int | None:
    paths = settings.paths
    try:
        fd = lock_file(paths.server_lock)
    except FileNotFoundError as error:
        raise NodeDirectoryError(
            f"the data directory {paths.root} has vanished. What was in it is gone with it; start the daemon anew."
        ) from error
    if fd is not None:
        # The number in it was another server's; as long as none is there, nobody is killed by mistake.
        os.ftruncate(fd, 0)
    return fd


def _launch(settings: ServerSettings, lock_fd: int) -> world.Process:
    """Start the program; the lock is its own from here on."""
    try:
        settings.paths.server_data.mkdir(mode=0o700, exist_ok=True)
        memory_max_bytes = settings.memory_max_bytes or machine_memory_limit_bytes()
        command = server_command(settings, server_program(), memory_max_bytes)
        return world.current().start_process(
            command,
            env=server_environment(os.environ),
            stdin="null",
            stdout="null",
            stderr="null",
            new_session=True,
            pass_fds=(lock_fd,),
        )
    finally:
        os.close(lock_fd)


def _adopt(settings: ServerSettings, deadline_s: float) -> bool:
    """Wait for the server that holds the lock. False when it is gone, by itself or because it had to be killed."""
    now = world.current().now
    answer, since_s = ping(settings), now()
    while True:
        match judge(answer, now() - since_s, settings):
            case Verdict.ADOPT:
                return True
            case Verdict.KILL:
                _log.warning("server.killed", answer=answer.value, for_s=round(now() - since_s, 1), next="a new one")
                kill(settings)
                return False
            case Verdict.WAIT:
                world.current().sleep(_LOOK_S)
        if not lock.is_held(settings.paths.server_lock):
            return False
        if now() >= deadline_s:
            raise ServerFailed(f"the server that lives already is {answer.value} and does not get ready in time.")
        before, answer = answer, ping(settings)
        since_s = since_s if answer is before else now()


def _wait_until_ready(settings: ServerSettings, process: world.Process, deadline_s: float) -> int | None:
    """Wait for the first answer. Returns the exit code of a server that ended instead."""
    now = world.current().now
    spoke_s = now()
    while (answer := ping(settings)) is not Answer.PONG:
        with contextlib.suppress(world.WaitTimeout):
            return process.wait(_LOOK_S)
        spoke_s = spoke_s if answer is Answer.SILENT else now()
        if judge(Answer.SILENT, now() - spoke_s, settings) is Verdict.KILL:
            kill(settings)
        if now() >= deadline_s:
            # It lives, and may yet get ready: whoever tries next adopts it.
            raise ServerFailed(f"the server was not ready after {settings.start_timeout_s:g} s; it is left to load.")
    return None


def _mend(settings: ServerSettings, exit_code: int, log: str, repairs: int) -> Repair:
    """Repair what kept the server from starting. Raises ServerFailed when that was something else."""
    remedy = diagnose(log)
    if remedy is None:
        raise ServerFailed(f"the embedded server ended with {exit_code} while starting:\n{_last_lines(log)}")
    if not lock.wait_until_free(settings.paths.server_lock, _KILLED_S):
        kill(settings)
    if repairs >= _REPAIRS_MAX:
        raise ServerFailed(
            f"the embedded server's files are still damaged after {repairs} repairs:\n{_last_lines(log)}"
        )
    if repairs == _REPAIRS_MAX - 1:
        remedy = SetAside(f"{repairs} repairs were not enough")
    done = repair(settings.paths, server_program(), remedy)
    _log.error(
        "server.files_were_damaged",
        remedy=repr(done.remedy),
        copy=str(done.copy),
        lost_all=done.lost_all,
        next="the server is started with what is left; the store's generation has to be raised",
    )
    return done


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tail(path: Path, from_byte: int) -> str:
    """Return what was written since, at most its end; one character a byte, so that names can be found again."""
    try:
        with path.open("rb") as file:
            file.seek(max(from_byte, _size_bytes(path) - _LOG_TAIL_BYTES))
            return file.read().decode("latin-1")
    except OSError:
        return ""


def _last_lines(log: str) -> str:
    return "\n".join(log.strip().splitlines()[-5:]) or "it wrote nothing"
