"""Whole nodes in this process, their trees on a real server, and a client who talks to them as any program can."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import gevent
import msgspec
import redis
from kept_letters import dead_letters_in
from turn.cut_loader import chosen_cut

from actors.leases.keeper import Drain
from actors.node import Node
from actors.node_directory import open_node_directory
from actors.partition.keys import Keys
from actors.settings import Settings, load_settings
from actors.tree import start_tree
from messages.protocol import reply_from_json
from messages.records import Reply
from supervision import world

# A test that goes without its rule fails by waiting, as a rule.
WAIT_S = 8.0 if chosen_cut() else 20.0
PARTITIONS = 4
T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str | Callable[[], str], timeout_s: float = WAIT_S) -> T:
    """Look until there is something to see, and return it."""
    until_s = world.current().now() + timeout_s
    while not (found := look()):
        late = world.current().now() >= until_s
        assert not late, f"waited {timeout_s:g} s for {what if isinstance(what, str) else what()}"
        gevent.sleep(0.01)
    return found


class NodeUnderTest:
    """One node: the tree of a daemon, without the process around it. As a context it is up when entered."""

    def __init__(self, url: str, data_dir: Path, **daemon: Any) -> None:
        """daemon: settings of that section."""
        settings = load_settings({}, data_dir=str(data_dir), redis_url=url)
        plain: dict[str, Any] = msgspec.to_builtins(settings)
        plain["daemon"] |= {"partitions": PARTITIONS, **daemon}
        plain["readers"] |= {"count": 1}
        self.settings = msgspec.convert(plain, Settings)
        self.node: Node
        self._root: Any = None

    def __enter__(self) -> Self:
        here = world.current()
        daemon = self.settings.daemon
        self._directory = open_node_directory(daemon.data_dir, f"node-{here.nonce()[:8]}", here.nonce())
        self.node = Node(
            self.settings, self._directory.paths, self._directory.node_id, self._directory.incarnation, here
        )
        self._root = start_tree(self.node)
        self.node.names["root"] = self._root
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.node.draining = True
        self._root.stop(timeout=30.0)
        self._directory.close()

    def owns(self, count: int) -> bool:
        """Whether it holds so many partitions, each with its owner."""
        owners = [number for number in self.node.leases if self.node.whereis(f"owner/{number}") is not None]
        return len(owners) == len(self.node.leases) == count

    def listens(self) -> bool:
        """Whether it has subscribed to the channel."""
        return self.node.is_listening

    def drained(self) -> bool:
        """Let go of what is idle, as SIGTERM does; whether everything is."""
        self.node.draining = True
        return bool(self.node.names["leases"].ask(Drain(), timeout=5.0))


class Person:
    """Talks to a deployment through the store, and reads what it says."""

    def __init__(self, client: redis.Redis, partitions: int = PARTITIONS) -> None:
        self.redis = client
        self.keys = Keys("unfailing", partitions)

    def intake(self, chat_id: str) -> str:
        """The stream of the chat's partition."""
        return self.keys.partition(self.keys.partition_of(chat_id)).intake

    def says(self, chat_id: str, message_id: str | None, text: str | None = "Hello!", **fields: Any) -> str:
        """Append a message to the chat's partition; the entry's id."""
        return str(self.redis.xadd(self.intake(chat_id), {"m": words(chat_id, message_id, text, **fields)}).decode())

    def says_at_the_front(self, chat_id: str, message_id: str | None, text: str = "Hello!", **fields: Any) -> str:
        """Append a message to the front stream; the entry's id."""
        return str(self.redis.xadd(self.keys.front, {"m": words(chat_id, message_id, text, **fields)}).decode())

    def says_on_the_channel(self, chat_id: str, message_id: str | None, text: str = "Hello!", **fields: Any) -> int:
        """Publish a message; how many nodes heard it."""
        return int(self.redis.publish(self.keys.inbox, words(chat_id, message_id, text, **fields)))

    def replies(self, chat_id: str) -> list[Reply]:
        """All replies of a chat, those that were said again as well."""
        names = self.keys.partition(self.keys.partition_of(chat_id))
        return [reply_from_json(fields[b"r"]) for _, fields in self.redis.xrange(names.replies(chat_id))]

    def kinds(self, chat_id: str) -> list[str]:
        """The kinds of a chat's replies."""
        return [reply.kind for reply in self.replies(chat_id)]

    def known(self, chat_id: str, kind: str) -> list[Reply]:
        """Replies of that kind, each reply id once, as a receiver takes them."""
        first_said: dict[str, Reply] = {}
        for reply in self.replies(chat_id):
            first_said.setdefault(reply.reply_id, reply)
        return [reply for reply in first_said.values() if reply.kind == kind]

    def finals(self, chat_id: str) -> list[tuple[int | None, str | None]]:
        """Turn and message id of a chat's finals."""
        return [(reply.turn, reply.message_id) for reply in self.known(chat_id, "final")]

    def hears(self, chat_id: str, count: int = 1, *, kind: str = "final", timeout_s: float = WAIT_S) -> list[Reply]:
        """Wait for so many replies of that kind, and return them."""

        def heard() -> list[Reply]:
            found = self.known(chat_id, kind)
            return found if len(found) >= count else []

        return wait_for(heard, lambda: f"{count} {kind} of {chat_id}, of {self.kinds(chat_id)}", timeout_s)

    def heard_after_s(self, chat_id: str, entry_id: str) -> list[tuple[str, float]]:
        """Kinds of replies, each with the seconds from the acceptance of that entry, by the server's clock."""
        names = self.keys.partition(self.keys.partition_of(chat_id))
        accepted_ms = int(entry_id.partition("-")[0])
        said_ms = [int(reply_id.partition(b"-")[0]) for reply_id, _ in self.redis.xrange(names.replies(chat_id))]
        return [(kind, (ms - accepted_ms) / 1000) for kind, ms in zip(self.kinds(chat_id), said_ms, strict=True)]

    def left(self) -> int:
        """How many entries are not settled yet, in all partitions and at the front."""
        streams = [self.keys.partition(number).intake for number in range(self.keys.partitions)]
        return sum(int(self.redis.xlen(stream)) for stream in (*streams, self.keys.front))

    def dead_letters(self, chat_id: str) -> int:
        """How many dead letters the chat's partition has."""
        number = self.keys.partition_of(chat_id)
        return len(dead_letters_in(self.redis, number, self.keys.partition(number)))


def words(chat_id: str, message_id: str | None, text: str | None, **fields: Any) -> bytes:
    """A message as the protocol has it."""
    said = {"message_id": message_id, "chat_id": chat_id, "user_id": "456", "text": text, **fields}
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


@contextmanager
def running(url: str, data_dir: Path, **daemon: Any) -> Iterator[NodeUnderTest]:
    """A node that owns every partition."""
    with NodeUnderTest(url, data_dir, **daemon) as node:
        wait_for(lambda: node.owns(daemon.get("partitions", PARTITIONS)), "all partitions")
        wait_for(node.listens, "the node to listen to the channel")
        yield node
