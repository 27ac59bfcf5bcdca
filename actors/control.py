"""Answers operators: over the control socket on this machine, and over the store from other nodes' machines.

One JSON object a line, a request and its answer. The socket works also while the store is away.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.breakers import Order, set_breaker
from actors.dead_letters import orders as dead_letters
from actors.drill import Drilled
from actors.ledger.asking import forget_chat
from actors.logs import actor_logger
from actors.partition.owner_notes import Forget
from actors.persistence.forgetting import forget_in_files
from actors.status import find_actor, node_status
from actors.store_errors import StoreError
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from supervision.world import ByteStream, Server, Task

LINE_BYTES_MAX: Final = 64 * 1024
READ_S: Final = 10.0
WRITE_S: Final = 10.0
POLL_S: Final = 1
AWAY_S: Final = 1.0
ANSWER_TTL_S: Final = 60
FORGET_S: Final = 10.0
ELSEWHERE: Final = "elsewhere"


def control_key(prefix: str, node_id: str) -> str:
    """List of requests for one node."""
    return f"{prefix}:control:{node_id}"


class Control(GeventActor):
    """Owns the socket and the task that listens to the store; the answers are made beside it, so it is never busy."""

    def __init__(self, node: Node) -> None:
        """Whose operators are answered."""
        super().__init__()
        self._node = node
        self._server: Server | None = None
        self._task: Task | None = None

    def on_start(self) -> None:
        """Listen on the socket, and to the store."""
        self._log = actor_logger(self)
        self._server = self._node.world.open_unix_server(str(self._node.paths.control_socket), self._serve)
        self._task = self._node.world.spawn(self._serve_store, name="control from other nodes")

    def on_stop(self) -> None:
        """Close both."""
        if self._server is not None:
            self._server.close()
        if self._task is not None:
            self._task.kill()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def _serve(self, stream: ByteStream) -> None:
        try:
            while line := stream.read_line(LINE_BYTES_MAX, READ_S):
                stream.write(self._answer(line) + b"\n", WRITE_S)
        except (OSError, ValueError, WaitTimeout):
            return

    def _serve_store(self) -> None:
        while True:
            try:
                self._serve_store_connected()
            except (StoreError, OSError):
                self._node.world.sleep(AWAY_S)

    def _serve_store_connected(self) -> None:
        key = control_key(self._node.settings.daemon.prefix, self._node.node_id)
        connection = self._node.endpoint.blocking(key, role="control")
        try:
            while True:
                answer = connection.call("BLPOP", key, POLL_S, block_s=POLL_S)
                if answer is None:
                    continue
                reply_key, _, line = answer[1].partition(b"\n")
                name = reply_key.decode()
                self._node.store.call(name, "RPUSH", name, self._answer(line))
                self._node.store.call(name, "EXPIRE", name, ANSWER_TTL_S)
        finally:
            connection.close()

    def _answer(self, line: bytes) -> bytes:
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
            answer = {"ok": True, **self._do(request)}
        except Exception as error:  # noqa: BLE001 - the operator reads it; the node goes on
            answer = {"ok": False, "error": str(error) or repr(error)}
        return msgspec.json.encode(answer)

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("do"):
            case "status":
                return {"status": node_status(self._node, os.getpid())}
            case "kill":
                return self._kill(str(request.get("path", "")), str(request.get("reason", "drill")))
            case "breaker":
                return self._breaker(str(request.get("name", "")), str(request.get("what", "")))
            case "forget":
                return self._forget(str(request.get("chat", "")))
            case "dlq":
                return dead_letters.obey(self._node, request)
            case other:
                raise ValueError(f"unknown request {other!r}")

    def _breaker(self, name: str, what: str) -> dict[str, Any]:
        keeper = self._node.whereis(f"breaker/{name}")
        of_server = next((one for one in self._node.downloads.values() if one.name == name), None)
        if keeper is None and of_server is not None:
            return {"breaker": set_breaker(of_server, what)}
        if keeper is None:
            raise ValueError(f"there is no breaker {name!r}; `breaker list` shows them")
        self._log.warning(
            "an operator sets a breaker", breaker=name, what=what, next="other nodes follow within a second"
        )
        return {"breaker": keeper.ask(Order(what), timeout=FORGET_S)}

    def _forget(self, chat_id: str) -> dict[str, Any]:
        partition = self._node.store.keys.partition_of(chat_id)
        owner = self._node.whereis(f"owner/{partition}")
        if owner is None:
            raise ValueError(f"{ELSEWHERE}: partition {partition} is another node's")
        version = owner.ask(Forget(chat_id), timeout=FORGET_S)
        if version is None:
            raise ValueError("a message of this chat is being worked on; try again when it is answered")
        if self._node.letters is not None:
            self._node.letters.store.remove_of_chat(chat_id)
        self._forget_bookings(chat_id)
        forget_in_files(self._node, chat_id, version)
        self._log.warning(
            "a session was forgotten", chat_id=chat_id, version=version, next="a tombstone with its version stays"
        )
        return {"forgotten": chat_id, "version": version}

    def _forget_bookings(self, chat_id: str) -> None:
        try:
            forget_chat(self._node, chat_id)
        except Exception as error:
            raise ValueError(f"the session is forgotten, and its bookings are not: {error}; try again") from error

    def _kill(self, path: str, reason: str) -> dict[str, Any]:
        root = self._node.whereis("root")
        ref = find_actor(root, path) if root is not None else None
        if ref is None:
            raise ValueError(f"there is no actor {path!r}; `status` shows the paths")
        self._log.warning("an operator crashes an actor", actor=path, reason=reason, next="its supervisor restarts it")
        ref.crash(Drilled(reason))
        return {"killed": path}


def supervised(node: Node) -> ChildSpec:
    """The node's ear for operators."""
    return ChildSpec(id="control", start=partial(Control.start, node))
