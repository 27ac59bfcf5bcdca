"""Suspects that run alone on their node, one after the other, while everybody else waits a little. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

# How long the others wait at most for a suspect, and it for the others to fall silent.
ALONE_S: Final = 5.0
SILENCE_S: Final = 2.0


@dataclass(slots=True)
class Solo:
    """Who runs alone, and who is next, each by partition and entry id. Times are monotonic seconds passed in.

    Invariant: while `running` is set and `until_s` has not come, no owner of the node hands out anything else.
    """

    waiting: list[tuple[int, str]] = field(default_factory=list)
    running: tuple[int, str] | None = None
    began_s: float = 0.0
    until_s: float = 0.0
    rests_until_s: float = 0.0
    silent_from_s: float | None = None

    def wait(self, partition: int, entry_id: str) -> None:
        """Get in line, once."""
        suspect = (partition, entry_id)
        if suspect not in self.waiting and suspect != self.running:
            self.waiting.append(suspect)

    def is_running(self, now_s: float) -> bool:
        """Whether one runs alone now; it has had its time when `until_s` has come."""
        if self.running is not None and now_s >= self.until_s:
            self.end(*self.running, now_s)
        return self.running is not None

    def is_resting(self, now_s: float) -> bool:
        """Whether it is the others' time."""
        return now_s < self.rests_until_s

    def must_wait(self, in_hand: int, now_s: float) -> bool:
        """Whether the next one waits for others to end; those that take too long are not waited for."""
        if not in_hand:
            self.silent_from_s = None
            return False
        if self.silent_from_s is None:
            self.silent_from_s = now_s + SILENCE_S
        return now_s < self.silent_from_s

    def begin(self, now_s: float) -> None:
        """The first in line runs."""
        self.running = self.waiting.pop(0)
        self.began_s, self.until_s, self.silent_from_s = now_s, now_s + ALONE_S, None

    def end(self, partition: int, entry_id: str, now_s: float) -> None:
        """It has ended, one way or the other; a line of suspects leaves the others half of the time."""
        if self.running == (partition, entry_id):
            self.running, self.rests_until_s = None, now_s + (now_s - self.began_s)
