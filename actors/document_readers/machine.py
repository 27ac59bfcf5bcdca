"""Which reader reads which document, and what a lost reader means for its document. Pure: no clock, no process.

Invariants: a job is either waiting or with exactly one reader; an idle reader and a waiting job never meet twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from invoices.problems import Problem
from invoices.reading_record import Reading, Step

R = TypeVar("R")
J = TypeVar("J")

# A document that cost its reader's actor its life, rather than the process alone, is handed out so often in all.
ATTEMPTS_MAX: Final = 2
# Of the time that is left, the first try may take this part: a retry that begins at the deadline helps nobody.
FIRST_TRY_SHARE: Final = 0.6
RETRY_MIN_S: Final = 0.5


class Assignments(Generic[R, J]):
    """Waiting jobs, idle readers, and who reads what."""

    def __init__(self, waiting_max: int, bytes_max: int, size_bytes: Callable[[J], int]) -> None:
        """waiting_max, bytes_max: jobs beyond so many, or so large together, are refused."""
        self._waiting: deque[tuple[J, int]] = deque()
        self._waiting_max, self._bytes_max, self._size_bytes = waiting_max, bytes_max, size_bytes
        self._bytes = 0
        self._idle: deque[R] = deque()
        self._busy: dict[R, tuple[J, int]] = {}

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def offer(self, job: J) -> bool:
        """Take a job in; False when too many wait already. One job is taken whatever its size."""
        size_bytes = self._size_bytes(job)
        if self._waiting and (len(self._waiting) >= self._waiting_max or self._bytes + size_bytes > self._bytes_max):
            return False
        self._waiting.append((job, 1))
        self._bytes += size_bytes
        return True

    def ready(self, reader: R) -> None:
        """A reader has nothing to do; what it had is done."""
        self._busy.pop(reader, None)
        if reader not in self._idle:
            self._idle.append(reader)

    def hand_out(self) -> tuple[R, J] | None:
        """The next reader and job to bring together, the oldest of each; None when either is missing."""
        if not self._waiting or not self._idle:
            return None
        reader = self._idle.popleft()
        job, attempt = self._waiting.popleft()
        self._bytes -= self._size_bytes(job)
        self._busy[reader] = (job, attempt)
        return reader, job

    def unreached(self, reader: R) -> None:
        """A reader went without its job's doing: the job is first in line again, none of its attempts used."""
        if reader in self._idle:
            self._idle.remove(reader)
        job, attempt = self._busy.pop(reader, (None, 0))
        if job is not None:
            self._waiting.appendleft((job, attempt))
            self._bytes += self._size_bytes(job)

    def lost(self, reader: R) -> J | None:
        """A reader is gone. Its job goes to the front of the line; it is returned when it has had its attempts."""
        if reader in self._idle:
            self._idle.remove(reader)
        job, attempt = self._busy.pop(reader, (None, 0))
        if job is None:
            return None
        if attempt >= ATTEMPTS_MAX:
            return job
        self._waiting.appendleft((job, attempt + 1))
        self._bytes += self._size_bytes(job)
        return None


@dataclass(frozen=True, slots=True)
class SecondTry:
    """Read the document once more without the source that cost a reader."""

    skip_sources: tuple[str, ...]
    timeout_s: float


def first_timeout_s(limit_s: float, left_s: float) -> float:
    """How long the first try may take: the configured limit, or most of the time that is left."""
    return max(0.0, min(limit_s, left_s * FIRST_TRY_SHARE))


def after_loss(source: str | None, limit_s: float, left_s: float) -> SecondTry | None:
    """What follows the first loss: one retry on the next lower source, if there is time for it."""
    if left_s < RETRY_MIN_S:
        return None
    return SecondTry(() if source is None else (source,), min(limit_s, left_s))


def reading_after(code: str, source: str | None, detail: str, second: Reading | None) -> Reading:
    """The final reading of a document that cost a reader: the retry's invoices, else the loss as its problem."""
    lost = Step(source or "start", code, detail[-300:])
    if second is None:
        return Reading("unknown", "document", problem=_problem(code, "document"), trail=(lost,))
    trail = (lost, *second.trail)
    if second.invoices:
        return replace(second, trail=trail)
    # What the retry says of the file itself (encrypted, not an invoice) is worth more than how the first try ended.
    told = second.problem
    told_more = told is not None and told.code not in {"unsupported", "out_of_memory", "damaged", "no_text"}
    return replace(second, problem=told if told_more else _problem(code, second.what), trail=trail)


def with_pictures(first: Reading, seen: Reading) -> Reading:
    """One reading of what two readers made of a document: the first without recognition, the other with it.

    The second has read everything that the first has; where it was lost, what the first found counts.
    """
    steps = [step for step in first.trail if (step.source, step.outcome) != ("ocr", "wanted")]
    known = {(step.source, step.outcome) for step in steps}
    trail = (*steps, *(step for step in seen.trail if (step.source, step.outcome) not in known))
    if first.invoices and not seen.invoices:
        return replace(first, trail=trail)
    return replace(seen, kind=first.kind, what=first.what, trail=trail)


def _problem(code: str, what: str) -> Problem:
    details = {
        "too_slow": "reading it took too long and was given up",
        "out_of_memory": "it needs more memory than a reader may use",
        "reader_died": "it made its reader end, twice or with nothing else left to try",
    }
    return Problem(code, details.get(code, code), what)
