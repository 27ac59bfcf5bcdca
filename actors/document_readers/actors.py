"""The actors of the pool: one desk that hands documents out, and readers that own a subprocess each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.document_readers.machine import Assignments, after_loss, first_timeout_s, reading_after
from actors.document_readers.port import DOCUMENTS_MAX, SCANS_MAX, Loss, ReaderPort
from invoices.reader_wire import ReadRequest
from invoices.reading_record import Reading
from supervision import world
from supervision.actor import ActorDeadError, ActorDown, GeventActor

if TYPE_CHECKING:
    from actors.settings import OcrSettings, ReaderSettings
    from supervision.actor import GeventActorRef, Reply

WAITING_MAX: Final = 2_000
WAITING_BYTES_MAX: Final = 200_000_000


class ReadersBusy(Exception):  # noqa: N818 - named after what is the case
    """Too many documents wait already, or none could be read before the deadline; nothing is known of the document."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """Ask the desk for the reading of a document.

    deadline_s: monotonic, of the world; later answers help nobody. skip_sources: those that cost a reader before.
    """

    name: str
    media_type: str | None
    content: bytes
    deadline_s: float
    skip_sources: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class _Job:
    document: ReadDocument
    reply: Reply


@dataclass(frozen=True, slots=True)
class _Ready:
    reader: GeventActorRef[Any]


@dataclass(frozen=True, slots=True)
class _Assigned:
    document: ReadDocument


@dataclass(frozen=True, slots=True)
class _Done:
    reader: GeventActorRef[Any]
    reading: Reading


class Place:
    """Where the readers of a pool find their desk. is_wanted: whether this node has such a pool at all."""

    def __init__(self) -> None:
        self.desk: GeventActorRef[Any] | None = None
        self.is_wanted = True


class ReaderDesk(GeventActor):
    """Takes documents in, hands each to an idle reader, and answers when it is read."""

    mailbox_max: ClassVar[int | None] = None  # bounded by its own line, so that a refusal is an answer

    def __init__(self, place: Place) -> None:
        """place: told where this desk is."""
        super().__init__()
        self._place = place
        self._assignments: Assignments[GeventActorRef[Any], _Job] = Assignments(
            WAITING_MAX, WAITING_BYTES_MAX, lambda job: len(job.document.content)
        )
        self._jobs: dict[GeventActorRef[Any], _Job] = {}

    def on_start(self) -> None:
        """Be found."""
        self._place.desk = self.actor_ref

    def on_receive(self, message: Any) -> None:
        """Handle documents, readers that are ready or done, and readers that are gone."""
        match message:
            case ReadDocument():
                self._take(message)
            case _Ready(reader=reader):
                self.monitor(reader)
                self._assignments.ready(reader)
            case _Done(reader=reader, reading=reading):
                self._finish(reader, reading)
            case ActorDown(ref=reader, reason=reason):
                self._lose(reader, blameless=reason in {"normal", "shutdown"})
        self._hand_out()

    def _take(self, document: ReadDocument) -> None:
        reply = self.defer_reply()
        if reply is None:
            return
        if not self._assignments.offer(_Job(document, reply)):
            reply.fail(ReadersBusy(f"{self._assignments.waiting} documents are waiting"))

    def _finish(self, reader: GeventActorRef[Any], reading: Reading) -> None:
        job = self._jobs.pop(reader, None)
        self._assignments.ready(reader)
        if job is not None:
            job.reply.set(reading)

    def _lose(self, reader: GeventActorRef[Any], *, blameless: bool) -> None:
        """Take note of a reader's end. A reader that was stopped in good order was not lost to its document."""
        self._jobs.pop(reader, None)
        if blameless:
            self._assignments.unreached(reader)
            return
        given_up = self._assignments.lost(reader)
        if given_up is not None:
            given_up.reply.set(reading_after("reader_died", None, "two readers were lost to it", None))

    def _hand_out(self) -> None:
        while (pair := self._assignments.hand_out()) is not None:
            reader, job = pair
            if job.document.deadline_s <= self.world.now():
                self._assignments.ready(reader)
                job.reply.fail(ReadersBusy("its deadline passed while it waited"))
                continue
            self._jobs[reader] = job
            try:
                reader.tell(_Assigned(job.document))
            except ActorDeadError:
                # It died a moment ago, and word of it is still behind other messages here.
                self._jobs.pop(reader, None)
                self._assignments.unreached(reader)


class DocumentReader(GeventActor):
    """Owns one reader process. A process that dies or hangs is replaced and costs its document one retry."""

    def __init__(self, place: Place, settings: ReaderSettings | OcrSettings, *, with_ocr: bool = False) -> None:
        """place: where the desk is. settings: limits of the process and of one document. with_ocr: sees pictures."""
        super().__init__()
        self._place, self._settings = place, settings
        self._port = ReaderPort(
            world.current(),
            memory_mb=settings.memory_mb,
            cpu_s=int(settings.timeout_s) + 1,
            documents_max=SCANS_MAX if with_ocr else DOCUMENTS_MAX,
            with_ocr=with_ocr,
        )

    def on_start(self) -> None:
        """Start the process, which warms up by itself, and report for work."""
        self._port.start()
        if self._place.desk is not None:
            self._place.desk.tell(_Ready(self.actor_ref))

    def on_stop(self) -> None:
        """Take the process along."""
        self._port.close()

    def on_failure(self, *_: object) -> None:
        """Take the process along."""
        self._port.close()

    def on_receive(self, message: Any) -> None:
        """Read the document that the desk assigns."""
        if isinstance(message, _Assigned):
            try:
                reading = self._read(message.document)
            except BaseException:
                # Killed in the middle, when nobody else would take the process along.
                self._port.close()
                raise
            if self._place.desk is not None:
                self._place.desk.tell(_Done(self.actor_ref, reading))

    def _read(self, document: ReadDocument) -> Reading:
        limit_s = self._settings.timeout_s
        request = ReadRequest(document.name, document.media_type, document.content, document.skip_sources)
        first = self._port.read(request, first_timeout_s(limit_s, self._left_s(document)))
        if isinstance(first, Reading):
            return first
        # A document that was lost before has had its retry: this was it.
        again = None if document.skip_sources else after_loss(first.source, limit_s, self._left_s(document))
        second: Reading | Loss | None = None
        if again is not None:
            skipped = (*document.skip_sources, *again.skip_sources)
            request = ReadRequest(document.name, document.media_type, document.content, skipped)
            second = self._port.read(request, again.timeout_s)
        return reading_after(first.code, first.source, first.detail, second if isinstance(second, Reading) else None)

    def _left_s(self, document: ReadDocument) -> float:
        return max(0.0, document.deadline_s - self.world.now())
