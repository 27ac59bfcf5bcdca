"""Looks after the daemon: finds one, or starts one as a child process and starts it anew when it dies.

Of several agents on one data directory one is the nurse; a daemon that a dead agent has started is taken over by the
next, and ended by the last one to close. The child is a fresh interpreter in a session of its own. A nurse that is told
not to start anything only looks.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.agent_client.child_settings import child_environment
from actors.agent_client.nursing import LISTEN_S, Facts, Nursing, Step
from actors.node_directory import noted_number
from messages.errors import UnfailingError
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.agent_client.courier import Courier
    from actors.agent_client.folder import AgentFolder
    from actors.node_directory import NodePaths
    from actors.settings import Settings
    from supervision.world_asyncio import AsyncioWorld, AsyncTask, ChildProgram

_log: Final = logging.getLogger("actors.self_healing_agent")

LOOK_S: Final = 0.25
ASK_S: Final = 2.0
ASK_EVERY_S: Final = 1.0
BEAT_STANDS_S: Final = 5.0
LOG_MAX_BYTES: Final = 10 * 1024 * 1024
LOG_TAIL_BYTES: Final = 500
DRAIN_S: Final = 20.0
HURRY_S: Final = 5.0
SERVER_ENDS_S: Final = 10.0
# Starts that come to nothing, until nobody waits for one that works.
FAILED_STARTS_MAX: Final = 2
ROOT: Final = Path(__file__).parents[2]
_KILL_SERVER: Final = (
    "import pathlib, sys; from actors.embedded_server.lock import kill_group; kill_group(pathlib.Path(sys.argv[1]))"
)


class Nurse:
    """One agent's part in looking after the daemon."""

    def __init__(
        self,
        world: AsyncioWorld,
        settings: Settings,
        folder: AgentFolder,
        paths: NodePaths | None,
        courier: Courier,
        *,
        may_start: bool,
    ) -> None:
        """paths: None where the data directory cannot hold a daemon. courier: knows the link to the store."""
        self._world = world
        self._settings = settings
        self._folder = folder
        self._paths = paths
        self._courier = courier
        self._may_start = may_start and paths is not None
        self._is_unusable = may_start and paths is None
        self._own_store = not settings.daemon.redis_url
        self._nursing = Nursing(world.now(), listen_s=0.0 if self._own_store else LISTEN_S)
        self._child: ChildProgram | None = None
        self._answered = False
        self._asked_s = -ASK_EVERY_S
        self._beats: dict[str, str] | None = None
        self._beat_moved_s: float | None = None
        self._task: AsyncTask | None = None
        self._looked = world.event()
        self.trouble = ""
        self.lived_s = world.now()
        """When a daemon was last known to live."""

    @property
    def daemon_lives(self) -> bool:
        """Whether a daemon answered at the last look, or is at work elsewhere."""
        return self._answered or self._is_elsewhere()

    @property
    def child_pid(self) -> int | None:
        """Process id of the daemon that is ours, while it lives."""
        return self._child.pid if self._child is not None and self._child.alive else None

    @property
    def starts(self) -> int:
        """Daemons started or taken over by this agent."""
        return self._nursing.starts

    @property
    def cannot_start(self) -> bool:
        """Whether there will be no daemon soon: the directory can hold none, or several have ended at once."""
        return self._is_unusable or self._nursing.failures >= FAILED_STARTS_MAX

    def start(self) -> None:
        """Begin to look."""
        self._task = self._world.spawn(self._look_for_ever(), "unfailing nurse")
        atexit.register(self._at_exit, os.getpid())

    async def looked(self, timeout_s: float) -> None:
        """Wait for the next look."""
        self._looked.clear()
        await self._world.wait_set(self._looked, timeout_s)

    async def stop(self) -> None:
        """Stop looking; end the daemon that is ours, unless another agent lives here, who then takes it over.

        Two that stop at once must not leave it to each other: whoever resigns looks for the lock afterwards, and
        whoever lets go of the lock looks for an heir afterwards, so that one of them sees the other.
        """
        if self._task is not None:
            await self._task.stop()
        self._folder.resign()
        if self._child is None and self._may_start and self._is_nurse() and await self._ask():
            self._take_over()
        child, self._child = self._child, None
        if child is not None:
            if child.alive and self._has_heir():
                _log.info("the daemon is left to another agent on this data directory")
            else:
                await self._end(child)
                self._note(None)
            child.close()
        self._folder.stop_nursing()
        atexit.unregister(self._at_exit)

    def _has_heir(self) -> bool:
        if not self._folder.has_heir():
            return False
        self._folder.stop_nursing()
        return self._folder.has_heir() or not self._is_nurse()

    async def _end(self, child: ChildProgram) -> None:
        for wait_s in (DRAIN_S, HURRY_S):
            child.send_signal(signal.SIGTERM)
            if await child.wait(wait_s):
                return
        _log.warning("the daemon did not end in time; it is killed, and its server with it")
        child.kill_group()
        await child.wait(SERVER_ENDS_S)
        if self._own_store and self._paths is not None:
            await self._kill_server(self._paths)

    async def _kill_server(self, paths: NodePaths) -> None:
        argv = (sys.executable, "-c", _KILL_SERVER, str(paths.server_lock))
        try:
            helper = self._world.start_program(argv, env=os.environ, cwd=str(ROOT), log=self._folder.daemon_log)
        except OSError as error:
            _log.error("the server of a killed daemon cannot be ended: %s", error)
            return
        await helper.wait(SERVER_ENDS_S)
        helper.close()

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self._look()
            except Exception:  # noqa: BLE001 - it has to be looked after all the same
                _log.exception("the daemon could not be looked after; tried again")
                await self._world.sleep(ASK_EVERY_S)
            self._looked.set()
            await self._world.sleep(LOOK_S)

    async def _look(self) -> None:
        if self._world.now() - self._asked_s >= ASK_EVERY_S or not self._answered:
            self._asked_s = self._world.now()
            self._answered = await self._ask()
            await self._listen()
        if self.daemon_lives:
            self.lived_s = self._world.now()
        if not self._may_start or not self._is_nurse():
            return
        if self._child is None and self._answered:
            self._take_over()
        if self._child is not None and not self._child.alive:
            self._bury(self._child)
        alive = None if self._child is None else self._child.alive
        store = self._own_store or self._courier.store_answers
        nobody = self._own_store or self._courier.link is None or self._beats == {}
        facts = Facts(alive, self._answered, self._is_elsewhere(), store, nobody)
        match self._nursing.look(facts, self._world.now()):
            case Step.START:
                self._start()
            case Step.KILL if self._child is not None:
                _log.error("the daemon does not answer any more; it is killed and started anew")
                self._child.kill_group()
            case _:
                pass

    def _is_nurse(self) -> bool:
        try:
            is_nurse = self._folder.become_nurse()
        except OSError as error:
            self._fail(f"the data directory cannot be used: {error}")
            self._is_unusable = True
            return False
        self._is_unusable = False
        return is_nurse

    async def _ask(self) -> bool:
        """Whether the daemon of this directory answers its control socket; any answer will do."""
        if self._paths is None:
            return False
        try:
            return bool(await self._world.ask_unix(str(self._paths.control_socket), b'{"do":"answer"}\n', ASK_S))
        except (OSError, WaitTimeout, ValueError):
            return False

    async def _listen(self) -> None:
        """Hear whether nodes of the deployment beat; on this machine the control socket says it sooner."""
        link = self._courier.link
        if self._own_store or link is None:
            return
        try:
            beats = await link.beats()
        except UnfailingError:
            return
        if self._beats is not None and any(self._beats.get(node) != beat for node, beat in beats.items()):
            self._beat_moved_s = self._world.now()
        self._beats = beats

    def _is_elsewhere(self) -> bool:
        return self._beat_moved_s is not None and self._world.now() - self._beat_moved_s < BEAT_STANDS_S

    def _take_over(self) -> None:
        """Make a daemon ours that an agent had started who is no more; anybody else's stays theirs."""
        pid = self._folder.noted_daemon()
        if pid is None or self._paths is None or noted_number(self._paths.node_lock) != pid:
            return
        self._child = self._world.program(pid)
        if self._child is not None:
            self._nursing.started(self._world.now())
            _log.info("the daemon %d of an earlier agent is taken over", pid)

    def _start(self) -> None:
        try:
            self._turn_log_over()
            argv = (sys.executable, str(ROOT / "run.py"), "daemon")
            environment = child_environment(self._settings, os.environ)
            self._child = self._world.start_program(
                argv, env=environment, cwd=_working_directory(), log=self._folder.daemon_log
            )
            self._nursing.started(self._world.now())
            self._note(self._child.pid)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again, at growing intervals
            self._nursing.ended(self._world.now())
            self._fail(f"no daemon can be started: {error}")
            return
        _log.info("a daemon was started: process %d, its log is %s", self._child.pid, self._folder.daemon_log)

    def _bury(self, child: ChildProgram) -> None:
        self._nursing.ended(self._world.now())
        self._fail(f"the daemon ended with {child.exit_code}: {self._last_words()}")
        child.close()
        self._child = None
        self._answered = False
        self._note(None)

    def _note(self, pid: int | None) -> None:
        try:
            self._folder.note_daemon(pid)
        except OSError as error:
            _log.warning("which daemon was started cannot be written down: %s", error)

    def _fail(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warning("%s; tried again", trouble)
        self.trouble = trouble

    def _last_words(self) -> str:
        try:
            with self._folder.daemon_log.open("rb") as log:
                log.seek(max(0, self._folder.daemon_log.stat().st_size - LOG_TAIL_BYTES))
                lines = log.read().decode(errors="replace").strip().splitlines()
        except OSError:
            return "it left no log"
        return lines[-1] if lines else "it wrote nothing"

    def _turn_log_over(self) -> None:
        log = self._folder.daemon_log
        if log.exists() and log.stat().st_size > LOG_MAX_BYTES:
            log.replace(log.with_name(f"{log.name}.1"))

    def _at_exit(self, pid: int) -> None:
        """The program ends without having closed its agent: do not leave a daemon behind."""
        child = self._child
        if child is not None and pid == os.getpid() and not self._folder.has_heir():
            child.send_signal(signal.SIGTERM)


def _working_directory() -> str:
    """The program's own, which relative paths of its settings begin at, unless somebody has removed it."""
    try:
        return str(Path.cwd())
    except OSError:
        return str(ROOT)
