"""What happened outside: rows of the ledger, deliveries at the receiver, rows of the sheet, dead letters."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from daemon_under_test import store_client
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from ledger import Ledger
    from rig import Rig


RECORDED = "invoice.recorded"
# A chat and the number of an invoice, folded.
About = tuple[str, str]
# Ids of deliveries, by chat, message, type and number.
Events = dict[tuple[str, str, str, str], set[str]]


class Outside:
    """Reads the outside of a rig."""

    def __init__(self, rig: Rig, chats: list[str]) -> None:
        self._rig = rig
        self._chats = chats
        self._client = store_client(rig.store_dir)

    def waiting(self) -> int:
        """Effects in the outboxes; -1 while nobody can tell."""
        partitions = [self._rig.keys.partition(number) for number in range(self._rig.keys.partitions)]
        with suppress(RedisError, OSError):
            return sum(self._client.xlen(partition.outbox) for partition in partitions)
        return -1

    def counts(self) -> dict[str, int]:
        """For the report."""
        accepted = [it for it in self._rig.receiver.deliveries() if it["status"] == 200]
        ids = {it["headers"]["webhook-id"] for it in accepted}
        return {"deliveries": len(accepted), "events": len(ids), "rows": len(self._rows())}

    def violations(self, books: Ledger) -> list[str]:
        """Effects that happened twice, or not at all."""
        events, booked = self._events(), self._booked()
        return [*_twice(events), *self._apart(events, booked), *_forgotten(books, booked)]

    def _events(self) -> Events:
        """Ids of accepted deliveries, by chat, message, type and invoice."""
        found: dict[tuple[str, str, str, str], set[str]] = defaultdict(set)
        for delivery in self._rig.receiver.deliveries():
            event = delivery["event"]
            data = event["data"]
            about = (data["chat_id"], data["message_id"], event["type"], str(data["invoice"]["number"]))
            found[about].add(delivery["headers"]["webhook-id"])
        return found

    def _booked(self) -> Counter[About]:
        return Counter((row["chat_id"], str(row["number"]).casefold()) for row in self._rows())

    def _apart(self, events: Events, booked: Counter[About]) -> list[str]:
        """What the ledger, the receiver and the sheet do not all have once."""
        told = Counter((chat, number.casefold()) for chat, _, kind, number in events if kind == RECORDED)
        listed = Counter((row["chat_id"], row["number"].casefold()) for row in self._sheet())
        return [
            *(f"delivered and not in the ledger: {about}" for about in (told - booked)),
            *(f"in the ledger and not delivered: {about}" for about in (booked - told)),
            *(f"in the ledger and not in the sheet: {about}" for about in (booked - listed)),
            *(f"in the sheet and not in the ledger: {about}" for about in (listed - booked)),
        ]

    def _sheet(self) -> list[dict[str, str]]:
        path = self._rig.data_dir / "invoices.csv"
        if not path.exists():
            return []
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def _rows(self) -> list[dict[str, Any]]:
        """The ledger's rows that stand."""
        import sqlalchemy

        engine = sqlalchemy.create_engine(self._rig.direct_ledger_url)
        with engine.connect() as connection:
            rows = connection.execute(sqlalchemy.text("select * from bookings")).mappings().all()
        engine.dispose()
        return [dict(row) for row in rows]


def _twice(events: Events) -> list[str]:
    return [f"{len(ids)} webhook ids for one event: {about}" for about, ids in events.items() if len(ids) > 1]


def _forgotten(books: Ledger, booked: Counter[About]) -> list[str]:
    """What a person was told is saved, and is not in the ledger."""
    said = [heard.reply for heard in (*books.finals.values(), *books.follow_ups.values())]
    saved = [reply for reply in said if reply["text"].startswith("Saved") and "invoice" in reply["data"]]
    told = {(reply["chat_id"], str(reply["data"]["invoice"]["number"]).casefold()) for reply in saved}
    return [f"said to be saved and not in the ledger: {about}" for about in told - booked.keys()]
