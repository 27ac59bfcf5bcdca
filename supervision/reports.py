"""OTP's reports as frozen records, and one structured log event for each, which also says what happens next.

A message is never dumped: a report names its type, its ids and how many wait. Errors go to the log as `exc_info`, so
that formatting them is the log's affair and costs the crash nothing; but where nobody has configured structlog they
are formatted here, since its default renderer shows local variables, and with them messages and secrets.
"""

from __future__ import annotations

import contextlib
import traceback
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

if TYPE_CHECKING:
    from supervision.child import Child
    from supervision.ref_mailbox import MailboxRef

log = structlog.get_logger(__name__)


def _emit(level: str, event: str, **fields: Any) -> None:
    """Log one event. A log that fails (a closed stream, a bad processor) must never stop a recovery."""
    with contextlib.suppress(Exception):
        getattr(log, level)(event, logger=__name__, **fields)


class Who(NamedTuple):
    """An actor as reports name it: path is its place in the tree, or its class where it has none."""

    actor: str
    urn: str

    @classmethod
    def of(cls, ref: MailboxRef[Any]) -> Who:
        """Name ref."""
        return cls(ref.path or ref.actor_class.__name__, ref.actor_urn)


# Named tuples, not dataclasses: these are made while an actor waits to be restarted, and cost a third.


class CrashReport(NamedTuple):
    """An exception that nobody handled: who, under whom, with which message in hand, and what still waited."""

    who: Who
    ancestors: tuple[str, ...]
    context: str
    reason: BaseException
    in_hand: Mapping[str, Any]
    mailbox_size: int
    restarts: int


class SupervisorReport(NamedTuple):
    """What a supervisor saw.

    context: "child_terminated", "start_error", "shutdown_error" or "shutdown"; reason: of that; offender: the child.
    """

    supervisor: Who
    context: str
    reason: str | BaseException
    offender: Mapping[str, Any]
    next_step: str


class ProgressReport(NamedTuple):
    """A supervisor has started a child."""

    supervisor: Who
    started: Mapping[str, Any]
    is_dynamic: bool


def describe(message: Any) -> dict[str, Any]:
    """Describe a message without its content: type, and the ids it carries."""
    if message is None:
        return {}
    ids = {name: value for name in ("message_id", "chat_id") if (value := getattr(message, name, None)) is not None}
    return {"message": type(message).__name__, **ids}


def offender(child: Child) -> dict[str, Any]:
    """Describe a child as OTP's reports do."""
    spec = child.spec
    return {
        "id": spec.id,
        "path": child.path,
        "urn": None if child.ref is None else child.ref.actor_urn,
        "restart": spec.restart,
        "shutdown_s": spec.shutdown_s,
        "type": spec.type,
        "restarts": child.restarts,
    }


def _ancestors(path: str) -> tuple[str, ...]:
    """The paths above a path: ("a", "a/b") above "a/b/c"."""
    if "/" not in path:
        return ()
    steps = path.split("/")[:-1]
    return tuple("/".join(steps[: length + 1]) for length in range(len(steps)))


def traceback_of(error: BaseException) -> dict[str, Any]:
    """Return an error with its traceback and causes, as fields of a log event."""
    if structlog.is_configured():
        return {"exc_info": error}
    return {"exception": "".join(traceback.format_exception(error)).rstrip()}


def report_crash(ref: MailboxRef[Any], reason: BaseException, context: str) -> CrashReport:
    """Report an unhandled exception, once."""
    report = CrashReport(
        Who.of(ref), _ancestors(ref.path), context, reason, describe(ref.in_hand), ref.mailbox_size, ref.restarts
    )
    _emit(
        "error",
        f"Unhandled exception in {ref}:",
        report="crash",
        actor=report.who.actor,
        urn=report.who.urn,
        ancestors=report.ancestors,
        context=context,
        reason=repr(reason),
        mailbox_size=report.mailbox_size,
        restarts=report.restarts,
        **report.in_hand,
        **traceback_of(reason),
        next="its supervisor decides" if ref.path else "it has no supervisor and stays dead",
    )
    return report


def report_supervisor(
    ref: MailboxRef[Any], context: str, reason: str | BaseException, child: Child, next_step: str
) -> SupervisorReport:
    """Report what a supervisor saw of a child, and what it does about it."""
    report = SupervisorReport(Who.of(ref), context, reason, offender(child), next_step)
    _emit(
        "error",
        "supervisor report",
        report="supervisor",
        actor=report.supervisor.actor,
        urn=report.supervisor.urn,
        context=context,
        reason=reason if isinstance(reason, str) else repr(reason),
        offender=report.offender,
        next=next_step,
    )
    return report


def report_shutdown_errors(ref: MailboxRef[Any], reasons: Mapping[str, int]) -> None:
    """Report dynamic children that did not end in order at their supervisor's end, by reason, as OTP does."""
    _emit(
        "error",
        "supervisor report",
        report="supervisor",
        **Who.of(ref)._asdict(),
        context="shutdown_error",
        reasons=dict(reasons),
        next="they are gone all the same",
    )


def report_progress(ref: MailboxRef[Any], child: Child, *, dynamic: bool = False) -> ProgressReport:
    """Report a started child; the first start of a dynamic one at level debug, since they come by the thousand."""
    report = ProgressReport(Who.of(ref), offender(child), dynamic)
    _emit(
        "debug" if dynamic else "info",
        "child started",
        report="progress",
        actor=report.supervisor.actor,
        urn=report.supervisor.urn,
        started=report.started,
        next="it takes messages",
    )
    return report


def report_fenced(ref: MailboxRef[Any]) -> None:
    """Report that an actor was ended without its help."""
    _emit(
        "warning",
        "actor fenced",
        report="fenced",
        **Who.of(ref)._asdict(),
        **describe(ref.in_hand),
        next="its ref is dead and its late results are refused",
    )


def report_abandoned(ref: MailboxRef[Any]) -> None:
    """Report that a fenced actor's handler goes on regardless."""
    _emit(
        "error",
        "handler abandoned",
        report="abandoned",
        **Who.of(ref)._asdict(),
        **describe(ref.in_hand),
        next="it runs on unheard until it ends by itself",
    )


def report_unread(ref: MailboxRef[Any], messages: list[Any]) -> None:
    """Report told messages that an actor left behind."""
    kinds = Counter(type(message).__name__ for message in messages)
    _emit(
        "warning",
        "unread messages",
        report="unread",
        **Who.of(ref)._asdict(),
        count=len(messages),
        kinds=dict(kinds),
        next="they are dropped",
    )


def report_shed(ref: MailboxRef[Any], message: Any) -> None:
    """Report a told message that made room for a newer one."""
    _emit("warning", "message shed", report="shed", **Who.of(ref)._asdict(), **describe(message), next="it is dropped")


def report_unexpected(ref: MailboxRef[Any], message: Any) -> None:
    """Report a message that a supervisor does not know."""
    _emit(
        "warning",
        "unexpected message",
        report="unexpected",
        **Who.of(ref)._asdict(),
        **describe(message),
        next="it is dropped",
    )


def report_task_failed(name: str, error: BaseException) -> None:
    """Report a task or timer that raised with nobody to hand it to."""
    _emit(
        "error",
        "task failed",
        report="task",
        task=name,
        reason=repr(error),
        **traceback_of(error),
        next="its owner decides",
    )
