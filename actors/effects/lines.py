"""Which effect of one target comes next: one line for each chat, in order, lines side by side. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING, TypeAlias

from messages.light import light_record
from supervision.retry_mechanism import RetryState

if TYPE_CHECKING:
    from collections.abc import Iterator

LineKey: TypeAlias = tuple[int, str]


@light_record
class Waiting:
    """One entry of an outbox, without its body: that comes with the word to begin."""

    partition: int
    chat_id: str
    entry_id: str

    @property
    def line(self) -> LineKey:
        """Whose turn it waits for."""
        return self.partition, self.chat_id

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in its outbox."""
        milliseconds, _, number = self.entry_id.partition("-")
        return int(milliseconds), int(number or 0)


@dataclass(slots=True)
class _Line:
    """One chat's effects, the next one first. Invariant: at_work is the first one, or None."""

    queue: deque[Waiting] = field(default_factory=deque)
    at_work: Waiting | None = None
    not_before_s: float = 0.0
    listed: bool = False
    retry: RetryState = field(default_factory=RetryState)


class Lines:
    """The effects of one target that this node is to do.

    Invariant: of each line at most the first one is at work; a line is listed once as long as it has something to do
    and nothing at work.
    """

    def __init__(self, at_once_max: int) -> None:
        """at_once_max: how many are at work at a time, each of another line."""
        self._at_once_max = at_once_max
        self._lines: dict[LineKey, _Line] = {}
        self._known: dict[int, set[str]] = {}
        # With the line itself: one that was dropped may have come back under its key, and is listed anew.
        self._ready: deque[tuple[LineKey, _Line]] = deque()
        self._later: list[tuple[float, int, LineKey, _Line]] = []
        self._number = 0
        self._at_work = 0
        self._held_until_s = 0.0
        self._shut_until_s = 0.0

    def __len__(self) -> int:
        return sum(len(known) for known in self._known.values())

    @property
    def at_work(self) -> int:
        """How many are being done."""
        return self._at_work

    def at_work_in(self, partition: int) -> int:
        """How many of one partition are being done."""
        return sum(key[0] == partition and line.at_work is not None for key, line in self._lines.items())

    def seen(self, waiting: Waiting) -> None:
        """An entry of the outbox; does nothing for one that is known."""
        known = self._known.setdefault(waiting.partition, set())
        if waiting.entry_id in known:
            return
        known.add(waiting.entry_id)
        line = self._lines.setdefault(waiting.line, _Line())
        behind = line.queue and line.queue[-1].place > waiting.place
        line.queue.append(waiting)
        if behind:
            first = [line.queue.popleft()] if line.at_work is not None else []
            line.queue = deque([*first, *sorted(line.queue, key=lambda one: one.place)])
        self._list(waiting.line, line)

    def _list(self, key: LineKey, line: _Line) -> None:
        if line.listed or line.at_work is not None or not line.queue:
            return
        line.listed = True
        if line.not_before_s > 0:
            self._number += 1
            heappush(self._later, (line.not_before_s, self._number, key, line))
        else:
            self._ready.append((key, line))

    def take(self, now_s: float) -> Waiting | None:
        """The next one to be done, which is at work from here on; None when there is none now."""
        if now_s < max(self._held_until_s, self._shut_until_s) or self._at_work >= self._at_once_max:
            return None
        while self._later and self._later[0][0] <= now_s:
            self._ready.append(heappop(self._later)[2:])
        while self._ready:
            key, line = self._ready.popleft()
            if self._lines.get(key) is not line:
                continue
            line.listed = False
            if not line.queue:
                del self._lines[key]
            elif line.at_work is None:
                line.at_work = line.queue[0]
                self._at_work += 1
                return line.at_work
        return None

    def put_back(self, waiting: Waiting) -> None:
        """It was not begun after all: it is the first of its line still."""
        line = self._ended(waiting)
        if line is not None:
            self._list(waiting.line, line)

    def wait(self, waiting: Waiting, until_s: float, retry: RetryState) -> None:
        """It failed: again at until_s, and its line waits with it."""
        line = self._ended(waiting)
        if line is not None:
            line.not_before_s, line.retry = until_s, retry
            self._list(waiting.line, line)

    def settled(self, waiting: Waiting) -> None:
        """It has left the outbox; the next of its line may begin."""
        line = self._ended(waiting)
        if line is None:
            return
        self._known[waiting.partition].discard(waiting.entry_id)
        line.queue.popleft()
        line.not_before_s, line.retry = 0.0, RetryState()
        if line.queue:
            self._list(waiting.line, line)
        elif not line.listed:
            del self._lines[waiting.line]

    def _ended(self, waiting: Waiting) -> _Line | None:
        line = self._lines.get(waiting.line)
        if line is None or line.at_work is not waiting:
            return None
        line.at_work = None
        self._at_work -= 1
        return line

    def retry_of(self, waiting: Waiting) -> RetryState:
        """Where the schedule of the first of its line stands."""
        line = self._lines.get(waiting.line)
        return line.retry if line is not None else RetryState()

    def hold(self, until_s: float) -> None:
        """Begin nothing before until_s: the service has asked for it, or the store is away."""
        self._held_until_s = max(self._held_until_s, until_s)

    def shut(self, until_s: float) -> None:
        """Begin nothing before until_s, or until it is opened: the service's breaker lets nothing pass."""
        self._shut_until_s = until_s

    def open(self) -> None:
        """The breaker may let something pass again."""
        self._shut_until_s = 0.0

    def drop(self, partition: int) -> None:
        """The partition is another node's: forget what waits there. What is at work ends without a word."""
        for key in [key for key in self._lines if key[0] == partition]:
            self._at_work -= self._lines.pop(key).at_work is not None
        self._known.pop(partition, None)

    def next_look_s(self) -> float | None:
        """When to take again, of what waits for a time; None when nothing does."""
        if self._at_work >= self._at_once_max or not (self._ready or self._later):
            return None
        nearest_s = 0.0 if self._ready else self._later[0][0]
        return max(nearest_s, self._held_until_s, self._shut_until_s)

    def waiting(self) -> Iterator[Waiting]:
        """Everything that is not settled, line by line."""
        for line in self._lines.values():
            yield from line.queue
