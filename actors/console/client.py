"""Talks to a deployment as any program can: appends a message to its partition, reads the replies from their stream.

Streams only: the last id is taken, then the message is appended, then everything after that id is read. Nothing
depends on a subscription, so no reply can be missed.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.node_directory import node_paths
from actors.partition.keys import Keys, partitions_key
from actors.redis_connection import connect, unix_url
from actors.store_errors import StoreAway
from messages.errors import UnfailingError
from messages.protocol import reply_from_json

if TYPE_CHECKING:
    from actors.redis_connection import Endpoint
    from actors.settings import Settings
    from messages.records import Reply
    from supervision.world import World

BLOCK_MS: Final = 500
TEXT_BYTES_MAX: Final = 16 * 1024


class NoDaemon(UnfailingError):  # noqa: N818 - what the person is told
    """Nobody serves this data directory or this URL. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat seen from outside, and where the reading of its replies stands."""

    world: World
    endpoint: Endpoint
    keys: Keys
    chat_id: str


@contextmanager
def open_conversation(settings: Settings, world: World, chat_id: str) -> Iterator[Conversation]:
    """Find the deployment of these settings. Raises NoDaemon."""
    endpoint = reach(settings)
    key = partitions_key(settings.daemon.prefix)
    connection = endpoint.blocking(key, role="client")
    try:
        stored = connection.call("GET", key)
    finally:
        connection.close()
    if stored is None:
        raise NoDaemon("no daemon has ever run on this store: start one with `make run`.")
    yield Conversation(world, endpoint, Keys(settings.daemon.prefix, int(stored)), chat_id)


def reach(settings: Settings) -> Endpoint:
    """The store of these settings: by URL, or the embedded server through its socket. Raises NoDaemon."""
    url = settings.daemon.redis_url
    if not url:
        socket = node_paths(settings.daemon.data_dir).server_socket
        if not socket.exists():
            raise NoDaemon(f"no daemon runs on {settings.daemon.data_dir!r}: start one with `make run`.")
        url = unix_url(str(socket))
    try:
        return connect(url)
    except StoreAway as away:
        raise NoDaemon(
            f"the store does not answer ({away.detail}): is the daemon running? `make run` starts one."
        ) from None


def message_of(
    chat_id: str, user_id: str, message_id: str, text: str | None, files: Sequence[Path], action: str | None = None
) -> bytes:
    """A message as the protocol has it, files in base64. Raises OSError for a file that cannot be read."""
    fields: dict[str, Any] = {"message_id": message_id, "chat_id": chat_id, "user_id": user_id}
    if text is not None:
        fields["text"] = text
    if action is not None:
        fields["action"] = action
    if files:
        fields["attachments"] = [_attachment(path) for path in files]
    return msgspec.json.encode(fields)


def _attachment(path: Path) -> Mapping[str, str]:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    content = base64.b64encode(path.read_bytes()).decode()
    return {"name": path.name, "media_type": media_type, "content_base64": content}


def exchange(conversation: Conversation, message_id: str, message: bytes, wait_s: float) -> Iterator[Reply]:
    """Send one message and yield its replies up to the final or rejected one. Ends early when wait_s is over.

    Raises StoreError when the message could not be appended; once it is, a store that goes away is waited for.
    """
    keys = conversation.keys.partition(conversation.keys.partition_of(conversation.chat_id))
    replies = keys.replies(conversation.chat_id)
    connection = conversation.endpoint.blocking(keys.intake, role="client")
    try:
        newest = connection.call("XREVRANGE", replies, "+", "-", "COUNT", 1)
        last_id = newest[0][0] if newest else b"0-0"
        connection.call("XADD", keys.intake, "*", "m", message)
        until_s = conversation.world.now() + wait_s
        while conversation.world.now() < until_s:
            try:
                answer = connection.call(
                    "XREAD", "BLOCK", BLOCK_MS, "STREAMS", replies, last_id, block_s=BLOCK_MS / 1000
                )
            except StoreAway:
                conversation.world.sleep(0.2)
                continue
            for entry_id, fields in _entries(answer):
                last_id = entry_id
                reply = reply_from_json(fields[b"r"])
                if reply.message_id == message_id:
                    yield reply
                    if reply.kind in ("final", "rejected"):
                        return
    finally:
        connection.close()


def _entries(answer: Any) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    streams = answer.values() if isinstance(answer, dict) else (entries for _, entries in answer or ())
    for entries in streams:
        for entry_id, flat in entries:
            yield entry_id, dict(zip(flat[::2], flat[1::2], strict=True))
