"""A daemon of its own for each scenario, with the parts that break beside it, and a person who speaks with it."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

TESTS = Path(__file__).parents[1]
for folder in ("", "end_to_end", "fault_matrix", "files", "models", "spreadsheet"):
    sys.path.insert(0, str(TESTS / folder))

from conversation import append, await_final, message, replies
from daemon_under_test import DaemonUnderTest, short_folder
from tcp_proxy import TcpProxy, free_port, tcp_proxy
from webhook_receiver import WebhookReceiver, webhook_receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = TESTS.parent / "examples" / "files"
# What a person must never read in a reply.
TECHNICAL = ("Traceback", "Exception", "Error:", "errno", "Redis", "SQL", "HTTP", "timeout", "None", "null", "{")


class Person:
    """Somebody with one chat, who reads every reply."""

    def __init__(self, daemon: DaemonUnderTest, chat_id: str = "789") -> None:
        self.daemon = daemon
        self.chat_id = chat_id
        self._count = 0

    def neighbour(self, chat_id: str) -> Person:
        """Somebody else with the same daemon."""
        return Person(self.daemon, chat_id)

    def says(self, text: str | None = None, *files: Path, **more: Any) -> str:
        """Send a message; returns its id."""
        self._count += 1
        fields = message(self.chat_id, f"m-{self._count}", text, files) | more
        with self.daemon.client() as client:
            append(client, fields)
        return str(fields["message_id"])

    def reads(self, message_id: str, timeout_s: float = 40.0) -> dict[str, Any]:
        """Wait for the final reply to a message; it holds no technical detail."""
        with self.daemon.client() as client:
            final = await_final(client, self.chat_id, message_id, timeout_s)
        _is_fit_for_people(final["text"])
        return final

    def asks(self, text: str | None = None, *files: Path, **more: Any) -> dict[str, Any]:
        """Send a message and wait for its final reply."""
        return self.reads(self.says(text, *files, **more))

    def finals(self) -> list[dict[str, Any]]:
        """Every final reply so far."""
        with self.daemon.client() as client:
            return [reply for reply in replies(client, self.chat_id) if reply["kind"] == "final"]


def _is_fit_for_people(text: str) -> None:
    assert text.strip()
    assert not [word for word in TECHNICAL if word in text], text


class Stage:
    """What a scenario starts: everything ends with it."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.folder = folder

    def proxy(self, target_port: int) -> TcpProxy:
        """A proxy before a port."""
        return self._stack.enter_context(tcp_proxy(target_port))

    def receiver(self) -> WebhookReceiver:
        """A webhook receiver that is up."""
        return self._stack.enter_context(webhook_receiver(free_port(), self.folder / "deliveries.jsonl"))

    def enter(self, context: Any) -> Any:
        """Anything else that ends."""
        return self._stack.enter_context(context)

    def person(self, **settings: object) -> Person:
        """Somebody who speaks with a daemon of these settings, which is up."""
        data_dir = self.folder / "d"
        data_dir.mkdir(exist_ok=True)
        return Person(self._stack.enter_context(DaemonUnderTest(data_dir, **settings)))


@contextmanager
def _stage() -> Iterator[Stage]:
    with short_folder("us-") as folder, ExitStack() as stack:
        yield Stage(stack, folder)


@pytest.fixture
def stage() -> Iterator[Stage]:
    """An empty one."""
    with _stage() as made:
        yield made
