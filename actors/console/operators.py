"""Asks nodes: the one of this data directory over its socket, others over the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.console.client import NoDaemon, reach
from actors.control import ELSEWHERE, control_key
from actors.node_directory import node_paths
from actors.partition.keys import Keys, partitions_key
from actors.session.state import state_from
from actors.store_errors import StoreError
from messages.errors import CodecError, UnfailingError
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.settings import Settings
    from supervision.world import World

ANSWER_S: Final = 15.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024


class Refused(UnfailingError):  # noqa: N818 - what the operator is told
    """The node said no; the text is its own."""


def ask_local(settings: Settings, world: World, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the node of this data directory. Raises NoDaemon and Refused."""
    path = node_paths(settings.daemon.data_dir).control_socket
    try:
        stream = world.connect_unix(str(path), ANSWER_S)
    except (OSError, WaitTimeout):
        raise NoDaemon(f"no daemon runs on {settings.daemon.data_dir!r}: start one with `make run`.") from None
    try:
        stream.write(msgspec.json.encode(request) + b"\n", ANSWER_S)
        return _answered(stream.read_line(ANSWER_BYTES_MAX, ANSWER_S))
    except (OSError, WaitTimeout):
        raise NoDaemon("the daemon does not answer on its control socket.") from None
    finally:
        stream.close()


def ask_node(settings: Settings, world: World, node_id: str, request: dict[str, Any]) -> dict[str, Any]:
    """Ask any node over the store. Raises NoDaemon, Refused and StoreError."""
    prefix = settings.daemon.prefix
    reply_key = f"{prefix}:control:reply:{world.nonce()}"
    key = control_key(prefix, node_id)
    endpoint = reach(settings)
    sender, receiver = endpoint.blocking(key, role="operator"), endpoint.blocking(reply_key, role="operator")
    try:
        sender.call("RPUSH", key, reply_key.encode() + b"\n" + msgspec.json.encode(request))
        sender.call("EXPIRE", key, int(ANSWER_S))
        answer = receiver.call("BLPOP", reply_key, int(ANSWER_S), block_s=ANSWER_S)
    finally:
        sender.close()
        receiver.close()
    if answer is None:
        raise NoDaemon(f"node {node_id!r} does not answer.")
    return _answered(answer[1])


def _answered(line: bytes) -> dict[str, Any]:
    if not line:
        raise NoDaemon("the daemon hung up.")
    answer: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    if not answer.get("ok"):
        raise Refused(str(answer.get("error", "refused")))
    return answer


def forget(settings: Settings, world: World, chat_id: str) -> None:
    """Have the node that owns the chat forget it. Raises NoDaemon, Refused and StoreError."""
    request = {"do": "forget", "chat": chat_id}
    try:
        ask_local(settings, world, request)
    except (NoDaemon, Refused) as refused:
        if isinstance(refused, Refused) and not str(refused).startswith(ELSEWHERE):
            raise
        node = _owner_of(settings, chat_id)
        if node is None:
            raise
        ask_node(settings, world, node, request)


def _owner_of(settings: Settings, chat_id: str) -> str | None:
    """The node that holds the chat's partition."""
    endpoint = reach(settings)
    name = partitions_key(settings.daemon.prefix)
    connection = endpoint.blocking(name, role="operator")
    try:
        stored = connection.call("GET", name)
    finally:
        connection.close()
    if stored is None:
        return None
    keys = Keys(settings.daemon.prefix, int(stored))
    lease = keys.partition(keys.partition_of(chat_id)).lease
    connection = endpoint.blocking(lease, role="operator")
    try:
        node = connection.call("HGET", lease, "n")
    finally:
        connection.close()
    return node.decode(errors="replace") if node else None


def known_nodes(settings: Settings) -> list[str]:
    """The ids of the nodes that beat on this store; none when it cannot be reached."""
    try:
        endpoint = reach(settings)
        key = f"{settings.daemon.prefix}:nodes"
        connection = endpoint.blocking(key, role="operator")
        try:
            return sorted(name.decode(errors="replace") for name in connection.call("HKEYS", key))
        finally:
            connection.close()
    except (StoreError, NoDaemon):
        return []


def session_of(settings: Settings, chat_id: str) -> dict[str, Any] | None:
    """A session's state as it stands in the store; None when there is none. Raises NoDaemon and StoreError."""
    endpoint = reach(settings)
    connection = endpoint.blocking(partitions_key(settings.daemon.prefix), role="operator")
    try:
        stored = connection.call("GET", partitions_key(settings.daemon.prefix))
    finally:
        connection.close()
    if stored is None:
        return None
    keys = Keys(settings.daemon.prefix, int(stored))
    head = keys.partition(keys.partition_of(chat_id)).head(chat_id)
    connection = endpoint.blocking(head, role="operator")
    try:
        version, turn, snapshot = connection.call("HMGET", head, "v", "t", "s")
    finally:
        connection.close()
    if not snapshot and not int(turn or 0):
        # Never seen, or forgotten: then a tombstone with its version is all there is.
        return None
    shown: dict[str, Any] = {
        "chat_id": chat_id,
        "user_id": None,
        "turn": int(turn or 0),
        "version": int(version or 0),
        "updated_at": None,
    }
    if snapshot:
        try:
            shown.update(msgspec.to_builtins(state_from(snapshot)))
        except CodecError as error:
            shown["unreadable"] = error.detail
    return shown
