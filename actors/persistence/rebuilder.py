"""The actor that lets nothing be handed out before it is known that the store is what it was, and rebuilds it if not.

A store that came back empty, or set back to an older state: its generation is raised, which voids every lease; each
node offers its file; the newest of each chat wins; and when all have offered, partitions are taken again. A node that
is missing needs an operator's word.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from actors.embedded_server import forget_repair
from actors.leases.keeper import Renounce
from actors.logs import actor_logger
from actors.node_directory import write_durably
from actors.partition.keys import generation_key, rebuild_key
from actors.partition.store import SCRIPTS, fields_of
from actors.persistence.catching_up import ANSWER_S, ask_all, effect_id_of
from actors.persistence.file_layer import BROKEN, FIND_S
from actors.persistence.offering import Offering
from actors.persistence.verdict import StoreView, Verdict, judge, missing_words
from actors.store_errors import StoreError
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node

GENERATION_FILE: Final = "generation"
NODES_FILE: Final = "nodes.json"
LOOK_CLOSED_S: Final = 0.05
LOOK_S: Final = 1.0
NEWEST: Final = 256
RENOUNCE_S: Final = 20.0
SAY_MISSING_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """Look whether the store is what it was. again: and once more after a while."""

    again: bool = False


class Rebuilder(GeventActor):
    """Opens and closes the node."""

    def __init__(self, node: Node) -> None:
        """The node is closed until the first look says otherwise."""
        super().__init__()
        self._node = node
        self._offered = 0
        self._said_missing_s = 0.0
        self._why = ""

    def on_start(self) -> None:
        """Look at once."""
        self._log = actor_logger(self)
        self._node.names["rebuilder"] = self.actor_ref
        self.actor_ref.tell(Look(again=True))

    def on_receive(self, message: Any) -> Any:
        """One look."""
        if not isinstance(message, Look):
            return super().on_receive(message)
        try:
            if self._node.access is not None:
                self._look()
        except (StoreError, *BROKEN) as error:
            self._log.debug("the store cannot be judged yet", reason=str(error))
        finally:
            if message.again:
                self.send_after(LOOK_S if self._node.is_open else LOOK_CLOSED_S, message)
        return None

    def _look(self) -> None:
        view, noted = self._view(), self._noted()
        newest = [] if self._node.is_open or view.generation is None else self._newest()
        if newest:
            view = replace(view, heads=self._heads([chat for chat, _ in newest]))
        verdict, why = judge(view, noted, newest, repaired=self._node.store_repaired)
        match verdict:
            case Verdict.REBUILD:
                self._rebuild(view, noted or 0, why)
            case Verdict.ADOPT:
                self._adopt(self._settled_generation(view))
            case Verdict.HOLD:
                self._adopt(view.generation or 1)
                self._note_nodes()
        if verdict is Verdict.REBUILD:
            return
        if self._node.is_open:
            self._node.left_open.clear()
            return
        if view.rebuilt == self._node.generation:
            # Whoever ended the rebuild may have died before it opened all partitions.
            self._gate("open", view.rebuilt)
        self._open()

    def _view(self) -> StoreView:
        prefix = self._node.settings.daemon.prefix
        key, rebuild = generation_key(prefix), rebuild_key(prefix)
        generation = self._node.store.call(key, "GET", key)
        state, rebuilt = self._node.store.call(rebuild, "HMGET", rebuild, "s", "g")
        return StoreView(
            int(generation) if generation is not None else None,
            rebuilding=state == b"offering", rebuilt=int(rebuilt or 0),
        )  # fmt: skip

    def _newest(self) -> list[Any]:
        layer = self._node.files
        try:
            return layer.call(layer.files.newest, NEWEST, timeout_s=FIND_S)
        except BROKEN as error:
            self._log.warning(
                "the file layer cannot tell whether the store was set back", reason=repr(error), next="it is believed"
            )
            return []

    def _heads(self, chats: list[str]) -> dict[str, int]:
        keys = self._node.store.keys
        names = [keys.partition(keys.partition_of(chat)).head(chat) for chat in chats]
        versions = ask_all(self._node, [("HGET", name, "v") for name in names])
        return {
            chat: int(version) if version is not None and version.isdigit() else 0
            for chat, version in zip(chats, versions, strict=True)
        }

    def _settled_generation(self, view: StoreView) -> int:
        """The store's generation; of a new store the first."""
        key = generation_key(self._node.settings.daemon.prefix)
        if view.generation is None:
            self._node.store.call(key, "SET", key, 1, "NX")
        return int(self._node.store.call(key, "GET", key))

    def _adopt(self, generation: int) -> None:
        """Be of this generation from here on; what was fenced with another one is void."""
        access = self._node.access
        if access is None:
            return
        if self._noted() != generation:
            write_durably(self._node.paths.root / GENERATION_FILE, str(generation).encode())
        if access.generation == generation:
            return
        self._node.access = replace(access, generation=generation)
        if access.generation and (self._node.leases or self._node.sessions):
            self._renounce()

    def _renounce(self) -> None:
        """Every lease is void, and what sessions remember may be another history than the store's."""
        keeper = self._node.whereis("leases")
        if keeper is not None:
            keeper.ask(Renounce(), timeout=RENOUNCE_S)
        for living in list(self._node.sessions.values()):
            living.ref.fence()
        self._node.sessions.clear()

    def _rebuild(self, view: StoreView, noted: int, why: str) -> None:
        self._node.is_open = False
        rebuild = rebuild_key(self._node.settings.daemon.prefix)
        before = view.generation or 0
        answer = self._node.store.call_script(
            SCRIPTS["rebuild_join"], (rebuild,), (max(noted, before) + (not view.rebuilding), before, *self._nodes()),
        )  # fmt: skip
        generation, before = int(answer[0]), int(answer[1])
        if generation != self._offered:
            self._log.error(
                "the store has lost something", why=why, generation=generation,
                next="every node offers its file; partitions open when all have",
            )  # fmt: skip
            if not self._offer(generation, before):
                return
        self._finish(generation)

    def _offer(self, generation: int, before: int) -> bool:
        """Close the partitions, and offer this node's file; False when another rebuild has begun meanwhile."""
        self._renounce()
        self._gate("close", generation)
        key = generation_key(self._node.settings.daemon.prefix)
        self._node.store.call(key, "SET", key, generation)
        self._adopt(generation)
        self._note_standing_effects(generation)
        offering = Offering(self._node, generation, before)
        if not offering.run():
            return False
        self._offered, self._node.store_repaired = generation, False
        self._log.warning(
            "this node's file was offered to the store", generation=generation, chats=offering.chats,
            newer_than_the_stores=offering.newer, refused=offering.refused, next="waits for the other nodes, if any",
        )  # fmt: skip
        return True

    def _finish(self, generation: int) -> None:
        rebuild = rebuild_key(self._node.settings.daemon.prefix)
        state, *missing = self._node.store.call_script(
            SCRIPTS["rebuild_mark"], (rebuild,), (generation, self._node.node_id, "offered")
        )
        if state == b"done":
            self._gate("open", generation)
            self._node.files.fall_behind()
            self._log.warning("the store is rebuilt", generation=generation, next="partitions are taken again")
            self._open()
        elif state == b"offering" and self._node.world.now() >= self._said_missing_s:
            names = [name.decode(errors="replace") for name in missing]
            self._said_missing_s = self._node.world.now() + SAY_MISSING_S
            self._log.error("nodes have not offered their files to the store", missing=names, next=missing_words(names))

    def _gate(self, what: str, generation: int) -> None:
        keys = self._node.store.keys
        waiters = []
        for number in range(keys.partitions):
            waiter = self._node.world.waiter()
            lease = keys.partition(number).lease
            self._node.store.submit_script(SCRIPTS["rebuild_gate"], (lease,), (what, generation), waiter.wake)
            waiters.append(waiter)
        for waiter in waiters:
            answer = waiter.wait(ANSWER_S)
            if isinstance(answer, StoreError):
                raise answer

    def _note_standing_effects(self, generation: int) -> None:
        """Effects that the store still has are not put into its outbox again."""
        keys = self._node.store.keys
        for number in range(keys.partitions):
            names = keys.partition(number)
            entries = self._node.store.call(names.outbox, "XRANGE", names.outbox, "-", "+")
            ids = [effect_id_of(effect) for _, flat in entries if (effect := fields_of(flat).get(b"e")) is not None]
            for effect_id in ids:
                self._node.store.call(names.rebuilt, "HSETNX", names.rebuilt, effect_id, generation)

    def _open(self) -> None:
        """Hand out again; what was open in memory and may be gone from the store is taken in once more, by its id."""
        left, self._node.left_open = self._node.left_open, []
        if self._offered:
            forget_repair(self._node.paths)
        for message, message_id, digest in left if self._offered else ():
            self._node.store.submit_take_in(
                structs.replace(message, message_id=message_id), message_id, digest, lambda _answer: None
            )
        self._node.is_open = True

    def _noted(self) -> int | None:
        try:
            text = (self._node.paths.root / GENERATION_FILE).read_bytes().strip()
        except OSError:
            return None
        return int(text) if text.isdigit() else None

    def _nodes(self) -> list[str]:
        """Every node whose file may have what no other has: this one, and those it knew."""
        try:
            known = json.loads((self._node.paths.root / NODES_FILE).read_bytes())
        except (OSError, ValueError):
            known = []
        names = [name for name in known if isinstance(name, str)] if isinstance(known, list) else []
        return sorted({self._node.node_id, *names})

    def _note_nodes(self) -> None:
        """Know the nodes that share this store. One that has left is known until this one's file has everything."""
        nodes = self._node.store.keys.nodes
        present = {name.decode(errors="replace") for name in self._node.store.call(nodes, "HKEYS", nodes)}
        known = set(self._nodes())
        wanted = {self._node.node_id, *present, *(known if self._node.files.behind else ())}
        if wanted != known or not (self._node.paths.root / NODES_FILE).exists():
            write_durably(self._node.paths.root / NODES_FILE, json.dumps(sorted(wanted)).encode())


def supervised(node: Node) -> ChildSpec:
    """The node's rebuilder."""
    return ChildSpec(id="rebuilder", start=partial(Rebuilder.start, node))
