"""Sessions idle past the retention: archived in a file that was read back, then removed from store and file layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.partition.store import SCRIPTS
from actors.persistence.backups import ENDING, KeptRow
from actors.persistence.file_layer import WRITE_S
from messages.codec import encode
from supervision.keeping.archive_file import write_archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.node import Node
    from actors.persistence.session_files import Found

PAGE: Final = 256
ARCHIVE_S: Final = 600.0


def retire_idle(node: Node, before_s: float) -> int:
    """Archive and remove sessions of held partitions whose last commit is older; how many.

    before_s: Unix seconds. One page at a time; call again while there are some. Raises StoreError, what the disk
    raises, and WaitTimeout; what was archived and not removed is archived again.
    """
    layer, keys = node.files, node.store.keys
    idle = layer.call(layer.files.idle_since, before_s, PAGE, timeout_s=WRITE_S)
    mine = [chat for chat in idle if keys.partition_of(chat) in node.leases]
    known = layer.call(layer.files.find_all, mine, timeout_s=WRITE_S)
    found = [one for one in known if one.session is not None and one.session.snapshot]
    # What was retired before and read from the store again is no more than a number.
    empty = [one.chat_id for one in known if one.session is not None and not one.session.snapshot]
    layer.call(layer.files.erase, empty, timeout_s=WRITE_S)
    if not found:
        return 0
    rows = layer.call(layer.files.rows_of, [one.chat_id for one in found], timeout_s=WRITE_S)
    path = layer.folder / "archive" / f"sessions-{int(node.world.wall() * 1000):015}{ENDING}"
    payloads = [encode(KeptRow(*row)) for row in rows]
    node.world.run_in_thread(write_archive, path, payloads, pool="backups", timeout_s=ARCHIVE_S)
    gone = [one.chat_id for one in found if _retire(node, one)]
    layer.call(layer.files.erase, gone, timeout_s=WRITE_S)
    return len(gone)


def _retire(node: Node, found: Found) -> bool:
    number = node.store.keys.partition_of(found.chat_id)
    names, held = node.store.keys.partition(number), node.leases.get(number)
    if held is None:
        return False
    keys: Sequence[str] = (names.lease, names.head(found.chat_id), names.hand, names.replies(found.chat_id))
    arguments = (held.fence, found.chat_id, found.position.version)
    return bool(node.store.call_script(SCRIPTS["retire"], keys, arguments) == b"done")
