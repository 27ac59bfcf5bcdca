"""The pool of reader subprocesses: documents in, readings out, and nothing that a hostile file can harm beyond one.

`read` asks the pool of this process. A reader that hangs is killed, one that dies is replaced; its document gets one
retry without the source that cost it, and then a typed problem (too_slow, out_of_memory, reader_died).
Weakness: a document waits for a reader in one line; a burst of hostile ones delays others by their time limit.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.document_readers.actors import DocumentReader, Place, ReadDocument, ReaderDesk, ReadersBusy
from supervision import world
from supervision.supervisor import Backoff, ChildSpec, Supervisor

if TYPE_CHECKING:
    from actors.settings import ReaderSettings, Settings
    from invoices.reading_record import Reading
    from supervision.actor import GeventActorRef

__all__ = ["ReadDocument", "ReadersBusy", "desk", "read", "supervised"]

_INTENSITY: Final = 10
_PERIOD_S: Final = 30.0
# Who wanted the document is gone by then, or asks again: a reader in the middle of one is not waited for.
_READER_SHUTDOWN_S: Final = 0.2
_BACKOFF: Final = Backoff(first_s=0.05, factor=2.0, max_s=2.0, jitter=0.5)
_place = Place()


def supervised(settings: Settings) -> ChildSpec:
    """The pool as a child of its supervisor: a desk, and as many readers as are configured."""
    return ChildSpec(
        id="documents",
        start=partial(_start, settings.readers),
        type="supervisor",
        start_timeout_s=30.0,
        shutdown_s=None,
    )


def _start(settings: ReaderSettings) -> GeventActorRef[Any]:
    """The desk first: readers report to it, and are started anew with it."""
    children = [
        ChildSpec(id="desk", start=partial(ReaderDesk.start, _place)),
        ChildSpec(
            id="readers",
            start=partial(_start_readers, settings),
            type="supervisor",
            start_timeout_s=30.0,
            shutdown_s=None,
        ),
    ]
    return Supervisor.start(
        children, strategy="rest_for_one", intensity=_INTENSITY, period_s=_PERIOD_S, backoff=_BACKOFF
    )


def _start_readers(settings: ReaderSettings) -> GeventActorRef[Any]:
    """Readers know nothing of each other: one that falls takes none along."""
    readers = [
        ChildSpec(
            id=f"reader-{number}",
            start=partial(DocumentReader.start, _place, settings),
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
    ref = desk()
    if ref is None:
        raise ReadersBusy("the readers are being restarted")
    deadline_s = world.current().now() + timeout_s
    reading: Reading = ref.ask(ReadDocument(name, media_type, content, deadline_s), timeout=timeout_s + 1.0)
    return reading
