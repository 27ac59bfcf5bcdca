"""Dead letters in Redis, beside their partitions: every change is compared and set under the partition's fence.

Only who holds a partition writes here, and a lease names who runs a letter: two nodes never run one, and what a dead
one had in hand is given back. An id begins with its partition's number, so that ids alone say where a letter is.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from actors.dead_letters.counting import added_up, facts_of, lines_of, scored, tally_of
from actors.dead_letters.letter_keys import LEASED, LetterKeys, Line, chat_of, score_of, unique_of
from actors.dead_letters.letters import held_files
from actors.partition.store import SCRIPTS
from supervision.dead_letter_queue import DeadItem, ItemFilter, Leased, QueueFull, StoreFacts, Taken, Want
from supervision.dead_letters.machine import reported_again
from supervision.dead_letters.records import FINISHED
from supervision.dead_letters.sqlite_rows import opened, sealed
from supervision.keeping.sealed import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actors.node import Node
    from supervision.dead_letters.store import Change

PAGE: Final = 500
RECLAIMED_MAX: Final = 1000


class NotHere(Exception):  # noqa: N818 - what is the case
    """The letter's partition is another node's."""


class RedisLetterStore:
    """The letters of the partitions that this node holds; bounds are for each partition."""

    def __init__(self, node: Node, items_max: int, size_bytes_max: int) -> None:
        """items_max, size_bytes_max: of one partition."""
        self._node = node
        self._items_max = items_max
        self._size_bytes_max = size_bytes_max
        self.damaged: list[str] = []
        # Lines of what this store has leased, as the index has them. Invariant: of ids in hand only.
        self._in_hand: dict[str, Line] = {}
        self._next = 0

    def open(self) -> tuple[str, ...]:
        """Nothing to be done: each letter is verified when it is read."""
        return ()

    def insert_many(self, items: Sequence[DeadItem]) -> Sequence[str | Exception]:
        """Keep letters that come from elsewhere, an export for one."""
        return [self.keep(item, "") for item in items]

    def keep(self, item: DeadItem, entry_id: str, again: Change | None = None) -> str | Exception:
        """Keep a letter and strike the entry of the dead stream it was made of, both or neither.

        again: what becomes of the letter that has this one's key already; its id is returned. Raises StoreError and
        NotHere.
        """
        partition = partition_of(item.item_id)
        answer = self._write(partition, item.item_id, None, item, sealed(item), entry_id=entry_id)
        if answer[0] == b"known":
            known = answer[1].decode()
            self._change(known, again or _reported_again, entry_id=entry_id)
            return str(known)
        if answer[0] == b"full":
            return QueueFull(f"{int(answer[1])} letters of {int(answer[2])} bytes are kept in partition {partition}")
        return item.item_id

    def get(self, item_id: str) -> DeadItem | None:
        """Read and verified. Raises NotHere."""
        found = self._read(partition_of(item_id), [item_id])
        return found[0][1] if found else None

    def take(self, wants: Sequence[Want], token: str, now_s: float, until_s: float) -> Taken:
        """From one partition after the other, beginning with another one each time."""
        leased: list[Leased] = []
        due: list[float] = []
        held = self._held()
        self._next += 1
        turned = held[self._next % len(held) :] + held[: self._next % len(held)] if held else []
        for want in wants:
            left = want.at_most
            for partition in turned:
                if left <= 0:
                    break
                taken, next_due_s = self._take_from(partition, want, left, token, now_s, until_s)
                leased += taken
                left -= len(taken)
                due += [] if next_due_s is None else [next_due_s]
        return Taken(tuple(leased), min(due, default=None))

    def _take_from(
        self, partition: int, want: Want, at_most: int, token: str, now_s: float, until_s: float
    ) -> tuple[list[Leased], float | None]:
        fence = self._fence(partition)
        arguments = (fence, now_s, until_s, token, at_most, "1" if want.with_sleeping else "0")
        answer = self._node.store.call_script(
            SCRIPTS["letter_take"], self._keys(partition).for_take(want.types), arguments
        )
        if answer[0] != b"ok":
            return [], None
        leased: list[Leased] = []
        for item_id, text, raw in zip(answer[2::3], answer[3::3], answer[4::3], strict=True):
            name, line = item_id.decode(), Line.unpack(text.decode())
            item = self._opened(partition, name, line, raw)
            if item is not None:
                self._in_hand[name] = line
                leased.append(Leased(item, token))
        return leased, float(answer[1]) if answer[1] else None

    def finish_many(self, outcomes: Sequence[Leased]) -> Sequence[bool]:
        """Each for itself; concurrent ones travel in one pipeline."""
        return [self._finish(leased) for leased in outcomes]

    def _finish(self, leased: Leased) -> bool:
        item = leased.item
        before = self._in_hand.pop(item.item_id, None)
        if before is None or before.token != leased.token:
            return False
        try:
            answer = self._write(partition_of(item.item_id), item.item_id, before, item, sealed(item))
        except NotHere:
            return False
        return bool(answer[0] == b"done")

    def reclaim(self, now_s: float, change: Change) -> int:
        """Also, at once, what an earlier life of this node had in hand: nobody else can have it."""
        count = 0
        for partition in self._held():
            name = self._keys(partition).standing(LEASED, "")
            for item_id, line, until_s in self._leased(partition, name):
                is_mine = item_id in self._in_hand
                is_an_earlier_life = line.token.startswith(f"{self._node.node_id}:") and not is_mine
                if until_s <= now_s or is_an_earlier_life:
                    self._in_hand.pop(item_id, None)
                    count += self._change(item_id, change, known=line)
        return count

    def _leased(self, partition: int, name: str) -> Iterator[tuple[str, Line, float]]:
        page = self._node.store.call(name, "ZRANGE", name, 0, RECLAIMED_MAX - 1, "WITHSCORES")
        scores = scored(page)
        lines = self._lines(partition, [item_id for item_id, _ in scores])
        for item_id, until_s in scores:
            line = lines.get(item_id)
            if line is None:
                self._node.store.call(name, "ZREM", name, item_id)
            elif line.phase == LEASED:
                yield item_id, line, until_s

    def change(self, item_id: str, change: Change) -> bool:
        """Compare and set. Raises NotHere."""
        return self._change(item_id, change)

    def _change(self, item_id: str, change: Change, *, known: Line | None = None, entry_id: str = "") -> bool:
        """known: the line of one that is leased, and may be changed all the same."""
        partition = partition_of(item_id)
        found = self._read(partition, [item_id])
        if not found:
            return False
        line, item = found[0]
        if line.phase == LEASED and (known is None or known.token != line.token):
            return False
        changed = change(item)
        if changed is None:
            if entry_id:
                dead = self._node.store.keys.partition(partition).dead
                self._node.store.call(dead, "XDEL", dead, entry_id)
            return False
        answer = self._write(partition, item_id, line, changed, sealed(changed), entry_id=entry_id)
        return bool(answer[0] == b"done")

    def page(self, chosen: ItemFilter, after: str, count: int, now_s: float) -> Sequence[DeadItem]:
        """One partition after the other, each in the order of ids, which is that of age."""
        items: list[DeadItem] = []
        first = partition_of(after) if after else -1
        for partition in self._held():
            if partition < first:
                continue
            chosen_ids = self._chosen(partition, chosen, after if partition == first else "", now_s)
            while len(items) < count and (ids := list(islice(chosen_ids, count - len(items)))):
                items += [item for _, item in self._read(partition, ids)]
        return items

    def _chosen(self, partition: int, chosen: ItemFilter, after: str, now_s: float) -> Iterator[str]:
        order = self._keys(partition).named("order")
        while True:
            start = f"({after}" if after else "-"
            names = self._node.store.call(order, "ZRANGEBYLEX", order, start, "+", "LIMIT", 0, PAGE)
            ids = [name.decode() for name in names]
            lines = self._lines(partition, ids)
            yield from (item_id for item_id in ids if item_id in lines and _fits(lines[item_id], chosen, now_s))
            if len(ids) < PAGE:
                return
            after = ids[-1]

    def remove_finished(self, before_s: float, count: int) -> int:
        """The oldest of each partition."""
        gone = 0
        for partition in self._held():
            done = self._keys(partition).standing("done", "")
            names = self._node.store.call(done, "ZRANGEBYSCORE", done, "-inf", before_s, "LIMIT", 0, count)
            gone += self.remove([name.decode() for name in names])
        return gone

    def remove(self, item_ids: Sequence[str]) -> int:
        """Whatever their state."""
        gone = 0
        for item_id in item_ids:
            partition = partition_of(item_id)
            for line, item in self._read(partition, [item_id]):
                answer = self._write(partition, item_id, line, None, b"", like=item)
                gone += answer[0] == b"done"
                self.let_go_of_files(item)
        return gone

    def let_go_of_files(self, item: DeadItem) -> None:
        """Nobody will do this message again: its attachments are kept for others alone."""
        references = held_files(item)
        if references:
            blobs = self._node.store.keys.partition(partition_of(item.item_id)).blobs
            self._node.store.call(blobs, "ZREM", blobs, *references)

    def remove_of_chat(self, chat_id: str) -> int:
        """Everything of a chat; says how many there were. Raises NotHere."""
        partition = self._node.store.keys.partition_of(chat_id)
        self._fence(partition)
        chats = self._keys(partition).named("chats")
        names = self._node.store.call(chats, "ZRANGEBYLEX", chats, f"[{chat_id}\n", f"({chat_id}\x0b")
        ids = [name.decode().rpartition("\n")[2] for name in names]
        aside = self._keys(partition).named("aside")
        for item_id in ids:
            self._node.store.call(aside, "HDEL", aside, item_id)
        return self.remove(ids)

    def size(self) -> tuple[int, int]:
        """Letters and bytes of the fullest partitions, since bounds are for each."""
        sizes = [tally_of(self._node.store, self._keys(partition)) for partition in self._held()]
        return max((tally["rows"] for tally in sizes), default=0), max((tally["bytes"] for tally in sizes), default=0)

    def facts(self) -> StoreFacts:
        """As they were counted with every change."""
        parts = [facts_of(self._node.store, self._keys(partition), self._sample) for partition in self._held()]
        return added_up(parts)

    def _sample(self, item_id: str) -> DeadItem | None:
        found = self._read(partition_of(item_id), [item_id])
        return found[0][1] if found else None

    def close(self) -> None:
        """Nothing to be let go of."""

    def _read(self, partition: int, ids: Sequence[str]) -> list[tuple[Line, DeadItem]]:
        """Those of the ids that are there and whole."""
        if not ids:
            return []
        self._fence(partition)
        letters = self._keys(partition).named("letters")
        lines = self._lines(partition, ids)
        raws = self._node.store.call(letters, "HMGET", letters, *ids)
        found: list[tuple[Line, DeadItem]] = []
        for item_id, raw in zip(ids, raws, strict=True):
            line = lines.get(item_id)
            if line is not None:
                item = self._opened(partition, item_id, line, raw)
                found += [] if item is None else [(line, item)]
        return found

    def _lines(self, partition: int, ids: Sequence[str]) -> dict[str, Line]:
        return lines_of(self._node.store, self._keys(partition), ids)

    def _opened(self, partition: int, item_id: str, line: Line, raw: bytes | None) -> DeadItem | None:
        try:
            return opened(item_id, raw)
        except Damaged as damage:
            self.damaged.append(f"{item_id}: {damage}")
            self._write(partition, item_id, line, None, b"", aside=str(damage))
            return None

    def _write(
        self,
        partition: int,
        item_id: str,
        before: Line | None,
        after: DeadItem | None,
        raw: bytes,
        *,
        entry_id: str = "",
        aside: str = "",
        like: DeadItem | None = None,
    ) -> Any:
        """The script's answer. like: the letter that is removed. Raises StoreError and NotHere."""
        line = None if after is None else Line.of(after)
        some = after or like
        arguments = (
            self._fence(partition), item_id, _packed(before), _packed(line), raw,
            0 if after is None else score_of(after), "" if some is None else chat_of(some),
            "" if some is None else unique_of(some), entry_id, self._items_max, self._size_bytes_max, aside,
        )  # fmt: skip
        answer = self._node.store.call_script(
            SCRIPTS["letter_write"], self._keys(partition).for_write(before, line), arguments
        )
        if answer[0] == b"stale":
            raise NotHere(f"partition {partition} is another node's")
        return answer

    def _held(self) -> list[int]:
        return sorted(self._node.leases) if self._node.access is not None else []

    def _keys(self, partition: int) -> LetterKeys:
        return LetterKeys(self._node.store.keys.partition(partition))

    def _fence(self, partition: int) -> str:
        held = self._node.leases.get(partition)
        if held is None:
            raise NotHere(f"partition {partition} is another node's")
        return held.fence


def _packed(line: Line | None) -> str:
    return "" if line is None else line.pack()


def partition_of(item_id: str) -> int:
    """The partition that a letter's id names. Raises ValueError for an id that names none."""
    number, dash, _ = item_id.partition("-")
    if not dash or not number.isdigit():
        raise ValueError(f"{item_id!r} is no id of a dead letter; `dlq list` shows them")
    return int(number)


def _reported_again(item: DeadItem) -> DeadItem | None:
    return None if item.state in FINISHED else reported_again(item, None, item.enqueued_at_s)


def _fits(line: Line, chosen: ItemFilter, now_s: float) -> bool:
    return (
        (chosen.state is None or line.state == str(chosen.state))
        and (chosen.operation_type is None or line.kind == chosen.operation_type)
        and (chosen.service is None or line.service == chosen.service)
        and (chosen.fingerprint is None or line.cause == chosen.fingerprint)
        and (chosen.older_than_s is None or line.enqueued_at_s <= now_s - chosen.older_than_s)
    )
