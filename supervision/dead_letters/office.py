"""What people do with dead letters: replay, discard, export, import, and clearing out. Blocking, item by item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from messages.codec import decode, encode
from messages.errors import CodecError
from supervision.dead_letters import machine
from supervision.dead_letters.desk import PAGE, Desk
from supervision.dead_letters.records import DeadItem, ItemFilter, ReplayReport
from supervision.dead_letters.sqlite_rows import opened, sealed
from supervision.keeping.archive_file import ArchiveFacts, ArchiveReader, write_archive
from supervision.keeping.findings import ArchivedRecord
from supervision.keeping.sealed import Damaged


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import came to. known: items that were here already."""

    imported: int
    known: int
    problems: tuple[str, ...]


class Office:
    """A desk's items, by hand. archive: the folder for what has become too old; write: how a file is written there."""

    def __init__(
        self, desk: Desk, archive: Path, write: Callable[[Path, Iterable[bytes]], ArchiveFacts] = write_archive
    ) -> None:
        self._desk = desk
        self._archive = archive
        self._write = write

    def replay(
        self,
        target: str | ItemFilter,
        payload: Any,
        *,
        is_dry_run: bool,
        by: str,
        progress: Callable[[int], object] | None,
    ) -> ReplayReport:
        """See DeadLetterQueue.replay."""
        if payload is not None and isinstance(target, ItemFilter):
            raise ValueError("one payload does not fit many items")
        begun_s, done, skipped = self._desk.world.wall(), list[str](), 0
        for item in self._chosen(target):
            due_at_s = begun_s + len(done) / self._desk.limits.replays_per_s
            if not machine.may_replay(item):
                skipped += 1
            elif is_dry_run or self.replay_one(item.item_id, payload, due_at_s, by):
                done.append(item.item_id)
                if progress is not None and len(done) % PAGE == 0:
                    progress(len(done))
            else:
                skipped += 1
        if progress is not None:
            progress(len(done))
        if done and not is_dry_run:
            self._desk.tell("dead_letters_replayed", "info", "they are tried again", by=by, items=len(done))
            self._desk.ring()
        return ReplayReport(tuple(done), skipped, is_dry_run, len(done) / self._desk.limits.replays_per_s)

    def replay_one(self, item_id: str, payload: Any, due_at_s: float, by: str) -> bool:
        """A new round of one item, due at that time; whether that was possible. payload: None for the one it has."""
        now_s = self._desk.world.wall()

        def change(item: DeadItem) -> DeadItem | None:
            return machine.replayed(item, payload, due_at_s, now_s, by) if machine.may_replay(item) else None

        return self._desk.ask(lambda: self._desk.store.change(item_id, change))

    def discard(self, item_id: str, reason: str, by: str) -> bool:
        """See DeadLetterQueue.discard."""
        now_s = self._desk.world.wall()

        def change(item: DeadItem) -> DeadItem | None:
            return machine.discarded(item, reason, now_s, by) if machine.may_replay(item) else None

        is_done = self._desk.ask(lambda: self._desk.store.change(item_id, change))
        if is_done:
            self._desk.tell("dead_letter_discarded", "info", "nothing", item=item_id, reason=reason, by=by)
        return is_done

    def export(self, path: Path, chosen: ItemFilter) -> ArchiveFacts:
        """Write items with their payloads into a file, and read it back."""
        return self._write(path, (_archived(item) for item in self._all(chosen)))

    def import_from(self, path: Path) -> ImportReport:
        """Take in the items of an export; those that are known stay as they are."""
        reader = ArchiveReader(path)
        problems: list[str] = []
        imported = known = 0
        for payload in reader:
            try:
                kept = decode(payload)
                item = machine.imported(opened(kept.key, kept.raw), self._desk.world.wall())
            except (CodecError, Damaged, AttributeError) as error:
                problems.append(repr(error))
                continue
            if self._desk.get(item.item_id) is not None:
                known += 1
                continue
            answer = self._desk.ask(lambda item=item: self._desk.insert_many([item]))[0]  # type: ignore[misc]
            if isinstance(answer, Exception):
                raise answer
            imported += 1
        self._desk.ring()
        return ImportReport(imported, known, (*reader.problems, *problems))

    def sweep(self) -> int:
        """Remove what has been done for long; archive what is too old, with an alarm. Says how many went."""
        now_s, gone = self._desk.world.wall(), 0
        while count := self._desk.ask(
            lambda: self._desk.store.remove_finished(now_s - self._desk.limits.finished_kept_s, PAGE)
        ):
            gone += count
        old = [
            item for item in self._all(ItemFilter(older_than_s=self._desk.limits.age_s_max)) if machine.may_replay(item)
        ]
        if old:
            path = self._archive / f"dead-letters-{int(now_s * 1000)}.ufa"
            self._write(path, map(_archived, old))
            self._desk.tell(
                "dead_letters_too_old", "error", "they can be imported again", items=len(old), file=path.name
            )
            gone += self._desk.ask(lambda: self._desk.store.remove([item.item_id for item in old]))
        return gone

    def _all(self, chosen: ItemFilter) -> Iterator[DeadItem]:
        now_s, after = self._desk.world.wall(), ""
        while page := self._desk.ask(lambda after=after: self._desk.store.page(chosen, after, PAGE, now_s)):  # type: ignore[misc]
            yield from page
            after = page[-1].item_id

    def _chosen(self, target: str | ItemFilter) -> Iterator[DeadItem]:
        if isinstance(target, ItemFilter):
            yield from self._all(target)
        elif (item := self._desk.get(target)) is not None:
            yield item


def _archived(item: DeadItem) -> bytes:
    return encode(ArchivedRecord(item.item_id, sealed(item)))
