"""Reads every chat's reply stream while the load runs, through every outage, and keeps the books of what it hears."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec
from daemon_under_test import store_client
from ledger import Heard
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from pathlib import Path

    from ledger import Ledger

    from actors.partition.keys import Keys

LOOK_S = 0.05
AWAY_S = 0.02
READ_MAX = 1000


class Listener:
    """A thread that reads streams: it depends on no subscription, so it misses nothing."""

    def __init__(self, data_dir: Path, keys: Keys, chats: list[str], ledger: Ledger) -> None:
        """chats: whose replies are read."""
        self._client = store_client(data_dir)
        self._ledger = ledger
        streams = [keys.partition(keys.partition_of(chat_id)).replies(chat_id) for chat_id in chats]
        self._last_ids: dict[bytes, str] = {stream.encode(): "0-0" for stream in streams}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(15.0)

    def look(self) -> bool:
        """Read what is new, now; says whether the store could be asked."""
        with self._lock:
            try:
                while answer := self._client.xread(self._last_ids, count=READ_MAX):
                    for stream, entries in answer.items() if isinstance(answer, dict) else answer:
                        for entry_id, fields in entries if isinstance(answer, list) else entries[0]:
                            self._ledger.heard(Heard(entry_id.decode(), msgspec.json.decode(fields[b"r"])))
                            self._last_ids[stream] = entry_id.decode()
            except (RedisError, OSError):
                return False
        return True

    def _run(self) -> None:
        while not self._ending.is_set():
            time.sleep(LOOK_S if self.look() else AWAY_S)
