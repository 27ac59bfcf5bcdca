"""Every part and every way in which it can break: how that is done, or why it cannot be.

A break lasts for a window under load; `begin` and `end` are its two sides.
"""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rig import Rig

FAULTS: Final = ("killed", "hung", "slow", "disk full", "corrupted")
# A part that is stopped for most of the time is a slow one.
STOPPED_S, RUNNING_S = 0.08, 0.04
DAMAGE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault of one part. ledger: which kind the fault needs. window_s: how long it lasts at most."""

    begin: Callable[[Rig], None]
    end: Callable[[Rig], None]
    ledger: str = "sqlite"
    window_s: float = 20.0


class _Throttle:
    """Stops and continues something until it is let be."""

    def __init__(self, stop: Callable[[], None], go_on: Callable[[], None]) -> None:
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(stop, go_on), daemon=True)
        self._thread.start()

    def _run(self, stop: Callable[[], None], go_on: Callable[[], None]) -> None:
        while not self._ending.is_set():
            with suppress(OSError, AssertionError):
                stop()
                self._ending.wait(STOPPED_S)
            with suppress(OSError, AssertionError):
                go_on()
            self._ending.wait(RUNNING_S)

    def end(self) -> None:
        """Let it be."""
        self._ending.set()
        self._thread.join(10.0)


_throttles: dict[int, _Throttle] = {}


def _throttled(stop: Callable[[Rig], None], go_on: Callable[[Rig], None], **more: float) -> Cell:
    def begin(rig: Rig) -> None:
        _throttles[id(rig)] = _Throttle(lambda: stop(rig), lambda: go_on(rig))

    def end(rig: Rig) -> None:
        _throttles.pop(id(rig)).end()

    return Cell(begin, end, window_s=more.get("window_s", 20.0))


def _nothing(_rig: Rig) -> None:
    """What was broken comes back by itself."""


def damage(path: Path, rig: Rig) -> None:
    """Overwrite some of a file, in the middle and at its end, with noise."""
    size_bytes = path.stat().st_size
    with path.open("r+b") as file:
        for at in (size_bytes // 3, size_bytes // 2, max(0, size_bytes - DAMAGE_BYTES)):
            file.seek(at)
            file.write(rig.chance.randbytes(min(DAMAGE_BYTES, max(1, size_bytes - at))))


def _free_the_store(rig: Rig) -> None:
    """A server that syncs always ends when it cannot write: its service manager starts it again."""
    rig.store_disk.free()
    rig.start_store_again()


def _lose_the_store(rig: Rig) -> None:
    """Its last increment is torn in the middle: what was acknowledged after that is gone."""
    rig.store.kill()
    newest = rig.store_files()[-1]
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size * 2 // 3)


def _damage_ledger(rig: Rig) -> None:
    damage(rig.ledger_file, rig)
    for beside in ("-wal", "-shm"):
        rig.ledger_file.with_name(rig.ledger_file.name + beside).unlink(missing_ok=True)


def _damage_files(rig: Rig) -> None:
    for path in rig.files_of_the_node("**/*.sqlite3*"):
        damage(path, rig)
    rig.node.kill()


def _proxied(which: str, order: str, *, ledger: str = "sqlite", window_s: float = 20.0) -> Cell:
    return Cell(
        lambda rig: getattr(rig, which).order(order),
        lambda rig: getattr(rig, which).order("pass"),
        ledger=ledger,
        window_s=window_s,
    )


def _on_disk(which: str, *, frozen: bool = False, window_s: float = 20.0) -> Cell:
    if frozen:
        return Cell(lambda rig: getattr(rig, which).freeze(), lambda rig: getattr(rig, which).thaw(), window_s=window_s)
    return Cell(lambda rig: getattr(rig, which).fill(), lambda rig: getattr(rig, which).free(), window_s=window_s)


CELLS: Final[dict[tuple[str, str], Cell | str]] = {
    ("process", "killed"): Cell(lambda rig: rig.node.kill() and None, _nothing),
    ("process", "hung"): Cell(
        lambda rig: rig.signal_node(signal.SIGSTOP), lambda rig: rig.signal_node(signal.SIGCONT), window_s=12.0
    ),
    ("process", "slow"): _throttled(
        lambda rig: rig.signal_node(signal.SIGSTOP), lambda rig: rig.signal_node(signal.SIGCONT)
    ),
    ("process", "disk full"): "the process writes only through the store, the ledger and the file layer: see there",
    ("process", "corrupted"): "memory cannot be damaged from outside; actors crash by drills in tests/chaos instead",
    ("redis", "killed"): Cell(lambda rig: rig.store.kill(), lambda rig: rig.store.start() and None),
    ("redis", "hung"): Cell(lambda rig: rig.hang_store(), lambda rig: rig.wake_store(), window_s=12.0),
    ("redis", "slow"): _proxied("store_proxy", "slow 0.05"),
    ("redis", "disk full"): Cell(lambda rig: rig.store_disk.fill(), _free_the_store, window_s=12.0),
    ("redis", "corrupted"): Cell(_lose_the_store, lambda rig: rig.store.start() and None, window_s=3.0),
    ("ledger", "killed"): Cell(lambda rig: rig.postgres.kill(), lambda rig: rig.postgres.start(), ledger="postgres"),
    ("ledger", "hung"): _proxied("ledger_proxy", "hang", ledger="postgres"),
    ("ledger", "slow"): _proxied("ledger_proxy", "slow 0.1", ledger="postgres"),
    ("ledger", "disk full"): _on_disk("ledger_disk"),
    ("ledger", "corrupted"): Cell(_damage_ledger, _nothing),
    ("files", "killed"): "the file layer is a thread of the process: see process, killed",
    ("files", "hung"): _on_disk("node_disk", frozen=True, window_s=10.0),
    ("files", "slow"): _throttled(lambda rig: rig.node_disk.freeze(), lambda rig: rig.node_disk.thaw(), window_s=15.0),
    ("files", "disk full"): _on_disk("node_disk"),
    ("files", "corrupted"): Cell(_damage_files, _nothing),
    ("webhook", "killed"): Cell(lambda rig: rig.receiver.kill(), lambda rig: rig.receiver.start()),
    ("webhook", "hung"): _proxied("receiver_proxy", "hang"),
    ("webhook", "slow"): _proxied("receiver_proxy", "slow 1"),
    ("webhook", "disk full"): Cell(lambda rig: rig.receiver.answer(507), lambda rig: rig.receiver.answer(200)),
    ("webhook", "corrupted"): _proxied("receiver_proxy", "garbage"),
    ("models", "killed"): _proxied("model_proxy", "refuse"),
    ("models", "hung"): _proxied("model_proxy", "hang"),
    ("models", "slow"): _proxied("model_proxy", "slow 2"),
    ("models", "disk full"): "a model server has no disk that the agent could notice: it shows as a 5xx (tests/models)",
    ("models", "corrupted"): _proxied("model_proxy", "garbage"),
}
