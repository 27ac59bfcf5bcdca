"""How much memory a process needs to list dead letters in pages: the library's file, or a node's letters in Redis.

    python -m bench.peers.letters_listing file FOLDER PAGE
    python -m bench.peers.letters_listing store SOCKET PAGE

Prints how many were listed, by how many bytes the process has grown at most since everything was imported, and seconds.
"""

from gevent import monkey

monkey.patch_all()

import sys
import time
from collections.abc import Callable, Sequence

import psutil

from bench.peers.letters_work import node_on
from supervision.dead_letter_queue import DeadItem, DeskLimits, ItemFilter, PlainDeadLetterQueue

ITEMS_MAX = 1_000_000


def listed(page_after: Callable[[str], Sequence[DeadItem]], before: int) -> tuple[int, int]:
    """How many there were, and by how many bytes this process had grown at most."""
    count, grown, after = 0, 0, ""
    while page := page_after(after):
        count, after = count + len(page), page[-1].item_id
        grown = max(grown, psutil.Process().memory_info().rss - before)
    return count, grown


def main() -> None:
    """List everything and print."""
    where, page = sys.argv[2], int(sys.argv[3])
    node = node_on(where) if sys.argv[1] == "store" else None
    before, began_s = psutil.Process().memory_info().rss, time.perf_counter()
    if node is not None:
        from actors.dead_letters.desk import open_letters

        desk = open_letters(node).desk
        count, grown = listed(lambda after: desk.page(ItemFilter(), after, page), before)
    else:
        with PlainDeadLetterQueue(where, limits=DeskLimits(items_max=ITEMS_MAX)) as queue:
            count, grown = listed(lambda after: queue.list_items(after=after, limit=page), before)
    print("listed", count, grown, round(time.perf_counter() - began_s, 2))


if __name__ == "__main__":
    main()
