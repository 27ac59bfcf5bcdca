"""How to start, restart and stop one child, as data; and the errors of those who ask for it.

SupervisorError
├── StartFailed                 the child's start raised or took too long
├── RestartIntensityExceeded    the supervisor gave up (its own end)
├── AlreadyStarted              the id is in use by a running child
├── AlreadyPresent              the id is in use by a stopped child
├── Running                     the child runs
│   └── Restarting              the child is about to
└── NotFound                    there is no such child
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from supervision.restarts import RESTARTS, AutoShutdown, Restart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pykka

ChildType = Literal["worker", "supervisor"]


class SupervisorError(Exception):
    """What supervisors raise; child_id is the child it is about."""

    def __init__(self, child_id: str, text: str) -> None:
        """Text: for people."""
        super().__init__(text)
        self.child_id = child_id


class StartFailed(SupervisorError):  # noqa: N818 - names of the interface, as below
    """A child could not be started; reason is what its start raised (StartTimedOut when it took too long)."""

    def __init__(self, child_id: str, reason: BaseException) -> None:
        """Reason becomes the cause."""
        super().__init__(child_id, f"child {child_id!r} failed to start: {reason!r}")
        self.reason = reason
        self.__cause__ = reason


class StartTimedOut(TimeoutError):  # noqa: N818
    """A start took longer than start_timeout_s; what was half started is fenced."""


class StartCalledOff(Exception):  # noqa: N818
    """A start was called off while it ran, because its child was terminated."""


class RestartIntensityExceeded(SupervisorError):  # noqa: N818
    """More restarts than a supervisor allows in its period; it counts as an abnormal end."""

    def __init__(self, child_id: str, restarts_max: int, period_s: float) -> None:
        """child_id: whose restart was the one too many."""
        super().__init__(child_id, f"child {child_id!r}: more than {restarts_max} restarts in {period_s} s")


class AlreadyStarted(SupervisorError):  # noqa: N818
    """The id belongs to a child that runs (or is about to): ref, None while it is restarting."""

    def __init__(self, child_id: str, ref: pykka.ActorRef[Any] | None) -> None:
        """Ref: the running child."""
        super().__init__(child_id, f"child {child_id!r} is started already")
        self.ref = ref


class AlreadyPresent(SupervisorError):  # noqa: N818
    """The id belongs to a child that was stopped; restart_child brings it back."""

    def __init__(self, child_id: str) -> None:
        """child_id: in use."""
        super().__init__(child_id, f"child {child_id!r} is present already")


class Running(SupervisorError):  # noqa: N818
    """The child runs; terminate it first."""

    def __init__(self, child_id: str) -> None:
        """child_id: the running child."""
        super().__init__(child_id, f"child {child_id!r} is running")


class Restarting(Running):
    """The child is being restarted; terminating it cancels that."""


class NotFound(SupervisorError):  # noqa: N818
    """The supervisor has no such child."""

    def __init__(self, child_id: str) -> None:
        """child_id: as asked for."""
        super().__init__(child_id, f"no child {child_id!r}")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start, restart and stop one child.

    start: returns the ref of a started actor, or None (OTP's `ignore`: nothing to run now). restart: "permanent"
    always, "transient" unless it ended in order, "temporary" never. start_timeout_s bounds the call of start.
    shutdown_s: how long an orderly stop may take before the child is fenced; 0 fences at once, None waits for ever,
    as one should for supervisors. significant: its end may stop the supervisor (`auto_shutdown`).
    """

    id: str
    start: Callable[[], pykka.ActorRef[Any] | None]
    restart: Restart = "permanent"
    start_timeout_s: float | None = 5.0
    shutdown_s: float | None = 5.0
    type: ChildType = "worker"
    significant: bool = False

    def __post_init__(self) -> None:
        """Check each field by itself. Raises ValueError."""
        check(isinstance(self.id, str) and self.id != "", "id", self.id)
        check(callable(self.start), "start", self.start)
        check(self.restart in RESTARTS, "restart", self.restart)
        check(self.start_timeout_s is None or self.start_timeout_s > 0, "start_timeout_s", self.start_timeout_s)
        check(self.shutdown_s is None or self.shutdown_s >= 0, "shutdown_s", self.shutdown_s)
        check(self.type in {"worker", "supervisor"}, "type", self.type)


def check(holds: bool, field: str, value: object) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise ValueError, naming the field, unless it holds."""
    if not holds:
        message = f"bad {field}: {value!r}"
        raise ValueError(message)


def check_combination(spec: ChildSpec, auto_shutdown: AutoShutdown) -> None:
    """Check a spec against its supervisor; OTP's bad_combination (case 40). Raises ValueError."""
    if spec.significant and spec.restart == "permanent":
        message = f"child {spec.id!r}: a permanent child cannot be significant"
        raise ValueError(message)
    if spec.significant and auto_shutdown == "never":
        message = f"child {spec.id!r}: significant, but auto_shutdown is never"
        raise ValueError(message)


def check_all(specs: Iterable[ChildSpec], auto_shutdown: AutoShutdown) -> None:
    """Check specs together. Raises ValueError for a bad combination or an id used twice."""
    seen: set[str] = set()
    for spec in specs:
        check_combination(spec, auto_shutdown)
        if spec.id in seen:
            message = f"two children are called {spec.id!r}"
            raise ValueError(message)
        seen.add(spec.id)
