"""What waits to be sent to one server, in order. Pure.

Order is kept per slot: a slot that is held (its requests are being redirected or tried again) lets its later requests
wait, and no other slot's.
"""

from collections import deque
from collections.abc import Container, Iterable

from actors.pipeline.request import SENT, WAITING, Request
from actors.store_errors import StoreBacklog


class RequestQueue:
    """Requests in the order of their submission; bounded by count and bytes.

    Invariant: size_bytes is the sum of the packed sizes of what waits.
    """

    __slots__ = ("_held", "_waiting", "count_max", "size_bytes", "size_bytes_max")

    def __init__(self, count_max: int, size_bytes_max: int) -> None:
        self.count_max = count_max
        self.size_bytes_max = size_bytes_max
        self.size_bytes = 0
        self._waiting: deque[Request] = deque()
        self._held: dict[int | None, int] = {}  # Invariant: slot -> how many hold it, at least one

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, request: Request) -> None:
        """Append one. Raises StoreBacklog when it is full; an empty queue takes any request."""
        size_bytes = len(request.packed)
        if self._waiting and (
            len(self._waiting) >= self.count_max or self.size_bytes + size_bytes > self.size_bytes_max
        ):
            raise StoreBacklog(f"{len(self._waiting)} requests of {self.size_bytes} bytes wait for the store already")
        self.size_bytes += size_bytes
        self._waiting.append(request)

    def put_back(self, requests: Iterable[Request]) -> None:
        """Put requests before all others, in their order. They were in before, so the bounds do not count."""
        returned = list(requests)
        for request in returned:
            request.state = WAITING
        self.size_bytes += sum(len(request.packed) for request in returned)
        self._waiting.extendleft(reversed(returned))

    def take(self, count_max: int, size_bytes_max: int) -> list[Request]:
        """Take the next batch: sendable requests in order, at least one if there is any; they count as sent.

        Ends before the request that would go beyond size_bytes_max. Withdrawn requests are dropped on the way.
        """
        if self._held:
            return self._take_around(count_max, size_bytes_max)
        batch: list[Request] = []
        waiting = self._waiting
        size_bytes = 0
        while waiting and len(batch) < count_max:
            size_bytes += len(waiting[0].packed)
            if size_bytes > size_bytes_max and batch:
                break
            request = waiting.popleft()
            self.size_bytes -= len(request.packed)
            if not request.abandoned:
                request.state = SENT
                batch.append(request)
        return batch

    def hold(self, slot: int) -> None:
        """Let requests of this slot wait until as many calls of release."""
        self._held[slot] = self._held.get(slot, 0) + 1

    def release(self, slot: int) -> None:
        """Take one hold back; does nothing when there is none."""
        holds = self._held.pop(slot, 0)
        if holds > 1:
            self._held[slot] = holds - 1

    def has_sendable(self) -> bool:
        """Say whether take would find something."""
        if not self._held:
            return bool(self._waiting)
        return any(request.slot not in self._held for request in self._waiting)

    def extract(self, slots: Container[int | None] | None = None) -> list[Request]:
        """Take every request of these slots (None: all there are), in order, held or not."""
        chosen: list[Request] = []
        kept: deque[Request] = deque()
        for request in self._waiting:
            (chosen if slots is None or request.slot in slots else kept).append(request)
        self._waiting = kept
        self.size_bytes -= sum(len(request.packed) for request in chosen)
        return chosen

    def _take_around(self, count_max: int, size_bytes_max: int) -> list[Request]:
        """As take, but pass by what is held."""
        batch: list[Request] = []
        passed: deque[Request] = deque()
        size_bytes = 0
        while self._waiting and len(batch) < count_max:
            if self._waiting[0].slot in self._held:
                passed.append(self._waiting.popleft())
                continue
            size_bytes += len(self._waiting[0].packed)
            if size_bytes > size_bytes_max and batch:
                break
            request = self._waiting.popleft()
            self.size_bytes -= len(request.packed)
            if not request.abandoned:
                request.state = SENT
                batch.append(request)
        self._waiting.extendleft(reversed(passed))
        return batch
