"""What a place outside is to the relay: how it is told, and what may be done when nobody knows whether it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from actors.effects.records import Effect

Delivery: TypeAlias = Literal["keyed", "checkable", "neither"]
"""keyed: the effect's id, or its key and revision, make it once, so it may be repeated. checkable: it is asked whether
it happened before it is repeated. neither: an unknown outcome is a person's business."""

BreakerKind: TypeAlias = Literal["database", "external_api", "file_service", "webhook"]


class Target(Protocol):
    """One place outside, such as the ledger. One for each node, used by several tasks at once.

    name: as in `Effect.target`. service: the breaker before it has this name. breaker_kind: which preset, and which
    section of [breakers]. policy: name of the retry policy (`RetryPolicies.<policy>_policy`). at_once_max: how many
    effects it takes at the same time, of different chats.
    """

    @property
    def name(self) -> str:
        """As in `Effect.target`."""

    @property
    def delivery(self) -> Delivery:
        """What may be done after an unknown outcome."""

    @property
    def service(self) -> str:
        """Name of its breaker."""

    @property
    def breaker_kind(self) -> BreakerKind:
        """Preset of its breaker."""

    @property
    def policy(self) -> str:
        """Name of its retry policy: "database", "network" or "webhook"."""

    @property
    def at_once_max(self) -> int:
        """How many effects it takes at the same time."""

    def perform(self, effect: Effect, deadline_s: float) -> None:
        """Do it; when it returns it is done, and stays. deadline_s: how long it may take, from now.

        Raises whatever went wrong, to be classified. An exception whose `outcome` is "not_done" (see `NotDone`) says
        that nothing has happened; after any other the outcome is unknown, unless its cause says that it was refused.
        """

    def happened(self, effect: Effect) -> bool | None:
        """Whether this very effect is there already; None when that cannot be told. Raises as `perform` does."""


class NotDone(Exception):  # noqa: N818 - what is the case
    """The effect has certainly not happened; `__cause__` says why, and is what gets classified."""

    outcome = "not_done"


class Misconfigured(NotDone):
    """It will never be taken as things are configured: a person has to change something. Nothing has happened."""


class ServiceEnded(NotDone):
    """The service wants nothing any more, and says so.

    Its breaker is held open until an operator resets it; effects wait in the outbox meanwhile, in order, and are seen.
    """
