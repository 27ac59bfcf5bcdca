"""The errors of actors and their mailboxes.

pykka.ActorDeadError
└── ActorDeadError     told or asked too late; carries the record
MailboxFull            a bounded mailbox refused; carries the record
Killed                 a BaseException hit a handler; what it was is the cause
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka

if TYPE_CHECKING:
    from supervision.ref_mailbox import MailboxRef

# Why an actor ended: "normal" (it stopped itself), "shutdown" (it was asked to), "killed" (fenced), "noproc" (it was
# gone before the monitor), or the exception it died of.
type_of_reason = str | BaseException


class ActorDeadError(pykka.ActorDeadError):
    """The actor is dead, so the record was not handled: here it is, to be dead-lettered or sent elsewhere.

    Attributes: ref; message, the record; reason, why the actor died (None where that is not known).
    """

    def __init__(self, ref: MailboxRef[Any], message: Any, reason: type_of_reason | None) -> None:
        """Name the actor and why it died; the record stays out of the text, it may hold secrets."""
        super().__init__(f"{ref} not found")  # Pykka's own words
        self.ref = ref
        self.message = message
        self.reason = reason


class MailboxFull(Exception):  # noqa: N818 - named after what is the case
    """A bounded mailbox had no room. Attributes: ref; message, the record that was refused."""

    def __init__(self, ref: MailboxRef[Any], message: Any) -> None:
        """Name the actor whose mailbox it is."""
        super().__init__(f"the mailbox of {ref} is full")
        self.ref = ref
        self.message = message


class AskedItself(RuntimeError):  # noqa: N818 - named after what happened
    """An actor asked itself, which could only end in a timeout (OTP: calling_self)."""


class Killed(Exception):  # noqa: N818 - named after what happened
    """A BaseException (kill, stray timeout, SystemExit) hit one handler; the damage stays with its actor."""

    def __init__(self, signal: BaseException) -> None:
        """Signal becomes the cause."""
        super().__init__(repr(signal))
        self.__cause__ = signal
