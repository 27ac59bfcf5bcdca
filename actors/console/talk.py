"""`send` and `chat`: a conversation from the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from actors.console.client import NoDaemon, exchange, message_of, open_conversation
from actors.console.render import complain, console, show_reply
from actors.store_errors import StoreError
from messages.errors import UnfailingError
from messages.protocol import reply_to_json
from supervision import world as world_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.console.client import Conversation
    from actors.settings import Settings
    from messages.records import Reply

CHAT_WAIT_S: Final = 60.0
FILE_COMMAND: Final = "/file"


class NoSuchFile(UnfailingError):  # noqa: N818 - what the person is told
    """The file that was named is not there."""


class NothingToSend(UnfailingError):  # noqa: N818 - what the person is told
    """A message needs words or a file; without either the command was used wrongly."""

    exit_status = 2


def send(
    settings: Settings,
    chat_id: str,
    text: str | None,
    *,
    user_id: str,
    files: Sequence[Path],
    message_id: str | None,
    wait_s: float,
    as_json: bool,
) -> int:
    """Send one message and print its replies; 1 when no final reply came in time, or the message was rejected."""
    if text is None and not files:
        raise NothingToSend("nothing to send: give a text, or a file with --file.")
    world = world_module.current()
    message_id = message_id or f"cli-{world.nonce()}"
    message = message_of(chat_id, user_id, message_id, text, _readable(files))
    out = console()
    last: Reply | None = None
    with open_conversation(settings, world, chat_id) as conversation:
        for reply in exchange(conversation, message_id, message, wait_s):
            last = reply
            if as_json:
                sys.stdout.write(reply_to_json(reply).decode() + "\n")
                sys.stdout.flush()
            else:
                show_reply(out, reply)
    if last is None or last.kind not in ("final", "rejected"):
        complain(f"no final reply within {wait_s:g} s; the message is accepted and not lost.")
        return 1
    return 0 if last.kind == "final" else 1


def _readable(files: Sequence[Path]) -> Sequence[Path]:
    for path in files:
        if not path.is_file():
            raise NoSuchFile(f"{path}: there is no such file.")
    return files


def chat(settings: Settings, chat_id: str, *, user_id: str) -> int:
    """Talk until the end of input; `/file PATH [words]` sends a file, `/quit` ends."""
    world = world_module.current()
    out = console()
    with open_conversation(settings, world, chat_id) as conversation:
        out.print(f"[dim]chat {chat_id}: type a message, /file PATH to send an invoice, /quit to leave[/]")
        while True:
            line = _line_of(sys.stdin.isatty())
            if line is None or line == "/quit":
                return 0
            if line:
                _say(conversation, user_id, line)


def _line_of(prompt: bool) -> str | None:  # noqa: FBT001 - whether somebody sits there
    try:
        return input("> " if prompt else "").strip()
    except EOFError:
        return None


def _say(conversation: Conversation, user_id: str, line: str) -> None:
    out = console()
    text, files = _split(line)
    message_id = f"cli-{conversation.world.nonce()}"
    try:
        message = message_of(conversation.chat_id, user_id, message_id, text, _readable(files))
        last = None
        for last in exchange(conversation, message_id, message, CHAT_WAIT_S):
            show_reply(out, last)
        if last is None:
            out.print("[yellow]No reply yet; your message is safe, the answer comes as soon as it can.[/]")
    except (NoSuchFile, OSError) as error:
        out.print(f"[red]{error}[/]")
    except (StoreError, NoDaemon) as error:
        out.print(f"[red]{error}[/] [dim]Try again in a moment.[/]")


def _split(line: str) -> tuple[str | None, list[Path]]:
    if not line.startswith(FILE_COMMAND):
        return line, []
    given = line[len(FILE_COMMAND) :].strip()
    whole = Path(given).expanduser()
    if whole.is_file():
        return None, [whole]
    name, _, words = given.partition(" ")
    return words.strip() or None, [Path(name).expanduser()]
