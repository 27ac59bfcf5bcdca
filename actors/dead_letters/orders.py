"""What operators ask of a node's dead letters, as plain data: list, show, replay, discard, statistics.

A request is for one page at a time, so that nobody waits long for an answer and whoever asks can show how far it is.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from actors.dead_letters.letters import SNAPSHOT
from actors.dead_letters.redis_store import NotHere, partition_of
from messages.protocol import iso_timestamp
from messages.redaction import redact
from supervision.dead_letter_queue import DeadItem, ItemFilter, ItemState
from supervision.dead_letters import machine

if TYPE_CHECKING:
    from actors.dead_letters.desk import Letters
    from actors.node import Node
    from supervision.dead_letter_queue import Group

PAGE_MAX: Final = 200
ELSEWHERE: Final = "elsewhere"


def obey(node: Node, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to `{"do": "dlq", "what": ...}`. Raises ValueError with words for the operator, and StoreError."""
    letters = node.letters
    if letters is None:
        raise ValueError("the dead letters are not open yet; try again in a moment")
    try:
        match request.get("what"):
            case "list":
                answer = _listed(letters, request)
            case "show":
                letter = _known(letters, str(request.get("id", "")))
                answer = {"letter": shown(letter, node.world.wall(), whole=True)}
            case "replay" | "discard":
                answer = _changed(node, letters, request)
            case "stats":
                answer = {"stats": _statistics(letters)}
            case other:
                raise ValueError(f"unknown order {other!r} for dead letters")
    except NotHere as not_here:
        raise ValueError(f"{ELSEWHERE}: {not_here}") from None
    return {"node": node.node_id, **answer}


def filter_of(request: dict[str, Any]) -> ItemFilter:
    """The filter that a request names. Raises ValueError for a state that is none."""
    state = request.get("state")
    return ItemFilter(
        state=ItemState(state) if state else None, operation_type=request.get("type") or None,
        service=request.get("service") or None, fingerprint=request.get("cause") or None,
        older_than_s=float(request["older_than_s"]) if request.get("older_than_s") is not None else None,
    )  # fmt: skip


def _listed(letters: Letters, request: dict[str, Any]) -> dict[str, Any]:
    count = min(int(request.get("limit") or PAGE_MAX), PAGE_MAX)
    page = letters.desk.page(filter_of(request), str(request.get("after", "")), count)
    now_s = letters.desk.world.wall()
    following = page[-1].item_id if len(page) == count else ""
    return {"letters": [shown(item, now_s) for item in page], "next": following}


def _known(letters: Letters, item_id: str) -> DeadItem:
    partition_of(item_id)
    item = letters.desk.get(item_id)
    if item is None:
        raise ValueError(f"there is no dead letter {item_id!r}; `dlq list` shows them")
    return item


def _changed(node: Node, letters: Letters, request: dict[str, Any]) -> dict[str, Any]:
    """One letter, or a page of those that a filter names.

    done: their ids; skipped: how many could not be; next: where to go on, with begun_at_s and before as they came, so
    that replays of many pages are spread over time as those of one.
    """
    now_s = node.world.wall()
    following = ""
    if request.get("id"):
        items = [_known(letters, str(request["id"]))]
    else:
        items = letters.desk.page(filter_of(request), str(request.get("after", "")), PAGE_MAX)
        following = items[-1].item_id if len(items) == PAGE_MAX else ""
    is_dry_run = bool(request.get("dry_run"))
    begun_at_s = float(request.get("begun_at_s") or now_s)
    before, done = int(request.get("before", 0)), list[str]()
    for item in items:
        due_at_s = begun_at_s + (before + len(done)) / letters.desk.limits.replays_per_s
        if _may(item, request) and (is_dry_run or _change_one(letters, item, request, due_at_s)):
            done.append(item.item_id)
    letters.desk.ring()
    return {
        "done": done, "skipped": len(items) - len(done), "next": following, "dry_run": is_dry_run,
        "begun_at_s": begun_at_s, "before": before + len(done),
    }  # fmt: skip


def _may(item: DeadItem, request: dict[str, Any]) -> bool:
    if request["what"] == "replay" and item.operation_type == SNAPSHOT:
        return False
    return machine.may_replay(item)


def _change_one(letters: Letters, item: DeadItem, request: dict[str, Any], due_at_s: float) -> bool:
    by = str(request.get("by") or "operator")
    if request["what"] == "discard":
        is_gone = letters.office.discard(item.item_id, str(request.get("reason") or "by an operator"), by)
        kept = letters.store.get(item.item_id) if is_gone else None
        if kept is not None:
            letters.store.let_go_of_files(kept)
        return is_gone
    return letters.office.replay_one(item.item_id, request.get("payload"), due_at_s, by)


def shown(item: DeadItem, now_s: float, *, whole: bool = False) -> dict[str, Any]:
    """A letter for an operator's eyes, secrets taken out. whole: with its payload, attempts and history."""
    clean = machine.redacted(item)
    last = clean.attempts[-1] if clean.attempts else None
    fields: dict[str, Any] = {
        "id": clean.item_id, "type": clean.operation_type, "service": clean.service, "state": clean.state.value,
        "reason": clean.reason, "priority": clean.priority, "attempts": clean.attempts_made,
        "cause": clean.fingerprint, "error": last.detail if last is not None else "",
        "chat_id": clean.context.get("chat_id"), "message_id": clean.context.get("message_id"),
        "enqueued_at": iso_timestamp(clean.enqueued_at_s), "age_s": round(max(now_s - clean.enqueued_at_s, 0.0), 1),
        "heals": clean.heals, "replays": clean.round,
    }  # fmt: skip
    if clean.state in (ItemState.QUEUED, ItemState.RETRYING):
        fields["due_at"] = iso_timestamp(clean.due_at_s)
    if clean.finished_at_s is not None:
        fields["finished_at"] = iso_timestamp(clean.finished_at_s)
    if whole:
        fields["payload"] = redact(clean.payload)
        fields["history"] = [
            {**dataclasses.asdict(attempt), "at": iso_timestamp(attempt.at_s)} for attempt in clean.attempts
        ]
        fields["notes"] = [{**dataclasses.asdict(note), "at": iso_timestamp(note.at_s)} for note in clean.notes]
    return fields


def _statistics(letters: Letters) -> dict[str, Any]:
    counts = letters.desk.statistics()
    return {
        "items": counts.items, "size_bytes": counts.size_bytes, "by_state": dict(counts.by_state),
        "by_type": dict(counts.by_type), "running": counts.leased, "oldest_s": round(counts.oldest_s, 1),
        "aside": counts.aside, "groups": [_group(group) for group in counts.groups],
    }  # fmt: skip


def _group(group: Group) -> dict[str, Any]:
    return {
        "cause": group.fingerprint, "service": group.service, "what": group.cause, "error": group.detail,
        "items": group.items, "sample": group.sample,
    }  # fmt: skip
