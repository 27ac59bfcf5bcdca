"""The actor that writes the file layer: commits as they come, what it lacks from the store, backups, what is old."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.logs import actor_logger
from actors.persistence.backups import backup, forget_in
from actors.persistence.catching_up import CatchUp, ask_all
from actors.persistence.file_layer import BROKEN, WRITE_S
from actors.persistence.retiring import retire_idle
from actors.store_errors import StoreError
from messages.protocol import iso_timestamp
from supervision.actor import GeventActor
from supervision.keeping.sealed import Position
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from pathlib import Path

    from actors.node import Node
    from supervision.world import Task

# Commits of so long a time share one sync of the disk; at four times as many a commit each costs half.
LINGER_S: Final = 0.2
RETRY_S, RETRY_S_MAX = 1.0, 30.0
LOOK_S: Final = 1.0
FORGOTTEN_S: Final = 60.0
HOUSE_S: Final = 600.0
# A week's records live for fourteen days in the store, and are no use for longer.
TURNS_KEPT_S: Final = 15 * 86_400.0
BACKUP_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A task has ended with an error."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Backup:
    """Make a backup now; the reply to this ask is its name."""


class FileKeeper(GeventActor):
    """Owns the tasks that write, catch up and look after the file. A disk that is away is no failure of this actor."""

    def __init__(self, node: Node) -> None:
        """The layer is the node's."""
        super().__init__()
        self._node = node
        self._layer = node.files
        self._tasks: list[Task] = []
        self._retry_s = RETRY_S
        self._house_at_s = 0.0
        self._backup_at_s = 0.0
        self._forgotten_at_s = 0.0

    def on_start(self) -> None:
        """Begin to write, and to look."""
        self._log = actor_logger(self)
        self._node.names["files"] = self.actor_ref
        now_s = self.world.now()
        self._house_at_s, self._backup_at_s = now_s + HOUSE_S, now_s + self._node.settings.files.backup_every_s
        self._tasks = [
            self.world.spawn(self._guarded, self._write_for_ever, name="file layer: writes"),
            self.world.spawn(self._guarded, self._look_for_ever, name="file layer: looks"),
        ]

    def on_stop(self) -> None:
        """Write what waits."""
        for task in self._tasks:
            task.kill()
        self._layer.close()

    def on_failure(self, *_: Any) -> None:
        """The tasks end; what waits is written by the next one."""
        for task in self._tasks:
            task.kill()

    def on_receive(self, message: Any) -> Any:
        """Make a backup, or crash with what a task died of."""
        match message:
            case Backup():
                return self._back_up()
            case Fault():
                raise message.error
            case _:
                return super().on_receive(message)

    def _guarded(self, function: Any) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001 - the actor crashes with it
            if self.actor_ref.is_alive():
                self.actor_ref.tell(Fault(error))

    def _write_for_ever(self) -> None:
        while True:
            if not self._layer.wait_for_work(LOOK_S):
                continue
            self.world.sleep(LINGER_S)
            try:
                self._layer.write_waiting()
            except BROKEN as error:
                self._trouble(error)
                self.world.sleep(self._retry_s)
                self._retry_s = min(2 * self._retry_s, RETRY_S_MAX)
            else:
                self._well()

    def _look_for_ever(self) -> None:
        while True:
            self.world.sleep(LOOK_S)
            if self._node.access is None or not self._node.is_open:
                continue
            try:
                self._look()
            except BROKEN as error:
                self._trouble(error)
            except StoreError as error:
                self._log.debug("the file layer waits for the store", reason=str(error))

    def _look(self) -> None:
        now_s = self.world.now()
        if now_s >= self._forgotten_at_s:
            self._forget_what_is_forgotten()
            self._forgotten_at_s = now_s + FORGOTTEN_S
        if self._layer.behind and self._node.leases:
            self._catch_up()
        if now_s >= self._house_at_s:
            before_s = self._node.world.wall() - TURNS_KEPT_S
            while self._layer.call(self._layer.files.prune, before_s, timeout_s=WRITE_S):
                self._node.world.sleep(LINGER_S)
            self._house_at_s = now_s + HOUSE_S
            self._retire()
        if now_s >= self._backup_at_s:
            self._backup_at_s = now_s + self._node.settings.files.backup_every_s
            self._back_up()

    def _catch_up(self) -> None:
        losses = self._layer.losses
        written = CatchUp(self._node, self._layer).run()
        # What was lost meanwhile needs another walk.
        self._layer.behind = self._layer.losses != losses
        self._well()
        if written:
            self._log.info("the file layer has caught up with the store", sessions=written)

    def _retire(self) -> None:
        """Archive and remove what is idle past the retention, page by page."""
        days = self._node.settings.files.retention_days
        before_s = self._node.world.wall() - days * 86_400.0
        retired = 0
        while days and (gone := retire_idle(self._node, before_s)):
            retired += gone
        if retired:
            self._log.info("idle sessions were archived and removed", sessions=retired, older_than_days=days)

    def _forget_what_is_forgotten(self) -> None:
        """Older copies of chats that were forgotten, here or by another node, go on sight."""
        keys, layer = self._node.store.keys, self._layer
        names = [keys.partition(number).forgotten for number in range(keys.partitions)]
        struck: list[str] = []
        for answer in ask_all(self._node, [("HGETALL", name) for name in names]):
            tombstones = _tombstones(answer)
            places = layer.call(layer.files.places, list(tombstones), timeout_s=WRITE_S) if tombstones else {}
            for chat, (position, _) in places.items():
                if position.version < tombstones[chat]:
                    layer.bury(chat, Position(self._node.generation, position.epoch, tombstones[chat]))
                    struck.append(chat)
        if struck:
            self._node.world.run_in_thread(forget_in, layer.folder, struck, pool="backups", timeout_s=BACKUP_S)
            self._log.info("older copies of forgotten chats were struck from files and backups", chats=len(struck))

    def _back_up(self) -> str:
        at_s = self._node.world.wall()
        stamp = f"{int(at_s * 1000):015}"
        folder = self._layer.folder / "backups"
        keep = self._node.settings.files.backups
        path: Path
        path, facts = self._node.world.run_in_thread(
            backup, self._layer.files.path, folder, stamp, keep, pool="backups", timeout_s=BACKUP_S
        )
        self._layer.health.backups, self._layer.health.backup_at = keep, iso_timestamp(at_s)
        self._log.info("a backup was written and read back", file=path.name, rows=facts.items, bytes=facts.size_bytes)
        return path.name

    def _trouble(self, error: BaseException) -> None:
        words = f"{type(error).__name__}: {error}"
        if self._layer.health.trouble != words:
            self._log.error(
                "the file layer cannot be written", reason=words,
                next="turns go on without it; it is tried again, and catches up from the store",
            )  # fmt: skip
        self._layer.health.trouble = words

    def _well(self) -> None:
        if self._layer.health.trouble:
            self._log.info("the file layer can be written again", next="it catches up from the store")
        self._layer.health.trouble, self._retry_s = "", RETRY_S


def _tombstones(answer: Any) -> dict[str, int]:
    if not answer:
        return {}
    pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    return {chat.decode(errors="replace"): int(version) for chat, version in pairs if version.isdigit()}


def supervised(node: Node) -> ChildSpec:
    """The node's keeper of files."""
    return ChildSpec(id="files", start=partial(FileKeeper.start, node), shutdown_s=30.0)
