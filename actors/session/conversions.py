"""Has the documents of a turn turned into PDF; what was turned once serves every later attempt of the turn."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from actors.converter import Convert, Converted, in_words
from actors.session.jobs_of_turn import JobsOfTurns, Trade
from invoices.problems import Problem

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand

# The converter may give the local program a little more than the whole time.
GRACE_S: Final = 15.0
_TRADE: Final = Trade(
    "converter", "converter", "document", "converted file", "turned again",
    "the service is asked for it again if need be",
)  # fmt: skip
_NOBODY: Final = Converted(problem="failed", detail="no converter was to be had in time")


class ConversionDesk:
    """Where sessions have documents turned into PDF."""

    def __init__(self, node: Node) -> None:
        """Whose converter and journal are used."""
        self._node = node
        self._jobs = JobsOfTurns(node, _TRADE, Converted, GRACE_S)

    def pdf_of(self, turn: TurnInHand, number: int, content: bytes, kind: str) -> tuple[bytes | Problem, str]:
        """The PDF and its digest, or why there is none. Never raises for a document; waits for a converter."""
        tag = _tag_of(turn, number, content)
        step = f"{turn.entry.message_id}:{number}:convert:{tag}"
        converted = self._jobs.kept(turn, step)
        if converted is None:
            by_s = self._node.world.now() + self._node.settings.converter.timeout_s
            message = Convert(content, kind, tag, turn.entry.partition, by_s)
            converted = self._jobs.ask(turn, message, by_s) or _NOBODY
            if converted.problem in ("", "refused"):
                self._jobs.keep(turn, step, converted)
        if converted.problem:
            return _problem_of(converted, kind), ""
        try:
            return self._node.blobs.get(turn.entry.partition, converted.digest), converted.digest
        except Exception as error:  # noqa: BLE001 - the store is away, or the file went a moment ago
            return Problem("not_converted", repr(error), in_words(kind)), converted.digest


def _tag_of(turn: TurnInHand, number: int, content: bytes) -> str:
    """The same at every attempt, another for every other document, and nothing that tells who sent it."""
    parts = f"{turn.entry.chat_id}\n{turn.entry.message_id}\n{number}\n".encode()
    return hashlib.blake2b(parts + content, digest_size=16).hexdigest()


def _problem_of(converted: Converted, kind: str) -> Problem:
    code = {"skipped": "unsupported", "refused": "damaged"}.get(converted.problem, "not_converted")
    return Problem(code, converted.detail, in_words(kind))
