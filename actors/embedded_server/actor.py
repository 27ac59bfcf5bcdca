"""The embedded server as a child of the tree: there is one that answers, or this actor is not alive."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog

from actors.embedded_server import lock
from actors.embedded_server.command import ServerSettings
from actors.embedded_server.process import (
    Answer,
    Running,
    ServerFailed,
    Verdict,
    judge,
    kill,
    ping,
    start_or_adopt,
    stop,
    turn_log_over,
)
from actors.embedded_server.repair import Repair, repair_marker
from actors.redis_connection import unix_url
from supervision import world
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

_log = structlog.get_logger("actors.embedded_server")
_LOCK_LOOK_S: Final = 0.2
_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Ready:
    """There is a server. repaired: its generation has to be raised, now or since an earlier start; see forget_repair.

    leader: its process id, which is its process group's too; None when it could not be found out.
    """

    url: str
    leader: int | None
    adopted: bool
    repaired: bool
    repairs: tuple[Repair, ...]


@dataclass(frozen=True, slots=True)
class ServerGone:
    """The server has ended; exit_code is None for one that was adopted."""

    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """See how the server is."""


class ServerDied(ServerFailed):
    """The server ended, or had to be ended. A restart brings it back with its data."""


class EmbeddedServer(GeventActor):
    """Started means that the server answers. When it has died, or no longer answers, this actor crashes.

    An orderly stop ends the server only while the daemon drains; otherwise the server goes on, and the next start
    adopts it. After a crash it goes on in any case, unless it is what had failed.
    """

    def __init__(
        self,
        settings: ServerSettings,
        on_ready: Callable[[Ready], object],
        is_draining: Callable[[], bool],
    ) -> None:
        """on_ready is called at each start, before it counts as started; it must not wait."""
        super().__init__()
        self._settings = settings
        self._on_ready = on_ready
        self._is_draining = is_draining
        self._leader: int | None = None
        self._lock_file: os.stat_result | None = None
        self._watcher: world.Task | None = None
        self._answer = Answer.PONG
        self._since_s = 0.0

    def on_start(self) -> None:
        """Have a server that answers, within the settings' start_timeout_s."""
        running = start_or_adopt(self._settings)
        self._leader = lock.noted_leader(self._settings.paths.server_lock)
        self._lock_file = self._settings.paths.server_lock.stat()
        self._since_s = self.world.now()
        self._watcher = self.world.spawn(self._watch, running, name="embedded server's end")
        self.send_after(self._settings.look_every_s, Look())
        ready = Ready(
            url=unix_url(str(self._settings.paths.server_socket)),
            leader=self._leader,
            adopted=running.adopted,
            repaired=repair_marker(self._settings.paths).exists(),
            repairs=running.repairs,
        )
        _log.info("server.ready", adopted=ready.adopted, pid=ready.leader, repaired=ready.repaired)
        self._on_ready(ready)

    def on_receive(self, message: Any) -> Any:
        """Look after the server."""
        match message:
            case Look():
                self._look()
                self.send_after(self._settings.look_every_s, Look())
            case ServerGone(exit_code=exit_code):
                raise ServerDied(f"the embedded server has ended (exit code {exit_code})")
            case _:
                return super().on_receive(message)
        return None

    def on_stop(self) -> None:
        """End the server, if the daemon ends."""
        self._end_watch()
        if not self._is_draining():
            return
        if self._settings.paths.server_lock.exists():
            stop(self._settings)
        else:
            self._kill_homeless_server()

    def on_failure(self, *_: object) -> None:
        """Leave the server as it is: the next start adopts it, or starts another."""
        self._end_watch()

    def _look(self) -> None:
        if not self._settings.paths.server_lock.exists():
            self._kill_homeless_server()
            raise ServerDied(f"the data directory {self._settings.paths.root} has vanished with the server's files")
        answer = ping(self._settings)
        if answer is not self._answer:
            self._answer, self._since_s = answer, self.world.now()
        for_s = self.world.now() - self._since_s
        if judge(answer, for_s, self._settings) is Verdict.KILL:
            _log.error("server.killed", answer=answer.value, for_s=round(for_s, 1), next="a new one is started")
            kill(self._settings)
            raise ServerDied(f"the embedded server was {answer.value} for {for_s:.1f} s and had to be killed")
        turn_log_over(self._settings)

    def _kill_homeless_server(self) -> None:
        """Kill a server whose files are gone: what it would still accept lies on no disk."""
        if self._leader is not None and self._lock_file is not None:
            lock.kill_homeless_group(self._leader, self._lock_file)

    def _watch(self, running: Running) -> None:
        """Wait for the server's end; a task of this actor."""
        exit_code = self._await_end(running)
        if self.actor_ref.is_alive():
            self.actor_ref.tell(ServerGone(exit_code))

    def _await_end(self, running: Running) -> int | None:
        while True:
            if running.process is not None:
                try:
                    return running.process.wait(_WAIT_S)
                except world.WaitTimeout:
                    continue
            try:
                if not lock.is_held(self._settings.paths.server_lock):
                    return None
            except OSError:  # the directory is gone; the next look says so
                pass
            self.world.sleep(_LOCK_LOOK_S)

    def _end_watch(self) -> None:
        if self._watcher is not None:
            self._watcher.kill()


def supervised(
    settings: ServerSettings,
    on_ready: Callable[[Ready], object] = lambda _: None,
    is_draining: Callable[[], bool] = lambda: False,
) -> ChildSpec:
    """Return the spec of the embedded server; on_ready hears of every start, is_draining says whether to end it."""
    return ChildSpec(
        id="embedded_server",
        start=partial(EmbeddedServer.start, settings, on_ready, is_draining),
        restart="permanent",
        start_timeout_s=settings.start_timeout_s + 5.0,
        shutdown_s=settings.stop_timeout_s + 5.0,
    )
