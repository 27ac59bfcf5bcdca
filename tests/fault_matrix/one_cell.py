"""One cell of the matrix: a node under load, one part of it broken for a while, and what came of every message."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cells import CELLS, Cell
from daemon_under_test import ask_control, wait_for
from ledger import Ledger
from listener import Listener
from load import Load
from messages_to_send import Conversation, real_documents
from outside import Outside
from rig import PARTITIONS, Rig
from verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path

CHATS = 60
BREAK_AT_SHARE = 0.25
GRACE_S = 20.0


@dataclass
class Result:
    """Counts of one cell, and every broken promise."""

    part: str
    fault: str
    seconds: float
    window_s: float
    messages: int = 0
    finals: int = 0
    statics: int = 0
    follow_ups: int = 0
    slowest_s: float = 0.0
    drained_s: float = 0.0
    outside: dict[str, int] = field(default_factory=dict)
    node_exits: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For a line of the report."""
        return {name: value for name, value in vars(self).items() if name != "stories"}


def run_cell(folder: Path, part: str, fault: str, *, seconds: float, rate: float, seed: int, drain_s: float) -> Result:
    """Load for so many seconds, the fault from a quarter of it on, and then until everything is done."""
    cell = CELLS[part, fault]
    assert isinstance(cell, Cell)
    window_s = min(cell.window_s, seconds / 3)
    result = Result(part, fault, seconds, window_s)
    with Rig(folder, ledger=cell.ledger, seed=seed) as rig:
        run = _Run(rig, seed, rate)
        try:
            run.begin()
            time.sleep(seconds * BREAK_AT_SHARE)
            broke_s = time.time()
            cell.begin(rig)
            time.sleep(window_s)
            cell.end(rig)
            time.sleep(max(0.0, seconds - (time.time() - run.began_s)))
            run.drain(drain_s)
            run.judge(result, broke_s, time.time())
        finally:
            run.end()
        result.node_exits = rig.node.unplanned_exits
    return result


class _Run:
    def __init__(self, rig: Rig, seed: int, rate: float) -> None:
        self.rig = rig
        self.ledger = Ledger()
        _, documents = real_documents()
        self._conversation = Conversation(seed, CHATS, documents)
        self._load = Load(rig.store_dir, rig.keys, self._conversation, self.ledger, rate)
        self._listener = Listener(rig.store_dir, rig.keys, self._conversation.chats, self.ledger)
        self._outside = Outside(rig, self._conversation.chats)
        self.began_s = 0.0
        self._drained_s = 0.0
        self._left: list[str] = []

    def begin(self) -> None:
        """Start the node, and once it is up, everybody."""
        self.rig.node.start()
        wait_for(self._is_up, "the node to be up", 60.0, 0.05)
        self._listener.start()
        self._load.start()
        self.began_s = time.time()

    def _is_up(self) -> bool:
        with suppress(OSError, KeyError, ValueError):
            status = ask_control(self.rig.data_dir, {"do": "status"})["status"]
            return len(status["partitions"]) == PARTITIONS
        return False

    def drain(self, timeout_s: float) -> None:
        """Until every message is answered, and nothing waits to happen outside; at most so long."""
        began_s = time.monotonic()
        if not self._load.end(timeout_s):
            self._left.append("messages could not be taken in")
        while (left := self._left_to_do()) and time.monotonic() < began_s + timeout_s:
            time.sleep(0.2)
        if left:
            self._left.append(f"{left} after {timeout_s:g} s")
        self._drained_s = time.monotonic() - began_s
        time.sleep(1.0)

    def _left_to_do(self) -> str:
        self._listener.look()
        open_count, waiting = len(self.ledger.open()) + len(self.ledger.owed()), self._outside.waiting()
        return f"{open_count} messages open or owed, {waiting} effects waiting" if open_count or waiting else ""

    def judge(self, result: Result, broke_s: float, ended_s: float) -> None:
        """Fill in the counts and what was broken."""
        verdict = Verdict(self.rig.store_dir, self.rig.keys, self._conversation.chats, self.ledger, [])
        hard_s = 30.0 + (ended_s - broke_s if result.part == "redis" else result.window_s)
        found = [f"{what} {key or ''}" for what, key in verdict.check(hard_s, GRACE_S)]
        result.violations = [*self._left, *found, *self._outside.violations(self.ledger)]
        result.stories = verdict.stories()
        result.messages, result.finals = len(self.ledger.messages), len(self.ledger.finals)
        result.statics, result.follow_ups = len(self.ledger.statics), len(self.ledger.follow_ups)
        result.slowest_s = max(
            (heard.at_s - (self.ledger.messages[key].accepted_s or heard.at_s)
             for key, heard in self.ledger.finals.items() if key in self.ledger.messages), default=0.0,
        )  # fmt: skip
        result.drained_s = self._drained_s
        result.outside = self._outside.counts()

    def end(self) -> None:
        """Stop listening; the rig ends the rest."""
        self._listener.stop()
