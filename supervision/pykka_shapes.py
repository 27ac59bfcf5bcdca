"""Pykka's inbox and stopped flag, for code that looks at `actor_inbox` and `actor_stopped`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervision.future import AskLater

if TYPE_CHECKING:
    from supervision.ref_mailbox import MailboxRef


class Inbox:
    """A mailbox in the shape of Pykka's inbox, for code that looks at `actor_inbox`."""

    __slots__ = ("_ref",)

    def __init__(self, ref: MailboxRef[Any]) -> None:
        """Of ref."""
        self._ref = ref

    def put(self, envelope: Any) -> None:
        """Put a Pykka envelope in."""
        if envelope.reply_to is None:
            self._ref._put_special(envelope.message)
        else:
            self._ref._put_special(AskLater(envelope.reply_to, envelope.message))

    def get(self) -> Any:
        """Take the oldest message out."""
        taken = self._ref._take_out(lambda _: True, 1)
        return taken[0] if taken else None

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._ref.mailbox_size == 0


class Stopped:
    """A stopped flag in the shape of Pykka's event."""

    __slots__ = ("_ref",)

    def __init__(self, ref: MailboxRef[Any]) -> None:
        """Of ref."""
        self._ref = ref

    def is_set(self) -> bool:
        """Whether it has stopped."""
        return not self._ref.is_alive()
