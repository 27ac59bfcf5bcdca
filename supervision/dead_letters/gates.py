"""How many items of one service may be tried now: all, none, or one, two, four after its return. Pure.

Who has no breaker is always free. An open breaker holds the gate shut, so that a service away costs no attempts. When
it closes, or its opening is over, the gate lets one item through, then two, then four, each wave only after the one
before succeeded; dead items that wait for their service's return go with them. Sixty-four at a time are full speed,
which is kept until nothing waits any more. The first failure that is the service's fault stops the ramp until the
breaker closes again, or a pause is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RAMP_MAX: Final = 64
PAUSE_S: Final = 5.0
HELD_UP_S: Final = 1.0
PAUSE_S_MAX: Final = 900.0


@dataclass(slots=True)
class Gate:
    """One service's gate. Times are monotonic seconds.

    width: of the present wave, 0 for no ramp. Invariant: left + in_flight <= width while there is a ramp; in_flight
    counts what passed and has not reported back.
    """

    has_breaker: bool = False
    width: int = 0
    left: int = 0
    in_flight: int = 0
    paused_until_s: float = 0.0
    pause_s: float = PAUSE_S
    was_open: bool = False
    is_probing: bool = False
    returned_meanwhile: bool = False

    def returned(self) -> None:
        """The service is back: its breaker closed."""
        self.was_open = False
        self.paused_until_s = 0.0
        if self.is_probing:
            self.returned_meanwhile = True  # what is under way may have been asked before, and fail for an old reason
        else:
            self._begin()

    def room(self, now_s: float, open_for_s: float | None) -> int:
        """How many items may pass now; a negative number for no bound. open_for_s: of its breaker, None when closed."""
        if not self.has_breaker:
            return -1
        if open_for_s is not None:
            self.was_open = True
            if open_for_s > 0:
                self._end()
                return 0
            if not self.is_probing:
                self._begin()  # the opening is over, and without a call it would stay half-open for ever
        elif self.was_open:
            self.was_open = False
            if not self.is_probing:
                self._begin()
        if now_s < self.paused_until_s:
            return 0
        if self.paused_until_s and not self.is_probing:
            self.paused_until_s = 0.0
            self._begin()
        return self.left if self.is_probing else -1

    def passed(self, count: int) -> None:
        """So many items were taken."""
        self.in_flight += count
        if self.is_probing:
            self.left = max(self.left - count, 0)

    def succeeded(self) -> None:
        """One item that passed is done, or failed by its own fault: the service answers."""
        self.in_flight = max(self.in_flight - 1, 0)
        if not self.is_probing:
            return
        if self.width >= RAMP_MAX:
            self.left += 1
        elif self.left == 0 and self.in_flight == 0:
            self.width *= 2
            self.left = self.width

    def failed(self, now_s: float) -> None:
        """One item that passed failed by the service's fault. Only a ramp is stopped: the rest is the breaker's."""
        self.in_flight = max(self.in_flight - 1, 0)
        if not self.is_probing:
            return
        if self.returned_meanwhile:
            self._begin()
            return
        self._end()
        self.paused_until_s = now_s + self.pause_s
        self.pause_s = min(self.pause_s * 2, PAUSE_S_MAX)

    def given_back(self) -> None:
        """One item that passed was not tried after all."""
        self.in_flight = max(self.in_flight - 1, 0)
        if self.is_probing:
            self.left += 1

    def held_up(self, now_s: float) -> None:
        """One item that passed was turned away by its breaker: others are asking already."""
        self.in_flight = max(self.in_flight - 1, 0)
        if self.is_probing:
            self._end()
            self.paused_until_s = now_s + HELD_UP_S

    def exhausted(self) -> None:
        """Nothing waits any more of what the ramp would take."""
        if self.is_probing and self.in_flight == 0:
            self._end()
            self.pause_s = PAUSE_S  # the ramp went through

    def _begin(self) -> None:
        self.is_probing, self.returned_meanwhile = True, False
        self.width = self.left = 1

    def _end(self) -> None:
        self.is_probing = self.returned_meanwhile = False
        self.width = self.left = 0
