"""The link to the store: appends messages to their partitions, reads replies from their streams. Streams only.

redis-py's asyncio connections open it (addresses, TLS, passwords); commands and replies go over them as they are,
nothing is repeated behind one's back. A single server is read with one blocking XREAD for all chats, which a chat more
interrupts (CLIENT UNBLOCK). In a cluster, where keys of one command must share a slot, each master is asked in turn, in
one pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AskError, BusyLoadingError, ClusterDownError, MovedError, RedisError, ResponseError

from actors.partition.keys import Keys, partitions_key
from actors.redis_connection.topology import Topology, read_topology, slot_of
from messages.errors import UnfailingError
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.redis_connection.urls import NodeAddress, StoreUrl
    from supervision.world_asyncio import AsyncioWorld

CONNECT_S: Final = 3.0
CALL_S: Final = 5.0
BLOCK_MS: Final = 1000
# Where a blocked read cannot be interrupted: how long a chat more may have to wait.
SHORT_BLOCK_MS: Final = 50
POLL_S: Final = 0.05
READ_MAX: Final = 256
# What a slow network carries at least: large messages get longer than CALL_S.
BYTES_PER_S_MIN: Final = 500_000


class LinkLost(UnfailingError):  # noqa: N818 - what happened
    """The store cannot be reached or does not answer. What was sent last may have been done, or may yet be."""


class NoDeployment(LinkLost):
    """The store is there, and no daemon has ever run on it."""


class Unreadable(UnfailingError):  # noqa: N818 - what they are
    """The reply streams of these chats are refused by the store; those of others were not looked at."""

    def __init__(self, chat_ids: tuple[str, ...], why: str) -> None:
        super().__init__(f"the replies of {len(chat_ids)} chats cannot be read: {why}")
        self.chat_ids = chat_ids


class _Wire:
    """One connection to one server. Whatever ends a call early closes it: its reply would come for another question."""

    def __init__(self, world: AsyncioWorld, connection: AbstractConnection, name: str) -> None:
        self._world = world
        self._connection = connection
        self._name = name

    async def call(self, *command: Any, timeout_s: float = CALL_S) -> Any:
        """Send one command. Raises LinkLost, and ResponseError for an error that was answered."""
        (answer,) = await self.pipeline([command], timeout_s=timeout_s)
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    async def pipeline(self, commands: Sequence[Sequence[Any]], *, timeout_s: float = CALL_S) -> list[Any]:
        """Send commands and return their answers, errors among them as ResponseError. Raises LinkLost."""
        try:
            return await self._world.within(timeout_s, self._exchange(commands))
        except BusyLoadingError as error:
            await self.close()
            raise LinkLost(f"{self._name} is reading its data") from error
        except WaitTimeout as error:
            await self.close()
            raise LinkLost(f"{self._name} did not answer within {timeout_s:g} s") from error
        except (RedisError, OSError) as error:
            await self.close()
            raise LinkLost(f"{self._name}: {error}") from error

    async def close(self) -> None:
        """Hang up; never raises."""
        try:
            await self._connection.disconnect(nowait=True)
        except (RedisError, OSError):
            return

    async def _exchange(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        connection = self._connection
        if not connection.is_connected:
            await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await connection.read_response())
            except BusyLoadingError:
                raise
            except ResponseError as error:
                answers.append(error)
        return answers


class Link:
    """An open link to one deployment. Of each connection only one task may make use.

    `append`, `tails` and `wake` are the sender's, `read` and `ping` the reader's, `beats` a third one's.
    """

    def __init__(self, world: AsyncioWorld, url: StoreUrl, prefix: str) -> None:
        """Made by `open_link`."""
        self._world = world
        self._url = url
        self._prefix = prefix
        self._wires: dict[tuple[str, NodeAddress], _Wire] = {}
        self._topology: Topology | None = None
        self._keys = Keys(prefix, 1)
        self._reader_id: int | None = None

    async def open(self) -> None:
        """Find the deployment. Raises LinkLost, also when no daemon has ever run on the store."""
        if await self._is_cluster():
            await self._find_masters()
        stored = await self._ask(partitions_key(self._prefix), "GET", partitions_key(self._prefix))
        if stored is None:
            raise NoDeployment("no daemon has run on this store yet")
        self._keys = Keys(self._prefix, int(stored))
        if self._topology is None:
            self._reader_id = await self._find_reader_id()

    async def tails(self, chat_ids: Sequence[str]) -> list[str | None]:
        """The last entry of each chat's reply stream; None where it cannot be read. Raises LinkLost."""
        commands = [(self._replies(chat), "XREVRANGE", self._replies(chat), "+", "-", "COUNT", 1) for chat in chat_ids]
        return [_tail(answer) for answer in await self._pipelines("writer", commands)]

    async def append(self, letters: Sequence[tuple[str, bytes, bytes]]) -> list[str | None]:
        """Append messages to their partitions: chat id, body, and the static reply shown for it (empty: none).

        Returns for each why it was refused, None if it was not. Raises LinkLost, when any of them may be there or not.
        """
        size_bytes = sum(len(body) for _, body, _ in letters)
        commands = [
            (key := self._intake(chat), "XADD", key, "*", "m", body, *(("s", shown) if shown else ()))
            for chat, body, shown in letters
        ]
        answers = await self._pipelines("writer", commands, CALL_S + size_bytes / BYTES_PER_S_MIN)
        refused = [str(answer) if isinstance(answer, ResponseError) else None for answer in answers]
        if self._topology is not None and any(refused):
            # Most likely a slot has moved: look again before anything is tried again.
            await self._find_masters()
        return refused

    async def read(self, positions: Mapping[str, str], *, somebody_waits: bool) -> list[tuple[str, str, bytes]]:
        """What came after these positions: (chat id, entry id, reply); may be nothing. Raises LinkLost, Unreadable."""
        if self._topology is None:
            return await self._read_one_server(positions)
        found = await self._read_masters(positions)
        if not found:
            await self._world.sleep(POLL_S if somebody_waits else POLL_S * 10)
        return found

    async def wake(self) -> bool:
        """Interrupt a read that is blocked. Returns whether that is possible here. Raises LinkLost."""
        if self._reader_id is None:
            return False
        try:
            await self._wire("writer", self._url.seeds[0]).call("CLIENT", "UNBLOCK", self._reader_id)
        except ResponseError:
            self._reader_id = None
        return self._reader_id is not None

    async def ping(self) -> None:
        """See that the store is still there; the reader's, while it has nothing to read. Raises LinkLost."""
        node = self._url.seeds[0] if self._topology is None else self._topology.masters[0]
        await self._wire("reader", node).pipeline([("PING",)])

    async def beats(self) -> dict[str, str]:
        """The beat of every node of the deployment. Raises LinkLost."""
        flat = await self._ask(self._keys.nodes, "HGETALL", self._keys.nodes, role="watch")
        return {name.decode(): beat.decode() for name, beat in zip(flat[::2], flat[1::2], strict=True)}

    async def close(self) -> None:
        """Hang up; never raises."""
        wires, self._wires = list(self._wires.values()), {}
        for wire in wires:
            await wire.close()

    async def _read_one_server(self, positions: Mapping[str, str]) -> list[tuple[str, str, bytes]]:
        block_ms = BLOCK_MS if self._reader_id is not None else SHORT_BLOCK_MS
        try:
            answer = await self._wire("reader", self._url.seeds[0]).call(
                *self._xread(positions, "BLOCK", block_ms), timeout_s=CALL_S + block_ms / 1000
            )
        except ResponseError:
            return await self._read_one_by_one(positions)
        return self._entries(answer, positions)

    async def _read_masters(self, positions: Mapping[str, str]) -> list[tuple[str, str, bytes]]:
        by_partition: dict[int, dict[str, str]] = {}
        for chat, position in positions.items():
            by_partition.setdefault(self._keys.partition_of(chat), {})[chat] = position
        commands = [(self._replies(next(iter(chats))), *self._xread(chats)) for chats in by_partition.values()]
        answers = await self._pipelines("reader", commands)
        if any(isinstance(answer, ResponseError) for answer in answers):
            await self._find_masters()
            return await self._read_one_by_one(positions)
        return [entry for answer in answers for entry in self._entries(answer, positions)]

    async def _read_one_by_one(self, positions: Mapping[str, str]) -> list[tuple[str, str, bytes]]:
        """After a refusal: one chat's broken key must not keep the others from being read."""
        commands = [(self._replies(chat), *self._xread({chat: position})) for chat, position in positions.items()]
        answers = await self._pipelines("reader", commands)
        refused = {chat: answer for chat, answer in zip(positions, answers, strict=True) if _is_refusal(answer)}
        if refused:
            raise Unreadable(tuple(refused), str(next(iter(refused.values()))))
        return [entry for answer in answers for entry in self._entries(answer, positions)]

    def _xread(self, positions: Mapping[str, str], *block: Any) -> tuple[Any, ...]:
        streams = (self._replies(chat) for chat in positions)
        return ("XREAD", "COUNT", READ_MAX, *block, "STREAMS", *streams, *positions.values())

    def _entries(self, answer: Any, positions: Mapping[str, str]) -> list[tuple[str, str, bytes]]:
        if not answer or isinstance(answer, ResponseError):
            return []
        chats = {self._replies(chat).encode(): chat for chat in positions}
        return [
            (chats[stream], entry_id.decode(), dict(zip(flat[::2], flat[1::2], strict=True)).get(b"r", b""))
            for stream, entries in answer
            for entry_id, flat in entries
        ]

    async def _is_cluster(self) -> bool:
        try:
            facts = await self._wire("writer", self._url.seeds[0]).call("INFO", "cluster")
        except ResponseError:
            return self._url.cluster
        except LinkLost:
            if not self._url.cluster:
                raise
            return True
        return b"cluster_enabled:1" in facts

    async def _find_masters(self) -> None:
        known = self._topology.masters if self._topology is not None else ()
        last = LinkLost(f"{self._url} cannot be reached")
        for node in dict.fromkeys((*known, *self._url.seeds)):
            try:
                topology = read_topology(await self._wire("writer", node).call("CLUSTER", "SLOTS"), node)
            except LinkLost as lost:
                last = lost
            except (ValueError, ResponseError) as error:
                last = LinkLost(f"{node}: {error}")
            else:
                self._topology = topology
                return
        raise last

    async def _find_reader_id(self) -> int | None:
        try:
            return int(await self._wire("reader", self._url.seeds[0]).call("CLIENT", "ID"))
        except ResponseError:
            return None

    async def _ask(self, key: str, *command: Any, role: str = "writer") -> Any:
        (answer,) = await self._pipelines(role, [(key, *command)])
        if isinstance(answer, ResponseError):
            raise LinkLost(f"the store refuses: {answer}") from answer
        return answer

    async def _pipelines(self, role: str, commands: Iterable[Sequence[Any]], timeout_s: float = CALL_S) -> list[Any]:
        """Send commands, each led by a key it is about, to their servers; returns the answers in the same order."""
        numbered = list(enumerate(commands))
        by_node: dict[NodeAddress, list[tuple[int, Sequence[Any]]]] = {}
        for number, (key, *command) in numbered:
            by_node.setdefault(self._node_of(key), []).append((number, command))
        answers: list[Any] = [None] * len(numbered)
        for node, those in by_node.items():
            replies = await self._wire(role, node).pipeline([command for _, command in those], timeout_s=timeout_s)
            for (number, _), reply in zip(those, replies, strict=True):
                answers[number] = reply
        return answers

    def _node_of(self, key: str) -> NodeAddress:
        if self._topology is None:
            return self._url.seeds[0]
        node = self._topology.nodes[slot_of(key)]
        if node is None:
            raise LinkLost("the cluster does not serve every slot")
        return node

    def _wire(self, role: str, node: NodeAddress) -> _Wire:
        wire = self._wires.get((role, node))
        if wire is None:
            wire = self._wires[role, node] = _Wire(self._world, self._connection(role, node), str(node))
        return wire

    def _connection(self, role: str, node: NodeAddress) -> AbstractConnection:
        options: dict[str, Any] = {
            "client_name": f"unfailing-agent-{role}",
            **self._url.options,
            "socket_connect_timeout": CONNECT_S,
            "socket_timeout": None,
            "protocol": 2,
            "driver_info": None,
            "retry": Retry(NoBackoff(), 0),
        }
        if node.path:
            return UnixDomainSocketConnection(path=node.path, **options)
        kind = SSLConnection if self._url.tls else Connection
        return kind(host=node.host, port=node.port, **options)

    def _intake(self, chat_id: str) -> str:
        return self._keys.partition(self._keys.partition_of(chat_id)).intake

    def _replies(self, chat_id: str) -> str:
        return self._keys.partition(self._keys.partition_of(chat_id)).replies(chat_id)


def _tail(answer: Any) -> str | None:
    if isinstance(answer, ResponseError):
        return None
    return answer[0][0].decode() if answer else "0-0"


def _is_refusal(answer: Any) -> bool:
    """Whether it is more than a slot that is on its way to another server."""
    return isinstance(answer, ResponseError) and not isinstance(answer, MovedError | AskError | ClusterDownError)
