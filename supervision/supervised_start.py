"""What a supervisor knows about one call of a child's `start` while it runs.

The call is made by a greenlet of its own; actors that start in it find the call by that greenlet. So an actor knows
its place in the tree already in `on_start`, and a call that takes too long leaves nobody half started behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from supervision.ref_life import LivingRef


class Place(Protocol):
    """Where an actor stands in the tree."""

    @property
    def path(self) -> str:
        """Its path from the root, such as "sessions/789"."""

    @property
    def restarts(self) -> int:
        """How often it has been restarted."""


class StartCall:
    """One call of `start`, made by a supervisor."""

    __slots__ = ("abandoned", "half_started", "place")

    def __init__(self, place: Place) -> None:
        """Place goes to the first actor that starts in the call; actors it starts itself are its own affair."""
        self.place: Place | None = place
        self.half_started: list[LivingRef[Any]] = []
        self.abandoned = False

    def take_place(self) -> Place | None:
        """Return the place, once."""
        place, self.place = self.place, None
        return place

    def fence(self) -> None:
        """Fence everything that is still within its `on_start`, innermost first; nothing starts here any more."""
        self.abandoned = True
        for ref in reversed(self.half_started):
            # Their greenlet is the call's own: whoever abandons the call kills it, once. A second kill would hit
            # the clean-up that the first one began.
            ref.fence(kill_handler=False)
