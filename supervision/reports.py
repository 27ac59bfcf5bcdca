"""OTP's reports, as one structured log event each, that also says what happens next.

Messages are never dumped: a report names their type, their ids and how many there are.
"""

from __future__ import annotations

import traceback
from collections import Counter
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from supervision.actor_ref import GeventActorRef

log = structlog.get_logger(__name__)


def describe(message: Any) -> dict[str, Any]:
    """Describe a message without its content: type, and the ids it carries."""
    ids = {name: value for name in ("message_id", "chat_id") if (value := getattr(message, name, None)) is not None}
    return {"message": type(message).__name__, **ids}


def traceback_of(error: BaseException) -> str:
    """Format a traceback as text here: renderers that show local variables would show messages and secrets."""
    return "".join(traceback.format_exception(error)).rstrip()


def _who(ref: GeventActorRef[Any]) -> dict[str, Any]:
    return {"actor": ref.path or str(ref), "urn": ref.actor_urn}


def report_crash(ref: GeventActorRef[Any], reason: BaseException, when: str) -> None:
    """Report an unhandled exception: once, here."""
    log.error(
        f"Unhandled exception in {ref}",
        report="crash",
        **_who(ref),
        context=when,
        reason=repr(reason),
        mailbox=ref.mailbox_size,
        exception=traceback_of(reason),
        **({} if ref.in_hand is None else describe(ref.in_hand)),
        next="its supervisor decides; without one it stays dead",
    )


def report_fenced(ref: GeventActorRef[Any]) -> None:
    """Report that an actor was ended without its help."""
    log.warning(
        "actor fenced",
        report="fenced",
        **_who(ref),
        **({} if ref.in_hand is None else describe(ref.in_hand)),
        next="its late results are refused",
    )


def report_abandoned(ref: GeventActorRef[Any]) -> None:
    """Report that a fenced actor's handler goes on regardless."""
    log.error("handler abandoned", report="abandoned", **_who(ref), next="it runs on unheard until it ends by itself")


def report_unread(ref: GeventActorRef[Any], messages: list[Any]) -> None:
    """Report told messages that an actor left behind."""
    kinds = Counter(type(message).__name__ for message in messages)
    log.warning("unread messages", report="unread", **_who(ref), count=len(messages), kinds=dict(kinds), next="dropped")


def report_shed(ref: GeventActorRef[Any], message: Any) -> None:
    """Report a told message that made room for a newer one."""
    log.warning("message shed", report="shed", **_who(ref), **describe(message), next="dropped")


def report_task_failed(name: str, error: BaseException) -> None:
    """Report a task or timer that raised with nobody to hand it to."""
    log.error(
        "task failed",
        report="task",
        task=name,
        reason=repr(error),
        exception=traceback_of(error),
        next="its owner decides",
    )
