"""What a layer of state is, and the one in memory. A further layer is a class with these methods."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from supervision.keeping.sealed import Position, position_of


class Entry(NamedTuple):
    """One record on its way into a layer. is_gone: a tombstone, which takes the generations before it along."""

    key: str
    position: Position
    raw: bytes
    is_gone: bool = False


class Kept(NamedTuple):
    """What a layer holds under a key: its generations, newest first."""

    key: str
    generations: tuple[bytes, ...]


class Aside(NamedTuple):
    """Bytes that were set aside, with the reason and the Unix time."""

    key: str
    reason: str
    at_s: float
    raw: bytes


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What a layer says of itself. problems: what its own check found, in words for operators."""

    sessions: int
    aside: int
    size_bytes: int
    problems: tuple[str, ...] = ()


class StateLayer(Protocol):
    """Where sealed records are kept. Every method may block and may raise; it is called from one thread at a time.

    Invariant: a record never replaces one of the same or a greater place, but for its own bytes again.
    """

    name: str
    is_durable: bool

    def open(self) -> tuple[str, ...]:
        """Make it usable, again after a failure too; says what had to be mended, in words for operators."""

    def put_many(self, entries: Sequence[Entry]) -> Sequence[Position | None]:
        """Write all, durably where the layer is durable: None, or for one that is too old the place that stands."""

    def get(self, key: str) -> tuple[bytes, ...]:
        """The generations of a key, newest first; none for an unknown one."""

    def scan(self, after: str, count: int) -> Sequence[Kept]:
        """The next keys beyond `after` in the order of their UTF-8 bytes, at most count; none at the end."""

    def set_aside(self, key: str, raw: bytes, reason: str, at_s: float) -> None:
        """Keep these bytes elsewhere and use the generation before them; the place they had is not given again."""

    def asides(self, count: int) -> Sequence[Aside]:
        """What was set aside, newest first."""

    def erase(self, keys: Sequence[str]) -> None:
        """Forget keys wholly, with what was set aside of them."""

    def check(self) -> LayerFacts:
        """Look through the whole layer."""

    def facts(self) -> LayerFacts:
        """What it holds, without a search."""

    def compact(self) -> None:
        """Give back room that is not used."""

    def close(self) -> None:
        """Let go of everything; `open` may follow."""


class MemoryLayer:
    """Sealed bytes in a mapping, at most sessions_max; the one used longest ago leaves first.

    What leaves is in the other layers; without any, a full memory refuses (MemoryError) instead of forgetting.
    """

    name = "memory"
    is_durable = False

    def __init__(self, sessions_max: int = 100_000, *, may_forget: bool = True) -> None:
        self._sessions_max = sessions_max
        self._may_forget = may_forget
        self._raw: dict[str, bytes] = {}  # Invariant: the first key was used longest ago.
        self._aside: list[Aside] = []

    def open(self) -> tuple[str, ...]:
        """Nothing to do."""
        return ()

    def put_many(self, entries: Sequence[Entry]) -> Sequence[Position | None]:
        """Keep the newer ones."""
        return [self._put(entry) for entry in entries]

    def _put(self, entry: Entry) -> Position | None:
        kept = self._raw.get(entry.key)
        if kept is not None:
            standing = position_of(kept)
            if standing >= entry.position:
                return None if kept == entry.raw else standing
            del self._raw[entry.key]
        elif len(self._raw) >= self._sessions_max:
            if not self._may_forget:
                raise MemoryError(f"{self._sessions_max} sessions are kept in memory, and nowhere else")
            del self._raw[next(iter(self._raw))]
        self._raw[entry.key] = entry.raw
        return None

    def get(self, key: str) -> tuple[bytes, ...]:
        """The one generation."""
        raw = self._raw.pop(key, None)
        if raw is None:
            return ()
        self._raw[key] = raw
        return (raw,)

    def scan(self, after: str, count: int) -> Sequence[Kept]:
        """Sorts all keys: for backups of a program that keeps nothing else, not for every day."""
        keys = sorted(self._raw, key=_bytes_of)
        start = bisect_right(keys, _bytes_of(after), key=_bytes_of)
        return [Kept(key, (self._raw[key],)) for key in keys[start : start + count]]

    def set_aside(self, key: str, raw: bytes, reason: str, at_s: float) -> None:
        """Keep the bytes in a list."""
        if self._raw.get(key) == raw:
            del self._raw[key]
        insort(self._aside, Aside(key, reason, at_s, raw), key=lambda aside: -aside.at_s)

    def asides(self, count: int) -> Sequence[Aside]:
        """Newest first."""
        return self._aside[:count]

    def erase(self, keys: Sequence[str]) -> None:
        """Forget them."""
        gone = set(keys)
        for key in keys:
            self._raw.pop(key, None)
        self._aside = [aside for aside in self._aside if aside.key not in gone]

    def check(self) -> LayerFacts:
        """The same as facts: records are verified when they are read."""
        return self.facts()

    def facts(self) -> LayerFacts:
        """Counts what is there."""
        return LayerFacts(len(self._raw), len(self._aside), sum(map(len, self._raw.values())))

    def compact(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Keep everything: a program that closes and opens finds it again."""


def _bytes_of(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
