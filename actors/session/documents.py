"""Reads the attachments of a turn: from the blob store through a reader process, each costly reading paid for once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from actors import document_readers
from actors.blobs import BlobMissing
from actors.converter import format_of
from actors.session.conversions import ConversionDesk
from actors.session.links import LinkDesk, with_content
from actors.session.machine import DocumentOutcome
from actors.session.model_reader import ModelReader
from actors.store_errors import StoreAway, StoreError, StoreNotReady
from invoices.problems import Problem
from invoices.reading_record import Reading
from messages.codec import decode, encode
from messages.errors import CodecError
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand
    from messages.records import Attachment

_log = structlog.get_logger(__name__)

# What takes less is cheaper to do again than to write down.
COSTLY_S: Final = 0.2
# How long past its static reply a document waits for a reader, in a burst of hostile ones or while the pool restarts.
OWED_S: Final = 120.0
BUSY_RETRY_S: Final = 0.25


class DocumentDesk:
    """Where sessions have their documents read."""

    def __init__(self, node: Node) -> None:
        """Whose blobs and readers are used."""
        self._node = node
        self._links = LinkDesk(node)
        self._conversions = ConversionDesk(node)
        self._models = ModelReader(node)

    def read_all(self, turn: TurnInHand) -> tuple[DocumentOutcome, ...]:
        """What became of each attachment of the turn's message, in order. Never raises for a document."""
        attachments = turn.message.attachments
        if not attachments:
            return ()
        return tuple(
            self._outcome(turn, number, attachment, is_last=number == len(attachments) - 1)
            for number, attachment in enumerate(attachments)
        )

    def _outcome(self, turn: TurnInHand, number: int, attachment: Attachment, *, is_last: bool) -> DocumentOutcome:
        if not attachment.digest:
            fetched = self._links.fetch(turn, number, attachment)
            if fetched.problem is not None:
                return DocumentOutcome(attachment, problem=fetched.problem, retried=fetched.retried)
            outcome = self._read_here(turn, number, with_content(attachment, fetched), is_last=is_last)
            retried = fetched.retried or outcome.retried
            return replace(outcome, retried=retried, made=(fetched.digest, *outcome.made))
        return self._read_here(turn, number, attachment, is_last=is_last)

    def _read_here(self, turn: TurnInHand, number: int, attachment: Attachment, *, is_last: bool) -> DocumentOutcome:
        """Of an attachment that is in the blob store."""
        step = f"{turn.entry.message_id}:{number}:{attachment.digest}"
        # The step that was in hand at a crash may be what crashed: it is not taken from the journal again.
        kept = None if turn.crashes and is_last else self._kept(turn, step)
        if kept is not None:
            return _outcome_of(attachment, kept)
        began_s = self._node.world.now()
        try:
            content = self._content(turn, attachment)
        except (BlobMissing, OSError) as error:
            _log.error(
                "an attachment is gone", chat_id=turn.chat_id, message_id=turn.message_id, reason=repr(error),
                next="the person is asked to send it again",
            )  # fmt: skip
            return DocumentOutcome(attachment, problem="unreadable")
        reading = self._read(turn, attachment, content)
        if reading is None:
            return DocumentOutcome(attachment, problem="too_slow")
        made: tuple[str, ...] = ()
        if not reading.invoices:
            reading, made = self._turned(turn, number, attachment, content, reading)
        reading = replace(self._models.completed(turn, number, reading), text="")
        if self._node.world.now() - began_s >= COSTLY_S:
            self._keep(turn, step, reading)
        return replace(_outcome_of(attachment, reading), made=made)

    def _turned(
        self, turn: TurnInHand, number: int, attachment: Attachment, content: bytes, reading: Reading
    ) -> tuple[Reading, tuple[str, ...]]:
        """The reading of the document turned into PDF, where converters know its kind; what was made."""
        kind = format_of(attachment.name, content)
        if kind is None:
            return reading, ()
        pdf, digest = self._conversions.pdf_of(turn, number, content, kind)
        made = (digest,) if digest else ()
        if isinstance(pdf, Problem):
            return replace(reading, problem=pdf), made
        renamed = msgspec.structs.replace(attachment, name=f"{attachment.name}.pdf", media_type="application/pdf")
        again = self._read(turn, renamed, pdf)
        return again or replace(reading, problem=Problem("too_slow", "no reader", None)), made

    def _content(self, turn: TurnInHand, attachment: Attachment) -> bytes:
        """The attachment's bytes, however long the store is away: no fault of the message. Raises what `get` does."""
        while True:
            try:
                return self._node.blobs.get(turn.entry.partition, attachment.digest)
            except (StoreAway, StoreNotReady, WaitTimeout):
                self._node.world.sleep(BUSY_RETRY_S)

    def _read(self, turn: TurnInHand, attachment: Attachment, content: bytes) -> Reading | None:
        """Read it, however long its turn is due by then: what takes longer goes on as owed work.

        A document that takes its reader too long is told so by the reader; None when none was to be had at all.
        """
        world = self._node.world
        by_s = max(turn.by_s, world.now()) + OWED_S
        while (left_s := by_s - world.now()) > 0:
            try:
                return document_readers.read(attachment.name, attachment.media_type, content, left_s)
            except Exception as error:  # noqa: BLE001 - the pool is busy or restarts: nothing is known of the document
                _log.warning(
                    "a document found no reader", chat_id=turn.chat_id, message_id=turn.message_id,
                    reason=repr(error), next="tried again while there is time",
                )  # fmt: skip
                world.sleep(BUSY_RETRY_S)
        return None

    def _kept(self, turn: TurnInHand, step: str) -> Reading | None:
        try:
            raw = self._node.store.read_journal(turn.entry, step)
            kept = decode(raw) if raw else None
        except (StoreError, CodecError):
            return None
        return kept if isinstance(kept, Reading) else None

    def _keep(self, turn: TurnInHand, step: str, reading: Reading) -> None:
        try:
            self._node.store.write_journal(turn.entry, step, encode(reading))
        except (StoreError, CodecError) as error:
            _log.warning(
                "a reading could not be kept", chat_id=turn.chat_id, reason=str(error), next="paid for again if need be"
            )


def _outcome_of(attachment: Attachment, reading: Reading) -> DocumentOutcome:
    problem = reading.problem
    return DocumentOutcome(
        attachment,
        reading.invoices,
        problem.code if problem is not None else None,
        (problem.what if problem is not None else None) or reading.what,
        retried=reading.retried,
    )
