"""The pool of reader subprocesses: documents in, readings out, and nothing that a hostile file can harm beyond one.

`read` asks the pools of this process: one for text and, where an engine of character recognition is installed, one for
pictures, whose readers are few, large and slow, so that scans wait for each other and nothing else waits for them.
A reader that hangs is killed, one that dies is replaced; its document gets one retry without the source that cost it,
and then a typed problem (too_slow, out_of_memory, reader_died).
Weakness: a document waits for a reader in one line; a burst of hostile ones delays others by their time limit.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pykka

from actors.document_readers.actors import DocumentReader, Place, ReadDocument, ReaderDesk, ReadersBusy
from actors.document_readers.machine import with_pictures
from invoices.ocr.engines import engines_installed
from invoices.reading_record import LOSSES
from supervision import world
from supervision.supervisor import Backoff, ChildSpec, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.settings import OcrSettings, ReaderSettings, Settings
    from invoices.reading_record import Reading
    from supervision.actor import GeventActorRef

__all__ = ["ReadDocument", "ReadersBusy", "desk", "read", "supervised"]

_INTENSITY: Final = 10
_PERIOD_S: Final = 30.0
# Who wanted the document is gone by then, or asks again: a reader in the middle of one is not waited for.
_READER_SHUTDOWN_S: Final = 0.2
_BACKOFF: Final = Backoff(first_s=0.05, factor=2.0, max_s=2.0, jitter=0.5)
_SECOND_CHANCE_S: Final = 20.0
_place = Place()
_scans = Place()


def supervised(settings: Settings) -> ChildSpec:
    """The pool as a child of its supervisor: a desk, and as many readers as are configured."""
    return ChildSpec(
        id="documents",
        start=partial(_start, settings.readers, settings.ocr if settings.ocr.enabled and engines_installed() else None),
        type="supervisor",
        start_timeout_s=30.0,
        shutdown_s=None,
    )


def _start(settings: ReaderSettings, ocr: OcrSettings | None) -> GeventActorRef[Any]:
    """The desk first: readers report to it, and are started anew with it; the pool for pictures last, if at all."""
    _scans.desk, _scans.is_wanted = None, ocr is not None
    children = [
        ChildSpec(id="desk", start=partial(ReaderDesk.start, _place)),
        _pool("readers", partial(_start_readers, _place, settings, with_ocr=False)),
    ]
    if ocr is not None:
        children += [
            ChildSpec(id="scan-desk", start=partial(ReaderDesk.start, _scans)),
            _pool("scan-readers", partial(_start_readers, _scans, ocr, with_ocr=True)),
        ]
    return Supervisor.start(
        children, strategy="rest_for_one", intensity=_INTENSITY, period_s=_PERIOD_S, backoff=_BACKOFF
    )


def _pool(child_id: str, start: Callable[[], GeventActorRef[Any]]) -> ChildSpec:
    return ChildSpec(id=child_id, start=start, type="supervisor", start_timeout_s=30.0, shutdown_s=None)


def _start_readers(place: Place, settings: ReaderSettings | OcrSettings, *, with_ocr: bool) -> GeventActorRef[Any]:
    """Readers know nothing of each other: one that falls takes none along."""
    readers = [
        ChildSpec(
            id=f"reader-{number}",
            start=partial(DocumentReader.start, place, settings, with_ocr=with_ocr),
            start_timeout_s=10.0,
            shutdown_s=_READER_SHUTDOWN_S,
        )
        for number in range(settings.count)
    ]
    return Supervisor.start(readers, strategy="one_for_one", intensity=_INTENSITY, period_s=_PERIOD_S, backoff=_BACKOFF)


def desk() -> GeventActorRef[Any] | None:
    """The desk of this process's pool, while one runs; ask it with `ReadDocument`."""
    ref = _place.desk
    return ref if ref is not None and ref.is_alive() else None


def read(name: str, media_type: str | None, content: bytes, timeout_s: float) -> Reading:
    """Read one document; blocks the calling actor, not the node.

    Raises ReadersBusy when there is no reader to be had in time, ActorDeadError or its kin when the pool goes down
    meanwhile; then nothing is known about the document and it may be tried again.
    """
    deadline_s = world.current().now() + timeout_s
    reading = _ask(_place, ReadDocument(name, media_type, content, deadline_s))
    if not reading.wants_ocr or not _scans.is_wanted:
        return reading
    lost = tuple(step.source for step in reading.trail if step.outcome in LOSSES)
    if not lost:
        return with_pictures(reading, _ask(_scans, ReadDocument(name, media_type, content, deadline_s)))
    return _second_chance(reading, ReadDocument(name, media_type, content, deadline_s, lost))


def _second_chance(reading: Reading, document: ReadDocument) -> Reading:
    """A document that cost a reader is drawn once more, in no more than a moment, as others wait behind it.

    What is known of it stands when there is no reader to be had for that: nothing is worth losing a reader again.
    """
    deadline_s = min(document.deadline_s, world.current().now() + _SECOND_CHANCE_S)
    try:
        return with_pictures(reading, _ask(_scans, replace(document, deadline_s=deadline_s)))
    except (ReadersBusy, pykka.Timeout, pykka.ActorDeadError):
        return reading


def _ask(place: Place, document: ReadDocument) -> Reading:
    ref = place.desk
    if ref is None or not ref.is_alive():
        raise ReadersBusy("the readers are being restarted")
    left_s = max(0.0, document.deadline_s - world.current().now())
    reading: Reading = ref.ask(document, timeout=left_s + 1.0)
    return reading
