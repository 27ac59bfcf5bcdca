"""A store on a real server, and what a door, an owner and a session ask of it, each answer waited for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import redis

from actors.partition.commits import Commit, Committed, Fenced, Handed, Operation, Outcome, Wanted
from actors.partition.hand_record import HandRecord
from actors.partition.keys import Keys, PartitionKeys
from actors.partition.store import SCRIPTS, WEEK_S, Store, Taken
from actors.pipeline import Pipeline
from actors.redis_connection import connect
from actors.store_errors import StoreError
from messages.codec import encode
from messages.protocol import content_digest, reply_from_json
from messages.records import InboundMessage, Reply
from supervision import world

ANSWER_S = 10.0
CHAT = "789"


def message(message_id: str = "m-1", text: str = "Hello", chat_id: str = CHAT, **fields: Any) -> InboundMessage:
    """A message of a person."""
    return InboundMessage(message_id, chat_id, "456", text, **fields)


def reply(kind: Any = "final", text: str = "Done", message_id: str = "m-1", chat_id: str = CHAT) -> Reply:
    """A reply of the agent."""
    return Reply(f"r-{message_id}-{kind}", message_id, chat_id, kind, text, at="2026-11-23T10:00:00.000Z")


class RealStore:
    """One partition as its door, owner and sessions see it, and `redis`, a plain client that looks behind."""

    def __init__(self, pipeline: Pipeline, client: redis.Redis, partitions: int, *, shares_blobs: bool) -> None:
        self.redis = client
        self.keys = Keys("unfailing", partitions)
        self.store = Store(world.current(), pipeline, self.keys, shares_blobs=shares_blobs)
        self.pipeline = pipeline
        self.fence = ""
        self._nonces = count(1)

    def names(self, chat_id: str = CHAT) -> PartitionKeys:
        """Keys of the chat's partition."""
        return self.keys.partition(self.keys.partition_of(chat_id))

    @property
    def week(self) -> int:
        """The week by the server's clock."""
        return int(self.redis.time()[0]) // WEEK_S

    def answer(self, submit: Callable[[Callable[[Any], None]], None]) -> Any:
        """Submit something and wait for what comes back. Raises a StoreError that does."""
        waiter = world.current().waiter()
        submit(waiter.wake)
        answer = waiter.wait(ANSWER_S)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def lease(
        self, partition: int, node: str = "n-1", incarnation: str = "i-1", still: tuple[str, str] = ("", "")
    ) -> Any:
        """Take a lease; returns the script's answer, text."""
        nonce = f"nonce{next(self._nonces)}"
        arguments = (node, incarnation, 1, nonce, *still)
        answer = self.store.call_script(SCRIPTS["lease_take"], (self.keys.partition(partition).lease,), arguments)
        return [part.decode() if isinstance(part, bytes) else part for part in answer]

    def own(self, chat_id: str = CHAT, **how: Any) -> str:
        """Own the chat's partition, and commit under that fence from here on."""
        answer = self.lease(self.keys.partition_of(chat_id), **how)
        assert answer[0] == "taken", answer
        self.fence = answer[1]
        return self.fence

    def take_in(self, inbound: InboundMessage) -> Taken:
        """As a door does."""
        digest, message_id = content_digest(inbound), str(inbound.message_id)
        taken: Taken = self.answer(lambda done: self.store.submit_take_in(inbound, message_id, digest, done))
        return taken

    def append(self, inbound: InboundMessage) -> str:
        """As somebody does who appends straight to the partition; the entry's id."""
        return self.redis.xadd(self.names(inbound.chat_id).intake, {"m": encode(inbound)}).decode()

    def wanted(self, inbound: InboundMessage, entry_id: str, **fields: Any) -> Wanted:
        """What an owner asks for, of an entry that came by a door unless `straight`."""
        plain = Wanted(
            bool(fields.get("straight")), inbound.chat_id, entry_id, str(inbound.message_id), content_digest(inbound),
            self.week, None, HandRecord(entry_id).pack(),
        )  # fmt: skip
        return replace(plain, **fields)

    def hand_out(self, *wanted: Wanted, fence: str | None = None) -> list[Handed] | Outcome:
        """As an owner does."""
        partition, mine = self.keys.partition_of(wanted[0].chat_id), self.fence if fence is None else fence
        answer: list[Handed] | Outcome = self.answer(
            lambda done: self.store.submit_hand_out(partition, mine, wanted, done)
        )
        return answer

    def taken_and_handed_out(self, inbound: InboundMessage | None = None) -> Fenced:
        """A message on its way: taken in at a door and handed out to its session."""
        inbound = inbound or message()
        entry_id = self.take_in(inbound).entry_id
        handed = self.hand_out(self.wanted(inbound, entry_id))
        assert isinstance(handed, list)
        assert handed[0].status == "go", handed
        return self.fenced(inbound, entry_id)

    def fenced(self, inbound: InboundMessage, entry_id: str) -> Fenced:
        """The entry under the fence that is owned now."""
        blobs = tuple(attachment.digest for attachment in inbound.attachments)
        return Fenced(
            self.keys.partition_of(inbound.chat_id), self.fence, inbound.chat_id, str(inbound.message_id), entry_id,
            content_digest(inbound), self.week, blobs,
        )  # fmt: skip

    def commit(self, operation: str, entry: Fenced, nonce: str | None = None, **fields: Any) -> Committed:
        """One commit with the replies that its operation has, unless others are given."""
        if "numbered" not in fields and "plain" not in fields:
            fields |= usual_replies(operation, entry)
        if operation in ("final", "settle"):
            fields.setdefault("snapshot", b"snapshot")
        commit = Commit(Operation(operation), entry, nonce or f"attempt{next(self._nonces)}", **fields)
        committed: Committed = self.answer(lambda done: self.store.submit_commit(commit, done))
        return committed

    def replies(self, chat_id: str = CHAT) -> list[Reply]:
        """What the chat was told, in order."""
        entries = self.redis.xrange(self.names(chat_id).replies(chat_id))
        return [reply_from_json(fields[b"r"]) for _, fields in entries]

    def turns(self, chat_id: str = CHAT) -> list[int | None]:
        """The turn numbers of the chat's finals, in the order in which they were said."""
        return [said.turn for said in self.replies(chat_id) if said.kind == "final"]

    def head(self, chat_id: str = CHAT) -> tuple[int, int, bytes | None]:
        """Version, turn and snapshot."""
        version, turn, snapshot = self.redis.hmget(self.names(chat_id).head(chat_id), "v", "t", "s")
        return int(version or 0), int(turn or 0), snapshot

    def open_entries(self, chat_id: str = CHAT) -> list[str]:
        """Ids of what is left to do in the chat's partition."""
        return [entry_id.decode() for entry_id, _ in self.redis.xrange(self.names(chat_id).intake)]

    def record(self, message_id: str = "m-1", chat_id: str = CHAT, week: int | None = None) -> str:
        """What the store knows of a message; empty when nothing."""
        key = self.names(chat_id).entries(chat_id, self.week if week is None else week)
        return (self.redis.hget(key, message_id) or b"").decode()

    def dump(self) -> dict[bytes, Any]:
        """Everything there is, for comparison: each key's value, whatever its type."""
        return {key: self.redis.dump(key) for key in sorted(self.redis.keys("*"))}


def usual_replies(operation: str, entry: Fenced) -> dict[str, Any]:
    """The replies with which an operation is committed."""
    kind = {"interim": "interim", "settle": "follow_up", "follow_up": "follow_up", "reject": "rejected"}.get(
        operation, "final"
    )
    said = reply(kind, operation, entry.message_id, entry.chat_id)
    return {"numbered": said} if kind == "final" else {"plain": (said,)}


@contextmanager
def open_store(
    url: str, client: redis.Redis, partitions: int = 4, *, shares_blobs: bool = False
) -> Iterator[RealStore]:
    """A store on the server at url, for the length of a test."""
    pipeline = Pipeline(connect(url), SCRIPTS.values())
    pipeline.start()
    try:
        yield RealStore(pipeline, client, partitions, shares_blobs=shares_blobs)
    finally:
        pipeline.stop()
        client.close()


def statuses(handed: Sequence[Handed] | Outcome) -> list[str]:
    """The statuses alone."""
    assert not isinstance(handed, Outcome)
    return [str(item.status) for item in handed]
