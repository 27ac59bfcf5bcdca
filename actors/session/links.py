"""Has the attachments of a turn fetched that came as an address; the bytes, once fetched, serve every later attempt."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from actors.download import Fetched, FetchFile
from actors.store_errors import StoreError

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand
    from messages.records import Attachment

_log = structlog.get_logger(__name__)

BUSY_RETRY_S: Final = 0.25
# The downloader answers by its deadline; this is for its answer to arrive.
GRACE_S: Final = 5.0


class LinkDesk:
    """Where sessions have files fetched."""

    def __init__(self, node: Node) -> None:
        """Whose downloader and journal are used."""
        self._node = node

    def fetch(self, turn: TurnInHand, number: int, attachment: Attachment) -> Fetched:
        """What came of one address. Never raises for a server; waits while the downloader restarts.

        A file that was fetched stands in the turn's journal until the turn is committed, also after a crash: bytes in
        the blob store have crashed nobody yet.
        """
        step = f"{turn.entry.message_id}:{number}:fetch:{_digest(attachment.url or '')}"
        kept = self._kept(turn, step)
        if kept is not None:
            return kept
        fetched = self._fetched(turn, attachment)
        if fetched.problem is None:
            self._keep(turn, step, fetched)
        return fetched

    def _fetched(self, turn: TurnInHand, attachment: Attachment) -> Fetched:
        world = self._node.world
        by_s = world.now() + self._node.settings.download.timeout_s
        while (left_s := by_s - world.now()) > 0:
            downloader = self._node.whereis("downloads")
            try:
                if downloader is not None:
                    message = FetchFile(attachment, turn.entry.partition, by_s)
                    fetched: Fetched = downloader.ask(message, timeout=left_s + GRACE_S)
                    return fetched
            except Exception as error:  # noqa: BLE001 - it is busy or restarts, or the store is away
                _log.warning(
                    "a file found no downloader", chat_id=turn.chat_id, message_id=turn.message_id,
                    reason=repr(error), next="tried again while there is time",
                )  # fmt: skip
            world.sleep(BUSY_RETRY_S)
        return Fetched(problem="link_too_slow", detail="no downloader was to be had in time")

    def _kept(self, turn: TurnInHand, step: str) -> Fetched | None:
        try:
            raw = self._node.store.read_journal(turn.entry, step)
            kept = msgspec.json.decode(raw, type=Fetched) if raw else None
            if kept is not None:
                self._node.blobs.get(turn.entry.partition, kept.digest)
        except Exception as error:  # noqa: BLE001 - not kept, not readable or not there any more: it is fetched again
            _log.info("a fetched file is not there", chat_id=turn.chat_id, reason=repr(error), next="fetched again")
            return None
        return kept

    def _keep(self, turn: TurnInHand, step: str, fetched: Fetched) -> None:
        try:
            self._node.store.write_journal(turn.entry, step, msgspec.json.encode(fetched))
        except StoreError as error:
            _log.warning(
                "a fetched file could not be noted", chat_id=turn.chat_id, reason=str(error),
                next="fetched again if need be",
            )  # fmt: skip


def with_content(attachment: Attachment, fetched: Fetched) -> Attachment:
    """The attachment as if its content had come with the message."""
    return msgspec.structs.replace(
        attachment, digest=fetched.digest, size_bytes=fetched.size_bytes, name=fetched.name or attachment.name,
        media_type=fetched.media_type or attachment.media_type,
    )  # fmt: skip


def _digest(url: str) -> str:
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=10).hexdigest()
