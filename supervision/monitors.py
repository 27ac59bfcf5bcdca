"""Monitors: who wants to hear of whose death."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervision.actor_ref import GeventActorRef
    from supervision.errors import type_of_reason


@dataclass(frozen=True, slots=True)
class ActorDown:
    """The actor behind ref has ended.

    reason: "normal" (its own stop), "shutdown" (stopped from outside), "killed" (fenced), "noproc" (dead before the
    monitor was set), or the exception it died of.
    """

    ref: GeventActorRef[Any]
    reason: type_of_reason
    # The monitor that heard of it: a Monitor, or a supervisor's Child.
    monitor: Any = field(default=None, compare=False, repr=False)


class Monitor:
    """One wish to hear of one death; two monitors on one ref bring two ActorDowns."""

    __slots__ = ("ref", "watcher")

    def __init__(self, watcher: GeventActorRef[Any], ref: GeventActorRef[Any]) -> None:
        """Watcher hears of ref's end."""
        self.watcher = watcher
        self.ref = ref

    def down(self, ref: GeventActorRef[Any], reason: type_of_reason) -> None:
        """Tell the watcher."""
        self.watcher._monitor_fired(self, ActorDown(ref, reason, self))
