"""The library's way in: an invoice agent inside any asyncio program, and the recovery ladder for any function.

    from actors.self_healing_agent import SelfHealingInvoiceAgent, self_healing

    agent = SelfHealingInvoiceAgent()
    await agent.initialize()
    reply = await agent.process_message(user_id="456", chat_id="789", message_text="Here is it", attachments=["a.pdf"])
    print(reply.text)
    await agent.close()

No actor runs in the program's process, and nothing is patched: the agent speaks to a daemon, its own child if there was
none. A message always gets its reply. When no daemon can be reached in time that is a static one, the message waits on
this machine's disk, and the real answer comes as a follow-up.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

from actors.agent_client.child_settings import agent_settings
from actors.agent_client.folder import AgentFolder
from actors.agent_client.follow_ups import FollowUps
from actors.agent_client.healing import DeadLetterPort, FailedCall, self_healing
from actors.agent_client.keeping import Keeper
from actors.agent_client.letter import AttachmentLike, draft
from actors.agent_client.nurse import Nurse
from actors.agent_client.post import KEEP_S, Post
from actors.node_directory import SocketPathTooLong, node_paths
from messages.records import Button, Reply
from supervision.world_asyncio import AsyncioWorld

if TYPE_CHECKING:
    from types import TracebackType

    from actors.agent_client.link import Link
    from actors.node_directory import NodePaths
    from actors.settings import Settings

__all__ = [
    "AgentHealth",
    "AttachmentLike",
    "Button",
    "DeadLetterPort",
    "FailedCall",
    "Reply",
    "SelfHealingInvoiceAgent",
    "self_healing",
]

_log: Final = logging.getLogger(__name__)

# The share of the hard deadline that is left for the disk, where KEEP_S would be most of it. The daemon's own static
# reply comes two seconds before the deadline.
KEEP_SHARE: Final = 0.1
# In an outage that has outlasted a whole deadline, nobody is kept waiting for another.
LONG_OUTAGE_WAIT_S: Final = 1.0
INITIALIZE_S: Final = 30.0
LOOK_AROUND_S: Final = 3.0
SPOOL_MESSAGES_MAX: Final = 10_000
SPOOL_MAX_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class AgentHealth:
    """How the agent is.

    status: "ok", "degraded" (messages get static replies, and are kept) or "closed". daemon: "own" is a child of this
    agent, "other" somebody else's, "none" when none answers. away_s: how long the store or the daemon is away. waiting:
    calls without their reply; open: messages without their last word, those in the spool included; spooled: messages on
    this machine's disk; follow_ups: replies that the program has not taken yet. starts: daemons started by this agent.
    """

    status: Literal["ok", "degraded", "closed"]
    daemon: Literal["own", "other", "none"] = "none"
    daemon_pid: int | None = None
    away_s: float = 0.0
    waiting: int = 0
    open: int = 0
    spooled: int = 0
    follow_ups: int = 0
    starts: int = 0
    detail: str = ""

    def __await__(self) -> Generator[None, None, Self]:
        """Be at hand at once, for programs that await whatever an agent gives them."""
        yield from ()
        return self


class SelfHealingInvoiceAgent:
    """A client of the daemon that never fails its caller for a failure of the system.

    It belongs to the event loop in which `initialize` was awaited. Wrong arguments raise TypeError and ValueError; a
    use before `initialize`, after `close` or from another loop raises RuntimeError; nothing else raises.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        settings: Settings | None = None,
        *,
        config_file: str | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        redis_url: str | None = None,
        hard_deadline_s: float | None = None,
        start_daemon: bool = True,
        on_follow_up: Callable[[Reply], Awaitable[object] | object] | None = None,
        on_interim: Callable[[Reply], Awaitable[object] | object] | None = None,
        spool_messages_max: int = SPOOL_MESSAGES_MAX,
        spool_max_bytes: int = SPOOL_MAX_BYTES,
    ) -> None:
        """Start nothing yet. Without settings those of the configuration file and of the environment hold.

        hard_deadline_s: by when every message has its reply; 30 s unless configured otherwise, and the same in a daemon
        that this agent starts. start_daemon: False to use only one that runs. on_follow_up: called with what comes
        after an answer (else see `follow_ups`); on_interim: called with the word that it takes longer. The spool's
        bounds: beyond them a message that cannot be sent is rejected as `overloaded`. Raises SettingsError.
        """
        self._settings = agent_settings(
            settings, os.environ, config_file=config_file, data_dir=None if data_dir is None else os.fspath(data_dir),
            redis_url=redis_url, hard_deadline_s=hard_deadline_s,
        )  # fmt: skip
        self._start_daemon = start_daemon
        self._on_follow_up = on_follow_up
        self._on_interim = on_interim
        self._spool_bounds = (spool_messages_max, spool_max_bytes)
        self._world = AsyncioWorld()
        self._name = self._world.nonce()
        self._count = 0
        self._state: Literal["new", "open", "closed"] = "new"
        self._loop: object = None
        self._parts: _Parts | None = None

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def initialize(self, timeout_s: float | None = None) -> None:
        """Find the daemon, or start one, and wait until it answers; take up what an earlier agent has left unsent.

        Returns at the latest after timeout_s (30 s, or 3 s where no daemon may be started), and when the daemon fails
        to start: messages are accepted all the same, and everything is tried again in the background. A second call
        does nothing.
        """
        if self._state == "closed":
            raise RuntimeError("this agent was closed; make another")
        if self._state == "open":
            return
        self._state, self._loop = "open", self._world.loop()
        parts = self._parts = self._made_parts()
        # Importing the store's client takes a tenth of a second, which is not the event loop's to wait for.
        await self._world.in_thread(import_module, "actors.agent_client.link")
        await parts.post.start()
        parts.nurse.start()
        if self._on_follow_up is not None:
            parts.follow_ups.hand_to(self._on_follow_up)
        if timeout_s is None:
            timeout_s = INITIALIZE_S if self._start_daemon else LOOK_AROUND_S
        until_s = self._world.now() + timeout_s
        while not self._is_well(parts) and not parts.nurse.cannot_start and self._world.now() < until_s:
            await parts.nurse.looked(until_s - self._world.now())

    async def process_message(
        self,
        user_id: str | int,
        chat_id: str | int,
        message_text: str | None,
        attachments: Sequence[AttachmentLike] = (),
        *,
        message_id: str | int | None = None,
        action: str | None = None,
        reply_id: str | None = None,
        language: str | None = None,
    ) -> Reply:
        """Send a person's message and return the final reply to it, by the hard deadline; its text is always there.

        Messages of one chat are answered in the order of these calls. message_id: one's own, the same when one repeats
        a message; by default the agent gives one. action and reply_id: a button that was pressed, and the reply it
        stood under. language: a BCP 47 tag.

        The reply's `kind` is "final", or "rejected" when the message was not accepted, with the reason in `error`. A
        reply with `turn` None is static: the message is kept, and the answer comes as a follow-up.
        """
        parts = self._open_parts()
        message = draft(
            user_id, chat_id, message_text, attachments, message_id=message_id or self._next_id(), action=action,
            reply_id=reply_id, language=language,
        )  # fmt: skip
        hard_s = self._settings.daemon.hard_deadline_s
        wait_s = hard_s - min(KEEP_S, hard_s * KEEP_SHARE)
        if self._away_s(parts) >= hard_s:
            wait_s = min(wait_s, LONG_OUTAGE_WAIT_S)
        return await parts.post.exchange(message, self._world.now() + wait_s)

    def follow_ups(self) -> AsyncIterator[Reply]:
        """What comes after the answers, until the agent is closed: `async for reply in agent.follow_ups()`.

        One that the program did not come to handle, because it was killed, comes again from the next agent on this data
        directory; drop a `reply_id` you know.
        """
        parts = self._open_parts()
        if self._on_follow_up is not None:
            raise RuntimeError("follow-ups go to on_follow_up already")
        return parts.follow_ups.stream()

    def health(self) -> AgentHealth:
        """How the agent is, from what it knows at the moment; asks nobody and never raises. It may be awaited, too."""
        parts = self._parts
        if self._state != "open" or parts is None:
            return AgentHealth("closed", detail="not initialized" if self._state == "new" else "")
        away_s = self._away_s(parts)
        own = parts.nurse.child_pid
        return AgentHealth(
            status="degraded" if away_s else "ok",
            daemon="none" if not parts.nurse.daemon_lives else "other" if own is None else "own",
            daemon_pid=own, away_s=away_s, waiting=parts.post.waiting, open=parts.post.open,
            spooled=parts.keeper.count, follow_ups=parts.follow_ups.waiting, starts=parts.nurse.starts,
            detail="; ".join(filter(None, (parts.nurse.trouble, parts.post.courier.why_away))) if away_s else "",
        )  # fmt: skip

    async def close(self) -> None:
        """Give whoever waits a static reply, hang up, and end the daemon if this agent has started it.

        Takes as long as the daemon's draining, some seconds. A second call does nothing.
        """
        state, self._state = self._state, "closed"
        parts = self._parts
        if state != "open" or parts is None:
            return
        parts.post.hurry()
        await parts.post.stop()
        await parts.follow_ups.close()
        await parts.nurse.stop()
        await parts.keeper.close()
        await self._world.in_thread(parts.folder.leave)
        self._world.close()

    def _made_parts(self) -> _Parts:
        daemon = self._settings.daemon
        folder = AgentFolder(Path(daemon.data_dir), may_nurse=self._start_daemon)
        keeper = Keeper(self._world, folder, *self._spool_bounds)
        follow_ups = FollowUps(self._world, keeper.drop)
        post = Post(self._world, self._open_link, keeper, follow_ups, self._on_interim)
        paths: NodePaths | None = None
        trouble = ""
        try:
            paths = node_paths(daemon.data_dir)
        except SocketPathTooLong as too_long:
            trouble = str(too_long)
        nurse = Nurse(self._world, self._settings, folder, paths, post.courier, may_start=self._start_daemon)
        nurse.trouble = trouble
        return _Parts(folder, keeper, follow_ups, post, nurse)

    async def _open_link(self) -> Link:
        """Raises LinkLost."""
        from actors.agent_client.link import Link, LinkLost
        from actors.redis_connection.urls import parse_url, unix_url
        from actors.store_errors import StoreError

        daemon = self._settings.daemon
        try:
            url = daemon.redis_url or unix_url(str(node_paths(daemon.data_dir).server_socket))
            link = Link(self._world, parse_url(url), daemon.prefix)
        except (StoreError, SocketPathTooLong) as error:
            raise LinkLost(str(error)) from error
        try:
            await link.open()
        except BaseException:
            await link.close()
            raise
        return link

    def _open_parts(self) -> _Parts:
        if self._state != "open" or self._parts is None:
            raise RuntimeError(
                "call `await agent.initialize()` first" if self._state == "new" else "the agent is closed"
            )
        if self._world.loop() is not self._loop:
            raise RuntimeError("the agent belongs to the event loop in which it was initialized")
        return self._parts

    def _is_well(self, parts: _Parts) -> bool:
        return parts.post.courier.is_up and parts.nurse.daemon_lives

    def _away_s(self, parts: _Parts) -> float:
        """How long the store or the daemon is away; 0 when both are there."""
        now_s = self._world.now()
        store_s = 0.0 if parts.post.courier.is_up else now_s - parts.post.courier.away_since_s
        daemon_s = 0.0 if parts.nurse.daemon_lives else now_s - parts.nurse.lived_s
        return max(store_s, daemon_s)

    def _next_id(self) -> str:
        self._count += 1
        return f"a-{self._name}-{self._count}"


@dataclass(frozen=True, slots=True)
class _Parts:
    """What an open agent consists of."""

    folder: AgentFolder
    keeper: Keeper
    follow_ups: FollowUps
    post: Post
    nurse: Nurse
