"""What is forgotten beside the store: this node's file, its backups and archives, and what only the file knew of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from actors.blobs import FileBlobs
from actors.persistence.backups import forget_in
from actors.persistence.file_layer import BROKEN
from actors.persistence.following import position_under
from actors.store_errors import StoreError

if TYPE_CHECKING:
    from actors.node import Node

_log = structlog.get_logger(__name__)

BACKUPS_S: Final = 600.0


def forget_in_files(node: Node, chat_id: str, version: int) -> None:
    """Leave nothing of a chat in this node's files but a tombstone with its version. Other nodes do so on sight.

    Raises what the disk raises, and WaitTimeout; it may be repeated.
    """
    partition = node.store.keys.partition_of(chat_id)
    held = node.leases.get(partition)
    _forget_attachments(node, partition, chat_id)
    _forget_reminders(node, partition, chat_id)
    position = position_under(held.fence if held is not None else f"{node.generation}:0:", version)
    node.files.bury(chat_id, position)
    node.world.run_in_thread(forget_in, node.files.folder, [chat_id], pool="backups", timeout_s=BACKUPS_S)


def _forget_attachments(node: Node, partition: int, chat_id: str) -> None:
    """Those that its last messages carried go now, and not when their time has passed; unless others refer to them."""
    found = node.files.find(chat_id)
    digests = {digest for turn in found.turns for digest in turn.blobs} if found is not None else set()
    for digest in digests:
        try:
            if node.store.is_referred_to(partition, digest):
                continue
            if isinstance(node.blobs, FileBlobs):
                node.blobs.strike(partition, digest)
            else:
                blob = node.store.keys.partition(partition).blob(digest)
                node.store.call(blob, "DEL", blob)
        except (StoreError, *BROKEN) as error:
            _log.warning("an attachment could not be struck", digest=digest, reason=str(error), next="it expires")


def _forget_reminders(node: Node, partition: int, chat_id: str) -> None:
    """Raises StoreError."""
    names = node.store.keys.partition(partition)
    prefix = f"{chat_id}\n".encode()
    records = node.store.call(names.reminder_records, "HKEYS", names.reminder_records)
    mine = [name for name in records if name.startswith(prefix)]
    if mine:
        node.store.call(names.reminders, "ZREM", names.reminders, *mine)
        node.store.call(names.reminder_records, "HDEL", names.reminder_records, *mine)
