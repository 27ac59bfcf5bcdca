"""Has the attachments of a turn fetched that came as an address; the bytes, once fetched, serve every later attempt."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from actors.download import Fetched, FetchFile
from actors.session.jobs_of_turn import JobsOfTurns, Trade

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand
    from messages.records import Attachment

# The downloader answers by its deadline; this is for its answer to arrive.
GRACE_S: Final = 5.0
_TRADE: Final = Trade("downloads", "downloader", "file", "fetched file", "fetched again", "fetched again if need be")
_NOBODY: Final = Fetched(problem="link_too_slow", detail="no downloader was to be had in time")


class LinkDesk:
    """Where sessions have files fetched."""

    def __init__(self, node: Node) -> None:
        """Whose downloader and journal are used."""
        self._node = node
        self._jobs = JobsOfTurns(node, _TRADE, Fetched, GRACE_S)

    def fetch(self, turn: TurnInHand, number: int, attachment: Attachment) -> Fetched:
        """What came of one address. Never raises for a server; waits while the downloader restarts.

        A file that was fetched stands in the turn's journal until the turn is committed, also after a crash: bytes in
        the blob store have crashed nobody yet.
        """
        step = f"{turn.entry.message_id}:{number}:fetch:{_digest(attachment.url or '')}"
        kept = self._jobs.kept(turn, step)
        if kept is not None:
            return kept
        by_s = self._node.world.now() + self._node.settings.download.timeout_s
        message = FetchFile(attachment, turn.entry.partition, by_s)
        fetched = self._jobs.ask(turn, message, by_s) or _NOBODY
        if fetched.problem is None:
            self._jobs.keep(turn, step, fetched)
        return fetched


def with_content(attachment: Attachment, fetched: Fetched) -> Attachment:
    """The attachment as if its content had come with the message."""
    return msgspec.structs.replace(
        attachment, digest=fetched.digest, size_bytes=fetched.size_bytes, name=fetched.name or attachment.name,
        media_type=fetched.media_type or attachment.media_type,
    )  # fmt: skip


def _digest(url: str) -> str:
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=10).hexdigest()
