"""Has the documents of a turn turned into PDF; what was turned once serves every later attempt of the turn."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from actors.converter import Convert, Converted, in_words
from actors.store_errors import StoreError
from invoices.problems import Problem

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand

_log = structlog.get_logger(__name__)

BUSY_RETRY_S: Final = 0.25
# The converter may give the local program a little more than the whole time.
GRACE_S: Final = 15.0


class ConversionDesk:
    """Where sessions have documents turned into PDF."""

    def __init__(self, node: Node) -> None:
        """Whose converter and journal are used."""
        self._node = node

    def pdf_of(self, turn: TurnInHand, number: int, content: bytes, kind: str) -> tuple[bytes | Problem, str]:
        """The PDF and its digest, or why there is none. Never raises for a document; waits for a converter."""
        tag = _tag_of(turn, number, content)
        step = f"{turn.entry.message_id}:{number}:convert:{tag}"
        converted = self._kept(turn, step)
        if converted is None:
            converted = self._converted(turn, content, kind, tag)
            if converted.problem in ("", "refused"):
                self._keep(turn, step, converted)
        if converted.problem:
            return _problem_of(converted, kind), ""
        try:
            return self._node.blobs.get(turn.entry.partition, converted.digest), converted.digest
        except Exception as error:  # noqa: BLE001 - the store is away, or the file went a moment ago
            return Problem("not_converted", repr(error), in_words(kind)), converted.digest

    def _converted(self, turn: TurnInHand, content: bytes, kind: str, tag: str) -> Converted:
        world = self._node.world
        by_s = world.now() + self._node.settings.converter.timeout_s
        while (left_s := by_s - world.now()) > 0:
            converter = self._node.whereis("converter")
            try:
                if converter is not None:
                    message = Convert(content, kind, tag, turn.entry.partition, by_s)
                    converted: Converted = converter.ask(message, timeout=left_s + GRACE_S)
                    return converted
            except Exception as error:  # noqa: BLE001 - it is busy or restarts, or the store is away
                _log.warning(
                    "a document found no converter", chat_id=turn.chat_id, message_id=turn.message_id,
                    reason=repr(error), next="tried again while there is time",
                )  # fmt: skip
            world.sleep(BUSY_RETRY_S)
        return Converted(problem="failed", detail="no converter was to be had in time")

    def _kept(self, turn: TurnInHand, step: str) -> Converted | None:
        try:
            raw = self._node.store.read_journal(turn.entry, step)
            kept = msgspec.json.decode(raw, type=Converted) if raw else None
            if kept is not None and kept.digest:
                self._node.blobs.get(turn.entry.partition, kept.digest)
        except Exception as error:  # noqa: BLE001 - not kept, not readable or not there any more: it is turned again
            _log.info("a converted file is not there", chat_id=turn.chat_id, reason=repr(error), next="turned again")
            return None
        return kept

    def _keep(self, turn: TurnInHand, step: str, converted: Converted) -> None:
        try:
            self._node.store.write_journal(turn.entry, step, msgspec.json.encode(converted))
        except StoreError as error:
            _log.warning(
                "a converted file could not be noted", chat_id=turn.chat_id, reason=str(error),
                next="the service is asked for it again if need be",
            )  # fmt: skip


def _tag_of(turn: TurnInHand, number: int, content: bytes) -> str:
    """The same at every attempt, another for every other document, and nothing that tells who sent it."""
    parts = f"{turn.entry.chat_id}\n{turn.entry.message_id}\n{number}\n".encode()
    return hashlib.blake2b(parts + content, digest_size=16).hexdigest()


def _problem_of(converted: Converted, kind: str) -> Problem:
    code = {"skipped": "unsupported", "refused": "damaged"}.get(converted.problem, "not_converted")
    return Problem(code, converted.detail, in_words(kind))
