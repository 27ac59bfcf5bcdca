"""Open-loop load by three doors at once: what is due is sent whether or not anything was answered."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from daemon_under_test import store_client
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from pathlib import Path

    import redis
    from ledger import Ledger
    from messages_to_send import Conversation, Message

    from actors.partition.keys import Keys

TICK_S = 0.01
BATCH_MAX = 256
BATCH_BYTES_MAX = 4 * 1024 * 1024
LOOK_AT_CHANNEL_S = 0.05
PUBLISH_AGAIN_S = 0.5
AWAY_S = 0.05
WEEK_S = 604_800


class Load:
    """A thread that says what is due, and says again what was not acknowledged.

    The order of a chat's messages at a door is that of their first tries: the streams' doors are fed from one line, and
    the channel gets a chat's next message only after its last one was seen in the intake.
    """

    def __init__(
        self, data_dir: Path, keys: Keys, conversation: Conversation, ledger: Ledger, rate_per_s: float
    ) -> None:
        """rate_per_s: of what `Conversation.next` gives; `inject` comes on top."""
        self._client = store_client(data_dir)
        self._keys = keys
        self._conversation = conversation
        self._ledger = ledger
        self._rate_per_s = rate_per_s
        self._injected: deque[Message] = deque()
        self._line: deque[Message] = deque()
        self._to_publish: dict[str, deque[Message]] = defaultdict(deque)
        self._published: dict[str, Message] = {}
        self._looked_s = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Begin to speak."""
        self._thread.start()

    def inject(self, messages: list[Message]) -> None:
        """Say these as well, in this order."""
        self._injected.extend(messages)

    def end(self, timeout_s: float) -> bool:
        """Say nothing new; whether all that was said is in, within timeout_s."""
        self._ending.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        began_s, count = time.monotonic(), 0
        while not (self._ending.is_set() and self._all_is_in()):
            if not self._ending.is_set():
                due = int((time.monotonic() - began_s) * self._rate_per_s)
                for _ in range(due - count):
                    self._say(self._conversation.next())
                count = due
            while self._injected:
                self._say(self._injected.popleft())
            try:
                self._feed_the_line()
                self._feed_the_channel()
            except (RedisError, OSError):
                time.sleep(AWAY_S)
            time.sleep(TICK_S)

    def _all_is_in(self) -> bool:
        return not (self._injected or self._line or self._published or any(self._to_publish.values()))

    def _say(self, message: Message) -> None:
        self._ledger.said(message)
        if message.door == "channel":
            self._to_publish[message.chat_id].append(message)
        else:
            self._line.append(message)

    def _feed_the_line(self) -> None:
        while self._line:
            batch = self._next_batch()
            now_s = time.time()
            with self._client.pipeline(transaction=False) as pipeline:
                for message in batch:
                    _tried(message, now_s)
                    pipeline.xadd(self._stream_of(message), {"m": message.body})
                answers = pipeline.execute(raise_on_error=False)
            for message, answer in zip(batch, answers, strict=True):
                if isinstance(answer, Exception):
                    return  # this one and all after it are said again
                self._line.popleft()
                self._ledger.accepted(message, now_s)

    def _next_batch(self) -> list[Message]:
        batch: list[Message] = []
        size_bytes = 0
        for message in self._line:
            size_bytes += len(message.body)
            if batch and (len(batch) == BATCH_MAX or size_bytes > BATCH_BYTES_MAX):
                break
            batch.append(message)
        return batch

    def _stream_of(self, message: Message) -> str:
        if message.door == "front":
            return self._keys.front
        return self._keys.partition(self._keys.partition_of(message.chat_id)).intake

    def _feed_the_channel(self) -> None:
        now_s = time.time()
        if now_s - self._looked_s >= LOOK_AT_CHANNEL_S:
            self._looked_s = now_s
            self._look_into_the_intake()
        for chat_id, waiting in self._to_publish.items():
            if chat_id not in self._published and waiting:
                self._published[chat_id] = waiting.popleft()
        due = [message for message in self._published.values() if now_s - message.last_try_s >= PUBLISH_AGAIN_S]
        with self._client.pipeline(transaction=False) as pipeline:
            for message in due:
                _tried(message, now_s)
                pipeline.publish(self._keys.inbox, message.body)
            pipeline.execute()

    def _look_into_the_intake(self) -> None:
        asked = list(self._published.values())
        with self._client.pipeline(transaction=False) as pipeline:
            for message in asked:
                for name in entries_keys(self._keys, message.chat_id):
                    pipeline.hexists(name, message.message_id)
            answers = pipeline.execute()
        for number, message in enumerate(asked):
            if any(answers[2 * number : 2 * number + 2]):
                del self._published[message.chat_id]
                self._ledger.accepted(message, message.last_try_s)


def _tried(message: Message, now_s: float) -> None:
    message.tries += 1
    message.first_try_s = message.first_try_s or now_s
    message.last_try_s = now_s


def entries_keys(keys: Keys, chat_id: str) -> tuple[str, str]:
    """Where the records of a chat's messages are, this week's and last week's."""
    week, partition = int(time.time()) // WEEK_S, keys.partition(keys.partition_of(chat_id))
    return partition.entries(chat_id, week), partition.entries(chat_id, week - 1)


def all_replies(client: redis.Redis, keys: Keys, chats: list[str]) -> dict[str, list[tuple[bytes, dict[bytes, bytes]]]]:
    """The whole reply stream of every chat."""
    with client.pipeline(transaction=False) as pipeline:
        for chat_id in chats:
            pipeline.xrange(keys.partition(keys.partition_of(chat_id)).replies(chat_id))
        return dict(zip(chats, pipeline.execute(), strict=True))
