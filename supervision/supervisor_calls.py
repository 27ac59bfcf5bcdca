"""The calls to a supervisor: functions that take its ref, and the messages they send."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervision.actor_ref import GeventActorRef
    from supervision.child_spec import ChildSpec


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start a new child."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Stop a child; it is not restarted."""

    child: str | GeventActorRef[Any]


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Start a stopped child again."""

    child_id: str


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forget a stopped child."""

    child_id: str


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """Ask for the children."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Ask how many there are."""


# The first four wait as long as it takes: the supervisor bounds each by the child's own timeouts, and answers or dies.


def start_child(ref: GeventActorRef[Any], spec: ChildSpec) -> GeventActorRef[Any] | None:
    """Start a new child and return its ref (None when its start said `ignore`).

    Raises StartFailed (the spec is not kept), AlreadyStarted, AlreadyPresent, and ValueError for a bad combination.
    """
    started: GeventActorRef[Any] | None = ref.ask(StartChild(spec), timeout=math.inf)
    return started


def terminate_child(ref: GeventActorRef[Any], child: str | GeventActorRef[Any]) -> None:
    """Stop a child, by id or ref, and do not restart it; also cancels a restart. A temporary child's spec goes too.

    Raises NotFound.
    """
    ref.ask(TerminateChild(child), timeout=math.inf)


def restart_child(ref: GeventActorRef[Any], child_id: str) -> GeventActorRef[Any] | None:
    """Start a stopped child again and return its ref. Raises StartFailed, Running (Restarting) and NotFound."""
    started: GeventActorRef[Any] | None = ref.ask(RestartChild(child_id), timeout=math.inf)
    return started


def delete_child(ref: GeventActorRef[Any], child_id: str) -> None:
    """Forget a stopped child. Raises Running (Restarting) and NotFound."""
    ref.ask(DeleteChild(child_id), timeout=math.inf)


def which_children(ref: GeventActorRef[Any]) -> list[tuple[str, GeventActorRef[Any] | str | None, str]]:
    """Return the children in start order as (id, ref, type); for ref also "restarting", or None when stopped."""
    children: list[tuple[str, GeventActorRef[Any] | str | None, str]] = ref.ask(WhichChildren())
    return children


def count_children(ref: GeventActorRef[Any]) -> dict[str, int]:
    """Count specs, active (living) children, and specs by type: supervisors, workers."""
    counts: dict[str, int] = ref.ask(CountChildren())
    return counts
