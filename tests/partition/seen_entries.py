"""Entries in an owner's table, as tests put them there."""

from actors.partition.table import Entry, Table
from messages.records import InboundMessage

SOFT_S, HARD_S = 8.0, 30.0
STATICS_MAX = 64


def seen(table: Table, entry_id: str, chat_id: str = "789", *, age_s: float = 0.0, now_s: float = 100.0) -> Entry:
    """An entry of that chat, seen for the first time."""
    entry = table.see(
        entry_id, InboundMessage(entry_id, chat_id, "456", "Hello"), entry_id, "d" * 20,
        week=1, straight=False, age_s=age_s, now_s=now_s,
    )  # fmt: skip
    assert entry is not None
    return entry


def handed_out(table: Table, count_max: int = 16) -> list[Entry]:
    """What is ready, as handed out by the store."""
    entries = table.take_ready(count_max)
    for entry in entries:
        table.handed(entry, owed=entry.owed, week=1, interim_sent=entry.interim_sent)
    return entries
