"""Speaks with a daemon as any program can: a plain client of its store, and the contract."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import redis

from messages.protocol import partition_of, partition_tag

PARTITIONS = 16
WAIT_S = 60.0


def partition_key(chat_id: str, what: str) -> str:
    """The name of one of a partition's keys."""
    return f"unfailing:{{p:{partition_tag(partition_of(chat_id, PARTITIONS))}}}:{what}"


def message(chat_id: str, message_id: str, text: str | None = None, files: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A message as the contract has it."""
    fields: dict[str, Any] = {"message_id": message_id, "chat_id": chat_id, "user_id": "tester"}
    if text is not None:
        fields["text"] = text
    if files:
        fields["attachments"] = [
            {"name": path.name, "content_base64": base64.b64encode(path.read_bytes()).decode()} for path in files
        ]
    return fields


def append(client: "redis.Redis", fields: dict[str, Any]) -> None:
    """By the front stream's door, where nothing is lost."""
    client.xadd("unfailing:intake", {"m": json.dumps(fields)})


def replies(client: "redis.Redis", chat_id: str) -> list[dict[str, Any]]:
    """All replies of a chat so far, each once, the oldest first."""
    entries = client.xrange(partition_key(chat_id, f"replies:{chat_id}"))
    known: dict[str, dict[str, Any]] = {}
    for _, fields in entries:
        reply = json.loads(fields[b"r"])
        known.setdefault(reply["reply_id"], reply)
    return list(known.values())


def await_replies(
    client: "redis.Redis", chat_id: str, message_ids: set[str], timeout_s: float = WAIT_S
) -> dict[str, Any]:
    """Wait until each message has its final (or rejected) reply; returns them by message id."""
    until_s = time.monotonic() + timeout_s
    while True:
        finals = {
            reply["message_id"]: reply for reply in replies(client, chat_id) if reply["kind"] in ("final", "rejected")
        }
        if message_ids <= finals.keys():
            return finals
        assert time.monotonic() < until_s, f"{message_ids - finals.keys()} of {chat_id} not answered in {timeout_s:g} s"
        time.sleep(0.02)


def await_final(client: "redis.Redis", chat_id: str, message_id: str, timeout_s: float = WAIT_S) -> dict[str, Any]:
    """Wait for the final (or rejected) reply to one message."""
    reply: dict[str, Any] = await_replies(client, chat_id, {message_id}, timeout_s)[message_id]
    return reply
