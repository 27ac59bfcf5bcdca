"""Counts of a partition's dead letters, as they were kept up with every change."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from actors.dead_letters.letter_keys import LEASED, LetterKeys, Line
from supervision.dead_letter_queue import DeadItem, Group, StoreFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.partition.keys import PartitionKeys
    from actors.partition.store import Store

PAGE: Final = 500
GROUPS_MAX: Final = 100


def tally_of(store: Store, keys: LetterKeys) -> Counter[str]:
    """Letters and bytes under `rows` and `bytes`, states under `s:`, types under `t:`. Raises StoreError."""
    tally = keys.named("tally")
    flat = store.call(tally, "HGETALL", tally)
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return Counter({name.decode(): int(value) for name, value in pairs})


def unfinished_of(store: Store, names: PartitionKeys, timeout_s: float) -> int:
    """How many letters of a partition are neither done nor let go, with those not yet taken in. Raises StoreError."""
    tally = LetterKeys(names).named("tally")
    fields = ("rows", "s:resolved", "s:discarded")
    rows, resolved, discarded = store.call(tally, "HMGET", tally, *fields, timeout_s=timeout_s)
    waiting = int(store.call(names.dead, "XLEN", names.dead, timeout_s=timeout_s))
    return waiting + int(rows or 0) - int(resolved or 0) - int(discarded or 0)


def lines_of(store: Store, keys: LetterKeys, ids: Sequence[str]) -> dict[str, Line]:
    """The index lines of those that are there. Raises StoreError."""
    if not ids:
        return {}
    index = keys.named("index")
    texts = store.call(index, "HMGET", index, *ids)
    return {item_id: Line.unpack(text.decode()) for item_id, text in zip(ids, texts, strict=True) if text}


def facts_of(store: Store, keys: LetterKeys, sample_of: Callable[[str], DeadItem | None]) -> StoreFacts:
    """Of one partition. sample_of: reads a letter by its id. Raises StoreError."""
    tally = tally_of(store, keys)
    return StoreFacts(
        tally["rows"], tally["bytes"], _under(tally, "s:"), _under(tally, "t:"),
        int(store.call(keys.named(LEASED), "ZCARD", keys.named(LEASED))), _oldest_s(store, keys),
        int(store.call(keys.named("aside"), "HLEN", keys.named("aside"))), tuple(_groups(store, keys, sample_of)),
    )  # fmt: skip


def added_up(parts: Sequence[StoreFacts]) -> StoreFacts:
    """Of several partitions, or nodes."""
    states, types, groups = Counter[str](), Counter[str](), dict[str, Group]()
    for part in parts:
        states.update(part.by_state)
        types.update(part.by_type)
        for group in part.groups:
            items = group.items + (groups[group.fingerprint].items if group.fingerprint in groups else 0)
            groups[group.fingerprint] = Group(
                group.fingerprint, group.service, group.cause, group.detail, items, group.sample
            )
    largest = sorted(groups.values(), key=lambda group: -group.items)[:GROUPS_MAX]
    return StoreFacts(
        sum(part.items for part in parts), sum(part.size_bytes for part in parts), dict(states), dict(types),
        sum(part.leased for part in parts),
        min((part.oldest_at_s for part in parts if part.oldest_at_s is not None), default=None),
        sum(part.aside for part in parts), tuple(largest),
    )  # fmt: skip


def _oldest_s(store: Store, keys: LetterKeys) -> float | None:
    order, start = keys.named("order"), "-"
    while True:
        ids = [name.decode() for name in store.call(order, "ZRANGEBYLEX", order, start, "+", "LIMIT", 0, PAGE)]
        lines = lines_of(store, keys, ids)
        for item_id in ids:
            if item_id in lines and lines[item_id].phase != "done":
                return lines[item_id].enqueued_at_s
        if len(ids) < PAGE:
            return None
        start = f"({ids[-1]}"


def _groups(store: Store, keys: LetterKeys, sample_of: Callable[[str], DeadItem | None]) -> list[Group]:
    groups, samples = keys.named("groups"), keys.named("samples")
    found: list[Group] = []
    for cause, count in scored(store.call(groups, "ZRANGE", groups, 0, GROUPS_MAX - 1, "REV", "WITHSCORES")):
        name = store.call(samples, "HGET", samples, cause)
        item = sample_of(name.decode()) if name else None
        last = item.attempts[-1] if item is not None and item.attempts else None
        found.append(Group(cause, item.service if item else "", last.cause if last else "",
                           last.detail if last else "", int(count), name.decode() if name else ""))  # fmt: skip
    return found


def scored(flat: Any) -> list[tuple[str, float]]:
    """Members and scores: one flat list under RESP2, pairs under RESP3."""
    if flat and isinstance(flat[0], list | tuple):
        return [(member.decode(), float(score)) for member, score in flat]
    return [(member.decode(), float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)]


def _under(counts: Counter[str], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in counts.items() if name.startswith(prefix) and count}
